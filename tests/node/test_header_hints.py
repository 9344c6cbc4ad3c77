"""Headers may be repeated where a column is missing; a person in a file's first row never."""

from __future__ import annotations

import pytest

from node.header_hints import describe_headers, did_you_mean, quoted
from node.written_dates import Cell

KNOWN = ("born", "date of birth", "first name", "surname", "known as")


def test_headers_are_repeated_so_that_a_mapping_can_name_them() -> None:
    rows: list[list[Cell]] = [
        ["Open cases"],
        ["Client number (internal)", "Born", "First name", "Kin", None],
        ["P-1", "1980-02-01", "Zebedee", "Smith", ""],
    ]
    words = "the headers are 'Client number (internal)', 'Born', 'First name', 'Kin'"
    assert describe_headers(rows, KNOWN) == words


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(["P-101", "1984-03-17", "Zebedee", "Born"], id="reference and date"),
        pytest.param(["Zebedee", "Lindqvist", "F"], id="names"),
        pytest.param(["Zebedee", "Born", "F"], id="a surname that is a header's word"),
        pytest.param(["Zebedee", "Born", "Name", "Lindqvist", "F"], id="less than half are words of headers"),
        pytest.param(["First name", "Born", "Zebedee, 3 March"], id="a digit"),
        pytest.param(["First name", "Surname", 29252], id="a number"),
        pytest.param(["First name"], id="one cell"),
        pytest.param([], id="no cell"),
    ],
)
def test_a_row_that_may_be_a_person_s_is_not_repeated(row: list[Cell]) -> None:
    assert describe_headers([row], KNOWN) == "no row looks like a header"


def test_a_long_header_and_many_headers_are_cut_short() -> None:
    said = describe_headers([["Name " * 20, "Surname\x1b[J"] + ["Client ref"] * 40], KNOWN)
    assert f"'{('Name ' * 20)[:37]}...', 'Surname[J'" in said
    assert said.endswith(" and 12 more")
    assert quoted("x" * 40) == f"'{'x' * 40}'" and len(quoted("x" * 41)) == 42


def test_the_most_alike_word_is_offered() -> None:
    assert did_you_mean("locale_id", ("local_id", "dob")) == ": did you mean local_id?"
    assert did_you_mean("postcode", ("local_id", "dob")) == ""
