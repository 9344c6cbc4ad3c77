"""Records compared here, in the clear and among themselves: which pairs of one caseload may be one person.

The matcher compares tokens, so records are encoded as for the hub, with every field they have and under a key
that is made for the comparison and forgotten with it: nothing of it could be compared with anything else.
Beside the weights stand similarities of the plain names (Jaro-Winkler; Winkler 1990), which only a node can
work out. They are shown and decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import jellyfish
import numpy as np

from keys.linkage import LinkageKey
from matcher.candidates import Meetings, SlotIndex, stored_meetings
from matcher.clustering import Decision, cluster
from matcher.linking import link
from matcher.model import shipped_model
from matcher.pair_evidence import explain_pairs
from matcher.schema import FIELDS, shipped_schema
from matcher.tokens import TokenSet
from node.answers import Evidence, EvidenceStep
from node.identifiers import Identifiers
from node.slots import Encoder, LinkageKeyProvider

# Below this nobody's time is well spent: nine pairs in ten and more are strangers.
LEAST_POSTERIOR = 0.10
# From here on a pair is called likely: on the synthetic county, whose truth is known, 0.97 of those are one
# person and 0.96 of the duplicates are among them (docs/benchmarks.md).
LIKELY_POSTERIOR = 0.80
# Forenames less alike than this are two names and not one written twice (jane, joan: 0.85; mark, john: 0).
TWIN_FORENAMES_BELOW = 0.80

People = Sequence[Sequence[Identifiers]]


@dataclass(frozen=True, slots=True, repr=False)
class FoundPair:
    """Two records that may be one person.

    Attributes:
        left, right: Their numbers, left < right.
        posterior: Probability that they are one person.
        forename, surname: Jaro-Winkler similarity of the names, 0 to 1; None where one has none.
        may_be_twins: Born on one day under one surname, with forenames that are not alike.
        evidence: What speaks for and against.
    """

    left: int
    right: int
    posterior: float
    forename: float | None
    surname: float | None
    may_be_twins: bool
    evidence: Evidence

    @property
    def likely(self) -> bool:
        """Whether it is more than a question."""
        return self.posterior >= LIKELY_POSTERIOR


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """What a search found: pairs in the order of records, and decisions that contradict each other."""

    pairs: tuple[FoundPair, ...]
    conflicts: tuple[Decision, ...]


def find_pairs(people: People, *, areas: Sequence[str | None], decisions: Sequence[Decision] = ()) -> Found:
    """Compare the records of one caseload with each other.

    Args:
        people: Each record's identifiers, the main ones first.
        areas: Area of each record, or None.
        decisions: What somebody decided of pairs of them.
    """
    schema = shipped_schema(FIELDS)
    encoder = Encoder(schema, LinkageKeyProvider(LinkageKey.generate(), schema.digest))
    codes = {area: code for code, area in enumerate(sorted({area for area in areas if area}))}
    tokens, identities = encode(encoder, people, areas, codes)
    agency = np.zeros(len(people), np.int64)
    meetings = meet(encoder, tokens, identities, with_probes=True)
    run = link(schema, tokens, meetings, agency=agency, shipped=shipped_model(schema), probes=True)
    area = np.array([codes.get(one or "", -1) for one in areas], np.int64)
    pairs = []
    rows = np.flatnonzero(run.pairs.posterior >= LEAST_POSTERIOR).tolist()
    explanations = explain_pairs(run.pairs, run.parameters, rows, agency=agency, area=area)
    for row, explained in zip(rows, explanations, strict=True):
        steps = tuple(EvidenceStep(one.comparison, one.level, one.weight) for one in explained.steps)
        evidence = Evidence(explained.posterior, explained.prior_bits, steps)
        pairs.append(_pair(people, int(run.pairs.left[row]), int(run.pairs.right[row]), evidence))
    clusters = cluster(run.pairs, record_count=len(people), agency=agency, decisions=decisions)
    return Found(tuple(pairs), clusters.conflicts)


def encode(
    encoder: Encoder, people: People, areas_of_people: Sequence[str | None], areas: Mapping[str, int]
) -> tuple[TokenSet, list[Identifiers]]:
    """Tokens of people with one or more identities each, and those identities in token order.

    Args:
        encoder: Under which schema and key.
        people: Each record's identifiers.
        areas_of_people: Area of each record, or None.
        areas: Code of every area; others are absent.
    """
    owner = [index for index, identities in enumerate(people) for _ in identities]
    identities = [identity for person in people for identity in person]
    columns = encoder.columns(identities)
    tokens = TokenSet(
        slots=encoder.slots(columns),
        names=encoder.names(identities, columns),
        record=np.asarray(owner, dtype=np.int64),
        area=np.asarray([areas.get(areas_of_people[index] or "", -1) for index in owner], dtype=np.int64),
    )
    return tokens, identities


def meet(
    encoder: Encoder, tokens: TokenSet, identities: Sequence[Identifiers], *, with_probes: bool
) -> Meetings:
    """All meetings of tokens with each other, by stored slots and, if wanted, by every record's probes."""
    found = list(stored_meetings(encoder.schema, tokens))
    if with_probes:
        index = SlotIndex(encoder.schema, tokens)
        columns = encoder.columns(identities)
        for asked, probe in enumerate(encoder.schema.asked):
            for rows, variants in encoder.probes(columns, probe):
                found.append(index.meetings_of_probe(asked, rows, variants))
    return Meetings.concatenate(found)


def _pair(people: People, left: int, right: int, evidence: Evidence) -> FoundPair:
    ways = [(one, other) for one in people[left] for other in people[right]]
    forename = _best(_similarity(one.forename, other.forename) for one, other in ways)
    surname = _best(_similarity(one.surname, other.surname) for one, other in ways)
    return FoundPair(
        left,
        right,
        evidence.posterior,
        forename,
        surname,
        may_be_twins=forename is not None
        and forename < TWIN_FORENAMES_BELOW
        and any(_born_alike(one, other) for one, other in ways),
        evidence=evidence,
    )


def _similarity(one: str | None, other: str | None) -> float | None:
    return None if one is None or other is None else jellyfish.jaro_winkler_similarity(one, other)


def _best(found: Iterable[float | None]) -> float | None:
    return max((one for one in found if one is not None), default=None)


def _born_alike(one: Identifiers, other: Identifiers) -> bool:
    """Whether both have one whole birth date and one surname."""
    dated = one.birth is not None and one.birth.complete and not one.birth.weak
    return dated and one.birth == other.birth and one.surname is not None and one.surname == other.surname
