"""Candidates: every record in the index that shares a tag with a question, whoever may be told of it.

One query finds who shares a tag, one fetches their tokens; the rest is arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.big_arrays import as_parameter
from hub.estimation import Weighing
from hub.questions import STORED, PreparedCases, area_code
from hub.tags import Int64Array
from matcher.candidates import Meetings
from matcher.lookups import same_person
from matcher.patterns import PairPatterns, compare
from matcher.schema import LinkageSchema
from matcher.tokens import TokenSet

# Prior that two of an agency's records that one question finds are one person: it finds some twenty of an
# agency's, and perhaps one person in fifty is kept twice. Too high withholds; too low tells.
KEPT_TWICE = 1e-3

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
class Row:
    """A token in the index, and whose it is."""

    token: int
    tags: bytes
    names: bytes
    record: int
    agency: str
    area: str | None
    handle: str


@dataclass(frozen=True, slots=True, repr=False)
class Candidates:
    """Records that share a tag with a question.

    Attributes:
        records: A row of each.
        tokens: Their tokens, by the records' places.
        holder: Of each record, as a place among the holders, shape (records,).
        pairs: Tokens of cases (left) and candidates (right) that met, compared.
        twice: Of records that are likely one person with others of their agency, those others, by their own
            tokens: a question may put two people together in one case.
        areas: Codes of area names.
    """

    records: list[Row]
    tokens: TokenSet
    holder: Int64Array
    pairs: PairPatterns
    twice: Mapping[int, Sequence[int]]
    areas: dict[str, int]

    def others(self, record: int) -> tuple[str, ...]:
        """Handles of a record's agency's other records of the same person.

        The agency may keep somebody twice, and what one record forbids the other must not tell.
        """
        return tuple(sorted(self.records[n].handle for n in self.twice.get(record, ())))


def find_candidates(
    session: Session,
    prepared: PreparedCases,
    *,
    schema: LinkageSchema,
    weighing: Weighing,
    asker: str,
    agencies: Sequence[str],
    areas: Iterable[str],
) -> Candidates:
    """All records that share a tag with any case.

    Args:
        session: A reading session.
        prepared: The question.
        schema: The current epoch's.
        weighing: The model that weighs the evidence.
        asker: The asking agency, whose own records are left out.
        agencies: Those asked, in the order of their ids.
        areas: All areas where they have records.
    """
    found_tags, found_tokens = _find(session, prepared.tags)
    number = {agency: n for n, agency in enumerate(agencies)}
    rows = [row for row in _fetch(session, found_tokens, asker=asker) if row.agency in number]
    first_rows = {row.record: row for row in rows}
    records = [first_rows[record] for record in sorted(first_rows)]
    index_of_record = {row.record: n for n, row in enumerate(records)}
    codes = dict(prepared.areas)
    for area in areas:
        area_code(codes, area)
    tokens = _tokens(rows, index_of_record, schema=schema, areas=codes)
    holder = np.array([number[row.agency] for row in records], dtype=np.int64)
    met = _met(prepared, found_tags, found_tokens, [row.token for row in rows])
    return Candidates(
        records=records,
        tokens=tokens,
        holder=holder,
        pairs=compare(schema, prepared.tokens, tokens, met),
        twice=_kept_twice(schema, weighing, tokens, holder),
        areas=codes,
    )


def _find(session: Session, tags: Int64Array) -> tuple[Int64Array, Int64Array]:
    if _is_sqlite(session):
        rows = session.execute(FIND_SQLITE, {"tags": as_parameter(session, tags)}).all()
    else:
        session.execute(NO_SCAN_POSTGRESQL)
        rows = session.execute(FIND_POSTGRESQL, {"tags": as_parameter(session, tags)}).all()
    pairs = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(len(rows), 2)
    return pairs[:, 0], pairs[:, 1]


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _fetch(session: Session, tokens: Int64Array, *, asker: str) -> list[Row]:
    statement = FETCH_SQLITE if _is_sqlite(session) else FETCH_POSTGRESQL
    rows = session.execute(statement, {"tokens": as_parameter(session, tokens), "asker": asker})
    return [Row(*row) for row in rows]


def _tokens(
    rows: Sequence[Row], index_of_record: dict[int, int], *, schema: LinkageSchema, areas: dict[str, int]
) -> TokenSet:
    n = len(rows)
    tags = np.frombuffer(b"".join(row.tags for row in rows), dtype=">u8")
    names = np.frombuffer(b"".join(row.names for row in rows), dtype=np.uint8)
    return TokenSet(
        slots=tags.astype(np.uint64).reshape(n, len(schema.stored)),
        names=names.reshape(n, schema.names_bits // 8),
        record=np.array([index_of_record[row.record] for row in rows], dtype=np.int64),
        area=np.array([area_code(areas, row.area) for row in rows], dtype=np.int64),
    )


def _kept_twice(
    schema: LinkageSchema, weighing: Weighing, tokens: TokenSet, holder: Int64Array
) -> dict[int, list[int]]:
    alike = same_person(schema, weighing.model, tokens, prior=KEPT_TWICE, holder_of_record=holder)
    likely = alike.probability >= 0.5
    twice: dict[int, list[int]] = {}
    for a, b in zip(alike.a[likely].tolist(), alike.b[likely].tolist(), strict=True):
        twice.setdefault(a, []).append(b)
        twice.setdefault(b, []).append(a)
    return twice


def _met(
    prepared: PreparedCases, found_tags: Int64Array, found_tokens: Int64Array, tokens: Sequence[int]
) -> Meetings:
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
    return Meetings(left=triples[0], right=triples[1], asked=triples[2] + STORED)
