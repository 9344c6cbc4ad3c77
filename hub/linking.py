"""Linking runs: all tokens of the current epoch → pairs, weights, clusters; and changes without a new run.

A full run estimates its parameters from the index, scores every candidate pair, and clusters the records.
What it has scored is kept as soon as it is there: a run that was killed goes on from there if the index is
still the same, and begins again if not, with the same result either way. Readers see the clusters of the run
before until the new ones are whole (`hub.linking_clusters`). Changes are scored by the parameters of the last
full run (`matcher.increments`), and everything is clustered again, which is quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.clock import Clock
from hub.database import Database
from hub.epochs import CurrentEpoch, current_epoch
from hub.errors import NotInitialisedError
from hub.estimation import Weighing, read_weighing
from hub.linking_clusters import Count, ReadAt, publish, publish_changes, sweep
from hub.linking_index import IndexRecords, read_records, rows_of_records
from hub.linking_lease import Lease, alone
from hub.linking_models import ABANDONED, BEGUN, SCORED, UNFINISHED, LinkRun, LinkState
from hub.linking_state import Scored, agencies_of, forget_scored, is_scored, load_scored, save_scored
from hub.models import Push, Record
from hub.pair_decisions import Ends, Standing, how_many_decisions, standing_decisions
from matcher.candidates import Meetings, SlotIndex, stored_meetings
from matcher.clustering import Clusters, Decision, cluster
from matcher.increments import LinkedIndex, meetings_of_new, score_new_records, without_records
from matcher.linking import link
from matcher.schema import LinkageSchema
from matcher.tokens import BoolArray, IntArray

FULL, CHANGES = "full", "changes"
LINK_POSTERIOR = 0.5  # From here on a pair is a link: likelier one person than not.

# What a run is doing now, for whoever waits.
Report = Callable[[str], None]
# What agencies decided of pairs, as it stands.
Decided = Mapping[Ends, Standing]


@dataclass(frozen=True, slots=True)
class FullRunNeeded:
    """Why changes cannot be linked by what the last full run found."""

    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class _Read:
    """What a run is over: the epoch, what weighs, the records, what was decided, and how far the hub was."""

    epoch: CurrentEpoch
    weighing: Weighing
    records: IndexRecords
    decided: Decided
    at: ReadAt


def link_all(database: Database, *, clock: Clock, report: Report) -> int:
    """Link everything the hub holds of the current epoch; goes on with a run that was killed.

    Returns:
        The run's number.

    Raises:
        NotInitialisedError: There is no epoch, or no record yet.
        ConflictError: Another run was quicker.
    """
    with alone(database):
        report("reading the index")
        with database.reading() as session:
            read = _read_index(session)
        if not read.records.references:
            raise NotInitialisedError("nothing to link: no agency has shared records yet")
        sweep(database)
        lease, scored = _begin_or_resume(database, read, clock())
        if scored is None:
            report(f"scoring {len(read.records.references):,} records")
            scored = _score(read)
            _keep(database, lease, scored)
        report("clustering")
        found = cluster_scored(scored, read.decided)
        counts = _counts(scored, found, read.decided)
        publish(database, lease, scored, found, counts=counts, read=read.at, clock=clock, report=report)
        sweep(database)
        return lease.run


def link_changes(database: Database, *, clock: Clock, report: Report) -> int | FullRunNeeded | None:
    """Link what has changed since the last run, by what the last full run found.

    Returns:
        The run's number; None where nothing has changed; or why a full run is needed.

    Raises:
        NotInitialisedError: There is no epoch yet.
        ConflictError: Another run was quicker.
    """
    with database.reading() as session:
        base = _base_of_changes(session)
        if isinstance(base, FullRunNeeded) or not have_changes(session):
            return base if isinstance(base, FullRunNeeded) else None
        report("reading the index")
        read, before, full = _read_index(session), load_scored(session, base), base.run
    report(f"scoring what has changed among {len(read.records.references):,} records")
    scored = score_changes(read.epoch.schema, before, read.records)
    report("clustering")
    found = cluster_scored(scored, read.decided)
    row = _new_row(read, CHANGES, clock())
    return publish_changes(
        database,
        row,
        scored,
        found,
        counts=_counts(scored, found, read.decided),
        read=read.at,
        base=full,
        clock=clock,
    )


def list_runs(session: Session) -> list[LinkRun]:
    """All runs, the newest first."""
    return list(session.scalars(select(LinkRun).order_by(LinkRun.run.desc())))


def full_run_needed(session: Session) -> FullRunNeeded | None:
    """Why what has changed cannot be linked without a full run; None where it can.

    Raises:
        NotInitialisedError: There is no epoch yet.
    """
    base = _base_of_changes(session)
    return base if isinstance(base, FullRunNeeded) else None


def have_changes(session: Session) -> bool:
    """Whether there is something for `link_changes` to do."""
    if session.get_one(LinkState, 1).seen == what_is_new(session) or current_epoch(session) is None:
        return False
    return isinstance(_base_of_changes(session), LinkRun)


def what_is_new(session: Session) -> str:
    """What changes whenever a caseload is complete again, or a pair is decided: how many, and the newest."""
    newest, count = session.execute(
        select(func.max(Push.completed), func.count()).where(Push.completed.is_not(None))
    ).one()
    return f"{count} {newest} {how_many_decisions(session)}"


def score_changes(schema: LinkageSchema, before: Scored, records: IndexRecords) -> Scored:
    """Score what an index has gained, and leave out what it has lost.

    Args:
        schema: The records' schema.
        before: The index as it was scored last.
        records: The index now, its agencies among those of `before`.
    """
    now = dict(zip(records.references, records.digests, strict=True))
    gone = np.array(
        [now.get(one) != digest for one, digest in zip(before.references, before.digests, strict=True)],
        dtype=np.bool_,
    )
    linked = before.linked
    if gone.any():
        codes = {agency: number for number, agency in enumerate(before.agencies)}
        agency = np.array([codes[name] for name, _ in before.references], np.int64)
        linked = without_records(linked, gone=gone, agency=agency)
    ordered = records.reordered(_old_first(before, gone, records))
    return Scored.of(_grown(schema, linked, ordered, before.agencies), ordered, before.agencies)


def cluster_scored(scored: Scored, decided: Decided) -> Clusters:
    """The records that are one person, by what is scored and by what somebody decided."""
    code = {agency: number for number, agency in enumerate(scored.agencies)}
    agency = np.array([code[name] for name, _ in scored.references], np.int64)
    return cluster(
        scored.linked.pairs,
        record_count=len(agency),
        agency=agency,
        threshold=LINK_POSTERIOR,
        decisions=_on_records(decided, scored),
    )


def _on_records(decided: Decided, scored: Scored) -> list[Decision]:
    """What linking goes by: decisions that hold and contradict nobody, on records that are there."""
    wanted = {end for ends in decided for end in ends}
    number = {one: n for n, one in enumerate(scored.references) if one in wanted}
    found = []
    for ends, standing in decided.items():
        if standing.same is not None and number.keys() >= set(ends):
            left, right = sorted(number[end] for end in ends)
            found.append(Decision(left, right, same=standing.same))
    return sorted(found)


def _read_index(session: Session) -> _Read:
    epoch, state = _require_epoch(session), session.get_one(LinkState, 1)
    at = ReadAt(state.version, state.published, what_is_new(session))
    records, decided = read_records(session, epoch.schema), standing_decisions(session)
    return _Read(epoch, read_weighing(session, epoch.schema), records, decided, at)


def _require_epoch(session: Session) -> CurrentEpoch:
    epoch = current_epoch(session)
    if epoch is None:
        raise NotInitialisedError("nothing to link: there is no epoch yet")
    return epoch


def _begin_or_resume(database: Database, read: _Read, at: datetime) -> tuple[Lease, Scored | None]:
    """A run over this index, now ours: one that was killed, with what it had scored, or a new one."""
    wanted = _new_row(read, FULL, at)
    with database.writing() as session:
        unfinished = session.scalars(
            select(LinkRun).where(LinkRun.state.in_(UNFINISHED)).with_for_update()
        ).all()
        found = None
        for row in unfinished:
            if found is None and _over_the_same(row, wanted):
                found = row
                continue
            row.state, row.owner = ABANDONED, None
            forget_scored(session, row.run)
        if found is None:
            session.add(wanted)
            session.flush()
            return Lease.take(wanted), None
        return Lease.take(found), load_scored(session, found) if found.state == SCORED else None


def _new_row(read: _Read, kind: str, at: datetime) -> LinkRun:
    return LinkRun(
        kind=kind,
        state=BEGUN,
        epoch=read.epoch.epoch,
        schema_digest=read.epoch.schema.digest,
        model_digest=read.weighing.digest,
        index_digest=read.records.digest(),
        started=at,
        records=len(read.records.references),
        tokens=len(read.records.tokens),
    )


def _over_the_same(row: LinkRun, wanted: LinkRun) -> bool:
    names = ("epoch", "schema_digest", "model_digest", "index_digest")
    return all(getattr(row, name) == getattr(wanted, name) for name in names)


def _base_of_changes(session: Session) -> LinkRun | FullRunNeeded:
    """The last full run, or why it says nothing of changes now."""
    epoch, state = _require_epoch(session), session.get_one(LinkState, 1)
    if state.run is None:
        return FullRunNeeded("there was none yet")
    base = session.get_one(LinkRun, state.run)
    if base.epoch != epoch.epoch:
        return FullRunNeeded("a new epoch has begun since")
    if base.model_digest != read_weighing(session, epoch.schema).digest:
        return FullRunNeeded("look-ups are weighed by another model since")
    if set(session.scalars(select(Record.agency).distinct())) - set(agencies_of(base)):
        return FullRunNeeded("an agency has shared records that had none")
    if not is_scored(session, base):
        return FullRunNeeded("what the last one had found was destroyed with the index")
    return base


def _score(read: _Read) -> Scored:
    """Estimate and score everything."""
    schema, records = read.epoch.schema, read.records
    agencies = records.agencies
    meetings = Meetings.concatenate(stored_meetings(schema, records.tokens))
    codes = records.agency_codes(agencies)
    run = link(schema, records.tokens, meetings, agency=codes, shipped=read.weighing.model, probes=False)
    return Scored.of(LinkedIndex.of_run(run), records, agencies)


def _keep(database: Database, lease: Lease, scored: Scored) -> None:
    with database.writing() as session:
        row = lease.require(session)
        save_scored(session, row, scored)
        row.state = SCORED


def _old_first(before: Scored, gone: BoolArray, records: IndexRecords) -> IntArray:
    """The order of records in which those that stayed come first, as they were numbered, then the new."""
    number = {reference: n for n, reference in enumerate(records.references)}
    stayed = [number.pop(one) for one, lost in zip(before.references, gone.tolist(), strict=True) if not lost]
    return np.array([*stayed, *number.values()], np.int64)


def _grown(
    schema: LinkageSchema, linked: LinkedIndex, records: IndexRecords, agencies: tuple[str, ...]
) -> LinkedIndex:
    """The index with the records behind those it has."""
    count = len(records.references)
    if count == linked.record_count:
        return linked
    old = np.arange(count) < linked.record_count
    index = SlotIndex(schema, rows_of_records(records.tokens, old))
    meetings = meetings_of_new(index, rows_of_records(records.tokens, ~old))
    codes = records.agency_codes(agencies)
    return score_new_records(schema, records.tokens, meetings, agency=codes, linked=linked)


def _counts(scored: Scored, found: Clusters, decided: Decided) -> Count:
    posterior = scored.linked.pairs.posterior
    return Count(
        pairs=len(posterior),
        links=int((posterior >= LINK_POSTERIOR).sum()),
        clusters=int(found.cluster_of.max(initial=-1)) + 1,
        conflicts=len(found.conflicts) + sum(standing.contradicts for standing in decided.values()),
    )
