"""Months as whole numbers, so that a difference of two is a number of months."""

from __future__ import annotations

import re
from datetime import datetime

from hub.errors import MalformedError

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def month_of(text: str) -> int:
    """`YYYY-MM` as a number of months.

    Raises:
        MalformedError: The text is no month.
    """
    found = _MONTH.fullmatch(text)
    if found is None:
        raise MalformedError("month: not YYYY-MM")
    return int(found[1]) * 12 + int(found[2]) - 1


def format_month(month: int) -> str:
    """A number of months as `YYYY-MM`."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def month_at(at: datetime) -> int:
    """The month of a time, in UTC."""
    return at.year * 12 + at.month - 1
