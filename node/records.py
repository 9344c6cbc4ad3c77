"""Caseloads and case lists: a file in, records or cases out, and a finding for all that a row lacks.

The file as a whole is refused with an error (nothing of it is taken); a row is parked with a finding, and the
others go on. Neither ever holds a value of the file.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from node.consent_files import RowConsent, read_caseload_consent
from node.errors import RecordFormatError
from node.identifiers import BirthDate, Case, Identifiers, Record
from node.mapping import (
    CASE_LIST_FIELDS,
    CASELOAD_FIELDS,
    CONSENT_PREFIX,
    Header,
    HeaderMapping,
    known_columns,
    require_header,
)
from node.normalise import normalise_area
from node.people import RowReader
from node.quality import (
    Finding,
    Summary,
    is_birth_date_doubtful,
    look_alikes,
    repeated_birth_dates,
    require_dates_of_birth,
    summarise,
)
from node.tables import CASELOAD_LIMITS, Grid, Limits, read_grids
from node.texts import text_of
from node.written_dates import Cell

MAX_REFERENCE_CHARACTERS = 64
# What a finding names that parks a case, where it is not the reference.
_PARKING_FIELDS = {"no_birth_date": "dob", "check_birth_date": "dob", "row_without_anything": "row"}


@dataclass(frozen=True, slots=True, repr=False)
class ParkedRecord:
    """Somebody who stands in a caseload file and of whom nothing can be compared.

    Attributes:
        row: Row of the file.
        local_id: The agency's own reference: an objection can be recorded under it all the same.
        identifiers: What could be read.
    """

    row: int
    local_id: str
    identifiers: tuple[Identifiers, ...]

    def __repr__(self) -> str:
        """Shows the row only."""
        return f"ParkedRecord(row={self.row})"


@dataclass(frozen=True, slots=True, repr=False)
class Caseload:
    """A caseload file's content.

    Attributes:
        records: Rows from which at least one token can be made.
        parked: The other rows, where their reference can be believed.
        findings: What was found, by row.
        rows: Number of rows that hold anything.
        consents: What rows say of consent, also those that are parked.
    """

    records: tuple[Record, ...]
    parked: tuple[ParkedRecord, ...]
    findings: tuple[Finding, ...]
    rows: int
    consents: tuple[RowConsent, ...] = ()

    @property
    def summary(self) -> Summary:
        """The counts that `node check` prints."""
        return summarise(self.rows, (record.row for record in self.records), self.findings)

    def __repr__(self) -> str:
        """Shows counts only."""
        return f"Caseload({len(self.records)} records of {self.rows} rows)"


@dataclass(frozen=True, slots=True, repr=False)
class ParkedCase:
    """A case that cannot be asked, named by its row and the asker's own reference."""

    row: int
    case_ref: str | None
    rule: str

    def __repr__(self) -> str:
        """Shows row and rule only."""
        return f"ParkedCase(row={self.row}, rule={self.rule})"


@dataclass(frozen=True, slots=True, repr=False)
class CaseList:
    """A case list file's content.

    Attributes:
        cases: Rows that can be asked.
        findings: What was found, by row.
        rows: Number of rows that hold anything.
        parked: Rows that cannot be asked, each with its reference where it has one.
        table: The original cells, for writing the known-to sheet.
        header: Where the table's header stands.
    """

    cases: tuple[Case, ...]
    findings: tuple[Finding, ...]
    rows: int
    parked: tuple[ParkedCase, ...]
    table: Grid
    header: Header

    @property
    def summary(self) -> Summary:
        """The counts that `node check` prints."""
        return summarise(self.rows, (case.row for case in self.cases), self.findings)

    def __repr__(self) -> str:
        """Shows counts only."""
        return f"CaseList({len(self.cases)} cases of {self.rows} rows)"


@dataclass(frozen=True, slots=True, repr=False)
class _ReadRow:
    """One row with its reference settled; `rule` parks it."""

    number: int
    reference: str
    fields: Mapping[str, Cell]
    rule: str | None

    def __repr__(self) -> str:
        return f"_ReadRow(number={self.number})"


def read_caseload(
    path: Path, *, mapping: HeaderMapping | None = None, today: date, children: bool = False
) -> Caseload:
    """Read an agency's caseload (CSV, XLSX, XLS or ODS; docs/caseloads.md).

    Args:
        path: The file.
        mapping: What a mapping file says about its columns.
        today: Dates of birth after this day are impossible; two-digit years count back from it.
        children: Dates of birth of the last 10 years are right.

    Raises:
        RecordFormatError: The file as a whole cannot be read, or its dates are no dates of birth.
    """
    mapping = mapping or HeaderMapping()
    grid, header = _open(path, "caseload", CASELOAD_FIELDS, mapping)
    reader = RowReader(today=today, day_first=mapping.day_first, areas=mapping.areas, children=children)
    found: list[Finding] = []
    records, parked = [], []
    consents: list[RowConsent] = []
    births: dict[int, BirthDate | None] = {}
    rows = list(_rows(grid, header, "local_id"))
    for row in rows:
        record = _record(row, reader, found)
        if record is None:
            continue
        births[row.number] = record.identifiers[0].birth
        consents.extend(_consent(row, mapping, today, found))
        if isinstance(record, Record):
            records.append(record)
        else:
            parked.append(record)
    _require_rows(rows, "caseload")
    found.extend(repeated_birth_dates(births))
    require_dates_of_birth("caseload", births, found)
    found.extend(look_alikes(records))
    return Caseload(tuple(records), tuple(parked), _sorted(found), len(rows), tuple(consents))


def read_cases(
    path: Path,
    *,
    mapping: HeaderMapping | None = None,
    today: date,
    children: bool = False,
    limits: Limits = CASELOAD_LIMITS,
    most_rows: int | None = None,
) -> CaseList:
    """Read a case list: as a caseload, with `case_ref`, and every case needs a date of birth to believe.

    Args:
        path: The file.
        mapping: What a mapping file says about its columns.
        today: As for a caseload.
        children: As for a caseload.
        limits: What the file may hold before it is looked at.
        most_rows: How many rows may hold anything; None for any number.

    Raises:
        RecordFormatError: The file as a whole cannot be read, or its dates are no dates of birth.
    """
    mapping = mapping or HeaderMapping()
    grid, header = _open(path, "case list", CASE_LIST_FIELDS, mapping, limits)
    reader = RowReader(today=today, day_first=mapping.day_first, areas=mapping.areas, children=children)
    found: list[Finding] = []
    cases: list[Case] = []
    parked: list[ParkedCase] = []
    births: dict[int, BirthDate | None] = {}
    rows = list(_rows(grid, header, "case_ref"))
    if most_rows is not None and len(rows) > most_rows:
        raise RecordFormatError("case list", f"has {len(rows):,} rows; a conference's has up to {most_rows}")
    for row in rows:
        case = _case(row, reader, found, births)
        if isinstance(case, Case):
            cases.append(case)
        else:
            parked.append(case)
    _require_rows(rows, "case list")
    found.extend(repeated_birth_dates(births))
    require_dates_of_birth("case list", births, found)
    return CaseList(tuple(cases), _sorted(found), len(rows), tuple(parked), grid, header)


def read_person(
    fields: Mapping[str, str], *, today: date, children: bool = False
) -> tuple[tuple[Identifiers, ...], str | None, tuple[Finding, ...]]:
    """Read one person typed at a prompt, by the contract's names.

    Returns:
        The identifiers, the area id, and the findings, whose row is 1.
    """
    reader = RowReader(today=today, children=children)
    found: list[Finding] = []
    ways, findings = reader.identifiers(fields, 1)
    area = reader.area(fields, 1, found)
    return ways, area, (*findings, *found)


def _open(
    path: Path, kind: str, fields: Sequence[str], mapping: HeaderMapping, limits: Limits = CASELOAD_LIMITS
) -> tuple[Grid, Header]:
    def recognises(row: Sequence[Cell]) -> int:
        return len(known_columns(row, fields, mapping))

    formats = kind == "case list"
    grids = read_grids(
        Path(path), kind=kind, recognises=recognises, with_number_formats=formats, limits=limits
    )
    return require_header(grids, kind=kind, fields=fields, mapping=mapping)


def _require_rows(rows: Sequence[_ReadRow], kind: str) -> None:
    """An empty file must not pass: a push of nothing would remove everything from the hub."""
    if not rows:
        raise RecordFormatError(kind, "there is a header and no row below it")


def _rows(grid: Grid, header: Header, key: str) -> Iterator[_ReadRow]:
    """The rows below the header that hold anything."""
    width = len(grid.rows[header.row])
    seen: set[str] = set()
    for number, cells in enumerate(grid.rows[header.row + 1 :], start=header.row + 2):
        if not any(map(text_of, cells)):
            continue
        fields = {name: cells[column] for name, column in header.columns.items() if column < len(cells)}
        reference = text_of(fields.get(key))
        rule = _reference_rule(reference, seen)
        # Only a text file can have cells beyond its header: an unquoted delimiter has shifted the row.
        if grid.dialect is not None and any(map(text_of, cells[width:])):
            rule = "row_too_long"
        if rule is None:
            seen.add(reference)
        yield _ReadRow(number, reference, fields, rule)


def _reference_rule(reference: str, seen: set[str]) -> str | None:
    if not reference:
        return "missing_local_id"
    if len(reference) > MAX_REFERENCE_CHARACTERS:
        return "local_id_format"
    if not reference.isascii() and any(unicodedata.category(letter)[0] == "C" for letter in reference):
        return "local_id_format"
    if reference.isascii() and not reference.isprintable():
        return "local_id_format"
    return "duplicate_local_id" if reference in seen else None


def _record(row: _ReadRow, reader: RowReader, found: list[Finding]) -> Record | ParkedRecord | None:
    if row.rule is not None:
        found.append(Finding(row.number, "local_id", row.rule))
        return None
    ways, findings = reader.identifiers(row.fields, row.number)
    found.extend(findings)
    if not any(way.usable for way in ways):
        found.append(Finding(row.number, "row", "row_without_anything"))
        return ParkedRecord(row.number, row.reference, ways)
    day = partial(reader.day, fields=row.fields, row=row.number, found=found)
    opened, closed = day("opened"), day("closed")
    if opened is not None and closed is not None and closed < opened:
        found.append(Finding(row.number, "closed", "closed_before_opened"))
        opened = closed = None
    return Record(
        row=row.number,
        local_id=row.reference,
        identifiers=ways,
        area=reader.area(row.fields, row.number, found),
        opened=opened,
        closed=closed,
        last_contact=day("last_contact"),
        team=text_of(row.fields.get("team")) or None,
    )


def _consent(
    row: _ReadRow, mapping: HeaderMapping, today: date, found: list[Finding]
) -> Iterator[RowConsent]:
    """What the row says of consent. A broken one is left out and reported: what is unknown denies."""
    try:
        entry = read_caseload_consent(row.fields, defaults=mapping.consent, today=today)
    except RecordFormatError as error:
        field = error.field if error.field in (None, "consent") else f"{CONSENT_PREFIX}{error.field}"
        found.append(Finding(row.number, field or "consent", "consent_unusable"))
        return
    if entry is not None:
        yield RowConsent(row.number, row.reference, entry)


def _case(
    row: _ReadRow, reader: RowReader, found: list[Finding], births: dict[int, BirthDate | None]
) -> Case | ParkedCase:
    rule = row.rule
    ways: tuple[Identifiers, ...] = ()
    if rule is None:
        ways, findings = reader.identifiers(row.fields, row.number)
        births[row.number] = ways[0].birth
        found.extend(finding for finding in findings if finding.rule != "missing_birth_date")
        rule = _case_rule(ways, findings)
    if rule is not None:
        found.append(Finding(row.number, _PARKING_FIELDS.get(rule, "case_ref"), rule))
        return ParkedCase(row.number, _showable(row), rule)
    basis = normalise_area(row.fields.get("basis"))
    return Case(
        row=row.number,
        case_ref=row.reference,
        identifiers=ways,
        area=reader.area(row.fields, row.number, found),
        basis=basis.replace("-", "_") if basis else None,
        basis_detail=text_of(row.fields.get("basis_detail")) or None,
    )


def _case_rule(ways: Sequence[Identifiers], findings: Sequence[Finding]) -> str | None:
    if is_birth_date_doubtful(findings):
        return "check_birth_date"
    birth = ways[0].birth
    if birth is None or birth.parts == 0:
        return "no_birth_date"
    return None if any(way.usable for way in ways) else "row_without_anything"


def _showable(row: _ReadRow) -> str | None:
    """The reference, unless it is the reference itself that cannot be shown."""
    return None if row.rule in ("local_id_format", "missing_local_id", "row_too_long") else row.reference


def _sorted(found: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(set(found), key=lambda finding: (finding.row, finding.field, finding.rule)))
