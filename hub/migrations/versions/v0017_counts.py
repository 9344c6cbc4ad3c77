"""Ledgers of published counts, what analysts asked, and snapshots of cohorts.

Revision: 0017.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.models import RowId, UtcTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "count_ledgers",
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ledger", name="pk_count_ledgers"),
    )
    op.create_table(
        "count_questions",
        sa.Column("number", RowId, nullable=False),
        sa.Column("analyst", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("cohorts", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_count_questions"),
    )
    op.create_index("ix_count_questions_analyst", "count_questions", ["analyst", "at"])
    op.create_table(
        "cohort_rules",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_cohort_rules"),
    )
    op.create_table(
        "cohort_snapshots",
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("run", RowId, nullable=False),
        sa.Column("taken_by", sa.Text(), nullable=False),
        sa.Column("taken_at", UtcTime(), nullable=False),
        sa.Column("released_by", sa.Text()),
        sa.Column("released_at", UtcTime()),
        sa.ForeignKeyConstraint(["digest"], ["cohort_rules.digest"], name="fk_cohort_snapshots_digest"),
        sa.ForeignKeyConstraint(["run"], ["link_runs.run"], name="fk_cohort_snapshots_run"),
        sa.PrimaryKeyConstraint("snapshot", name="pk_cohort_snapshots"),
    )
    op.create_table(
        "cohort_members",
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("cluster", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot"],
            ["cohort_snapshots.snapshot"],
            name="fk_cohort_members_snapshot",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("snapshot", "cluster", name="pk_cohort_members"),
    )


def downgrade() -> None:
    """Remove them."""
    for table in ("cohort_members", "cohort_snapshots", "cohort_rules", "count_questions", "count_ledgers"):
        op.drop_table(table)
