"""Clusters as readers see them: whole or not at all, under ids that survive runs and epochs.

The rows of a full run are written beside those that readers go by, and one small transaction makes them the
ones; changes are written in that transaction itself. An id says that these records were together before, and
nothing else; ids never leave the hub.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry
from hub.clock import Clock
from hub.database import Database
from hub.epochs import current_epoch_id
from hub.errors import ConflictError
from hub.linking_index import Reference
from hub.linking_lease import Lease
from hub.linking_members import (
    Members,
    delete_members,
    drop_departed,
    lock_state,
    rewrite_members,
    without_departed,
    write_members,
)
from hub.linking_models import COMPLETE, UNFINISHED, ClusterMember, LinkArray, LinkRun, LinkState
from hub.linking_state import Scored, forget_scored, save_scored
from hub.models import Agency
from hub.pair_decisions import settle_in_epoch
from matcher.cluster_ids import NO_CLUSTER, carry_over
from matcher.clustering import Clusters

ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Count:
    """What a run found: candidate pairs, links among them, clusters, and decisions at odds."""

    pairs: int
    links: int
    clusters: int
    conflicts: int


@dataclass(frozen=True, slots=True)
class ReadAt:
    """How far the hub was when a run read the index: `LinkState` then, and what had been pushed."""

    version: int
    published: int
    seen: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What readers go by when a run looks: how many runs were published, and what the members were.

    `former` has the cluster that a record was in before, where it was in another. `away` are agencies that
    have not shared again since the epoch began: their records keep their ids.
    """

    published: int
    next_cluster: int
    members: Members
    former: Members
    away: frozenset[str]


@dataclass(frozen=True, slots=True)
class Assigned:
    """Cluster of every record, the one it was in before where it was in another, and the first free id."""

    members: Members
    former: Members
    next_cluster: int


def read_standing(session: Session) -> Standing:
    """The clusters readers go by now."""
    state = session.get_one(LinkState, 1)
    rows = session.execute(
        select(ClusterMember.agency, ClusterMember.handle, ClusterMember.cluster, ClusterMember.former).where(
            ClusterMember.run == state.run
        )
    ).all()
    members = {(agency, handle): cluster for agency, handle, cluster, _ in rows}
    former = {(agency, handle): before for agency, handle, _, before in rows if before is not None}
    away = frozenset(session.scalars(select(Agency.agency).where(Agency.as_of.is_(None))))
    return Standing(state.published, state.next_cluster, members, former, away)


def assign_ids(standing: Standing, references: Sequence[Reference], found: Clusters) -> Assigned:
    """Every record's cluster under its surviving id; records of agencies that are away keep theirs.

    Args:
        standing: The clusters before.
        references: Agency and handle of each record.
        found: The clusters now.
    """
    order = sorted(range(len(references)), key=references.__getitem__)
    ordered = [references[n] for n in order]
    before, former = (
        np.array([known.get(one, NO_CLUSTER) for one in ordered], np.int64)
        for known in (standing.members, standing.former)
    )
    after = found.cluster_of[np.array(order, np.int64)]
    ids, first_free = carry_over(before, after, first_free=standing.next_cluster, former=former)
    now = dict(zip(ordered, ids.tolist(), strict=True))
    away = {one: old for one, old in standing.members.items() if one[0] in standing.away}
    moved = np.flatnonzero((ids != before) & (before != NO_CLUSTER)).tolist()
    left = {ordered[n]: int(before[n]) for n in moved}
    return Assigned(away | now, {**standing.former, **left}, first_free)


def publish(
    database: Database,
    lease: Lease,
    scored: Scored,
    found: Clusters,
    *,
    counts: Count,
    read: ReadAt,
    clock: Clock,
    report: Callable[[str], None],
) -> None:
    """Make a full run's clusters the ones readers go by, and log it.

    Raises:
        ConflictError: A new epoch has begun, another process has taken the run over, or other runs were
            quicker every time.
    """
    for _ in range(ATTEMPTS):
        with database.reading() as session:
            standing = read_standing(session)
        to = assign_ids(standing, scored.references, found)
        delete_members(database, lease.run, guard=lease.require)
        write_members(database, lease.run, to.members, to.former, guard=lease.require, report=report)
        with database.writing() as session:
            state = lock_state(session)
            row = lease.require(session)
            _require_epoch(session, row)
            if state.published == standing.published:
                if state.version != read.version:
                    drop_departed(session, row.run, live=state.run)
                state.run = row.run
                settle_in_epoch(session)
                _move(state, next_cluster=to.next_cluster, seen=read.seen)
                _complete(session, row, counts, at=clock())
                return
    raise ConflictError("linking: other runs were quicker; run it again")


def publish_changes(
    database: Database,
    row: LinkRun,
    scored: Scored,
    found: Clusters,
    *,
    counts: Count,
    read: ReadAt,
    base: int,
    clock: Clock,
) -> int:
    """Write what changes have made of the clusters of a full run, in one transaction, and log it.

    Raises:
        ConflictError: Another run was quicker, or a new epoch has begun.
    """
    with database.reading() as session:
        standing = read_standing(session)
    to = assign_ids(standing, scored.references, found)
    with database.writing() as session:
        state = lock_state(session)
        if not state.published == standing.published == read.published:
            raise ConflictError("linking: another run was quicker; run it again")
        _require_epoch(session, row)
        full = session.get_one(LinkRun, base)
        save_scored(session, full, scored)
        session.add(row)
        session.flush()
        row.fitted_digest = full.fitted_digest
        before: Members = standing.members
        after: Members = to.members
        if state.version != read.version:
            before = read_standing(session).members
            after = without_departed(session, to.members, live=before)
        rewrite_members(session, base, before, after, to.former)
        settle_in_epoch(session)
        _move(state, next_cluster=to.next_cluster, seen=read.seen)
        _complete(session, row, counts, at=clock())
        return row.run


def sweep(database: Database) -> None:
    """Delete rows and arrays that nobody goes by: of runs before, and of runs that came to nothing."""
    with database.reading() as session:
        kept = _kept_runs(session)
        with_rows = select(ClusterMember.run).where(ClusterMember.run.not_in(kept)).distinct()
        runs = list(session.scalars(with_rows))
        with_arrays = list(
            session.scalars(select(LinkArray.run).where(LinkArray.run.not_in(kept)).distinct())
        )
    for run in runs:
        delete_members(database, run, guard=partial(_require_swept, run))
    for run in with_arrays:
        with database.writing() as session:
            _require_swept(run, session)
            forget_scored(session, run)


def _kept_runs(session: Session) -> list[int]:
    """The run readers go by, and those that are under way."""
    unfinished = session.scalars(select(LinkRun.run).where(LinkRun.state.in_(UNFINISHED)))
    live = session.get_one(LinkState, 1).run
    return [*unfinished, *([] if live is None else [live])]


def _require_swept(run: int, session: Session) -> None:
    """Nothing that somebody goes by, or may yet, is ever deleted."""
    if run in _kept_runs(session):
        raise ConflictError("linking: another process has taken this run over")


def _move(state: LinkState, *, next_cluster: int, seen: str) -> None:
    state.version += 1
    state.published += 1
    state.next_cluster, state.seen = next_cluster, seen


def _require_epoch(session: Session, row: LinkRun) -> None:
    if current_epoch_id(session) != row.epoch:
        raise ConflictError("linking: a new epoch has begun; run it again")


def _complete(session: Session, row: LinkRun, counts: Count, *, at: datetime) -> None:
    row.state, row.completed, row.owner = COMPLETE, at, None
    for name, value in asdict(counts).items():
        setattr(row, name, value)
    session.flush()
    facts = {
        "run": row.run,
        "kind": row.kind,
        "epoch": row.epoch,
        "schema_digest": row.schema_digest,
        "model_digest": row.model_digest,
        "records": row.records,
        **asdict(counts),
    }
    append_entry(session, Action.INDEX_LINKED, agency=None, at=at, facts=facts)
