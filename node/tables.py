"""Reading a file into cells: CSV here, workbooks in `node.workbooks`.

No meaning yet: which row is the header and what a column is called is decided in `node.mapping`. The kind of
file is told from its first bytes, not from its name. Nothing of a cell is ever put into an error.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from node.errors import RecordFormatError
from node.written_dates import Cell

Row = tuple[Cell, ...]
# How many names of known columns a row of texts holds; tells a header and a delimiter.
Recognises = Callable[[Sequence[str]], int]

MAX_CELL_CHARACTERS = 10_000
DELIMITERS = (",", ";", "\t", "|")
# Titles and notes above the header: further down nobody looks for one.
HEADER_SEARCH_ROWS = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may hold; more is refused before it is unfolded.

    Attributes:
        rows: Rows of one sheet, empty ones between others counted.
        cells: Cells of one sheet, from its first to its last in both directions.
        bytes: Bytes of the file, and of all parts of a workbook as they unpack.
    """

    rows: int
    cells: int
    bytes: int


# A caseload of a whole county has some 100,000 rows of 200 bytes; these stop a mistaken or hostile file. A
# million rows of twenty columns is more than an office machine has memory for.
CASELOAD_LIMITS = Limits(rows=2_000_000, cells=20_000_000, bytes=512 * 2**20)


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How a CSV file is written, so that it can be written the same way again.

    Windows-1252 comes back as UTF-8 with a byte order mark: Excel then shows its letters right.
    """

    delimiter: str = ","
    byte_order_mark: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Grid:
    """All cells of one table, from its first row on.

    Attributes:
        title: Name of the sheet; "" for CSV.
        rows: Cells by row; the first row is row 1 of the file. Rows may differ in length.
        dialect: How the CSV is written; None for a workbook.
        number_formats: Shown format by (row, column), counted from 0: Excel's format code, or its number
            where it is a built-in one. Read on request only.
    """

    title: str
    rows: tuple[Row, ...]
    dialect: CsvDialect | None = None
    number_formats: Mapping[tuple[int, int], str | int] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Shows the number of rows only."""
        return f"Grid({len(self.rows)} rows)"


def read_grids(
    path: Path,
    *,
    kind: str,
    recognises: Recognises,
    with_number_formats: bool = False,
    limits: Limits = CASELOAD_LIMITS,
) -> tuple[Grid, ...]:
    """Read a CSV file's one table, or all visible sheets of a workbook.

    Args:
        path: The file.
        kind: What the file is to be, for errors.
        recognises: Counts the known column names in a row of texts.
        with_number_formats: Whether to read how a workbook's cells are shown, for writing them again.
        limits: What it may hold.

    Raises:
        RecordFormatError: The file is missing, too large, of no known kind, or damaged.
    """
    start = _first_bytes(path, kind, limits)
    if start.startswith(b"PK\x03\x04") or start.startswith(b"\xd0\xcf\x11\xe0"):
        from node.workbooks import read_workbook  # Its library is needed for workbooks only.

        return read_workbook(path, kind=kind, limits=limits, with_number_formats=with_number_formats)
    if start.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<":
        raise RecordFormatError(kind, "the file is a web page or XML, not CSV or a workbook: save it as XLSX")
    return (_read_csv(path, kind, recognises, limits),)


def check_row(row: Sequence[Cell], number: int, kind: str) -> None:
    """Refuse a cell that cannot be an identifier.

    Raises:
        RecordFormatError: A cell is longer than 10,000 characters.
    """
    for cell in row:
        if isinstance(cell, str) and len(cell) > MAX_CELL_CHARACTERS:
            raise RecordFormatError(
                kind,
                f"a cell has more than {MAX_CELL_CHARACTERS:,} characters: is a quote left open?",
                row=number,
            )


def check_row_count(number: int, kind: str, limits: Limits) -> None:
    """Refuse a file of too many rows.

    Raises:
        RecordFormatError: The row's number is above the limit.
    """
    if number > limits.rows:
        raise RecordFormatError(kind, f"more than {limits.rows:,} rows: split the file by team or area")


def _first_bytes(path: Path, kind: str, limits: Limits) -> bytes:
    try:
        if not path.is_file():
            raise RecordFormatError(kind, "there is no such file")
        size = path.stat().st_size
        if size > limits.bytes:
            raise RecordFormatError(kind, f"the file has more than {limits.bytes // 2**20} MB")
        with path.open("rb") as stream:
            start = stream.read(256)
    except OSError:
        raise RecordFormatError(kind, "the file cannot be opened") from None
    if not start:
        raise RecordFormatError(kind, "the file is empty")
    return start


def _read_csv(path: Path, kind: str, recognises: Recognises, limits: Limits) -> Grid:
    try:
        content = path.read_bytes()
    except OSError:
        raise RecordFormatError(kind, "the file cannot be read") from None
    text, byte_order_mark = _decode(content, kind)
    delimiter = _sniff_delimiter(text, recognises)
    rows = tuple(_csv_rows(text, delimiter, kind, limits))
    return Grid("", rows, CsvDialect(delimiter, byte_order_mark))


def _decode(content: bytes, kind: str) -> tuple[str, bool]:
    """UTF-8, UTF-16 with a byte order mark (Excel's "Unicode text"), else Windows-1252.

    Returns:
        The text, and whether it is to be written again with a byte order mark.
    """
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16"), True
        if b"\0" in content:
            row = content[: content.index(b"\0")].count(b"\n") + 1
            raise RecordFormatError(kind, "a NUL byte: the file is damaged or not a text file", row=row)
        if content.startswith(b"\xef\xbb\xbf"):
            return content[3:].decode("utf-8"), True
    except UnicodeDecodeError:
        raise RecordFormatError(
            kind, "the text does not keep to the encoding of its byte order mark"
        ) from None
    try:
        return content.decode("utf-8"), False
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252"), True
    except UnicodeDecodeError:
        raise RecordFormatError(kind, "the text is neither UTF-8 nor Windows-1252") from None


def _sniff_delimiter(text: str, recognises: Recognises) -> str:
    """The delimiter under which some row near the top holds the most known column names."""

    def best_row(delimiter: str) -> int:
        scores = [0]
        reader = csv.reader(io.StringIO(text[:65536], newline=""), delimiter=delimiter)
        try:
            for _, row in zip(range(HEADER_SEARCH_ROWS), reader, strict=False):
                scores.append(recognises(row))
        except csv.Error:
            pass  # Read again, strictly and with a reason, once the delimiter is settled.
        return max(scores)

    return max(DELIMITERS, key=best_row)


def _csv_rows(text: str, delimiter: str, kind: str, limits: Limits) -> Iterator[Row]:
    number = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, row in enumerate(reader, start=1):
            check_row_count(number, kind, limits)
            check_row(row, number, kind)
            yield tuple(row)
    except csv.Error:
        raise RecordFormatError(
            kind, "a quotation mark is left open or stands inside a quoted cell", row=number + 1
        ) from None
