"""The review queue (docs/protocol.md, section 12)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from hub.errors import MalformedError
from hub.review_schemas import Decision, Reviews, ReviewSummary, ReviewView
from hub.review_summary import summarise
from hub.review_views import view_items
from hub.reviews import Outcome, Reviewer, Verdict, decide, find_item, list_items
from hub.routes.calls import PROBLEMS, Caller, LoggedReadsRoute, RunningHub

router = APIRouter(prefix="/v1/reviews", tags=["review"], responses=PROBLEMS, route_class=LoggedReadsRoute)

HEX32 = r"^[0-9a-f]{32}$"
ItemId = Annotated[str, Path(pattern=HEX32, description="An item's id.")]
After = Annotated[str | None, Query(pattern=HEX32, description="Items behind this one.")]
Limit = Annotated[int, Query(ge=1, le=200, description="At most so many items.")]
Which = Annotated[Literal["open", "all"], Query(description="Leave out what is decided, or not.")]
Month = Annotated[str, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="YYYY-MM.")]


@router.get("", summary="List the own review queue")
def read_reviews(
    hub: RunningHub, caller: Caller, state: Which = "open", after: After = None, limit: Limit = 100
) -> Reviews:
    """What the caller's information governance officer has to look at, oldest first."""
    with hub.database.reading() as session:
        items = list_items(session, caller.agency, open_only=state == "open", after=after, limit=limit + 1)
        views = view_items(session, items[:limit], at=hub.clock(), settings=hub.settings.review)
    return Reviews(reviews=views, more=len(items) > limit)


@router.get("/summary", summary="Count a month of the own review queue")
def read_summary(month: Month, hub: RunningHub, caller: Caller) -> ReviewSummary:
    """How many items were raised, decided and late, by kind; counts only."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise MalformedError("month: not a month") from None
    with hub.database.reading() as session:
        summary = summarise(session, caller.agency, month=first, at=hub.clock(), settings=hub.settings.review)
    return ReviewSummary.model_validate(asdict(summary))


@router.get("/{item}", summary="Read an item of the own review queue")
def read_review(item: ItemId, hub: RunningHub, caller: Caller) -> ReviewView:
    """One item, decided or not."""
    with hub.database.reading() as session:
        found = find_item(session, caller.agency, item)
        return view_items(session, [found], at=hub.clock(), settings=hub.settings.review)[0]


@router.post("/{item}/decision", summary="Decide an item of the own review queue")
def post_decision(item: ItemId, body: Decision, hub: RunningHub, caller: Caller) -> ReviewView:
    """Notes what the officer decided, and logs it; nobody decides about their own action."""
    at, verdict = hub.clock(), Verdict(Outcome(body.outcome), body.commitment, body.seen)
    reviewer = Reviewer(caller.agency, caller.staff, caller.request_signature)
    with hub.database.writing() as session:
        decide(session, item, reviewer, verdict, at=at, settings=hub.settings.review)
        found = find_item(session, caller.agency, item)
        return view_items(session, [found], at=at, settings=hub.settings.review)[0]
