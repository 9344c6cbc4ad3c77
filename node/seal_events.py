"""What the log says of seals: that one was set or lifted, by whom, when and why in kind; never whose.

Written down with the seal, in one transaction, and reported at once or with the next exchange that reaches
the hub: a seal waits for nobody. The hub gets no handle and no number of rows, and of the reason a salted
promise, because beside the tokens that leave at that moment the kind of reason would say something about
somebody. Other agencies are not shown the entry at all (docs/protocol.md section 11).
"""

from __future__ import annotations

import secrets
from typing import Any

from node.commitments import commit_reason
from node.errors import HubRefusedError
from node.home import Node
from node.log_events import ID_BYTES, log_event
from node.store import Store
from node.times import format_time

SEAL_SET = "seal:person:set"
SEAL_LIFTED = "seal:person:lifted"
NOT_STATED = "not_stated"
CATEGORIES = ("protected_identity", "risk_of_harm", "court_order", "own_request", "correction", NOT_STATED)
_TABLE = "seal_event"


def note_seal(node: Node, action: str, *, category: str) -> None:
    """Write down that a seal is set or lifted, to be reported. Call it inside the transaction that does it.

    Args:
        node: The node; whoever acts is who did it.
        action: `SEAL_SET` or `SEAL_LIFTED`.
        category: The kind of reason, one of `CATEGORIES`; it stays here.
    """
    event, promised = secrets.token_hex(ID_BYTES), commit_reason(category)
    own = {
        "done_by": node.actor.staff,
        "done_at": format_time(node.clock()),
        "reason_commitment": promised.digest,
    }
    content = {"action": action, "own": own, "category": category, "salt": promised.salt.hex()}
    node.store.connection.execute(
        "INSERT INTO seal_event (event, content) VALUES (?, ?)",
        (event, node.store.vault.seal(content, table=_TABLE, handle=event)),
    )


def report_seals(node: Node) -> bool:
    """Report what the hub has not logged yet, oldest first; whether nothing waits any more.

    A refusal is no error here: what is reported has happened, and stops nothing else.

    Raises:
        HubUnreachableError: The hub gave no answer; what has not gone waits.
        IntegrityError: A receipt does not verify.
    """
    if not node.settings.is_enrolled:
        return count_unreported(node.store) == 0
    rows = node.store.connection.execute("SELECT event FROM seal_event WHERE NOT sent ORDER BY rowid")
    try:
        for (event,) in rows.fetchall():
            noted = _noted(node.store, event)
            log_event(node, noted["action"], own=noted["own"], event=event)
            node.store.connection.execute("UPDATE seal_event SET sent = 1 WHERE event = ?", (event,))
    except HubRefusedError:
        return False
    return True


def count_unreported(store: Store) -> int:
    """How many seals set or lifted the log does not have yet."""
    row = store.connection.execute("SELECT count(*) FROM seal_event WHERE NOT sent").fetchone()
    return int(row[0])


def category_of(store: Store, event: str) -> str | None:
    """The kind of reason of a seal reported under an event id; None where this node has none of this id."""
    found = store.connection.execute("SELECT 1 FROM seal_event WHERE event = ?", (event,)).fetchone()
    return None if found is None else str(_noted(store, event)["category"])


def _noted(store: Store, event: str) -> dict[str, Any]:
    row = store.connection.execute("SELECT content FROM seal_event WHERE event = ?", (event,)).fetchone()
    return store.vault.open(row["content"], table=_TABLE, handle=event)
