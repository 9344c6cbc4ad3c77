"""Birth dates and case days as people type them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.dates import parse_birth_date, parse_day, read_birth_date
from node.identifiers import BirthDate
from node.quality import RULES
from node.written_dates import Cell

TODAY = date(2026, 11, 22)
WHOLE = (1980, 2, 1)

Parts = tuple[int | None, int | None, int | None]


def _parts(birth: BirthDate | None) -> Parts | None:
    return None if birth is None else (birth.year, birth.month, birth.day)


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param("1980-02-01", id="ISO"),
        pytest.param("1980-02-01T00:00:00Z", id="ISO with time and zone"),
        pytest.param("1980-02-01 00:00:00.000", id="database timestamp"),
        pytest.param("19800201", id="ISO without hyphens"),
        pytest.param("01/02/1980", id="UK"),
        pytest.param("1/2/1980", id="UK without zeros"),
        pytest.param("01/02/1980 12:30", id="UK with time"),
        pytest.param("01-02-80", id="UK with two-digit year"),
        pytest.param("01.02.1980", id="dots"),
        pytest.param("01 02 1980", id="blanks"),
        pytest.param("01\u00a002\u00a01980", id="no-break spaces"),
        pytest.param("01021980", id="run together"),
        pytest.param("1021980", id="run together, leading zero lost"),
        pytest.param("010280", id="run together with two-digit year"),
        pytest.param("1 Feb 1980", id="month in letters"),
        pytest.param("1st February 1980", id="ordinal"),
        pytest.param("Fri 1 Feb 1980", id="weekday"),
        pytest.param("February 1, 1980", id="month name first"),
        pytest.param("1-Feb-80", id="Excel's short date"),
        pytest.param(date(1980, 2, 1), id="date cell"),
        pytest.param(datetime(1980, 2, 1, 12, 30), id="date and time cell"),
        pytest.param("01/02/1980 ", id="blank behind"),
    ],
)
def test_a_known_form_is_read_without_a_finding(cell: Cell) -> None:
    reading = read_birth_date(cell, today=TODAY)
    assert _parts(reading.birth) == WHOLE
    assert reading.birth is not None and reading.birth.complete and not reading.birth.weak
    assert reading.rules == ()


@pytest.mark.parametrize(
    ("cell", "parts", "rules"),
    [
        pytest.param("29252", WHOLE, {"excel_serial"}, id="Excel serial as text"),
        pytest.param("29252.0", WHOLE, {"excel_serial"}, id="Excel serial with point"),
        pytest.param(29252.75, WHOLE, {"excel_serial"}, id="Excel serial with a time"),
        pytest.param("02/13/1980", (1980, 2, 13), {"day_month_swapped"}, id="month first, only reading"),
        pytest.param("1980-13-02", (1980, 2, 13), {"day_month_swapped"}, id="ISO swapped"),
        pytest.param("2972-12-22", (None, 12, 22), {"future_date"}, id="year in the future"),
        pytest.param("2026-12-24", (None, 12, 24), {"future_date"}, id="later this year"),
        pytest.param("1080-04-05", (None, 4, 5), {"too_long_ago"}, id="year 1080"),
        pytest.param("1905-04-05", (1905, 4, 5), {"too_long_ago"}, id="121 years old keeps its year"),
        pytest.param("1939-13-33", (1939, None, None), {"impossible_date"}, id="month 13, day 33"),
        pytest.param("1980-02-31", (1980, 2, None), {"impossible_date"}, id="31 February"),
        pytest.param("29/02/1981", (1981, 2, None), {"impossible_date"}, id="29 February, no leap year"),
        pytest.param("31/04/1980", (1980, 4, None), {"impossible_date"}, id="31 April"),
        pytest.param("1980", (1980, None, None), {"incomplete_birth_date"}, id="year alone"),
        pytest.param("Feb 1980", (1980, 2, None), {"incomplete_birth_date"}, id="month and year"),
        pytest.param("??/??/1980", (1980, None, None), {"incomplete_birth_date"}, id="masked"),
        pytest.param("1980-00-00", (1980, None, None), {"incomplete_birth_date"}, id="zeros as mask"),
        pytest.param("13/02", (None, 2, 13), {"incomplete_birth_date"}, id="no year"),
        pytest.param("rubbish", None, {"unreadable_birth_date"}, id="no date"),
        pytest.param("80-02-01", None, {"unreadable_birth_date"}, id="two-digit year first"),
        pytest.param("99999", None, {"unreadable_birth_date"}, id="serial of the future"),
        pytest.param(True, None, {"unreadable_birth_date"}, id="truth value"),
        pytest.param("-5", None, {"unreadable_birth_date"}, id="negative number"),
        pytest.param("unknown", None, set(), id="said to be unknown"),
        pytest.param("", None, set(), id="empty"),
        pytest.param(None, None, set(), id="no cell"),
    ],
)
def test_a_doubtful_date_keeps_its_plausible_parts(cell: Cell, parts: Parts | None, rules: set[str]) -> None:
    reading = read_birth_date(cell, today=TODAY)
    assert _parts(reading.birth) == parts
    assert set(reading.rules) == rules


@pytest.mark.parametrize(
    ("cell", "year"),
    [
        pytest.param("1980-01-01", 1980, id="1 January"),
        pytest.param("01/01/1970", 1970, id="Unix epoch"),
        pytest.param(date(1985, 1, 1), 1985, id="1 January as a cell"),
        pytest.param("29221", 1980, id="1 January as a serial"),
        pytest.param("01/01", None, id="1 January without a year"),
        pytest.param("1900-01-01", None, id="1 January 1900"),
        pytest.param("1901-01-01", None, id="1 January of an implausible year"),
        pytest.param("0001-01-01", None, id="a program's zero"),
        pytest.param("1899-12-30", None, id="Excel's zero"),
        pytest.param("31/12/1899", None, id="Excel's zero on another day"),
        pytest.param("0", None, id="zero"),
        pytest.param(0.0, None, id="zero in a number cell"),
        pytest.param(time(0, 0), None, id="zero shown as a time"),
        pytest.param(timedelta(0), None, id="zero shown as a duration"),
        pytest.param("45", None, id="a stray small number"),
        pytest.param("9999-12-31", None, id="the end of time"),
        pytest.param("99/99/9999", None, id="nines"),
        pytest.param("11/11/1111", None, id="ones"),
    ],
)
def test_a_placeholder_is_weak_and_keeps_a_plausible_year_alone(cell: Cell, year: int | None) -> None:
    reading = read_birth_date(cell, today=TODAY)
    assert reading.birth == BirthDate(year, None, None, weak=True)
    assert not reading.birth.complete
    assert {"weak_birth_date", "placeholder_birth_date"} & set(reading.rules)


@pytest.mark.parametrize(
    ("text", "year"),
    [("01/02/26", 2026), ("01/12/26", 1926), ("22/11/26", 2026), ("23/11/26", 1926), ("01/02/27", 1927)],
)
def test_a_two_digit_year_is_the_latest_that_is_not_in_the_future(text: str, year: int) -> None:
    birth = parse_birth_date(text, today=TODAY)
    assert birth is not None and birth.year == year


def test_month_comes_first_only_where_the_caller_says_so() -> None:
    birth = parse_birth_date("02/01/1980", today=TODAY, day_first=False)
    assert _parts(birth) == WHOLE
    assert _parts(parse_birth_date("1980-02-01", today=TODAY, day_first=False)) == WHOLE


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        pytest.param("01/02/2024", date(2024, 2, 1), id="UK"),
        pytest.param("2024-01-01", date(2024, 1, 1), id="1 January is a day like any other"),
        pytest.param("31/12/27", date(2027, 12, 31), id="planned"),
        pytest.param(45323, date(2024, 2, 1), id="Excel serial"),
        pytest.param("2024-02", None, id="no day"),
        pytest.param("2024-02-30", None, id="30 February"),
        pytest.param("0", None, id="zero"),
        pytest.param("open", None, id="a word"),
        pytest.param("", None, id="empty"),
    ],
)
def test_a_day_of_a_case_is_whole_or_missing(cell: Cell, day: date | None) -> None:
    assert parse_day(cell, today=TODAY) == day


DATE_LIKE = st.text(alphabet="0123456789/-. ?xjanfebTZ:", max_size=24)


@given(st.one_of(st.text(max_size=60), DATE_LIKE), st.booleans())
def test_any_text_is_read_or_left_and_never_raises(text: str, day_first: bool) -> None:
    reading = read_birth_date(text, today=TODAY, day_first=day_first)
    parse_day(text, today=TODAY, day_first=day_first)
    assert set(reading.rules) <= set(RULES)
    if reading.birth is not None:
        _assert_plausible(reading.birth)


def _assert_plausible(birth: BirthDate) -> None:
    assert birth.year is None or 1900 <= birth.year <= TODAY.year
    assert birth.month is None or 1 <= birth.month <= 12
    assert birth.day is None or 1 <= birth.day <= 31
    assert birth.complete == (birth.parts == 3)
    assert (birth.month, birth.day) != (1, 1), "1 January must not count as a birthday"


@given(st.floats(allow_nan=True, allow_infinity=True) | st.integers())
def test_any_number_is_read_or_left_and_never_raises(number: float) -> None:
    read_birth_date(number, today=TODAY)
    parse_day(number, today=TODAY)


@given(st.dates(min_value=date(1912, 1, 1), max_value=TODAY))
def test_every_way_to_write_a_day_means_the_same_day(day: date) -> None:
    ways: list[Cell] = [
        day.isoformat(), f"{day:%d/%m/%Y}", f"{day:%d %b %Y}", f"{day:%d%m%Y}", f"{day:%Y%m%d}", day,
        (day - date(1899, 12, 30)).days,
    ]  # fmt: skip
    assert len({parse_birth_date(way, today=TODAY) for way in ways}) == 1


def test_a_birth_date_prints_nothing_of_itself() -> None:
    assert "1980" not in repr(parse_birth_date("1980-02-01", today=TODAY))
    assert "1980" not in repr(read_birth_date("1980-02-01", today=TODAY))
