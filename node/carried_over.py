"""Cases carried over: those of a conference's list that were on the list of the conference before.

The earlier list is there for as long as its answers (28 days), so cases are carried over soon after a
conference; what was typed or uploaded then is copied as it was, and checked again as any other case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from node.case_lists import COLUMNS, KeptList, lists_of, read_list
from node.conferences import Conference, conference_before
from node.errors import RecordFormatError
from node.store import Store
from node.texts import text_of


@dataclass(frozen=True, slots=True, repr=False)
class EarlierCase:
    """A case of the conference before.

    Attributes:
        place: Where it stood, as id of the list and row; for forms.
        row: What it says, by the contract's names.
    """

    place: str
    row: dict[str, str]

    @property
    def reference(self) -> str:
        """Its reference."""
        return self.row["case_ref"]


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """How many cases of a conference are new, and how many were on the list of the conference before."""

    new: int
    carried_over: int


def earlier_cases(home: Path, store: Store, conference: Conference, *, at: datetime) -> list[EarlierCase]:
    """The cases of the conference before that are not on this one's lists, in the order of its lists."""
    before = conference_before(store, conference)
    if before is None:
        return []
    already = set(_references(home, store, conference, at=at))
    found: dict[str, EarlierCase] = {}
    for kept in lists_of(store, before.conference, at=at):
        for number, row in _rows(home, kept, today=at.date()):
            if row["case_ref"] not in already:
                found[row["case_ref"]] = EarlierCase(f"{kept.list_id}-{number}", row)
    return list(found.values())


def count_cases(home: Path, store: Store, conference: Conference, *, at: datetime) -> CaseCounts:
    """The cases on a conference's lists, each reference once."""
    own = set(_references(home, store, conference, at=at))
    before = conference_before(store, conference)
    earlier = set() if before is None else set(_references(home, store, before, at=at))
    return CaseCounts(len(own - earlier), len(own & earlier))


def _references(home: Path, store: Store, conference: Conference, *, at: datetime) -> Iterable[str]:
    for kept in lists_of(store, conference.conference, at=at):
        yield from (row["case_ref"] for _, row in _rows(home, kept, today=at.date()))


def _rows(home: Path, kept: KeptList, *, today: date) -> Iterable[tuple[int, dict[str, str]]]:
    """Row number and content of every row that has a reference of its own."""
    if not kept.file and not kept.typed:
        return
    try:
        read = read_list(home, kept, today=today)
    except RecordFormatError:  # Nobody has said yet which column is which.
        return
    for number in sorted([*(case.row for case in read.cases), *(p.row for p in read.parked if p.case_ref)]):
        cells = read.table.rows[number - 1]
        named = {
            name: text_of(cells[column])
            for name, column in read.header.columns.items()
            if name in COLUMNS and column < len(cells)
        }
        yield number, {name: value for name, value in named.items() if value}
