"""Records that come later: scored by what the last linking run found, without linking again.

The parameters are held, so a record gets the same pairs, weights and posteriors whether it comes alone, with
others or in a full run by the same parameters. What grows is the list of pairs; pairs that were there before
change only where a new record is their rival. When to estimate anew is for the caller to say.

Probes are asked by one side: a record with an incomplete date asks for the whole one, not the other way
round. For the same pairs as in a full run, whatever would have asked there must have asked here, in whichever
direction. Stored slots meet alike from both sides.

A record that has changed is one that leaves and one that comes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from matcher.candidates import Meetings, SlotIndex, stored_meetings
from matcher.errors import ModelParameterError, TokenFormatError
from matcher.linking import LinkingRun, first_tokens, has_weak_date, record_availability
from matcher.patterns import PairPatterns, compare
from matcher.schema import LinkageSchema
from matcher.scoring import (
    LinkingParameters,
    RecordPairs,
    best_of_records,
    log2_odds,
    near_strangers,
    relative_crowding,
    score_against_rivals,
    score_terms,
)
from matcher.tokens import BoolArray, FloatArray, IntArray, TokenSet


@dataclass(frozen=True, slots=True)
class LinkedIndex:
    """An index whose pairs are scored.

    Attributes:
        pairs: All candidate pairs so far.
        parameters: What they are scored by; `crowding` covers all records so far.
        record_count: Records so far.
    """

    pairs: RecordPairs
    parameters: LinkingParameters
    record_count: int

    @staticmethod
    def of_run(run: LinkingRun) -> LinkedIndex:
        """The index as a linking run leaves it."""
        return LinkedIndex(run.pairs, run.parameters, run.parameters.reference_records)


def meetings_of_new(index: SlotIndex, new: TokenSet) -> Meetings:
    """Meetings by equal stored slots of new tokens with the index and with each other.

    A value that only now is shared by more than `LARGEST_GROUP` tokens keeps the pairs it has made.

    Returns:
        Token indexes as if the new tokens followed those of the index.
    """
    across = index.meetings_of_slots(new)
    among = Meetings.concatenate(stored_meetings(index.schema, new))
    first = len(index.tokens)
    return Meetings.concatenate(
        [
            Meetings(across.right, across.left + first, across.asked),
            Meetings(among.left + first, among.right + first, among.asked),
        ]
    )


def score_new_records(
    schema: LinkageSchema, tokens: TokenSet, meetings: Meetings, *, agency: IntArray, linked: LinkedIndex
) -> LinkedIndex:
    """Score the records that an index has gained.

    Args:
        schema: The tokens' schema.
        tokens: All tokens; the records of the index keep their numbers, new ones follow.
        meetings: Of new records' tokens with any others', by stored slot (`meetings_of_new`) or probe.
        agency: Agency of each record, shape (records,).
        linked: The index before.

    Returns:
        The index after, its old pairs weighed against new rivals.

    Raises:
        ModelParameterError: A record's agency was unknown when the parameters were estimated.
        TokenFormatError: There are fewer records than before, not one agency a record, or records of the
            index meet each other again.
    """
    _require_valid(tokens, meetings, agency, linked)
    best = best_of_records(compare(schema, tokens, tokens, meetings), tokens, linked.parameters.shipped)
    records = first_tokens(tokens)
    weak = has_weak_date(record_availability(schema, tokens, records))
    parameters = _with_crowding(best, agency, weak, linked.parameters)
    area = tokens.area[records]
    log_odds = score_terms(best, parameters, agency=agency, area=area).log_odds
    pairs = _merged(linked.pairs, best, log_odds)
    concerned = np.zeros(len(agency), np.bool_)
    concerned[best.left] = concerned[best.right] = True
    return LinkedIndex(_weighed_again(pairs, parameters, agency, concerned), parameters, len(agency))


def without_records(linked: LinkedIndex, *, gone: BoolArray, agency: IntArray) -> LinkedIndex:
    """Take records out of an index, the others numbered anew in their order.

    Pairs of records that have lost a rival are weighed again. What the parameters were counted from stays
    counted: that is for the next full run.

    Args:
        linked: The index before.
        gone: Which records leave, shape (records,).
        agency: Agency of each record before, shape (records,).

    Raises:
        TokenFormatError: Not one entry a record.
    """
    if gone.shape != (linked.record_count,) or agency.shape != gone.shape:
        raise TokenFormatError("records: whether each leaves, and its agency, are needed")
    pairs, parameters = linked.pairs, linked.parameters
    lost = gone[pairs.left] | gone[pairs.right]
    bereft = _reached(pairs, lost, linked.record_count)
    number = np.cumsum(~gone) - 1
    kept = RecordPairs(
        left=number[pairs.left[~lost]],
        right=number[pairs.right[~lost]],
        pattern=pairs.pattern[~lost],
        log_odds=pairs.log_odds[~lost],
        posterior=pairs.posterior[~lost],
    )
    held = replace(
        parameters,
        crowding=parameters.crowding[~gone[: len(parameters.crowding)]],
        reference_records=int((~gone[: parameters.reference_records]).sum()),
    )
    return LinkedIndex(_weighed_again(kept, held, agency[~gone], bereft[~gone]), held, int((~gone).sum()))


def _require_valid(tokens: TokenSet, meetings: Meetings, agency: IntArray, linked: LinkedIndex) -> None:
    if tokens.record_count < linked.record_count or agency.shape != (tokens.record_count,):
        raise TokenFormatError("records: those of the index come first, each with its agency")
    if agency.max(initial=-1) >= len(linked.parameters.priors):
        raise ModelParameterError("agency: one that the parameters were not estimated with")
    newest = np.maximum(tokens.record[meetings.left], tokens.record[meetings.right])
    if (newest < linked.record_count).any():
        raise TokenFormatError("meetings: records of the index meet each other again")


def _with_crowding(
    pairs: PairPatterns, agency: IntArray, weak: BoolArray, parameters: LinkingParameters
) -> LinkingParameters:
    """Count how common new records' initials are, among the records the parameters were counted from."""
    counted, count = len(parameters.crowding), len(agency)
    if counted >= count:
        return parameters
    prior = log2_odds(parameters.priors[agency[pairs.left], agency[pairs.right]])
    strangers = near_strangers(pairs.pattern, prior + parameters.model.weights(pairs.pattern))
    seen = (pairs.left < parameters.reference_records) & (pairs.right >= counted)
    counts = np.bincount(pairs.right[seen], weights=strangers[seen], minlength=count)
    neighbours = counts[counted:].astype(np.float64)
    usual = np.where(weak[counted:], parameters.usual_weak, parameters.usual_neighbours)
    crowding = relative_crowding(neighbours, usual, parameters.model.crowding_shape)
    return replace(parameters, crowding=np.r_[parameters.crowding, crowding])


def _merged(before: RecordPairs, new: PairPatterns, log_odds: FloatArray) -> RecordPairs:
    """Old and new pairs in ascending order; the new ones have no posterior yet."""
    left, right = np.r_[before.left, new.left], np.r_[before.right, new.right]
    order = np.lexsort((right, left))
    return RecordPairs(
        left=left[order],
        right=right[order],
        pattern=np.r_[before.pattern, new.pattern][order],
        log_odds=np.r_[before.log_odds, log_odds][order],
        posterior=np.r_[before.posterior, np.zeros(len(log_odds))][order],
    )


def _weighed_again(
    pairs: RecordPairs, parameters: LinkingParameters, agency: IntArray, concerned: BoolArray
) -> RecordPairs:
    """Weigh the pairs of the records concerned against their rivals again.

    A pair's rivals are pairs of its two records, and whether two rivals are one person is said by a pair
    between them: everything lies within two steps of the records concerned.
    """
    again = concerned[pairs.left] | concerned[pairs.right]
    near = _reached(pairs, again, len(agency))
    nearby = _reached(pairs, near[pairs.left] | near[pairs.right], len(agency))
    rows = np.flatnonzero(nearby[pairs.left] & nearby[pairs.right])
    around = PairPatterns(pairs.left[rows], pairs.right[rows], pairs.pattern[rows])
    found = score_against_rivals(around, pairs.log_odds[rows], parameters.known, agency=agency)
    posterior = pairs.posterior.copy()
    posterior[rows] = np.where(again[rows], found, posterior[rows])
    return replace(pairs, posterior=posterior)


def _reached(pairs: RecordPairs, chosen: BoolArray, record_count: int) -> BoolArray:
    """Records that some of the pairs are of, shape (records,)."""
    reached = np.zeros(record_count, np.bool_)
    reached[pairs.left[chosen]] = reached[pairs.right[chosen]] = True
    return reached
