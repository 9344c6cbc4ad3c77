"""The known-to sheet: answers beside untouched columns, and nothing that a spreadsheet would calculate."""

from __future__ import annotations

import csv
import io
import json
import stat
import zipfile
from datetime import date, datetime, time
from pathlib import Path

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from node.answers import AnswerWord
from node.errors import RecordFormatError
from node.records import CaseList, read_cases
from node.sheets import (
    LEGEND,
    AnswerCell,
    CaseAnswers,
    KnownToSheet,
    is_formula_like,
    last_contact_band,
)
from tests.node.malformed.make import SENTINEL

TODAY = date(2026, 11, 22)
AGENCIES = {"cgl": "CGL", "hpft": "HPFT"}


def _sheet(cases: CaseList, title: str = "HPFT", team: str = "Team 2") -> KnownToSheet:
    known = AnswerCell(AnswerWord.KNOWN, True, "in the last month", team)
    answers = [
        CaseAnswers(case.case_ref, case.row, {"hpft": known, "cgl": AnswerCell(AnswerWord.NO_REPLY_YET)})
        for case in cases.cases
    ]
    return KnownToSheet(cases, AGENCIES | {"hpft": title}, answers, TODAY, ["1 of 2 agencies up to date"])


def _csv_cases(folder: Path, text: str, encoding: str = "utf-8") -> CaseList:
    path = folder / "cases.csv"
    path.write_bytes(text.encode(encoding))
    return read_cases(path, today=TODAY)


def _rows_of_csv(path: Path, delimiter: str = ",") -> list[list[str]]:
    return list(
        csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), delimiter=delimiter)
    )


CASES = (
    "case_ref,dob,forename,surname,notes\n"
    "C1,1980-02-01,Ann,Smith,0012\nC2,,Bo,Jones,\nC3,1981-02-01,Cy,Hall,x\n"
)


def test_answers_are_new_columns_after_the_existing_ones(tmp_path: Path) -> None:
    _sheet(_csv_cases(tmp_path, CASES)).write_csv(tmp_path / "out.csv")
    rows = _rows_of_csv(tmp_path / "out.csv")
    assert [row[:5] for row in rows] == list(csv.reader(CASES.splitlines()))
    assert rows[0][5:] == [
        "Not looked up 2026-11-22", "Known to 2026-11-22", "CGL 2026-11-22", "CGL: detail 2026-11-22",
        "HPFT 2026-11-22", "HPFT: detail 2026-11-22",
    ]  # fmt: skip
    assert rows[1][5:] == [
        "", "HPFT", "No reply yet", "", "Known", "open; last contact in the last month; ring Team 2"
    ]  # fmt: skip
    parked = "There is no date of birth, and a case cannot be asked without one."
    assert rows[2][5:] == [parked, "", "", "", "", ""], "every row has as many cells as the header"


@pytest.mark.parametrize("delimiter", [";", "\t"], ids=["semicolon", "tab"])
def test_a_csv_keeps_its_delimiter_quotes_line_breaks_and_ragged_rows(delimiter: str, tmp_path: Path) -> None:
    original = [
        ["Conference of May"], [], ["case_ref", "dob", "initials", f"a{delimiter}b", "notes"],
        ["C1", "01/02/1980", "AS", 'say "hi"', "two\nlines "], ["C2", "2.3.81", "BJ"],
    ]  # fmt: skip
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(original)
    _sheet(_csv_cases(tmp_path, text.getvalue())).write_csv(tmp_path / "out.csv")
    rows = _rows_of_csv(tmp_path / "out.csv", delimiter)
    assert [row[: len(cells)] for row, cells in zip(rows, original, strict=True)] == original
    assert rows[4][7] == "No reply yet", "short rows are filled up before the answers"


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8", False), ("utf-8-sig", True), ("cp1252", True)])
def test_letters_survive_and_excel_is_told_the_encoding(encoding: str, mark: bool, tmp_path: Path) -> None:
    text = "case_ref,dob,forename,surname\nC1,1980-02-01,Zoë,Müller\n"
    _sheet(_csv_cases(tmp_path, text, encoding)).write_csv(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf") is mark
    assert _rows_of_csv(tmp_path / "out.csv")[1][2:4] == ["Zoë", "Müller"]


def _workbook(path: Path) -> list[list[object]]:
    """A case list with every type of cell and shown format."""
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("May list")
    short, padded, built_in = (book.add_format({"num_format": code}) for code in ("dd-mmm-yy", "00000", 14))
    sheet.merge_range("A1:D1", "Conference of May")
    sheet.write_row(
        1, 0, ["Case ref", "Date of birth", "First name", "Last name", "Rent", "Seen", "At", "Ok", "No"]
    )
    sheet.write_row(3, 0, ["C1"])
    sheet.write_datetime(3, 1, datetime(1980, 2, 1), short)
    sheet.write_row(3, 2, ["Ann", "Smith", 512.5])
    sheet.write_datetime(3, 5, datetime(2026, 1, 2, 13, 30), built_in)
    sheet.write_datetime(3, 6, time(9, 15), book.add_format({"num_format": "hh:mm"}))
    sheet.write_boolean(3, 7, True)
    sheet.write_number(3, 8, 42, padded)
    sheet.write_row(4, 0, ["0012", "1981-02-01", "Cy", "Hall"])
    sheet.write_string(4, 4, "=1+1")
    book.close()
    return _cells(path)


def _cells(path: Path) -> list[list[object]]:
    with CalamineWorkbook.from_path(path) as book:
        return [list(row) for row in book.get_sheet_by_index(0).to_python(skip_empty_area=False)]


def test_a_workbook_keeps_types_and_shown_formats(tmp_path: Path) -> None:
    original = _workbook(tmp_path / "cases.xlsx")
    cases = read_cases(tmp_path / "cases.xlsx", today=TODAY)
    _sheet(cases).write_xlsx(tmp_path / "out.xlsx")
    written = _cells(tmp_path / "out.xlsx")
    assert [row[: len(original[0])] for row in written] == original
    again = read_cases(tmp_path / "out.xlsx", today=TODAY)
    assert dict(again.table.number_formats) == dict(cases.table.number_formats)
    assert set(cases.table.number_formats.values()) == {"dd-mmm-yy", "00000", 14, "hh:mm"}
    assert again.table.title == "May list"
    assert written[3][-4:] == [
        "No reply yet",
        "",
        "Known",
        "open; last contact in the last month; ring Team 2",
    ]


def test_csv_text_stays_text_in_a_workbook(tmp_path: Path) -> None:
    _sheet(_csv_cases(tmp_path, CASES)).write_xlsx(tmp_path / "out.xlsx")
    assert _cells(tmp_path / "out.xlsx")[1][:5] == ["C1", "1980-02-01", "Ann", "Smith", "0012"]


DANGEROUS = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1+1",
    "＝1+1",
    '=HYPERLINK("x")',
]
HARMLESS = ["-5", "+44 1992 000000", "-1,200.50", "- ", "-", "O'Neil", "a=b", "1-2", "", "+44 (0)1992 000000"]


@pytest.mark.parametrize("text", DANGEROUS, ids=lambda text: repr(text))
def test_what_a_spreadsheet_would_calculate_is_disarmed_in_csv(text: str, tmp_path: Path) -> None:
    assert is_formula_like(text)
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([["case_ref", "dob", "initials", "notes"], ["C1", "1980-02-01", "AS", text]])
    cases = _csv_cases(tmp_path, buffer.getvalue())
    _sheet(cases, title=text, team=text).write_csv(tmp_path / "out.csv")
    for row in _rows_of_csv(tmp_path / "out.csv"):
        assert not any(is_formula_like(cell) for cell in row)
    assert _rows_of_csv(tmp_path / "out.csv")[1][3] == f"'{text}"


@pytest.mark.parametrize("text", HARMLESS, ids=lambda text: repr(text))
def test_plain_numbers_and_words_are_left_alone(text: str) -> None:
    assert not is_formula_like(text)


def test_a_workbook_never_holds_a_formula_or_a_link(tmp_path: Path) -> None:
    text = "case_ref,dob,initials,notes\nC1,1980-02-01,AS,=1+1\nC2,1981-02-01,BJ,http://example.org\n"
    _sheet(_csv_cases(tmp_path, text), title="=2+2", team="@SUM(A1)").write_xlsx(tmp_path / "out.xlsx")
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet and b"hyperlink" not in sheet
    assert _cells(tmp_path / "out.xlsx")[1][3] == "=1+1"


def test_the_legend_explains_every_word(tmp_path: Path) -> None:
    _sheet(_csv_cases(tmp_path, CASES)).write_xlsx(tmp_path / "out.xlsx")
    with CalamineWorkbook.from_path(tmp_path / "out.xlsx") as book:
        assert book.sheet_names == ["Cases", "Known to"]
        legend = book.get_sheet_by_name("Known to").to_python()
    assert (
        [row[0] for row in legend[:5]] == [str(word) for word in AnswerWord] == [str(word) for word in LEGEND]
    )
    assert legend[5][1] == "1 of 2 agencies up to date"


def test_rows_for_json_hold_references_and_no_names(tmp_path: Path) -> None:
    text = f"case_ref,dob,forename,surname\nC1,1980-02-01,{SENTINEL},Smith\nC2,,{SENTINEL},Jones\n"
    sheet = _sheet(_csv_cases(tmp_path, text))
    rows = sheet.as_rows()
    assert [(row["case_ref"], row["row"], row["rule"]) for row in rows] == [
        ("C1", 2, None),
        ("C2", 3, "no_birth_date"),
    ]
    assert rows[0]["answers"]["hpft"] == {
        "answer": "Known", "open": True, "last_contact": "in the last month", "team": "Team 2"
    }  # fmt: skip
    assert SENTINEL not in json.dumps(rows) + repr(sheet) + repr(sheet.answers)


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
def test_the_file_is_private_and_whole(name: str, tmp_path: Path) -> None:
    sheet = _sheet(_csv_cases(tmp_path, CASES))
    target = tmp_path / name
    target.write_bytes(b"before")
    target.chmod(0o644)
    (sheet.write_csv if name.endswith("csv") else sheet.write_xlsx)(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["cases.csv", name])


def test_a_folder_that_is_not_there_is_named_by_rule_only(tmp_path: Path) -> None:
    sheet = _sheet(_csv_cases(tmp_path, CASES))
    with pytest.raises(RecordFormatError) as refused:
        sheet.write_csv(tmp_path / SENTINEL / "out.csv")
    assert SENTINEL not in str(refused.value)


def test_a_target_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    sheet = _sheet(_csv_cases(tmp_path, CASES))
    (tmp_path / "out").mkdir()
    with pytest.raises(RecordFormatError):
        sheet.write_csv(tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.csv", "out"]


def test_a_sheet_that_is_stopped_halfway_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_handle: int) -> None:
        raise KeyboardInterrupt

    sheet = _sheet(_csv_cases(tmp_path, CASES))
    monkeypatch.setattr("os.fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        sheet.write_csv(tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["cases.csv"]


@pytest.mark.parametrize(
    ("month", "band"),
    [
        ("2026-11", "in the last month"), ("2026-12", "in the last month"),
        ("2026-10", "1 to 3 months ago"), ("2026-09", "1 to 3 months ago"),
        ("2026-08", "3 to 12 months ago"), ("2025-12", "3 to 12 months ago"),
        ("2025-11", "over a year ago"), ("1999-01", "over a year ago"),
        (None, "not recorded"), ("", "not recorded"), ("2026-13", "not recorded"),
        ("0000-01", "not recorded"), ("last May", "not recorded"),
    ],
)  # fmt: skip
def test_a_month_is_told_as_a_band(month: str | None, band: str) -> None:
    assert last_contact_band(month, TODAY) == band


def test_the_answer_words_are_the_five_of_the_field() -> None:
    assert [str(word) for word in AnswerWord] == [
        "Known", "Possibly known - ring to check", "No shared match", "No reply yet", "Not asked"
    ]  # fmt: skip


@pytest.mark.parametrize("word", [AnswerWord.KNOWN, AnswerWord.POSSIBLY_KNOWN])
@pytest.mark.parametrize(
    ("lacks", "says"),
    [
        ("withheld", "ask the agency; details withheld"),
        ("unreadable", "ring the agency; its details cannot be read here"),
    ],
)
def test_a_card_that_is_not_shown_is_said_why_in_words(
    word: AnswerWord, lacks: str, says: str, tmp_path: Path
) -> None:
    cases = _csv_cases(tmp_path, CASES)
    cell = AnswerCell(word, lacks_details=lacks)
    answers = [CaseAnswers(case.case_ref, case.row, {"hpft": cell}) for case in cases.cases]
    path = tmp_path / "sheet.csv"
    KnownToSheet(cases, {"hpft": "HPFT"}, answers, TODAY, []).write_csv(path)
    row = next(row for row in _rows_of_csv(path) if "C1" in row)
    assert row[-2:] == [str(word), says]
