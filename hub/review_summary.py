"""A month of reviews in counts: what was raised, what was decided, what is late. No ids, no staff."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.access_log import Action
from hub.alarms import Kind
from hub.log_models import LogEntry
from hub.review_models import ReviewItem
from hub.review_settings import ReviewSettings
from hub.reviews import OPEN, state_of
from hub.working_days import local_day

STATES = ("open", "queried", "justified", "breach")


@dataclass(frozen=True, slots=True)
class KindSummary:
    """Items of one kind raised in the month, by the state they are in now.

    `late` counts those decided after the day they were due, and those that are overdue.
    """

    kind: str
    raised: int
    open: int
    queried: int
    justified: int
    breach: int
    late: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A month: look-ups asked in it, how many of them were drawn for review, and the items by kind."""

    month: str
    lookups: int
    sampled: int
    kinds: tuple[KindSummary, ...]


def summarise(
    session: Session, audience: str | None, *, month: date, at: datetime, settings: ReviewSettings
) -> Summary:
    """Count one agency's queue (None: everybody's) over a calendar month, local time.

    Args:
        session: Any session.
        audience: Whose queue; look-ups are those it asked.
        month: Any day of the month.
        at: Now, to say what is overdue.
        settings: For the zone.
    """
    zone = ZoneInfo(settings.zone)
    first, after = _bounds(month, zone)
    items = select(ReviewItem).where(ReviewItem.raised >= first, ReviewItem.raised < after)
    lookups = select(func.count()).where(
        LogEntry.action == str(Action.LOOKUP_ANSWERED), LogEntry.at >= first, LogEntry.at < after
    )
    if audience is not None:
        items = items.where(ReviewItem.audience == audience)
        lookups = lookups.where(LogEntry.agency == audience)
    today = local_day(at, zone)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for item in session.scalars(items):
        count = counts[item.kind]
        count["raised"] += 1
        count[state_of(item)] += 1
        count["late"] += _is_late(item, today, zone)
    kinds = tuple(
        KindSummary(kind, *(counts[kind][name] for name in ("raised", *STATES, "late")))
        for kind in Kind
        if kind in counts
    )
    sampled = counts[Kind.SAMPLE]["raised"]
    return Summary(f"{month:%Y-%m}", session.scalars(lookups).one(), sampled, kinds)


def _is_late(item: ReviewItem, today: date, zone: ZoneInfo) -> bool:
    if item.outcome in OPEN or item.decided is None:
        return today > item.due
    return local_day(item.decided, zone) > item.due


def _bounds(month: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    first = month.replace(day=1)
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return datetime.combine(first, time(), zone), datetime.combine(after, time(), zone)
