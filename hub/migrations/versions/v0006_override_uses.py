"""Overrides, each bound to the question it was first used for.

Revision: 0006.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "override_uses",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("override", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("question", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_override_uses_agency"),
        sa.PrimaryKeyConstraint("agency", "override", "epoch", name="pk_override_uses"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("override_uses")
