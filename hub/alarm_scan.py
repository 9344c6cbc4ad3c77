"""The scanner: reads the log behind its cursor, and puts alarms, duties and samples into the review queue.

It runs beside the look-ups (a thread of the served hub, or `knownto hub alarms scan`) and never in the way of
an answer, so that no answer's time tells what it found. Each page is worked out on a snapshot and written in
one short transaction that first moves the cursor from where it was: another worker that was quicker makes
this one begin again, and a scanner that is killed has done a page or has not.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from sqlalchemy import case, delete, func, insert, select, update
from sqlalchemy.orm import Session

from hub.alarm_facts import AgencyDay, Asking, Event, Fact, Tally, Touch, off_list_cases
from hub.alarms import Alarm, Limits, alarms_of_day, duties_of, sample_of
from hub.database import Database
from hub.log_facts import read_facts
from hub.review_models import ReviewCursor, ReviewFact, ReviewTouch, SampleBlock
from hub.reviews import put_alarm

PAGE = 200
Draw = Callable[[int], int]


class ReadFacts(Protocol):
    """How the scanner reads the log: facts of at most so many entries, and the last index read."""

    def __call__(self, session: Session, *, after: int, limit: int) -> tuple[list[Fact], int]:
        """Read."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan did: log entries read, and items put into the queue."""

    entries: int = 0
    raised: int = 0

    def __add__(self, other: Scanned) -> Scanned:
        """Both together."""
        return Scanned(self.entries + other.entries, self.raised + other.raised)


def scan(
    database: Database,
    *,
    limits: Limits,
    at: datetime,
    read: ReadFacts = read_facts,
    draw: Draw = secrets.randbelow,
    page: int = PAGE,
) -> Scanned:
    """Read the log to its end; doing it again finds nothing new.

    Args:
        database: The hub's.
        limits: Where alarms begin.
        at: Now.
        read: Reads the log.
        draw: A number below another, unpredictable: which look-up of a block is the sample.
        page: Log entries in one transaction.
    """
    total = Scanned()
    while True:
        step = _scan_page(database, limits=limits, at=at, read=read, draw=draw, page=page)
        if step is not None:
            total += step
            if step.entries < page:
                return total


def _scan_page(
    database: Database, *, limits: Limits, at: datetime, read: ReadFacts, draw: Draw, page: int
) -> Scanned | None:
    """One page; None when another worker was quicker."""
    with database.reading() as session:
        before = _cursor(session)
        facts, last = read(session, after=before, limit=page)
        if last == before and not _overdue_blocks(session, limits=limits, at=at):
            return Scanned()
        alarms = [alarm for fact in facts for alarm in duties_of(fact)]
        for day in _days(session, facts, limits=limits):
            alarms += alarms_of_day(day, limits)
    with database.writing() as session:
        if not _move_cursor(session, before, last):
            session.rollback()
            return None
        _keep_facts(session, facts)
        alarms += _draw_samples(session, facts, limits=limits, at=at, draw=draw)
        raised = sum(put_alarm(session, alarm, at=at, settings=limits.review) for alarm in alarms)
        _forget(session, limits=limits, at=at)
    return Scanned(last - before, raised)


def _cursor(session: Session) -> int:
    return session.scalars(select(ReviewCursor.index).where(ReviewCursor.id == 1)).one()


def _move_cursor(session: Session, before: int, last: int) -> bool:
    moved = session.execute(
        update(ReviewCursor)
        .where(ReviewCursor.id == 1, ReviewCursor.index == before)
        .values(index=last)
        .returning(ReviewCursor.index)
    )
    return moved.first() is not None


def _days(session: Session, new: Sequence[Fact], *, limits: Limits) -> Iterator[AgencyDay]:
    """Every agency's day that has new facts, with the older ones of it and what lies behind."""
    for agency, day in sorted({(fact.agency, day_of(fact.at)) for fact in new}):
        mine = [fact for fact in new if fact.agency == agency]
        facts = [*_kept_facts(session, agency, day), *(fact for fact in mine if day_of(fact.at) == day)]
        yield AgencyDay(
            agency,
            day,
            facts,
            tallies=_tallies(session, agency, day, mine, limits=limits),
            askings=_askings(session, agency, day, mine, facts, limits=limits),
        )


def _kept_facts(session: Session, agency: str, day: date) -> list[Fact]:
    rows = session.scalars(
        select(ReviewFact)
        .where(ReviewFact.agency == agency, ReviewFact.day == day)
        .order_by(ReviewFact.index)
    ).all()
    touched: dict[int, set[Touch]] = {row.index: set() for row in rows}
    touches = session.scalars(
        select(ReviewTouch)
        .join(ReviewFact, ReviewFact.index == ReviewTouch.index)
        .where(ReviewFact.agency == agency, ReviewFact.day == day)
    )
    for row in touches:
        touched[row.index].add(Touch(row.holder, row.record, row.told))
    return [_read_fact(row, touched[row.index]) for row in rows]


def _read_fact(row: ReviewFact, touched: Iterable[Touch]) -> Fact:
    return Fact(
        row.index,
        row.at,
        Event(row.event),
        row.agency,
        row.staff,
        code=row.code,
        cases=row.cases,
        untold=row.untold,
        conference=row.conference,
        further=row.further,
        near=row.near,
        overrides=row.overrides,
        emergencies=row.emergencies,
        repeats=row.repeats,
        approvers=frozenset(row.approvers.split()),
        touched=frozenset(touched),
    )


def _tallies(session: Session, agency: str, day: date, new: Iterable[Fact], *, limits: Limits) -> list[Tally]:
    """What each staff id asked on the days before; a page can hold several days."""
    first = day - timedelta(days=limits.review.volume_days)
    off_list = case((ReviewFact.conference, 0), else_=ReviewFact.untold)
    sums = (func.sum(ReviewFact.cases), func.sum(ReviewFact.untold), func.sum(off_list))
    rows = session.execute(
        select(ReviewFact.day, ReviewFact.staff, *sums)
        .where(
            ReviewFact.agency == agency,
            ReviewFact.day >= first,
            ReviewFact.day < day,
            ReviewFact.event == str(Event.LOOKUP),
        )
        .group_by(ReviewFact.day, ReviewFact.staff)
    )
    kept = [Tally(when, staff, cases, untold, off) for when, staff, cases, untold, off in rows]
    fresh = [
        Tally(day_of(fact.at), fact.staff, fact.cases, fact.untold, off_list_cases(fact))
        for fact in new
        if fact.event is Event.LOOKUP and first <= day_of(fact.at) < day
    ]
    return _merge([*kept, *fresh])


def _merge(tallies: Iterable[Tally]) -> list[Tally]:
    """One tally for each staff id and day."""
    merged: dict[tuple[date, str], Tally] = {}
    for tally in tallies:
        key = (tally.day, tally.staff)
        old = merged.get(key, Tally(*key, 0, 0, 0))
        merged[key] = Tally(
            *key, old.cases + tally.cases, old.untold + tally.untold, old.off_list + tally.off_list
        )
    return list(merged.values())


def _askings(
    session: Session,
    agency: str,
    day: date,
    new: Iterable[Fact],
    today: Iterable[Fact],
    *,
    limits: Limits,
) -> list[Asking]:
    """Look-ups, as far back as repeats count, of the records touched today; a repeated request is none."""
    records = {touch.record for fact in today if not fact.repeats for touch in fact.touched}
    first = day - timedelta(days=_repeat_days(limits) - 1)
    rows = session.execute(
        select(
            ReviewTouch.index,
            ReviewFact.day,
            ReviewFact.staff,
            ReviewTouch.holder,
            ReviewTouch.record,
            ReviewTouch.told,
            ReviewFact.approvers,
        )
        .join(ReviewFact, ReviewFact.index == ReviewTouch.index)
        .where(
            ReviewFact.agency == agency,
            ReviewFact.day >= first,
            ReviewFact.day <= day,
            ReviewFact.repeats.is_(False),
            ReviewTouch.record.in_(records),
        )
    )
    kept = [
        Asking(index, when, staff, Touch(holder, record, told), frozenset(approvers.split()))
        for index, when, staff, holder, record, told, approvers in rows
    ]
    fresh = [
        Asking(fact.index, day_of(fact.at), fact.staff, touch, fact.approvers)
        for fact in new
        if not fact.repeats and first <= day_of(fact.at) <= day
        for touch in fact.touched
        if touch.record in records
    ]
    return [*kept, *fresh]


def _keep_facts(session: Session, facts: Sequence[Fact]) -> None:
    if facts:
        session.execute(insert(ReviewFact), [_fact_row(fact) for fact in facts])
    touches = [
        {"index": fact.index, "holder": touch.holder, "record": touch.record, "told": touch.told}
        for fact in facts
        for touch in fact.touched
    ]
    if touches:
        session.execute(insert(ReviewTouch), touches)


def _fact_row(fact: Fact) -> dict[str, object]:
    plain = (
        "index", "at", "agency", "staff", "code", "cases", "untold", "conference", "further", "near",
        "overrides", "emergencies", "repeats",
    )  # fmt: skip
    row: dict[str, object] = {name: getattr(fact, name) for name in plain}
    joined = {"event": str(fact.event), "day": day_of(fact.at), "approvers": " ".join(sorted(fact.approvers))}
    return row | joined


def _draw_samples(
    session: Session, facts: Iterable[Fact], *, limits: Limits, at: datetime, draw: Draw
) -> list[Alarm]:
    """One look-up of every full block of an agency's, and of an incomplete one that has waited too long.

    It is drawn when the block is full, so that while somebody asks nobody can know what will be reviewed.
    """
    size, samples = limits.review.sample_block, []
    blocks = {row.agency: row for row in session.scalars(select(SampleBlock))}
    for fact in facts:
        if fact.event is not Event.LOOKUP:
            continue
        block = blocks.get(fact.agency)
        if block is None:
            block = blocks[fact.agency] = SampleBlock(agency=fact.agency, began=fact.at, indices="[]")
            session.add(block)
        indices = [*json.loads(block.indices), fact.index]
        began = fact.at if len(indices) == 1 else block.began
        block.began, block.indices = began, json.dumps(indices)
        if len(indices) == size:
            samples.append(_draw(session, block, draw))
    oldest = at - timedelta(days=limits.review.sample_days)
    for block in blocks.values():
        if block.indices != "[]" and block.began <= oldest:
            samples.append(_draw(session, block, draw))
    return samples


def _draw(session: Session, block: SampleBlock, draw: Draw) -> Alarm:
    """Choose one of a block's look-ups, and begin the next block."""
    session.flush()
    indices = json.loads(block.indices)
    chosen = indices[draw(len(indices))]
    block.indices = "[]"
    row = session.scalars(select(ReviewFact).where(ReviewFact.index == chosen)).one()
    return sample_of(_read_fact(row, ()), block=len(indices))


def _overdue_blocks(session: Session, *, limits: Limits, at: datetime) -> bool:
    oldest = at - timedelta(days=limits.review.sample_days)
    found = select(SampleBlock.agency).where(SampleBlock.began <= oldest, SampleBlock.indices != "[]")
    return session.scalars(found.limit(1)).first() is not None


def _forget(session: Session, *, limits: Limits, at: datetime) -> None:
    """Drop what no rule looks at any more; records first, which are looked at for a few days only."""
    today = day_of(at)
    recent = select(ReviewFact.index).where(ReviewFact.day < today - timedelta(days=_repeat_days(limits)))
    session.execute(delete(ReviewTouch).where(ReviewTouch.index.in_(recent)))
    days = max(limits.review.volume_days, limits.review.sample_days, _repeat_days(limits)) + 2
    session.execute(delete(ReviewFact).where(ReviewFact.day < today - timedelta(days=days)))


def _repeat_days(limits: Limits) -> int:
    """How far back repeats are counted."""
    return max(limits.review.repeat_days, limits.review.long_repeat_days)


def day_of(at: datetime) -> date:
    """The UTC day, as budgets count it."""
    return at.astimezone(UTC).date()
