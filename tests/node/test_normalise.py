"""Numbers, sex and area as people type them."""

from __future__ import annotations

import re
from datetime import date, datetime

import nhs_number
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.normalise import (
    normalise_area,
    read_area,
    read_chain,
    read_nhs_number,
    read_sex,
)
from node.quality import RULES
from node.texts import fold, text_of
from node.written_dates import Cell

# From the NHS Data Dictionary's worked example of the modulus 11 check (digits 943 476 591, check digit 9).
NHS_NUMBER = "9434765919"


@pytest.mark.parametrize(
    ("cell", "chain"),
    [
        pytest.param("0012345", "12345", id="leading zeros"),
        pytest.param("12345.0", "12345", id="Excel's point"),
        pytest.param(12345.0, "12345", id="number cell"),
        pytest.param(12345, "12345", id="whole number cell"),
        pytest.param("CHAIN 12345", "12345", id="prefix"),
        pytest.param("CHAIN-No. 12345", "12345", id="longer prefix"),
        pytest.param("12 345", "12345", id="blank inside"),
        pytest.param("12345\u00a0", "12345", id="no-break space"),
        pytest.param("N/K", None, id="not known"),
        pytest.param("", None, id="empty"),
    ],
)
def test_a_chain_number_is_digits_without_leading_zeros(cell: Cell, chain: str | None) -> None:
    assert read_chain(cell).value == chain
    assert read_chain(cell).rules == ()


@pytest.mark.parametrize(
    "cell",
    ["1.2E+06", "AB123", "00000", "11111", "1234567890123", "12/34", 123.5, "١٢٣"],
    ids=lambda cell: None,
)
def test_what_is_no_chain_number_is_left_out_with_a_finding(cell: Cell) -> None:
    assert (read_chain(cell).value, read_chain(cell).rules) == (None, ("chain_format",))


@pytest.mark.parametrize(
    "cell",
    [NHS_NUMBER, "943 476 5919", "943-476-5919", "943 4765919", 9434765919, 9434765919.0, "9434765919.0"],
    ids=lambda cell: None,
)  # fmt: skip
def test_an_nhs_number_is_ten_digits(cell: Cell) -> None:
    assert read_nhs_number(cell).value == NHS_NUMBER


@pytest.mark.parametrize(
    ("cell", "rules"),
    [
        pytest.param("9434765918", ("nhs_check_digit",), id="wrong check digit"),
        pytest.param("1111111111", ("nhs_check_digit",), id="one digit ten times"),
        pytest.param("0000000000", ("nhs_check_digit",), id="zeros"),
        pytest.param("943476591", ("nhs_check_digit",), id="nine digits"),
        pytest.param("94347659", ("nhs_format",), id="eight digits"),
        pytest.param("ABC4765919", ("nhs_format",), id="letters"),
        pytest.param("unknown", (), id="not known"),
        pytest.param("", (), id="empty"),
    ],
)
def test_an_nhs_number_that_does_not_check_is_left_out(cell: Cell, rules: tuple[str, ...]) -> None:
    assert (read_nhs_number(cell).value, read_nhs_number(cell).rules) == (None, rules)


def test_a_leading_zero_that_a_spreadsheet_dropped_is_put_back() -> None:
    nine = next(
        f"1{n:08d}" for n in range(10**6)
        if nhs_number.calculate_checksum(f"01{n:08d}"[:9]) == n % 10
    )  # fmt: skip
    assert read_nhs_number(nine).value == f"0{nine}"


@pytest.mark.parametrize(
    ("cell", "sex", "rules"),
    [
        ("M", "m", ()), ("male", "m", ()), (1, "m", ()), ("1.0", "m", ()), (1.0, "m", ()),
        ("F", "f", ()), ("Female ", "f", ()), (2, "f", ()), ("", None, ()), ("unknown", None, ()),
        (9, None, ()),
        ("X", None, ("unknown_sex",)), ("non-binary", None, ("unknown_sex",)),
        ("trans man", None, ("unknown_sex",)),
    ],
)  # fmt: skip
def test_sex_is_compared_only_where_it_is_male_or_female(
    cell: Cell, sex: str | None, rules: tuple[str, ...]
) -> None:
    assert (read_sex(cell).value, read_sex(cell).rules) == (sex, rules)


@pytest.mark.parametrize(
    ("cell", "area"),
    [
        ("St Albans City Council", "st-albans"), ("st-albans", "st-albans"), ("St. Albans", "st-albans"),
        ("London Borough of Camden", "camden"), ("Royal Borough of Greenwich", "greenwich"),
        ("East Hertfordshire District Council", "east-hertfordshire"), ("King's Lynn", "kings-lynn"),
        ("City of York", "york"), ("N/K", None), ("", None), ("Ynys Môn", "ynys-mon"),
    ],
)  # fmt: skip
def test_an_area_becomes_an_id(cell: Cell, area: str | None) -> None:
    assert normalise_area(cell) == area


@given(st.text(max_size=100))
def test_any_text_is_read_or_left_and_never_raises(text: str) -> None:
    for read, alphabet in (
        (read_chain, r"[1-9][0-9]{0,11}"),
        (read_nhs_number, r"[0-9]{10}"),
        (read_sex, r"[mf]"),
        (read_area, r"[a-z0-9][a-z0-9-]{0,63}"),
    ):
        reading = read(text)
        assert reading.value is None or re.fullmatch(alphabet, reading.value)
        assert set(reading.rules) <= set(RULES)
        if reading.value is not None:
            assert read(reading.value).value == reading.value


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""), (12.0, "12"), (12.5, "12.5"), (7, "7"), (date(1980, 2, 1), "1980-02-01"),
        (datetime(1980, 2, 1), "1980-02-01"), ("a\u00a0 \t b\n", "a b"), ("\ufeffa\u200b", "a"),
        ("0012", "0012"),
    ],
)  # fmt: skip
def test_a_cell_is_one_line_of_visible_text(cell: Cell, text: str) -> None:
    assert text_of(cell) == text


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_readings_print_nothing_of_the_value() -> None:
    assert "12345" not in repr(read_chain("12345"))
