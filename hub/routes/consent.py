"""Consent of the caller's records (docs/protocol.md, section 8)."""

from __future__ import annotations

from fastapi import APIRouter

from hub.consent import list_consents, store_consent
from hub.consent_schemas import ConsentDocument, Consents, ConsentStored, ConsentView
from hub.routes.calls import PROBLEMS, Caller, Handle, LoggedReadsRoute, RunningHub

router = APIRouter(prefix="/v1/consents", tags=["consent"], responses=PROBLEMS, route_class=LoggedReadsRoute)


@router.put("/{handle}", summary="Record or withdraw consent")
def put_consent(handle: Handle, body: ConsentDocument, hub: RunningHub, caller: Caller) -> ConsentStored:
    """Keeps the next version of a record's consent; a withdrawal counts from the next look-up on."""
    at = hub.clock()
    document = body.model_dump(mode="json", exclude_unset=True)
    with hub.database.writing() as session:
        version = store_consent(session, caller, handle, document, at=at)
    return ConsentStored(handle=handle, version=version)


@router.get("", summary="List the own records' consents", response_model_exclude_unset=True)
def read_consents(hub: RunningHub, caller: Caller) -> Consents:
    """The newest consent of each of the caller's handles, sorted by handle."""
    with hub.database.reading() as session:
        views = [ConsentView.model_validate(view) for view in list_consents(session, caller)]
    return Consents(consents=views)
