"""What day a cell says: the three numbers as written, in UK order, whether they make sense or not.

Known forms: ISO 8601 with or without a time; day, month, year with any separator; two-digit years; month
names; digits run together (ddmmyy, ddmmyyyy, yyyymmdd); Excel's day numbers; spreadsheet dates. Month before
day is never guessed: a caller says `day_first=False` for a file written that way throughout.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

Cell = str | int | float | bool | date | datetime | time | timedelta | None

# Day 0 of Excel's 1900 date system, counted so that the numbers from 61 (1 March 1900) on come out right.
EXCEL_DAY_ZERO = date(1899, 12, 30)
# Day numbers of 1900 are never a living person's birthday: they come from 0, 1 or a stray small number.
EXCEL_DAYS_OF_1900 = 366
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_TIME = re.compile(
    r"(?<=\d)(t| +)\d{1,2}[:.]\d{2}([:.]\d{2})?([.,]\d+)? *([ap]\.?m\.?)?(z|utc|gmt|[+-]\d{2}:?\d{2})?$"
)
_ORDINAL = re.compile(r"(?<=\d)(st|nd|rd|th)\b")
_SEPARATORS = re.compile(r"[\s/.\-,_\\]+")
_NUMBER = re.compile(r"\d{1,14}(\.\d{1,12})?")
_MASK = re.compile(r"[?x*#]{1,4}|nk|uk|0{1,4}|9999|(19|20)[?x*#]{2}")
_DIGITS = re.compile(r"\d{1,4}")


@dataclass(frozen=True, slots=True, repr=False)
class WrittenDate:
    """A date as written.

    Attributes:
        year: Up to four digits with the century settled, or None where masked or missing.
        month: Any number, or None.
        day: Any number, or None.
        numeric: Month and day were both written in digits, so that they could have been swapped.
        serial: It was Excel's day number.
        short_year: The year was written in two digits.
        filler: It is no date at all: Excel's zero, or one digit repeated.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    numeric: bool = False
    serial: bool = False
    short_year: bool = False
    filler: bool = False

    def __repr__(self) -> str:
        """Shows nothing of the date."""
        return "WrittenDate(hidden)"


def read_written_date(
    value: Cell, *, latest: date, day_first: bool = True, oldest_years: int = 115
) -> WrittenDate | None:
    """Read a cell as a date.

    Args:
        value: The cell: text, number, or a spreadsheet's date.
        latest: Two-digit years are the latest that is not after this day.
        day_first: Day before month where the year comes last.
        oldest_years: Bare numbers are years or day numbers only within this many years before `latest`.

    Returns:
        The parts as written, or None where the cell is in no known form.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, date):
        return _filler_or_parts(WrittenDate(value.year, value.month, value.day, numeric=True))
    if isinstance(value, (time, timedelta)):
        return WrittenDate(filler=True)  # Excel's zero, shown through a time format.
    text = str(value).strip().lower()
    if _NUMBER.fullmatch(text):
        written = _read_number(text, latest, day_first, latest.year - oldest_years)
    else:
        written = _read_words(text, latest, day_first)
    return _century_before(written, latest) if written is not None and written.short_year else written


def _read_number(text: str, latest: date, day_first: bool, oldest_year: int) -> WrittenDate | None:
    """A number: a filler, a year, Excel's day number, or digits run together."""
    digits, _, fraction = text.partition(".")
    number = int(digits)
    if number <= EXCEL_DAYS_OF_1900 or (len(digits) >= 6 and len(set(digits)) == 1):
        return WrittenDate(filler=True)
    if len(digits) == 4 and oldest_year <= number <= latest.year:
        return WrittenDate(year=number)
    if len(digits) <= 5:
        return _read_serial(number, latest, oldest_year)
    if fraction.strip("0"):
        return None
    return _read_run_together(digits, latest, day_first, oldest_year)


def _read_serial(number: int, latest: date, oldest_year: int) -> WrittenDate | None:
    day = EXCEL_DAY_ZERO + timedelta(days=number)
    if day.year < oldest_year or day > latest:
        return None
    return WrittenDate(day.year, day.month, day.day, serial=True)


def _read_run_together(digits: str, latest: date, day_first: bool, oldest_year: int) -> WrittenDate | None:
    """Six to eight digits; seven are eight whose leading zero a spreadsheet dropped."""
    if len(digits) == 6:
        written = _in_order(int(digits[:2]), int(digits[2:4]), _century(digits[4:], latest), day_first)
        return replace(written, short_year=True)
    if len(digits) not in (7, 8):
        return None
    padded = digits.zfill(8)
    year = int(padded[:4])
    if oldest_year <= year <= latest.year and 1 <= int(padded[4:6]) <= 12 and 1 <= int(padded[6:]) <= 31:
        return WrittenDate(year, int(padded[4:6]), int(padded[6:]), numeric=True)
    return _in_order(int(padded[:2]), int(padded[2:4]), int(padded[4:]), day_first)


def _read_words(text: str, latest: date, day_first: bool) -> WrittenDate | None:
    """Text of two or three words once separators, times, ordinals and weekdays are gone."""
    if len(text) > 40:
        return None
    bare = _ORDINAL.sub("", _TIME.sub("", text))
    words = [word for word in _SEPARATORS.split(bare) if word and not _is_prefix(word, WEEKDAYS)]
    digits = "".join(filter(str.isdigit, bare))
    if len(digits) >= 6 and len(set(digits)) == 1:
        return WrittenDate(filler=True)
    months = [word for word in words if _is_prefix(word, MONTHS)]
    if len(months) == 1:
        return _read_month_name(months[0], [word for word in words if word != months[0]], latest)
    if not all(_DIGITS.fullmatch(word) or _MASK.fullmatch(word) for word in words):
        return None
    if len(words) == 3:
        return _read_three(words, latest, day_first)
    return _read_two(words, day_first) if len(words) == 2 else None


def _read_three(words: list[str], latest: date, day_first: bool) -> WrittenDate | None:
    first, second, third = words
    if len(first) >= 3:
        return _filler_or_parts(
            WrittenDate(_part(first), _part(second), _part(third), numeric=True), nines="9999" in first
        )
    year = _century(third, latest) if len(third) <= 2 else _part(third)
    written = _in_order(_part(first), _part(second), year, day_first)
    if len(third) <= 2 and (written.day or 0) > 31:
        return None  # Possibly year first; which number is the year would be a guess.
    return _filler_or_parts(replace(written, short_year=len(third) <= 2), nines="9999" in third)


def _read_two(words: list[str], day_first: bool) -> WrittenDate | None:
    """Year and month, or day and month without a year."""
    first, second = words
    if len(first) == 4:
        return _filler_or_parts(WrittenDate(_part(first), _part(second)))
    if len(second) == 4:
        return _filler_or_parts(WrittenDate(_part(second), _part(first)))
    return _in_order(_part(first), _part(second), None, day_first)


def _read_month_name(month: str, others: list[str], latest: date) -> WrittenDate | None:
    """A month in letters with a day, a year or both; the year is the longer, else the last."""
    number = next(index for index, name in enumerate(MONTHS, start=1) if _is_prefix(month, (name,)))
    if not all(_DIGITS.fullmatch(word) or _MASK.fullmatch(word) for word in others) or len(others) > 2:
        return None
    if len(others) == 2:
        day, year = sorted(others, key=len) if len(others[0]) != len(others[1]) else others
        short = len(year) <= 2
        return WrittenDate(
            _century(year, latest) if short else _part(year), number, _part(day), short_year=short
        )
    if len(others) == 1 and len(others[0]) >= 3:
        return WrittenDate(_part(others[0]), number)
    return None


def _in_order(first: int | None, second: int | None, year: int | None, day_first: bool) -> WrittenDate:
    day, month = (first, second) if day_first else (second, first)
    return WrittenDate(year, month, day, numeric=True)


def _filler_or_parts(written: WrittenDate, *, nines: bool = False) -> WrittenDate:
    """Dates from 30 December 1899 to 31 January 1900 are Excel's small numbers; the year 9999 is a filler."""
    around_zero = (written.year, written.month) in ((1899, 12), (1900, 1))
    return replace(written, filler=True) if around_zero or nines else written


def _part(word: str) -> int | None:
    return None if _MASK.fullmatch(word) else int(word)


def _century(word: str, latest: date) -> int | None:
    """The latest year with these last two digits that is not after `latest`."""
    if not word.isdecimal():
        return None
    year = latest.year - latest.year % 100 + int(word)
    return year if year <= latest.year else year - 100


def _century_before(written: WrittenDate, latest: date) -> WrittenDate:
    """A year of two digits means the century before where the day would otherwise lie in the future."""
    year, month, day = written.year, written.month or 1, written.day or 1
    if year is None or (year, month, day) <= (latest.year, latest.month, latest.day):
        return written
    return replace(written, year=year - 100)


def _is_prefix(word: str, names: tuple[str, ...]) -> bool:
    if word == "sept":
        return "september" in names
    return len(word) >= 3 and word.isalpha() and any(name.startswith(word) for name in names)
