"""What agencies decided of pairs, which pairs they were told of, and the cluster a record was in before.

Revision: 0013.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.models import RowId, UtcTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ENDS = ("one_agency", "one_handle", "other_agency", "other_handle")


def upgrade() -> None:
    """Make the tables, and the column."""
    op.create_table(
        "pair_decisions",
        sa.Column("number", RowId, nullable=False),
        sa.Column("pair", sa.Text(), nullable=False),
        *_ends(),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("staff", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("one_digest", sa.LargeBinary()),
        sa.Column("other_digest", sa.LargeBinary()),
        *_foreign_keys("pair_decisions", "one_agency", "other_agency", "agency"),
        sa.PrimaryKeyConstraint("number", name="pk_pair_decisions"),
    )
    op.create_index("ix_pair_decisions_pair", "pair_decisions", ["pair"])
    op.create_table(
        "pairs_told",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("pair", sa.Text(), nullable=False),
        *_ends(),
        sa.Column("at", UtcTime(), nullable=False),
        *_foreign_keys("pairs_told", "agency", "one_agency", "other_agency"),
        sa.PrimaryKeyConstraint("agency", "pair", name="pk_pairs_told"),
    )
    op.add_column("cluster_members", sa.Column("former", sa.BigInteger()))


def downgrade() -> None:
    """Remove them."""
    op.drop_column("cluster_members", "former")
    op.drop_table("pairs_told")
    op.drop_table("pair_decisions")


def _ends() -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in ENDS]


def _foreign_keys(table: str, *columns: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([name], ["agencies.agency"], name=f"fk_{table}_{name}") for name in columns
    ]
