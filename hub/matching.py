"""Matching at the hub: a question's tags → candidate tokens in the index → evidence for each case and agency.

Work is done for every agency alike, whatever may be disclosed later. One query finds who shares a tag, one
fetches their tokens; the rest is arrays. Nothing of the question is stored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub.decoding import decode_tokens, decode_variants
from hub.errors import MalformedError
from hub.estimation import Weighing
from hub.lookup_schemas import WireCase
from hub.models import Agency, SharedArea
from hub.tags import Int64Array, Pepper
from matcher.decisions import Designation, Thresholds, decide
from matcher.lookups import Explanation, Hits, score_lookups
from matcher.schema import LinkageSchema
from matcher.tokens import FloatArray, TokenSet

STORED = -1  # A hit on an equal stored slot, not on a probe.
ABSENT_AREA = -1
# A token has about 270 variants. More would make one case a search for many people.
VARIANTS_PER_TOKEN = 512

FIND_SQLITE = text(
    "SELECT tags.tag, tags.token FROM json_each(:tags) AS asked CROSS JOIN tags ON tags.tag = asked.value"
)
# Without fresh statistics (right after a push) the planner would read the whole index of tags instead of
# asking it 4,000 times, which takes eight times as long.
NO_SCAN_POSTGRESQL = text("SET LOCAL enable_seqscan = off")
FIND_POSTGRESQL = text("SELECT tag, token FROM tags WHERE tag = ANY(CAST(:tags AS bigint[]))")
FETCH = (
    "SELECT tokens.token, tokens.tags, tokens.names,"
    " records.record, records.agency, records.area, records.handle"
    " FROM tokens JOIN records ON records.record = tokens.record"
    " WHERE tokens.token {among} AND records.agency <> :asker ORDER BY tokens.token"
)
FETCH_SQLITE = text(FETCH.format(among="IN (SELECT value FROM json_each(:tokens))"))
FETCH_POSTGRESQL = text(FETCH.format(among="= ANY(CAST(:tokens AS bigint[]))"))


@dataclass(frozen=True, slots=True, repr=False)
class PreparedCases:
    """A question as the index understands it.

    Attributes:
        tokens: The cases' tokens, peppered; `record` is the case.
        areas: Code of each area named so far.
        tags: Every tag asked for, sorted, shape (n,), int64.
        token: The case token each tag stands for, shape (n,).
        asked: Index of the probe it was asked under, or -1 for a stored slot, shape (n,).
    """

    tokens: TokenSet
    areas: dict[str, int]
    tags: Int64Array
    token: Int64Array
    asked: Int64Array


@dataclass(frozen=True, slots=True)
class Holder:
    """An agency that is asked, and how many records it shares: in all, and by area."""

    agency: str
    records: int
    areas: Mapping[str, int]


@dataclass(frozen=True, slots=True, repr=False)
class Match:
    """The record of an agency that best fits a case, at or above the threshold of possibly known.

    `others` are the handles of its further records that are likely the same person: the agency may keep
    somebody twice, and what one record forbids the other must not tell.
    """

    record: int
    handle: str
    others: tuple[str, ...]
    designation: Designation
    explanation: Explanation


def prepare_cases(cases: Sequence[WireCase], *, schema: LinkageSchema, pepper: Pepper) -> PreparedCases:
    """Check and pepper a question; needs no database.

    Raises:
        MalformedError: A token, probe or variant is not in its form.
    """
    wire = [token for case in cases for token in case.tokens]
    case_of_token = np.repeat(np.arange(len(cases)), [len(case.tokens) for case in cases])
    decoded = decode_tokens(wire, schema, field="cases.tokens")
    slots = pepper.token_tags(decoded.slots, schema)
    areas: dict[str, int] = {}
    codes = np.array([_area_code(areas, case.area) for case in cases], dtype=np.int64)
    tokens = TokenSet(
        slots=slots,
        names=pepper.permute_names(decoded.names, schema),
        record=case_of_token.astype(np.int64),
        area=codes[case_of_token],
    )
    parts = [_stored_tags(tokens, schema), *_probe_tags(cases, schema, pepper)]
    tags, token, asked = (np.concatenate([part[n] for part in parts]) for n in range(3))
    order = np.argsort(tags, kind="stable")
    return PreparedCases(tokens, areas, tags[order], token[order], asked[order])


def match_cases(
    session: Session,
    prepared: PreparedCases,
    *,
    schema: LinkageSchema,
    weighing: Weighing,
    asker: str,
    holders: Sequence[Holder],
    thresholds: Thresholds,
) -> dict[tuple[int, str], Match]:
    """Who knows whom: the matches of every case at every holder, by (case, agency).

    Args:
        session: A reading session.
        prepared: The question.
        schema: The current epoch's.
        weighing: The model that weighs the evidence.
        asker: The asking agency, whose own records are left out.
        holders: The agencies asked, in the order of their ids.
        thresholds: From which posterior on an answer is possible, and known.
    """
    found_tags, found_tokens = _find(session, prepared.tags)
    rows = _fetch(session, found_tokens, asker=asker)
    if not rows:
        return {}
    number = {holder.agency: n for n, holder in enumerate(holders)}
    records = sorted({row.record for row in rows if row.agency in number})
    index_of_record = {record: n for n, record in enumerate(records)}
    rows = [row for row in rows if row.record in index_of_record]
    owner = {row.record: row for row in rows}
    holder_of_record = np.array([number[owner[record].agency] for record in records], dtype=np.int64)
    areas = dict(prepared.areas)
    for holder in holders:
        for area in holder.areas:
            _area_code(areas, area)
    candidates = _candidates(rows, index_of_record, schema=schema, areas=areas)
    scores = score_lookups(
        schema,
        weighing.model,
        cases=prepared.tokens,
        candidates=candidates,
        hits=_hits(prepared, found_tags, found_tokens, [row.token for row in rows]),
        holder_of_record=holder_of_record,
        holder_sizes=_sizes(holders, holder_of_record),
        holder_areas=_areas(holders, areas),
        holder_known=_known(holders, weighing.known),
    )
    matches: dict[tuple[int, str], Match] = {}
    for case, column in zip(*np.nonzero(scores.posterior >= thresholds.possibly), strict=True):
        best = int(scores.best_record[case, column])
        explanation = scores.explain(int(case), int(column))
        designation = decide(float(scores.posterior[case, column]), thresholds)
        if best < 0 or explanation is None or designation is Designation.NON_LINK:
            continue
        row = owner[records[best]]
        fitting = scores.fitting(int(case), int(column)).tolist()
        others = tuple(sorted(owner[records[n]].handle for n in fitting if n != best))
        matches[int(case), row.agency] = Match(row.record, row.handle, others, designation, explanation)
    return matches


def _stored_tags(tokens: TokenSet, schema: LinkageSchema) -> tuple[Int64Array, Int64Array, Int64Array]:
    searched = np.flatnonzero([slot.search for slot in schema.stored])
    columns = tokens.slots[:, searched]
    token, column = np.nonzero(columns)
    tags = columns[token, column].view(np.int64)
    return tags, token.astype(np.int64), np.full(len(tags), STORED, dtype=np.int64)


def _probe_tags(
    cases: Sequence[WireCase], schema: LinkageSchema, pepper: Pepper
) -> list[tuple[Int64Array, Int64Array, Int64Array]]:
    """Tags of all variants, one run of HMACs for each stored slot that is asked about."""
    variants: dict[str, list[bytes]] = {}
    tokens: dict[str, list[int]] = {}
    asked: dict[str, list[int]] = {}
    first_token = 0
    for number, case in enumerate(cases):
        counts = [0] * len(case.tokens)
        for probe in case.probes:
            field = f"cases.{number}.probes"
            index = schema.probe_index.get(probe.probe)
            if index is None:
                raise MalformedError(f"{field}.probe: not a probe of the schema")
            if probe.token >= len(counts):
                raise MalformedError(f"{field}.token: the case has no such token")
            slots = decode_variants(probe.variants, field=f"{field}.variants")
            counts[probe.token] += len(slots)
            if counts[probe.token] > VARIANTS_PER_TOKEN:
                raise MalformedError(f"{field}: more than {VARIANTS_PER_TOKEN} variants of one token")
            slot_id = schema.asked[index].asks
            variants.setdefault(slot_id, []).extend(slots)
            tokens.setdefault(slot_id, []).extend([first_token + probe.token] * len(slots))
            asked.setdefault(slot_id, []).extend([index] * len(slots))
        first_token += len(case.tokens)
    return [
        (
            pepper.tags(slot_id, variants[slot_id]),
            np.array(tokens[slot_id], dtype=np.int64),
            np.array(asked[slot_id], dtype=np.int64),
        )
        for slot_id in variants
    ]


def _find(session: Session, tags: Int64Array) -> tuple[Int64Array, Int64Array]:
    if _is_sqlite(session):
        rows = session.execute(FIND_SQLITE, {"tags": _array(session, tags)}).all()
    else:
        session.execute(NO_SCAN_POSTGRESQL)
        rows = session.execute(FIND_POSTGRESQL, {"tags": _array(session, tags)}).all()
    pairs = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(len(rows), 2)
    return pairs[:, 0], pairs[:, 1]


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _array(session: Session, numbers: Int64Array) -> str:
    """Distinct numbers as one parameter, in text: thousands in a list adapt ten times slower."""
    wanted = np.unique(numbers).tolist()
    return json.dumps(wanted) if _is_sqlite(session) else "{" + ",".join(map(str, wanted)) + "}"


@dataclass(frozen=True, slots=True, repr=False)
class _Row:
    token: int
    tags: bytes
    names: bytes
    record: int
    agency: str
    area: str | None
    handle: str


def _fetch(session: Session, tokens: Int64Array, *, asker: str) -> list[_Row]:
    statement = FETCH_SQLITE if _is_sqlite(session) else FETCH_POSTGRESQL
    rows = session.execute(statement, {"tokens": _array(session, tokens), "asker": asker})
    return [_Row(*row) for row in rows]


def _candidates(
    rows: Sequence[_Row], index_of_record: dict[int, int], *, schema: LinkageSchema, areas: dict[str, int]
) -> TokenSet:
    n = len(rows)
    tags = np.frombuffer(b"".join(row.tags for row in rows), dtype=">u8")
    names = np.frombuffer(b"".join(row.names for row in rows), dtype=np.uint8)
    return TokenSet(
        slots=tags.astype(np.uint64).reshape(n, len(schema.stored)),
        names=names.reshape(n, schema.names_bits // 8),
        record=np.array([index_of_record[row.record] for row in rows], dtype=np.int64),
        area=np.array([_area_code(areas, row.area) for row in rows], dtype=np.int64),
    )


def _hits(
    prepared: PreparedCases, found_tags: Int64Array, found_tokens: Int64Array, tokens: Sequence[int]
) -> Hits:
    """Every (case token, candidate token, probe) that shares a tag, each once."""
    kept = np.isin(found_tokens, tokens)
    found_tags, found_tokens = found_tags[kept], found_tokens[kept]
    candidate = np.searchsorted(np.array(tokens, dtype=np.int64), found_tokens)
    first = np.searchsorted(prepared.tags, found_tags, side="left")
    counts = np.searchsorted(prepared.tags, found_tags, side="right") - first
    # Positions first, first + 1, ... for each found tag: one run for everyone who asked for it.
    position = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    asked = prepared.asked[position] - STORED
    met = np.stack([prepared.token[position], np.repeat(candidate, counts), asked])
    # As one number each: to sort columns of three takes ten times as long.
    extent = tuple(met.max(axis=1, initial=0) + 1)
    triples = np.unravel_index(np.unique(np.ravel_multi_index(tuple(met), extent)), extent)
    return Hits(case_token=triples[0], candidate_token=triples[1], asked=triples[2] + STORED)


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


def read_holders(session: Session, agencies: Sequence[Agency]) -> list[Holder]:
    """What matching needs to know of the agencies asked, in their order."""
    areas: dict[str, dict[str, int]] = {row.agency: {} for row in agencies}
    for row in session.scalars(select(SharedArea)):
        if row.agency in areas:
            areas[row.agency][row.area] = row.records
    return [Holder(row.agency, row.shared_records, areas[row.agency]) for row in agencies]


def _area_code(areas: dict[str, int], area: str | None) -> int:
    if area is None:
        return ABSENT_AREA
    return areas.setdefault(area, len(areas))
