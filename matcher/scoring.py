"""Scoring pairs of records by parameters that are given: what a linking run has found, held fixed.

A run scores its own pairs with what it has just estimated (`matcher.linking`); records that come later are
scored by the same without linking again (`matcher.increments`). A pair's log odds depend on its two records
and the parameters alone, its posterior on the other candidates of the two records as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from matcher.model import Model
from matcher.patterns import (
    IDENTITY_COUNT,
    PATTERN_SHAPE,
    GradedIdentity,
    PairPatterns,
    PlainIdentity,
    identity_of,
)
from matcher.tokens import BoolArray, FloatArray, IntArray, TokenSet
from matcher.weights import posteriors

# Below this chance of the same area, or above its complement, area can tell nothing.
UNINFORMATIVE_AREA = 0.002
# However much two agencies overlap, a record may still be new to the other.
LARGEST_SHARE_KNOWN = 0.9
# Odds beyond this are sure beyond doubt, and sums of them stay finite.
LARGEST_ODDS_BITS = 60.0
# Initials that nobody else has are a thousand times rarer than usual, at the most.
SMALLEST_CROWDING = 1e-3


@dataclass(frozen=True, slots=True)
class RecordPairs:
    """Scored candidate pairs of records.

    Attributes:
        left, right: Record indexes, left < right, shape (n,), in ascending order.
        pattern: Joint pattern code of the best pair of their tokens.
        log_odds: Log odds (bits) before rivals are taken into account.
        posterior: Probability that the two records are one person.
    """

    left: IntArray
    right: IntArray
    pattern: IntArray
    log_odds: FloatArray
    posterior: FloatArray


@dataclass(frozen=True, slots=True)
class LinkingParameters:
    """What a linking run found, and what later records are scored by.

    Attributes:
        shipped: The model the run began with; it chooses the tokens that stand for a pair of records.
        model: The fitted model.
        priors: Prior that a random pair of records is a match, by agencies, shape (agencies, agencies).
        same_area: Chance that two strangers are in one area, by agencies, same shape.
        area_odds: How much likelier a match is to be in the same area, as odds ratio.
        known: Share of the row agency's records that the column agency knows, same shape, 0 within.
        crowding: How common each record's initials are, relative to the mean, shape (records,).
        usual_neighbours: Mean number of strangers with the same initials beside another date.
        usual_weak: Of records with a weak date, the mean number of strangers with the same year and initials.
        reference_records: How many records, the first ones, all this was counted from.
    """

    shipped: Model
    model: Model
    priors: FloatArray
    same_area: FloatArray
    area_odds: float
    known: FloatArray
    crowding: FloatArray
    usual_neighbours: float
    usual_weak: float
    reference_records: int


@dataclass(frozen=True, slots=True)
class PairTerms:
    """The parts of each pair's log odds, in bits, shape (n,) each.

    Attributes:
        prior: Log odds before anything is compared.
        weight: Of the joint pattern.
        initials: For initials rarer than usual, negative for common ones.
        area: Of the same or another area; 0 where it can tell nothing.
    """

    prior: FloatArray
    weight: FloatArray
    initials: FloatArray
    area: FloatArray

    @property
    def log_odds(self) -> FloatArray:
        """Their sum: the log odds before rivals."""
        return np.asarray(self.prior + (self.weight + self.initials) + self.area, dtype=np.float64)


def best_of_records(pairs: PairPatterns, tokens: TokenSet, model: Model) -> PairPatterns:
    """One row a pair of records: the pair of their tokens that speaks most for a match."""
    left, right = tokens.record[pairs.left], tokens.record[pairs.right]
    left, right = np.minimum(left, right), np.maximum(left, right)
    weight = model.weights(pairs.pattern)
    order = np.lexsort((pairs.pattern, -weight, right, left))
    left, right = left[order], right[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    return PairPatterns(left[first], right[first], pairs.pattern[order][first])


def score_terms(
    pairs: PairPatterns, parameters: LinkingParameters, *, agency: IntArray, area: IntArray
) -> PairTerms:
    """The parts of the log odds of pairs of records.

    Args:
        pairs: One row a pair of records, from `best_of_records`.
        parameters: What to score by.
        agency, area: Of each record, shape (records,); area -1 = absent.
    """
    a, b = agency[pairs.left], agency[pairs.right]
    informative, same = compare_areas(area[pairs.left], area[pairs.right], parameters.same_area[a, b])
    prior, weight = log2_odds(parameters.priors[a, b]), parameters.model.weights(pairs.pattern)
    return PairTerms(
        prior=prior,
        weight=weight,
        initials=_initials_weight(pairs, parameters, near_strangers(pairs.pattern, prior + weight)),
        area=_area_weight(informative, same, parameters.same_area[a, b], parameters.area_odds),
    )


def near_strangers(pattern: IntArray, log_odds: FloatArray) -> FloatArray:
    """How far each pair counts as two strangers whose initials agree beside another year, month or day.

    Or beside the year of two weak dates. Such strangers are as frequent as the initials themselves, so their
    number is a count of them (value-specific u, "term frequency"); one person's records with a slip in the
    date say nothing of it.
    """
    identity = pattern // int(np.prod(PATTERN_SHAPE[1:]))
    return np.where((near_misses() | weak_alike())[identity], 1 - posteriors(log_odds), 0.0)


def relative_crowding(neighbours: FloatArray, usual: float | FloatArray, shape: float) -> FloatArray:
    """How crowded each record's neighbourhood is, relative to the mean, shrunk to it (Gamma-Poisson).

    Args:
        neighbours: Strangers near each record, shape (n,).
        usual: Their mean over all records of its kind.
        shape: Of the spread; 0 = not known, and nothing is crowded.
    """
    if shape <= 0:
        return np.ones(len(neighbours))
    return np.asarray((neighbours + shape) / (usual + shape), dtype=np.float64)


def _initials_weight(pairs: PairPatterns, parameters: LinkingParameters, strangers: FloatArray) -> FloatArray:
    """Bits by which two records' initials agree less often by chance than the mean's.

    A pair that is itself counted is not counted for itself.
    """
    shape, reference = parameters.model.crowding_shape, parameters.reference_records
    if shape <= 0:
        return np.zeros(len(pairs))
    counted = (pairs.left < reference).astype(float) + (pairs.right < reference)
    identity = pairs.pattern // int(np.prod(PATTERN_SHAPE[1:]))
    usual = np.where(weak_alike()[identity], parameters.usual_weak, parameters.usual_neighbours)
    own = strangers / (usual + shape)
    crowding = (parameters.crowding[pairs.left] + parameters.crowding[pairs.right] - counted * own) / 2
    return np.where(rests_on_initials()[identity], -np.log2(np.maximum(crowding, SMALLEST_CROWDING)), 0.0)


@cache
def near_misses() -> BoolArray:
    """Identity levels of both initials beside another year, month or day, shape (IDENTITY_COUNT,)."""
    found = np.zeros(IDENTITY_COUNT, np.bool_)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        found[code] = (
            isinstance(level, PlainIdentity)
            and level.date in ("year_differs", "month_differs", "day_differs")
            and level.initials == "both"
            and level.comparable
        )
    return found


@cache
def weak_alike() -> BoolArray:
    """Identity levels of both initials beside the year of two weak dates, shape (IDENTITY_COUNT,)."""
    found = np.zeros(IDENTITY_COUNT, np.bool_)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        found[code] = (
            isinstance(level, PlainIdentity)
            and (level.date, level.initials) == ("year", "both")
            and not level.comparable
        )
    return found


@cache
def rests_on_initials() -> BoolArray:
    """Identity levels whose agreement on names is agreement on both initials."""
    concerned = np.zeros(IDENTITY_COUNT, np.bool_)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        if isinstance(level, PlainIdentity):
            concerned[code] = (
                level.initials == "both"
                and level.sounds in ("differ", "absent")
                and (level.comparable or level.date == "year")
            )
        elif isinstance(level, GradedIdentity):
            concerned[code] = level.seen == "stored" and level.forename == level.surname == "other"
    return concerned


def compare_areas(left: IntArray, right: IntArray, chance: FloatArray) -> tuple[BoolArray, BoolArray]:
    """Whether the areas of pairs can tell anything, and whether they are the same, shape (n,) each."""
    telling = (chance > UNINFORMATIVE_AREA) & (chance < 1 - UNINFORMATIVE_AREA)
    return (left >= 0) & (right >= 0) & telling, np.asarray(left == right, dtype=np.bool_)


def _area_weight(informative: BoolArray, same: BoolArray, chance: FloatArray, odds: float) -> FloatArray:
    """Weight of same or different area, in bits, against what chance makes between the two agencies."""
    normaliser = chance * odds + (1 - chance)
    weight = np.log2(np.where(same, odds, 1.0) / normaliser)
    return np.where(informative, weight, 0.0)


def score_against_rivals(
    pairs: PairPatterns, log_odds: FloatArray, known: FloatArray, *, agency: IntArray
) -> FloatArray:
    """Posterior of each pair given the other candidates of both records in the other's agency.

    An agency knows a person by one record, as a rule. Where two of its records fit equally well, each
    is half as likely; where one stands alone, it is likelier the more people the two agencies share
    (the set posterior's 1 - pi for "none", from both sides). Rivals that are likely duplicates of each
    other support rather than exclude.

    Args:
        pairs: All candidate pairs of the records concerned, in ascending order.
        log_odds: Of each pair before rivals.
        known: As in `LinkingParameters`.
        agency: Agency of each record, shape (records,).
    """
    # Inside an agency nothing says that a record has one duplicate at most.
    within = agency[pairs.left] == agency[pairs.right]
    odds = _odds(log_odds)
    rivalled = odds / (rival_odds(pairs, log_odds, known, agency=agency) + odds)
    return np.where(within, posteriors(log_odds), rivalled)


def rival_odds(
    pairs: PairPatterns, log_odds: FloatArray, known: FloatArray, *, agency: IntArray
) -> FloatArray:
    """What each pair's odds compete with: rivals, and that nobody there is the person; 1 within an agency.

    A rival that is likely a duplicate speaks for the pair as far as it is: if the rival is the person, so is
    the pair. That is told by competing with less.

    Arguments as in `score_against_rivals`.
    """
    same, odds = posteriors(log_odds), _odds(log_odds)
    # Both ways at once: a record is now the left, now the right one of its pairs.
    mine, theirs = np.r_[pairs.left, pairs.right], np.r_[pairs.right, pairs.left]
    group = mine * len(known) + agency[theirs]
    summed = _summed_rivals(group, theirs, np.r_[odds, odds], pairs, same)
    against, beside = (side.reshape(2, -1).sum(axis=0) for side in summed)
    nobody = (1 - known[agency[mine], agency[theirs]]).reshape(2, -1).prod(axis=0)
    competing = (nobody + against) * odds / (odds + beside)
    return np.where(agency[pairs.left] == agency[pairs.right], 1.0, competing)


def share_known(pairs: PairPatterns, same: FloatArray, agency: IntArray, agencies: int) -> FloatArray:
    """Share of the row agency's records that the column agency knows, 0 within an agency.

    Args:
        pairs: All candidate pairs.
        same: Probability of each to be one person, before rivals.
        agency: Agency of each record, shape (records,).
        agencies: How many agencies there are.
    """
    mine, theirs = np.r_[pairs.left, pairs.right], np.r_[pairs.right, pairs.left]
    their_agency, same = agency[theirs], np.r_[same, same]
    order = np.lexsort((same, their_agency, mine))
    last = np.ones(len(order), np.bool_)
    last[:-1] = (mine[order][1:] != mine[order][:-1]) | (their_agency[order][1:] != their_agency[order][:-1])
    best = order[last]
    known = np.zeros((agencies, agencies))
    np.add.at(known, (agency[mine][best], their_agency[best]), same[best])
    share = known / np.maximum(np.bincount(agency, minlength=agencies), 1)[:, None]
    np.fill_diagonal(share, 0.0)
    return np.asarray(np.minimum(share, LARGEST_SHARE_KNOWN), dtype=np.float64)


def _summed_rivals(
    group: IntArray, candidate: IntArray, odds: FloatArray, pairs: PairPatterns, same: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """For each pair the summed odds of the others of its group: as they are not, and are, its duplicates."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(order) else np.zeros(0, np.int64)
    sizes = np.diff(np.r_[starts, len(order)])
    against, beside = np.zeros(len(group)), np.zeros(len(group))
    stride = int(pairs.right.max(initial=0)) + 1
    keys = pairs.left * stride + pairs.right
    for size in np.unique(sizes[sizes > 1]):
        members = order[starts[sizes == size][:, None] + np.arange(size)]
        for i in range(int(size)):
            for j in range(int(size)):
                if i == j:
                    continue
                me, rival = members[:, i], members[:, j]
                a, b = candidate[me], candidate[rival]
                wanted = np.minimum(a, b) * stride + np.maximum(a, b)
                at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
                duplicate = np.where(keys[at] == wanted, same[at], 0.0)
                against[me] += odds[rival] * (1 - duplicate)
                beside[me] += odds[rival] * duplicate
    return against, beside


def log2_odds(prior: FloatArray) -> FloatArray:
    """Log odds in bits of probabilities, kept finite at both ends."""
    safe = np.clip(prior, 1e-300, 1 - 1e-12)
    return np.asarray(np.log2(safe) - np.log2(1 - safe), dtype=np.float64)


def _odds(log_odds: FloatArray) -> FloatArray:
    return np.asarray(np.exp2(np.minimum(log_odds, LARGEST_ODDS_BITS)), dtype=np.float64)
