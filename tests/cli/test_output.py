"""Data on stdout: what is opened in a spreadsheet is shown there and never calculated."""

from __future__ import annotations

import csv

import pytest

from cli.output import emit, format_csv


def test_what_a_spreadsheet_would_calculate_is_disarmed_on_stdout() -> None:
    row = {"case_ref": "=1+1", "team": '@SUM("A1")', "name": " +cmd|x", "left out": "=2"}
    names = ("case_ref", "team", "name")
    assert list(csv.reader(format_csv([row], names).splitlines())) == [
        list(names),
        [f"'{row[name]}" for name in names],
    ]


def test_plain_values_are_left_as_they_are() -> None:
    row = {"index": -5, "open": True, "missing": None, "phone": "+44 1992 000000", "word": "Known"}
    assert format_csv([row], (*row, "absent")).splitlines() == [
        "index,open,missing,phone,word,absent",
        "-5,True,,+44 1992 000000,Known,",
    ]


def test_no_rows_are_a_header() -> None:
    assert format_csv([], ("index", "word")) == "index,word\n"


def test_a_list_stands_in_a_table_as_people_write_one(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"cosigned_by": ["cgl", "hpft"], "quorum": 2, "missing": None}, "table")
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["cosigned_by", "cgl,", "hpft"], ["quorum", "2"], ["missing"],
    ]  # fmt: skip
