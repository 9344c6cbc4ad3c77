"""The access log becomes a Merkle tree of leaves and parts (docs/protocol.md, section 11).

Entries of the release before were whole documents, with their SHA-256 beside them and nothing over them all.
Each is carried over under its index: what is plain into a leaf with the fact `converted`, what is personal
into salted parts, and the digest of the old bytes into a part of its own that nobody but the hub is shown
(without a salt of its own it would let an asker guess at what it was not told). An entry that is not what its
digest says, or a gap, stops the upgrade: it must be looked into and not be covered up.

Revision: 0005.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from keys.documents import canonical_bytes
from keys.merkle import append_leaf, leaf_hash

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CHUNK = 500
HEADING = ("format", "at", "action", "agency")
WHO = ("staff", "role", "request_signature")
EMPTY = sa.text("''")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, carry the entries over, drop their old form."""
    _make_tables()
    op.add_column("log_entries", sa.Column("leaf", sa.LargeBinary(), nullable=False, server_default=EMPTY))
    op.add_column("log_head", sa.Column("frontier", sa.LargeBinary(), nullable=False, server_default=EMPTY))
    _convert(op.get_bind())
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("log_entries", "leaf", server_default=None)
        op.alter_column("log_head", "frontier", server_default=None)
    op.drop_column("log_entries", "entry")
    op.drop_column("log_entries", "sha256")
    # Whose record a consent is about now stands in its part; subjects are for look-ups alone.
    op.execute(
        'DELETE FROM log_subjects WHERE "index" IN '
        "(SELECT \"index\" FROM log_entries WHERE action LIKE 'consent:%')"
    )
    with op.batch_alter_table("log_subjects") as batch:
        batch.alter_column("handle", existing_type=sa.Text(), nullable=True)


def downgrade() -> None:
    """There is no way back: the old entries' bytes are gone, and a log is not for rewriting."""
    raise NotImplementedError(
        "a log of leaves is not turned back; restore the backup made before the upgrade"
    )


def _make_tables() -> None:
    op.create_table(
        "log_nodes",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name="pk_log_nodes"),
    )
    op.create_table(
        "log_parts",
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["index"], ["log_entries.index"], name="fk_log_parts_index"),
        sa.PrimaryKeyConstraint("index", "name", name="pk_log_parts"),
    )
    op.create_table(
        "log_cosignatures",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_log_cosignatures_agency"),
        sa.PrimaryKeyConstraint("agency", "size", name="pk_log_cosignatures"),
    )
    op.create_index("ix_log_cosignatures_size", "log_cosignatures", ["size"], unique=False)
    op.create_table(
        "log_events",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_log_events_agency"),
        sa.ForeignKeyConstraint(["log_index"], ["log_entries.index"], name="fk_log_events_log_index"),
        sa.PrimaryKeyConstraint("agency", "event", name="pk_log_events"),
    )


def _convert(connection: sa.Connection) -> None:
    entries = sa.table("log_entries", sa.column("index"), sa.column("at", TIME), sa.column("leaf"))
    parts = sa.table("log_parts", *map(sa.column, ("index", "name", "salt", "text")))
    nodes = sa.table("log_nodes", *map(sa.column, ("level", "position", "hash")))
    size, frontier = 0, list[bytes]()
    for index, text, handles in _old_entries(connection):
        if index != size + 1:
            raise ValueError(f"log entry {size + 1}: missing; the log is not upgraded over a gap")
        entry = json.loads(text)
        leaf, texts = _leaf(index, entry, handles, hashlib.sha256(text).hexdigest())
        made, frontier, _ = append_leaf(size, frontier, leaf_hash(leaf))
        size = index
        connection.execute(
            sa.update(entries).where(entries.c.index == index).values(leaf=leaf, at=_time(entry["at"]))
        )
        connection.execute(sa.insert(nodes), [dict(zip(nodes.c.keys(), one, strict=True)) for one in made])
        connection.execute(sa.insert(parts), [{"index": index} | one for one in texts])
    head = sa.table("log_head", sa.column("size"), sa.column("frontier"))
    if connection.scalar(sa.select(head.c.size)) != size:
        raise ValueError("log: entries are missing at its end; the log is not upgraded over a gap")
    connection.execute(sa.update(head).values(frontier=b"".join(frontier)))


def _old_entries(connection: sa.Connection) -> Iterator[tuple[int, bytes, dict[str, list[tuple[int, str]]]]]:
    """Index, bytes, and the handles by holder with their cases; every entry checked against its digest."""
    entries = sa.table("log_entries", *map(sa.column, ("index", "entry", "sha256")))
    subjects = sa.table("log_subjects", *map(sa.column, ("index", "holder", "number", "case", "handle")))
    last = 0
    while True:
        rows = connection.execute(
            sa.select(entries).where(entries.c.index > last).order_by(entries.c.index).limit(CHUNK)
        ).all()
        if not rows:
            return
        about: dict[int, dict[str, list[tuple[int, str]]]] = {}
        for index, holder, _, case, handle in connection.execute(
            sa.select(subjects)
            .where(subjects.c.index > last, subjects.c.index <= rows[-1][0])
            .order_by(subjects.c.index, subjects.c.number)
        ):
            about.setdefault(index, {}).setdefault(holder, []).append((case, handle))
        for index, entry, digest in rows:
            text = bytes(entry)
            if hashlib.sha256(text).digest() != bytes(digest):
                raise ValueError(f"log entry {index}: not what its digest says; the log is not upgraded")
            yield index, text, about.get(index, {})
            last = index


def _leaf(
    index: int, entry: dict[str, Any], handles: dict[str, list[tuple[int, str]]], sha256: str
) -> tuple[bytes, list[dict[str, Any]]]:
    """A leaf's bytes, and its parts as rows."""
    rest = {key: value for key, value in entry.items() if key not in HEADING}
    texts: dict[str, dict[str, Any]] = {"earlier": {"sha256": sha256}}
    if "request_signature" in rest:
        texts["who"] = {key: rest.pop(key, None) for key in WHO} | _who_of_lookup(rest)
    if "cases" in rest:
        texts |= _lookup_parts(rest, handles)
    elif "request" in rest:
        texts["question"] = {key: rest.pop(key) for key in ("request", "cases_asked") if key in rest}
    elif entry["action"].startswith("consent:"):
        [(_, handle)] = handles[entry["agency"]]
        texts["own"] = {"handle": handle, "version": rest.pop("version")}
    salted = {name: (os.urandom(16), canonical_bytes(text)) for name, text in texts.items()}
    heading = {key: entry[key] for key in HEADING[1:]} | {"format": "leaf/1", "index": index}
    promised = {name: _commit(name, salt, text) for name, (salt, text) in salted.items()}
    leaf = canonical_bytes(rest | heading | {"parts": promised, "converted": "entry/1"})
    return leaf, [{"name": name, "salt": salt, "text": text} for name, (salt, text) in salted.items()]


def _who_of_lookup(rest: dict[str, Any]) -> dict[str, Any]:
    approvers = {case["basis"].get("approver") for case in rest.get("cases", ())} - {None}
    return {"conference": rest.pop("conference", None), "approvers": sorted(approvers)}


def _lookup_parts(
    rest: dict[str, Any], handles: dict[str, list[tuple[int, str]]]
) -> dict[str, dict[str, Any]]:
    cases = rest.pop("cases")
    scope = rest.pop("scope")
    agencies = sorted(cases[0]["answers"])
    by_case = {case["case"]: case for case in cases}
    question = {
        "request": rest.pop("request"),
        "scope": scope,
        "agencies": None if scope == agencies else scope,
        "cases": [{key: case[key] for key in ("case", "basis", "answers")} for case in cases],
        "repeats": rest.pop("repeats", None),
    }
    reasons = {"cases": [{"case": case["case"], "reasons": case["reasons"]} for case in cases]}
    holders = {
        f"holder:{agency}": {
            "cases": [
                {
                    "case": number,
                    "basis": _holder_basis(by_case[number]["basis"]),
                    "answer": by_case[number]["answers"][agency],
                    "reason": by_case[number]["reasons"][agency],
                    "handle": handle,
                }
                for number, handle in handles.get(agency, ())
            ]
        }
        for agency in agencies
    }
    return {"question": question, "reasons": reasons} | holders


def _holder_basis(basis: dict[str, Any]) -> dict[str, Any]:
    if basis["kind"] == "consent":
        return {"kind": "consent", "consent": None, "version": None}
    return {key: basis.get(key) for key in ("kind", "reason_category", "approver", "override")}


def _time(text: str) -> datetime:
    """To the second, as the leaf has it; columns held more."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _commit(name: str, salt: bytes, text: bytes) -> str:
    return hashlib.sha256(salt + name.encode() + b"\0" + text).hexdigest()
