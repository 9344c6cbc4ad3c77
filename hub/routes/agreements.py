"""Agreements: propose, list, sign (docs/protocol.md, section 6)."""

from __future__ import annotations

from fastapi import APIRouter

from hub.agreements import list_agreements, propose, sign
from hub.routes.calls import PROBLEMS, AgreementId, Caller, LoggedRoute, RunningHub
from hub.schemas import AgreementDocument, Agreements, AgreementSignature, AgreementView

router = APIRouter(prefix="/v1/agreements", tags=["agreements"], responses=PROBLEMS, route_class=LoggedRoute)


@router.post("", status_code=201, summary="Propose an agreement")
def create_agreement(body: AgreementDocument, hub: RunningHub, caller: Caller) -> AgreementView:
    """Takes the document of an agreement the caller is a party of; it counts once parties have signed."""
    document = body.model_dump(mode="json")
    with hub.database.writing() as session:
        return AgreementView.model_validate(propose(session, caller, document, at=hub.clock()))


@router.get("", summary="List the own agreements")
def read_agreements(hub: RunningHub, caller: Caller) -> Agreements:
    """The agreements the caller is a party of, with the signatures they have, sorted by id."""
    with hub.database.reading() as session:
        views = [AgreementView.model_validate(view) for view in list_agreements(session, caller)]
    return Agreements(agreements=views)


@router.put("/{agreement}/signatures", summary="Sign an agreement")
def put_signature(
    agreement: AgreementId, body: AgreementSignature, hub: RunningHub, caller: Caller
) -> AgreementView:
    """Adds the caller's signature over the proposed document."""
    with hub.database.writing() as session:
        view = sign(session, caller, agreement, digest=body.digest, signature=body.signature, at=hub.clock())
        return AgreementView.model_validate(view)
