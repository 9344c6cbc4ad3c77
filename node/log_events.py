"""What happens at this node and belongs into the log all the same: exports, reports, comparisons, overrides.

The event is logged before its result is shown, and its receipt is verified and kept like a look-up's
(docs/protocol.md section 11, events of the node).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from node.errors import IntegrityError
from node.home import Node
from node.receipts import Receipt, keep_event, keep_receipt, open_receipt
from node.witnessing import log_key_of

EXPORT_MADE = "log:export:made"
REPORT_MADE = "log:subject_access:made"
NAMES_APPROVED = "log:subject_access:approved"
RECONCILED = "log:entries:reconciled"
ID_BYTES = 16

Value = int | bool | str | None
Values = Sequence[int] | Sequence[str]
Own = Mapping[str, Value | Values]


def log_event(
    node: Node,
    action: str,
    *,
    facts: Mapping[str, Value] | None = None,
    own: Own | None = None,
    event: str | None = None,
) -> Receipt:
    """Log something that this node is about to do, or a seal it has set or lifted; durable when this returns.

    Args:
        node: The node.
        action: One of the protocol's actions for nodes.
        facts: Plain facts for everybody who sees the leaf; nothing about a person.
        own: What only this agency and the hub's information governance see.
        event: Its id, where it has one already: reported again it is logged once.

    Raises:
        HubUnreachableError: It could not be logged, and so must not be done.
        IntegrityError: The receipt does not verify or says something else.
    """
    event, given = event or secrets.token_hex(ID_BYTES), dict(facts or {})
    # The id stands in the entry too, so that an invented one is told from one whose receipt was lost.
    of_own = {name: _plain(value) for name, value in (own or {}).items()} | {"event": event}
    keep_event(node.store, event, action=action, own=of_own)
    body = {
        "format": "log-event/1",
        "event": event,
        "action": action,
        "facts": given,
        "parts": {"own": of_own},
    }
    answer = node.client().call("POST", "/v1/log/events", body)
    receipt = open_receipt(answer.get("receipt"), key=log_key_of(node))
    entry = receipt.entry
    said = {name: entry.facts.get(name) for name in given}
    if (entry.action, entry.agency, said) != (action, node.settings.agency, given):
        raise IntegrityError(f"log entry {entry.index}: the receipt is of another event")
    if entry.part("own") != of_own or entry.index != answer.get("index"):
        raise IntegrityError(f"log entry {entry.index}: the receipt does not say what was logged")
    keep_receipt(node, event, receipt)
    return receipt


def _plain(value: Value | Values) -> Value | list[int | str]:
    return value if value is None or isinstance(value, int | str) else list(value)
