"""A linking run: meetings → patterns → fitted model → posterior of every candidate pair of records.

Everything a pair's posterior depends on is counted from the tokens themselves; the result does not
depend on the order of records or on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from matcher.candidates import Meetings
from matcher.counts import CHAIN, CLASSES, NAMES, NHS_NUMBER, WEAK, WHOLE, PatternCounts
from matcher.estimation import Fit, fit
from matcher.model import Model
from matcher.patterns import PATTERN_SHAPE, PairPatterns, compare
from matcher.schema import LinkageSchema
from matcher.scoring import (
    LinkingParameters,
    RecordPairs,
    best_of_records,
    compare_areas,
    log2_odds,
    near_misses,
    near_strangers,
    relative_crowding,
    score_against_rivals,
    score_terms,
    share_known,
)
from matcher.tokens import BoolArray, FloatArray, IntArray, TokenSet
from matcher.views import View
from matcher.weights import posteriors

# An agency pair's own prior counts half as much as the network's at this many matches.
AGENCY_PSEUDO_MATCHES = 5.0
# Likewise for how much likelier matches are to be in the same area.
AREA_PSEUDO_PAIRS = 30.0
SURE = 0.99


@dataclass(frozen=True, slots=True)
class LinkingRun:
    """The outcome: scored pairs, how the model was fitted, and what later records are scored by."""

    pairs: RecordPairs
    fit: Fit
    parameters: LinkingParameters


def link(
    schema: LinkageSchema,
    tokens: TokenSet,
    meetings: Meetings,
    *,
    agency: IntArray,
    shipped: Model,
    probes: bool,
) -> LinkingRun:
    """Score every candidate pair of records.

    Args:
        schema: The tokens' schema.
        tokens: All tokens of the epoch.
        meetings: Tokens that share a stored slot or met by a probe.
        agency: Agency of each record, shape (records,).
        shipped: The model to start from and shrink to.
        probes: Whether every record's probes were asked; else stored slots alone were compared.
    """
    view = View.of(schema, probes=probes)
    seen = view.seen(shipped)
    best = best_of_records(compare(schema, tokens, tokens, meetings), tokens, seen)
    records = first_tokens(tokens)
    availability = record_availability(schema, tokens, records)
    fitted = fit(_count(availability, best, agency), shipped, view)
    weak = has_weak_date(availability)
    parameters = _parameters(best, fitted, seen, agency, area=tokens.area[records], weak=weak)
    crowding = parameters.model.crowding_shape
    fitted = replace(fitted, model=parameters.model, whole=replace(fitted.whole, crowding_shape=crowding))
    log_odds = score_terms(best, parameters, agency=agency, area=tokens.area[records]).log_odds
    known = share_known(best, posteriors(log_odds), agency, len(parameters.priors))
    posterior = score_against_rivals(best, log_odds, known, agency=agency)
    pairs = RecordPairs(best.left, best.right, best.pattern, log_odds, posterior)
    return LinkingRun(pairs, fitted, replace(parameters, known=known))


def _parameters(
    pairs: PairPatterns,
    fitted: Fit,
    shipped: Model,
    agency: IntArray,
    *,
    area: IntArray,
    weak: BoolArray,
) -> LinkingParameters:
    """What pairs are scored by, but for the shares of agencies known to others, which follow from scores."""
    within = agency[pairs.left] == agency[pairs.right]
    prior = np.where(within, fitted.priors[0], fitted.priors[1])
    weight = fitted.model.weights(pairs.pattern)
    first = posteriors(log2_odds(prior) + weight)
    priors = _agency_priors(pairs, first, agency, fitted.priors)
    strangers = near_strangers(
        pairs.pattern, log2_odds(priors[agency[pairs.left], agency[pairs.right]]) + weight
    )
    ends, twice = np.r_[pairs.left, pairs.right], np.r_[strangers, strangers]
    neighbours = np.bincount(ends, weights=twice, minlength=len(agency)).astype(np.float64)
    usual, usual_weak = (
        float(some.sum()) / max(len(some), 1) for some in (neighbours[~weak], neighbours[weak])
    )
    # Whose initials are common has them beside a weak date too.
    shape = _crowding_shape(neighbours[~weak], _met_together(pairs, first, len(agency)))
    same_area = _chance_of_same_area(agency, area)
    return LinkingParameters(
        shipped=shipped,
        model=replace(fitted.model, crowding_shape=shape),
        priors=priors,
        same_area=same_area,
        area_odds=_sure_area_odds(pairs, first, agency, area, same_area, fitted.model.area_odds),
        known=np.zeros_like(priors),
        crowding=relative_crowding(neighbours, np.where(weak, usual_weak, usual), shape),
        usual_neighbours=usual,
        usual_weak=usual_weak,
        reference_records=len(agency),
    )


def first_tokens(tokens: TokenSet) -> IntArray:
    """The first token of every record, in record order."""
    _, first = np.unique(tokens.record, return_index=True)
    return np.asarray(first, dtype=np.int64)


def _count(availability: IntArray, pairs: PairPatterns, agency: IntArray) -> PatternCounts:
    """Count patterns, and the pairs behind them, within and across agencies."""
    codes, inverse = np.unique(pairs.pattern, return_inverse=True)
    within = agency[pairs.left] == agency[pairs.right]
    counts = np.stack(
        [np.bincount(inverse[side], minlength=len(codes)).astype(float) for side in (within, ~within)]
    )
    everybody = pairs_by_class(availability)
    inside = np.zeros(CLASSES)
    for one in np.unique(agency):
        inside += pairs_by_class(availability[agency == one])
    return PatternCounts(
        codes=codes,
        counts=counts,
        pairs=np.stack([inside, everybody - inside]),
    )


def record_availability(schema: LinkageSchema, tokens: TokenSet, records: IntArray) -> IntArray:
    """What each record could compare, as bits; the same classes as of patterns.

    Args:
        schema: The tokens' schema.
        tokens: All tokens.
        records: The token that stands for each record, shape (records,).
    """
    found = np.zeros(len(records), np.int64)
    for bit, slot_id in ((WHOLE, "F"), (CHAIN, "C1"), (NHS_NUMBER, "C2"), (WEAK, "WI")):
        index = schema.slot_index.get(slot_id)
        if index is not None:
            found |= bit * (tokens.slots[records, index] != 0).astype(np.int64)
    named = [index for index, slot in enumerate(schema.stored) if "sounds" in slot.shows]
    found |= (tokens.slots[records][:, named] != 0).any(axis=1).astype(np.int64) * NAMES
    return found


def has_weak_date(availability: IntArray) -> BoolArray:
    """Whether a year is all that is known of each record's date, shape (records,)."""
    return np.asarray((availability & (WEAK | WHOLE)) == WEAK, dtype=np.bool_)


def pairs_by_class(availability: IntArray) -> FloatArray:
    """Pairs of records by what both can compare, shape (CLASSES,)."""
    sizes = np.bincount(availability, minlength=CLASSES).astype(float)
    pairs = np.zeros(CLASSES)
    for a in range(CLASSES):
        for b in range(a, CLASSES):
            pairs[a & b] += sizes[a] * (sizes[a] - 1) / 2 if a == b else sizes[a] * sizes[b]
    return pairs


def _met_together(pairs: PairPatterns, posterior: FloatArray, records: int) -> float:
    """How many records of one stranger are near misses at once: that one and those that say the same date."""
    identity = pairs.pattern // int(np.prod(PATTERN_SHAPE[1:]))
    same = posterior[~near_misses()[identity]].sum()
    return 1.0 + 2 * float(same) / max(records, 1)


def _crowding_shape(neighbours: FloatArray, together: float) -> float:
    """Pseudo-neighbours that say how common initials are before any is counted; 0 = nobody asked, not known.

    By moments. People are spread by a Gamma distribution of this mean and shape, and each is met as often as
    records of him are (`together`), so that the counts vary more than a Poisson's by that much and tell less.
    """
    if not neighbours.any():
        return 0.0
    mean, variance = float(neighbours.mean()), float(neighbours.var())
    by_chance = together * mean
    return together * mean**2 / (variance - by_chance) if variance > by_chance * 1.01 else 1e3


def _agency_priors(
    pairs: PairPatterns, posterior: FloatArray, agency: IntArray, priors: tuple[float, float]
) -> FloatArray:
    """The prior by agencies, shape (agencies, agencies): the network's, as far as theirs are more or fewer.

    The network's prior counts matches that no search meets as well; what agencies have met is compared with
    what all have met.
    """
    sizes = np.bincount(agency).astype(float)
    a = np.minimum(agency[pairs.left], agency[pairs.right])
    b = np.maximum(agency[pairs.left], agency[pairs.right])
    key = a * len(sizes) + b
    met = np.bincount(key, weights=posterior, minlength=len(sizes) ** 2).reshape(len(sizes), len(sizes))
    possible = np.triu(np.outer(sizes, sizes))
    np.fill_diagonal(possible, sizes * (sizes - 1) / 2)
    own = np.zeros(met.shape)
    for stratum, prior in zip((np.eye(len(sizes)), np.triu(np.ones(met.shape), 1)), priors, strict=True):
        usual = possible * (met * stratum).sum() / max(float((possible * stratum).sum()), 1.0)
        own += stratum * prior * (met + AGENCY_PSEUDO_MATCHES) / (usual + AGENCY_PSEUDO_MATCHES)
    upper = np.clip(own, 1e-15, 0.5)
    return np.asarray(np.triu(upper) + np.triu(upper, 1).T, dtype=np.float64)


def _chance_of_same_area(agency: IntArray, area: IntArray) -> FloatArray:
    """Chance that a random record of one agency and one of another are in one area, by agencies."""
    agencies, areas = int(agency.max(initial=-1)) + 1, int(area.max(initial=-1)) + 1
    known = area >= 0
    table = np.zeros((agencies, areas))
    np.add.at(table, (agency[known], area[known]), 1.0)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return np.asarray(share @ share.T, dtype=np.float64)


def _sure_area_odds(
    pairs: PairPatterns,
    posterior: FloatArray,
    agency: IntArray,
    area: IntArray,
    same_area: FloatArray,
    shipped_odds: float,
) -> float:
    """Odds ratio of the same area among pairs that are sure without it."""
    chance = same_area[agency[pairs.left], agency[pairs.right]]
    informative, same = compare_areas(area[pairs.left], area[pairs.right], chance)
    sure = informative & (posterior > SURE)
    return _area_odds(same[sure], chance[sure], shipped_odds)


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
