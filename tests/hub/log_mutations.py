"""Ways to tamper with a stored log: clumsily, row by row, and as an insider who rehashes everything.

Every mutation is made in a transaction that is rolled back afterwards, with the database's own foreign keys
switched off, because whoever tampers does so too.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, Table, delete, insert, select, text, update
from sqlalchemy.orm import Session

from hub.database import Database, table_of
from hub.leaves import Part
from hub.log_models import (
    LogCosignature,
    LogEntry,
    LogHead,
    LogNode,
    LogPart,
    LogSubject,
)
from keys.documents import canonical_bytes
from keys.merkle import append_leaf, leaf_hash

Clumsy = Callable[[Session, random.Random], None]
TABLES: tuple[Table, ...] = tuple(
    map(table_of, (LogEntry, LogPart, LogNode, LogSubject, LogHead, LogCosignature))
)
BYTES = [
    (LogEntry, "leaf"), (LogPart, "salt"), (LogPart, "text"), (LogNode, "hash"), (LogHead, "frontier"),
    (LogCosignature, "root"),
]  # fmt: skip
TEXTS = [
    (LogEntry, "action"), (LogEntry, "agency"), (LogPart, "name"), (LogSubject, "handle"),
    (LogSubject, "holder"), (LogCosignature, "line"), (LogCosignature, "agency"),
    (LogCosignature, "public_key"),
]  # fmt: skip
NUMBERS = [
    (LogEntry, "index"), (LogPart, "index"), (LogNode, "level"), (LogNode, "position"), (LogSubject, "case"),
    (LogSubject, "index"), (LogSubject, "number"), (LogHead, "size"), (LogCosignature, "size"),
]  # fmt: skip


@contextmanager
def tampering(database: Database) -> Iterator[Session]:
    """A transaction without foreign keys, undone at the end."""
    sqlite = database.engine.dialect.name == "sqlite"
    connection = database.engine.connect()
    try:
        if sqlite:
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA foreign_keys=OFF")
        else:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        with Session(connection) as session:
            yield session
    finally:
        connection.rollback()
        connection.invalidate()
        connection.close()


def snapshot(session: Session) -> list[list[tuple[Any, ...]]]:
    """Everything that is stored of the log."""
    return [sorted(map(tuple, session.execute(select(table))), key=repr) for table in TABLES]


# Clumsily: `log verify` has to find these.


def flip_a_bit(session: Session, rng: random.Random) -> None:
    model, column = rng.choice(BYTES)
    table, row = _pick(session, rng, model)
    data = bytearray(row._mapping[column])
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    _set(session, table, row, {column: bytes(data)})


def change_a_letter(session: Session, rng: random.Random) -> None:
    model, column = rng.choice(TEXTS)
    table, row = _pick(session, rng, model, column)
    old = row._mapping[column]
    place = rng.randrange(len(old.rstrip("\n")))
    letter = rng.choice([one for one in "abcdef0123456789" if one != old[place]])
    _set(session, table, row, {column: old[:place] + letter + old[place + 1 :]})


def change_a_number(session: Session, rng: random.Random) -> None:
    model, column = rng.choice(NUMBERS)
    table, row = _pick(session, rng, model, column)
    # Far away, so that it meets no other row.
    _set(session, table, row, {column: row._mapping[column] + rng.choice([10_007, -10_007])})


def change_a_time(session: Session, rng: random.Random) -> None:
    table, row = _pick(session, rng, rng.choice([LogEntry, LogCosignature]))
    by = timedelta(seconds=rng.choice([1, -1, 3600, 86_400 * 400]), microseconds=rng.choice([0, 1]))
    _set(session, table, row, {"at": row._mapping["at"] + by})


def delete_a_row(session: Session, rng: random.Random) -> None:
    table, row = _pick(session, rng, rng.choice([LogEntry, LogPart, LogNode, LogSubject]))
    session.execute(delete(table).where(*_is(table, row)))


def insert_a_row(session: Session, rng: random.Random) -> None:
    model = rng.choice([LogEntry, LogPart, LogNode, LogSubject])
    table, row = _pick(session, rng, model)
    elsewhere = {LogEntry: "index", LogPart: "name", LogNode: "position", LogSubject: "number"}[model]
    old = row._mapping[elsewhere]
    new = f"{old}x" if isinstance(old, str) else old + 10_007
    session.execute(insert(table), dict(row._mapping) | {elsewhere: new})


def swap_two_rows(session: Session, rng: random.Random) -> None:
    """Two leaves, two texts with their salts, or two stored hashes change places."""
    model, columns = rng.choice(
        [
            (LogEntry, ("leaf",)),
            (LogEntry, ("leaf", "at", "action", "agency")),
            (LogPart, ("salt", "text")),
            (LogNode, ("hash",)),
        ]
    )
    table, one = _pick(session, rng, model)
    _, other = _pick(session, rng, model)
    _set(session, table, one, {column: other._mapping[column] for column in columns})
    _set(session, table, other, {column: one._mapping[column] for column in columns})


def edit_a_text(session: Session, rng: random.Random) -> None:
    """The text beside a leaf says something else, well formed and under its salt."""
    table, row = _pick(session, rng, LogPart)
    document = json.loads(row.text) | {"staff": f"somebody-{rng.randrange(1000)}"}
    _set(session, table, row, {"text": canonical_bytes(document)})


def edit_a_text_and_its_leaf(session: Session, rng: random.Random) -> None:
    """Likewise, and the leaf promises it; the tree does not."""
    table, row = _pick(session, rng, LogPart)
    document = canonical_bytes(json.loads(row.text) | {"staff": f"somebody-{rng.randrange(1000)}"})
    _set(session, table, row, {"text": document})
    entry = session.execute(select(LogEntry.leaf).where(LogEntry.index == row.index)).scalar_one()
    leaf = json.loads(entry)
    leaf["parts"][row.name] = Part(row.salt, document).commit(row.name)
    session.execute(
        update(LogEntry).where(LogEntry.index == row.index).values(leaf=canonical_bytes(leaf)),
        execution_options={"synchronize_session": False},
    )


def cut_the_end(session: Session, rng: random.Random) -> None:
    """The last leaves go, the tree stays."""
    last = session.execute(select(LogHead.size)).scalar_one()
    index = rng.randrange(1, last + 1)
    for table in TABLES[:2]:
        session.execute(delete(table).where(table.c.index >= index))


CLUMSY: Mapping[str, Clumsy] = {
    one.__name__: one
    for one in (
        flip_a_bit, change_a_letter, change_a_number, change_a_time, delete_a_row, insert_a_row,
        swap_two_rows, edit_a_text, edit_a_text_and_its_leaf, cut_the_end,
    )
}  # fmt: skip


# As an insider: the log is rebuilt and in order within itself; a witness has to find these.

Entry = dict[str, Any]
Skilled = Callable[[list[Entry], random.Random, int], list[Entry]]


def rewrite_a_text(entries: list[Entry], rng: random.Random, seen: int) -> list[Entry]:
    """An entry that was witnessed says that somebody else asked."""
    at = rng.randrange(seen)
    texts = {name: json.loads(one["text"]) for name, one in entries[at]["parts"].items()}
    name = rng.choice(sorted(texts) or ["who"])
    texts[name] = texts.get(name, {}) | {"staff": f"somebody-{rng.randrange(1000)}"}
    made = entries[at]["parts"].get(name, {"salt": rng.randbytes(16)}) | {
        "text": canonical_bytes(texts[name])
    }
    changed = entries[at] | {"parts": entries[at]["parts"] | {name: made}}
    return [*entries[:at], changed, *entries[at + 1 :]]


def rewrite_a_fact(entries: list[Entry], rng: random.Random, seen: int) -> list[Entry]:
    at = rng.randrange(seen)
    changed = entries[at] | {"facts": entries[at]["facts"] | {"action": f"some:other:{rng.randrange(1000)}"}}
    return [*entries[:at], changed, *entries[at + 1 :]]


def resalt(entries: list[Entry], rng: random.Random, seen: int) -> list[Entry]:
    """Nothing but a salt is new."""
    at = rng.choice([n for n in range(seen) if entries[n]["parts"]])
    name = rng.choice(sorted(entries[at]["parts"]))
    made = entries[at]["parts"][name] | {"salt": rng.randbytes(16)}
    changed = entries[at] | {"parts": entries[at]["parts"] | {name: made}}
    return [*entries[:at], changed, *entries[at + 1 :]]


def remove_an_entry(entries: list[Entry], rng: random.Random, seen: int) -> list[Entry]:
    at = rng.randrange(seen)
    return [*entries[:at], *entries[at + 1 :]]


def forge_an_entry(entries: list[Entry], rng: random.Random, seen: int) -> list[Entry]:
    at = rng.randrange(seen)
    forged = entries[at] | {"facts": entries[at]["facts"] | {"action": f"some:other:{rng.randrange(1000)}"}}
    return [*entries[:at], forged, *entries[at:]]


def reorder(entries: list[Entry], rng: random.Random, seen: int) -> list[Entry]:
    at = rng.randrange(seen - 1)
    return [*entries[:at], entries[at + 1], entries[at], *entries[at + 2 :]]


def roll_back(entries: list[Entry], rng: random.Random, seen: int) -> list[Entry]:
    """The log ends before what was witnessed."""
    return entries[: rng.randrange(1, seen)]


def fork(entries: list[Entry], rng: random.Random, seen: int) -> list[Entry]:
    """From before what was witnessed on, the log goes another way, and gets longer than it was."""
    at = rng.randrange(1, seen)
    other = [
        one | {"facts": one["facts"] | {"action": f"some:other:{rng.randrange(1000)}"}}
        for one in entries[at:]
    ]
    return [*entries[:at], *other, *other[: rng.randrange(3)]]


SKILLED: Mapping[str, Skilled] = {
    one.__name__: one
    for one in (
        rewrite_a_text, rewrite_a_fact, resalt, remove_an_entry, forge_an_entry, reorder, roll_back, fork,
    )
}  # fmt: skip


def read_log(session: Session) -> list[Entry]:
    """Leaves with their parts and subjects, as an insider would take them apart."""
    parts: dict[int, dict[str, Any]] = {}
    for row in session.execute(select(table_of(LogPart))):
        parts.setdefault(row._mapping["index"], {})[row.name] = {"salt": row.salt, "text": row.text}
    subjects: dict[int, list[Any]] = {}
    for row in session.execute(select(table_of(LogSubject))):
        subjects.setdefault(row._mapping["index"], []).append(dict(row._mapping))
    return [
        {
            "at": row.at,
            "facts": json.loads(row.leaf),
            "parts": parts.get(row._mapping["index"], {}),
            "subjects": subjects.get(row._mapping["index"], []),
        }
        for row in session.execute(select(table_of(LogEntry)).order_by(LogEntry.index))
    ]


def write_log(session: Session, entries: list[Entry]) -> None:
    """Put a whole other log in the place of the stored one; what witnesses have signed goes too."""
    for table in reversed(TABLES):
        if table.name != "log_head":
            session.execute(delete(table))
    frontier: list[bytes] = []
    for number, entry in enumerate(entries):
        index = number + 1
        promised = {name: Part(one["salt"], one["text"]).commit(name) for name, one in entry["parts"].items()}
        facts = entry["facts"] | {"index": index, "parts": promised}
        leaf = canonical_bytes(facts)
        nodes, frontier, _ = append_leaf(number, frontier, leaf_hash(leaf))
        row = {"index": index, "at": entry["at"], "action": facts["action"], "agency": facts["agency"]}
        session.execute(insert(table_of(LogEntry)), row | {"leaf": leaf})
        session.execute(
            insert(table_of(LogNode)),
            [{"level": level, "position": position, "hash": one} for level, position, one in nodes],
        )
        for name, one in entry["parts"].items():
            session.execute(insert(table_of(LogPart)), {"index": index, "name": name} | one)
        for one in entry["subjects"]:
            session.execute(insert(table_of(LogSubject)), one | {"index": index})
    session.execute(update(table_of(LogHead)).values(size=len(entries), frontier=b"".join(frontier)))


def _pick(
    session: Session, rng: random.Random, model: Any, column: str | None = None
) -> tuple[Table, Row[Any]]:
    table = table_of(model)
    statement = select(table) if column is None else select(table).where(table.c[column].is_not(None))
    rows = sorted(session.execute(statement), key=lambda row: repr(tuple(row)))
    return table, rng.choice(rows)


def _is(table: Table, row: Row[Any]) -> list[Any]:
    return [column == row._mapping[column.name] for column in table.primary_key]


def _set(session: Session, table: Table, row: Row[Any], values: Mapping[str, Any]) -> None:
    session.execute(update(table).where(*_is(table, row)).values(**values))
