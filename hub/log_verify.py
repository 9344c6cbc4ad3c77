"""The log worked out again from its stored bytes: every leaf, text, subtree, and cosigned root.

What this cannot find is a log that was rewritten and rehashed as a whole, rolled back, or forked: within
itself such a log is in order. The cosignatures kept here stand against it as long as they are kept, and the
witnesses, who hold an earlier checkpoint, in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hub.access_log import Action
from hub.clock import format_time, parse_time
from hub.leaves import LEAF_FIELDS, Part, holder_part, read_leaf
from hub.log_models import LogCosignature, LogEntry, LogNode, LogPart, LogSubject
from hub.log_tree import read_head
from keys.checkpoints import Checkpoint, log_origin, verify_cosignature, witness_key
from keys.errors import KeysError
from keys.identity import PublicIdentity
from keys.merkle import leaf_hash, node_hash, root_of_frontier

CHUNK = 200
HOLDER = holder_part("")

Node = tuple[int, int]
_Subject = tuple[int, str, int | None, str | None]  # Number, holder, case, handle.
T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Where the log does not verify, and which rule it breaks.

    Attributes:
        index: The entry, or the size of the tree.
        rule: `unreadable`, `leaf_missing`, `leaf_malformed`, `leaf_index`, `leaf_columns`, `leaf_hash`,
            `subtree`, `subtree_extra`, `part_commitment`, `part_extra`, `part_missing`, `part_not_erased`,
            `subjects`, `head_size`, `head_frontier`, `cosignature`.
    """

    index: int
    rule: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was worked out again.

    Attributes:
        entries: Leaves.
        parts: Texts that were held against their commitments.
        erased: Entries whose texts are gone under retention.
        subtrees: Stored hashes.
        cosignatures: Of witnesses.
        root: Of the whole tree.
        findings: What does not verify, by index; empty for a log that is in order.
    """

    entries: int
    parts: int
    erased: int
    subtrees: int
    cosignatures: int
    root: bytes
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Walk:
    """Where the walk over the leaves is, and what it has found."""

    size: int = 0
    frontier: list[bytes] = field(default_factory=list)
    parts: int = 0
    erased: int = 0
    subtrees: int = 0
    cosignatures: int = 0
    findings: list[Finding] = field(default_factory=list)

    def check(self, holds: bool, index: int, rule: str) -> None:
        """Note a rule that is broken."""
        if not holds:
            self.findings.append(Finding(index, rule))


@dataclass(frozen=True, slots=True)
class _Rows:
    """What is stored about some entries, by index; parts as name, salt, text; subjects as in `_Subject`."""

    entries: Mapping[int, Any]
    parts: Mapping[int, Sequence[tuple[str, bytes, bytes]]]
    subjects: Mapping[int, Sequence[_Subject]]
    cosignatures: Mapping[int, Sequence[LogCosignature]]


@dataclass(frozen=True, slots=True)
class _Context:
    """Whose log it is, and what was erased: by which entry, before which time."""

    network: str
    erasures: Sequence[tuple[int, datetime]]


def verify_log(session: Session, *, network: str) -> Verification:
    """Verify the whole stored log.

    Args:
        session: A reading session, which is one snapshot: the log may grow meanwhile.
        network: Whose log it is; checkpoints name it.
    """
    walk, head = _Walk(), read_head(session)
    last = max(head.size, session.scalar(select(func.max(LogEntry.index))) or 0)
    context = _Context(network, _tried(session, lambda: _erasures(session)) or [])
    for begin in range(1, last + 1, CHUNK):
        _verify_chunk(session, walk, begin, min(begin + CHUNK - 1, last), context)
    _verify_nothing_beyond(session, walk)
    walk.check(head.size == walk.size, walk.size, "head_size")
    walk.check(list(head.frontier) == walk.frontier, walk.size, "head_frontier")
    return Verification(
        walk.size,
        walk.parts,
        walk.erased,
        walk.subtrees,
        walk.cosignatures,
        root_of_frontier(walk.frontier),
        tuple(sorted(set(walk.findings))),
    )


def _verify_chunk(session: Session, walk: _Walk, begin: int, end: int, context: _Context) -> None:
    stored = _tried(session, lambda: _stored_nodes(session, begin, end)) or {}
    chunk = _tried(session, lambda: _read_chunk(session, begin, end))
    for index in range(begin, end + 1):
        # Rows that cannot even be read spoil their chunk; one by one they can be named.
        rows = chunk or _tried(session, partial(_read_chunk, session, index, index))
        walk.check(rows is not None, index, "unreadable")
        entry = None if rows is None else rows.entries.get(index)
        walk.check(rows is None or entry is not None, index, "leaf_missing")
        if rows is not None and entry is not None:
            facts = _verify_leaf(walk, index, entry)
            texts = {name: Part(salt, text) for name, salt, text in rows.parts.get(index, ())}
            erased = any(at > index and entry.at < before for at, before in context.erasures)
            _verify_parts(walk, index, facts, texts, erased=erased)
            _verify_subjects(walk, index, texts, rows.subjects.get(index, ()), erased=erased)
        _grow(walk, None if entry is None else entry.leaf, stored)
        for cosignature in () if rows is None else rows.cosignatures.get(index, ()):
            _verify_cosignature(walk, cosignature, network=context.network)


def _tried(session: Session, read: Callable[[], T]) -> T | None:
    """What was read; None where the database cannot make sense of its bytes, which must not end the rest."""
    try:
        with session.begin_nested():
            return read()
    except (ValueError, DBAPIError):
        return None


def _read_chunk(session: Session, begin: int, end: int) -> _Rows:
    """Everything about some entries."""
    entries = session.execute(
        select(LogEntry.index, LogEntry.at, LogEntry.action, LogEntry.agency, LogEntry.leaf).where(
            LogEntry.index.between(begin, end)
        )
    ).all()
    parts = session.execute(
        select(LogPart.index, LogPart.name, LogPart.salt, LogPart.text).where(
            LogPart.index.between(begin, end)
        )
    ).all()
    subjects = session.execute(
        select(
            LogSubject.index, LogSubject.number, LogSubject.holder, LogSubject.case, LogSubject.handle
        ).where(LogSubject.index.between(begin, end))
    ).all()
    # SQLite keeps what a column is given: bytes that somebody has made text of are not what was written.
    kept = [row.leaf for row in entries] + [data for row in parts for data in (row.salt, row.text)]
    if not all(isinstance(data, bytes) for data in kept):
        raise ValueError("a column of bytes holds something else")
    cosignatures = session.scalars(
        select(LogCosignature).where(LogCosignature.size.between(begin, end))
    ).all()
    return _Rows(
        {row[0]: row for row in entries},
        _grouped((row[0], (row[1], row[2], row[3])) for row in parts),
        _grouped((row[0], (row[1], row[2], row[3], row[4])) for row in subjects),
        _grouped((row.size, row) for row in cosignatures),
    )


def _verify_leaf(walk: _Walk, index: int, row: Any) -> Mapping[str, Any]:
    """Canonical bytes that say what the columns beside them say; the leaf's fields."""
    facts = read_leaf(row.leaf)
    if facts is None:
        walk.check(False, index, "leaf_malformed")
        return dict.fromkeys(LEAF_FIELDS) | {"parts": {}}
    walk.check(facts["index"] == index, index, "leaf_index")
    columns = (format_time(row.at), 0, row.action, row.agency)
    said = (facts["at"], row.at.microsecond, facts["action"], facts["agency"])
    walk.check(said == columns, index, "leaf_columns")
    return facts


def _verify_parts(
    walk: _Walk, index: int, facts: Mapping[str, Any], texts: Mapping[str, Part], *, erased: bool
) -> None:
    promised = facts["parts"]
    for name, part in texts.items():
        walk.check(name in promised, index, "part_extra")
        walk.check(promised.get(name, part.commit(name)) == part.commit(name), index, "part_commitment")
    walk.parts += len(texts)
    walk.erased += erased and bool(promised)
    if erased:
        walk.check(not texts, index, "part_not_erased")
    else:
        walk.check(promised.keys() <= texts.keys(), index, "part_missing")


def _verify_subjects(
    walk: _Walk,
    index: int,
    texts: Mapping[str, Part],
    subjects: Sequence[_Subject],
    *,
    erased: bool,
) -> None:
    """Whom the entry is about must be what its texts say, or a look-up could be hidden from its holder."""
    walk.check(sorted(number for number, *_ in subjects) == [*range(len(subjects))], index, "subjects")
    if erased:
        walk.check(all(handle is None for *_, handle in subjects), index, "subjects")
        return
    told = []
    for name, part in texts.items():
        if name.startswith(HOLDER):
            told += _told(walk, index, name, part)
    kept = [(holder, case, handle) for _, holder, case, handle in subjects]
    walk.check(sorted(told, key=str) == sorted(kept, key=str), index, "subjects")


def _told(walk: _Walk, index: int, name: str, part: Part) -> list[tuple[str, Any, Any]]:
    """Holder, case and handle of every case that a holder's part tells of."""
    try:
        return [(name.removeprefix(HOLDER), case["case"], case["handle"]) for case in part.text["cases"]]
    except (ValueError, KeyError, TypeError):
        walk.check(False, index, "part_commitment")
        return []


def _grow(walk: _Walk, leaf: bytes | None, stored: Mapping[Node, bytes]) -> None:
    """Add the next leaf to the tree, each stored hash held against those below it.

    What is stored is then believed, so that one fault is one finding and hides no other.
    """
    position, level, index = walk.size, 0, walk.size + 1
    hashed = stored.get((0, position))
    walk.check(hashed is not None and (leaf is None or leaf_hash(leaf) == hashed), index, "leaf_hash")
    hashed = hashed or leaf_hash(leaf or b"")
    while True:
        walk.subtrees += (level, position) in stored
        if not position & 1:
            break
        expected = node_hash(walk.frontier.pop(), hashed)
        level, position = level + 1, position >> 1
        hashed = stored.get((level, position), b"")
        walk.check(hashed == expected, index, "subtree")
        hashed = hashed or expected
    walk.frontier.append(hashed)
    walk.size = index


def _verify_cosignature(walk: _Walk, row: LogCosignature, *, network: str) -> None:
    checkpoint = Checkpoint(log_origin(network), walk.size, root_of_frontier(walk.frontier))
    walk.cosignatures += 1
    try:
        key = witness_key(network, row.agency, PublicIdentity.from_base64(row.public_key))
        made = verify_cosignature(row.line, text=checkpoint.text, key=key)
    except KeysError:
        walk.check(False, row.size, "cosignature")
        return
    walk.check((row.at, row.root) == (made, checkpoint.root), row.size, "cosignature")


def _verify_nothing_beyond(session: Session, walk: _Walk) -> None:
    """Nothing may be stored for leaves that are not there."""
    stored = _tried(session, lambda: session.scalar(select(func.count()).select_from(LogNode)))
    walk.check(stored == walk.subtrees, walk.size, "subtree_extra")
    for column, rule in (
        (LogEntry.index, "leaf_index"),
        (LogPart.index, "part_extra"),
        (LogSubject.index, "subjects"),
        (LogCosignature.size, "cosignature"),
    ):
        outside = select(column).where(or_(column < 1, column > walk.size)).distinct()
        found = _tried(session, partial(_read_all, session, outside))
        walk.check(found is not None, walk.size, "unreadable")
        for index in found or ():
            walk.check(False, index, rule)


def _read_all(session: Session, statement: Select[int]) -> Sequence[int]:
    return session.scalars(statement).all()


def _erasures(session: Session) -> list[tuple[int, datetime]]:
    """Index of every erasure, and before which time it erased."""
    found = []
    for index, leaf in session.execute(
        select(LogEntry.index, LogEntry.leaf).where(LogEntry.action == Action.TEXTS_ERASED)
    ):
        # One that is not in order is found when its leaf is verified, and excuses nothing.
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            found.append((index, parse_time((read_leaf(leaf) or {})["before"])))
    return found


def _stored_nodes(session: Session, begin: int, end: int) -> dict[Node, bytes]:
    """The stored subtrees that end with one of these leaves."""
    wanted = []
    for index in range(begin, end + 1):
        position, level = index - 1, 0
        wanted.append((level, position))
        while position & 1:
            level, position = level + 1, position >> 1
            wanted.append((level, position))
    rows = session.execute(
        select(LogNode.level, LogNode.position, LogNode.hash).where(
            tuple_(LogNode.level, LogNode.position).in_(wanted)
        )
    )
    return {(level, position): hashed for level, position, hashed in rows}


def _grouped(pairs: Iterable[tuple[int, T]]) -> dict[int, list[T]]:
    found: dict[int, list[T]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
