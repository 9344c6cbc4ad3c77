"""Cohorts as they were on a day: kept at the hub as cluster ids, released, and read as own references.

Counts come first: a list exists only of a snapshot that somebody at the hub has released. Each agency reads
its own records of it, and only those of people who are still in the cohort by records that may be counted
now: a withdrawal or a seal, wherever it was, takes effect on the next reading.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry, who_called
from hub.authentication import CallingNode
from hub.cohort_counts import Counting, members_of
from hub.cohort_rules import CohortRule, read_rule
from hub.count_models import CohortMember, CohortRuleText, CohortSnapshot
from hub.counted_people import read_people
from hub.counting_rules import Circle, find_circle
from hub.database import Database
from hub.errors import AgreementMissingError, BasisNotPermittedError, ConflictError, NotFoundError
from hub.leaves import OWN, WHO
from hub.linking_models import LinkState
from hub.months import month_at, month_of
from hub.publishing import at_the_hub, keep_rule
from hub.purposes import LawfulBasis, Purpose

NO_LIST = "cohort: none of this name is released to this agency"


@dataclass(frozen=True, slots=True)
class ReleasedCohort:
    """A snapshot whose list an agency may read its part of."""

    snapshot: str
    title: str
    day: str
    released_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class ReferencePage:
    """Some of an agency's own records in a cohort, sorted by handle, and whether there are more."""

    handles: tuple[str, ...]
    more: bool


def keep_snapshot(database: Database, rule: CohortRule, counting: Counting) -> str:
    """Keep who is in a cohort today; a day's snapshot is kept once. Returns its name.

    Raises:
        ConflictError: Another rule of the same id and version was kept today.
    """
    name = f"{rule.rule_id.replace('_', '-')}-{rule.version}-{counting.day}"
    with database.reading() as session:
        circle, run = counting.circle(session), session.get_one(LinkState, 1).run
        stays = read_people(session, circle).stays(month_at(counting.at))
    members = members_of(rule, stays, month=month_at(counting.at))
    with database.writing() as session:
        kept = session.get(CohortSnapshot, name)
        if kept is not None and kept.digest != rule.digest:
            raise ConflictError(
                "cohort: another rule of this id and version was kept today; raise its version"
            )
        if kept is None:
            keep_rule(session, rule.digest, rule.document)
            session.add(
                CohortSnapshot(
                    snapshot=name,
                    digest=rule.digest,
                    day=counting.day,
                    agreement=circle.agreement.agreement,
                    basis=str(circle.basis),
                    run=run,
                    taken_by=counting.analyst,
                    taken_at=counting.at,
                )
            )
            session.flush()
            rows = [{"snapshot": name, "cluster": cluster} for cluster in sorted(members)]
            if rows:
                session.execute(insert(CohortMember), rows)
            facts = {"snapshot": name, "cohort_digest": rule.digest, "agreement": circle.agreement.agreement}
            _log(session, Action.SNAPSHOT_KEPT, counting.analyst, facts, at=counting.at)
    return name


def release_snapshot(session: Session, name: str, *, staff: str, at: datetime) -> None:
    """Let the agencies of its agreement read their own records in a snapshot; doing it again changes nothing.

    Raises:
        NotFoundError: There is none of this name.
    """
    row = find_snapshot(session, name)
    if row.released_at is None:
        row.released_at, row.released_by = at, staff
        session.flush()
        _log(session, Action.SNAPSHOT_RELEASED, staff, {"snapshot": name}, at=at)


def find_snapshot(session: Session, name: str) -> CohortSnapshot:
    """A snapshot by its name.

    Raises:
        NotFoundError: There is none.
    """
    row = session.get(CohortSnapshot, name)
    if row is None:
        raise NotFoundError("cohort: no snapshot of this name is kept")
    return row


def list_snapshots(session: Session) -> list[CohortSnapshot]:
    """All snapshots, the newest first."""
    ordered = select(CohortSnapshot).order_by(CohortSnapshot.day.desc(), CohortSnapshot.snapshot)
    return list(session.scalars(ordered))


def released_to(session: Session, agency: str, *, at: datetime) -> list[ReleasedCohort]:
    """The snapshots of which an agency may read its part, the newest first."""
    found = []
    for row in list_snapshots(session):
        if row.released_at is not None and _circle(session, row, agency, at=at) is not None:
            found.append(ReleasedCohort(row.snapshot, _rule(session, row).title, row.day, row.released_at))
    return found


def own_references(
    session: Session, agency: str, name: str, *, after: str, limit: int, at: datetime
) -> ReferencePage:
    """An agency's own records of people in a cohort: then, and by what may be counted now.

    Args:
        session: A reading session.
        agency: Whose.
        name: The snapshot.
        after: The handle behind which to begin; "" for the first.
        limit: At most so many.
        at: Now.

    Raises:
        NotFoundError: None of this name is released to this agency.
    """
    row = session.get(CohortSnapshot, name)
    circle = None
    if row is not None and row.released_at is not None:
        circle = _circle(session, row, agency, at=at)
    if row is None or circle is None:
        raise NotFoundError(NO_LIST)
    people, month = read_people(session, circle), month_of(row.day[:7])
    then = set(session.scalars(select(CohortMember.cluster).where(CohortMember.snapshot == name)))
    still = members_of(_rule(session, row), people.stays(month), month=month)
    handles = sorted(
        record.handle
        for cluster in then & still
        for record in people.records[cluster]
        if record.agency == agency and record.handle > after
    )
    return ReferencePage(tuple(handles[:limit]), len(handles) > limit)


def log_reading(
    session: Session, caller: CallingNode, name: str, page: ReferencePage, *, at: datetime
) -> None:
    """Log whose references an agency was given, before it is."""
    append_entry(
        session,
        Action.LIST_READ,
        agency=caller.agency,
        at=at,
        facts={"snapshot": name, "purpose": str(Purpose.COHORT_IDENTIFICATION)},
        parts={WHO: who_called(caller), OWN: {"snapshot": name, "handles": list(page.handles)}},
    )


def _circle(session: Session, row: CohortSnapshot, agency: str, *, at: datetime) -> Circle | None:
    """Under what a snapshot may be read by an agency now; None where it may not."""
    try:
        circle = find_circle(
            session,
            purpose=Purpose.COHORT_IDENTIFICATION,
            at=at,
            agreement=row.agreement,
            basis=LawfulBasis(row.basis),
        )
    except (AgreementMissingError, BasisNotPermittedError):
        return None
    return circle if agency in circle.agreement.signed_by else None


def _rule(session: Session, row: CohortSnapshot) -> CohortRule:
    text = session.get_one(CohortRuleText, row.digest)
    return read_rule(json.loads(text.document), file="stored rule")


def _log(session: Session, action: Action, staff: str, facts: dict[str, str], *, at: datetime) -> None:
    append_entry(session, action, agency=None, at=at, facts=facts, parts={WHO: at_the_hub(staff)})
