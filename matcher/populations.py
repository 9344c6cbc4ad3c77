"""What kind of population this is: how often strangers agree by chance, and how untidy records are.

The shipped model's shape is kept and moved by five numbers: how much commoner it is than there that two
strangers share their initials, their birth year, or names where they share initials, and how much commoner a
wrong date or a wrong name is among one person's records. All are sought at once, over patterns within and
across agencies, because each explains some of what another does: a year that differs beside equal initials
may be a stranger or a slip. What tells them apart is their proportions. Strangers differ in the day 2.7 times
as often as in the month, as the calendar has it, and slips of the pen about as often in each; strangers are
as many within agencies as across, and matches are not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np

from matcher.counts import NAMES, WHOLE, PatternCounts, found_by_identity, without_numbers
from matcher.model import SMALLEST_M, Model
from matcher.patterns import IDENTITY_COUNT, PATTERN_SHAPE, GradedIdentity, PlainIdentity, identity_of
from matcher.tokens import FloatArray
from matcher.views import View

CLASSES_COMPARED = (WHOLE, WHOLE + NAMES)
# Spreads between populations, as natural logarithms of factors: of strangers, the same initials, year, names;
# of one person's records, wrong dates, wrong names.
SPREADS = np.asarray([0.4, 0.5, 1.5, 1.0, 1.0])
STRANGERS, SLIPS = slice(0, 3), slice(3, 5)
# How far single patterns are from the shipped shape: near misses of strangers follow the calendar.
CHANCE_SPREAD, NEAR_MISS_SPREAD, MATCH_SPREAD = 0.3, 0.08, 0.5
# All ways to move each number down, not at all or up, ever less.
SEARCH_STEPS = np.asarray(list(product((-1.0, 0.0, 1.0), repeat=len(SPREADS))))
SEARCH_WIDTHS = tuple(0.75**n for n in range(18))
MATCH_STEPS = 30
# A network without a match still has a prior above zero.
SMALLEST_MATCHES = 0.01


@dataclass(frozen=True, slots=True)
class Population:
    """The shipped model moved to this population, and how many matches there are.

    Attributes:
        whole: Shipped m and u, moved.
        model: The same as the run sees it.
        priors: Prior that a random pair is a match, shape (2,): within an agency, across agencies.
        share_met: Share of whole records' matches that agree on enough of date and names to meet.
        moves: Natural logarithms of the five factors, in the order of `SPREADS`.
    """

    whole: Model
    model: Model
    priors: FloatArray
    share_met: float
    moves: FloatArray


def estimate_population(counts: PatternCounts, shipped: Model, view: View) -> Population:
    """Find the five numbers and the matches, by the highest posterior over counted patterns.

    Args:
        counts: Counted patterns of all candidate pairs.
        shipped: The model to move.
        view: What the run sees of a level.
    """
    seen = _Seen.of(counts, shipped, view)
    moves = np.zeros(len(SPREADS))
    for width in SEARCH_WIDTHS:
        tried = moves + width * SEARCH_STEPS
        moves = tried[int(np.argmax(seen.log_posterior(tried)))]
    matches = seen.matches(moves[None])[0]
    possible = counts.pairs[:, [one for one in range(counts.pairs.shape[1]) if one & WHOLE]].sum(axis=1)
    priors = (matches + SMALLEST_MATCHES) / np.maximum(possible, 1.0)
    whole = moved(shipped, moves)
    return Population(whole, view.seen(whole), np.minimum(priors, 0.5), _share_met(whole, view), moves)


def _share_met(whole: Model, view: View) -> float:
    """Share of m of the class the model is for that falls on levels the run finds."""
    rows = _compared_class() == (WHOLE + NAMES if whole.with_names else WHOLE)
    m = whole.identity[0, rows]
    return float(m[found_by_identity()[view.identity[rows]]].sum() / m.sum())


def moved(shipped: Model, moves: FloatArray) -> Model:
    """The shipped model in a population that differs from it by these five numbers."""
    initials, year, _ = np.exp(moves[STRANGERS])
    same_year, same_initials = min(0.5, shipped.same_year * year), min(0.5, shipped.same_initials * initials)
    u = np.minimum(1.0, shipped.identity[1] * np.exp(moves[STRANGERS] @ _chance_powers()))
    m = shipped.identity[0].copy()
    for one in CLASSES_COMPARED:
        rows = np.flatnonzero(_compared_class() == one)
        m[rows] = _tilted(m[None, rows], moves[None, SLIPS], _wrongness()[:, rows])[0]
    return replace(
        shipped, identity=np.stack([np.maximum(m, SMALLEST_M), u]), same_year=same_year,
        same_initials=same_initials,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Seen:
    """Counts of identity levels that two whole records can show, and what the shipped model says of them.

    Arrays have one entry an identity level; `counts` and `pairs` two rows, one a stratum.
    """

    level: np.ndarray
    of_class: np.ndarray
    counts: FloatArray
    pairs: FloatArray
    shipped: Model
    view: View

    @staticmethod
    def of(counts: PatternCounts, shipped: Model, view: View) -> _Seen:
        pooled, _ = without_numbers(counts, keep_sex=False)
        identity = np.unravel_index(pooled.codes, PATTERN_SHAPE)[0]
        of_class = _compared_class()[identity]
        kept = (of_class > 0) & found_by_identity()[identity]
        return _Seen(
            identity[kept], of_class[kept], pooled.counts[:, kept], pooled.comparable[:, kept], shipped, view
        )

    def _expected(self, moves: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Chance of each level, m of each level, and matches by stratum and class, for each set of moves."""
        u = self.shipped.identity[1] * np.exp(moves[:, STRANGERS] @ _chance_powers())
        u = np.minimum(1.0, self.view.summed(u)[:, self.level])
        chance = self.pairs[:, None, :] * u
        every = np.broadcast_to(self.shipped.identity[0], (len(moves), IDENTITY_COUNT)).copy()
        share = np.ones_like(u)
        for one in CLASSES_COMPARED:
            rows = np.flatnonzero(_compared_class() == one)
            every[:, rows] = _tilted(every[:, rows], moves[:, SLIPS], _wrongness()[:, rows])
            found = rows[found_by_identity()[self.view.identity[rows]]]
            share[:, self.of_class == one] = every[:, found].sum(axis=1, keepdims=True)
        m = self.view.summed(every)[:, self.level]
        matches = np.zeros_like(chance)
        for one in CLASSES_COMPARED:
            here = np.flatnonzero(self.of_class == one)
            if len(here):
                best = _matches(
                    self.counts[:, None, here], chance[:, :, here], m[:, here], share[:, here[:1]]
                )
                matches[:, :, here] = best[:, :, None]
        return chance, m, matches

    def log_posterior(self, moves: FloatArray) -> FloatArray:
        """Log posterior of each set of moves, shape (n,), with matches at their best."""
        chance, m, matches = self._expected(moves)
        true = matches * m
        expected = chance + true + 1e-12
        near = _near_misses()[self.level]
        spread = (np.where(near, NEAR_MISS_SPREAD, CHANCE_SPREAD) * chance) ** 2 + (MATCH_SPREAD * true) ** 2
        wider = 1 + spread / (expected + 0.375)
        off = 4 * (np.sqrt(self.counts[:, None] + 0.375) - np.sqrt(expected + 0.375)) ** 2 / wider
        fits = -2 * np.log1p(off / 3) - 0.5 * np.log(wider)
        off_usual = (moves / SPREADS) ** 2
        # Records may be untidy to any degree; strangers agree as often as usual unless many pairs say not.
        usual = np.c_[-off_usual[:, STRANGERS] / 2, -2 * np.log1p(off_usual[:, SLIPS] / 3)]
        return np.asarray(fits.sum(axis=(0, 2)) + usual.sum(axis=1), dtype=np.float64)

    def matches(self, moves: FloatArray) -> FloatArray:
        """Matches among whole records by stratum, for each set of moves, shape (n, 2)."""
        _, _, matches = self._expected(moves)
        total = np.zeros((len(moves), 2))
        for one in CLASSES_COMPARED:
            here = np.flatnonzero(self.of_class == one)
            if len(here):
                total += matches[:, :, here[0]].T
        return total


def _matches(counts: FloatArray, chance: FloatArray, m: FloatArray, share: FloatArray) -> FloatArray:
    """Matches by stratum, shape (2, n), of highest posterior, everything else given; by bisection.

    Their number may be of any order of magnitude (its logarithm is uniform beforehand), so that one pair that
    chance hardly explains is no sign of matches, and two are of one.
    """
    low = np.zeros(chance.shape[:2])
    high = np.maximum(counts.sum(axis=2) / share[:, 0], SMALLEST_MATCHES) * np.ones_like(low)
    for _ in range(MATCH_STEPS):
        middle = (low + high) / 2
        # The slope of the log-likelihood falls as matches grow.
        slope = (counts * m / (middle[:, :, None] * m + chance + 1e-12)).sum(axis=2) - share[:, 0]
        slope -= 1 / middle
        low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
    return np.asarray((low + high) / 2, dtype=np.float64)


def _tilted(m: FloatArray, moves: FloatArray, wrongness: FloatArray) -> FloatArray:
    """m with wrong dates and wrong names commoner by factors exp(moves), summing to what it did."""
    tilted = m * np.exp(moves @ wrongness)
    return np.asarray(tilted * (m.sum(axis=1) / tilted.sum(axis=1))[:, None], dtype=np.float64)


@cache
def _compared_class() -> np.ndarray:
    """The class of identity levels that whole records show; 0 for others, shape (IDENTITY_COUNT,)."""
    found = np.zeros(IDENTITY_COUNT, np.int64)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        if isinstance(level, GradedIdentity):
            found[code] = WHOLE + NAMES
        elif level.comparable:
            found[code] = WHOLE + NAMES * (level.sounds != "absent")
    return found


@cache
def _chance_powers() -> FloatArray:
    """To what power the chance of sharing initials, year and names enters u, shape (3, IDENTITY_COUNT)."""
    powers = np.zeros((3, IDENTITY_COUNT))
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        if isinstance(level, GradedIdentity):
            alike = sum(
                name in ("same", "close", "alike", "form") for name in (level.forename, level.surname)
            )
            powers[:, code] = 1.0 if level.seen == "stored" else 0.5, 1.0, alike / 2
        else:
            powers[0, code] = {"both": 1.0, "swapped": 1.0, "none": 0.0}.get(level.initials, 0.5)
            powers[1, code] = level.date not in ("none", "year_differs", "year_missing")
            powers[2, code] = {"both": 1.0, "surname": 0.5}.get(level.sounds, 0.0)
    return powers


@cache
def _wrongness() -> FloatArray:
    """How wrong the date, and the names, of a match must be to show a level, shape (2, IDENTITY_COUNT)."""
    wrong = np.zeros((2, IDENTITY_COUNT))
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        if isinstance(level, GradedIdentity):
            wrong[1, code] = (level.forename != "same") + (level.surname != "same")
        else:
            wrong[0, code] = level.date != "exact"
            wrong[1, code] = level.initials != "both" or level.sounds in ("surname", "differ")
    return wrong


@cache
def _near_misses() -> np.ndarray:
    """Levels of both initials beside another year, month or day, whose strangers follow the calendar."""
    found = np.zeros(IDENTITY_COUNT, np.bool_)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        found[code] = (
            isinstance(level, PlainIdentity)
            and level.date in ("year_differs", "month_differs", "day_differs")
            and level.initials == "both"
            and level.sounds in ("differ", "absent")
        )
    return found
