"""The review queue: what is put into it, and who may decide. How it goes is counted in `hub.review_summary`.

An item belongs to the information governance officer of one agency; the hub's own sees all and may decide
any. Nobody decides about what they asked or approved themselves, or about more than they have seen. A
decision is an entry of the access log, and another may follow it; the words of its note stay with whoever
wrote it, and the hub keeps a salted promise of them (ADR 0005).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry
from hub.alarms import HUB, MOST_INDICES, Alarm, Kind, older_entries
from hub.errors import ConflictError, NotFoundError, OwnActionError
from hub.leaves import OWN, WHO
from hub.models import UtcTime
from hub.review_models import ReviewDecision, ReviewItem, ReviewTouch
from hub.review_settings import ReviewSettings
from hub.working_days import add_working_days, local_day

PAGE = 200


class Outcome(StrEnum):
    """What a reviewer decides; a queried item stays open until one of the others."""

    JUSTIFIED = "justified"
    QUERIED = "queried"
    BREACH = "breach"


OPEN = (None, Outcome.QUERIED)


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who decides: a staff id at an agency, or (agency None) the hub's own officer.

    `request_signature` is that of the call, for the log; the hub's own officer calls nobody.
    """

    agency: str | None
    staff: str
    request_signature: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision as it arrives.

    Attributes:
        outcome: What is decided.
        commitment: The promise of the note's words, hex.
        seen: The highest log index the reviewer has seen of the item, its decisions included.
    """

    outcome: Outcome
    commitment: str
    seen: int


def put_alarm(session: Session, alarm: Alarm, *, at: datetime, settings: ReviewSettings) -> bool:
    """Put an alarm into the queue, or bring the open one of the same occasion up to date.

    One that was decided is not extended; if it goes on after the decision, another item is made. The item is
    locked, so that no decision falls between reading and extending it. Callers take turns (the scanner's
    cursor, or the item a breach was found in), so that two never put the same.

    Returns:
        Whether an item was made.
    """
    found = session.scalars(
        select(ReviewItem)
        .where(*_occasion(alarm))
        .order_by(ReviewItem.number.desc())
        .limit(1)
        .with_for_update()
    ).first()
    if found is not None and found.outcome in OPEN:
        _extend(found, alarm)
        return False
    if found is not None and alarm.indices[-1] <= max(indices_of(found)):
        return False
    session.add(_new_item(alarm, number=0 if found is None else found.number + 1, at=at, settings=settings))
    session.flush()
    return True


def list_items(
    session: Session, audience: str | None, *, open_only: bool, after: str | None = None, limit: int = PAGE
) -> list[ReviewItem]:
    """Items of one agency's queue (None: everybody's), oldest first.

    Args:
        session: Any session.
        audience: Whose queue.
        open_only: Leave out what is decided.
        after: The last item of the page before.
        limit: At most so many.

    Raises:
        NotFoundError: `after` is no item of this queue.
    """
    order = (ReviewItem.raised, ReviewItem.kind, ReviewItem.audience, ReviewItem.item)
    statement = select(ReviewItem).order_by(*order).limit(limit)
    if audience is not None:
        statement = statement.where(ReviewItem.audience == audience)
    if open_only:
        statement = statement.where(or_(ReviewItem.outcome.is_(None), ReviewItem.outcome == Outcome.QUERIED))
    if after is not None:
        last = find_item(session, audience, after)
        place = (literal(last.raised, UtcTime()), *map(literal, (last.kind, last.audience, last.item)))
        statement = statement.where(tuple_(*order) > tuple_(*place))
    return list(session.scalars(statement))


def find_item(session: Session, audience: str | None, item: str, *, lock: bool = False) -> ReviewItem:
    """One item of a queue.

    Args:
        session: Any session; a writing one to lock.
        audience: Whose queue; None for everybody's.
        item: Its id.
        lock: Let nobody else decide it until the transaction ends.

    Raises:
        NotFoundError: There is none of this id in it.
    """
    found = session.get(ReviewItem, item, with_for_update=lock or None)
    if found is None or audience not in (None, found.audience):
        raise NotFoundError("item: there is none of this id in your queue")
    return found


def decisions_of(session: Session, items: Iterable[ReviewItem]) -> dict[str, list[ReviewDecision]]:
    """The decisions on each item, in order."""
    ids = [item.item for item in items]
    rows = session.scalars(
        select(ReviewDecision)
        .where(ReviewDecision.item.in_(ids))
        .order_by(ReviewDecision.item, ReviewDecision.number)
    )
    found: dict[str, list[ReviewDecision]] = {one: [] for one in ids}
    for row in rows:
        found[row.item].append(row)
    return found


def decide(
    session: Session,
    item: str,
    reviewer: Reviewer,
    verdict: Verdict,
    *,
    at: datetime,
    settings: ReviewSettings,
) -> ReviewDecision:
    """Decide an item, and log it; the same decision again changes nothing, another follows it.

    Raises:
        NotFoundError: The reviewer's queue has no such item.
        OwnActionError: The reviewer asked or approved what is reviewed.
        ConflictError: It has grown, or somebody else has decided, since the reviewer looked.
    """
    found = find_item(session, reviewer.agency, item, lock=True)
    require_independent(found, reviewer)
    before = decisions_of(session, [found])[item]
    if before and _is_same(before[-1], reviewer, verdict):
        return before[-1]
    if max([*indices_of(found), *(one.log_index for one in before)]) > verdict.seen:
        raise ConflictError("item: it has grown; look again")
    if verdict.outcome is Outcome.BREACH and found.audience not in (found.agency, HUB):
        put_alarm(session, _breach_of(session, found), at=at, settings=settings)
    number = len(before)
    facts = {"kind": found.kind, "number": number, "outcome": str(verdict.outcome)}
    parts: dict[str, dict[str, Any]] = {
        WHO: {"staff": reviewer.staff, "role": "ig", "request_signature": reviewer.request_signature},
        OWN: {"item": item, "commitment": verdict.commitment, "indices": indices_of(found)},
    }
    appended = append_entry(
        session, Action.REVIEW_DECIDED, agency=reviewer.agency, at=at, facts=facts, parts=parts
    )
    decision = ReviewDecision(
        item=item,
        number=number,
        outcome=str(verdict.outcome),
        agency=reviewer.agency,
        reviewer=reviewer.staff,
        at=at,
        commitment=verdict.commitment,
        log_index=appended.index,
    )
    session.add(decision)
    found.outcome = str(verdict.outcome)
    if found.decided is None and verdict.outcome not in OPEN:
        found.decided = at  # The first time: looking again at what was decided in time makes nobody late.
    session.flush()
    return decision


def require_independent(item: ReviewItem, reviewer: Reviewer) -> None:
    """Nobody reviews their own action, however they write their staff id.

    Staff ids are an agency's own: the same word at another agency is somebody else.

    Raises:
        OwnActionError: The reviewer is among those who asked or approved.
    """
    if reviewer.agency == item.agency and reviewer.staff.casefold() in item.involved.split():
        raise OwnActionError(
            "reviewer: asked or approved what is reviewed; somebody else must decide, "
            "the hub's officer where nobody else here does"
        )


def state_of(item: ReviewItem) -> str:
    """open, queried, justified or breach."""
    return item.outcome or "open"


def indices_of(item: ReviewItem) -> list[int]:
    """The log entries an item rests on, ascending."""
    found: list[int] = json.loads(item.indices)
    return found


def numbers_of(item: ReviewItem) -> dict[str, int]:
    """The counts that say how far."""
    numbers: dict[str, int] = json.loads(item.numbers)
    return numbers


def _breach_of(session: Session, item: ReviewItem) -> Alarm:
    """What a breach found at a holder puts before the asker's officer.

    A match the asker was not told of must not show: unless every record of the holder's that the item rests
    on was told in every look-up of it, as far as that is still kept, it is for the hub's own officer alone.
    """
    indices = tuple(indices_of(item))
    rows = session.execute(
        select(ReviewTouch.index, ReviewTouch.told).where(
            ReviewTouch.holder == item.audience, ReviewTouch.index.in_(indices)
        )
    ).all()
    told = all(was_told for _, was_told in rows) and {index for index, _ in rows} == set(indices)
    return Alarm(
        Kind.BREACH_FOUND,
        item.agency if told else HUB,
        item.agency,
        item.staff,
        f"item:{item.item}",
        indices,
        {"lookups": len(indices)},
        frozenset(item.involved.split()),
    )


def _occasion(alarm: Alarm) -> tuple[ColumnElement[bool], ...]:
    return (
        ReviewItem.kind == alarm.kind,
        ReviewItem.audience == alarm.audience,
        ReviewItem.agency == alarm.agency,
        ReviewItem.staff == alarm.staff,
        ReviewItem.occasion == alarm.occasion,
    )


def _extend(item: ReviewItem, alarm: Alarm) -> None:
    both = sorted({*indices_of(item), *alarm.indices})
    numbers = older_entries(len(both)) | dict(alarm.numbers)  # The alarm's own count is of all it found.
    item.indices = json.dumps(both[-MOST_INDICES:])
    item.numbers = json.dumps(numbers, sort_keys=True)
    item.involved = " ".join(sorted({*item.involved.split(), *alarm.involved}))


def _new_item(alarm: Alarm, *, number: int, at: datetime, settings: ReviewSettings) -> ReviewItem:
    today = local_day(at, ZoneInfo(settings.zone))
    return ReviewItem(
        item=secrets.token_hex(16),
        kind=str(alarm.kind),
        audience=alarm.audience,
        agency=alarm.agency,
        staff=alarm.staff,
        occasion=alarm.occasion,
        number=number,
        raised=at,
        due=add_working_days(today, settings.due_working_days, holidays=settings.bank_holidays),
        indices=json.dumps(list(alarm.indices)),
        numbers=json.dumps(dict(alarm.numbers), sort_keys=True),
        involved=" ".join(sorted(alarm.involved)),
        outcome=None,
        decided=None,
    )


def _is_same(decision: ReviewDecision, reviewer: Reviewer, verdict: Verdict) -> bool:
    return (decision.agency, decision.reviewer, decision.outcome, decision.commitment) == (
        reviewer.agency,
        reviewer.staff,
        str(verdict.outcome),
        verdict.commitment,
    )
