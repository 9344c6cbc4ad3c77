"""Pushed caseloads: records replaced whole, batch by batch, and current only when count and digest agree.

One transaction a batch; repeating a batch changes nothing. Slots become tags and name filters get their keyed
order before they reach the database, so that what a node sent is nowhere stored (docs/protocol.md, section
7).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Delete, delete, func, insert, select
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry, who_called
from hub.authentication import CallingNode
from hub.database import insert_new
from hub.decoding import decode_fixed, decode_tokens
from hub.epochs import CurrentEpoch, require_current
from hub.errors import ConflictError, MalformedError
from hub.linking_members import forget_members
from hub.models import Agency, Push, Record, SharedArea, Tag, Token
from hub.month_models import RecordMonths
from hub.months import month_of
from hub.schemas import CARD_BYTES, WireMonths, WireRecord
from hub.tags import Pepper
from keys.documents import canonical_bytes

CHUNK = 500  # Handles in one statement; SQLite takes 32,766 parameters, older builds 999.


@dataclass(frozen=True, slots=True, repr=False)
class PreparedBatch:
    """A batch ready to be stored: nothing in it is what the node sent but handle, area and card."""

    records: list[dict[str, Any]]
    tokens: list[dict[str, Any]]
    owners: list[int]
    tags: list[list[int]]
    months: list[WireMonths | None]
    removed: list[str]


def prepare_batch(
    records: Sequence[WireRecord], removed: Sequence[str], *, epoch: CurrentEpoch, pepper: Pepper, agency: str
) -> PreparedBatch:
    """Check a batch and pepper its tokens; needs no database.

    Raises:
        MalformedError: A handle occurs twice, or a token or card is not in its form.
    """
    handles = [record.handle for record in records]
    if len(set(handles)) != len(handles) or set(handles) & set(removed):
        raise MalformedError("records: a handle occurs twice")
    wire = [token for record in records for token in record.tokens]
    owners = [n for n, record in enumerate(records) for _ in record.tokens]
    decoded = decode_tokens(wire, epoch.schema, field="records.tokens")
    tags = pepper.token_tags(decoded.slots, epoch.schema)
    names = pepper.permute_names(decoded.names, epoch.schema)
    stored = tags.astype(">u8")
    searched = np.flatnonzero([slot.search for slot in epoch.schema.stored])
    searchable = np.ascontiguousarray(tags[:, searched]).view(np.int64)
    return PreparedBatch(
        records=[_record_row(record, n, agency) for n, record in enumerate(records)],
        tokens=[{"tags": stored[n].tobytes(), "names": names[n].tobytes()} for n in range(len(wire))],
        owners=owners,
        tags=[sorted(set(row) - {0}) for row in searchable.tolist()],
        months=[record.months for record in records],
        removed=list(removed),
    )


def store_batch(
    session: Session,
    caller: CallingNode,
    push: str,
    batch: PreparedBatch,
    *,
    epoch: str,
    schema_digest: str,
    at: datetime,
) -> int:
    """Replace and remove the records of a batch in the current transaction.

    Returns:
        How many of the handles to remove were there.

    Raises:
        EpochMismatchError: Another epoch is current: an epoch that began meanwhile must not take tags of the
            one before.
        SchemaMismatchError: The epoch has another schema.
    """
    # Only then: who begins an epoch locks every agency first, so that nothing changes after the question.
    lock_agency(session, caller.agency)
    require_current(session, epoch=epoch, schema_digest=schema_digest)
    insert_new(session, Push, {"agency": caller.agency, "push": push, "epoch": epoch, "began": at})
    _delete_records(session, caller.agency, [record["handle"] for record in batch.records])
    removed = _delete_records(session, caller.agency, batch.removed)
    if batch.removed:
        forget_members(session, caller.agency, batch.removed)
    if batch.records:
        _insert_records(session, batch)
    return removed


def complete_push(
    session: Session,
    caller: CallingNode,
    push: str,
    *,
    epoch: str,
    schema_digest: str,
    records: int,
    digest: str,
    at: datetime,
) -> None:
    """Mark the caller's caseload as current, when both sides hold the same.

    Raises:
        EpochMismatchError: Another epoch is current.
        SchemaMismatchError: The epoch has another schema.
        ConflictError: Count or digest differ; nothing is marked, and the node sends everything again.
    """
    agency = lock_agency(session, caller.agency)
    require_current(session, epoch=epoch, schema_digest=schema_digest)
    count, held = caseload_digest(session, caller.agency)
    if count != records:
        raise ConflictError("records: not the number the hub holds; send everything again")
    if held != digest:
        raise ConflictError("digest: not that of what the hub holds; send everything again")
    agency.as_of, agency.shared_records = at, count
    _count_areas(session, caller.agency)
    insert_new(session, Push, {"agency": caller.agency, "push": push, "epoch": epoch, "began": at})
    row = session.get_one(Push, (caller.agency, push))
    row.completed = at
    session.flush()
    facts, parts = {"push": push, "epoch": epoch, "records": count}, {"who": who_called(caller)}
    append_entry(session, Action.PUSH_COMPLETED, agency=caller.agency, at=at, facts=facts, parts=parts)


def remove_caseload(session: Session, caller: CallingNode, *, at: datetime) -> int:
    """Remove all of the caller's records: it leaves, or starts afresh. Returns how many there were."""
    agency = lock_agency(session, caller.agency)
    ids = list(session.scalars(select(Record.record).where(Record.agency == caller.agency)))
    for start in range(0, len(ids), CHUNK):
        _delete_ids(session, ids[start : start + CHUNK])
    forget_members(session, caller.agency)
    agency.as_of, agency.shared_records = None, 0
    _delete(session, delete(SharedArea).where(SharedArea.agency == caller.agency))
    session.flush()
    facts, parts = {"records": len(ids)}, {"who": who_called(caller)}
    append_entry(session, Action.RECORDS_REMOVED, agency=caller.agency, at=at, facts=facts, parts=parts)
    return len(ids)


def caseload_digest(session: Session, agency: str) -> tuple[int, str]:
    """Count and digest of what the hub holds of an agency.

    The digest is SHA-256 over the sorted handles, each followed by the SHA-256 of its record (raw bytes).
    """
    rows = session.execute(select(Record.handle, Record.sha256).where(Record.agency == agency)).all()
    parts = (bytes.fromhex(handle) + sha256 for handle, sha256 in sorted(rows))
    return len(rows), hashlib.sha256(b"".join(parts)).hexdigest()


def lock_agency(session: Session, agency: str) -> Agency:
    """The agency's row, locked: two workers never store parts of one caseload at once."""
    return session.scalars(
        select(Agency).where(Agency.agency == agency).with_for_update(key_share=True)
    ).one()


def _count_areas(session: Session, agency: str) -> None:
    """Count once a push what every look-up needs to know."""
    counted = (
        select(Record.agency, Record.area, func.count())
        .where(Record.agency == agency, Record.area.is_not(None))
        .group_by(Record.agency, Record.area)
    )
    _delete(session, delete(SharedArea).where(SharedArea.agency == agency))
    session.execute(insert(SharedArea).from_select(["agency", "area", "records"], counted))


def _record_row(record: WireRecord, number: int, agency: str) -> dict[str, Any]:
    card = decode_fixed(record.card, CARD_BYTES, field=f"records.{number}.card")
    # What the node left out it has not hashed either.
    canonical = canonical_bytes(record.model_dump(exclude_unset=True))
    return {
        "agency": agency,
        "handle": record.handle,
        "area": record.area,
        "card": card,
        "sha256": hashlib.sha256(canonical).digest(),
    }


def _delete_records(session: Session, agency: str, handles: Sequence[str]) -> int:
    removed = 0
    for start in range(0, len(handles), CHUNK):
        wanted = Record.handle.in_(handles[start : start + CHUNK])
        ids = list(session.scalars(select(Record.record).where(Record.agency == agency, wanted)))
        _delete_ids(session, ids)
        removed += len(ids)
    return removed


def _delete_ids(session: Session, ids: Sequence[int]) -> None:
    tokens = select(Token.token).where(Token.record.in_(ids))
    _delete(session, delete(Tag).where(Tag.token.in_(tokens)))
    _delete(session, delete(Token).where(Token.record.in_(ids)))
    _delete(session, delete(RecordMonths).where(RecordMonths.record.in_(ids)))
    _delete(session, delete(Record).where(Record.record.in_(ids)))


def _delete(session: Session, statement: Delete) -> None:
    # No such row is ever loaded as an object, so there is none to keep in step.
    session.execute(statement, execution_options={"synchronize_session": False})


def _number(month: str | None) -> int | None:
    return None if month is None else month_of(month)


def _insert_records(session: Session, batch: PreparedBatch) -> None:
    record_ids = list(
        session.scalars(insert(Record).returning(Record.record, sort_by_parameter_order=True), batch.records)
    )
    months = [
        {"record": record, "opened": _number(months.opened), "closed": _number(months.closed)}
        for record, months in zip(record_ids, batch.months, strict=True)
        if months is not None
    ]
    if months:
        session.execute(insert(RecordMonths), months)
    rows = [token | {"record": record_ids[n]} for token, n in zip(batch.tokens, batch.owners, strict=True)]
    token_ids = list(
        session.scalars(insert(Token).returning(Token.token, sort_by_parameter_order=True), rows)
    )
    tag_rows = [
        {"tag": tag, "token": token}
        for token, tags in zip(token_ids, batch.tags, strict=True)
        for tag in tags
    ]
    if tag_rows:
        session.execute(insert(Tag), sorted(tag_rows, key=lambda row: row["tag"]))
