"""What the log says, as far as alarms go: typed facts, and one agency's day of them.

Plain values: no handle, no token, no reason's words. A record is a digest, good for telling that two look-ups
touched the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from hub.budgets import NODE


class Event(StrEnum):
    """What a log entry tells the rules."""

    LOOKUP = "lookup"
    REFUSAL = "refusal"
    REPLAY = "replay"
    WITNESS_REFUSED = "witness_refused"
    BOUND_MET = "bound_met"
    LOG_DIFFERENCE = "log_difference"


@dataclass(frozen=True, slots=True)
class Touch:
    """A record that a look-up matched: its holder, a digest that stands for it, and whether that was told."""

    holder: str
    record: bytes
    told: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """One log entry as far as alarms go.

    Attributes:
        index: Of the entry.
        at: When it was logged.
        event: What kind of entry.
        agency: Whose doing.
        staff: Staff id, lower case; "" where the entry names none.
        code: Of a refusal.
        cases: How many were asked.
        untold: Of how many the asker was told that nobody knows them, possibly or surely.
        conference: Whether a conference was named.
        further: What it was charged beyond its cases, for their tokens.
        near: Pairs of cases that are date variants of each other.
        overrides: Cases by public task.
        emergencies: Cases by declared emergency.
        repeats: Whether it answers a request that was answered before.
        approvers: Staff ids who approved an override, lower case.
        touched: The records matched.
        overridden: Cases by public task in which a holder's records matched, by holder; it is read once, when
            the entry is new, and not kept.
    """

    index: int
    at: datetime
    event: Event
    agency: str
    staff: str = NODE
    code: str = ""
    cases: int = 0
    untold: int = 0
    conference: bool = False
    further: int = 0
    near: int = 0
    overrides: int = 0
    emergencies: int = 0
    repeats: bool = False
    approvers: frozenset[str] = frozenset()
    touched: frozenset[Touch] = frozenset()
    overridden: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tally:
    """What one staff id asked on one UTC day."""

    day: date
    staff: str
    cases: int
    untold: int
    off_list: int


@dataclass(frozen=True, slots=True)
class Asking:
    """One look-up that touched a record; several records of a holder are several of these.

    `approvers` are those of the look-up's overrides.
    """

    index: int
    day: date
    staff: str
    touch: Touch
    approvers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AgencyDay:
    """One agency's UTC day so far, and what lies behind it.

    Attributes:
        agency: Whose.
        day: Which.
        facts: All of the day's, by index.
        tallies: Of the days before it, as far back as rules look.
        askings: As far back as repeats count, this day included, about the records touched on it.
    """

    agency: str
    day: date
    facts: Sequence[Fact]
    tallies: Sequence[Tally] = ()
    askings: Sequence[Asking] = ()


def off_list_cases(fact: Fact) -> int:
    """Cases of a look-up outside conferences that nobody was told to know."""
    return 0 if fact.conference else fact.untold


def tally_of(day: date, staff: str, facts: Iterable[Fact]) -> Tally:
    """Count a staff id's look-ups of a day."""
    found = list(facts)
    return Tally(
        day,
        staff,
        cases=sum(fact.cases for fact in found),
        untold=sum(fact.untold for fact in found),
        off_list=sum(off_list_cases(fact) for fact in found),
    )
