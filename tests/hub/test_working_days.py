"""Working days and office hours, and the shipped bank holidays against the rules they follow."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.review_settings import ReviewSettings, bank_holidays
from hub.working_days import add_working_days, is_out_of_hours, is_working_day, local_day

LONDON = ZoneInfo("Europe/London")
HOLIDAYS = bank_holidays()


@pytest.mark.parametrize(
    ("raised", "due"),
    [
        pytest.param("2026-02-03", "2026-02-05", id="Tuesday"),
        pytest.param("2026-02-06", "2026-02-10", id="Friday"),
        pytest.param("2026-02-07", "2026-02-10", id="Saturday"),
        pytest.param("2026-02-08", "2026-02-10", id="Sunday"),
        pytest.param("2026-04-02", "2026-04-08", id="before Easter"),
        pytest.param("2026-12-24", "2026-12-30", id="Christmas Eve, Boxing Day on a Saturday"),
        pytest.param("2027-12-24", "2027-12-30", id="Christmas Day on a Saturday"),
        pytest.param("2027-12-31", "2028-01-05", id="New Year's Day on a Saturday"),
    ],
)
def test_an_item_is_due_two_working_days_later(raised: str, due: str) -> None:
    found = add_working_days(date.fromisoformat(raised), 2, holidays=HOLIDAYS)
    assert found == date.fromisoformat(due)


@given(st.dates(date(2025, 1, 1), date(2031, 12, 31)), st.integers(1, 30))
def test_a_due_day_is_a_working_day_with_so_many_up_to_it(day: date, count: int) -> None:
    due = add_working_days(day, count, holidays=HOLIDAYS)
    between = [day + timedelta(days=n) for n in range(1, (due - day).days + 1)]
    assert is_working_day(due, holidays=HOLIDAYS)
    assert sum(is_working_day(one, holidays=HOLIDAYS) for one in between) == count


def test_no_working_days_at_all_is_not_a_time_limit() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        add_working_days(date(2026, 2, 3), 0, holidays=HOLIDAYS)


def easter(year: int) -> date:
    """Easter Sunday: the anonymous Gregorian algorithm (Nature, 20 April 1876; Meeus, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    lunar = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * lunar) // 451
    month, day = divmod(h + lunar - 7 * m + 114, 31)
    return date(year, month, day + 1)


def monday_on_or_after(day: date) -> date:
    return day + timedelta(days=-day.weekday() % 7)


def in_lieu(day: date, taken: set[date]) -> date:
    while day.weekday() >= 5 or day in taken:
        day += timedelta(days=1)
    return day


def by_the_rules(year: int) -> set[date]:
    """England and Wales: fixed days with their substitutes, Easter, and the Mondays."""
    days = {easter(year) - timedelta(days=2), easter(year) + timedelta(days=1)}
    days |= {monday_on_or_after(date(year, 5, 1)), monday_on_or_after(date(year, 5, 25))}
    days |= {monday_on_or_after(date(year, 8, 25)), in_lieu(date(year, 1, 1), set())}
    christmas = [date(year, 12, 25), date(year, 12, 26)]
    kept = {day for day in christmas if day.weekday() < 5}
    for day in christmas:
        kept |= {day} if day in kept else {in_lieu(day, kept)}
    return days | kept


@pytest.mark.parametrize("year", range(2026, 2031))
def test_the_shipped_bank_holidays_are_those_of_the_rules(year: int) -> None:
    assert {day for day in HOLIDAYS if day.year == year} == by_the_rules(year)


def test_office_hours_follow_the_local_clock() -> None:
    hours = {"zone": LONDON, "opens": time(7), "closes": time(20), "holidays": HOLIDAYS}
    assert is_out_of_hours(datetime(2026, 7, 7, 5, 59, tzinfo=UTC), **hours)  # type: ignore[arg-type]
    assert not is_out_of_hours(datetime(2026, 7, 7, 6, 0, tzinfo=UTC), **hours)  # type: ignore[arg-type]
    assert is_out_of_hours(datetime(2026, 1, 6, 6, 0, tzinfo=UTC), **hours)  # type: ignore[arg-type]
    assert local_day(datetime(2026, 7, 7, 23, 30, tzinfo=UTC), LONDON) == date(2026, 7, 8)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"zone": "Europe/Nowhere"}, id="no such zone"),
        pytest.param({"zone": "../zone"}, id="a path for a zone"),
        pytest.param({"opens": "20:00", "closes": "07:00"}, id="closes before it opens"),
        pytest.param({"sample_block": 21}, id="a sample below 5 %"),
        pytest.param({"sample_days": 40}, id="a sample that waits longer than a month"),
        pytest.param({"due_working_days": 0}, id="due at once"),
        pytest.param({"repeats": 3}, id="a setting there is not"),
    ],
)
def test_settings_that_would_break_review_are_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ReviewSettings.model_validate(broken)
