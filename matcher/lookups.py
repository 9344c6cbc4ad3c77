"""Scoring a look-up: is this person among the records of each agency?

The hub finds candidates by equality in its index and passes them here with what met. The answer per
agency is a set posterior (`matcher.weights.set_posterior`), because several records that fit equally
well make the agency's answer sure while none of them is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from matcher.candidates import Meetings, meetings_at_once
from matcher.decisions import Thresholds
from matcher.model import COMPARISONS, SAME_DAY, SAME_MONTH, Model
from matcher.patterns import (
    IDENTITY_COUNT,
    PATTERN_SHAPE,
    GradedIdentity,
    PairPatterns,
    compare,
    identity_of,
    pattern_levels,
)
from matcher.schema import LinkageSchema
from matcher.scoring import near_misses, near_strangers, relative_crowding, rests_on_initials, weak_alike
from matcher.tokens import BoolArray, FloatArray, IntArray, TokenSet
from matcher.weights import area_weight, log_odds, posteriors, set_posteriors

SMALLEST_KNOWN_RATE, LARGEST_KNOWN_RATE = 0.001, 0.9
# Prior that two rows of a case list are one person by mistake. The list is short and read by people, so
# rows that look alike are twins rather than slips, unless everything agrees.
LISTED_TWICE = 1e-6
# About 3 % of people are twins (15 of 1,000 maternities are multiple), of whom an agency knows perhaps one in
# ten, and none likelier than it knows the person who is asked about.
TWINS, TWIN_KNOWN = 0.03, 0.1
# How alike twins' forenames are spelled (`python -m benchmarks.twin_names`); never forms of one name.
# Other slips and relations leave another name too: "other" is taken whole.
TWIN_FORENAMES = {"close": 0.001, "alike": 0.0172, "begins": 0.1994, "distant": 0.0375, "other": 1.0}
# All that is a guess until an index tells: where it would hold this many twins by the guess, what a fit has
# found counts half. As many as move a shipped value half-way (`matcher.estimation`).
TWINS_THAT_TELL = 100.0
# Where dates agree and names plainly do not, slips and relations make strangers alike this often.
STRANGER_ALIKE = 0.01
# Placeholder dates share favourite years: where year and initials are all that agrees, an agency has a
# stranger like that this often. At the largest supposed prior such a person is possibly known and no more.
PLACEHOLDER_ALIKE = 0.05
# Beside a swapped day and month no slot compares names: there "differ" only says that none agreed.
NAMES_COMPARED_BESIDE = ("exact", "day_differs", "month_differs", "year_differs", "year")
# Without a linking run to tell, an agency is as likely not to know a person, however small the network.
LARGEST_SUPPOSED_RATE = 0.5
POSSIBLE = Thresholds().possibly


@dataclass(frozen=True, slots=True)
class Alike:
    """Pairs of records that have a stored slot in common: how likely each is one person.

    Attributes:
        a, b: Record indexes, a < b, each pair once, shape (n,).
        probability: Shape (n,).
    """

    a: IntArray
    b: IntArray
    probability: FloatArray


@dataclass(frozen=True, slots=True)
class Step:
    """One comparison's share of an answer: its level and its weight in bits."""

    comparison: str
    level: str
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an agency's answer is what it is: prior and weights in bits, and the posterior."""

    posterior: float
    prior_bits: float
    steps: tuple[Step, ...]


class LookupScores:
    """Posteriors of all cases at all holders.

    Attributes:
        posterior: P(the holder knows the person), shape (cases, holders).
        best_record: The candidate record that speaks most for it, -1 where there is none, same shape.
    """

    def __init__(self, posterior: FloatArray, best_record: IntArray, explained: _Explained) -> None:
        """Keep the scores and what explains them."""
        self.posterior = posterior
        self.best_record = best_record
        self._explained = explained

    def explain(self, case: int, holder: int) -> Explanation | None:
        """The best record's weights, comparison by comparison; None where nothing met."""
        pair = self._explained.pair_of.get((case, holder))
        if pair is None:
            return None
        pattern, weight = int(self._explained.pattern[pair]), float(self._explained.weight[pair])
        steps = explain_pattern(self._explained.model, pattern, weight=weight)
        coincidence = float(self._explained.coincidence_bits[pair])
        if coincidence >= 0.005:
            steps += (Step("coincidence", "possible", -coincidence),)
        crowding = float(self._explained.crowding_bits[pair])
        if abs(crowding) >= 0.005:
            steps += (Step("initials", "common" if crowding < 0 else "rare", crowding),)
        claimed = float(self._explained.claimed_bits[pair])
        if claimed <= -0.005:
            steps += (Step("other_case", "claims", claimed),)
        area = float(self._explained.area_bits[pair])
        level = self._explained.area_level[pair]
        if level != "absent":
            steps += (Step("area", level, area),)
        return Explanation(
            float(self.posterior[case, holder]), float(self._explained.prior_bits[holder]), steps
        )


@dataclass(frozen=True, slots=True)
class _Explained:
    model: Model
    pair_of: dict[tuple[int, int], int]
    pattern: IntArray
    weight: FloatArray
    coincidence_bits: FloatArray
    crowding_bits: FloatArray
    claimed_bits: FloatArray
    area_bits: FloatArray
    area_level: list[str]
    prior_bits: FloatArray


def score_lookups(
    schema: LinkageSchema,
    model: Model,
    *,
    cases: TokenSet,
    candidates: TokenSet,
    pairs: PairPatterns,
    holder_of_record: IntArray,
    holder_sizes: IntArray,
    holder_areas: FloatArray | None = None,
    holder_known: FloatArray | None = None,
    crowded: BoolArray | None = None,
) -> LookupScores:
    """Score all cases against all holders.

    Args:
        schema: The tokens' schema.
        model: The parameters.
        cases: Tokens of the cases asked about.
        candidates: Tokens of the records that met any of them.
        pairs: Tokens of cases (left) and candidates (right) that met, compared.
        holder_of_record: Holder of each candidate record, shape (records,).
        holder_sizes: Records each holder shares, shape (holders,).
        holder_areas: Records of each holder in each area, shape (holders, areas); without it, or for
            holders of one area only, area weighs nothing.
        holder_known: Prior that each holder knows the person of a case, shape (holders,), as a linking run
            found it (`matcher.linking.share_known_elsewhere`); without it, in proportion to its records.
        crowded: Of which cases the pairs are all there are, so that near misses among them tell how common
            initials are, shape (cases,); without it, of all.
    """
    case_count = int(cases.record.max(initial=-1)) + 1
    case, record = cases.record[pairs.left], candidates.record[pairs.right]
    weight = model.weights(pairs.pattern)
    order = np.lexsort((pairs.pattern, -weight, record, case))
    first = np.ones(len(order), np.bool_)
    first[1:] = (case[order][1:] != case[order][:-1]) | (record[order][1:] != record[order][:-1])
    best = order[first]
    case, record, pattern, weight = case[best], record[best], pairs.pattern[best], weight[best]
    holder = holder_of_record[record] if len(record) else np.zeros(0, np.int64)

    area_bits, area_level = _area(
        model, cases.area[pairs.left[best]], candidates.area[pairs.right[best]], holder, holder_areas
    )
    known = _known_rates(model, holder_sizes, holder_known)
    prior_bits = _prior_bits(known, holder_sizes)
    coincidence_bits = _coincidence_bits(model, pattern, holder, known, holder_sizes)
    strangers = near_strangers(pattern, prior_bits[holder] + weight)
    crowding_bits = _crowding_bits(schema, model, case, pattern, strangers, holder_sizes)
    if crowded is not None:
        crowding_bits = np.where(crowded[case], crowding_bits, 0.0)
    bits = prior_bits[holder] + weight - coincidence_bits + crowding_bits + area_bits
    claimed_bits = _claimed_by_other_cases(schema, model, cases, case, record, bits)

    posterior = np.zeros((case_count, len(holder_sizes)))
    best_record = np.full(posterior.shape, -1, np.int64)
    order = np.lexsort((-bits, holder, case))  # Of each case and holder, the best record first.
    case, holder = case[order], holder[order]
    begins = np.flatnonzero(np.diff(case * max(len(holder_sizes), 1) + holder, prepend=-1))
    top, cell = order[begins], (case[begins], holder[begins])
    posterior[cell] = _with_claims(bits[order], claimed_bits[order], begins)
    best_record[cell] = record[top]
    pair_of = dict(zip(zip(*(at.tolist() for at in cell), strict=True), top.tolist(), strict=True))
    explained = _Explained(
        model,
        pair_of,
        pattern,
        weight,
        coincidence_bits,
        crowding_bits,
        claimed_bits,
        area_bits,
        area_level,
        prior_bits,
    )
    return LookupScores(posterior, best_record, explained)


def _coincidence_bits(
    model: Model, pattern: IntArray, holder: IntArray, known: FloatArray, holder_sizes: IntArray
) -> FloatArray:
    """Bits to take off patterns that twins show, or that leave the names plainly different.

    Chance agreement shrinks with an agency's size, but a person's twin, or a slip that makes strangers
    look alike, is as likely at a small agency as at a large one: u never falls below the chance of that.
    """
    identity = pattern // int(np.prod(PATTERN_SHAPE[1:]))
    by_twins = TWINS * np.minimum(TWIN_KNOWN, known)[:, None] * shown_by_twins()
    told = _told_by_index(model, pattern, by_twins.sum(axis=0)[identity], holder_sizes)
    chance = (1 - told) * by_twins[holder, identity] + coincidences()[identity]
    # Of identity alone: a number that agrees as well is no coincidence.
    u = model.identity[1, identity]
    floor = chance / np.maximum(holder_sizes[holder], 1)
    return np.asarray(np.log2(np.maximum(floor / u + told, 1.0)), dtype=np.float64)


def _told_by_index(
    model: Model, pattern: IntArray, twins_known: FloatArray, holder_sizes: IntArray
) -> FloatArray:
    """How far the fitted u of each pattern counts against the guess of twins, from 0 to 1.

    As much as the mean of a Gamma-Poisson counts the twins that an index holds, were the guess true: a pair
    for every record whose twin is known.
    """
    supposed = twins_known * float(holder_sizes.sum()) / 2
    counted = np.isin(pattern, list(model.joint))
    return np.where(counted, supposed / (supposed + TWINS_THAT_TELL), 0.0)


@cache
def shown_by_twins() -> FloatArray:
    """Share of twins who show an identity level, shape (IDENTITY_COUNT,)."""
    share = np.zeros(IDENTITY_COUNT)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        if isinstance(level, GradedIdentity):
            share[code] = TWIN_FORENAMES.get(level.forename, 0.0) if level.surname == "same" else 0.0
        else:
            share[code] = level.date == "exact" and level.initials == "last"
    return share


@cache
def coincidences() -> FloatArray:
    """Chance, whatever the agency's size, that it knows a stranger who shows an identity level; 0 = none.

    Of all but twins. Shape (IDENTITY_COUNT,).
    """
    chance = np.zeros(IDENTITY_COUNT)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        if isinstance(level, GradedIdentity):
            if level.forename == "other" and level.surname != "same":
                chance[code] = STRANGER_ALIKE
        elif (level.date, level.initials) == ("year", "both") and level.sounds != "both":
            chance[code] = PLACEHOLDER_ALIKE
        elif level.sounds == "differ" and level.date in NAMES_COMPARED_BESIDE:
            chance[code] = STRANGER_ALIKE
    return chance


def _with_claims(bits: FloatArray, claimed_bits: FloatArray, first: IntArray) -> FloatArray:
    """The agencies' posteriors once other cases' claims on their records are taken off.

    Of twins who fit one record equally well each is it by half: too much to call either known, too much
    to say nothing, so what was possible before the claims stays possible.
    """
    before, after = set_posteriors(bits, first), set_posteriors(bits + claimed_bits, first)
    return np.asarray(np.maximum(after, np.minimum(before, POSSIBLE)), dtype=np.float64)


def _claimed_by_other_cases(
    schema: LinkageSchema,
    model: Model,
    cases: TokenSet,
    case: IntArray,
    record: IntArray,
    bits: FloatArray,
) -> FloatArray:
    """Bits by which each (case, record) is weakened by other people of the same list who fit the record.

    A record is one person. Where two cases fit it and are not one person listed twice, they exclude each
    other: twins, or chance twins, of whom the agency knows one.
    """
    order = np.argsort(record, kind="stable")
    shared = np.flatnonzero(np.bincount(record, minlength=1)[record[order]] > 1)
    weakened = np.zeros(len(case))
    if not len(shared):
        return weakened
    same = np.eye(cases.record_count)
    alike = same_person(schema, model, cases, prior=LISTED_TWICE)
    same[alike.a, alike.b] = same[alike.b, alike.a] = alike.probability
    for claimants in np.split(order[shared], np.flatnonzero(np.diff(record[order[shared]])) + 1):
        odds = np.exp2(np.minimum(bits[claimants], 60.0))
        others = 1 - same[np.ix_(case[claimants], case[claimants])]
        np.fill_diagonal(others, 0.0)
        weakened[claimants] = -np.log2(1 + others @ odds)
    return weakened


def same_person(
    schema: LinkageSchema,
    model: Model,
    tokens: TokenSet,
    *,
    prior: float,
    holder_of_record: IntArray | None = None,
) -> Alike:
    """Which records may be one person, by their stored slots alone.

    Args:
        schema: The tokens' schema.
        model: The parameters.
        tokens: Of cases, or of records.
        prior: The probability before anything is compared.
        holder_of_record: Shape (records,); only records of one holder are then compared.
    """
    met = meetings_at_once(schema, tokens)
    if holder_of_record is not None:
        holder = holder_of_record[tokens.record]
        kept = holder[met.left] == holder[met.right]
        met = Meetings(met.left[kept], met.right[kept], met.asked[kept])
    pairs = compare(schema, tokens, tokens, met)
    left, right = tokens.record[pairs.left], tokens.record[pairs.right]
    a, b = np.minimum(left, right), np.maximum(left, right)
    found = posteriors(log_odds(prior) + model.weights(pairs.pattern))
    order = np.lexsort((-found, b, a))  # Of each pair of records, the tokens that speak most for it first.
    a, b, found = a[order], b[order], found[order]
    first = np.flatnonzero(np.diff(a * max(tokens.record_count, 1) + b, prepend=-1))
    return Alike(a[first], b[first], found[first])


def explain_pattern(model: Model, pattern: int, *, weight: float) -> tuple[Step, ...]:
    """A joint pattern's weight in bits, divided over its comparisons; absent ones are left out.

    What the fitted joint weight has beyond the single comparisons goes to identity, so that the steps
    add up to it.
    """
    levels = pattern_levels(pattern)
    numbers = [
        Step(name, levels[name], _level_weight(model, name, levels[name]))
        for name in COMPARISONS
        if levels[name] != "absent"
    ]
    identity = weight - sum(step.weight for step in numbers)
    return (Step("identity", levels["identity"], identity), *numbers)


def _level_weight(model: Model, comparison: str, level: str) -> float:
    probabilities = model.levels[comparison].get(level)
    return float(np.log2(probabilities.m / probabilities.u)) if probabilities else 0.0


def _known_rates(model: Model, holder_sizes: IntArray, holder_known: FloatArray | None) -> FloatArray:
    """Prior that each holder knows the person of a case, shape (holders,)."""
    share = holder_sizes / max(float(holder_sizes.sum()), 1.0)
    usual = np.minimum(model.known_rate * share, LARGEST_SUPPOSED_RATE)
    expected = usual if holder_known is None else holder_known
    return np.asarray(np.clip(expected, SMALLEST_KNOWN_RATE, LARGEST_KNOWN_RATE), dtype=np.float64)


def _prior_bits(known: FloatArray, holder_sizes: IntArray) -> FloatArray:
    """log₂(pi/N / (1 - pi)) of each holder."""
    odds = np.asarray([log_odds(float(rate)) for rate in known])
    return np.asarray(odds - np.log2(np.maximum(holder_sizes, 1)), dtype=np.float64)


def _crowding_bits(
    schema: LinkageSchema,
    model: Model,
    case: IntArray,
    pattern: IntArray,
    strangers: FloatArray,
    holder_sizes: IntArray,
) -> FloatArray:
    """Bits by which each case's initials are rarer (positive) or commoner than usual, where they count.

    Counted by the near misses that the case's own probes found, as far as they are of strangers, and never by
    the one that is weighed; see `matcher.scoring`.
    """
    asked = any(p.asks == "F" and p.varies in ("year", "month", "day") for p in schema.asked)
    if not asked or model.crowding_shape <= 0:
        return np.zeros(len(case))
    identity = pattern // int(np.prod(PATTERN_SHAPE[1:]))
    strangers = np.where(near_misses()[identity], strangers, 0.0)
    neighbours = np.bincount(case, weights=strangers)[case] - strangers
    year, day_or_month = SAME_DAY * SAME_MONTH, SAME_DAY + SAME_MONTH - 2 * SAME_DAY * SAME_MONTH
    share = model.same_initials * (year * (1 - model.same_year) + model.same_year * day_or_month)
    crowding = relative_crowding(neighbours, share * float(holder_sizes.sum()), model.crowding_shape)
    concerned = rests_on_initials()[identity] & ~weak_alike()[identity]
    return np.where(concerned, -np.log2(crowding), 0.0)


def _area(
    model: Model, asked: IntArray, held: IntArray, holder: IntArray, holder_areas: FloatArray | None
) -> tuple[FloatArray, list[str]]:
    """Weight and level of area for each pair."""
    bits, levels = np.zeros(len(asked)), ["absent"] * len(asked)
    if holder_areas is None:
        return bits, levels
    share = holder_areas / np.maximum(holder_areas.sum(axis=1, keepdims=True), 1)
    for row, (mine, theirs, at) in enumerate(
        zip(asked.tolist(), held.tolist(), holder.tolist(), strict=True)
    ):
        chance = float(share[at, mine]) if 0 <= mine < share.shape[1] else 0.0
        if mine >= 0 and theirs >= 0 and 0.002 < chance < 0.998:
            bits[row] = area_weight(mine == theirs, chance, model.area_odds)
            levels[row] = "agree" if mine == theirs else "differ"
    return bits, levels
