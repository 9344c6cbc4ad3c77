"""Decisions as labels: how often links are right, as far as people have looked.

People are asked about the most uncertain pairs first. So what these figures say of a threshold is said of
pairs that were hard to tell, not of all: it is worse than linking is. By strata of the posterior, with how
many pairs there are in each, that can be seen, and weighed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sqlalchemy.orm import Session

from hub.errors import NotInitialisedError
from hub.linking_index import Reference
from hub.linking_models import LinkRun, LinkState
from hub.linking_state import Scored, is_scored, load_scored
from hub.pair_decisions import Ends, standing_decisions
from matcher.evaluation import Share, share_of
from matcher.tokens import BoolArray, FloatArray

THRESHOLDS = (0.50, 0.80, 0.95)
STRATA = (0.10, 0.50, 0.80, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """Of the decided pairs: how many links are one person, and how many who are one person are links."""

    threshold: float
    precision: Share
    recall: Share


@dataclass(frozen=True, slots=True)
class Stratum:
    """Pairs across agencies with a posterior from `low` to below `high`, and how many were decided `same`."""

    low: float
    high: float
    pairs: int
    same: Share


@dataclass(frozen=True, slots=True)
class Labels:
    """What decisions say of the last run.

    Attributes:
        same, different: Pairs that stand decided so.
        contradictory: Pairs on which the two agencies contradict each other; they count for nothing.
        outdated: Pairs of which the data have changed since.
        thresholds: Precision and recall of the decided pairs.
        strata: The pairs of all agencies by posterior.
    """

    same: int
    different: int
    contradictory: int
    outdated: int
    thresholds: Sequence[AtThreshold]
    strata: Sequence[Stratum]


def measure_decisions(session: Session) -> Labels:
    """Hold the posteriors of the last run against what people decided.

    Raises:
        NotInitialisedError: There was no full run in this epoch yet.
    """
    run = session.get_one(LinkState, 1).run
    row = None if run is None else session.get_one(LinkRun, run)
    if row is None or not is_scored(session, row):
        raise NotInitialisedError("nothing to measure: there was no full linking run in this epoch yet")
    scored, standing = load_scored(session, row), standing_decisions(session)
    labels = {ends: one.same for ends, one in standing.items() if one.same is not None}
    posterior, is_same = _posteriors(scored, labels)
    return Labels(
        same=int(is_same.sum()),
        different=int((~is_same).sum()),
        contradictory=sum(one.contradicts for one in standing.values()),
        outdated=sum(not one.holding for one in standing.values()),
        thresholds=[_at(threshold, posterior, is_same) for threshold in THRESHOLDS],
        strata=_strata(scored, posterior, is_same),
    )


def _posteriors(scored: Scored, labels: Mapping[Ends, bool]) -> tuple[FloatArray, BoolArray]:
    """Posterior of each decided pair whose records are there, 0 where it is no candidate, and its label."""
    wanted = {end for ends in labels for end in ends}
    number: dict[Reference, int] = {one: n for n, one in enumerate(scored.references) if one in wanted}
    there = {ends: same for ends, same in labels.items() if number.keys() >= set(ends)}
    pairs, count = scored.linked.pairs, len(scored.references)
    keys = pairs.left * count + pairs.right  # Ascending, as the pairs are.
    asked = np.array([min(n) * count + max(n) for n in (_numbers(number, ends) for ends in there)], np.int64)
    at = np.searchsorted(keys, asked)
    found = np.zeros(len(asked), np.bool_)
    inside = at < len(keys)
    found[inside] = keys[at[inside]] == asked[inside]
    posterior = np.zeros(len(asked))
    posterior[found] = pairs.posterior[at[found]]
    return posterior, np.array(list(there.values()), np.bool_)


def _numbers(number: Mapping[Reference, int], ends: Ends) -> tuple[int, int]:
    return number[ends[0]], number[ends[1]]


def _at(threshold: float, posterior: FloatArray, is_same: BoolArray) -> AtThreshold:
    link = posterior >= threshold
    right = int((link & is_same).sum())
    return AtThreshold(threshold, share_of(right, int(link.sum())), share_of(right, int(is_same.sum())))


def _strata(scored: Scored, posterior: FloatArray, is_same: BoolArray) -> list[Stratum]:
    code = {agency: number for number, agency in enumerate(scored.agencies)}
    agency = np.array([code[name] for name, _ in scored.references], np.int64)
    pairs = scored.linked.pairs
    every = pairs.posterior[agency[pairs.left] != agency[pairs.right]]
    found = []
    for low, high in pairwise((*STRATA, np.inf)):
        decided = (posterior >= low) & (posterior < high)
        same = share_of(int((decided & is_same).sum()), int(decided.sum()))
        found.append(Stratum(low, min(high, 1.0), int(((every >= low) & (every < high)).sum()), same))
    return found
