"""This node's own copy of the access log: what it asked, and who asked about its people.

The hub cuts every entry to what concerns this agency; case and local references are put beside it here,
because the hub has never seen them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from node.answers import WORDS
from node.caseload import reference_of
from node.errors import IntegrityError
from node.home import Node
from node.results import case_refs_of
from node.store import Store

PAGE_ENTRIES = 500
LAST_INDEX = "log:last"


@dataclass(frozen=True, slots=True, repr=False)
class LogLine:
    """One line people read: one entry, or one case of a look-up.

    Attributes:
        index: The entry's index at the hub.
        at: When.
        action: From the closed vocabulary of the protocol.
        direction: "asked" for what this agency did, "about us" for a question about its people.
        agency: Who did it.
        staff: Who of them, or None.
        purpose: What for, or None.
        conference: Reference, or None.
        reference: Case reference (asked) or local reference (about us), or None.
        basis: Kind of the lawful basis, or None.
        outcome: The answers in words; for questions about our people also the reason where withheld.
    """

    index: int
    at: str
    action: str
    direction: str
    agency: str | None
    staff: str | None
    purpose: str | None
    conference: str | None
    reference: str | None
    basis: str | None
    outcome: str


def sync_log(node: Node) -> int:
    """Fetch the entries this node has not seen; returns how many.

    Raises:
        IntegrityError: The hub relays an entry again with other content.
    """
    client, store = node.client(), node.store
    fetched = 0
    while True:
        after = int(store.setting(LAST_INDEX) or 0)
        page = client.call("GET", f"/v1/log?after={after}&limit={PAGE_ENTRIES}")
        with store.transaction():
            for line in page["entries"]:
                fetched += _keep(store, int(line["index"]), line["entry"])
            store.put_setting(LAST_INDEX, str(max(after, int(page["last"]))))
        if not page["entries"] or int(page["last"]) <= after:
            return fetched


def read_entries(store: Store, *, after: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """The kept entries as the hub cut them, by index."""
    rows = store.connection.execute(
        "SELECT log_index, content FROM log_entry WHERE log_index > ? ORDER BY log_index", (after,)
    )
    for row in rows.fetchall():
        index = int(row["log_index"])
        yield index, store.vault.open(row["content"], table="log_entry", handle=str(index))


def describe_log(node: Node, *, after: int = 0) -> Iterator[LogLine]:
    """The kept entries as lines, with this agency's own references."""
    for index, entry in read_entries(node.store, after=after):
        cases = entry.get("cases") or []
        if not cases:
            reference = _handle_reference(node.store, entry)
            yield _line(node, index, entry, reference=reference, outcome=_refusal(entry))
        for case in cases:
            yield _case_line(node, index, entry, case)


def _refusal(entry: dict[str, Any]) -> str:
    """What a look-up was refused for, in the log's own word; "" for everything else."""
    source, subject, action = [*str(entry["action"]).split(":", 2), "", ""][:3]
    return f"refused: {action}" if (source, subject) == ("lookup", "refused") else ""


def _case_line(node: Node, index: int, entry: dict[str, Any], case: dict[str, Any]) -> LogLine:
    own = entry.get("agency") == node.settings.agency
    if own:
        case_refs = case_refs_of(node.store, str(entry.get("request")))
        number = int(case["case"])
        reference = case_refs[number] if number < len(case_refs) else None
    else:
        reference = _handle_reference(node.store, case)
    outcome = "; ".join(
        f"{agency}: {WORDS[code]}" if own else str(WORDS[code])
        for agency, code in case["answers"].items()
        if code in WORDS
    )
    reasons = {reason for reason in (case.get("reasons") or {}).values() if reason and reason != "permitted"}
    if reasons:
        outcome += f" ({', '.join(sorted(reasons))})"
    basis = (case.get("basis") or {}).get("kind")
    return _line(node, index, entry, reference=reference, basis=basis, outcome=outcome)


def _line(
    node: Node,
    index: int,
    entry: dict[str, Any],
    *,
    reference: str | None,
    basis: str | None = None,
    outcome: str = "",
) -> LogLine:
    own = entry.get("agency") == node.settings.agency
    return LogLine(
        index=index,
        at=entry["at"],
        action=entry["action"],
        direction="asked" if own else "about us",
        agency=entry.get("agency"),
        staff=entry.get("staff"),
        purpose=entry.get("purpose"),
        conference=entry.get("conference"),
        reference=reference,
        basis=basis,
        outcome=outcome,
    )


def _handle_reference(store: Store, holder: dict[str, Any]) -> str | None:
    handle = holder.get("handle")
    return None if handle is None else reference_of(store, str(handle))


def _keep(store: Store, index: int, entry: dict[str, Any]) -> int:
    row = store.connection.execute("SELECT content FROM log_entry WHERE log_index = ?", (index,)).fetchone()
    if row is None:
        content = store.vault.seal(entry, table="log_entry", handle=str(index))
        store.connection.execute("INSERT INTO log_entry (log_index, content) VALUES (?, ?)", (index, content))
        return 1
    if store.vault.open(row["content"], table="log_entry", handle=str(index)) != entry:
        raise IntegrityError(f"log entry {index}: the hub relays other content than before")
    return 0
