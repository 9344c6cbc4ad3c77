"""Cohorts as their agencies read them: which there are, and the caller's own records (section 14)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from hub.clock import format_time
from hub.cohort_schemas import MOST_REFERENCES, CohortReferences, Cohorts, CohortView
from hub.cohort_snapshots import log_reading, own_references, released_to
from hub.errors import BudgetExhaustedError
from hub.log_bounds import Bound, take_place
from hub.routes.calls import ID, PROBLEMS, Caller, LoggedReadsRoute, RunningHub

router = APIRouter(prefix="/v1/cohorts", tags=["cohorts"], responses=PROBLEMS, route_class=LoggedReadsRoute)

CohortId = Annotated[str, Path(pattern=ID, description="A snapshot's name.")]
After = Annotated[str, Query(pattern=r"^([0-9a-f]{32})?$", description="Handles behind this one.")]
Limit = Annotated[int, Query(ge=1, le=MOST_REFERENCES, description="At most so many handles.")]


@router.get("", summary="List the cohorts released to the caller")
def read_cohorts(hub: RunningHub, caller: Caller) -> Cohorts:
    """Snapshots of which the caller may read its own part, the newest first; nothing about anybody."""
    with hub.database.reading() as session:
        released = released_to(session, caller.agency, at=hub.clock())
    views = [
        CohortView(
            cohort=one.snapshot, title=one.title, day=one.day, released_at=format_time(one.released_at)
        )
        for one in released
    ]
    return Cohorts(cohorts=views)


@router.get("/{cohort}/references", summary="Read the own references in a cohort")
def read_references(
    cohort: CohortId, hub: RunningHub, caller: Caller, after: After = "", limit: Limit = 500
) -> CohortReferences:
    """The caller's own records of people in a cohort, as handles; the reading is logged first."""
    at, limit_of_day = hub.clock(), hub.settings.lists_read_per_day
    with hub.database.writing() as session:
        may = take_place(session, Bound.LISTS, agency=caller.agency, limit=limit_of_day, at=at)
    if not may:
        raise BudgetExhaustedError("cohorts: as many pages as one agency reads of lists in a day")
    with hub.database.reading() as session:
        page = own_references(session, caller.agency, cohort, after=after, limit=limit, at=at)
    with hub.database.writing() as session:
        log_reading(session, caller, cohort, page, at=at)
    return CohortReferences(cohort=cohort, handles=list(page.handles), more=page.more)
