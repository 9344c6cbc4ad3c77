"""Refused look-ups and reported events of a day, counted.

Revision: 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "log_bound_use",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_log_bound_use_agency"),
        sa.PrimaryKeyConstraint("agency", "kind", "day", name="pk_log_bound_use"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("log_bound_use")
