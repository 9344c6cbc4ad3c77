"""Months of records, for agencies that share them.

Revision: 0016.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.models import RowId

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "record_months",
        sa.Column("record", RowId, autoincrement=False, nullable=False),
        sa.Column("opened", sa.Integer()),
        sa.Column("closed", sa.Integer()),
        sa.ForeignKeyConstraint(
            ["record"], ["records.record"], name="fk_record_months_record", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("record", name="pk_record_months"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("record_months")
