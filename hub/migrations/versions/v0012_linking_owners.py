"""Whose a linking run is, and publishings counted apart from removals.

Revision: 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; a run that is under way belongs to nobody, and whoever comes next takes it over."""
    op.add_column("link_runs", sa.Column("owner", sa.Text()))
    op.add_column(
        "link_state", sa.Column("published", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_column("link_state", "published")
    op.drop_column("link_runs", "owner")
