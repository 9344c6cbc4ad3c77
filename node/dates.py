"""Birth dates and case days: what may be used of a date as written, and the rules it breaks."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from node.identifiers import BirthDate, is_calendar_day
from node.written_dates import Cell, WrittenDate, read_written_date

# The oldest people of the country are a little over 110; more is reported as a slip of the pen.
OLDEST_YEARS = 115
# Later than this many years ago is reported: in most caseloads it is a day of the case in the wrong column.
YOUNGEST_YEARS = 10
# Such a date is still compared as typed where two agencies may have copied the same slip (1909 for 1990):
# without its year it would lose every slot of a whole date. The probes try years from 1900 on, so no further.
FIRST_YEAR = 1900
# Closing and review days may be planned ahead, by no more than this.
PLANNED_YEARS = 10
MISSING_DATES = frozenset(
    "unknown|not known|nk|n/k|n.k.|na|n/a|none|null|nil|tbc|tba|refused|declined|not given|not recorded"
    "|not stated|not provided|?|??|???|-|--|---|.|x|xx|xxx".split("|")
)


@dataclass(frozen=True, slots=True, repr=False)
class BirthDateReading:
    """A birth date, as far as usable, and the names of the rules it breaks (see `node.quality`)."""

    birth: BirthDate | None
    rules: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Shows the rules only."""
        return f"BirthDateReading(rules={self.rules})"


def parse_birth_date(value: Cell, *, today: date, day_first: bool = True) -> BirthDate | None:
    """The usable parts of a birth date, or None where the cell says no date."""
    return read_birth_date(value, today=today, day_first=day_first).birth


def read_birth_date(value: Cell, *, today: date, day_first: bool = True) -> BirthDateReading:
    """Read a birth date and say what is wrong with it.

    Args:
        value: The cell.
        today: Dates after this day cannot be birth dates.
        day_first: Day before month where the year comes last (the UK order).
    """
    if is_missing_date(value):
        return BirthDateReading(None)
    written = read_written_date(value, latest=today, day_first=day_first, oldest_years=OLDEST_YEARS)
    if written is None:
        return BirthDateReading(None, ("unreadable_birth_date",))
    if written.filler:
        return BirthDateReading(BirthDate(None, None, None, weak=True), ("placeholder_birth_date",))
    return _plausible(written, today)


def parse_day(value: Cell, *, today: date, day_first: bool = True) -> date | None:
    """A day of a case (opened, closed, last contact), or None where it is missing or unreadable."""
    if is_missing_date(value):
        return None
    latest = date(today.year + PLANNED_YEARS, 12, 31)
    written = read_written_date(value, latest=latest, day_first=day_first, oldest_years=OLDEST_YEARS)
    if written is None or written.filler or None in (written.year, written.month, written.day):
        return None
    year, month, day, _ = _swapped_back(written)
    if year is None or month is None or day is None or not is_calendar_day(year, month, day):
        return None
    return date(year, month, day) if today.year - OLDEST_YEARS <= year <= latest.year else None


def is_missing_date(value: Cell) -> bool:
    """Whether the cell is empty or says in words that nothing is known."""
    return value is None or (
        isinstance(value, str) and (not value.strip() or value.strip().lower() in MISSING_DATES)
    )


def _plausible(written: WrittenDate, today: date) -> BirthDateReading:
    """Keep the parts that can be true; a whole date that is 1 January keeps its year alone."""
    rules = ["excel_serial"] if written.serial else []
    year, month, day, swapped = _swapped_back(written)
    if swapped:
        rules.append("day_month_swapped")
    month, day, possible = _possible(year, month, day)
    if not possible:
        rules.append("impossible_date")
    year, year_rule = _possible_year(year, month, day, today)
    rules.extend(year_rule)
    if (month, day) == (1, 1):
        known = year if year is not None and "too_long_ago" not in rules else None
        rules.append("weak_birth_date" if known is not None else "placeholder_birth_date")
        return BirthDateReading(BirthDate(known, None, None, weak=True), tuple(rules))
    birth = BirthDate(year, month, day)
    if birth.parts == 0:
        return BirthDateReading(None, tuple(rules) or ("unreadable_birth_date",))
    if birth.parts < 3 and not {"impossible_date", "future_date", "too_long_ago"} & set(rules):
        rules.append("incomplete_birth_date")
    return BirthDateReading(birth, tuple(rules))


def _swapped_back(written: WrittenDate) -> tuple[int | None, int | None, int | None, bool]:
    """Swap day and month where the month is none and the day could be: no other reading is possible."""
    year, month, day = written.year, written.month, written.day
    if written.numeric and month is not None and day is not None and 13 <= month <= 31 and 1 <= day <= 12:
        return year, day, month, True
    return year, month, day, False


def _possible(year: int | None, month: int | None, day: int | None) -> tuple[int | None, int | None, bool]:
    """Month and day as far as the calendar has them, and whether it has both."""
    good_month = month if month is None or 1 <= month <= 12 else None
    # 2000 was a leap year: without a year, 29 February is possible.
    last = (
        31 if good_month is None else monthrange(year if year and 1 <= year <= 9999 else 2000, good_month)[1]
    )
    good_day = day if day is None or 1 <= day <= last else None
    return good_month, good_day, (good_month, good_day) == (month, day)


def _possible_year(
    year: int | None, month: int | None, day: int | None, today: date
) -> tuple[int | None, tuple[str, ...]]:
    """The year, unless the person would not be born yet or the year is one that no probe asks for."""
    if year is None:
        return None, ()
    if (year, month or 1, day or 1) > (today.year, today.month, today.day):
        return None, ("future_date",)
    if year < today.year - OLDEST_YEARS:
        return (year if year >= FIRST_YEAR else None), ("too_long_ago",)
    young = (year, month or 1, day or 1) > (today.year - YOUNGEST_YEARS, today.month, today.day)
    return year, ("too_young",) if young else ()
