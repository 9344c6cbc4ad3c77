"""What a look-up was charged beyond its cases, for the alarm about a budget nearly used.

Revision: 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; look-ups of before were charged their cases and no more."""
    op.add_column("review_facts", sa.Column("further", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("review_facts", "further")
