"""Rows of one list that are probably one person: named by row, and nobody is dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from node.identifiers import Case
from node.listed_twice import MOST_NAMED, ListedTwice, find_listed_twice, sentences
from tests.federation import case_of
from tests.people import people

AMARA = {"local_id": "X", "case_ref": "X", "dob": "1984-03-17", "forename": "Amara", "surname": "Lindqvist"}
OTHERS = people(11, first=100)


def cases_of(rows: Sequence[Mapping[str, str]]) -> list[Case]:
    return [case_of(row, number) for number, row in enumerate(rows, start=2)]


def found(*rows: Mapping[str, str]) -> list[ListedTwice]:
    return find_listed_twice(cases_of([*OTHERS, *rows]))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({}, id="the same row"),
        pytest.param({"surname": "Lindkvist"}, id="spelled otherwise"),
        pytest.param({"dob": "1984-03-18"}, id="another day"),
        pytest.param({"forename": "", "surname": "", "initials": "AL"}, id="initials alone"),
    ],
)
def test_two_rows_of_one_person_are_named_by_row(other: Mapping[str, str]) -> None:
    [pair] = found(AMARA, AMARA | {"case_ref": "Y"} | other)
    assert pair.rows == (13, 14) and not pair.may_be_twins
    assert pair.sentence.startswith("Rows 13 and 14 are probably one person")
    for value in ("amara", "lindqvist", "1984"):
        assert value not in (repr(pair) + pair.sentence).lower()


def test_twins_are_said_to_be_possible() -> None:
    [pair] = found(AMARA, AMARA | {"forename": "Anna"})
    assert pair.may_be_twins and "or twins" in pair.sentence


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"forename": "Tom", "surname": "Baker"}, id="one birth date"),
        pytest.param({"dob": "1961-09-02"}, id="one name"),
    ],
)
def test_strangers_are_not_named(other: Mapping[str, str]) -> None:
    assert found(AMARA, AMARA | other) == []


def test_three_rows_of_one_person_are_three_pairs() -> None:
    pairs = found(AMARA, AMARA | {"surname": "Lindkvist"}, AMARA)
    assert {pair.rows for pair in pairs} == {(13, 14), (13, 15), (14, 15)}


@pytest.mark.parametrize("rows", [[], [AMARA]], ids=["nobody", "one person"])
def test_a_list_of_nobody_or_one_has_nobody_twice(rows: list[Mapping[str, str]]) -> None:
    assert find_listed_twice(cases_of(rows)) == []


def test_a_column_filled_with_one_value_is_said_in_few_words() -> None:
    rows = [{"case_ref": f"c-{n}", "dob": f"{1950 + n}-02-03", "initials": "AB"} for n in range(30)]
    pairs = find_listed_twice(cases_of(rows))
    said = sentences(pairs)
    assert len(pairs) > MOST_NAMED and len(said) == MOST_NAMED + 1
    assert said[-1].startswith(f"So may {len(pairs) - MOST_NAMED} more pairs")
