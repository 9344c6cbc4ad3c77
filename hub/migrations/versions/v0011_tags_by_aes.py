"""Tags are made otherwise (docs/adr/0019): those that are stored meet no question any more.

Revision: 0011. Every agency counts as not having shared until it has pushed again, and its node sends all.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Empty the index, as a new epoch does; consents, clusters and the log stay."""
    _empty_index()


def downgrade() -> None:
    """Empty it again: an older hub makes its tags in its own way."""
    _empty_index()


def _empty_index() -> None:
    for table in ("tags", "tokens", "records", "shared_areas", "link_arrays"):
        op.execute(f"DELETE FROM {table}")
    op.execute("UPDATE agencies SET as_of = NULL, shared_records = 0")
