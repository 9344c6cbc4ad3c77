"""Counted patterns: how many pairs show each, of how many that could, within agencies and across them.

What two records can compare decides which patterns they can show, so pairs are counted by availability class.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from matcher.patterns import (
    IDENTITY_COUNT,
    NUMBER_LEVELS,
    PATTERN_SHAPE,
    SEX_LEVELS,
    GradedIdentity,
    PlainIdentity,
    identity_of,
)
from matcher.tokens import BoolArray, FloatArray, IntArray

ABSENT = NUMBER_LEVELS.index("absent")
# Availability classes in bits: both records have a whole date and both initials; CHAIN; NHS number; names;
# a weak date, of which only the year is known, with both initials.
WHOLE, CHAIN, NHS_NUMBER, NAMES, WEAK = 1, 2, 4, 8, 16
CLASSES = 32


@dataclass(frozen=True, slots=True)
class PatternCounts:
    """How many pairs show each pattern.

    Attributes:
        codes: Distinct joint patterns, shape (p,).
        counts: Pairs by stratum and pattern, shape (2, p): within one agency, across agencies.
        pairs: All pairs by stratum and availability class, shape (2, CLASSES), candidates or not.
    """

    codes: IntArray
    counts: FloatArray
    pairs: FloatArray

    @property
    def availability(self) -> IntArray:
        """Availability class of each pattern, shape (p,)."""
        return availability_of(self.codes)

    @property
    def comparable(self) -> FloatArray:
        """Pairs that could show each pattern, by stratum, shape (2, p)."""
        return pairs_of_classes(self.pairs)[:, self.availability]


def pairs_of_classes(pairs: FloatArray) -> FloatArray:
    """Pairs that could show a pattern of each class: two weak dates can also show what other gaps leave."""
    either = pairs.copy()
    gaps = [one for one in range(CLASSES) if not one & (WHOLE | WEAK)]
    either[..., gaps] += pairs[..., [one | WEAK for one in gaps]]
    return either


def availability_of(codes: IntArray) -> IntArray:
    """The availability class of each pattern: what it could compare."""
    identity, chain, nhs_number, _ = np.unravel_index(codes, PATTERN_SHAPE)
    numbers = CHAIN * (chain != ABSENT) + NHS_NUMBER * (nhs_number != ABSENT)
    return np.asarray(identity_availability()[identity] + numbers, dtype=np.int64)


@cache
def identity_availability() -> IntArray:
    """The class of every identity level where no number can be compared, shape (IDENTITY_COUNT,)."""
    found = np.zeros(IDENTITY_COUNT, np.int64)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        if isinstance(level, GradedIdentity):
            found[code] = WHOLE + NAMES
        else:
            # A year with both initials is compared between two weak dates only.
            weak = not level.comparable and (level.date, level.initials) == ("year", "both")
            found[code] = WHOLE * level.comparable + NAMES * (level.sounds != "absent") + WEAK * weak
    return found


@cache
def found_by_identity() -> BoolArray:
    """Identity levels that a search finds; the others are met by a number alone, and mostly not counted."""
    found = np.ones(IDENTITY_COUNT, np.bool_)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        found[code] = not (isinstance(level, PlainIdentity) and level.date == "none" == level.initials)
    return found


def without_numbers(counts: PatternCounts, *, keep_sex: bool) -> tuple[PatternCounts, IntArray]:
    """Patterns pooled over CHAIN and NHS number, and perhaps sex, and the pooled one of each pattern.

    Chance agreement of dates and names does not depend on who holds numbers, but who holds them differs
    from agency to agency: pooled, chance within and across agencies is alike.
    """
    identity, _, _, sex = np.unravel_index(counts.codes, PATTERN_SHAPE)
    blank = np.full(len(counts.codes), ABSENT)
    sex = sex if keep_sex else np.full(len(counts.codes), len(SEX_LEVELS) - 1)
    bare = np.ravel_multi_index((identity, blank, blank, sex), PATTERN_SHAPE)
    codes, of_pattern = np.unique(bare, return_inverse=True)
    summed = [np.bincount(of_pattern, weights=side, minlength=len(codes)) for side in counts.counts]
    pairs = np.zeros_like(counts.pairs)
    for one in range(CLASSES):
        pairs[:, one & ~(CHAIN | NHS_NUMBER)] += counts.pairs[:, one]
    pooled = replace(counts, codes=codes, counts=np.stack(summed), pairs=pairs)
    return pooled, np.asarray(of_pattern, dtype=np.int64)
