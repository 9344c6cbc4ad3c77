"""Reading XLSX, XLS and ODS with calamine, behind guards against what unpacks to more than it seems.

A workbook is a ZIP archive: its sizes are checked before anything is unpacked, and every part is unpacked
once in pieces, so that a size that lies is found by its checksum. A cell far from all others would make the
reader fill the space between, so the area is measured first as well, in every part: which of them are sheets
is for the workbook to say, and need not follow their names. Binary workbooks (XLSB) cannot be measured so.

Formulas are read as the value last calculated. Hidden sheets are left out; hidden rows are read.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from python_calamine import (
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from node.errors import RecordFormatError
from node.number_formats import read_number_formats, sheet_targets
from node.sheet_areas import AddressError, DoctypeError, SheetArea
from node.tables import CASELOAD_LIMITS, Grid, Limits, Row, check_row, check_row_count

MAX_COLUMNS = 1_000
MAX_PARTS = 2_000
BINARY_WORKBOOK = "workbook.bin"
XML_PARTS = (".xml", ".rels")
DAMAGED = (
    AddressError, expat.ExpatError, ElementTree.ParseError, zipfile.BadZipFile, zlib.error,
    NotImplementedError, EOFError, OSError,
)  # fmt: skip
PIECE_BYTES = 2**20


def read_workbook(
    path: Path, *, kind: str, limits: Limits = CASELOAD_LIMITS, with_number_formats: bool = False
) -> tuple[Grid, ...]:
    """All visible worksheets of a workbook, empty ones left out.

    Raises:
        RecordFormatError: The workbook is damaged, encrypted, or would unpack to too much.
    """
    if zipfile.is_zipfile(path):
        _check_archive(path, kind, limits)
    try:
        return tuple(_visible_grids(path, kind, limits, with_number_formats))
    except RecordFormatError:
        raise
    except PasswordError:
        raise RecordFormatError(kind, "the workbook has a password: save it without one") from None
    except Exception:
        raise RecordFormatError(kind, "the workbook is damaged or of a kind that is not read") from None
    except BaseException as error:
        # The reader is written in Rust, whose panics are no Exception.
        if type(error).__name__ == "PanicException":
            raise RecordFormatError(kind, "the workbook is damaged") from None
        raise


def _visible_grids(path: Path, kind: str, limits: Limits, with_number_formats: bool) -> Iterator[Grid]:
    with CalamineWorkbook.from_path(path) as workbook:
        for sheet in workbook.sheets_metadata:
            if sheet.visible != SheetVisibleEnum.Visible or sheet.typ != SheetTypeEnum.WorkSheet:
                continue
            rows = _rows(workbook.get_sheet_by_name(sheet.name), kind, limits)
            if rows:
                formats = read_number_formats(path, sheet.name) if with_number_formats else {}
                yield Grid(sheet.name, rows, number_formats=formats)


def _rows(sheet: CalamineSheet, kind: str, limits: Limits) -> tuple[Row, ...]:
    _check_area(sheet.total_height, sheet.total_width, kind, limits)
    rows = tuple(tuple(row) for row in sheet.to_python(skip_empty_area=False))
    for number, row in enumerate(rows, start=1):
        check_row(row, number, kind)
    return rows


def _check_area(rows: int, columns: int, kind: str, limits: Limits) -> None:
    check_row_count(rows, kind, limits)
    if columns > MAX_COLUMNS or rows * columns > limits.cells:
        raise RecordFormatError(kind, f"a sheet is wider than {MAX_COLUMNS:,} columns or too large to read")


def _check_archive(path: Path, kind: str, limits: Limits) -> None:
    """Unpack every part once, piece by piece, within the limits."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > limits.bytes:
                raise RecordFormatError(kind, f"the workbook unpacks to more than {limits.bytes // 2**20} MB")
            if any(part.filename.lower().endswith(BINARY_WORKBOOK) for part in parts):
                raise RecordFormatError(kind, "the workbook is a binary one (XLSB): save it as XLSX")
            if any(part.flag_bits & 1 for part in parts):
                raise RecordFormatError(kind, "the workbook has a password: save it without one")
            for part in parts:
                _check_part(archive, part, kind, limits)
            _check_sheet_names(archive, kind)
    except DoctypeError:
        raise RecordFormatError(kind, "the workbook holds a document type declaration") from None
    except DAMAGED:
        raise RecordFormatError(kind, "the workbook is damaged") from None


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, kind: str, limits: Limits) -> None:
    """Unpack one part to its end; of XML, measure what a sheet would be unfolded to."""
    if part.filename.lower() == "content.xml":
        _check_repeats(archive, part, kind, limits)
    is_xml = part.filename.lower().endswith(XML_PARTS)
    area = SheetArea()
    parser = area.parser()
    with archive.open(part) as stream:
        while piece := stream.read(PIECE_BYTES):
            if is_xml:
                parser.Parse(piece, False)
    if is_xml:
        parser.Parse(b"", True)
    _check_area(area.rows, area.columns, kind, limits)


def _check_sheet_names(archive: zipfile.ZipFile, kind: str) -> None:
    """Refuse a sheet in a part that was not measured, not being called XML."""
    if not all(target.lower().endswith(".xml") for _, target in sheet_targets(archive)):
        raise RecordFormatError(kind, "the workbook is damaged or of a kind that is not read")


def _check_repeats(archive: zipfile.ZipFile, part: zipfile.ZipInfo, kind: str, limits: Limits) -> None:
    """OpenDocument writes equal neighbours once with a count; add the counts up before they are unfolded."""
    rows = cells = width = 0
    with archive.open(part) as stream:
        for _, element in ElementTree.iterparse(stream):
            name = element.tag.rpartition("}")[2]
            if name == "table-cell" and len(element):
                width += _repeats(element, "columns")
            elif name == "table-row":
                filled = _repeats(element, "rows") if width else 0
                rows, cells, width = rows + filled, cells + filled * width, 0
                element.clear()
                if rows > limits.cells or cells > limits.cells:
                    raise RecordFormatError(kind, "a sheet repeats cells too often to read")


def _repeats(element: ElementTree.Element, what: str) -> int:
    for key, value in element.attrib.items():
        if key.endswith(f"}}number-{what}-repeated"):
            return int(value) if value.isdecimal() else 1
    return 1
