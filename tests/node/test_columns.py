"""Identifiers as columns: what is missing or not to be trusted is 0."""

from __future__ import annotations

import numpy as np
import pytest

from node.columns import columns_of
from node.identifiers import BirthDate, Identifiers
from tests.matcher.factories import person


def counting(value: bytes) -> int:
    """A reduction that tests can read: the bytes themselves, cut to eight."""
    return int.from_bytes(value[-8:]) or 1


@pytest.mark.parametrize(
    ("birth", "expected"),
    [
        pytest.param(None, (0, 0, 0, False), id="no date"),
        pytest.param(BirthDate(1980, 3, 27), (1980, 3, 27, True), id="whole"),
        pytest.param(BirthDate(1980, 2, 29), (1980, 2, 29, True), id="29 February of a leap year"),
        pytest.param(BirthDate(1981, 2, 29), (1981, 2, 29, False), id="29 February of another year"),
        pytest.param(BirthDate(1980, None, None), (1980, 0, 0, False), id="year alone"),
        pytest.param(BirthDate(None, 3, 27), (0, 3, 27, False), id="no year"),
        pytest.param(BirthDate(1980, 1, 1), (1980, 1, 1, True), id="a trusted 1 January"),
        pytest.param(BirthDate(1980, 1, 1, weak=True), (1980, 0, 0, False), id="a weak 1 January"),
        pytest.param(BirthDate(None, None, None, weak=True), (0, 0, 0, False), id="weak without a year"),
    ],
)
def test_a_birth_date_is_whole_only_if_it_is_a_trusted_day_of_the_calendar(
    birth: BirthDate | None, expected: tuple[int, int, int, bool]
) -> None:
    columns = columns_of([Identifiers(birth=birth)], counting)
    assert (
        int(columns.year[0]), int(columns.month[0]), int(columns.day[0]), bool(columns.complete[0])
    ) == expected  # fmt: skip


def test_initials_sex_and_numbers_are_numbers_and_0_where_missing() -> None:
    everybody = [
        person(initials="az", chain="123456789012", nhs_number="9990000018", sex="f"),
        person(initials="z-", chain="7", sex="m"),
        Identifiers(),
    ]
    columns = columns_of(everybody, counting)
    assert columns.forename_initial.tolist() == [1, 26, 0]
    assert columns.surname_initial.tolist() == [26, 0, 0]
    assert columns.chain.tolist() == [123456789012, 7, 0]
    assert columns.chain_digits.tolist() == [12, 1, 0]
    assert columns.nhs_number.tolist() == [9990000018, 0, 0]
    assert columns.sex.tolist() == [1, 2, 0]


def test_sounds_need_the_name_and_both_sounds_need_both_names() -> None:
    columns = columns_of([person(), person(forename=None), person(surname=None)], counting)
    assert (columns.surname_sound > 0).tolist() == [True, True, False]
    assert (columns.sounds_sorted > 0).tolist() == [True, False, False]


def test_sounds_of_both_names_do_not_depend_on_their_order() -> None:
    columns = columns_of([person(forename="smith", surname="anna"), person("1980-03-27", "anna")], counting)
    assert columns.sounds_sorted[0] == columns.sounds_sorted[1]
    assert columns.surname_sound[0] != columns.surname_sound[1]


def test_a_surname_alone_is_reduced_under_another_label_than_both_names() -> None:
    seen: list[bytes] = []

    def remember(value: bytes) -> int:
        seen.append(value)
        return len(seen)

    columns_of([person()], remember)
    assert [value.split(b"\0")[0] for value in seen] == [b"surname", b"sounds"]


def test_a_value_is_reduced_once_however_often_it_occurs() -> None:
    seen: list[bytes] = []

    def remember(value: bytes) -> int:
        seen.append(value)
        return 1

    columns_of([person()] * 100, remember)
    assert len(seen) == len(set(seen)) == 2


def test_rows_can_be_taken_in_any_order_and_more_than_once() -> None:
    columns = columns_of([person("1980-03-27"), person("1981-04-28")], counting)
    taken = columns.take(np.asarray([1, 0, 1]))
    assert taken.year.tolist() == [1981, 1980, 1981]
    assert len(taken) == 3
    assert taken.sounds_sorted.tolist() == columns.sounds_sorted[[1, 0, 1]].tolist()


def test_columns_print_their_size_only() -> None:
    assert repr(columns_of([person()], counting)) == "Columns(1 tokens)"
