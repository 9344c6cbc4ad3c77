"""Emergencies, each bound to the question it was first used for.

Revision: 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "emergencies",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("emergency", sa.Text(), nullable=False),
        sa.Column("question", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_emergencies_agency"),
        sa.PrimaryKeyConstraint("agency", "emergency", name="pk_emergencies"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("emergencies")
