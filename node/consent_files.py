"""A list of consents (CSV or workbook) → consent terms by local id; a row that breaks a rule is named.

Columns, any order: local_id, captured_at, method, purposes, recipients, valid_from, valid_until,
notice_version. Several purposes or recipients stand in one cell, separated by semicolons. Days are ISO 8601
or in UK order; `valid_until` is the last day on which the consent holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from node.consent_terms import ConsentTerms
from node.dates import is_missing_date, parse_day
from node.errors import RecordFormatError
from node.mapping import header_key
from node.tables import read_grids
from node.texts import text_of
from node.times import start_of_day
from node.written_dates import Cell

KIND = "consent list"
COLUMNS = (
    "local_id",
    "captured_at",
    "method",
    "purposes",
    "recipients",
    "valid_from",
    "valid_until",
    "notice_version",
)
REQUIRED = ("local_id", "captured_at", "method", "purposes", "recipients", "notice_version")
_SEPARATORS = re.compile(r"[;,\s]+")


def read_consents(path: Path, *, today: date) -> list[tuple[str, ConsentTerms]]:
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
    entries: dict[str, ConsentTerms] = {}
    for number, cells in enumerate(grid.rows[1:], start=2):
        if not any(map(text_of, cells)):
            continue
        row = {name: cells[index] if index < len(cells) else None for name, index in columns.items()}
        local_id = text_of(row["local_id"])
        if not local_id or local_id in entries:
            rule = "is missing" if not local_id else "stands in an earlier row"
            raise RecordFormatError(KIND, rule, row=number, field="local_id")
        entries[local_id] = _read_terms(row, number, today)
    return list(entries.items())


def _recognised(header: Sequence[Cell]) -> int:
    keys = {header_key(name) for name in COLUMNS}
    return sum(header_key(cell) in keys for cell in header)


def _read_terms(row: Mapping[str, Cell], number: int, today: date) -> ConsentTerms:
    captured = _read_day(row, "captured_at", number, today)
    if captured is None:
        raise RecordFormatError(KIND, "is missing", row=number, field="captured_at")
    begins = _read_day(row, "valid_from", number, today) or captured
    last = _read_day(row, "valid_until", number, today)
    try:
        return ConsentTerms(
            recipients=_words(row.get("recipients")),
            purposes=_words(row.get("purposes")),
            captured_at=start_of_day(captured),
            valid_from=start_of_day(begins),
            valid_until=None if last is None else start_of_day(last + timedelta(days=1)),
            method=text_of(row.get("method")).lower(),
            notice_version=text_of(row.get("notice_version")),
        )
    except RecordFormatError as error:
        raise RecordFormatError(KIND, error.rule, row=number, field=error.field) from None


def _read_day(row: Mapping[str, Cell], field: str, number: int, today: date) -> date | None:
    cell = row.get(field)
    if is_missing_date(cell):
        return None
    day = parse_day(cell, today=today)
    if day is None:
        raise RecordFormatError(KIND, "cannot be read as a day", row=number, field=field)
    return day


def _words(cell: Cell) -> tuple[str, ...]:
    return tuple(word.lower() for word in _SEPARATORS.split(text_of(cell)) if word)
