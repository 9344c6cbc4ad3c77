"""u of every pattern: how its pairs divide into chance and matches."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from matcher.counts import WEAK, WHOLE, PatternCounts, found_by_identity, without_numbers
from matcher.model import SMALLEST_U
from matcher.patterns import PATTERN_SHAPE
from matcher.populations import Population
from matcher.tokens import BoolArray, FloatArray

# Agencies' populations differ in age and sex: chance within and across them is alike to a part in twenty,
# and by how much it differs is alike for all patterns to a part in a hundred, however many pairs are counted.
STRATA_SPREAD, POPULATION_SPREAD = 0.05, 0.01
STRATA_TRIED = np.linspace(-3, 3, 13) * STRATA_SPREAD
# Patterns of fewer pairs within agencies tell nothing of that.
LEAST_TELLING = 100
# How far single patterns are from what the population lets expect, as natural logarithms of factors:
# chance, matches; and how many of the pairs with gaps have this very gap.
CHANCE_SPREAD, MATCH_SPREAD, GAP_SPREAD = 0.3, 0.5, 2.5
# Placeholders: everybody's year may be the same, and whose date is not known here is not known there either.
WEAK_CHANCE_SPREAD, WEAK_MATCH_SPREAD = 1.5, 2.5
SEARCH_STEPS = np.linspace(-1, 1, 21)
# The last step is to a part in ten thousand, for a pattern of a hundred thousand pairs.
SEARCH_WIDTHS = (7.0, 0.8, 0.1, 0.012, 0.0015)


def estimate_u(counts: PatternCounts, population: Population) -> FloatArray:
    """u of every counted pattern, from how its pairs divide into within and across agencies.

    Chance falls on both in proportion to the pairs there are; matches fall nearly all across, since
    agencies keep a person once, and in what proportion the population has told. A pattern's two counts
    are Poisson with means U_w u + M_w m and U_x u + M_x m; u and m are the values of highest posterior
    under heavy-tailed spreads about what the population lets expect.

    Returns:
        Shape (p,).
    """
    pooled, of_pattern = without_numbers(counts, keep_sex=True)
    patterns = _Patterns.of(pooled, population)
    moves, _ = patterns.across(_strata(patterns)).most_likely()
    # Pairs with nothing of date and names in common are found by a number alone, so most are not counted.
    moves[~found_by_identity()[pooled.codes // int(np.prod(PATTERN_SHAPE[1:]))]] = 0.0
    _, u = population.model.product(counts.codes)
    return np.asarray(np.clip(u * np.exp(moves)[of_pattern], SMALLEST_U, 1.0), dtype=np.float64)


def _strata(patterns: _Patterns) -> float:
    """Logarithm of how much commoner chance agreement is across agencies than within."""
    telling = patterns.whole & (patterns.counts[0] >= LEAST_TELLING)
    if not telling.any() or not patterns.counts[1].any():
        return 0.0
    chosen = patterns.chosen(telling)
    fits = [chosen.across(strata).most_likely()[1].sum() for strata in STRATA_TRIED.tolist()]
    usual = _surprise(STRATA_TRIED / STRATA_SPREAD)
    return float(STRATA_TRIED[int(np.argmax(np.asarray(fits) - usual))])


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Pooled patterns and what to expect of them; two rows are strata, the last axis is patterns.

    Attributes:
        counts: Pairs seen.
        chance, true: Pairs expected of strangers, of one person's records.
        largest: Logarithm of the largest factor that m can be moved by.
        whole, weak: Whether both records have whole dates, weak ones; else there is a gap.
    """

    counts: FloatArray
    chance: FloatArray
    true: FloatArray
    largest: FloatArray
    whole: BoolArray
    weak: BoolArray

    @staticmethod
    def of(pooled: PatternCounts, population: Population) -> _Patterns:
        m, u = population.model.product(pooled.codes)
        weak = (pooled.availability & WEAK) > 0
        return _Patterns(
            counts=pooled.counts,
            chance=pooled.comparable * u,
            true=pooled.comparable * population.priors[:, None] * m,
            largest=np.where(weak, np.inf, np.log(1 / m)),
            whole=(pooled.availability & WHOLE) > 0,
            weak=weak,
        )

    def across(self, strata: float) -> _Patterns:
        """The same with chance across agencies commoner by a factor, whose logarithm this is."""
        return replace(self, chance=self.chance * np.exp([[0.0], [strata]]))

    def chosen(self, rows: BoolArray) -> _Patterns:
        """Some of the patterns."""
        return _Patterns(
            self.counts[:, rows],
            self.chance[:, rows],
            self.true[:, rows],
            self.largest[rows],
            self.whole[rows],
            self.weak[rows],
        )

    def most_likely(self) -> tuple[FloatArray, FloatArray]:
        """Logarithm of what moves each pattern's u, and its log posterior, shape (p,) each."""
        at = np.zeros(len(self.largest))
        for width in SEARCH_WIDTHS:
            moves = at + width * SEARCH_STEPS[:, None]
            fits = self._best_over_m(moves)
            best = fits.argmax(axis=0)[None]
            at = np.take_along_axis(moves, best, axis=0)[0]
        return at, np.take_along_axis(fits, best, axis=0)[0]

    def _best_over_m(self, u_moves: FloatArray) -> FloatArray:
        """Log posterior of u moved by these logarithms with m at its best for each, shape of the moves."""
        at = np.zeros_like(u_moves)
        for width in SEARCH_WIDTHS:
            moves = np.minimum(at + width * SEARCH_STEPS[:, None, None], self.largest)
            found = self._log_posterior(u_moves, moves)
            best = found.argmax(axis=0)[None]
            at = np.take_along_axis(moves, best, axis=0)[0]
        return np.asarray(np.take_along_axis(found, best, axis=0)[0], dtype=np.float64)

    def _log_posterior(self, u_moves: FloatArray, m_moves: FloatArray) -> FloatArray:
        """Log posterior of u and m moved by these logarithms, shape of the latter."""
        strangers = self.chance[:, None, None] * np.exp(u_moves)
        expected = np.maximum(strangers + self.true[:, None, None] * np.exp(m_moves), 1e-300)
        seen, total = self.counts.sum(axis=0), expected.sum(axis=0)
        likelihood = seen * np.log(total) - total
        divided = (self.counts[:, None, None] * np.log(expected / total)).sum(axis=0)
        likelihood += divided / (1 + POPULATION_SPREAD**2 * seen)
        of_chance = np.where(self.weak, WEAK_CHANCE_SPREAD, CHANCE_SPREAD)
        of_matches = np.where(self.weak, WEAK_MATCH_SPREAD, MATCH_SPREAD)
        usual = _surprise(u_moves / of_chance) + _surprise(m_moves / of_matches)
        # How many pairs have this gap moves both alike.
        odd = _surprise((u_moves - m_moves) / np.hypot(CHANCE_SPREAD, MATCH_SPREAD))
        gap = odd + _surprise((u_moves + m_moves) / 2 / GAP_SPREAD)
        return np.asarray(likelihood - np.where(self.whole | self.weak, usual, gap))


def _surprise(deviation: FloatArray) -> FloatArray:
    """Minus the log density of Student's t with 3 degrees of freedom: some expectations are far off."""
    return np.asarray(2 * np.log1p(deviation**2 / 3), dtype=np.float64)
