"""Data on stdout: what is opened in a spreadsheet is shown there and never calculated."""

from __future__ import annotations

import csv

from cli.output import format_csv


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
