"""A linking run: meetings → patterns → fitted model → posterior of every candidate pair of records.

Everything a pair's posterior depends on is counted from the tokens themselves; the result does not
depend on the order of records or on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from matcher.candidates import Meetings
from matcher.estimation import CLASSES, Fit, PatternCounts, availability_of, fit
from matcher.model import Model
from matcher.patterns import (
    IDENTITY_COUNT,
    PATTERN_SHAPE,
    GradedIdentity,
    PairPatterns,
    PlainIdentity,
    compare,
    identity_of,
)
from matcher.schema import LinkageSchema
from matcher.tokens import BoolArray, FloatArray, IntArray, TokenSet
from matcher.weights import posteriors

# An agency pair's own prior counts half as much as the network's at this many matches.
AGENCY_PSEUDO_MATCHES = 5.0
# Likewise for how much likelier matches are to be in the same area.
AREA_PSEUDO_PAIRS = 30.0
# Below this chance of the same area, or above its complement, area can tell nothing.
UNINFORMATIVE_AREA = 0.002
SURE = 0.99
# However much two agencies overlap, a record may still be new to the other.
LARGEST_SHARE_KNOWN = 0.9


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
class LinkingRun:
    """The outcome: scored pairs, and how the model was fitted."""

    pairs: RecordPairs
    fit: Fit


def link(
    schema: LinkageSchema, tokens: TokenSet, meetings: Meetings, *, agency: IntArray, shipped: Model
) -> LinkingRun:
    """Score every candidate pair of records.

    Args:
        schema: The tokens' schema.
        tokens: All tokens of the epoch.
        meetings: Tokens that share a stored slot or met by a probe.
        agency: Agency of each record, shape (records,).
        shipped: The model to start from and shrink to.
    """
    best = best_of_records(compare(schema, tokens, tokens, meetings), tokens, shipped)
    records = _first_tokens(tokens)
    crowding, shape = _crowding(schema, tokens, meetings, len(records))
    fitted = fit(_count(schema, tokens, records, best, agency, shape), shipped)
    area = tokens.area[records]
    within = agency[best.left] == agency[best.right]
    weight = fitted.model.weights(best.pattern)
    weight -= _crowding_weight(best, crowding)
    prior = np.where(within, fitted.priors[0], fitted.priors[1])
    first = posteriors(_log2_odds(prior) + weight)
    prior = _agency_priors(best, first, agency, fitted.priors)
    log_odds = _log2_odds(prior) + weight + _area_weights(best, first, agency, area, fitted.model.area_odds)
    posterior = _against_rivals(best, log_odds, agency)
    return LinkingRun(RecordPairs(best.left, best.right, best.pattern, log_odds, posterior), fitted)


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


def _first_tokens(tokens: TokenSet) -> IntArray:
    """The first token of every record, in record order."""
    _, first = np.unique(tokens.record, return_index=True)
    return np.asarray(first, dtype=np.int64)


def _count(
    schema: LinkageSchema,
    tokens: TokenSet,
    records: IntArray,
    pairs: PairPatterns,
    agency: IntArray,
    crowding_shape: float,
) -> PatternCounts:
    """Count patterns, and the pairs behind them, within and across agencies."""
    codes, inverse = np.unique(pairs.pattern, return_inverse=True)
    within = agency[pairs.left] == agency[pairs.right]
    counts = np.stack(
        [np.bincount(inverse[side], minlength=len(codes)).astype(float) for side in (within, ~within)]
    )
    availability = record_availability(schema, tokens, records)
    everybody = pairs_by_class(availability)
    inside = np.zeros(CLASSES)
    for one in np.unique(agency):
        inside += pairs_by_class(availability[agency == one])
    return PatternCounts(
        codes=codes,
        counts=counts,
        availability=availability_of(codes),
        pairs=np.stack([inside, everybody - inside]),
        crowding_shape=crowding_shape,
    )


def record_availability(schema: LinkageSchema, tokens: TokenSet, records: IntArray) -> IntArray:
    """What each record could compare, as bits; the same classes as of patterns.

    Args:
        schema: The tokens' schema.
        tokens: All tokens.
        records: The token that stands for each record, shape (records,).
    """
    found = np.zeros(len(records), np.int64)
    for bit, slot_id in enumerate(("F", "C1", "C2")):
        index = schema.slot_index.get(slot_id)
        if index is not None:
            found |= (tokens.slots[records, index] != 0).astype(np.int64) << bit
    named = [index for index, slot in enumerate(schema.stored) if "sounds" in slot.shows]
    found |= (tokens.slots[records][:, named] != 0).any(axis=1).astype(np.int64) << 3
    return found


def pairs_by_class(availability: IntArray) -> FloatArray:
    """Pairs of records by what both can compare, shape (CLASSES,)."""
    sizes = np.bincount(availability, minlength=CLASSES).astype(float)
    pairs = np.zeros(CLASSES)
    for a in range(CLASSES):
        for b in range(a, CLASSES):
            pairs[a & b] += sizes[a] * (sizes[a] - 1) / 2 if a == b else sizes[a] * sizes[b]
    return pairs


def _crowding(
    schema: LinkageSchema, tokens: TokenSet, meetings: Meetings, record_count: int
) -> tuple[FloatArray, float]:
    """How crowded each record's neighbourhood is, relative to the mean: the frequency of its initials.

    Strangers whose initials agree beside another year, month or day are as frequent as the initials
    themselves, so their number is a count of them (value-specific u, "term frequency"), shrunk to the
    mean as a Gamma-Poisson rate whose shape is found by moments.

    Returns:
        Relative crowding, shape (records,), mean about 1; and the shape (0 = no probes, all 1).
    """
    near = [
        index
        for index, probe in enumerate(schema.asked)
        if probe.asks == "F" and probe.varies in ("year", "month", "day")
    ]
    selected = np.isin(meetings.asked, near)
    if not selected.any():
        return np.ones(record_count), 0.0
    left, right = tokens.record[meetings.left[selected]], tokens.record[meetings.right[selected]]
    keys = np.unique(np.minimum(left, right) * record_count + np.maximum(left, right))
    neighbours = np.bincount(np.r_[keys // record_count, keys % record_count], minlength=record_count)
    mean, variance = float(neighbours.mean()), float(neighbours.var())
    shape = mean**2 / (variance - mean) if variance > mean * 1.01 else 1e3
    return np.asarray((neighbours + shape) / (mean + shape), dtype=np.float64), shape


def _crowding_weight(pairs: PairPatterns, crowding: FloatArray) -> FloatArray:
    """Bits by which chance agreement of these two records' initials is likelier than the mean's."""
    identity = pairs.pattern // int(np.prod(PATTERN_SHAPE[1:]))
    concerned = rests_on_initials()[identity]
    both = np.log2((crowding[pairs.left] + crowding[pairs.right]) / 2)
    return np.where(concerned, both, 0.0)


@cache
def rests_on_initials() -> BoolArray:
    """Identity levels whose agreement on names is agreement on both initials."""
    concerned = np.zeros(IDENTITY_COUNT, np.bool_)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        if isinstance(level, PlainIdentity):
            concerned[code] = (
                level.initials == "both" and level.sounds in ("differ", "absent") and level.comparable
            )
        elif isinstance(level, GradedIdentity):
            concerned[code] = level.seen == "stored" and level.forename == level.surname == "other"
    return concerned


def _agency_priors(
    pairs: PairPatterns, posterior: FloatArray, agency: IntArray, priors: tuple[float, float]
) -> FloatArray:
    """The prior of each pair's agencies: how many matches they have for each pair of their records."""
    sizes = np.bincount(agency).astype(float)
    a = np.minimum(agency[pairs.left], agency[pairs.right])
    b = np.maximum(agency[pairs.left], agency[pairs.right])
    key = a * len(sizes) + b
    matches = np.bincount(key, weights=posterior, minlength=len(sizes) ** 2).reshape(len(sizes), len(sizes))
    possible = np.outer(sizes, sizes)
    np.fill_diagonal(possible, sizes * (sizes - 1) / 2)
    network = np.where(np.eye(len(sizes), dtype=np.bool_), priors[0], priors[1])
    network = np.maximum(network, 1e-15)
    own = (matches + AGENCY_PSEUDO_MATCHES) / (possible + AGENCY_PSEUDO_MATCHES / network)
    return np.asarray(np.minimum(own, 0.5)[a, b], dtype=np.float64)


def _area_weights(
    pairs: PairPatterns, posterior: FloatArray, agency: IntArray, area: IntArray, shipped_odds: float
) -> FloatArray:
    """Weight of same or different area, in bits, against what chance makes between the two agencies."""
    area_a, area_b = area[pairs.left], area[pairs.right]
    present = (area_a >= 0) & (area_b >= 0)
    if not present.any():
        return np.zeros(len(pairs))
    chance = _chance_of_same_area(agency, area)[agency[pairs.left], agency[pairs.right]]
    informative = present & (chance > UNINFORMATIVE_AREA) & (chance < 1 - UNINFORMATIVE_AREA)
    same = area_a == area_b
    sure = informative & (posterior > SURE)
    odds = _area_odds(same[sure], chance[sure], shipped_odds)
    normaliser = chance * odds + (1 - chance)
    weight = np.log2(np.where(same, odds, 1.0) / normaliser)
    return np.where(informative, weight, 0.0)


def _area_odds(same: BoolArray, chance: FloatArray, shipped_odds: float) -> float:
    """Odds ratio of the same area among matches: the root of the expected minus the observed count."""
    if not len(same):
        return shipped_odds
    usual = float(chance.mean())
    shipped_share = shipped_odds * usual / (shipped_odds * usual + 1 - usual)
    observed = (same.sum() + AREA_PSEUDO_PAIRS * shipped_share) / (len(same) + AREA_PSEUDO_PAIRS)
    low, high = 1.0, 1e6
    for _ in range(60):
        middle = (low * high) ** 0.5
        expected = (chance * middle / (chance * middle + 1 - chance)).mean()
        low, high = (middle, high) if expected < observed else (low, middle)
    return low


def _chance_of_same_area(agency: IntArray, area: IntArray) -> FloatArray:
    """Chance that a random record of one agency and one of another are in one area, by agencies."""
    agencies, areas = int(agency.max()) + 1, int(area.max()) + 1
    known = area >= 0
    table = np.zeros((agencies, areas))
    np.add.at(table, (agency[known], area[known]), 1.0)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return np.asarray(share @ share.T, dtype=np.float64)


def _against_rivals(pairs: PairPatterns, log_odds: FloatArray, agency: IntArray) -> FloatArray:
    """Posterior of each pair given the other candidates of both records in the other's agency.

    An agency knows a person by one record, as a rule. Where two of its records fit equally well, each
    is half as likely; where one stands alone, it is likelier the more people the two agencies share
    (the set posterior's 1 - pi for "none", from both sides). Rivals that are likely duplicates of each
    other support rather than exclude.
    """
    same = posteriors(log_odds)
    odds = np.exp2(np.minimum(log_odds, 60.0))
    agencies = int(agency.max()) + 1 if len(agency) else 1
    # Both ways at once: a record is now the left, now the right one of its pairs.
    mine, theirs = np.r_[pairs.left, pairs.right], np.r_[pairs.right, pairs.left]
    group = mine * agencies + agency[theirs]
    against = _rival_odds(group, theirs, np.r_[odds, odds], pairs, same).reshape(2, -1).sum(axis=0)
    share = _share_known(mine, agency[theirs], np.r_[same, same], agency)
    nobody = (1 - share).reshape(2, -1).prod(axis=0)
    rivalled = odds / (nobody + odds + against)
    # Inside an agency nothing says that a record has one duplicate at most.
    return np.asarray(np.where(agency[pairs.left] == agency[pairs.right], same, rivalled), dtype=np.float64)


def _share_known(mine: IntArray, their_agency: IntArray, same: FloatArray, agency: IntArray) -> FloatArray:
    """For each pair, the share of the record's agency that the other agency knows; 0 within an agency."""
    agencies = int(agency.max()) + 1 if len(agency) else 1
    order = np.lexsort((same, their_agency, mine))
    last = np.ones(len(order), np.bool_)
    last[:-1] = (mine[order][1:] != mine[order][:-1]) | (their_agency[order][1:] != their_agency[order][:-1])
    best = order[last]
    my_agency = agency[mine]
    known = np.zeros((agencies, agencies))
    np.add.at(known, (my_agency[best], their_agency[best]), same[best])
    share = known / np.maximum(np.bincount(agency, minlength=agencies), 1)[:, None]
    np.fill_diagonal(share, 0.0)
    return np.asarray(np.minimum(share, LARGEST_SHARE_KNOWN)[my_agency, their_agency], dtype=np.float64)


def share_known_elsewhere(pairs: RecordPairs, agency: IntArray) -> FloatArray:
    """For each agency, the share of all other agencies' records whose person it knows, shape (agencies,)."""
    agencies = int(agency.max()) + 1 if len(agency) else 0
    known = np.zeros(agencies)
    for mine, theirs in ((pairs.left, pairs.right), (pairs.right, pairs.left)):
        across = agency[mine] != agency[theirs]
        best = np.zeros((len(agency), agencies))
        np.maximum.at(best, (mine[across], agency[theirs[across]]), pairs.posterior[across])
        known += best.sum(axis=0)
    others = len(agency) - np.bincount(agency, minlength=agencies)
    return np.asarray(np.minimum(known / np.maximum(others, 1), 1.0), dtype=np.float64)


def _rival_odds(
    group: IntArray, candidate: IntArray, odds: FloatArray, pairs: PairPatterns, same: FloatArray
) -> FloatArray:
    """For each pair the summed odds of the others of its group, less those that are its duplicates."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(order) else np.zeros(0, np.int64)
    sizes = np.diff(np.r_[starts, len(order)])
    against = np.zeros(len(group))
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
    return against


def _log2_odds(prior: FloatArray) -> FloatArray:
    safe = np.clip(prior, 1e-300, 1 - 1e-12)
    return np.asarray(np.log2(safe) - np.log2(1 - safe), dtype=np.float64)
