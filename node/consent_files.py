"""Consents written in files: a list of them, or columns of the caseload, → entries by local id.

A list has the columns of `FIELDS`, any order; a caseload file has the same ones named `consent_...`, and
`consent` itself. Several purposes, recipients or data classes stand in one cell, separated by semicolons.
Days are ISO 8601 or in UK order; `valid_until` is the last day on which the consent holds. In `consent`,
`refused`, `withdrawn` and `objected` say no, since `captured_at` where it is given; `not asked` says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from node.consent_terms import DATA_CLASSES, ConsentEntry, ConsentTerms, Ended, Refusal
from node.dates import is_missing_date, parse_day
from node.errors import RecordFormatError
from node.mapping import CONSENT_PREFIX, header_key
from node.tables import read_grids
from node.texts import fold, text_of
from node.times import start_of_day
from node.written_dates import Cell

KIND = "consent list"
FIELDS = (
    "captured_at",
    "method",
    "purposes",
    "recipients",
    "valid_from",
    "valid_until",
    "notice_version",
    "data_classes",
    "capacity",
    "acted_by",
    "witness",
)
COLUMNS = ("local_id", "consent", *FIELDS)
REQUIRED = ("local_id", "captured_at", "method", "purposes", "recipients", "notice_version")
GIVEN = frozenset({"given", "yes", "y", "consented"})
SAYS_NOTHING = frozenset({"", "not asked", "unknown", "n k"})
REFUSALS: Mapping[str, Refusal] = {
    "refused": Refusal.WITHDRAWN,
    "no": Refusal.WITHDRAWN,
    "n": Refusal.WITHDRAWN,
    "withdrawn": Refusal.WITHDRAWN,
    "objected": Refusal.OBJECTED,
    "objection": Refusal.OBJECTED,
}
_SEPARATORS = re.compile(r"[;,\s]+")


@dataclass(frozen=True, slots=True, repr=False)
class RowConsent:
    """What a row of a file says of its person's consent."""

    row: int
    local_id: str
    entry: ConsentEntry

    def __repr__(self) -> str:
        """Shows the row only."""
        return f"RowConsent(row={self.row})"


def read_consents(path: Path, *, today: date) -> list[RowConsent]:
    """Read a list of consents.

    Raises:
        RecordFormatError: The file cannot be read, lacks a column, or a row breaks a rule; nothing is taken.
    """
    grid = read_grids(path, kind=KIND, recognises=_recognised)[0]
    if not grid.rows:
        raise RecordFormatError(KIND, "is empty")
    columns = {
        name: index
        for index, cell in enumerate(grid.rows[0])
        for name in COLUMNS
        if header_key(cell) == header_key(name)
    }
    for name in REQUIRED:
        if name not in columns:
            raise RecordFormatError(KIND, "the column is missing", field=name)
    entries: dict[str, RowConsent] = {}
    for number, cells in enumerate(grid.rows[1:], start=2):
        if not any(map(text_of, cells)):
            continue
        row = {name: cells[index] if index < len(cells) else None for name, index in columns.items()}
        local_id = text_of(row["local_id"])
        if not local_id or local_id in entries:
            rule = "is missing" if not local_id else "stands in an earlier row"
            raise RecordFormatError(KIND, rule, row=number, field="local_id")
        said = text_of(row.get("consent")) or "given"  # Who stands in a list of consents has given one.
        try:
            entry = read_entry(said, row, today=today)
        except RecordFormatError as error:
            raise RecordFormatError(KIND, error.rule, row=number, field=error.field) from None
        if entry is not None:
            entries[local_id] = RowConsent(number, local_id, entry)
    return list(entries.values())


def read_caseload_consent(
    fields: Mapping[str, Cell], *, defaults: Mapping[str, str], today: date
) -> ConsentEntry | None:
    """What a caseload row says of consent, or None where it says nothing.

    Args:
        fields: The row's cells by the contract's names.
        defaults: What the mapping file says for cells that are empty, by the names of `FIELDS`.
        today: Nothing is said after this day.

    Raises:
        RecordFormatError: It says something that breaks a rule.
    """
    row = {name: fields.get(f"{CONSENT_PREFIX}{name}") for name in FIELDS}
    filled = {name: cell if text_of(cell) else defaults.get(name) for name, cell in row.items()}
    return read_entry(text_of(fields.get("consent")), filled, today=today)


def read_entry(said: str, row: Mapping[str, Cell], *, today: date) -> ConsentEntry | None:
    """One entry: what is said in a word, and the cells that go with it by the names of `FIELDS`.

    Raises:
        RecordFormatError: A word is unknown, or a cell is missing or breaks a rule.
    """
    word = " ".join(re.sub(r"[^a-z]+", " ", fold(said)).split())
    if word in SAYS_NOTHING:
        return None
    if word in REFUSALS:
        return Ended(REFUSALS[word], _said_at(row, today))
    if word not in GIVEN:
        known = sorted({"given", "not asked", *map(str, Refusal), "refused"})
        raise RecordFormatError(KIND, f"must be one of {', '.join(known)}", field="consent")
    captured = _read_day(row, "captured_at", today)
    if captured is None:
        raise RecordFormatError(KIND, "is missing", field="captured_at")
    if captured > today:
        raise RecordFormatError(KIND, "lies in the future", field="captured_at")
    return _read_terms(row, captured, today)


def _recognised(header: Sequence[Cell]) -> int:
    keys = {header_key(name) for name in COLUMNS}
    return sum(header_key(cell) in keys for cell in header)


def _read_terms(row: Mapping[str, Cell], captured: date, today: date) -> ConsentTerms:
    def word(field: str, default: str = "") -> str:
        return "_".join(text_of(row.get(field)).lower().split()) or default

    return ConsentTerms(
        recipients=_words(row.get("recipients")),
        purposes=_words(row.get("purposes")),
        captured_at=start_of_day(captured),
        valid_from=start_of_day(_read_day(row, "valid_from", today) or captured),
        valid_until=_end_of(_read_day(row, "valid_until", today)),
        method=word("method"),
        notice_version=text_of(row.get("notice_version")),
        data_classes=_words(row.get("data_classes")) or DATA_CLASSES,
        capacity=word("capacity", "not_assessed"),
        acted_by=word("acted_by", "person"),
        witness=text_of(row.get("witness")) or None,
    )


def _said_at(row: Mapping[str, Cell], today: date) -> datetime | None:
    """Since when somebody says no; None, which means now, also where the day is no good: the no counts."""
    try:
        said = _read_day(row, "captured_at", today)
    except RecordFormatError:
        return None
    return None if said is None or said > today else start_of_day(said)


def _end_of(last: date | None) -> datetime | None:
    return None if last is None else start_of_day(last + timedelta(days=1))


def _read_day(row: Mapping[str, Cell], field: str, today: date) -> date | None:
    cell = row.get(field)
    if is_missing_date(cell):
        return None
    day = parse_day(cell, today=today)
    if day is None:
        raise RecordFormatError(KIND, "cannot be read as a day", field=field)
    return day


def _words(cell: Cell) -> tuple[str, ...]:
    return tuple(word.lower() for word in _SEPARATORS.split(text_of(cell)) if word)
