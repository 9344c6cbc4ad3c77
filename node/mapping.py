"""Which column is which: the contract's names, what people call them, and a mapping file for the rest.

A mapping file is TOML::

    sheet = "Open cases"          # for a workbook with several sheets
    header_row = 3                # where the header is not found by itself
    day_first = true              # false for a file with month before day throughout
    [columns]                     # contract's name = the file's own header
    local_id = "Client ref"
    dob = "Born"
    [areas]                       # the file's own word = area id
    "East Herts" = "easthertfordshire"
    [consent]                     # for the rows of a caseload that leave it out
    purposes = "case_conference"

A header of the file is put into an error only as `node.header_hints` allows: a file without a header has a
person in its first row. What the mapping file says is a setting, and may be repeated.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from node.errors import HeaderNotFoundError, RecordFormatError
from node.header_hints import describe_headers, did_you_mean, quoted
from node.normalise import normalise_area
from node.tables import HEADER_SEARCH_ROWS, Grid
from node.texts import fold, text_of
from node.written_dates import Cell

IDENTIFIER_FIELDS = (
    "dob", "forename", "surname", "initials", "chain", "nhs_number", "sex", "area",
    "aliases", "former_surnames", "other_chain",
)  # fmt: skip
CONSENT_PREFIX = "consent_"
CONSENT_FIELDS = (
    "consent", "consent_captured_at", "consent_method", "consent_purposes", "consent_recipients",
    "consent_valid_from", "consent_valid_until", "consent_notice_version", "consent_data_classes",
    "consent_capacity", "consent_acted_by", "consent_witness",
)  # fmt: skip
CASELOAD_FIELDS = (
    "local_id", *IDENTIFIER_FIELDS, "opened", "closed", "last_contact", "team", *CONSENT_FIELDS,
)  # fmt: skip
CASE_LIST_FIELDS = ("case_ref", *IDENTIFIER_FIELDS, "basis", "basis_detail")
# One of these must be there, or no row could ever be compared.
COMPARABLE_FIELDS = ("dob", "chain", "nhs_number")

SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "local_id": ("local ref", "local reference", "client id", "client ref", "client reference", "case id",
                     "record id", "unique id", "person id", "our ref"),
        "case_ref": ("case reference", "case no", "case number", "mdt no", "mdt number", "mdt ref",
                     "local ref", "local reference", "local id", "our ref"),
        "dob": ("date of birth", "d o b", "birth date", "birthdate", "birth day", "born"),
        "forename": ("forenames", "first name", "firstname", "first names", "given name", "given names"),
        "surname": ("last name", "lastname", "family name", "second name"),
        "initials": ("initial", "client initials"),
        "chain": ("chain number", "chain no", "chain id", "chain ref", "chain reference"),
        "nhs_number": ("nhs", "nhs no", "nhs num", "nhsnumber", "nhs id"),
        "sex": ("gender", "m f"),
        "area": ("borough", "district", "local authority", "council", "la"),
        "aliases": ("alias", "also known as", "aka", "known as", "other names"),
        "former_surnames": ("former surname", "previous surname", "previous surnames", "former name",
                            "former names", "maiden name", "birth name"),
        "other_chain": ("other chain number", "other chain numbers", "second chain", "previous chain"),
        "opened": ("date opened", "open date", "opened on", "start date", "case opened"),
        "closed": ("date closed", "close date", "closed on", "end date", "case closed", "closure date"),
        "last_contact": ("last contact date", "date of last contact", "last seen", "last contacted"),
        "team": ("team to ring", "service team", "contact team"),
        "consent": ("consent given", "consent status", "consented"),
        "consent_captured_at": ("consent date", "date of consent", "consent given on", "consented on"),
        "consent_method": ("how consent was given",),
        "consent_valid_until": ("consent expires", "consent expiry", "consent until", "consent end date"),
        "consent_notice_version": ("privacy notice", "privacy notice version"),
        "basis": ("lawful basis", "legal basis"),
        "basis_detail": ("lawful basis detail", "basis details", "reason"),
    }
)  # fmt: skip


_LINE = re.compile(r"at line (\d+)")
# "Date of birth (dd/mm/yyyy)", "Forename(s)": a header is known with and without what stands in brackets.
_BRACKETS = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True, repr=False)
class HeaderMapping:
    """What a mapping file says; the default leaves everything to the known names.

    Attributes:
        columns: The file's own header by the contract's name.
        areas: Area id by the file's own word, folded as `header_key` does.
        sheet: The sheet to read, or None.
        header_row: Row of the header, counted from 1, or None.
        day_first: Day before month in dates with the year last.
        consent: What holds for rows of a caseload that leave it out, by the consent columns without prefix.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    areas: Mapping[str, str] = field(default_factory=dict)
    sheet: str | None = None
    header_row: int | None = None
    day_first: bool = True
    consent: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Shows the contract's names only."""
        return f"HeaderMapping({', '.join(sorted(self.columns))})"


@dataclass(frozen=True, slots=True, repr=False)
class Header:
    """Where the header stands and which column holds which field, both counted from 0."""

    row: int
    columns: Mapping[str, int]

    def __repr__(self) -> str:
        """Shows the contract's names only."""
        return f"Header(row={self.row}, columns={sorted(self.columns)})"


def load_mapping(path: Path) -> HeaderMapping:
    """Read a mapping file.

    Raises:
        RecordFormatError: It is missing, no TOML, or says something unknown.
    """
    try:
        text = path.read_text("utf-8")
        document = tomllib.loads(text)
    except OSError:
        raise RecordFormatError("mapping", "the file cannot be opened") from None
    except UnicodeDecodeError:
        raise RecordFormatError("mapping", "the file is not TOML") from None
    except tomllib.TOMLDecodeError as error:
        # The library's message can quote the file, which may be a caseload given by mistake.
        at = _LINE.search(str(error))
        rule = "the file is not TOML from this line on: see docs/caseloads.md for an example"
        raise RecordFormatError("mapping", rule, row=int(at[1]) if at else None) from None
    return parse_mapping(document, text=text)


def parse_mapping(document: Mapping[str, Any], *, text: str = "") -> HeaderMapping:
    """Check a mapping file's content.

    Args:
        document: The content.
        text: The file as it is written, for the line that an error names.

    Raises:
        RecordFormatError: A key is unknown or a value of the wrong type.
    """
    expected: dict[str, type] = {
        "columns": dict,
        "areas": dict,
        "sheet": str,
        "header_row": int,
        "day_first": bool,
        "consent": dict,
    }
    for key, value in document.items():
        if key not in expected:
            raise _unknown(key, expected, text=text)
        if type(value) is not expected[key]:
            raise RecordFormatError("mapping", f"{key} must be a {expected[key].__name__}", field=key)
    columns, areas = document.get("columns", {}), document.get("areas", {})
    known = {*CASELOAD_FIELDS, *CASE_LIST_FIELDS}
    for name, header in columns.items():
        if name not in known:
            raise _unknown(name, known, text=text, field="columns")
        if not isinstance(header, str):
            rule = f"{name} must be a header of the file, in quotation marks"
            raise RecordFormatError("mapping", rule, row=_line_of(name, text), field="columns")
    for word, area in areas.items():
        if not isinstance(area, str) or normalise_area(area) != area:
            rule = f"{quoted(word)} must be an area id: lower-case letters, digits and hyphens"
            raise RecordFormatError("mapping", rule, row=_line_of(word, text), field="areas")
    consent = document.get("consent", {})
    if not {f"{CONSENT_PREFIX}{name}" for name in consent} <= set(CONSENT_FIELDS) or not all(
        isinstance(value, str) for value in consent.values()
    ):
        rule = f"names must be those of the columns without {CONSENT_PREFIX}, and values text"
        raise RecordFormatError("mapping", rule, field="consent")
    if document.get("header_row", 1) < 1:
        raise RecordFormatError("mapping", "rows are counted from 1", field="header_row")
    return HeaderMapping(
        columns=dict(columns),
        areas={header_key(word): area for word, area in areas.items()},
        sheet=document.get("sheet"),
        header_row=document.get("header_row"),
        day_first=document.get("day_first", True),
        consent=dict(consent),
    )


def _unknown(name: str, known: Iterable[str], *, text: str, field: str | None = None) -> RecordFormatError:
    """A name of the mapping file that is none: which, on what line, and the one that was meant."""
    hint = did_you_mean(name, known) or f": the names are {', '.join(sorted(known))}"
    return RecordFormatError(
        "mapping", f"{quoted(name)} is not known{hint}", row=_line_of(name, text), field=field
    )


def _line_of(name: str, text: str) -> int | None:
    """The line that begins with a name, bare, quoted or as a table; counted from 1."""
    begins = re.compile(rf"""\s*\[?\s*["']?{re.escape(name)}["']?\s*[\]=]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if begins.match(line)), None)


def header_key(cell: Cell) -> str:
    """A header as it is compared: lower case, letters and digits, single spaces."""
    return " ".join(re.sub(r"[^a-z0-9]+", " ", fold(text_of(cell))).split())


def known_columns(
    header: Sequence[Cell], fields: Sequence[str], mapping: HeaderMapping
) -> dict[str, list[int]]:
    """All columns that a header offers for each field: by mapping, else by exact name, else by synonym."""
    keys = [{header_key(cell), header_key(_BRACKETS.sub(" ", text_of(cell)))} - {""} for cell in header]
    claimed = {header_key(text) for text in mapping.columns.values()}
    found: dict[str, list[int]] = {}
    for name in fields:
        if name in mapping.columns:
            choices = [{header_key(mapping.columns[name])}]
        else:
            choices = [{header_key(name)} - claimed, set(SYNONYMS.get(name, ())) - claimed]
        offered = ([index for index, key in enumerate(keys) if key & choice] for choice in choices)
        columns = next(filter(None, offered), None)
        if columns is not None:
            found[name] = columns
    return found


def find_header(grid: Grid, fields: Sequence[str], mapping: HeaderMapping) -> Header | None:
    """The row near the top that holds the most known columns, or None where none holds the key column.

    Cells that are empty there are taken from the row above, where a merged cell has its text.
    """
    wanted = range(min(len(grid.rows), HEADER_SEARCH_ROWS))
    if mapping.header_row is not None:
        wanted = range(mapping.header_row - 1, min(len(grid.rows), mapping.header_row))
    best: tuple[int, int, dict[str, list[int]]] | None = None
    for at in wanted:
        found = known_columns(_with_row_above(grid, at), fields, mapping)
        if fields[0] in found and (best is None or len(found) > best[0]):
            best = (len(found), at, found)
    if best is None:
        return None
    return Header(best[1], {name: columns[0] for name, columns in best[2].items() if len(columns) == 1})


def require_header(
    grids: Sequence[Grid], *, kind: str, fields: Sequence[str], mapping: HeaderMapping
) -> tuple[Grid, Header]:
    """The one sheet to read and its header.

    Raises:
        RecordFormatError: No sheet or several sheets hold the columns, one is missing, or one stands twice.
    """
    offered = [grid for grid in grids if mapping.sheet is None or grid.title.strip() == mapping.sheet.strip()]
    if mapping.sheet is not None and not offered:
        raise RecordFormatError(kind, "the workbook has no visible sheet of the mapping's name")
    with_header = [(grid, header) for grid in offered if (header := find_header(grid, fields, mapping))]
    if not with_header:
        raise HeaderNotFoundError(kind, _no_header(offered, fields, mapping), field=fields[0])
    if len(with_header) > 1:
        raise RecordFormatError(
            kind, f"{len(with_header)} sheets hold a header: name one as `sheet` in a mapping file"
        )
    grid, header = with_header[0]
    _check_header(grid, header, kind, fields, mapping)
    return grid, header


def _no_header(grids: Sequence[Grid], fields: Sequence[str], mapping: HeaderMapping) -> str:
    """What to say where no sheet has a header: what was looked for, what is there, and what to do."""
    given = mapping.columns.get(fields[0])
    looked_for = f", which the mapping calls {quoted(given)}" if given else ""
    synonyms = {word for name in fields for word in SYNONYMS.get(name, ())}
    rows = [row for grid in grids for row in grid.rows[:HEADER_SEARCH_ROWS]]
    return (
        f"no row among the first {HEADER_SEARCH_ROWS} names this column{looked_for}; "
        f"{describe_headers(rows, synonyms.union(map(header_key, fields)))}. "
        "Say in a file what it is called here, and give that file with --map (docs/caseloads.md)"
    )


def _check_header(
    grid: Grid, header: Header, kind: str, fields: Sequence[str], mapping: HeaderMapping
) -> None:
    row = header.row + 1
    found = known_columns(_with_row_above(grid, header.row), fields, mapping)
    for name, columns in found.items():
        if len(columns) > 1:
            rule = f"{len(columns)} columns are read as this one"
            raise HeaderNotFoundError(kind, rule, row=row, field=name)
    missing = [name for name in mapping.columns if name in fields and name not in found]
    if missing:
        given = mapping.columns[missing[0]]
        hint = did_you_mean(given, (text_of(cell) for cell in grid.rows[header.row]))
        rule = f"no column has the mapping's header {quoted(given)}{hint}"
        raise RecordFormatError(kind, rule, row=row, field=missing[0])
    if not any(name in found for name in COMPARABLE_FIELDS):
        raise HeaderNotFoundError(kind, "no column for dob, chain or nhs_number", row=row)


def _with_row_above(grid: Grid, at: int) -> list[Cell]:
    """A row of the grid whose empty cells are filled from the row above."""
    row = list(grid.rows[at])
    above = grid.rows[at - 1] if at else ()
    row.extend([""] * (len(above) - len(row)))
    return [cell if text_of(cell) or index >= len(above) else above[index] for index, cell in enumerate(row)]
