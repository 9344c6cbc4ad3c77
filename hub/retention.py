"""Retention: what the hub forgets once nobody needs it, and what would be lost too early by it.

Texts of the log go by `hub.erasure`; with them go the items of the review queue that are decided and their
sealed notes, the digests of questions, and budgets of days that are over, which no rule reads. What the
leaves say of a decision stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from hub.access_log import Action
from hub.approvals import forget_approvals
from hub.emergencies import forget_questions
from hub.erasure import erase_texts
from hub.leaves import read_leaf
from hub.log_bound_models import LogBoundUse
from hub.log_models import LogEntry, LogPart, LogSubject
from hub.models import Agency, BudgetUse
from hub.repeats import forget_requests
from hub.review_models import ReviewDecision, ReviewItem, ReviewNote
from hub.reviews import OPEN

BUDGET_DAYS = 2  # Only today's is charged; the other is for clocks.

_PLAIN = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was erased: texts of log entries, decided items of the review queue, rows of old budgets."""

    entries: int
    reviews: int
    budgets: int


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What an erasure would hit too early: open items, and agencies that have not fetched such entries."""

    open_reviews: int
    unread_by: tuple[str, ...]


def forget(session: Session, *, before: datetime, at: datetime) -> Forgotten:
    """Erase what is from before a time, in the current transaction.

    Args:
        session: A writing session.
        before: What is of this time and later stays; whole seconds.
        at: Now.
    """
    forget_approvals(session, at=at)
    forget_questions(session, before=before, at=at)
    forget_requests(session, before=before)
    reviews, budgets = _forget_reviews(session, before), _forget_budgets(session, at)
    return Forgotten(erase_texts(session, before=before, at=at), reviews, budgets)  # It logs, so it is last.


def unfinished_before(session: Session, before: datetime) -> Unfinished:
    """What somebody should look at or fetch before the texts from before a time are erased."""
    open_items = select(func.count()).where(
        ReviewItem.raised < before,
        or_(ReviewItem.outcome.is_(None), ReviewItem.outcome.in_([str(one) for one in OPEN if one])),
    )
    return Unfinished(session.scalars(open_items).one(), tuple(_unread_by(session, before)))


def _forget_reviews(session: Session, before: datetime) -> int:
    old = select(ReviewItem.item).where(
        ReviewItem.decided < before, ReviewItem.outcome.not_in([str(one) for one in OPEN if one])
    )
    # Decided again since: as old as the last word on it.
    recent = select(ReviewDecision.item).where(ReviewDecision.at >= before)
    items = list(session.scalars(old.where(ReviewItem.item.not_in(recent))))
    for table in (ReviewNote, ReviewDecision, ReviewItem):
        for item in items:
            session.execute(delete(table).where(table.item == item), execution_options=_PLAIN)
    return len(items)


def _forget_budgets(session: Session, at: datetime) -> int:
    first_kept = (at.astimezone(UTC).date() - timedelta(days=BUDGET_DAYS)).isoformat()
    return sum(
        len(
            session.execute(
                delete(table).where(table.day < first_kept).returning(table.day), execution_options=_PLAIN
            ).all()
        )
        for table in (BudgetUse, LogBoundUse)
    )


def _unread_by(session: Session, before: datetime) -> Iterator[str]:
    """Agencies with an entry of that age, its texts still there, behind where they last began to read."""
    readable = (
        select(LogPart.index).join(LogEntry, LogEntry.index == LogPart.index).where(LogEntry.at < before)
    )
    for agency in session.scalars(select(Agency.agency).order_by(Agency.agency)):
        mine = or_(
            LogEntry.agency == agency,
            LogEntry.index.in_(select(LogSubject.index).where(LogSubject.holder == agency)),
        )
        newest = session.scalar(
            select(func.max(LogEntry.index)).where(
                mine, LogEntry.action != str(Action.LOG_READ), LogEntry.index.in_(readable)
            )
        )
        if newest is not None and newest > _read_up_to(session, agency):
            yield agency


def _read_up_to(session: Session, agency: str) -> int:
    """Where an agency last began to read: it had everything up to there."""
    leaf = session.scalars(
        select(LogEntry.leaf)
        .where(LogEntry.agency == agency, LogEntry.action == str(Action.LOG_READ))
        .order_by(LogEntry.index.desc())
        .limit(1)
    ).first()
    facts = None if leaf is None else read_leaf(leaf)
    return 0 if facts is None else int(facts["after"])
