"""Fitting a model to a partnership's own tokens, without truth.

u comes from counting: agreement on initials beside a *different* year, month or day is nearly always
chance, and the calendar says how often the whole date agrees for each time it nearly does. The prior
follows from what strong patterns leave after chance is taken off. Both are then held fixed while EM
(Dempster, Laird and Rubin 1977) fits m over counted joint patterns, shrunk towards the shipped model by
a Dirichlet prior, so that a partnership of a few hundred records works on its first day.

EM never sees pairs, only how many show each pattern: its time does not grow with the data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from matcher.model import SAME_DAY, SAME_MONTH, SMALLEST_M, SMALLEST_U, Model, Probabilities
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

# Pseudo-counts: how much data it takes to move a shipped value half-way.
CHANCE_PSEUDO_EVENTS = 20.0
M_PSEUDO_MATCHES = 100.0
# A network without a match still has a prior above zero.
SMALLEST_MATCHES = 0.01
# Patterns that count matches, once chance is taken off: the strongest that this share of matches shows.
STRONG_SHARE = 0.6
# A pattern stands out where chance explains less than this share of its pairs.
STANDS_OUT = 0.2
ABSENT = NUMBER_LEVELS.index("absent")
CLASSES = 16
IDENTITY_BITS = 1 + 8
# u is sought within a factor of 64 of the shipped value, ever finer.
U_SEARCH_BITS = (6.0, 0.4, 0.03, 0.002)
M_STEPS_PER_U = 30
# Agencies' populations differ in age and sex: chance within and across them is alike to a part in
# twenty, however many pairs are counted. Shipped m and u are right to factors of about 1.6 and 2.
POPULATION_SPREAD = 0.05
M_SPREAD, U_SPREAD = 0.5, 0.7


@dataclass(frozen=True, slots=True)
class PatternCounts:
    """How many pairs show each pattern.

    Attributes:
        codes: Distinct joint patterns, shape (p,).
        counts: Pairs by stratum and pattern, shape (2, p): within one agency, across agencies.
        availability: Availability class of each pattern, shape (p,), see `availability_of`.
        pairs: All pairs by stratum and availability class, shape (2, 16), candidates or not.
        crowding_shape: Shape of the spread of chance agreement between records; 0 = not known.
    """

    codes: IntArray
    counts: FloatArray
    availability: IntArray
    pairs: FloatArray
    crowding_shape: float = 0.0


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model with its priors.

    Attributes:
        model: The fitted parameters.
        priors: Prior probability that a random pair is a match: within an agency, across agencies.
        iterations: EM steps taken.
        converged: Whether the last step moved no expected count by more than the tolerance; an
            iteration limit reached is not convergence.
    """

    model: Model
    priors: tuple[float, float]
    iterations: int
    converged: bool


def availability_of(codes: IntArray) -> IntArray:
    """What a pattern could compare, one of `CLASSES`, in bits.

    Bit 0: whole dates and initials; bit 1: CHAIN; bit 2: NHS number; bit 3: names.
    """
    identity, chain, nhs_number, _ = np.unravel_index(codes, PATTERN_SHAPE)
    of_identity = identity_availability()[identity]
    return np.asarray(of_identity + 2 * (chain != ABSENT) + 4 * (nhs_number != ABSENT), dtype=np.int64)


@cache
def identity_availability() -> IntArray:
    """Bits 0 and 3 of the availability class of every identity level, shape (IDENTITY_COUNT,)."""
    found = np.zeros(IDENTITY_COUNT, np.int64)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        if isinstance(level, GradedIdentity):
            found[code] = 1 + 8
        else:
            found[code] = int(level.comparable) + 8 * (level.sounds != "absent")
    return found


def fit(counts: PatternCounts, shipped: Model) -> Fit:
    """Fit a model: chance first, then the prior, then m.

    Args:
        counts: Counted patterns of all candidate pairs.
        shipped: The model to start from and shrink to.
    """
    model = shipped
    matches = np.zeros(2)
    for _ in range(3):  # Chance and prior lean on each other a little; three rounds settle them.
        model = estimate_chance(counts, shipped, matches)
        matches = estimate_matches(counts, model)
    priors = matches / np.maximum(counts.pairs.sum(axis=1), 1)
    u = estimate_u(counts, model, matches)
    joint, iterations, converged = estimate_m(counts, model, u, priors)
    notes = {
        "candidate_pairs": int(counts.counts.sum()),
        "iterations": iterations,
        "converged": converged,
        "expected_matches": [round(float(m), 1) for m in matches],
    }
    fitted = replace(model, name="fitted", joint=joint, crowding_shape=counts.crowding_shape, notes=notes)
    return Fit(fitted, (float(priors[0]), float(priors[1])), iterations, converged)


def estimate_chance(counts: PatternCounts, shipped: Model, matches: FloatArray) -> Model:
    """Scale the shipped chance of agreement to this population by counting near misses.

    Two strangers' initials agree beside a different year, month or day: `year` pairs
    P_i P_d P_m (1 - P_y) of all, `other` pairs P_i P_y (P_d + P_m - 2 P_d P_m). With the calendar's P_d and
    P_m known, the two counts give P_i and P_y.
    """
    year_p = SAME_DAY * SAME_MONTH
    other_p = SAME_DAY + SAME_MONTH - 2 * SAME_DAY * SAME_MONTH
    initials, year = shipped.same_initials, shipped.same_year
    year_ratio = _chance_ratio(
        counts, shipped, matches, ("year_differs",), usual=initials * year_p * (1 - year)
    )
    other_ratio = _chance_ratio(
        counts, shipped, matches, ("day_differs", "month_differs"), usual=initials * other_p * year
    )
    same_year = min(0.5, year * other_ratio / year_ratio)
    return _rescaled(shipped, same_year=same_year, same_initials=min(0.5, initials * year_ratio))


def estimate_matches(counts: PatternCounts, model: Model) -> FloatArray:
    """Matches within and across agencies, from what strong patterns leave once chance is taken off.

    Returns:
        Expected matches, shape (2,).
    """
    counts = _without_sex(counts)
    m, u = model.product(counts.codes)
    beyond = counts.counts - counts.pairs[:, counts.availability] * u
    weight = np.log2(m / u)
    matches = np.zeros(2)
    for one in np.unique(counts.availability):
        least, share = _strong_from(model, int(one))
        strong = (counts.availability == one) & (weight >= least)
        # The matches that show a weaker pattern are as many as the shipped model says.
        matches += np.maximum(beyond[:, strong].sum(axis=1), 0) / share
    # Where records are worse than the shipped model's, strong patterns are rare and others stand out.
    matches[1] = max(matches[1], _standing_out(counts, u))
    return np.asarray(matches + SMALLEST_MATCHES, dtype=np.float64)


def _strong_from(model: Model, availability: int) -> tuple[float, float]:
    """The weight from which patterns of a class are strong, and the share of matches that show one.

    Over all patterns of the class, met or not: where there are no matches only weak ones are met.
    """
    shape = (IDENTITY_COUNT, len(NUMBER_LEVELS), len(NUMBER_LEVELS))
    identity, chain, nhs_number = (axis.ravel() for axis in np.indices(shape))
    codes = np.ravel_multi_index((identity, chain, nhs_number, np.full_like(identity, 2)), PATTERN_SHAPE)
    codes = codes[availability_of(codes) == availability]
    m, u = model.product(codes)
    weight = np.log2(m / u)
    order = np.argsort(-weight, kind="stable")
    share = np.cumsum(m[order])
    at = min(int(np.searchsorted(share, STRONG_SHARE)), len(order) - 1)
    return float(weight[order[at]]), float(np.clip(share[at], 0.5, 1.0))


def _standing_out(counts: PatternCounts, u: FloatArray) -> float:
    """Pairs across agencies beyond chance, of patterns that are mostly beyond it: fewer than the matches.

    Chance is what the model says or what is seen within agencies, whichever is more.
    """
    pairs = counts.pairs[:, counts.availability]
    as_within = (counts.counts[0] + 1) * pairs[1] / np.maximum(pairs[0], 1)
    chance = np.maximum(pairs[1] * u, np.where(pairs[0] > 0, as_within, 0.0))
    beyond = chance < STANDS_OUT * counts.counts[1]
    return float((counts.counts[1] - chance)[beyond].sum())


def estimate_u(counts: PatternCounts, model: Model, matches: FloatArray) -> FloatArray:
    """u of every counted pattern, from how its pairs divide into within and across agencies.

    Chance falls on both in proportion to the pairs there are; matches fall nearly all across, since
    agencies keep a person once, and in what proportion the strong patterns have told. So the two counts
    of a pattern are Poisson with means U_w u + M_w m and U_x u + M_x m, and u is the value of highest
    posterior under a Gamma prior about the scaled shipped value (which decides alone where there is
    only one agency), with m at its best for each u.

    Returns:
        Shape (p,).
    """
    pooled, of_pattern = _without_numbers(counts)
    shipped_m, shipped_u = model.product(pooled.codes)
    available = _available_matches(pooled, shipped_m, matches)
    bits = np.zeros(len(shipped_u))
    for width in U_SEARCH_BITS:
        # A chance pattern of a hundred thousand pairs needs u to a part in ten thousand.
        tried = bits + np.linspace(-width, width, 33)[:, None]
        best = _log_posterior(pooled, shipped_m, shipped_u, available, tried).argmax(axis=0)
        bits = tried[best, np.arange(len(best))]
    # Pairs with nothing of date and names in common are found by a number alone, so most are not counted.
    bits[~_found_by_identity(pooled.codes)] = 0.0
    _, u = model.product(counts.codes)
    return np.asarray(np.clip(u * np.exp2(bits)[of_pattern], SMALLEST_U, 1.0), dtype=np.float64)


def _found_by_identity(codes: IntArray) -> BoolArray:
    identity = np.unravel_index(codes, PATTERN_SHAPE)[0]
    nothing = np.zeros(IDENTITY_COUNT, np.bool_)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        nothing[code] = isinstance(level, PlainIdentity) and level.date == "none" == level.initials
    return ~nothing[identity]


def _without_sex(counts: PatternCounts) -> PatternCounts:
    """Patterns pooled over sex, which is compared beside one slot only and has no class of its own."""
    identity, chain, nhs_number, _ = np.unravel_index(counts.codes, PATTERN_SHAPE)
    absent = np.full(len(counts.codes), len(SEX_LEVELS) - 1)
    bare = np.ravel_multi_index((identity, chain, nhs_number, absent), PATTERN_SHAPE)
    codes, of_pattern = np.unique(bare, return_inverse=True)
    summed = [np.bincount(of_pattern, weights=side, minlength=len(codes)) for side in counts.counts]
    return replace(counts, codes=codes, counts=np.stack(summed), availability=availability_of(codes))


def _without_numbers(counts: PatternCounts) -> tuple[PatternCounts, IntArray]:
    """Patterns pooled over CHAIN and NHS number, and the pooled one of each pattern.

    Chance agreement of dates and names does not depend on who holds numbers, but who holds them differs
    from agency to agency: pooled, chance within and across agencies is alike.
    """
    identity, _, _, sex = np.unravel_index(counts.codes, PATTERN_SHAPE)
    blank = np.full(len(counts.codes), ABSENT)
    bare = np.ravel_multi_index((identity, blank, blank, sex), PATTERN_SHAPE)
    codes, of_pattern = np.unique(bare, return_inverse=True)
    summed = [np.bincount(of_pattern, weights=side, minlength=len(codes)) for side in counts.counts]
    pairs = np.zeros_like(counts.pairs)
    for one in range(CLASSES):
        pairs[:, one & IDENTITY_BITS] += counts.pairs[:, one]
    return replace(
        counts, codes=codes, counts=np.stack(summed), availability=availability_of(codes), pairs=pairs
    ), of_pattern


def _log_posterior(
    counts: PatternCounts,
    shipped_m: FloatArray,
    shipped_u: FloatArray,
    available: FloatArray,
    bits: FloatArray,
) -> FloatArray:
    """Log posterior of u = shipped * 2^bits for every pattern, with m at its best; shape of `bits`."""
    u = np.clip(shipped_u * np.exp2(bits), SMALLEST_U, 1.0)
    chance = counts.pairs[:, counts.availability][:, None, :] * u
    seen, available = counts.counts[:, None, :], available[:, None, :]
    m = np.broadcast_to(shipped_m, u.shape)
    for _ in range(M_STEPS_PER_U):
        expected = np.maximum(chance + available * m, 1e-300)
        found = (seen * available * m / expected).sum(axis=0)
        m = (found + M_PSEUDO_MATCHES * shipped_m) / (available.sum(axis=0) + M_PSEUDO_MATCHES)
    expected = np.maximum(chance + available * m, 1e-300)
    total_seen, total_expected = seen.sum(axis=0), expected.sum(axis=0)
    likelihood = total_seen * np.log(total_expected) - total_expected
    divided = (seen * np.log(expected / total_expected)).sum(axis=0)
    likelihood += divided / (1 + POPULATION_SPREAD**2 * total_seen)
    likelihood -= _surprise(np.log(np.maximum(m, 1e-300) / shipped_m) / M_SPREAD)
    return np.asarray(likelihood - _surprise(bits * np.log(2) / U_SPREAD))


def _surprise(deviation: FloatArray) -> FloatArray:
    """Minus the log density of Student's t with 3 degrees of freedom: some shipped values are far off."""
    return np.asarray(2 * np.log1p(deviation**2 / 3), dtype=np.float64)


def _available_matches(counts: PatternCounts, m: FloatArray, matches: FloatArray) -> FloatArray:
    """Matches by stratum that could show each pattern: those of its availability class.

    Classes get the share of matches that their strong patterns have of all strong ones.
    """
    strong = m >= 0.01
    seen = np.bincount(
        counts.availability[strong], weights=counts.counts[:, strong].sum(axis=0), minlength=CLASSES
    )
    share = seen / max(seen.sum(), 1.0)
    return np.asarray(matches[:, None] * share[counts.availability], dtype=np.float64)


def estimate_m(
    counts: PatternCounts,
    model: Model,
    u: FloatArray,
    priors: FloatArray,
    *,
    tolerance: float = 1e-6,
    iteration_limit: int = 500,
) -> tuple[dict[int, Probabilities], int, bool]:
    """EM for m over counted patterns, with u and the priors held fixed.

    Matches are conditioned on what could be compared (the availability class), so that a missing value
    weighs nothing.

    Returns:
        m and u by pattern code, EM steps taken, whether it converged.
    """
    shipped_m, _ = model.product(counts.codes)
    m = shipped_m.copy()
    classes = counts.availability
    prior_odds = (priors / (1 - priors))[:, None]
    previous = np.zeros_like(m)
    converged = False
    steps = 0
    while steps < iteration_limit and not converged:
        steps += 1
        odds = prior_odds * m / u
        matches = (counts.counts * odds / (1 + odds)).sum(axis=0)
        in_class = np.bincount(classes, weights=matches, minlength=CLASSES)[classes]
        m = (matches + M_PSEUDO_MATCHES * shipped_m) / (in_class + M_PSEUDO_MATCHES)
        m = np.clip(m, SMALLEST_M, 1.0)
        converged = bool(np.abs(matches - previous).max(initial=0) <= tolerance * max(1.0, matches.sum()))
        previous = matches
    joint = {
        int(code): Probabilities(float(m_p), float(u_p))
        for code, m_p, u_p in zip(counts.codes, m, u, strict=True)
    }
    return joint, steps, converged


def _chance_ratio(
    counts: PatternCounts, shipped: Model, matches: FloatArray, dates: tuple[str, ...], *, usual: float
) -> float:
    """How much commoner near misses of strangers are here than usual.

    Matches with a wrong date can only add to the count, and agencies keep a person once, so the lower
    rate, within or across agencies, is nearer to chance; each is shrunk to the usual rate.
    """
    selected = _near_misses(counts.codes, dates)
    if not selected.any():
        return 1.0
    m, _ = shipped.product(counts.codes[selected])
    whole_pairs = counts.pairs[:, 1::2].sum(axis=1)
    observed = counts.counts[:, selected].sum(axis=1)
    strangers = np.maximum(observed - matches * float(m.sum()), 0.5 * observed / (1 + matches))
    ratios = _shrunk_ratio(strangers, whole_pairs * usual)
    # A stratum with hardly a pair says nothing: its ratio is the shrinkage alone.
    telling = whole_pairs * usual >= CHANCE_PSEUDO_EVENTS
    return float(ratios[telling].min() if telling.any() else ratios[int(np.argmax(whole_pairs))])


def _near_misses(codes: IntArray, dates: tuple[str, ...]) -> BoolArray:
    """Patterns with both initials but not both names, beside one of these dates, and no number agreeing."""
    identity, chain, nhs_number, _ = np.unravel_index(codes, PATTERN_SHAPE)
    wanted = np.zeros(IDENTITY_COUNT, np.bool_)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        wanted[code] = (
            isinstance(level, PlainIdentity)
            and level.date in dates
            and level.initials == "both"
            and level.sounds != "both"
            and level.comparable
        )
    return np.asarray(wanted[identity] & (chain >= 2) & (nhs_number >= 2), dtype=np.bool_)


def _shrunk_ratio(observed: FloatArray | float, expected: FloatArray | float) -> FloatArray:
    """Observed over expected, shrunk to 1 as a Gamma-Poisson rate with known pseudo-events."""
    return np.asarray((observed + CHANCE_PSEUDO_EVENTS) / (np.asarray(expected) + CHANCE_PSEUDO_EVENTS))


def _rescaled(shipped: Model, *, same_year: float, same_initials: float) -> Model:
    """The shipped model with chance agreement of years and initials as counted here."""
    year_ratio = same_year / shipped.same_year
    initials_ratio = same_initials / shipped.same_initials
    identity = shipped.identity.copy()
    for code in range(IDENTITY_COUNT):
        identity[1, code] = min(
            1.0, identity[1, code] * _scale(code, year=year_ratio, initials=initials_ratio)
        )
    return replace(shipped, identity=identity, same_year=same_year, same_initials=same_initials)


def _scale(code: int, *, year: float, initials: float) -> float:
    level = identity_of(code)
    if isinstance(level, GradedIdentity):
        return year * (initials if level.seen == "stored" else initials**0.5)
    scale = 1.0 if level.date in ("none", "year_differs", "year_missing") else year
    if level.initials in ("both", "swapped"):
        return scale * initials
    return scale * initials**0.5 if level.initials in ("first", "last") else scale
