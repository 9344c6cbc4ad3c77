"""Writing the known-to sheet as XLSX: cells by their type, never as formulas, nothing in temporary files."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from node.written_dates import Cell

LEGEND_TITLE = "Known to"
# What a date looks like where its own format is not known (CSV has none; XLS and ODS do not tell).
DATE_FORMAT = "dd/mm/yyyy"
DATE_TIME_FORMAT = "dd/mm/yyyy hh:mm"
TIME_FORMAT = "hh:mm:ss"
# Excel's calendar has no earlier day.
FIRST_DAY = date(1900, 1, 1)
COLUMN_WIDTH, LEGEND_WIDTH = 22, 90


class _Formats:
    """One workbook format for each number format: Excel allows 64,000."""

    def __init__(self, workbook: xlsxwriter.Workbook) -> None:
        self._workbook = workbook
        self._made: dict[tuple[str | int | None, bool], Format] = {}

    def get(self, number_format: str | int | None = None, *, bold: bool = False) -> Format:
        key = (number_format, bold)
        if key not in self._made:
            properties: dict[str, object] = {"bold": True} if bold else {}
            if number_format is not None:
                properties["num_format"] = number_format
            self._made[key] = self._workbook.add_format(properties)
        return self._made[key]


def write_workbook(
    *,
    title: str,
    rows: Sequence[Sequence[Cell]],
    header_row: int,
    first_new_column: int,
    number_formats: Mapping[tuple[int, int], str | int],
    legend: Sequence[tuple[str, str]],
) -> bytes:
    """The workbook as bytes.

    Args:
        title: Name of the sheet; "" where the list was CSV.
        rows: All cells from row 1 on.
        header_row: Row of the header, counted from 0.
        first_new_column: First column of the answers, counted from 0.
        number_formats: Shown formats by (row, column), counted from 0.
        legend: Word and explanation, for the second sheet.
    """
    buffer = io.BytesIO()
    workbook = xlsxwriter.Workbook(
        buffer,
        {
            "in_memory": True,  # Temporary files would leave names on the disk.
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        },
    )
    formats = _Formats(workbook)
    sheet = workbook.add_worksheet(_sheet_title(title))
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            number_format = number_formats.get((at, column))
            _write_cell(sheet, at, column, cell, number_format, formats, bold=at == header_row)
    sheet.set_column(0, max(0, first_new_column - 1), COLUMN_WIDTH - 6)
    sheet.set_column(first_new_column, max(map(len, rows)) - 1, COLUMN_WIDTH)
    sheet.freeze_panes(header_row + 1, 0)
    _write_legend(workbook.add_worksheet(_legend_title(sheet.get_name())), legend, formats)
    workbook.close()
    return buffer.getvalue()


def _write_cell(
    sheet: Worksheet,
    row: int,
    column: int,
    cell: Cell,
    number_format: str | int | None,
    formats: _Formats,
    *,
    bold: bool,
) -> None:
    """Write one cell by its type; text always as text, so that nothing becomes a formula."""
    if cell is None or cell == "":
        return
    shown = formats.get(number_format, bold=bold) if number_format is not None or bold else None
    if isinstance(cell, bool):
        sheet.write_boolean(row, column, cell, shown)
    elif isinstance(cell, (int, float)) and math.isfinite(cell):
        sheet.write_number(row, column, cell, shown)
    elif isinstance(cell, (date, time, timedelta)) and not _before_calendar(cell):
        usual = formats.get(_usual_format(cell), bold=bold)
        sheet.write_datetime(row, column, cell, usual if number_format is None else shown)
    else:
        sheet.write_string(row, column, str(cell), shown)


def _before_calendar(cell: date | time | timedelta) -> bool:
    day = cell.date() if isinstance(cell, datetime) else cell
    return isinstance(day, date) and day < FIRST_DAY


def _usual_format(cell: date | time | timedelta) -> str:
    if isinstance(cell, datetime):
        return DATE_TIME_FORMAT if cell.time() != time() else DATE_FORMAT
    return DATE_FORMAT if isinstance(cell, date) else TIME_FORMAT


def _write_legend(sheet: Worksheet, legend: Sequence[tuple[str, str]], formats: _Formats) -> None:
    sheet.set_column(0, 0, COLUMN_WIDTH + 10)
    sheet.set_column(1, 1, LEGEND_WIDTH)
    for row, (word, says) in enumerate(legend):
        sheet.write_string(row, 0, word, formats.get(bold=True))
        sheet.write_string(row, 1, says)


def _sheet_title(title: str) -> str:
    """A title Excel allows: 31 characters, some signs excepted, no apostrophe at its ends."""
    allowed = re.sub(r"[\[\]:*?/\\]", " ", title)[:31].strip("' ")
    return allowed if allowed and allowed.lower() != "history" else "Cases"


def _legend_title(other: str) -> str:
    return LEGEND_TITLE if other.lower() != LEGEND_TITLE.lower() else f"{LEGEND_TITLE} - words"
