"""The agency's caseload as this node keeps it: every row sealed, every person under a stable random handle.

A handle is 128 random bits and means nothing elsewhere; the same local id has the same handle for good, so
that consent and the log stay attached when a row leaves the file and comes back. `node.imports` replaces the
caseload by a file.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from node.errors import RecordFormatError
from node.identifiers import BirthDate, Identifiers, Record
from node.store import Store

HANDLE_BYTES = 16
HELD_SETTING = "caseload:held"


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
        rule = "has no such reference: check the spelling, or import the caseload first"
        raise RecordFormatError("caseload", rule, field="local_id")
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


def known_tags(store: Store) -> dict[str, bytes]:
    """The keyed hash of everybody's row, by handle."""
    rows = store.connection.execute("SELECT handle, content_tag FROM caseload")
    return {row["handle"]: row["content_tag"] for row in rows}


def put_record(store: Store, handle: str, record: Record, known: bytes | None, *, weak: bool) -> None:
    """Keep a person's row; `known` is the hash of the one that is there. Call it inside a transaction."""
    tag = record_tag(store, record)
    if tag == known:
        store.connection.execute("UPDATE caseload SET weak = ? WHERE handle = ?", (weak, handle))
        return
    sealed = store.vault.seal(_format_record(record), table="caseload", handle=handle)
    store.connection.execute(
        "INSERT INTO caseload (handle, content, content_tag, weak) VALUES (?, ?, ?, ?) ON CONFLICT (handle) "
        "DO UPDATE SET content = excluded.content, content_tag = excluded.content_tag, weak = excluded.weak",
        (handle, sealed, tag, weak),
    )
    store.connection.execute("UPDATE person SET known_as = NULL WHERE handle = ?", (handle,))


def delete_row(store: Store, handle: str) -> None:
    """Take a person out of the caseload; the handle, and what hangs on it, stays."""
    store.connection.execute("DELETE FROM caseload WHERE handle = ?", (handle,))


def record_tag(store: Store, record: Record) -> bytes:
    """A keyed hash of a row's content, without its row number: where it stood in the file is no change."""
    text = json.dumps(_format_record(record), sort_keys=True, ensure_ascii=False)
    return store.vault.tag("caseload row", text)


def identifiers_under(store: Store, handle: str) -> tuple[Identifiers, ...] | None:
    """Whoever stands under a handle in the caseload, else whoever was last remembered under it."""
    for table, column in (("caseload", "content"), ("person", "known_as")):
        query = f"SELECT {column} AS sealed FROM {table} WHERE handle = ?"
        row = store.connection.execute(query, (handle,)).fetchone()
        if row is not None and row["sealed"] is not None:
            label = "caseload" if table == "caseload" else "person known as"
            content = store.vault.open(row["sealed"], table=label, handle=handle)
            return tuple(_parse_identifiers(entry) for entry in content["identifiers"])
    return None


def keep_identifiers(store: Store, handle: str, identifiers: Sequence[Identifiers] | None) -> None:
    """Remember who stood under a handle that is not in the caseload, or forget it."""
    content = None
    if identifiers is not None:
        document = {"identifiers": [asdict(way) for way in identifiers]}
        content = store.vault.seal(document, table="person known as", handle=handle)
    store.connection.execute("UPDATE person SET known_as = ? WHERE handle = ?", (content, handle))


def mark_parked(store: Store, handle: str, row: int) -> None:
    """Remember at which row of the last file a person stands who is not shared."""
    store.connection.execute("UPDATE person SET parked_row = ? WHERE handle = ?", (row, handle))


def forget_parked(store: Store) -> None:
    """Before an import: nobody is parked, and only those with a seal or a consent are remembered."""
    store.connection.execute("UPDATE person SET parked_row = NULL WHERE parked_row IS NOT NULL")
    store.connection.execute(
        "UPDATE person SET known_as = NULL WHERE known_as IS NOT NULL AND NOT sealed "
        "AND handle NOT IN (SELECT handle FROM consent)"
    )


def keep_held(store: Store, handles: Iterable[str]) -> None:
    """Remember whose rows the last import has held: no consent is recorded under them."""
    store.put_setting(HELD_SETTING, " ".join(sorted(handles)))


def is_held(store: Store, handle: str) -> bool:
    """Whether the last import has held the row under a handle."""
    return handle in (store.setting(HELD_SETTING) or "").split()


def parked_row(store: Store, handle: str) -> int | None:
    """The row of the last file at which a person stands who is not shared; None for all others."""
    row = store.connection.execute("SELECT parked_row FROM person WHERE handle = ?", (handle,)).fetchone()
    return None if row is None else row["parked_row"]


def shareable_records(store: Store) -> Iterator[KeptRecord]:
    """Everybody in the caseload who is not sealed, by handle."""
    rows = store.connection.execute(
        "SELECT handle, content, content_tag FROM caseload JOIN person USING (handle) "
        "WHERE NOT sealed ORDER BY handle"
    ).fetchall()
    for row in rows:
        content = store.vault.open(row["content"], table="caseload", handle=row["handle"])
        yield KeptRecord(row["handle"], row["content_tag"], _parse_record(content))


def all_identifiers(store: Store) -> Iterator[tuple[str, tuple[Identifiers, ...]]]:
    """Everybody in the caseload, and everybody who is remembered without standing in it, by handle."""
    rows = store.connection.execute(
        "SELECT handle FROM caseload UNION SELECT handle FROM person WHERE known_as IS NOT NULL"
    ).fetchall()
    for row in rows:
        yield row["handle"], identifiers_under(store, row["handle"]) or ()


def mark_sealed(store: Store, handle: str, *, sealed: bool) -> None:
    """Seal or unseal a handle; a sealed one is due to be removed from the hub if it may hold it."""
    store.connection.execute(
        "UPDATE person SET sealed = ?, removal_due = ? AND EXISTS "
        "(SELECT 1 FROM shared WHERE shared.handle = person.handle) WHERE handle = ?",
        (sealed, sealed, handle),
    )


def sealed_handles(store: Store) -> set[str]:
    """Everybody who is sealed."""
    rows = store.connection.execute("SELECT handle FROM person WHERE sealed")
    return {row["handle"] for row in rows}


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
