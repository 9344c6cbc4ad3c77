"""What the hub holds of the caller (docs/protocol.md, section 7)."""

from __future__ import annotations

from fastapi import APIRouter

from hub.consent_schemas import Holdings
from hub.holdings import describe_holdings
from hub.routes.calls import PROBLEMS, Caller, PermittedRoute, RunningHub

router = APIRouter(prefix="/v1/holdings", tags=["caseload"], responses=PROBLEMS, route_class=PermittedRoute)


@router.get("", summary="Compare what is held")
def read_holdings(hub: RunningHub, caller: Caller) -> Holdings:
    """Counts and digests of the caller's records and newest consents: a node sees whether a hub lost any."""
    with hub.database.reading() as session:
        return Holdings.model_validate(describe_holdings(session, caller))
