"""What an approval of an override is for: purpose, kind of reason, and the promise of its words.

Revision: 0014.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
GIVEN = "override:approval:given"
SAID = ("purpose", "reason_category", "reason_commitment")
KEY = ("agency", "override", "approver")
TABLE = sa.table("override_approvals", *map(sa.column, (*KEY, *SAID)), sa.column("logged_at", TIME))


def upgrade() -> None:
    """Add the columns, and read what they say from the log: an approval that was given goes on to hold."""
    op.execute(sa.delete(TABLE))
    for name in SAID:
        op.add_column("override_approvals", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    rows = _logged_approvals(op.get_bind())
    if rows:
        op.bulk_insert(TABLE, rows)


def downgrade() -> None:
    """Remove them."""
    for name in SAID:
        op.drop_column("override_approvals", name)


def _logged_approvals(connection: sa.Connection) -> list[dict[str, object]]:
    """The newest of each agency, override and approver; an entry whose texts are erased approves nothing."""
    entries = sa.table(
        "log_entries", *map(sa.column, ("index", "agency", "action", "leaf")), sa.column("at", TIME)
    )
    own, who = (sa.table("log_parts", *map(sa.column, ("index", "name", "text"))).alias(n) for n in "ow")
    statement = (
        sa.select(entries.c.agency, entries.c.at, entries.c.leaf, own.c.text, who.c.text)
        .join(own, sa.and_(own.c.index == entries.c.index, own.c.name == "own"))
        .join(who, sa.and_(who.c.index == entries.c.index, who.c.name == "who"))
        .where(entries.c.action == GIVEN)
        .order_by(entries.c.index)
    )
    found: dict[tuple[object, ...], dict[str, object]] = {}
    for agency, at, *texts in connection.execute(statement):
        leaf, own_text, who_text = map(json.loads, texts)
        said = [
            who_text.get("staff"),
            own_text.get("override"),
            leaf.get("purpose"),
            *map(own_text.get, SAID[1:]),
        ]
        if all(isinstance(one, str) for one in said):
            staff, override, *about = said
            key = (agency, override, staff.casefold())
            found[key] = dict(zip((*KEY, *SAID), (*key, *about), strict=True)) | {"logged_at": at}
    return list(found.values())
