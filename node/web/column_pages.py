"""Which column of an uploaded list is which, where its headings do not say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from starlette.responses import Response

from node.case_lists import KeptList, keep_list, read_list, read_rows
from node.errors import RecordFormatError
from node.mapping import CASE_LIST_FIELDS, HeaderMapping, header_key, known_columns
from node.texts import text_of
from node.web.list_pages import find_open_own_list, kept_until
from node.web.visits import Visit
from node.written_dates import Cell
from pages.templating import capitalise
from pages.visits import NO_ERRORS, Errors, not_found

FIELDS: Mapping[str, str] = {
    "case_ref": "Case reference",
    "dob": "Date of birth",
    "forename": "Forename",
    "surname": "Surname",
    "initials": "Initials",
    "chain": "CHAIN number",
    "nhs_number": "NHS number",
    "sex": "Sex",
    "area": "Borough or district",
    "aliases": "Other names",
    "basis": "By what right",
    "basis_detail": "By what right, in detail",
}
NEEDED = ("case_ref", "dob")
# Two columns are the least a list can have: a reference and a date.
FEWEST_HEADINGS = 2


@dataclass(frozen=True, slots=True, repr=False)
class Headings:
    """The row that is taken for the headings.

    Attributes:
        row: Its number, counted from 1.
        texts: Its cells by column, counted from 0, where they hold a text that stands there once.
    """

    row: int
    texts: Mapping[int, str]


def show_columns(visit: Visit) -> Response:
    """The list's headings, to be said what they are."""
    return _show(visit, _uploaded(visit))


def columns_sent(visit: Visit) -> Response:
    """Keep what was said, if the list can be read by it."""
    with visit.site.alone(visit.part("list")):
        kept = _uploaded(visit)
        headings = find_headings(read_rows(visit.node.home, kept), row=_typed_row(visit))
        chosen = {
            name: headings.texts[int(column)]
            for name in FIELDS
            if (column := visit.form.get(name)).isdecimal() and int(column) in headings.texts
        }
        errors = {
            name: f"Select the column of the {FIELDS[name].lower()}" for name in NEEDED if name not in chosen
        }
        if len(set(chosen.values())) < len(chosen):
            errors["case_ref"] = "One column is selected twice"
        if errors or visit.form.get("then") != "keep":
            return _show(visit, kept, errors=errors if visit.form.get("then") == "keep" else NO_ERRORS)
        changed = replace(kept, columns=chosen, header_row=headings.row)
        try:
            read_list(visit.node.home, changed, today=visit.today)
        except RecordFormatError as error:
            return _show(visit, kept, errors={error.field or "case_ref": capitalise(error.rule)})
        keep_list(visit.node.store, changed, until=kept_until(visit))
    return visit.go(f"/lists/{kept.list_id}")


def find_headings(rows: Sequence[Sequence[Cell]], *, row: int | None = None) -> Headings:
    """The headings of a table: of a row, else of the one that names most columns, else has most texts."""
    scores = [(_known(cells), _texts(cells)) for cells in rows]
    best = max(range(len(rows)), key=lambda at: (scores[at][0], len(scores[at][1]), -at), default=0)
    at = best if row is None or not 0 < row <= len(rows) else row - 1
    return Headings(at + 1, scores[at][1] if scores else {})


def require_headings(rows: Sequence[Sequence[Cell]]) -> None:
    """Refuse a table that cannot be a list, whatever its columns are called.

    Raises:
        RecordFormatError: It has not two columns with headings, or no row below them.
    """
    headings = find_headings(rows)
    if len(headings.texts) < FEWEST_HEADINGS or len(rows) <= headings.row:
        raise RecordFormatError(
            "case list", "has no row of headings, such as case_ref and dob, with rows below it"
        )


def _show(visit: Visit, kept: KeptList, *, errors: Errors = NO_ERRORS) -> Response:
    rows = read_rows(visit.node.home, kept)
    headings = find_headings(rows, row=_typed_row(visit) or kept.header_row)
    return visit.show(
        "list_columns.html", kept=kept, fields=FIELDS, needed=NEEDED, headings=headings,
        options={str(column): f"{_letters(column)}: {text}" for column, text in headings.texts.items()},
        guessed=_guessed(kept, headings), rows=len(rows), errors=errors,
    )  # fmt: skip


def _guessed(kept: KeptList, headings: Headings) -> dict[str, str]:
    """What a column is called, or what was said before."""
    by_text = {header_key(text): str(column) for column, text in headings.texts.items()}
    said = {name: by_text.get(header_key(text), "") for name, text in kept.columns.items()}
    width = max(headings.texts, default=-1) + 1
    found = known_columns(
        [headings.texts.get(column, "") for column in range(width)], CASE_LIST_FIELDS, HeaderMapping()
    )
    return {name: str(columns[0]) for name, columns in found.items()} | said


def _known(cells: Sequence[Cell]) -> int:
    return len(known_columns(cells, CASE_LIST_FIELDS, HeaderMapping()))


def _texts(cells: Sequence[Cell]) -> dict[int, str]:
    keys = [header_key(cell) for cell in cells]
    return {
        column: text_of(cell)
        for column, cell in enumerate(cells)
        if isinstance(cell, str) and keys[column] and keys.count(keys[column]) == 1
    }


def _letters(column: int) -> str:
    """0 is A, 25 is Z, 26 is AA: as a spreadsheet names its columns."""
    letters, rest = "", column + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def _typed_row(visit: Visit) -> int | None:
    typed = visit.form.get("header_row")
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= 3 else None


def _uploaded(visit: Visit) -> KeptList:
    kept = find_open_own_list(visit)
    if not kept.file:
        raise not_found()
    return kept
