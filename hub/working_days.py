"""Working days and office hours: by when a review is due, and when nobody is expected to ask.

Pure. The hub logs in UTC; people work by the local clock, which is one hour ahead in summer.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta, tzinfo

SATURDAY = 5


def is_working_day(day: date, *, holidays: Collection[date]) -> bool:
    """Whether offices are open: no weekend, no bank holiday."""
    return day.weekday() < SATURDAY and day not in holidays


def add_working_days(day: date, count: int, *, holidays: Collection[date]) -> date:
    """The working day that is `count` (at least 1) working days after a day of any kind.

    A Friday's alarm with a count of 2 is due on Tuesday, and so is one of the weekend behind it.
    """
    if count < 1:
        raise ValueError("count: at least 1")
    while count:
        day += timedelta(days=1)
        count -= is_working_day(day, holidays=holidays)
    return day


def local_day(at: datetime, zone: tzinfo) -> date:
    """The day it is in a zone."""
    return at.astimezone(zone).date()


def is_out_of_hours(
    at: datetime, *, zone: tzinfo, opens: time, closes: time, holidays: Collection[date]
) -> bool:
    """Whether a moment is outside office hours: before `opens`, from `closes` on, or no working day."""
    local = at.astimezone(zone)
    if not is_working_day(local.date(), holidays=holidays):
        return True
    return not opens <= local.time() < closes
