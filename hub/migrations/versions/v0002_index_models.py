"""Models fitted to the index, one a linkage schema.

Revision: 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; the hub goes on with its shipped model until one is fitted and used."""
    op.create_table(
        "index_models",
        sa.Column("schema_digest", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("known", sa.Text(), nullable=False),
        sa.Column("fitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("in_use", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("schema_digest", name="pk_index_models"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("index_models")
