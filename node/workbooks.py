"""Reading XLSX, XLS and ODS with calamine, behind guards against what unpacks to more than it seems.

A workbook is a ZIP archive: its sizes are checked before anything is unpacked, and every part is unpacked
once in pieces, so that a size that lies is found by its checksum. A cell far from all others would make the
reader fill the space between, so the area is measured first as well.

Formulas are read as the value last calculated. Hidden sheets are left out; hidden rows are read.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from python_calamine import (
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from node.errors import RecordFormatError
from node.number_formats import read_number_formats
from node.tables import MAX_FILE_BYTES, Grid, Row, check_row, check_row_count

# A million rows of twenty columns: beyond that the reader needs more memory than an office machine has.
MAX_CELLS = 20_000_000
MAX_COLUMNS = 1_000
MAX_PARTS = 2_000
PIECE_BYTES = 2**20

_FILLED_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br\s*=\s*["']([A-Z]{1,3})([0-9]{1,7})["'][^>]*(?<!/)>""")
_CELL_OVERLAP_BYTES = 512


def read_workbook(path: Path, *, kind: str, with_number_formats: bool = False) -> tuple[Grid, ...]:
    """All visible worksheets of a workbook, empty ones left out.

    Raises:
        RecordFormatError: The workbook is damaged, encrypted, or would unpack to too much.
    """
    if zipfile.is_zipfile(path):
        _check_archive(path, kind)
    try:
        return tuple(_visible_grids(path, kind, with_number_formats))
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


def _visible_grids(path: Path, kind: str, with_number_formats: bool) -> Iterator[Grid]:
    with CalamineWorkbook.from_path(path) as workbook:
        for sheet in workbook.sheets_metadata:
            if sheet.visible != SheetVisibleEnum.Visible or sheet.typ != SheetTypeEnum.WorkSheet:
                continue
            rows = _rows(workbook.get_sheet_by_name(sheet.name), kind)
            if rows:
                formats = read_number_formats(path, sheet.name) if with_number_formats else {}
                yield Grid(sheet.name, rows, number_formats=formats)


def _rows(sheet: CalamineSheet, kind: str) -> tuple[Row, ...]:
    _check_area(sheet.total_height, sheet.total_width, kind)
    rows = tuple(tuple(row) for row in sheet.to_python(skip_empty_area=False))
    for number, row in enumerate(rows, start=1):
        check_row(row, number, kind)
    return rows


def _check_area(rows: int, columns: int, kind: str) -> None:
    check_row_count(rows, kind)
    if columns > MAX_COLUMNS or rows * columns > MAX_CELLS:
        raise RecordFormatError(kind, f"a sheet is wider than {MAX_COLUMNS:,} columns or too large to read")


def _check_archive(path: Path, kind: str) -> None:
    """Unpack every part once, piece by piece, within the limits."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_FILE_BYTES:
                raise RecordFormatError(
                    kind, f"the workbook unpacks to more than {MAX_FILE_BYTES // 2**20} MB"
                )
            if any(part.flag_bits & 1 for part in parts):
                raise RecordFormatError(kind, "the workbook has a password: save it without one")
            for part in parts:
                _check_part(archive, part, kind)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ElementTree.ParseError, zlib.error):
        raise RecordFormatError(kind, "the workbook is damaged") from None


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, kind: str) -> None:
    is_sheet = part.filename.startswith("xl/worksheets/")
    if part.filename == "content.xml":
        _check_repeats(archive, part, kind)
    last_row = last_column = 0
    with archive.open(part) as stream:
        tail = b""
        while piece := stream.read(PIECE_BYTES):
            if b"<!DOCTYPE" in piece[:4096] and part.filename.endswith((".xml", ".rels")):
                raise RecordFormatError(kind, "the workbook holds a document type declaration")
            if not is_sheet:
                continue
            for match in _FILLED_CELL.finditer(tail + piece):
                last_row = max(last_row, int(match[2]))
                last_column = max(last_column, _column_number(match[1]))
            tail = piece[-_CELL_OVERLAP_BYTES:]
    _check_area(last_row, last_column, kind)


def _check_repeats(archive: zipfile.ZipFile, part: zipfile.ZipInfo, kind: str) -> None:
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
                if rows > MAX_CELLS or cells > MAX_CELLS:
                    raise RecordFormatError(kind, "a sheet repeats cells too often to read")


def _repeats(element: ElementTree.Element, what: str) -> int:
    for key, value in element.attrib.items():
        if key.endswith(f"}}number-{what}-repeated"):
            return int(value) if value.isdecimal() else 1
    return 1


def _column_number(letters: bytes) -> int:
    """A is 1, Z is 26, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
