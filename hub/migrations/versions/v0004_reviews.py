"""Alarms and the review queue.

Revision: 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; what the log holds already is not scanned, for nobody could review it in time."""
    cursor = op.create_table(
        "review_cursor",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_review_cursor"),
    )
    size = sa.select(sa.literal(1), sa.table("log_head", sa.column("size")).c.size)
    op.execute(sa.insert(cursor).from_select(["id", "index"], size))
    _make_facts()
    op.create_table(
        "review_blocks",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("began", sa.DateTime(timezone=True), nullable=False),
        sa.Column("indices", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name="pk_review_blocks"),
    )
    _make_queue()


def _make_facts() -> None:
    op.create_table(
        "review_facts",
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("staff", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("untold", sa.Integer(), nullable=False),
        sa.Column("conference", sa.Boolean(), nullable=False),
        sa.Column("near", sa.Integer(), nullable=False),
        sa.Column("overrides", sa.Integer(), nullable=False),
        sa.Column("emergencies", sa.Integer(), nullable=False),
        sa.Column("repeats", sa.Boolean(), nullable=False),
        sa.Column("approvers", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("index", name="pk_review_facts"),
    )
    op.create_index("ix_review_facts_agency", "review_facts", ["agency", "day"])
    op.create_table(
        "review_touches",
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["index"], ["review_facts.index"], name="fk_review_touches_index", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("index", "holder", "record", name="pk_review_touches"),
    )
    op.create_index("ix_review_touches_record", "review_touches", ["record"])


def _make_queue() -> None:
    op.create_table(
        "review_items",
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("staff", sa.Text(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("raised", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("indices", sa.Text(), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.Column("involved", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("decided", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("item", name="pk_review_items"),
        sa.UniqueConstraint(
            "kind", "audience", "agency", "staff", "occasion", "number", name="uq_review_items_occasion"
        ),
    )
    op.create_index("ix_review_items_audience", "review_items", ["audience", "raised"])
    op.create_table(
        "review_decisions",
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["review_items.item"], name="fk_review_decisions_item"),
        sa.PrimaryKeyConstraint("item", "number", name="pk_review_decisions"),
    )
    op.create_table(
        "review_notes",
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("item", "number", name="pk_review_notes"),
    )


def downgrade() -> None:
    """Remove them."""
    for table in (
        "review_notes", "review_decisions", "review_items", "review_blocks", "review_touches",
        "review_facts", "review_cursor",
    ):  # fmt: skip
        op.drop_table(table)
