"""Receipts: the proof that what this node asked, and what it was answered, stands in the log.

A receipt comes with every answer and is verified before anything of the answer is shown: the entry stands in
a log signed by the pinned hub, and says exactly what was asked and answered (docs/protocol.md section 11).
It is kept, sealed, and later held against what the hub shows of its log (`node.reconcile`). What was asked
is written down before it leaves, because an answer can be lost and its entry stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keys.checkpoints import Checkpoint, NoteKey
from keys.formats import encode_base64
from node.errors import IntegrityError
from node.home import Node
from node.kept_checkpoints import keep_checkpoint, open_note
from node.leaves import Entry, Proof, read_entry, read_proof, require_included
from node.store import Store
from node.witnessing import log_key_of

ANSWERED = "lookup:match:answered"
# What is kept of a question: everything but the tokens, which nobody needs again.
ASKED_FIELDS = ("request", "staff", "role", "purpose", "conference", "agencies")


@dataclass(frozen=True, slots=True, repr=False)
class Receipt:
    """One verified receipt: an entry, and where it stands.

    Attributes:
        entry: The entry with the parts this agency may see.
        inclusion: The proof that it stands in the log.
        checkpoint: The log's head the proof leads to.
        note: That head as the hub signed it.
    """

    entry: Entry
    inclusion: Proof
    checkpoint: Checkpoint
    note: str

    def format(self) -> dict[str, Any]:
        """As the wire carries it."""
        inclusion = [encode_base64(one) for one in self.inclusion]
        return {**self.entry.format(), "inclusion": inclusion, "checkpoint": self.note}


def open_receipt(document: object, *, key: NoteKey) -> Receipt:
    """Read a receipt: signed by the pinned hub, every part as promised, the entry in the log.

    Raises:
        IntegrityError: Any of it does not hold.
    """
    if not isinstance(document, Mapping):
        raise IntegrityError("the hub's answer came without a receipt of its log")
    note = document.get("checkpoint")
    checkpoint = open_note(note, key=key)
    entry = read_entry(document)
    inclusion = read_proof(document.get("inclusion"), what=f"log entry {entry.index}")
    require_included(entry, inclusion, checkpoint)
    return Receipt(entry, inclusion, checkpoint, str(note))


def accept_answer(
    node: Node,
    answer: Mapping[str, Any],
    *,
    asked: Mapping[str, Any],
    others: Sequence[str],
    signature: str | None,
) -> Receipt:
    """Verify the receipt of a look-up's answer and keep it. Nothing of the answer is shown before.

    Args:
        node: The asking node.
        answer: The `answer/1` document.
        asked: The `lookup/1` document as it was sent.
        others: The network's other agencies.
        signature: This node's signature over the request, base64.

    Raises:
        IntegrityError: There is no receipt, it does not verify, or its entry says something else than was
            asked and answered.
    """
    receipt = open_receipt(answer.get("receipt"), key=log_key_of(node))
    entry = receipt.entry
    try:
        broken = [rule for rule, holds in _rules(node, entry, answer, asked, others, signature) if not holds]
    except (AttributeError, TypeError, KeyError):
        broken = ["is not of the form of a look-up's"]
    if broken:
        raise IntegrityError(f"log entry {entry.index}: the receipt {broken[0]}")
    keep_receipt(node, str(asked["request"]), receipt)
    return receipt


def keep_receipt(node: Node, request: str, receipt: Receipt) -> None:
    """Keep a verified receipt under its entry's index.

    Raises:
        IntegrityError: The hub has proved another entry under this index before.
    """
    store, index = node.store, receipt.entry.index
    keep_checkpoint(store, receipt.checkpoint, receipt.note, key=log_key_of(node), at=node.clock())
    kept = read_receipt(store, index)
    if kept is not None and read_entry(kept).leaf != receipt.entry.leaf:
        raise IntegrityError(f"log entry {index}: the hub proved another entry under this index before")
    content = store.vault.seal(receipt.format(), table="log_receipt", handle=str(index))
    store.connection.execute(
        "INSERT OR IGNORE INTO log_receipt (log_index, request, content) VALUES (?, ?, ?)",
        (index, request, content),
    )


def read_receipt(store: Store, index: int) -> dict[str, Any] | None:
    """A kept receipt as the wire carried it, or None."""
    row = store.connection.execute("SELECT content FROM log_receipt WHERE log_index = ?", (index,)).fetchone()
    return None if row is None else store.vault.open(row["content"], table="log_receipt", handle=str(index))


def read_receipts(store: Store) -> Iterator[tuple[str, dict[str, Any]]]:
    """All kept receipts by index, each with the id of its look-up or event."""
    rows = store.connection.execute("SELECT * FROM log_receipt ORDER BY log_index").fetchall()
    for row in rows:
        handle = str(row["log_index"])
        yield row["request"], store.vault.open(row["content"], table="log_receipt", handle=handle)


def keep_asked(store: Store, body: Mapping[str, Any]) -> None:
    """Write down what is about to be asked, without tokens."""
    asked = {name: body[name] for name in ASKED_FIELDS}
    asked["bases"] = [case["basis"] for case in body["cases"]]
    _write_down(store, str(body["request"]), asked)


def keep_event(store: Store, event: str, *, action: str, own: Mapping[str, Any]) -> None:
    """Write down an event that is about to be logged."""
    _write_down(store, event, {"action": action, "own": dict(own)})


def has_receipt(store: Store, request: str) -> bool:
    """Whether a receipt of a look-up or event is kept, under any index."""
    found = store.connection.execute("SELECT 1 FROM log_receipt WHERE request = ?", (request,)).fetchone()
    return found is not None


def read_asked(store: Store, request: str) -> dict[str, Any] | None:
    """What this node asked, or logged, under an id; None where it never did."""
    row = store.connection.execute("SELECT content FROM asked WHERE request = ?", (request,)).fetchone()
    return None if row is None else store.vault.open(row["content"], table="asked", handle=request)


def _write_down(store: Store, request: str, content: Mapping[str, Any]) -> None:
    store.connection.execute(
        "INSERT OR IGNORE INTO asked (request, content) VALUES (?, ?)",
        (request, store.vault.seal(content, table="asked", handle=request)),
    )


def says_what_was_asked(entry: Entry, asked: Mapping[str, Any]) -> bool:
    """Whether an entry of a look-up says what `read_asked` does: who, what for, of whom, by what right."""
    who, question = entry.part("who"), entry.part("question")
    return (
        (entry.facts.get("purpose"), who.get("conference")) == (asked["purpose"], asked["conference"])
        and (who.get("staff"), who.get("role")) == (asked["staff"], asked["role"])
        and (question.get("request"), question.get("agencies")) == (asked["request"], asked["agencies"])
        and [case.get("basis") for case in question.get("cases", ())] == asked["bases"]
    )


def _rules(
    node: Node,
    entry: Entry,
    answer: Mapping[str, Any],
    asked: Mapping[str, Any],
    others: Sequence[str],
    signature: str | None,
) -> Iterator[tuple[str, bool]]:
    """What the entry of an answered look-up must say, with what is wrong where it does not."""
    question = entry.part("question")
    sent = {**asked, "bases": [case["basis"] for case in asked["cases"]]}
    promised = {"who", "question", "reasons", *(f"holder:{agency}" for agency in others)}
    scope = sorted(others if asked["agencies"] is None else set(others) & set(asked["agencies"]))
    yield "is of another action", entry.action == ANSWERED
    yield "is another agency's", entry.agency == node.settings.agency
    yield "is of another index than the answer", entry.index == answer.get("log_index")
    yield "has other parts than this network's", set(entry.promised) == promised
    yield "does not say what was asked", says_what_was_asked(entry, sent)
    yield "names other agencies than were asked", question.get("scope") == scope
    yield "does not say what was answered", _codes_logged(question) == _codes_given(answer)
    yield "is not of the request this node signed", entry.part("who").get("request_signature") == signature


def _codes_logged(question: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    return [(case.get("case"), case.get("answers")) for case in question.get("cases", ())]


def _codes_given(answer: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    return [
        (case.get("case"), {one.get("agency"): one.get("answer") for one in case.get("answers", ())})
        for case in answer.get("cases", ())
    ]
