"""The people a count is over: clusters of the last completed linking run, by the records that may be counted.

What is known of a record: its agency's kind of service, its area, and, where the agency shares it, in which
months it was opened and closed. Clusters never leave the hub.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from operator import attrgetter

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.cohort_members import Stay
from hub.consent import consents_of_agencies
from hub.counting_rules import Circle, why_not_counted
from hub.errors import NotInitialisedError
from hub.linking_models import ClusterMember, LinkState
from hub.models import Agency, Record
from hub.month_models import RecordMonths
from hub.service_kinds import kind_of_service

CONFIRMED = "confirmed"


class Missing(StrEnum):
    """Why an agency of the agreement is not in a count."""

    NOT_CONFIRMED = "is not confirmed"
    NEVER_SHARED = "has shared nothing yet"
    TOO_OLD = "has shared too long ago"


@dataclass(frozen=True, slots=True, repr=False)
class SeenRecord:
    """A record that is counted; `dated` where its agency shared a month of it."""

    agency: str
    handle: str
    kind: str | None
    area: str | None
    dated: bool
    opened: int | None
    closed: int | None

    def is_seen(self, month: int) -> bool:
        """Whether the record is known to have been seen in a month."""
        if not self.dated or self.opened is None or self.opened > month:
            return False
        return self.closed is None or self.closed >= month

    def stay(self, month: int) -> Stay:
        """The record as it stands in the month of a snapshot, which it does not begin after."""
        if not self.dated:
            return Stay(self.kind, self.area, None, None, None)
        is_open = self.closed is None or self.closed > month
        last = month if self.closed is None else self.closed
        return Stay(self.kind, self.area, self.opened, last, is_open)

    def begins_after(self, month: int) -> bool:
        """Whether the record is known to begin later than a month."""
        return self.opened is not None and self.opened > month


@dataclass(frozen=True, slots=True, repr=False)
class CountedPeople:
    """Everybody who is counted.

    Attributes:
        circle: Under what.
        records: The records of each cluster, by its id.
        agencies: The agencies that are counted.
        kinds: The kinds of service they are.
        missing: The agencies of the agreement that are not, and why.
        undated: Those of which no record brought a month.
    """

    circle: Circle
    records: Mapping[int, tuple[SeenRecord, ...]]
    agencies: tuple[str, ...]
    kinds: frozenset[str]
    missing: Mapping[str, Missing]
    undated: tuple[str, ...]

    def stays(self, month: int) -> dict[int, tuple[Stay, ...]]:
        """Everybody's timeline in the month of a snapshot; who was first seen later is not in it."""
        timelines = {
            cluster: tuple(record.stay(month) for record in records if not record.begins_after(month))
            for cluster, records in self.records.items()
        }
        return {cluster: timeline for cluster, timeline in timelines.items() if timeline}


def read_people(session: Session, circle: Circle) -> CountedPeople:
    """Read who may be counted now.

    Raises:
        NotInitialisedError: No linking run has been completed.
    """
    run = session.get_one(LinkState, 1).run
    if run is None:
        raise NotInitialisedError("nobody can be counted before 'knownto hub link' has run")
    members = sorted(circle.agreement.signed_by)
    rows = {row.agency: row for row in session.scalars(select(Agency).where(Agency.agency.in_(members)))}
    missing = {name: why for name in members if (why := _why_missing(rows.get(name), circle)) is not None}
    agencies = tuple(name for name in members if name not in missing)
    kinds = {name: kind_of_service(rows[name].service) for name in agencies}
    records = _may_be_counted(session, circle, _read_records(session, run, kinds))
    dated = {record.agency for mine in records.values() for record in mine if record.dated}
    return CountedPeople(
        circle=circle,
        records=records,
        agencies=agencies,
        kinds=frozenset(kind for kind in kinds.values() if kind is not None),
        missing=missing,
        undated=tuple(name for name in agencies if name not in dated),
    )


def _why_missing(agency: Agency | None, circle: Circle) -> Missing | None:
    if agency is None or agency.state != CONFIRMED:
        return Missing.NOT_CONFIRMED
    if agency.as_of is None:
        return Missing.NEVER_SHARED
    return Missing.TOO_OLD if agency.as_of < circle.oldest else None


def _read_records(session: Session, run: int, kinds: Mapping[str, str | None]) -> dict[int, list[SeenRecord]]:
    same = (ClusterMember.agency == Record.agency) & (ClusterMember.handle == Record.handle)
    rows = session.execute(
        select(
            ClusterMember.cluster,
            Record.agency,
            Record.handle,
            Record.area,
            RecordMonths.record,
            RecordMonths.opened,
            RecordMonths.closed,
        )
        .join(Record, same)
        .outerjoin(RecordMonths, RecordMonths.record == Record.record)
        .where(ClusterMember.run == run, Record.agency.in_(list(kinds)))
    )
    records: dict[int, list[SeenRecord]] = {}
    for cluster, agency, handle, area, dated, opened, closed in rows:
        seen = SeenRecord(agency, handle, kinds[agency], area, dated is not None, opened, closed)
        records.setdefault(cluster, []).append(seen)
    return records


def _may_be_counted(
    session: Session, circle: Circle, records: Mapping[int, Sequence[SeenRecord]]
) -> dict[int, tuple[SeenRecord, ...]]:
    consents = consents_of_agencies(session, circle.agreement.signed_by)
    kept: dict[int, tuple[SeenRecord, ...]] = {}
    for cluster, everything in records.items():
        counted: list[SeenRecord] = []
        ordered = sorted(everything, key=attrgetter("agency", "handle"))
        for agency, group in groupby(ordered, key=attrgetter("agency")):
            own = list(group)
            recorded = [consents.get((agency, record.handle)) for record in own]
            counted += [
                record
                for record, consent in zip(own, recorded, strict=True)
                if why_not_counted(circle, agency, consent, others=recorded) is None
            ]
        if counted:
            kept[cluster] = tuple(counted)
    return kept
