"""Epochs and the envelopes that carry linkage keys (docs/protocol.md, section 5)."""

from __future__ import annotations

from fastapi import APIRouter

from hub.epochs import create_epoch, current_document, own_envelope, store_envelope
from hub.routes.calls import PROBLEMS, AgencyId, Caller, EpochId, LoggedRoute, RunningHub
from hub.schemas import EnvelopeStored, EpochDocument, EpochView, KeyEnvelope

router = APIRouter(prefix="/v1/epochs", tags=["epochs"], responses=PROBLEMS, route_class=LoggedRoute)


@router.post("", status_code=201, summary="Begin an epoch")
def begin_epoch(body: EpochDocument, hub: RunningHub, caller: Caller) -> EpochView:
    """Takes a new epoch from the custodian; current at once, and every caseload must be pushed again."""
    document = body.model_dump(mode="json", by_alias=True)
    with hub.database.writing() as session:
        create_epoch(session, caller, document, network=hub.settings.network, at=hub.clock())
    return EpochView.model_validate(document | {"custodian": caller.agency})


@router.get("/current", summary="Read the current epoch")
def read_current_epoch(hub: RunningHub, caller: Caller) -> EpochView:
    """The signed epoch document with the linkage schema, and which agency signed it."""
    with hub.database.reading() as session:
        return EpochView.model_validate(current_document(session))


@router.put("/{epoch}/envelopes/{agency}", summary="Hand a linkage key to an agency")
def put_envelope(
    epoch: EpochId, agency: AgencyId, body: KeyEnvelope, hub: RunningHub, caller: Caller
) -> EnvelopeStored:
    """Keeps a key the custodian has sealed for one agency; the hub cannot open it."""
    document = body.model_dump(mode="json")
    with hub.database.writing() as session:
        store_envelope(
            session, caller, agency, document, epoch=epoch, network=hub.settings.network, at=hub.clock()
        )
    return EnvelopeStored(epoch=epoch, agency=agency)


@router.get("/{epoch}/envelope", summary="Receive the own linkage key, sealed")
def read_envelope(epoch: EpochId, hub: RunningHub, caller: Caller) -> KeyEnvelope:
    """The envelope the custodian sealed for the calling node."""
    with hub.database.reading() as session:
        return KeyEnvelope.model_validate(own_envelope(session, caller, epoch))
