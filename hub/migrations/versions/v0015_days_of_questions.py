"""The day on which an override or emergency was last used, so that its digest goes when the log's texts do.

Revision: 0015.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = ("emergencies", "override_uses")


def upgrade() -> None:
    """Add the columns; what was used before counts as used today."""
    today = datetime.now(UTC).date().isoformat()
    for table in TABLES:
        op.add_column(table, sa.Column("day", sa.Text(), nullable=False, server_default=today))


def downgrade() -> None:
    """Remove them."""
    for table in TABLES:
        op.drop_column(table, "day")
