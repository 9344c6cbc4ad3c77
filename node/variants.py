"""What an asker varies: the plausible slips between its own value and the one another agency wrote down.

Tolerance for errors lives in the question, so that nothing stored needs to be loose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from node.columns import Columns, IntArray

# Every year somebody alive could have been born in, with room at both ends.
YEARS = np.arange(1900, 2030)
MONTHS = np.arange(1, 13)
DAYS = np.arange(1, 32)
LETTERS = np.arange(1, 27)

Vary = Callable[[Columns], Iterator[tuple[IntArray, Columns]]]


def vary(columns: Columns, what: str, *, chunk_rows: int) -> Iterator[tuple[IntArray, Columns]]:
    """All variants of some columns.

    Args:
        columns: The asker's tokens.
        what: A probe's `varies`.
        chunk_rows: About how many variants to make at a time.

    Yields:
        The row each variant comes from, and the varied columns.
    """
    if what not in _RULES:
        raise ValueError(f"unknown variation of a probe: {what}")
    eligible, make, fanout = _RULES[what]
    rows = np.flatnonzero(eligible(columns))
    step = max(1, chunk_rows // fanout)
    for start in range(0, len(rows), step):
        chunk = rows[start : start + step]
        origin, varied = make(columns.take(chunk))
        yield chunk[origin], varied


def _others(field: str, values: NDArray[np.int64]) -> Callable[[Columns], tuple[IntArray, Columns]]:
    """Replace one field by every other value."""

    def make(columns: Columns) -> tuple[IntArray, Columns]:
        origin = np.repeat(np.arange(len(columns)), len(values))
        replacement = np.tile(values, len(columns))
        differs = replacement != getattr(columns, field)[origin]
        origin, replacement = origin[differs], replacement[differs]
        varied = replace(columns.take(origin), **{field: replacement})
        # A date whose missing part is supplied is asked for as a whole one.
        complete = (varied.year > 0) & (varied.month > 0) & (varied.day > 0)
        return origin, replace(varied, complete=complete)

    return make


def _nothing(columns: Columns) -> tuple[IntArray, Columns]:
    return np.arange(len(columns)), columns


def _chain_typing_errors(columns: Columns) -> tuple[IntArray, Columns]:
    """Every CHAIN number one wrong digit or one transposition of neighbours away."""
    origins: list[IntArray] = []
    numbers: list[NDArray[np.uint64]] = []
    longest = int(columns.chain_digits.max(initial=0))
    for place in range(longest):
        power = np.uint64(10**place)
        digit = columns.chain // power % np.uint64(10)
        has_place = columns.chain_digits > place
        for wrong in range(10):
            rows = np.flatnonzero(has_place & (digit != wrong))
            origins.append(rows)
            numbers.append(columns.chain[rows] - digit[rows] * power + np.uint64(wrong) * power)
        higher = columns.chain // (power * np.uint64(10)) % np.uint64(10)
        rows = np.flatnonzero((columns.chain_digits > place + 1) & (digit != higher))
        origins.append(rows)
        # a·10 + b becomes b·10 + a: nine times the difference, in either direction, modulo 2^64.
        numbers.append(columns.chain[rows] + (digit[rows] - higher[rows]) * np.uint64(9) * power)
    origin = np.concatenate(origins) if origins else np.zeros(0, np.int64)
    varied = columns.take(origin)
    return origin, replace(varied, chain=np.concatenate(numbers) if numbers else varied.chain)


def _whole(columns: Columns) -> NDArray[np.bool_]:
    return columns.complete


def _has_all_but(field: str) -> Callable[[Columns], NDArray[np.bool_]]:
    """Whether the other two parts of the date are there and this one is missing."""

    def eligible(columns: Columns) -> NDArray[np.bool_]:
        others = [name for name in ("year", "month", "day") if name != field]
        there = np.logical_and.reduce([getattr(columns, name) > 0 for name in others])
        return np.asarray(there & (getattr(columns, field) == 0), dtype=np.bool_)

    return eligible


def _has_only_year(columns: Columns) -> NDArray[np.bool_]:
    only_year = (columns.year > 0) & (columns.month == 0) & (columns.day == 0)
    return np.asarray(only_year, dtype=np.bool_)


_Rule = tuple[Callable[[Columns], NDArray[np.bool_]], Callable[[Columns], tuple[IntArray, Columns]], int]
_RULES: dict[str, _Rule] = {
    "year": (_whole, _others("year", YEARS), len(YEARS)),
    "month": (_whole, _others("month", MONTHS), len(MONTHS)),
    "day": (_whole, _others("day", DAYS), len(DAYS)),
    "forename_initial": (
        lambda columns: columns.forename_initial > 0,
        _others("forename_initial", LETTERS),
        len(LETTERS),
    ),
    "surname_initial": (
        lambda columns: columns.surname_initial > 0,
        _others("surname_initial", LETTERS),
        len(LETTERS),
    ),
    "missing_year": (_has_all_but("year"), _others("year", YEARS), len(YEARS)),
    "missing_month": (_has_all_but("month"), _others("month", MONTHS), len(MONTHS)),
    "missing_day": (_has_all_but("day"), _others("day", DAYS), len(DAYS)),
    "missing_forename_initial": (
        lambda columns: columns.forename_initial == 0,
        _others("forename_initial", LETTERS),
        len(LETTERS),
    ),
    "missing_surname_initial": (
        lambda columns: columns.surname_initial == 0,
        _others("surname_initial", LETTERS),
        len(LETTERS),
    ),
    "month_of_known_year": (_has_only_year, _others("month", MONTHS), len(MONTHS)),
    "chain_typing_error": (lambda columns: columns.chain > 0, _chain_typing_errors, 90),
    "nothing": (lambda columns: np.ones(len(columns), np.bool_), _nothing, 1),
}
