"""Identifiers as columns of numbers: what slots and probes are computed from, a whole caseload at once.

A value that is missing or must not be trusted is 0, which no real value is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cache

import numpy as np
from numpy.typing import NDArray

from node.identifiers import BirthDate, Identifiers
from node.sounds import forename_sound, surname_sound

IntArray = NDArray[np.int64]
UInt64Array = NDArray[np.uint64]
BoolArray = NDArray[np.bool_]

SEXES = {"f": 1, "m": 2}


@dataclass(frozen=True, slots=True, repr=False)
class Columns:
    """One row a token.

    Attributes:
        year, month, day: Parts of the birth date, int64; a placeholder's month and day are 0.
        complete: Whether the three parts are a real calendar date.
        forename_initial, surname_initial: 1-26 for a-z, int64.
        surname_sound, sounds_sorted: Keyed 64-bit reductions of the phonetic codes, uint64.
        chain, nhs_number: The digits as numbers, uint64.
        chain_digits: Number of digits of the CHAIN number, int64.
        sex: 1 or 2, int64.
    """

    year: IntArray
    month: IntArray
    day: IntArray
    complete: BoolArray
    forename_initial: IntArray
    surname_initial: IntArray
    surname_sound: UInt64Array
    sounds_sorted: UInt64Array
    chain: UInt64Array
    chain_digits: IntArray
    nhs_number: UInt64Array
    sex: IntArray

    def __len__(self) -> int:
        """Number of tokens."""
        return len(self.year)

    def __repr__(self) -> str:
        """The size; never the content."""
        return f"Columns({len(self)} tokens)"

    def take(self, rows: IntArray) -> Columns:
        """The columns at some rows, in their order."""
        return replace(self, **{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def columns_of(identifiers: Sequence[Identifiers], reduce_value: Callable[[bytes], int]) -> Columns:
    """Turn identifiers into columns.

    Args:
        identifiers: One entry a token.
        reduce_value: A keyed reduction of bytes to a number of 64 bits, never 0.
    """
    reduced = cache(reduce_value)
    births = [_birth_parts(entry.birth) for entry in identifiers]
    forenames = [forename_sound(entry.forename) if entry.forename else "" for entry in identifiers]
    surnames = [surname_sound(entry.surname) if entry.surname else "" for entry in identifiers]
    chains = [entry.chain or "" for entry in identifiers]

    def integers(values: Sequence[int]) -> IntArray:
        return np.asarray(values, dtype=np.int64)

    def numbers(values: Sequence[int]) -> UInt64Array:
        return np.asarray(values, dtype=np.uint64)

    return Columns(
        year=integers([birth[0] for birth in births]),
        month=integers([birth[1] for birth in births]),
        day=integers([birth[2] for birth in births]),
        complete=np.asarray([birth[3] for birth in births], dtype=np.bool_),
        forename_initial=integers([_letter(entry.forename_initial) for entry in identifiers]),
        surname_initial=integers([_letter(entry.surname_initial) for entry in identifiers]),
        surname_sound=numbers([reduced(b"surname\0" + s.encode()) if s else 0 for s in surnames]),
        sounds_sorted=numbers(
            [
                reduced(b"sounds\0" + "\0".join(sorted((f, s))).encode()) if f and s else 0
                for f, s in zip(forenames, surnames, strict=True)
            ]
        ),
        chain=numbers([int(chain) if chain else 0 for chain in chains]),
        chain_digits=integers([len(chain) for chain in chains]),
        nhs_number=numbers([int(entry.nhs_number or 0) for entry in identifiers]),
        sex=integers([SEXES.get(entry.sex or "", 0) for entry in identifiers]),
    )


@cache
def _birth_parts(birth: BirthDate | None) -> tuple[int, int, int, bool]:
    """Year, month and day with 0 for what is missing, and whether they are a whole, trusted date."""
    if birth is None:
        return 0, 0, 0, False
    if birth.weak:
        return birth.year or 0, 0, 0, False
    parts = birth.year or 0, birth.month or 0, birth.day or 0
    return *parts, all(parts) and _is_calendar_date(*parts)


def _is_calendar_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _letter(initial: str | None) -> int:
    return ord(initial) - ord("a") + 1 if initial and "a" <= initial <= "z" else 0
