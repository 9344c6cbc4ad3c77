"""Matching at the hub: candidates → evidence for each case and agency.

Work is done for every agency alike, whatever may be disclosed later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.candidates import Candidates
from hub.estimation import Weighing
from hub.models import Agency, SharedArea
from hub.questions import PreparedCases
from hub.tags import Int64Array
from matcher.decisions import Designation, Thresholds, decide
from matcher.lookups import Explanation, score_lookups
from matcher.patterns import PairPatterns
from matcher.schema import LinkageSchema
from matcher.tokens import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Holder:
    """An agency that is asked, and how many records it shares: in all, and by area."""

    agency: str
    records: int
    areas: Mapping[str, int]


@dataclass(frozen=True, slots=True, repr=False)
class Match:
    """The record of an agency that best fits a case, at or above the threshold of possibly known.

    `others` are the handles of its further records that are likely the same person.
    """

    handle: str
    others: tuple[str, ...]
    designation: Designation
    explanation: Explanation


def match_cases(
    prepared: PreparedCases,
    candidates: Candidates,
    *,
    schema: LinkageSchema,
    weighing: Weighing,
    holders: Sequence[Holder],
    thresholds: Thresholds,
    told: BoolArray | None = None,
    crowded: BoolArray | None = None,
) -> dict[tuple[int, str], Match]:
    """Who knows whom: the matches of every case at every holder, by (case, agency).

    Args:
        prepared: The question.
        candidates: Whom it found.
        schema: The current epoch's.
        weighing: The model that weighs the evidence.
        holders: The agencies asked, in the order of their ids.
        thresholds: From which posterior on an answer is possible, and known.
        told: Which records a case may be told of, shape (cases, records): nothing of the others, neither
            evidence nor number, then enters what comes out. Without it, all.
        crowded: As `matcher.lookups.score_lookups` takes it.
    """
    if not candidates.records:
        return {}
    pairs = candidates.pairs
    if told is not None:
        case, record = prepared.tokens.record[pairs.left], candidates.tokens.record[pairs.right]
        kept = told[case, record]
        pairs = PairPatterns(pairs.left[kept], pairs.right[kept], pairs.pattern[kept])
    met = np.unique(candidates.tokens.record[pairs.right])
    scores = score_lookups(
        schema,
        weighing.model,
        cases=prepared.tokens,
        candidates=candidates.tokens,
        pairs=pairs,
        holder_of_record=candidates.holder,
        holder_sizes=_sizes(holders, candidates.holder[met]),
        holder_areas=_areas(holders, candidates.areas),
        holder_known=_known(holders, weighing.known),
        crowded=crowded,
    )
    matches: dict[tuple[int, str], Match] = {}
    for case, column in zip(*np.nonzero(scores.posterior >= thresholds.possibly), strict=True):
        best = int(scores.best_record[case, column])
        explanation = scores.explain(int(case), int(column))
        designation = decide(float(scores.posterior[case, column]), thresholds)
        if best < 0 or explanation is None or designation is Designation.NON_LINK:
            continue
        row, others = candidates.records[best], candidates.others(best)
        matches[int(case), row.agency] = Match(row.handle, others, designation, explanation)
    return matches


def _sizes(holders: Sequence[Holder], holder_of_record: Int64Array) -> Int64Array:
    """Records each holder shares; at least those seen, for a push may be under way."""
    seen = np.bincount(holder_of_record, minlength=len(holders))
    return np.maximum(np.maximum([holder.records for holder in holders], seen), 1).astype(np.int64)


def _areas(holders: Sequence[Holder], areas: Mapping[str, int]) -> FloatArray:
    """Records of each holder in each area, shape (holders, areas)."""
    counts = np.zeros((len(holders), len(areas)))
    for row, holder in enumerate(holders):
        for area, records in holder.areas.items():
            counts[row, areas[area]] = records
    return counts


def _known(holders: Sequence[Holder], known: Mapping[str, float] | None) -> FloatArray | None:
    """Share of the network's people that each holder knows; None unless it is known of all of them."""
    if known is None or not all(holder.agency in known for holder in holders):
        return None
    return np.array([known[holder.agency] for holder in holders], dtype=np.float64)


def areas_of(holders: Sequence[Holder]) -> list[str]:
    """All areas where any of them has records."""
    return sorted({area for holder in holders for area in holder.areas})


def read_holders(session: Session, agencies: Sequence[Agency]) -> list[Holder]:
    """What matching needs to know of the agencies asked, in their order."""
    areas: dict[str, dict[str, int]] = {row.agency: {} for row in agencies}
    for row in session.scalars(select(SharedArea)):
        if row.agency in areas:
            areas[row.agency][row.area] = row.records
    return [Holder(row.agency, row.shared_records, areas[row.agency]) for row in agencies]
