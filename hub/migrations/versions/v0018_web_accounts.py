"""Who works at the hub's pages: roster, accounts, links, failed tries, and the audit of sign-ins.

Revision: 0018.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
TABLES = ("web_sign_ins", "web_sign_in_tries", "web_account_links", "web_accounts", "staff_changes")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "staff_changes",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("staff", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_staff_changes"),
    )
    op.create_table(
        "web_accounts",
        sa.Column("staff", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("code_step", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("staff", name="pk_web_accounts"),
    )
    op.create_table(
        "web_account_links",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("staff", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires", TIME, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_web_account_links"),
        sa.UniqueConstraint("staff", name="uq_web_account_links_staff"),
    )
    op.create_table(
        "web_sign_in_tries",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_web_sign_in_tries"),
    )
    op.create_table(
        "web_sign_ins",
        sa.Column("number", ROW_ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("staff", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_web_sign_ins"),
    )


def downgrade() -> None:
    """Remove them."""
    for table in TABLES:
        op.drop_table(table)
