"""The known-to sheet: the coordinator's own case list with the answers as new columns.

Every existing cell of the sheet that was read keeps its value, type and shown format; answers stand to the
right of all columns, under headers that carry the day, so that a list can be used again next month. Other
sheets of a workbook are not written. Cases are named by the asker's reference only; names stand in the file
where the asker's own columns had them, and nowhere else.

Text that a spreadsheet would take for a formula is written as text: in XLSX always, in CSV behind an
apostrophe. A plain number such as -5 or +44 1992 000000 stays as it is.
"""

from __future__ import annotations

import csv
import io
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from node.answers import AnswerWord
from node.errors import RecordFormatError
from node.quality import RULES
from node.records import CaseList, ParkedCase
from node.tables import CsvDialect, Grid
from node.texts import text_of
from node.written_dates import Cell

NOT_RECORDED = "not recorded"
# A month is all an answer card tells; it is taken as its 15th, which is wrong by a fortnight at most.
MIDDLE_OF_MONTH = 15
BANDS = ((31, "in the last month"), (92, "1 to 3 months ago"), (365, "3 to 12 months ago"))
LONG_AGO = "over a year ago"
NOT_WRITABLE = ("known-to sheet", "the file cannot be written to its folder")

LEGEND: Mapping[AnswerWord, str] = {
    AnswerWord.KNOWN: "The service has a record of this person and may say so.",
    AnswerWord.POSSIBLY_KNOWN: "A record is similar, not certain. Ring the team before the conference.",
    AnswerWord.NO_SHARED_MATCH: "Nothing that may be shared was found. The person may be known all the same.",
    AnswerWord.NO_REPLY_YET: "The service has not shared its caseload lately. It says nothing of the person.",
    AnswerWord.NOT_ASKED: "No agreement covers asking this service for this purpose.",
}

# Said of people who are told to be known there, and of nobody else: it tells nothing that the word does not.
NO_DETAILS: Mapping[str, str] = {
    "withheld": "ask the agency; details withheld",
    "unreadable": "ring the agency; its details cannot be read here",
}

_FORMULA_START = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
_SIGNED_NUMBER = re.compile(r"[+-]?[0-9\s.,()]*")


@dataclass(frozen=True, slots=True)
class AnswerCell:
    """One agency's answer about one case.

    Attributes:
        word: One of the five.
        open: Whether the case is open there; None where not said.
        last_contact_band: As `last_contact_band` gives it, or None where there is no card.
        team: The team to ring, or None.
        lacks_details: Why there is a card and nothing of it is shown, a key of `NO_DETAILS`; None where there
            is nothing more to say.
    """

    word: AnswerWord
    open: bool | None = None
    last_contact_band: str | None = None
    team: str | None = None
    lacks_details: str | None = None

    @property
    def detail(self) -> str:
        """The answer card in one line, or why it is not shown; empty where there is none."""
        if self.lacks_details is not None:
            return NO_DETAILS[self.lacks_details]
        parts = [
            {True: "open", False: "closed", None: ""}[self.open],
            f"last contact {self.last_contact_band}" if self.last_contact_band else "",
            f"ring {self.team}" if self.team else "",
        ]
        return "; ".join(filter(None, parts))


@dataclass(frozen=True, slots=True, repr=False)
class CaseAnswers:
    """All answers about one case, by agency id."""

    case_ref: str
    row: int
    answers: Mapping[str, AnswerCell]

    def __repr__(self) -> str:
        """Shows the row only."""
        return f"CaseAnswers(row={self.row})"


@dataclass(frozen=True, slots=True, repr=False)
class KnownToSheet:
    """A case list with its answers, ready to be written.

    Attributes:
        cases: The case list as it was read.
        agencies: Agency titles by id, in the order of the columns.
        answers: The answers, one entry a case that was asked.
        at: Day of the answers; it stands in the new headers.
        notes: Further lines for the legend, such as the coverage and the day the sheet is to be destroyed.
    """

    cases: CaseList
    agencies: Mapping[str, str]
    answers: Sequence[CaseAnswers]
    at: date
    notes: Sequence[str] = field(default=())

    def __repr__(self) -> str:
        """Shows counts only."""
        return f"KnownToSheet({len(self.answers)} cases, {len(self.agencies)} agencies)"

    def as_rows(self) -> list[dict[str, Any]]:
        """The answers as plain values for JSON and tables, by case reference and never by name.

        A parked case has a `rule` and no answers.
        """
        by_row: list[tuple[int, dict[str, Any]]] = [(case.row, self._answered(case)) for case in self.answers]
        by_row.extend((parked.row, _parked(parked)) for parked in self.cases.parked)
        return [row for _, row in sorted(by_row, key=lambda numbered: numbered[0])]

    def write_csv(self, path: Path) -> None:
        """Write the sheet as CSV, in the delimiter of the case list.

        Raises:
            RecordFormatError: The folder cannot be written; nothing is left behind.
        """
        dialect = self.cases.table.dialect or CsvDialect(byte_order_mark=True)
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=dialect.delimiter)
        for row in self._rows():
            writer.writerow([_csv_text(cell) for cell in row])
        encoding = "utf-8-sig" if dialect.byte_order_mark else "utf-8"
        _write_privately(path, text.getvalue().encode(encoding))

    def write_xlsx(self, path: Path) -> None:
        """Write the sheet as XLSX, with a second sheet that explains the words.

        Raises:
            RecordFormatError: The folder cannot be written; nothing is left behind.
        """
        from node.xlsx import write_workbook  # Its library is needed for this alone.

        content = write_workbook(
            title=self.cases.table.title,
            rows=list(self._rows()),
            header_row=self.cases.header.row,
            first_new_column=_width(self.cases.table),
            number_formats=self.cases.table.number_formats,
            legend=[
                *((str(word), says) for word, says in LEGEND.items()),
                *(("", note) for note in self.notes),
            ],
        )
        _write_privately(path, content)

    def _answered(self, case: CaseAnswers) -> dict[str, Any]:
        answers = {
            agency: {
                "answer": str(cell.word),
                "open": cell.open,
                "last_contact": cell.last_contact_band,
                "team": cell.team,
            }
            for agency, cell in case.answers.items()
        }
        return {"case_ref": case.case_ref, "row": case.row, "rule": None, "answers": answers}

    def _rows(self) -> Iterator[list[Cell]]:
        """All rows of the sheet, filled up to one width, with the new cells beside them."""
        headers = self._new_headers()
        width, whole = _width(self.cases.table), _width(self.cases.table) + len(headers)
        new = {case.row: self._new_cells(case) for case in self.answers}
        new |= {parked.row: [RULES[parked.rule].sentence] for parked in self.cases.parked}
        new[self.cases.header.row + 1] = headers
        for number, cells in enumerate(self.cases.table.rows, start=1):
            row = [*cells, *[""] * (width - len(cells)), *new.get(number, ())]
            yield [*row, *[""] * (whole - len(row))]

    def _new_headers(self) -> list[Cell]:
        day = self.at.isoformat()
        headers: list[Cell] = [f"Not looked up {day}", f"Known to {day}"]
        for title in self.agencies.values():
            headers.extend((f"{title} {day}", f"{title}: detail {day}"))
        return headers

    def _new_cells(self, case: CaseAnswers) -> list[Cell]:
        known = [
            title
            for agency, title in self.agencies.items()
            if agency in case.answers and case.answers[agency].word is AnswerWord.KNOWN
        ]
        cells: list[Cell] = ["", "; ".join(known)]
        for agency in self.agencies:
            answer = case.answers.get(agency, AnswerCell(AnswerWord.NOT_ASKED))
            cells.extend((str(answer.word), answer.detail))
        return cells


def require_place(path: Path) -> None:
    """Refuse a sheet that could not be written to its folder.

    Raises:
        RecordFormatError: There is no such folder, or it cannot be written.
    """
    if not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
        raise RecordFormatError(*NOT_WRITABLE)


def last_contact_band(month: str | None, at: date) -> str:
    """How long ago a month was, in the four bands an answer card is shown in.

    Args:
        month: "YYYY-MM", as the card says it, or None.
        at: The day of reading.

    Returns:
        The band, or "not recorded" where there is no such month.
    """
    match = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", month or "")
    if match is None or int(match[1]) == 0:
        return NOT_RECORDED
    days = date(at.year, at.month, at.day) - date(int(match[1]), int(match[2]), MIDDLE_OF_MONTH)
    return next((band for limit, band in BANDS if days <= timedelta(days=limit)), LONG_AGO)


def is_formula_like(text: str) -> bool:
    """Whether a spreadsheet that opens a CSV would calculate this cell instead of showing it."""
    return _FORMULA_START.match(text) is not None and _SIGNED_NUMBER.fullmatch(text) is None


def _parked(parked: ParkedCase) -> dict[str, Any]:
    return {"case_ref": parked.case_ref, "row": parked.row, "rule": parked.rule, "answers": {}}


def _width(table: Grid) -> int:
    return max(len(row) for row in table.rows)


def _csv_text(cell: Cell) -> str:
    """A cell as CSV text: dates in ISO 8601, text as it was, formulas disarmed."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if not isinstance(cell, str):
        return text_of(cell)
    return f"'{cell}" if is_formula_like(cell) else cell


def _write_privately(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".known-to-")  # mkstemp makes it 0600.
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException as error:  # Ctrl-C too: what was written holds names.
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise RecordFormatError(*NOT_WRITABLE) from None
        raise
