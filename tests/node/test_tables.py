"""CSV and workbooks as cells: encodings, delimiters, headers wherever they stand."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from node.errors import RecordFormatError
from node.mapping import CASELOAD_FIELDS, HeaderMapping, find_header, load_mapping, parse_mapping
from node.records import Caseload, read_caseload, read_cases
from node.tables import CASELOAD_LIMITS, Grid, read_grids
from node.written_dates import Cell
from tests.node.malformed.make import SENTINEL, opendocument, workbook

TODAY = date(2026, 11, 22)
ROWS = [["local_id", "dob", "forename", "surname"], ["A1", "1980-02-01", "Ann", "Müller"]]
BOOK = workbook([("List", ROWS)])


def _read(folder: Path, content: bytes, mapping: HeaderMapping | None = None) -> Caseload:
    path = folder / "caseload.csv"
    path.write_bytes(content)
    return read_caseload(path, mapping=mapping, today=TODAY)


def _csv(rows: list[list[str]], delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
def test_every_usual_encoding_and_delimiter_gives_the_same_record(
    encoding: str, delimiter: str, tmp_path: Path
) -> None:
    caseload = _read(tmp_path, _csv(ROWS, delimiter).encode(encoding))
    assert [record.identifiers[0].surname for record in caseload.records] == ["muller"]
    assert caseload.findings == ()


def test_delimiters_inside_other_columns_do_not_mislead(tmp_path: Path) -> None:
    text = "local_id;dob;forename;surname;notes, needs, wishes\nA1;1980-02-01;Ann;Smith;a, b, c, d, e\n"
    assert _read(tmp_path, text.encode()).records[0].identifiers[0].surname == "smith"


def test_a_line_break_inside_quotes_is_one_row(tmp_path: Path) -> None:
    text = 'local_id,dob,forename,surname\nA1,1980-02-01,"Ann\nMarie",Smith\nA2,1981-02-01,Bo,Jones\n'
    caseload = _read(tmp_path, text.encode())
    assert [record.row for record in caseload.records] == [2, 3]
    assert caseload.records[0].identifiers[0].forename == "ann marie"


def test_rows_are_counted_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    text = (
        "Caseload of the team\n\nlocal_id,dob,forename,surname\n\n"
        "A1,1980-02-01,Ann,Smith\n,,,\nA2,1981-02-01,Bo,J\n"
    )
    caseload = _read(tmp_path, text.encode())
    assert [record.row for record in caseload.records] == [5, 7]
    assert caseload.rows == 2


@pytest.mark.parametrize(
    "header",
    [
        ["LOCAL_ID", "DOB", "FORENAME", "SURNAME"],
        [" Client ID ", "Date of Birth", "First name", "Last name"],
        ["Client\u00a0ref.", "D.O.B. (dd/mm/yy)", "Forename(s)", "Family Name"],
        ["local id", "Birth-date", "Given names", "Surname"],
    ],
    ids=["capitals", "other words", "no-break spaces and points", "hyphens"],
)
def test_headers_are_known_in_other_words(header: list[str], tmp_path: Path) -> None:
    record = _read(tmp_path, _csv([header, ROWS[1]]).encode()).records[0]
    assert (record.local_id, record.identifiers[0].has_names) == ("A1", True)
    assert record.identifiers[0].birth is not None


def test_an_exact_name_wins_over_another_word_for_it(tmp_path: Path) -> None:
    text = "client id,local_id,dob,forename,surname\nX,A1,1980-02-01,Ann,Smith\n"
    assert _read(tmp_path, text.encode()).records[0].local_id == "A1"


def test_a_header_of_merged_cells_is_read_from_both_rows() -> None:
    grid = Grid(
        "", (("local_id", "dob", "Name", ""), ("", "", "forename", "surname"), ("A1", "1980", "Ann", "Smith"))
    )
    header = find_header(grid, CASELOAD_FIELDS, HeaderMapping())
    assert header is not None and header.row == 1
    assert header.columns == {"local_id": 0, "dob": 1, "forename": 2, "surname": 3}


def test_a_workbook_gives_numbers_and_dates_their_meaning(tmp_path: Path) -> None:
    path = tmp_path / "caseload.xlsx"
    header = [*ROWS[0], "NHS no", "chain"]
    path.write_bytes(workbook([("List", [header, [1001, 29252, "Ann", "Smith", 9434765919, 12345]])]))
    record = read_caseload(path, today=TODAY).records[0]
    identifiers = record.identifiers[0]
    assert (record.local_id, identifiers.nhs_number, identifiers.chain) == ("1001", "9434765919", "12345")
    assert identifiers.birth is not None and identifiers.birth.complete


def test_hidden_sheets_and_sheets_without_a_header_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "caseload.xlsx"
    old = [ROWS[0], ["OLD", "1970-02-03", "Old", "Person"]]
    path.write_bytes(workbook([("Read me", [["Notes"]]), ("Old", old), ("Now", ROWS)], hidden=["Old"]))
    assert [record.local_id for record in read_caseload(path, today=TODAY).records] == ["A1"]


def test_a_mapping_names_the_sheet(tmp_path: Path) -> None:
    path = tmp_path / "caseload.xlsx"
    path.write_bytes(workbook([("Open", ROWS), ("Closed", [ROWS[0], ["B1", "1970-02-03", "Bo", "Jones"]])]))
    caseload = read_caseload(path, mapping=HeaderMapping(sheet="Closed"), today=TODAY)
    assert [record.local_id for record in caseload.records] == ["B1"]


def test_an_opendocument_sheet_is_read(tmp_path: Path) -> None:
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    table = "".join(
        f"<table:table-row>{''.join(cell.format(value) for value in row)}</table:table-row>" for row in ROWS
    )
    path = tmp_path / "caseload.ods"
    path.write_bytes(opendocument(table))
    assert read_caseload(path, today=TODAY).records[0].identifiers[0].surname == "muller"


def test_a_mapping_file_says_what_columns_areas_and_dates_mean(tmp_path: Path) -> None:
    file = tmp_path / "map.toml"
    file.write_text(
        'day_first = false\n[columns]\nlocal_id = "Ref"\ndob = "Born on"\n'
        '[areas]\n"East Herts" = "easthertfordshire"\n'
    )
    text = (
        "Ref,Born on,forename,surname,area\n"
        "A1,02/13/1980,Ann,Smith,EAST HERTS\nA2,03/04/1981,Bo,Jones,Dacorum\n"
    )
    caseload = _read(tmp_path, text.encode(), load_mapping(file))
    assert [record.area for record in caseload.records] == ["easthertfordshire", "dacorum"]
    births = [record.identifiers[0].birth for record in caseload.records]
    assert [(birth.month, birth.day) for birth in births if birth] == [(2, 13), (3, 4)]
    assert caseload.findings == ()


@pytest.mark.parametrize(
    ("document", "field"),
    [
        pytest.param({"colums": {}}, None, id="unknown key"),
        pytest.param({"columns": {"birth": SENTINEL}}, "columns", id="unknown column"),
        pytest.param({"columns": {"dob": 3}}, "columns", id="column by number"),
        pytest.param({"areas": {"East": "East Herts"}}, "areas", id="area that is no id"),
        pytest.param({"sheet": 1}, "sheet", id="sheet by number"),
        pytest.param({"header_row": 0}, "header_row", id="row 0"),
        pytest.param({"header_row": True}, "header_row", id="truth as a row"),
        pytest.param({"day_first": "yes"}, "day_first", id="text as truth"),
    ],
)
def test_a_mapping_that_says_something_unknown_is_refused(
    document: dict[str, object], field: str | None
) -> None:
    with pytest.raises(RecordFormatError) as refused:
        parse_mapping(document)
    assert (refused.value.kind, refused.value.field) == ("mapping", field)
    assert SENTINEL not in str(refused.value)


@pytest.mark.parametrize("content", [b"\xff", b"columns = ["], ids=["no text", "no TOML"])
def test_a_mapping_file_that_is_no_toml_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "map.toml"
    file.write_bytes(content)
    with pytest.raises(RecordFormatError, match="not TOML"):
        load_mapping(file)


def _mapping_error(folder: Path, text: str) -> str:
    file = folder / "map.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RecordFormatError) as refused:
        load_mapping(file)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(
            '[columns]\n\nlocale_id = "Ref"\n',
            "row 3, columns: 'locale_id' is not known: did you mean local_id?",
            id="a name mistyped",
        ),
        pytest.param(
            '[columns]\npostcode = "PC"\n',
            "row 2, columns: 'postcode' is not known: the names are aliases,",
            id="a name like none",
        ),
        pytest.param(
            '[colums]\ndob = "Born"\n',
            "row 1: 'colums' is not known: did you mean columns?",
            id="a table mistyped",
        ),
        pytest.param(
            'sheet = "A"\n[columns]\ndob = 3\n', "row 3, columns: dob must be a header", id="a number"
        ),
        pytest.param(
            '[areas]\n"East Herts" = "East Herts"\n',
            "row 2, areas: 'East Herts' must be an area id",
            id="no id",
        ),
        pytest.param(
            f'sheet = "A"\n{SENTINEL} Smith\n', "mapping, row 2: the file is not TOML", id="no TOML"
        ),
    ],
)
def test_a_mapping_error_names_line_word_and_what_was_meant(tmp_path: Path, text: str, says: str) -> None:
    message = _mapping_error(tmp_path, text)
    assert says in message
    assert SENTINEL not in message


def test_a_mapping_s_header_that_is_not_there_is_quoted_with_the_one_that_was_meant(tmp_path: Path) -> None:
    content = f"Client ref,D of birth,Forename\nA1,1980-02-01,{SENTINEL}\n".encode()
    mapping = HeaderMapping(columns={"local_id": "Client ref", "dob": "D of birt"})
    with pytest.raises(RecordFormatError) as refused:
        _read(tmp_path, content, mapping)
    assert "no column has the mapping's header 'D of birt': did you mean D of birth?" in str(refused.value)
    assert (refused.value.row, refused.value.field) == (1, "dob")


def test_where_no_header_is_found_those_that_are_there_are_listed(tmp_path: Path) -> None:
    content = f"Open cases\nNumber,Born,Forename\nA1,1980-02-01,{SENTINEL}\n".encode()
    with pytest.raises(RecordFormatError) as refused:
        _read(tmp_path, content, HeaderMapping(columns={"local_id": "Numbr"}))
    message = str(refused.value)
    assert "which the mapping calls 'Numbr'; the headers are 'Number', 'Born', 'Forename'." in message
    assert SENTINEL not in message and "--map" in message


@pytest.mark.parametrize(
    ("mapping", "rule"),
    [
        (HeaderMapping(columns={"dob": "Nowhere"}), "no column has the mapping's header"),
        (HeaderMapping(sheet="Nowhere"), "no visible sheet"),
        (HeaderMapping(header_row=2), "names this column"),
        (HeaderMapping(header_row=9), "names this column"),
    ],
    ids=["column", "sheet", "header row", "header row below the file"],
)
def test_a_mapping_that_does_not_fit_the_file_is_refused(
    mapping: HeaderMapping, rule: str, tmp_path: Path
) -> None:
    with pytest.raises(RecordFormatError, match=rule):
        _read(tmp_path, _csv(ROWS).encode(), mapping)


@pytest.mark.parametrize(
    ("content", "limit", "says"),
    [
        pytest.param(_csv(ROWS).encode(), {"rows": 1}, "more than 1 rows: split", id="rows of CSV"),
        pytest.param(_csv(ROWS).encode(), {"bytes": 10}, "file has more than 0 MB", id="bytes of CSV"),
        pytest.param(BOOK, {"rows": 1}, "more than 1 rows: split", id="rows of a sheet"),
        pytest.param(BOOK, {"cells": 3}, "too large to read", id="cells of a sheet"),
        pytest.param(BOOK, {"bytes": len(BOOK)}, "unpacks to more than 0 MB", id="bytes as they unpack"),
    ],
)
def test_limits_on_rows_cells_and_bytes_hold(
    content: bytes, limit: dict[str, int], says: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(RecordFormatError, match=says):
        read_grids(path, kind="case list", recognises=len, limits=replace(CASELOAD_LIMITS, **limit))


def test_a_case_list_of_too_many_rows_is_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("case_ref,dob\n" + "".join(f"case-{n},1980-02-01\n" for n in range(3)))
    assert read_cases(path, today=TODAY, most_rows=3).rows == 3
    with pytest.raises(RecordFormatError, match="has 3 rows; a conference's has up to 2"):
        read_cases(path, today=TODAY, most_rows=2)


def test_cells_and_mappings_print_nothing_of_the_file() -> None:
    cells: tuple[Cell, ...] = (SENTINEL,)
    assert SENTINEL not in repr(Grid("", (cells,))) + repr(HeaderMapping(columns={"dob": SENTINEL}))
