"""The rows of clusters: written in parts that nobody waits long for, and never for whoever has left.

A record that is taken off the hub leaves its cluster at once. Runs and removals both lock the one row of the
state first, so that of a run and a removal that meet the second sees what the first has done: whoever is gone
when a run is published is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, exists, insert, select
from sqlalchemy.orm import Session, aliased

from hub.database import Database, table_of
from hub.linking_index import Reference
from hub.linking_models import ClusterMember, LinkState
from hub.models import Record

# Rows in one transaction: look-ups wait for their log entry no longer than it takes to write these.
ROWS_AT_ONCE = 10_000
HANDLES_AT_ONCE = 500  # In one statement; older builds of SQLite take 999 parameters.

# Cluster by record.
Members = Mapping[Reference, int]
# Asks in a transaction whether what is written there may be, and raises where not.
Guard = Callable[[Session], object]

_PLAIN = {"synchronize_session": False}


def lock_state(session: Session) -> LinkState:
    """The state, locked until the transaction ends; before anything is looked at that a run may change."""
    chosen = select(LinkState).where(LinkState.id == 1).with_for_update()
    return session.scalars(chosen, execution_options={"populate_existing": True}).one()


def write_members(
    database: Database,
    run: int,
    members: Members,
    former: Members,
    *,
    guard: Guard,
    report: Callable[[str], None],
) -> None:
    """Write the rows of a run that readers do not go by yet."""
    rows = _rows(run, members.items(), former)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        report(f"storing clusters: {start:,} of {len(rows):,} records")
        with database.writing() as session:
            guard(session)
            session.execute(insert(ClusterMember), rows[start : start + ROWS_AT_ONCE])


def delete_members(database: Database, run: int, *, guard: Guard) -> None:
    """Delete a run's rows, an agency at a time, so that nobody waits long."""
    with database.reading() as session:
        chosen = select(ClusterMember.agency).where(ClusterMember.run == run).distinct()
        agencies = list(session.scalars(chosen))
    for agency in agencies:
        with database.writing() as session:
            guard(session)
            of_agency = ClusterMember.run == run, ClusterMember.agency == agency
            session.execute(delete(ClusterMember).where(*of_agency), execution_options=_PLAIN)


def rewrite_members(session: Session, run: int, before: Members, after: Members, former: Members) -> None:
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
    changed = ((one, cluster) for one, cluster in after.items() if before.get(one) != cluster)
    rows = _rows(run, changed, former)
    if rows:
        session.execute(insert(ClusterMember), rows)


def drop_departed(session: Session, run: int, *, live: int | None) -> None:
    """Delete the rows of a run whose record has left the hub since the run read the index.

    A record that is not there is kept only where readers go by it now: it waits for its agency to share
    again in a new epoch.

    Args:
        session: The transaction that publishes the run, the state locked.
        run: The run.
        live: The run readers go by until then.
    """
    member = aliased(ClusterMember)
    held = exists().where(Record.agency == ClusterMember.agency, Record.handle == ClusterMember.handle)
    waits = exists().where(
        member.run == live, member.agency == ClusterMember.agency, member.handle == ClusterMember.handle
    )
    session.execute(
        delete(ClusterMember).where(ClusterMember.run == run, ~held, ~waits), execution_options=_PLAIN
    )


def without_departed(session: Session, members: Members, *, live: Members) -> Members:
    """The same as `drop_departed`, of members that are not written yet."""
    held = {(agency, handle) for agency, handle in session.execute(select(Record.agency, Record.handle))}
    return {one: cluster for one, cluster in members.items() if one in live or one in held}


def forget_members(session: Session, agency: str, handles: Sequence[str] | None = None) -> None:
    """Have some of an agency's records, or all of them, be with nobody from now on.

    Args:
        session: The transaction that takes them off the hub.
        agency: Whose records.
        handles: Which; None for all.
    """
    lock_state(session).version += 1
    own = delete(ClusterMember).where(ClusterMember.agency == agency)
    if handles is None:
        session.execute(own, execution_options=_PLAIN)
        return
    for start in range(0, len(handles), HANDLES_AT_ONCE):
        some = ClusterMember.handle.in_(handles[start : start + HANDLES_AT_ONCE])
        session.execute(own.where(some), execution_options=_PLAIN)


def _rows(run: int, members: Iterable[tuple[Reference, int]], former: Members) -> list[dict[str, Any]]:
    return [
        {"run": run, "agency": one[0], "handle": one[1], "cluster": cluster, "former": former.get(one)}
        for one, cluster in members
    ]
