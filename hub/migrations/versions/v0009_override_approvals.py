"""Approvals of overrides, and those that the log has already.

Revision: 0009.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
GIVEN = "override:approval:given"


def upgrade() -> None:
    """Make the table, and fill it from the log: an approval that was given goes on to hold."""
    made = op.create_table(
        "override_approvals",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("override", sa.Text(), nullable=False),
        sa.Column("approver", sa.Text(), nullable=False),
        sa.Column("logged_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_override_approvals_agency"),
        sa.PrimaryKeyConstraint("agency", "override", "approver", name="pk_override_approvals"),
    )
    rows = _logged_approvals(op.get_bind())
    if rows:
        op.bulk_insert(made, rows)


def downgrade() -> None:
    """Remove it."""
    op.drop_table("override_approvals")


def _logged_approvals(connection: sa.Connection) -> list[dict[str, object]]:
    """The newest of each agency, override and approver; an entry whose texts are erased approves nothing."""
    entries = sa.table("log_entries", *map(sa.column, ("index", "agency", "action")), sa.column("at", TIME))
    own, who = (sa.table("log_parts", *map(sa.column, ("index", "name", "text"))).alias(n) for n in "ow")
    statement = (
        sa.select(entries.c.agency, entries.c.at, own.c.text, who.c.text)
        .join(own, sa.and_(own.c.index == entries.c.index, own.c.name == "own"))
        .join(who, sa.and_(who.c.index == entries.c.index, who.c.name == "who"))
        .where(entries.c.action == GIVEN)
        .order_by(entries.c.index)
    )
    found: dict[tuple[str, str, str], dict[str, object]] = {}
    for agency, at, own_text, who_text in connection.execute(statement):
        override, staff = json.loads(own_text).get("override"), json.loads(who_text).get("staff")
        if isinstance(override, str) and isinstance(staff, str):
            key = (agency, override, staff.casefold())
            names = ("agency", "override", "approver")
            found[key] = dict(zip(names, key, strict=True)) | {"logged_at": at}
    return list(found.values())
