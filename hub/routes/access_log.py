"""The access log: reading it, its checkpoints and proofs, its witnesses, and events of nodes (section 11)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry, who_called
from hub.checkpoints import format_entry, format_hashes
from hub.errors import BudgetExhaustedError, MalformedError
from hub.leaves import WHO
from hub.log_events import log_event
from hub.log_schemas import (
    LARGEST_SIZE,
    Checkpoints,
    ConsistencyProof,
    EventLogged,
    InclusionProof,
    LogEventBody,
    LogLine,
    LogPage,
    Receipt,
    WitnessOutcome,
    WitnessRequest,
    WitnessResponse,
)
from hub.log_tree import prove_consistency, prove_inclusion, read_head, root_at
from hub.log_views import StoredEntry, view_entries, view_entry
from hub.routes.calls import PROBLEMS, Caller, LoggedReadsRoute, PermittedRoute, RunningHub
from hub.service import Hub
from hub.witnesses import Response, format_request, format_witnessed, quorum_of, take_response

router = APIRouter(prefix="/v1/log", tags=["log"], responses=PROBLEMS, route_class=LoggedReadsRoute)
# Hashes and signatures, about nobody.
proofs = APIRouter(prefix="/v1/log", tags=["log"], responses=PROBLEMS, route_class=PermittedRoute)

After = Annotated[int, Query(ge=-1, le=LARGEST_SIZE, description="Entries behind this index.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many entries.")]
Leaves = Annotated[int, Query(ge=0, le=LARGEST_SIZE, description="A number of leaves.")]
Index = Annotated[int, Query(ge=1, le=LARGEST_SIZE, description="An entry's index.")]


@router.get("", summary="Read the own part of the access log")
def read_log(hub: RunningHub, caller: Caller, after: After = 0, limit: Limit = 100) -> LogPage:
    """What the caller did, and what was asked about its records; the reading itself is logged."""
    with hub.database.reading() as session:
        entries, last = view_entries(session, caller.agency, after=after, limit=limit)
    facts, parts = {"after": after, "entries": len(entries)}, {WHO: who_called(caller)}
    # A page takes its time; only the entry itself is written while the log is locked.
    with hub.database.writing() as session:
        appended = append_entry(
            session, Action.LOG_READ, agency=caller.agency, at=hub.clock(), facts=facts, parts=parts
        )
    with hub.database.reading() as session:
        proofs = prove_inclusion(session, [entry.index for entry in entries], size=appended.head.size)
    lines = [_line(entry, proofs[entry.index]) for entry in entries]
    return LogPage(entries=lines, last=last, checkpoint=hub.log_signer.sign(appended.head))


@proofs.get("/checkpoint", summary="Read the log's newest checkpoints")
def read_checkpoint(hub: RunningHub, caller: Caller) -> Checkpoints:
    """The signed checkpoint of the whole log, and the newest one that a quorum of witnesses has cosigned."""
    with hub.database.reading() as session:
        quorum = _quorum(hub, session)
        return Checkpoints(
            latest=hub.log_signer.sign(read_head(session)),
            witnessed=format_witnessed(session, hub.log_signer, quorum=quorum),
            quorum=quorum,
        )


@proofs.get("/consistency", summary="Prove that the log has only grown")
def read_consistency(
    hub: RunningHub, caller: Caller, from_: Annotated[Leaves, Query(alias="from")], to: Leaves
) -> ConsistencyProof:
    """The proof that the log of `from` leaves is the beginning of the log of `to` leaves."""
    with hub.database.reading() as session:
        if not from_ <= to <= read_head(session).size:
            raise MalformedError("from, to: not sizes this log has had, the smaller first")
        proof = prove_consistency(session, from_, size=to)
    return ConsistencyProof(from_=from_, to=to, proof=format_hashes(proof))


@proofs.get("/inclusion", summary="Prove that an entry is in the log")
def read_inclusion(hub: RunningHub, caller: Caller, index: Index, size: Leaves) -> InclusionProof:
    """The proof that an entry is in the tree of the first `size` leaves; it shows hashes only."""
    with hub.database.reading() as session:
        if not index <= size <= read_head(session).size:
            raise MalformedError("index, size: not an entry of a tree this log has had")
        proof = prove_inclusion(session, [index], size=size)[index]
    return InclusionProof(index=index, size=size, proof=format_hashes(proof))


@router.get("/witness-request", summary="Fetch what is to be witnessed")
def read_witness_request(hub: RunningHub, caller: Caller, old: Leaves) -> WitnessRequest:
    """The request that C2SP tlog-witness would have the log send, from the size the node has recorded."""
    with hub.database.reading() as session:
        quorum = _quorum(hub, session)
        text = format_request(session, hub.log_signer, caller.agency, old=old, quorum=quorum)
    return WitnessRequest(request=text)


@router.post("/cosignatures", summary="Report what the witness answered")
def create_cosignature(body: WitnessResponse, hub: RunningHub, caller: Caller) -> WitnessOutcome:
    """Keeps a cosignature, or logs that a witness refuses this log."""
    response = Response(body.old, body.size, body.status, body.body)
    with hub.database.writing() as session:
        outcome = take_response(session, hub.log_signer, caller, response, at=hub.clock())
    return WitnessOutcome.model_validate({"status": outcome})


@router.post("/events", status_code=201, summary="Log what happened at a node")
def create_event(body: LogEventBody, request: Request, hub: RunningHub, caller: Caller) -> EventLogged:
    """Logs an event of the node once, and answers with the entry's receipt."""
    with hub.database.writing() as session:
        index = log_event(
            session,
            caller,
            body.event,
            body.action,
            facts=body.facts,
            own=body.parts.own,
            body_digest=hub.pepper.digest(b"event", request.state.body),
            limit=hub.settings.events_logged_per_day,
            at=hub.clock(),
        )
        receipt = None if index is None else _receipt(hub, session, caller.agency, index)
    if index is None or receipt is None:
        raise BudgetExhaustedError("events: as many as are logged of this node in a day")
    return EventLogged(index=index, receipt=receipt)


def _quorum(hub: Hub, session: Session) -> int:
    return quorum_of(session, hub.settings.witness_quorum)


def _receipt(hub: Hub, session: Session, agency: str, index: int) -> Receipt:
    """Proved in the tree that ends with the entry, so that a repeated report gets the same receipt."""
    proof = prove_inclusion(session, [index], size=index)[index]
    entry = view_entry(session, agency, index)
    note = hub.log_signer.sign_root(index, root_at(session, index))
    return Receipt.model_validate(format_entry(index, entry.leaf, entry.parts, proof) | {"checkpoint": note})


def _line(entry: StoredEntry, proof: list[bytes]) -> LogLine:
    return LogLine.model_validate(format_entry(entry.index, entry.leaf, entry.parts, proof))
