"""Items of the review queue as they are shown, to nodes and to the hub's own officer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from hub.clock import format_time
from hub.review_models import ReviewDecision, ReviewItem
from hub.review_schemas import DecisionView, ReviewView
from hub.review_settings import ReviewSettings
from hub.reviews import OPEN, decisions_of, indices_of, numbers_of, state_of
from hub.working_days import local_day


def view_items(
    session: Session, items: Sequence[ReviewItem], *, at: datetime, settings: ReviewSettings
) -> list[ReviewView]:
    """Items as they are shown, with their decisions."""
    decisions = decisions_of(session, items)
    today = local_day(at, ZoneInfo(settings.zone))
    return [_view(item, decisions[item.item], today) for item in items]


def _view(item: ReviewItem, decisions: list[ReviewDecision], today: date) -> ReviewView:
    return ReviewView(
        item=item.item,
        kind=item.kind,
        audience=item.audience or None,
        agency=item.agency,
        staff=item.staff or None,
        raised_at=format_time(item.raised),
        due_on=item.due.isoformat(),
        overdue=item.outcome in OPEN and today > item.due,
        indices=indices_of(item),
        numbers=numbers_of(item),
        state=state_of(item),  # type: ignore[arg-type]
        decisions=[
            DecisionView(
                outcome=row.outcome,  # type: ignore[arg-type]
                agency=row.agency,
                reviewer=row.reviewer,
                at=format_time(row.at),
                commitment=row.commitment,
                log_index=row.log_index,
            )
            for row in decisions
        ],
    )
