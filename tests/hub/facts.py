"""Facts of a log that nobody wrote: what alarms are tried on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from hub.alarm_facts import AgencyDay, Asking, Event, Fact, Tally, Touch, tally_of
from hub.alarms import Alarm, Limits, alarms_of_day
from hub.budgets import Budget
from hub.review_settings import ReviewSettings

LIMITS = Limits(ReviewSettings(), Budget(200, 5_000))
TUESDAY = datetime(2026, 2, 3, 9, 30, tzinfo=UTC)


def lookup(index: int, at: datetime = TUESDAY, **changes: Any) -> Fact:
    """A look-up of one case that somebody was told to know, for a conference, in office hours."""
    values: dict[str, Any] = {"agency": "northside", "staff": "amara", "cases": 1, "conference": True}
    return Fact(index, at, Event.LOOKUP, **values | changes)


def touch(holder: str = "probation", record: bytes = b"r" * 16, *, told: bool = True) -> Touch:
    return Touch(holder, record, told)


def refusal(index: int, code: str = "no_agreement", at: datetime = TUESDAY, **changes: Any) -> Fact:
    values: dict[str, Any] = {"agency": "northside", "staff": "amara", "code": code}
    return Fact(index, at, Event.REFUSAL, **values | changes)


def agency_day(facts: Sequence[Fact], agency: str = "northside", day: date | None = None) -> AgencyDay:
    """The last day of some facts of an agency (or the day given), with everything behind it."""
    mine = [fact for fact in facts if fact.agency == agency]
    day = day or max(fact.at.date() for fact in mine)
    today = [fact for fact in mine if fact.at.date() == day]
    records = {found.record for fact in today if not fact.repeats for found in fact.touched}
    return AgencyDay(
        agency,
        day,
        today,
        tallies=list(_tallies(mine, day)),
        askings=[
            Asking(fact.index, fact.at.date(), fact.staff, found, fact.approvers)
            for fact in mine
            if not fact.repeats and day - timedelta(days=28) < fact.at.date() <= day
            for found in fact.touched
            if found.record in records
        ],
    )


def _tallies(facts: Iterable[Fact], day: date) -> Iterable[Tally]:
    groups: dict[tuple[date, str], list[Fact]] = {}
    for fact in facts:
        if fact.at.date() < day and fact.event is Event.LOOKUP:
            groups.setdefault((fact.at.date(), fact.staff), []).append(fact)
    return (tally_of(when, staff, found) for (when, staff), found in groups.items())


def alarms(facts: Sequence[Fact], limits: Limits = LIMITS, agency: str = "northside") -> list[Alarm]:
    """The alarms of the last day of some facts."""
    return alarms_of_day(agency_day(facts, agency), limits)


def kinds(facts: Sequence[Fact], limits: Limits = LIMITS) -> list[str]:
    """Their kinds, sorted."""
    return sorted(str(alarm.kind) for alarm in alarms(facts, limits))


class WrittenLog:
    """A log as the scanner reads it: facts, each standing for one entry, indices from 1."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        assert [fact.index for fact in facts] == list(range(1, len(facts) + 1))
        self.facts = list(facts)

    def __call__(self, session: Session, *, after: int, limit: int) -> tuple[list[Fact], int]:
        """Read a page."""
        page = self.facts[after : after + limit]
        return page, page[-1].index if page else after
