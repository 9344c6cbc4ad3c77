"""Writes a synthetic county to disk: as each agency keeps its file, or all alike by the contract.

Bytes depend on the federation alone: no clock, no locale, no hash order.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import xlsxwriter

from cli.demo.agencies import OWN_HEADERS, Agency
from cli.demo.cast import PUBLIC_TASK, Member
from cli.demo.generator import Caseload, Federation
from cli.demo.mess import Row

NAME_COLUMNS = ("forename", "surname")
REST = ("chain", "nhs_number", "sex", "area")
CASE_DATES = ("opened", "closed", "last_contact")
IDENTITY_COLUMNS = ("local_id", "dob", *NAME_COLUMNS, *REST, *CASE_DATES)
INITIALS_COLUMNS = ("local_id", "dob", "initials", *REST, *CASE_DATES)
CASE_COLUMNS = ("case_ref", "dob", *NAME_COLUMNS, "former_surnames", *REST, "basis", "basis_detail")
TRACKER_COLUMNS = ("times_discussed", "presented_by")  # the tracker's own, left alone by the look-up

EXCEL_DAY_ZERO = date(1899, 12, 30)  # as serials after 1 March 1900 count; Excel holds 1900 to be a leap year
_CREATED = datetime(2026, 11, 1, tzinfo=UTC).replace(tzinfo=None)  # a fixed property, else the clock's


def write_as_kept(federation: Federation, directory: Path) -> dict[str, Path]:
    """Write every caseload as its agency keeps it.

    Returns:
        Agency id → its CSV or XLSX file. An agency with its own headers has `<agency>.toml` beside the file.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = {}
    for caseload in federation.caseloads:
        agency = caseload.agency
        path = directory / f"{agency.agency_id}.{agency.file}"
        if agency.file == "xlsx":
            _write_workbook(path, caseload)
        else:
            _write_csv(path, _headers(agency), _cells(caseload))
        if agency.own_headers:
            path.with_suffix(".toml").write_text(_mapping(agency), encoding="utf-8")
        written[agency.agency_id] = path
    return written


def write_contract(federation: Federation, directory: Path) -> None:
    """Write every caseload as `<agency>.csv` with the contract's headers and ISO dates, and `truth.csv`."""
    directory.mkdir(parents=True, exist_ok=True)
    for caseload in federation.caseloads:
        columns = _columns(caseload.agency)
        rows = ([getattr(row, column) for column in columns] for row in caseload.rows)
        _write_csv(directory / f"{caseload.agency.agency_id}.csv", columns, rows)
    write_truth(federation, directory / "truth.csv")


def write_truth(federation: Federation, path: Path) -> None:
    """Write which record is whom."""
    truth = ((entry.agency, entry.local_id, entry.person_id) for entry in federation.truth)
    _write_csv(path, ("agency", "local_id", "person_id"), truth)


def write_conference(members: Sequence[Member], path: Path, *, details: Mapping[str, str]) -> None:
    """Write the conference list: one row a case, UK dates, and two columns of the tracker's own.

    Args:
        members: The cases.
        path: A CSV file.
        details: Lawful basis → what stands in `basis_detail`.
    """
    rows = (_case_cells(member, number, details) for number, member in enumerate(members))
    _write_csv(path, (*CASE_COLUMNS, *TRACKER_COLUMNS), rows)


def _case_cells(member: Member, number: int, details: Mapping[str, str]) -> list[str]:
    cells = {
        "case_ref": member.case_ref,
        **typed_person(member),
        "basis": member.basis,
        "basis_detail": details[member.basis],
        "times_discussed": str(number % 3),
        "presented_by": "Safeguarding lead" if member.basis == PUBLIC_TASK else "Outreach team",
    }
    cells["dob"] = uk_date(cells["dob"])
    return [cells[column] for column in (*CASE_COLUMNS, *TRACKER_COLUMNS)]


def typed_person(member: Member) -> dict[str, str]:
    """Whom the conference list has in a case's row, as the coordinator types them elsewhere."""
    person = member.person
    return {
        "dob": person.birth_date.isoformat(),
        "forename": person.forename,
        "surname": person.surname,
        "former_surnames": "",
        "chain": person.chain or "",
        "nhs_number": "",  # housing does not hold it
        "sex": person.sex,
        "area": person.area,
        **member.listed,
    }


def uk_date(text: str) -> str:
    """dd/mm/yyyy from ISO-shaped text, whether or not there is such a day; empty stays empty."""
    return "/".join(reversed(text.split("-"))) if text else ""


def _columns(agency: Agency) -> tuple[str, ...]:
    columns = INITIALS_COLUMNS if agency.initials_only else IDENTITY_COLUMNS
    absent = {"nhs_number"} if not agency.holds_nhs else {"chain"} if not agency.holds_chain else set()
    return (*(column for column in columns if column not in absent), "team")


def _headers(agency: Agency) -> list[str]:
    return [OWN_HEADERS.get(column, column) if agency.own_headers else column for column in _columns(agency)]


def _mapping(agency: Agency) -> str:
    lines = [f"# How the columns of {agency.agency_id}.{agency.file} are called.", "[columns]"]
    lines += [f'{column} = "{OWN_HEADERS[column]}"' for column in _columns(agency) if column in OWN_HEADERS]
    return "\n".join(lines) + "\n"


def _cells(caseload: Caseload) -> Iterable[list[str]]:
    columns = _columns(caseload.agency)
    for row in caseload.rows:
        yield [_as_written(getattr(row, column), column, caseload.agency) for column in columns]


def _as_written(value: str, column: str, agency: Agency) -> str:
    if agency.uk_dates and column in ("dob", *CASE_DATES):
        return uk_date(value)
    if column == "nhs_number" and value and agency.service == "primary_care":
        return f"{value[:3]} {value[3:6]} {value[6:]}"  # as practices print it
    return value


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _write_workbook(path: Path, caseload: Caseload) -> None:
    """A sheet as spreadsheets are kept: numbers without their leading zeros, and three kinds of dates."""
    columns = _columns(caseload.agency)
    with xlsxwriter.Workbook(str(path)) as workbook:
        workbook.set_properties({"created": _CREATED})
        shown_as_date = workbook.add_format({"num_format": "dd/mm/yyyy"})
        sheet = workbook.add_worksheet("Caseload")
        sheet.write_row(0, 0, columns)
        for number, row in enumerate(caseload.rows, start=1):
            for at, column in enumerate(columns):
                _write_cell(sheet, number, at, column, row, shown_as_date)


def _write_cell(
    sheet: xlsxwriter.worksheet.Worksheet,
    number: int,
    at: int,
    column: str,
    row: Row,
    shown_as_date: xlsxwriter.format.Format,
) -> None:
    value = getattr(row, column)
    if column in ("local_id", "chain") and value:
        sheet.write_number(number, at, int(value))
    elif column in ("dob", *CASE_DATES) and (serial := _serial(value)):
        # Of every ten birth dates one was pasted as a bare serial, and one was typed as text.
        habit = number % 10 if column == "dob" else 0
        if habit == 7:
            sheet.write_number(number, at, serial)
        elif habit == 3:
            sheet.write_string(number, at, uk_date(value))
        else:
            sheet.write_number(number, at, serial, shown_as_date)
    elif value:
        sheet.write_string(number, at, uk_date(value) if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else value)


def _serial(value: str) -> int | None:
    """Excel's number of a day; None for text that is no day, or one before Excel's own count is right."""
    try:
        days = (date.fromisoformat(value) - EXCEL_DAY_ZERO).days
    except ValueError:
        return None
    return days if days > 60 else None
