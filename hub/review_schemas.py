"""The wire of the review queue (docs/protocol.md, section 12)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hub.log_schemas import Size
from hub.schemas import Hex, Hex32, Id, Wire

State = Literal["open", "queried", "justified", "breach"]
DecidedAs = Literal["queried", "justified", "breach"]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", description="A calendar day.")]


class DecisionView(Wire):
    """One decision on an item; `agency` is null for the hub's own officer."""

    outcome: DecidedAs
    agency: Id | None
    reviewer: Id
    at: str
    commitment: Hex
    log_index: int


class ReviewView(Wire):
    """Something to look at: which kind, whose conduct, which log entries, how far.

    `audience` is null for what is for the hub's own officer alone, which no node is shown.
    """

    item: Hex32
    kind: str
    audience: Id | None
    agency: Id
    staff: Id | None
    raised_at: str
    due_on: Day
    overdue: bool
    indices: list[int]
    numbers: dict[str, int]
    state: State
    decisions: list[DecisionView]


class Reviews(Wire):
    """A page of the caller's queue, oldest first; `more` says whether there is another behind it."""

    reviews: list[ReviewView]
    more: bool


class Decision(Wire):
    """A decision; the words of the note stay at the node, with the salt of the promise.

    `seen` is the highest log index shown of the item and of its decisions.
    """

    format: Literal["review-decision/1"]
    outcome: DecidedAs
    commitment: Hex
    seen: Size


class KindCounts(Wire):
    """Items of one kind raised in the month, by the state they are in now, and how many are or were late."""

    kind: str
    raised: int
    open: int
    queried: int
    justified: int
    breach: int
    late: int


class ReviewSummary(Wire):
    """A month of the caller's queue in counts."""

    month: str
    lookups: int
    sampled: int
    kinds: list[KindCounts]
