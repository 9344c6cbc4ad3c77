"""What a search of the log finds as a CSV file: one line an entry, or one for each case of a look-up."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from hub.clock import format_time
from hub.log_lines import CaseLine, HubLine
from hub.log_search import cells_of
from hub.log_words import say_action, say_answer

COLUMNS = (
    "index", "at", "what", "agency", "staff", "role", "purpose", "conference", "case", "basis", "approver",
    "outcome",
)  # fmt: skip
ERASED, UNREADABLE = "text erased", "cannot be read"
# What a spreadsheet that opens the file would calculate (OWASP, CSV injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def format_csv(lines: Sequence[HubLine]) -> str:
    """Lines as CSV text with a header; what would be calculated stands behind an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in lines:
        for row in _rows(line):
            writer.writerow([_disarm(cell) for cell in row])
    return text.getvalue()


def summarise_line(line: HubLine) -> str:
    """What an entry says beside who and when, in one line."""
    if line.is_broken:
        return UNREADABLE
    if line.cases:
        return f"{len(line.cases)} {'case' if len(line.cases) == 1 else 'cases'}"
    return "; ".join(f"{name}: {value}" for name, value in sorted((line.facts or {}).items()))


def _rows(line: HubLine) -> Iterator[list[str]]:
    heading = [
        str(line.index),
        "" if line.at is None else format_time(line.at),
        say_action(line.action),
        line.agency or "hub",
        *(text or "" for text in (line.staff, line.role, line.purpose, line.conference)),
    ]
    for case in line.cases:
        yield [*heading, str(case.case + 1), case.basis, case.approver or "", _outcome(case)]
    if not line.cases:
        yield [*heading, "", "", "", ERASED if line.erased else summarise_line(line)]


def _outcome(case: CaseLine) -> str:
    return "; ".join(
        f"{agency}: {say_answer(code)}" + (f" ({reason})" if reason not in ("", "permitted") else "")
        for agency, code, reason in cells_of(case)
    )


def _disarm(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
