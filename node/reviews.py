"""The review queue of this agency's information governance officer, and the words of their decisions.

Alarms, overrides, emergencies and a random sample are put into the queue at the hub (docs/protocol.md section
12). What an officer writes about one carries names sooner or later, so the words are sealed in this node's
store with their salt and only a promise of them goes out (docs/adr/0005). A note is kept before its decision
is sent: the answer may be lost, and the words behind a promise that is in the log must not be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from node.client import HubClient
from node.commitments import Commitment, commit_reason, is_kept
from node.errors import HubRefusedError, IntegrityError, RecordFormatError
from node.home import Node
from node.log_lines import LogLine
from node.store import Store

OUTCOMES = ("justified", "queried", "breach")
PAGE_ITEMS = 200
LONGEST_NOTE = 4_000
# What each kind means, in words for the officer.
KINDS: Mapping[str, str] = {
    "repeated_person": "one person was asked about again and again",
    "person_budget": "one person was asked about too often in one day",
    "near_cases": "a request was full of variants of one birth date",
    "no_match_share": "nearly nobody who was asked about is known to anybody",
    "off_list": "many people nobody knows were asked about outside conferences",
    "out_of_hours": "somebody asked when the office is closed",
    "volume_outlier": "far more was asked than on the busiest day before",
    "budget_near": "most of a day's budget was used",
    "budget_exhausted": "a day's budget was used up",
    "refusals": "calls were refused again and again",
    "replays": "requests were sent again and again",
    "log_bound": "as many refused look-ups or reported events as are logged in a day",
    "witness_refused": "a node could not agree with the log as its witness",
    "log_reconciled_difference": "a node's copy of the log differs from the hub's",
    "emergency": "an emergency was declared",
    "override": "a public task overrode consent",
    "breach_found": "an agency that was asked, or the hub, found a breach",
    "sample": "drawn at random",
}


# What is reviewed of a look-up of many cases, by the kind of item; of other kinds all of it.
UNDER = {"override": "public_task", "emergency": "emergency"}


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on an item; `agency` is None for the hub's own officer."""

    outcome: str
    agency: str | None
    reviewer: str
    at: str
    commitment: str
    log_index: int


@dataclass(frozen=True, slots=True)
class Review:
    """Something to look at.

    Attributes:
        item: Its id.
        kind: Why it is there; `KINDS` says it in words.
        audience: Whose officer it is put before; None for the hub's own alone.
        agency: Whose conduct it is about.
        staff: Which staff id's, or None for the agency as a whole.
        raised_at: When it was put into the queue.
        due_on: The day by which it must be decided.
        overdue: Whether that day is past.
        indices: The log entries it rests on.
        numbers: Counts that say how far.
        state: open, queried, justified or breach.
        decisions: What was decided, in order.
    """

    item: str
    kind: str
    audience: str | None
    agency: str
    staff: str | None
    raised_at: str
    due_on: str
    overdue: bool
    indices: tuple[int, ...]
    numbers: Mapping[str, int]
    state: str
    decisions: tuple[Decision, ...]

    @property
    def words(self) -> str:
        """Why it is there, in words."""
        return KINDS.get(self.kind, self.kind)

    @property
    def seen(self) -> int:
        """The highest log index of the item and of its decisions: what a decision says was looked at."""
        return max((*self.indices, *(one.log_index for one in self.decisions)), default=0)

    @property
    def counts(self) -> str:
        """The numbers in one line."""
        return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in self.numbers.items())


def fetch_reviews(client: HubClient, *, everything: bool = False) -> Iterator[Review]:
    """This agency's queue, oldest first: what is open, or everything."""
    state, after = ("all" if everything else "open"), ""
    while True:
        page = client.call("GET", f"/v1/reviews?state={state}&limit={PAGE_ITEMS}{after}")
        found = [read_review(document) for document in page["reviews"]]
        yield from found
        if not page["more"] or not found:
            return
        after = f"&after={found[-1].item}"


def fetch_review(client: HubClient, item: str) -> Review:
    """One item.

    Raises:
        RecordFormatError: This is no item's id.
        HubRefusedError: The queue has none of this id.
    """
    return read_review(client.call("GET", f"/v1/reviews/{_require_id(item)}"))


def fetch_summary(client: HubClient, month: str) -> dict[str, Any]:
    """A month in counts, YYYY-MM."""
    return client.call("GET", f"/v1/reviews/summary?month={month}")


def decide(node: Node, item: str, outcome: str, note: str, *, seen: int) -> Review:
    """Decide an item, with a note whose words stay here.

    Args:
        node: This node; the caller is the reviewer.
        item: The item's id.
        outcome: One of `OUTCOMES`.
        note: Why.
        seen: `Review.seen` of the item as the reviewer was shown it.

    Raises:
        RecordFormatError: The note is empty or too long, or this is no item's id.
        HubRefusedError: The hub refused it: more has happened than was seen, or the action is their own.
        HubUnreachableError: No answer; the note is kept, and the same command again settles it.
    """
    client = node.client()
    review = fetch_review(client, item)
    words = _require_note(note)
    kept = _waiting(node.store, review, outcome, words)
    if kept is None:
        kept = commit_reason(words)
        _keep(node.store, item, outcome, kept)
    body = {"format": "review-decision/1", "outcome": outcome, "commitment": kept.digest, "seen": seen}
    try:
        return read_review(client.call("POST", f"/v1/reviews/{item}/decision", body))
    except HubRefusedError:
        _forget(node.store, item, kept)
        raise


def notes_of(store: Store, review: Review) -> dict[str, str]:
    """The words of this node's own decisions on an item, by their promise.

    Raises:
        IntegrityError: Words that are kept here are not what was promised.
    """
    promised = {decision.commitment for decision in review.decisions}
    notes = {}
    for commitment, _, note in _notes(store, review.item):
        if commitment in promised:
            if not is_kept(note.text, salt=note.salt, digest=commitment):
                raise IntegrityError("a review's note is not what was promised in the log")
            notes[commitment] = note.text
    return notes


def lines_under(kind: str, lines: list[LogLine]) -> list[LogLine]:
    """The lines that an item is about; all where none can be told, as of erased texts."""
    return [line for line in lines if line.basis == UNDER.get(kind, line.basis)] or lines


def read_review(document: Mapping[str, Any]) -> Review:
    """Read an item as the hub sends it.

    Raises:
        IntegrityError: It is not of the protocol's form.
    """
    try:
        return Review(
            item=_require_id(str(document["item"])),
            kind=str(document["kind"]),
            audience=None if document["audience"] is None else str(document["audience"]),
            agency=str(document["agency"]),
            staff=None if document["staff"] is None else str(document["staff"]),
            raised_at=str(document["raised_at"]),
            due_on=str(document["due_on"]),
            overdue=bool(document["overdue"]),
            indices=tuple(map(int, document["indices"])),
            numbers={str(name): int(count) for name, count in document["numbers"].items()},
            state=str(document["state"]),
            decisions=_read_decisions(document["decisions"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecordFormatError):
        raise IntegrityError("the hub's answer is not an item of a review queue") from None


def _read_decisions(documents: Sequence[Mapping[str, Any]]) -> tuple[Decision, ...]:
    return tuple(
        Decision(
            outcome=str(one["outcome"]),
            agency=None if one["agency"] is None else str(one["agency"]),
            reviewer=str(one["reviewer"]),
            at=str(one["at"]),
            commitment=str(one["commitment"]),
            log_index=int(one["log_index"]),
        )
        for one in documents
    )


def _require_id(item: str) -> str:
    if len(item) != 32 or set(item) - set("0123456789abcdef"):
        raise RecordFormatError("review", "an item's id has 32 hex digits", field="item")
    return item


def _require_note(note: str) -> str:
    words = note.strip()
    if not words:
        raise RecordFormatError("review", "a decision needs a note in words", field="note")
    if len(words) > LONGEST_NOTE:
        raise RecordFormatError("review", f"longer than {LONGEST_NOTE} characters", field="note")
    return words


def _waiting(store: Store, review: Review, outcome: str, words: str) -> Commitment | None:
    """A note of the same decision whose answer was lost; others that the hub never got are dropped."""
    promised = {decision.commitment for decision in review.decisions}
    last = review.decisions[-1].commitment if review.decisions else None
    found = None
    for commitment, decided, note in _notes(store, review.item):
        is_sent = commitment in promised
        if (decided, note.text) == (outcome, words) and (commitment == last or not is_sent):
            found = note
        elif not is_sent:
            _forget(store, review.item, note)
    return found


def _notes(store: Store, item: str) -> Iterator[tuple[str, str, Commitment]]:
    rows = store.connection.execute(
        "SELECT commitment, content FROM review_note WHERE item = ? ORDER BY rowid", (item,)
    ).fetchall()
    for row in rows:
        commitment = str(row["commitment"])
        content = store.vault.open(row["content"], table="review_note", handle=f"{item} {commitment}")
        note = Commitment(content["text"], bytes.fromhex(content["salt"]), commitment)
        yield commitment, str(content["outcome"]), note


def _keep(store: Store, item: str, outcome: str, note: Commitment) -> None:
    content = {"outcome": outcome, "text": note.text, "salt": note.salt.hex()}
    sealed = store.vault.seal(content, table="review_note", handle=f"{item} {note.digest}")
    store.connection.execute(
        "INSERT INTO review_note (item, commitment, content) VALUES (?, ?, ?)", (item, note.digest, sealed)
    )


def _forget(store: Store, item: str, note: Commitment) -> None:
    store.connection.execute("DELETE FROM review_note WHERE item = ? AND commitment = ?", (item, note.digest))
