"""Linking runs, what increments begin from, and clusters with ids that survive.

Revision: 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.models import RowId, UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "link_runs",
        sa.Column("run", RowId, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("schema_digest", sa.Text(), nullable=False),
        sa.Column("model_digest", sa.Text(), nullable=False),
        sa.Column("fitted_digest", sa.Text()),
        sa.Column("index_digest", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text()),
        sa.Column("started", UtcTime(), nullable=False),
        sa.Column("completed", UtcTime()),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("pairs", sa.BigInteger()),
        sa.Column("links", sa.BigInteger()),
        sa.Column("clusters", sa.BigInteger()),
        sa.Column("conflicts", sa.BigInteger()),
        sa.PrimaryKeyConstraint("run", name="pk_link_runs"),
    )
    op.create_index("ix_link_runs_state", "link_runs", ["state"])
    op.create_table(
        "link_arrays",
        sa.Column("run", RowId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["link_runs.run"], name="fk_link_arrays_run"),
        sa.PrimaryKeyConstraint("run", "name", name="pk_link_arrays"),
    )
    state = op.create_table(
        "link_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run", RowId),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("next_cluster", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["link_runs.run"], name="fk_link_state_run"),
        sa.PrimaryKeyConstraint("id", name="pk_link_state"),
    )
    op.bulk_insert(state, [{"id": 1, "run": None, "version": 0, "next_cluster": 1, "seen": ""}])
    op.create_table(
        "cluster_members",
        sa.Column("run", RowId, nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("cluster", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["link_runs.run"], name="fk_cluster_members_run"),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_cluster_members_agency"),
        sa.PrimaryKeyConstraint("run", "agency", "handle", name="pk_cluster_members"),
    )
    op.create_index("ix_cluster_members_cluster", "cluster_members", ["run", "cluster"])


def downgrade() -> None:
    """Remove them."""
    for table in ("cluster_members", "link_state", "link_arrays", "link_runs"):
        op.drop_table(table)
