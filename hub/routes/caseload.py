"""Pushing a caseload (docs/protocol.md, section 7)."""

from __future__ import annotations

from fastapi import APIRouter

from hub.caseload import complete_push, prepare_batch, remove_caseload, store_batch
from hub.clock import format_time
from hub.epochs import require_current
from hub.routes.calls import PROBLEMS, BatchNumber, Caller, LoggedRoute, PushId, RunningHub
from hub.schemas import Batch, BatchStored, Complete, Completed, Removed

router = APIRouter(prefix="/v1", tags=["caseload"], responses=PROBLEMS, route_class=LoggedRoute)


@router.post("/pushes/{push}/batches/{number}", summary="Push part of a caseload")
def push_batch(
    push: PushId, number: BatchNumber, body: Batch, hub: RunningHub, caller: Caller
) -> BatchStored:
    """Replaces and removes records in one transaction; repeating a batch changes nothing."""
    at = hub.clock()
    with hub.database.reading() as session:
        epoch = require_current(session, epoch=body.epoch, schema_digest=body.schema_digest)
    batch = prepare_batch(body.records, body.removed, epoch=epoch, pepper=hub.pepper, agency=caller.agency)
    with hub.database.writing() as session:
        removed = store_batch(
            session, caller, push, batch, epoch=body.epoch, schema_digest=body.schema_digest, at=at
        )
    return BatchStored(records=len(body.records), removed=removed)


@router.post("/pushes/{push}/complete", summary="Complete a push")
def complete(push: PushId, body: Complete, hub: RunningHub, caller: Caller) -> Completed:
    """Compares count and digest of what both sides hold; only then is the caseload current as of now."""
    at = hub.clock()
    with hub.database.writing() as session:
        complete_push(
            session,
            caller,
            push,
            epoch=body.epoch,
            schema_digest=body.schema_digest,
            records=body.records,
            digest=body.digest,
            at=at,
        )
    return Completed(as_of=format_time(at), records=body.records)


@router.delete("/caseload", summary="Remove the whole caseload")
def delete_caseload(hub: RunningHub, caller: Caller) -> Removed:
    """Removes all of the caller's records: it leaves the network, or starts afresh."""
    with hub.database.writing() as session:
        return Removed(removed=remove_caseload(session, caller, at=hub.clock()))
