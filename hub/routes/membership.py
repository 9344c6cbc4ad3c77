"""Health, the hub's own identity, enrolment and the agencies (docs/protocol.md, section 4)."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter

from hub.clock import format_time
from hub.health import require_writable
from hub.membership import enrol, list_agencies
from hub.models import Agency
from hub.routes.calls import PROBLEMS, Caller, Enroller, PermittedRoute, RunningHub
from hub.schemas import Agencies, AgencyView, Enrolled, Enrolment, Health, HubDescription

public = APIRouter(prefix="/v1", tags=["hub"], responses=PROBLEMS)
enrolments = APIRouter(prefix="/v1", tags=["hub"], responses=PROBLEMS, route_class=PermittedRoute)
router = APIRouter(prefix="/v1", tags=["membership"], responses=PROBLEMS, route_class=PermittedRoute)


@public.get("/health", summary="Is the hub able to work?")
def read_health(hub: RunningHub) -> Health:
    """Answers ok when the database can be written; not signed, shows nothing else."""
    require_writable(hub.database, at=hub.clock())
    return Health()


@public.get("/hub", summary="Who is this hub?")
def read_hub(hub: RunningHub) -> HubDescription:
    """The network's id and the hub's public key, whose fingerprint is compared out of band and pinned."""
    identity = hub.identity.public
    return HubDescription(
        network=hub.settings.network,
        public_key=identity.public_key_base64,
        fingerprint=identity.fingerprint,
        version=version("knownto"),
    )


@enrolments.post("/enrolments", status_code=201, summary="Enrol a node's keys")
def create_enrolment(body: Enrolment, hub: RunningHub, node: Enroller) -> Enrolled:
    """Notes a node's new keys against a one-time token; signed with the new key as proof of possession."""
    with hub.database.writing() as session:
        row = enrol(session, body.agency, token=body.token, identity=node.identity, at=hub.clock())
        return Enrolled.model_validate(
            {"agency": row.agency, "fingerprint": row.fingerprint, "state": row.state}
        )


@router.get("/agencies", summary="List the agencies of the network")
def read_agencies(hub: RunningHub, caller: Caller) -> Agencies:
    """Every agency with its public keys and how current its caseload is, sorted by id."""
    with hub.database.reading() as session:
        return Agencies(agencies=[_view(row) for row in list_agencies(session)])


def _view(row: Agency) -> AgencyView:
    fields = (
        "agency",
        "name",
        "service",
        "area",
        "custodian",
        "state",
        "public_key",
        "exchange_key",
        "fingerprint",
    )
    values = {name: getattr(row, name) for name in fields}
    return AgencyView.model_validate(
        values | {"as_of": None if row.as_of is None else format_time(row.as_of)}
    )
