"""Clusters as readers see them: whole or not at all, under ids that survive runs and epochs.

The rows of a full run are written beside those that readers go by, and one small transaction makes them the
ones; changes are written in that transaction itself. An id says that these records were together before, and
nothing else; ids never leave the hub.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry
from hub.clock import Clock
from hub.database import Database
from hub.epochs import current_epoch_id
from hub.errors import ConflictError
from hub.linking_index import Reference
from hub.linking_models import ClusterMember, LinkArray, LinkRun, LinkState
from hub.linking_state import Scored, forget_scored, save_scored
from hub.log_models import table_of
from hub.models import Agency
from matcher.cluster_ids import NO_CLUSTER, carry_over
from matcher.clustering import Clusters

COMPLETE = "complete"
# Rows in one transaction: look-ups wait for their log entry no longer than it takes to write these.
ROWS_AT_ONCE = 10_000
ATTEMPTS = 3

Members = Mapping[Reference, int]


@dataclass(frozen=True, slots=True)
class Count:
    """What a run found: candidate pairs, links among them, clusters, and decisions at odds."""

    pairs: int
    links: int
    clusters: int
    conflicts: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What readers go by when a run looks: which full run, and what its members were.

    `away` are agencies that have not shared again since the epoch began: their records keep their ids.
    """

    version: int
    next_cluster: int
    members: Members
    away: frozenset[str]


def read_standing(session: Session) -> Standing:
    """The clusters readers go by now."""
    state = session.get_one(LinkState, 1)
    rows = session.execute(
        select(ClusterMember.agency, ClusterMember.handle, ClusterMember.cluster).where(
            ClusterMember.run == state.run
        )
    )
    members = {(agency, handle): cluster for agency, handle, cluster in rows}
    away = frozenset(session.scalars(select(Agency.agency).where(Agency.as_of.is_(None))))
    return Standing(state.version, state.next_cluster, members, away)


def assign_ids(
    standing: Standing, references: Sequence[Reference], found: Clusters
) -> tuple[dict[Reference, int], int]:
    """Every record's cluster under its surviving id.

    Args:
        standing: The clusters before.
        references: Agency and handle of each record.
        found: The clusters now.

    Returns:
        Cluster by record, those of agencies that are away among them, and the first free id.
    """
    order = sorted(range(len(references)), key=references.__getitem__)
    sorted_references = [references[n] for n in order]
    before = np.array([standing.members.get(one, NO_CLUSTER) for one in sorted_references], np.int64)
    after = found.cluster_of[np.array(order, np.int64)]
    ids, first_free = carry_over(before, after, first_free=standing.next_cluster)
    now = dict(zip(sorted_references, ids.tolist(), strict=True))
    away = {one: old for one, old in standing.members.items() if one[0] in standing.away}
    return away | now, first_free


def publish(
    database: Database,
    run: int,
    scored: Scored,
    found: Clusters,
    *,
    counts: Count,
    seen: str,
    clock: Clock,
    report: Callable[[str], None],
) -> None:
    """Make a full run's clusters the ones readers go by, and log it.

    Raises:
        ConflictError: A new epoch has begun, or other runs were quicker every time.
    """
    for _ in range(ATTEMPTS):
        with database.reading() as session:
            standing = read_standing(session)
        members, next_cluster = assign_ids(standing, scored.references, found)
        _delete_members(database, run)
        _write_members(database, run, members, report)
        with database.writing() as session:
            values = {"run": run, "next_cluster": next_cluster, "seen": seen}
            if _moved(session, standing.version, values):
                row = session.get_one(LinkRun, run)
                _require_epoch(session, row)
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
    seen: str,
    version: int,
    base: int,
    clock: Clock,
) -> int:
    """Write what changes have made of the clusters of a full run, in one transaction, and log it.

    Raises:
        ConflictError: Another run was quicker, or a new epoch has begun.
    """
    with database.reading() as session:
        standing = read_standing(session)
    members, next_cluster = assign_ids(standing, scored.references, found)
    with database.writing() as session:
        if not _moved(session, version, {"next_cluster": next_cluster, "seen": seen}):
            raise ConflictError("linking: another run was quicker; run it again")
        _require_epoch(session, row)
        full = session.get_one(LinkRun, base)
        save_scored(session, full, scored)
        session.add(row)
        session.flush()
        row.fitted_digest = full.fitted_digest
        _rewrite(session, base, standing.members, members)
        _complete(session, row, counts, at=clock())
        return row.run


def sweep(database: Database) -> None:
    """Delete rows and arrays that nobody goes by: of runs before, and of runs that came to nothing."""
    with database.reading() as session:
        state = session.get_one(LinkState, 1)
        kept = [state.run]
        kept += session.scalars(select(LinkRun.run).where(LinkRun.state.in_(["begun", "scored"])))
        kept = [run for run in kept if run is not None]
        with_rows = select(ClusterMember.run).where(ClusterMember.run.not_in(kept)).distinct()
        runs = list(session.scalars(with_rows))
        with_arrays = list(
            session.scalars(select(LinkArray.run).where(LinkArray.run.not_in(kept)).distinct())
        )
    for run in runs:
        _delete_members(database, run)
    for run in with_arrays:
        with database.writing() as session:
            forget_scored(session, run)


def _moved(session: Session, version: int, values: Mapping[str, Any]) -> bool:
    """Move the state on from a version, unless somebody else has."""
    statement = update(LinkState).where(LinkState.id == 1, LinkState.version == version)
    moved = session.execute(
        statement.values(version=version + 1, **values).returning(LinkState.id),
        execution_options={"synchronize_session": False},
    )
    return moved.first() is not None


def _require_epoch(session: Session, row: LinkRun) -> None:
    if current_epoch_id(session) != row.epoch:
        raise ConflictError("linking: a new epoch has begun; run it again")


def _complete(session: Session, row: LinkRun, counts: Count, *, at: datetime) -> None:
    row.state, row.completed = COMPLETE, at
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


def _write_members(database: Database, run: int, members: Members, report: Callable[[str], None]) -> None:
    rows = _rows(run, members.items())
    for start in range(0, len(rows), ROWS_AT_ONCE):
        report(f"storing clusters: {start:,} of {len(rows):,} records")
        with database.writing() as session:
            session.execute(insert(ClusterMember), rows[start : start + ROWS_AT_ONCE])


def _delete_members(database: Database, run: int) -> None:
    """Delete a run's rows, an agency at a time, so that nobody waits long."""
    with database.reading() as session:
        chosen = select(ClusterMember.agency).where(ClusterMember.run == run).distinct()
        agencies = list(session.scalars(chosen))
    for agency in agencies:
        with database.writing() as session:
            session.execute(
                delete(ClusterMember).where(ClusterMember.run == run, ClusterMember.agency == agency),
                execution_options={"synchronize_session": False},
            )


def _rewrite(session: Session, run: int, before: Members, after: Members) -> None:
    """Write the difference between two sets of members."""
    stale = [
        {"of": agency, "one": handle}
        for (agency, handle), cluster in before.items()
        if after.get((agency, handle)) != cluster
    ]
    if stale:
        table = table_of(ClusterMember)
        chosen = table.c.run == run, table.c.agency == bindparam("of"), table.c.handle == bindparam("one")
        session.connection().execute(delete(table).where(*chosen), stale)
    rows = _rows(run, ((one, cluster) for one, cluster in after.items() if before.get(one) != cluster))
    if rows:
        session.execute(insert(ClusterMember), rows)


def _rows(run: int, members: Any) -> list[dict[str, Any]]:
    return [
        {"run": run, "agency": agency, "handle": handle, "cluster": cluster}
        for (agency, handle), cluster in members
    ]
