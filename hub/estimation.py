"""A model fitted to the hub's own index, and the share of the network's people that each agency knows.

Only stored slots are in the index: probes come with questions and are not kept, so the patterns that only
probes show cannot be counted. The fit therefore moves the shipped model as a whole first (how often strangers
agree, how untidy records are: `matcher.populations`), which reaches those patterns too, and then fits the
patterns that were counted. Only how crowded initials are is left as shipped, for it is counted from probes.
What that does to answers is in docs/benchmarks.md, "A model fitted to the index"; why, in docs/adr/0015.
It is used only when an operator says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.database import dialect_insert
from hub.epochs import CurrentEpoch, current_epoch
from hub.errors import NotInitialisedError
from hub.models import IndexModel, Record, Token
from matcher.candidates import Meetings, stored_meetings
from matcher.linking import LinkingRun, link, share_known_elsewhere
from matcher.model import Model, format_model, parse_model, shipped_model
from matcher.schema import LinkageSchema
from matcher.tokens import ABSENT_AREA, IntArray, TokenSet

FITTED_NAME = "fitted to the index"


@dataclass(frozen=True, slots=True)
class Weighing:
    """What weighs the evidence of look-ups.

    Attributes:
        model: The parameters.
        digest: The model's, for the log.
        known: Share of the network's people that each agency knows; None: in proportion to its records.
    """

    model: Model
    digest: str
    known: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class IndexFit:
    """What an index says of itself.

    Attributes:
        model: The shipped model moved to this population, with the counted patterns' fitted m and u; it
            carries the schema's digest.
        known: For each agency, the share of all other agencies' records whose person it knows.
        converged: Whether EM converged; an iteration limit reached is not convergence.
    """

    model: Model
    known: Mapping[str, float]
    converged: bool


def estimate(session: Session) -> tuple[IndexFit, CurrentEpoch]:
    """Fit a model to everything the hub holds of the current epoch.

    Raises:
        NotInitialisedError: There is no epoch, or no record yet.
    """
    epoch = current_epoch(session)
    if epoch is None:
        raise NotInitialisedError("nothing to estimate from: there is no epoch yet")
    tokens, agency, agencies = read_index(session, epoch.schema)
    if not len(tokens):
        raise NotInitialisedError("nothing to estimate from: no agency has shared records yet")
    return fit_index(epoch.schema, tokens, agency=agency, agencies=agencies), epoch


def read_index(session: Session, schema: LinkageSchema) -> tuple[TokenSet, IntArray, tuple[str, ...]]:
    """All tokens of the current epoch, the agency of each record, and the agencies' ids, sorted.

    Tags are read as they are stored; a past epoch's were destroyed when this one began.
    """
    rows = session.execute(
        select(Token.tags, Token.names, Record.record, Record.agency, Record.area)
        .join(Record, Record.record == Token.record)
        .order_by(Record.record, Token.token)
    ).all()
    agencies = tuple(sorted({row.agency for row in rows}))
    areas = {area: code for code, area in enumerate(sorted({row.area for row in rows if row.area}))}
    ids, record = np.unique(np.array([row.record for row in rows], dtype=np.int64), return_inverse=True)
    agency = np.zeros(len(ids), dtype=np.int64)
    agency[record] = np.array([agencies.index(row.agency) for row in rows], dtype=np.int64)
    slots = np.frombuffer(b"".join(row.tags for row in rows), dtype=">u8").astype(np.uint64)
    names = np.frombuffer(b"".join(row.names for row in rows), dtype=np.uint8)
    tokens = TokenSet(
        slots=slots.reshape(len(rows), len(schema.stored)),
        names=names.reshape(len(rows), schema.names_bits // 8),
        record=record.astype(np.int64),
        area=np.array([areas.get(row.area, ABSENT_AREA) for row in rows], dtype=np.int64),
    )
    return tokens, agency, agencies


def store_fit(session: Session, fit: IndexFit, *, in_use: bool, at: datetime) -> None:
    """Keep a fit as the one of its schema, in use or not; every worker sees it from the next look-up on."""
    row = {
        "schema_digest": fit.model.schema_digest,
        "digest": fit.model.digest,
        "document": format_model(fit.model),
        "known": json.dumps(dict(fit.known), sort_keys=True),
        "fitted_at": at,
        "in_use": in_use,
    }
    statement = dialect_insert(session, IndexModel).values(**row)
    replaced = {name: statement.excluded[name] for name in row if name != "schema_digest"}
    session.execute(statement.on_conflict_do_update(index_elements=["schema_digest"], set_=replaced))


def read_weighing(session: Session, schema: LinkageSchema) -> Weighing:
    """What weighs look-ups now: the fitted model of this schema where it is in use, else the shipped one."""
    in_use = (IndexModel.schema_digest == schema.digest) & IndexModel.in_use
    columns = select(IndexModel.digest, IndexModel.document, IndexModel.known)
    row = session.execute(columns.where(in_use)).first()
    if row is None:
        return shipped_weighing(schema)
    model = _read_model(row.document)
    model.require_schema(schema)
    return Weighing(model, row.digest, json.loads(row.known))


@lru_cache(maxsize=8)
def shipped_weighing(schema: LinkageSchema) -> Weighing:
    """The shipped model of a schema, with agencies' rates in proportion to their records."""
    model = shipped_model(schema)
    return Weighing(model, model.digest)


@lru_cache(maxsize=8)
def _read_model(text: str) -> Model:
    return parse_model(text)


def fit_index(
    schema: LinkageSchema, tokens: TokenSet, *, agency: IntArray, agencies: tuple[str, ...]
) -> IndexFit:
    """Fit a model to stored slots alone.

    Args:
        schema: The current epoch's.
        tokens: All tokens of the epoch, as slots or as peppered tags.
        agency: Agency of each record, an index into `agencies`, shape (records,).
        agencies: Ids of the agencies that hold records.
    """
    shipped = shipped_model(schema)
    meetings = Meetings.concatenate(stored_meetings(schema, tokens))
    run = link(schema, tokens, meetings, agency=agency, shipped=shipped, probes=False)
    known = share_known_elsewhere(run.pairs, agency)
    return IndexFit(
        model=fitted_without_probes(run, shipped, schema),
        known={name: float(rate) for name, rate in zip(agencies, np.clip(known, 0.0, 1.0), strict=True)},
        converged=run.fit.converged,
    )


def fitted_without_probes(run: LinkingRun, shipped: Model, schema: LinkageSchema) -> Model:
    """The model of a run over stored slots, with what only probes can tell as shipped."""
    return replace(
        run.fit.whole,
        name=FITTED_NAME,
        crowding_shape=shipped.crowding_shape,
        schema_digest=schema.digest,
    )
