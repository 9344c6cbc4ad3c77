"""The agency's caseload as this node keeps it: every row sealed, every person under a stable random handle.

A handle is 128 random bits and means nothing elsewhere; the same local id has the same handle for good, so
that consent and the log stay attached when a row leaves the file and comes back. An import replaces the
caseload whole: rows missing from the file leave it, and are taken from the hub by the next push.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from node.errors import RecordFormatError
from node.identifiers import BirthDate, Identifiers, Record
from node.store import Store

HANDLE_BYTES = 16


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What replacing the caseload by a file does, in numbers of people."""

    added: int
    changed: int
    removed: int
    unchanged: int


@dataclass(frozen=True, slots=True, repr=False)
class KeptRecord:
    """One person of the caseload who may be shared."""

    handle: str
    content_tag: bytes
    record: Record


@dataclass(frozen=True, slots=True)
class CaseloadCounts:
    """The sizes `node status` prints, in people."""

    rows: int
    weak: int
    sealed: int
    shared: int
    removal_due: int


def find_handle(store: Store, local_id: str) -> str | None:
    """The handle of a local id, or None where this node has never seen it."""
    tag = store.vault.tag("local id", local_id)
    row = store.connection.execute("SELECT handle FROM person WHERE local_tag = ?", (tag,)).fetchone()
    return None if row is None else str(row["handle"])


def require_handle(store: Store, local_id: str) -> str:
    """The handle of a local id of the caseload.

    Raises:
        RecordFormatError: The caseload has no such reference.
    """
    handle = find_handle(store, local_id)
    if handle is None:
        raise RecordFormatError("caseload", "has no such reference", field="local_id")
    return handle


def make_handle(store: Store, local_id: str) -> str:
    """The handle of a local id, made if this node has never seen it. Call it inside a transaction."""
    handle = find_handle(store, local_id)
    if handle is not None:
        return handle
    handle = secrets.token_hex(HANDLE_BYTES)
    reference = store.vault.seal({"local_id": local_id}, table="person", handle=handle)
    store.connection.execute(
        "INSERT INTO person (handle, local_tag, reference) VALUES (?, ?, ?)",
        (handle, store.vault.tag("local id", local_id), reference),
    )
    return handle


def reference_of(store: Store, handle: str) -> str | None:
    """The agency's own reference for a handle, for its own screens; None where the handle is not ours."""
    row = store.connection.execute("SELECT reference FROM person WHERE handle = ?", (handle,)).fetchone()
    if row is None:
        return None
    return str(store.vault.open(row["reference"], table="person", handle=handle)["local_id"])


def plan_import(store: Store, records: Sequence[Record]) -> ImportPlan:
    """What an import of these records would do; nothing is written."""
    known = _known_tags(store)
    added = changed = 0
    present = set()
    for record in records:
        handle = find_handle(store, record.local_id)
        if handle is None or handle not in known:
            added += 1
            continue
        present.add(handle)
        changed += known[handle] != _content_tag(store, record)
    return ImportPlan(added, changed, len(known) - len(present), len(present) - changed)


def import_records(
    store: Store,
    records: Sequence[Record],
    *,
    weak_rows: Collection[int],
    advance: Callable[[int], None] = lambda count: None,
) -> ImportPlan:
    """Replace the caseload by these records, all or nothing.

    Args:
        store: The node's store.
        records: One record a person; local ids are unique.
        weak_rows: Row numbers of records that `node check` calls weak.
        advance: Told the number of records done, for a progress bar.

    Returns:
        What it did.
    """
    plan = plan_import(store, records)
    weak = frozenset(weak_rows)
    with store.transaction() as connection:
        known = _known_tags(store)
        present = set()
        for record in records:
            handle = make_handle(store, record.local_id)
            present.add(handle)
            _put_record(store, connection, handle, record, known.get(handle), weak=record.row in weak)
            advance(1)
        gone = [(handle,) for handle in known if handle not in present]
        connection.executemany("DELETE FROM caseload WHERE handle = ?", gone)
    return plan


def shareable_records(store: Store) -> Iterator[KeptRecord]:
    """Everybody in the caseload who is not sealed, by handle."""
    rows = store.connection.execute(
        "SELECT handle, content, content_tag FROM caseload JOIN person USING (handle) "
        "WHERE NOT sealed ORDER BY handle"
    ).fetchall()
    for row in rows:
        content = store.vault.open(row["content"], table="caseload", handle=row["handle"])
        yield KeptRecord(row["handle"], row["content_tag"], _parse_record(content))


def set_sealed(store: Store, handle: str, *, sealed: bool) -> None:
    """Seal or unseal a person; a sealed one is due to be removed from the hub if it may hold them."""
    with store.transaction() as connection:
        connection.execute(
            "UPDATE person SET sealed = ?, removal_due = ? AND EXISTS "
            "(SELECT 1 FROM shared WHERE shared.handle = person.handle) WHERE handle = ?",
            (sealed, sealed, handle),
        )


def is_sealed(store: Store, handle: str) -> bool:
    """Whether a person is sealed."""
    row = store.connection.execute("SELECT sealed FROM person WHERE handle = ?", (handle,)).fetchone()
    return bool(row and row["sealed"])


def is_in_caseload(store: Store, handle: str) -> bool:
    """Whether the person stands in the caseload as last imported."""
    found = store.connection.execute("SELECT 1 FROM caseload WHERE handle = ?", (handle,)).fetchone()
    return found is not None


def count_caseload(store: Store) -> CaseloadCounts:
    """The sizes of the caseload."""
    row = store.connection.execute(
        "SELECT (SELECT count(*) FROM caseload), (SELECT count(*) FROM caseload WHERE weak), "
        "(SELECT count(*) FROM person WHERE sealed), (SELECT count(*) FROM shared WHERE confirmed), "
        "(SELECT count(*) FROM person WHERE removal_due)"
    ).fetchone()
    return CaseloadCounts(*row)


def _known_tags(store: Store) -> dict[str, bytes]:
    rows = store.connection.execute("SELECT handle, content_tag FROM caseload")
    return {row["handle"]: row["content_tag"] for row in rows}


def _put_record(
    store: Store,
    connection: sqlite3.Connection,
    handle: str,
    record: Record,
    known: bytes | None,
    *,
    weak: bool,
) -> None:
    tag = _content_tag(store, record)
    if tag == known:
        connection.execute("UPDATE caseload SET weak = ? WHERE handle = ?", (weak, handle))
        return
    sealed = store.vault.seal(_format_record(record), table="caseload", handle=handle)
    connection.execute(
        "INSERT INTO caseload (handle, content, content_tag, weak) VALUES (?, ?, ?, ?) ON CONFLICT (handle) "
        "DO UPDATE SET content = excluded.content, content_tag = excluded.content_tag, weak = excluded.weak",
        (handle, sealed, tag, weak),
    )


def _content_tag(store: Store, record: Record) -> bytes:
    text = json.dumps(_format_record(record), sort_keys=True, ensure_ascii=False)
    return store.vault.tag("caseload row", text)


def _format_record(record: Record) -> dict[str, Any]:
    """The record as JSON, without the row number: where it stood in the file is no change."""
    document = asdict(record)
    del document["row"]
    for day in ("opened", "closed", "last_contact"):
        if document[day] is not None:
            document[day] = document[day].isoformat()
    return document


def _parse_record(content: Mapping[str, Any]) -> Record:
    days = {
        name: date.fromisoformat(content[name]) if content.get(name) else None
        for name in ("opened", "closed", "last_contact")
    }
    return Record(
        row=0,
        local_id=content["local_id"],
        identifiers=tuple(_parse_identifiers(entry) for entry in content["identifiers"]),
        area=content.get("area"),
        team=content.get("team"),
        **days,
    )


def _parse_identifiers(entry: Mapping[str, Any]) -> Identifiers:
    birth = entry.get("birth")
    return Identifiers(**{**entry, "birth": None if birth is None else BirthDate(**birth)})
