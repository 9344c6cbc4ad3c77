"""Reading the access log as far as it concerns the caller (docs/protocol.md, section 11)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from hub.access_log import Action, append_entry, view_entries
from hub.routes.calls import PROBLEMS, Caller, ConfirmedRoute, RunningHub
from hub.schemas import LogLine, LogPage

router = APIRouter(prefix="/v1/log", tags=["log"], responses=PROBLEMS, route_class=ConfirmedRoute)

After = Annotated[int, Query(ge=-1, le=2**53, description="Entries behind this index.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many entries.")]


@router.get("", summary="Read the own part of the access log")
def read_log(hub: RunningHub, caller: Caller, after: After = 0, limit: Limit = 100) -> LogPage:
    """What the caller asked, and what was asked about its records; the reading itself is logged."""
    at = hub.clock()
    with hub.database.writing() as session:
        views, last = view_entries(session, caller.agency, after=after, limit=limit)
        details = {"after": after, "entries": len(views)}
        append_entry(session, Action.LOG_READ, agency=caller.agency, at=at, details=details)
    return LogPage(entries=[LogLine(index=view.index, entry=view.entry) for view in views], last=last)
