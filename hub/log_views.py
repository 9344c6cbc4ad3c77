"""Reading the log back: cut to an agency, or whole for the hub itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access_log import Action
from hub.leaves import LEAF_FIELDS, OWN, QUESTION, REASONS, WHO, Part, holder_part, read_leaf
from hub.log_models import LogEntry, LogPart, LogSubject
from hub.log_tree import read_head

LogParts = Mapping[str, Part | None]


@dataclass(frozen=True, slots=True, repr=False)
class StoredEntry:
    """An entry as far as its reader may see it.

    Attributes:
        index: Its number, from 1.
        leaf: The leaf's bytes.
        facts: The leaf's fields.
        parts: Texts by name; None where one was erased.
    """

    index: int
    leaf: bytes
    facts: Mapping[str, Any]
    parts: LogParts

    def part(self, name: str) -> dict[str, Any]:
        """A part's text; empty where it is erased, not shown, or was never there."""
        part = self.parts.get(name)
        return {} if part is None else part.text

    def flatten(self) -> dict[str, Any]:
        """All in one mapping, for the hub's own eyes: facts, who, question or own, and reasons case by case.

        What the holders see stays out of it, and with it every handle. An answered look-up always has
        `cases`, none where its texts are erased. Names meet: a node chooses those of an event's facts and of
        its part `own`, and never gets to say in them who did what, or when.
        """
        facts = {key: value for key, value in self.facts.items() if key not in ("parts", "index")}
        of_every_leaf = {key: value for key, value in facts.items() if key in LEAF_FIELDS}
        reasons, flat = self.part(REASONS), dict[str, Any]()
        for text in (self.part(OWN), reasons, self.part(QUESTION), facts, self.part(WHO), of_every_leaf):
            flat |= {key: value for key, value in text.items() if key != "cases"}
        if flat["action"] == Action.LOOKUP_ANSWERED:
            by_case = {case["case"]: case["reasons"] for case in reasons.get("cases", ())}
            cases = self.part(QUESTION).get("cases", ())
            flat["cases"] = [case | {"reasons": by_case.get(case["case"], {})} for case in cases]
        return flat


def view_entries(session: Session, agency: str, *, after: int, limit: int) -> tuple[list[StoredEntry], int]:
    """The entries an agency may see, oldest first: its own, and those about its records.

    Its own readings of the log are logged and left out here, so that reading to the end comes to an end.

    Returns:
        At most `limit` entries, and the index up to which the agency has now seen everything.
    """
    size = read_head(session).size
    own = select(LogEntry.index).where(
        LogEntry.agency == agency, LogEntry.index > after, LogEntry.action != Action.LOG_READ
    )
    about = select(LogSubject.index).where(LogSubject.holder == agency, LogSubject.index > after)
    indices = list(session.scalars(own.union(about).order_by("index").limit(limit)))
    entries = [
        _cut(entry, (WHO, QUESTION, OWN) if entry.facts["agency"] == agency else (WHO, holder_part(agency)))
        for entry in _read(session, indices)
    ]
    return entries, indices[-1] if len(indices) == limit else max(size, after)


def view_entry(session: Session, agency: str, index: int) -> StoredEntry:
    """An agency's own entry, with the parts that are for it."""
    [entry] = _read(session, [index])
    assert entry.facts["agency"] == agency
    return _cut(entry, (WHO, QUESTION, OWN))


def whole_entries(session: Session, *, after: int, limit: int) -> list[StoredEntry]:
    """Entries with all their parts, oldest first, for the hub's own IG."""
    statement = select(LogEntry.index).where(LogEntry.index > after).order_by(LogEntry.index).limit(limit)
    return _read(session, list(session.scalars(statement)))


def readable_entries(session: Session, *, after: int, limit: int) -> list[StoredEntry | int]:
    """As `whole_entries`, with the bare index of an entry that can no longer be read."""
    statement = select(LogEntry.index).where(LogEntry.index > after).order_by(LogEntry.index).limit(limit)
    return read_readable(session, list(session.scalars(statement)))


def read_readable(session: Session, indices: Sequence[int]) -> list[StoredEntry | int]:
    """Some entries with all their parts, oldest first; the bare index of one that can no longer be read."""
    try:
        return [*_read(session, indices)]
    except ValueError:
        return [_read_or_index(session, index) for index in sorted(indices)]


def _read_or_index(session: Session, index: int) -> StoredEntry | int:
    try:
        return whole_entry(session, index)
    except ValueError:
        return index


def whole_entry(session: Session, index: int) -> StoredEntry:
    """One entry with all its parts."""
    [entry] = _read(session, [index])
    return entry


def read_entries(session: Session, *, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
    """Flattened entries, oldest first, for the hub's operator; handles are not in them."""
    return [(entry.index, entry.flatten()) for entry in whole_entries(session, after=after, limit=limit)]


def _read(session: Session, indices: Sequence[int]) -> list[StoredEntry]:
    leaves = session.execute(
        select(LogEntry.index, LogEntry.leaf).where(LogEntry.index.in_(indices)).order_by(LogEntry.index)
    ).all()
    texts: dict[int, dict[str, Part]] = {}
    rows = session.execute(
        select(LogPart.index, LogPart.name, LogPart.salt, LogPart.text).where(LogPart.index.in_(indices))
    )
    for index, name, salt, text in rows:
        texts.setdefault(index, {})[name] = Part(salt, text)
    return [_entry(index, leaf, texts.get(index, {})) for index, leaf in leaves]


def _entry(index: int, leaf: bytes, texts: Mapping[str, Part]) -> StoredEntry:
    facts = read_leaf(leaf)
    if facts is None:
        raise ValueError(f"log entry {index}: not a leaf; `knownto log verify` says what else is wrong")
    return StoredEntry(index, leaf, facts, {name: texts.get(name) for name in facts["parts"]})


def _cut(entry: StoredEntry, names: Sequence[str]) -> StoredEntry:
    shown = {name: part for name, part in entry.parts.items() if name in names}
    return StoredEntry(entry.index, entry.leaf, entry.facts, shown)
