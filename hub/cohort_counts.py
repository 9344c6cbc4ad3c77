"""A cohort counted: in all, by sub-region, area and kind of service; and compared with what it was.

Cohorts are dimensions of one population. Whichever were published before are counted again at every later
snapshot, so that the ledger can hold the new numbers against the old ones: by the rule as it was then, or by
the clusters that a snapshot has kept. A person who is counted no longer is in none of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.cohort_members import Stay, membership, warnings_for
from hub.cohort_rules import CohortRule, read_rule
from hub.count_models import CohortMember, CohortRuleText, CohortSnapshot
from hub.count_tables import CountRow, CountTable
from hub.counted_people import CountedPeople, read_people
from hub.counting_rules import Circle, find_circle
from hub.database import Database
from hub.errors import ConflictError
from hub.months import month_at
from hub.populations import (
    AREA,
    IN,
    OUT,
    SERVICES,
    count_people,
    impossible_pairs,
    kinds_of_level,
    same,
    services_levels,
)
from hub.publishing import CHANGED_SINCE, PEOPLE, Inquiry, Prepared, keep_rule, publish_counts
from hub.purposes import LawfulBasis, Purpose
from hub.service_kinds import kind_words
from hub.suppression_ledger import Ledger
from hub.suppression_tables import Population, Question

# Names of dimensions: a rule's, and a snapshot's. They are never shown.
OF_RULE, OF_SNAPSHOT = "rule ", "snapshot "
TOTAL, SUB_REGION, SERVICE, JOINED, LEFT, STAYED = (
    "total",
    "sub_region",
    "service",
    "joined",
    "left",
    "stayed",
)

Timelines = Mapping[int, tuple[Stay, ...]]


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts as they may be shown, of which day, and what they miss."""

    snapshot: str
    rows: tuple[CountRow, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counting:
    """By whom and under what something is counted.

    Attributes:
        analyst: Staff id.
        at: Now.
        profile: Name of the disclosure profile.
        agreement: Id of the agreement; None where only one comes into question.
        basis: One of its bases; None for consent where it relies on that.
        purpose: What for.
    """

    analyst: str
    at: datetime
    profile: str = "county-default"
    agreement: str | None = None
    basis: LawfulBasis | None = None
    purpose: Purpose = Purpose.COHORT_IDENTIFICATION

    @property
    def day(self) -> str:
        """The day of the snapshot."""
        return self.at.date().isoformat()

    def inquiry(self, *cohorts: str) -> Inquiry:
        """The same as an inquiry about everybody."""
        return Inquiry(self.analyst, PEOPLE, frozenset(cohorts), self.profile, self.at)

    def circle(self, session: Session) -> Circle:
        """Under what people are counted."""
        return find_circle(
            session,
            purpose=self.purpose,
            at=self.at,
            agreement=self.agreement,
            basis=self.basis,
        )


def count_cohort(database: Database, rule: CohortRule, counting: Counting) -> Counted:
    """Count a cohort today, through budget and ledger.

    Raises:
        BudgetExhaustedError, ConflictError, UnavailableError: As `hub.publishing.publish_counts`.
        AgreementMissingError, BasisNotPermittedError, MalformedError: As `hub.counting_rules.find_circle`.
        NotInitialisedError: No linking run has been completed.
    """
    warnings: list[str] = []

    def prepare(session: Session, ledger: Ledger) -> Prepared:
        people = read_people(session, counting.circle(session))
        warnings[:] = [*warnings_for(rule, people.kinds), *warnings_of(people)]
        population = population_of(session, people, ledger, {OF_RULE + rule.digest: rule}, counting)
        tables = _tables(rule, people, population)
        facts = {"cohort": rule.rule_id, "cohort_version": rule.version, "cohort_digest": rule.digest}
        return Prepared(population, tables, facts)

    with database.writing() as session:
        keep_rule(session, rule.digest, rule.document)
    rows = publish_counts(database, counting.inquiry(rule.digest), prepare)
    return Counted(counting.day, tuple(rows), tuple(warnings))


def compare_snapshots(
    database: Database, earlier: str, later: str, digest: str, counting: Counting
) -> Counted:
    """How many joined a cohort between two snapshots, left it, and stayed: of those who are counted today.

    Args:
        database: The hub's.
        earlier: The earlier snapshot.
        later: The later one.
        digest: Of the rule of both.
        counting: By whom and under what.
    """
    warnings: list[str] = []

    def prepare(session: Session, ledger: Ledger) -> Prepared:
        people = read_people(session, counting.circle(session))
        warnings[:] = warnings_of(people)
        before, after = OF_SNAPSHOT + earlier, OF_SNAPSHOT + later
        population = population_of(session, people, ledger, {before: None, after: None}, counting)
        moves = {JOINED: (OUT, IN), LEFT: (IN, OUT), STAYED: (IN, IN)}
        tables = [
            CountTable(
                name,
                {"": Question((), {before: frozenset({was}), after: frozenset({now})})},
            )
            for name, (was, now) in moves.items()
        ]
        return Prepared(population, tables, {"earlier": earlier, "later": later})

    rows = publish_counts(database, counting.inquiry(digest), prepare)
    return Counted(counting.day, tuple(rows), tuple(warnings))


def population_of(
    session: Session,
    people: CountedPeople,
    ledger: Ledger,
    asked: Mapping[str, CohortRule | None],
    counting: Counting,
) -> Population:
    """Everybody by area, services, the cohorts asked for and those of the tables published before.

    Raises:
        ConflictError: A snapshot of this day was kept of other data.
    """
    month = month_at(counting.at)
    stays = people.stays(month)
    earlier = [name for name in ledger.dimensions if name not in (AREA, SERVICES)]
    rules = {
        name: asked.get(name) or _stored_rule(session, name)
        for name in dict.fromkeys([*earlier, *asked])
        if name.startswith(OF_RULE)
    }
    members = {
        name: members_of(rules[name], stays, month=month) if name in rules else _kept(session, name)
        for name in dict.fromkeys([*earlier, *asked])
    }
    levels = services_levels(people)
    today = _of_today(session, counting.day, members)
    if any(members[one] != members[other] & set(stays) for one, other in today):
        raise ConflictError(CHANGED_SINCE)
    return count_people(
        people,
        stays,
        members,
        snapshot=counting.day,
        areas=ledger.dimensions.get(AREA, ()),
        impossible=[
            *(pair for name, rule in rules.items() for pair in impossible_pairs(name, rule, levels)),
            *(pair for one, other in today for pair in same(one, other)),
        ],
    )


def members_of(rule: CohortRule, stays: Timelines, *, month: int) -> set[int]:
    """The clusters that a rule counts."""
    return {cluster for cluster, timeline in stays.items() if membership(rule, timeline, at=month).member}


def warnings_of(people: CountedPeople) -> list[str]:
    """Which agencies of the agreement are not counted, or only without months."""
    found = [f"{agency} is not counted: it {why}" for agency, why in people.missing.items()]
    return [*found, *(f"{agency} shares no months: nothing is known of when" for agency in people.undated)]


def _kept(session: Session, name: str) -> set[int]:
    """The clusters that a snapshot has kept."""
    kept = name.removeprefix(OF_SNAPSHOT)
    return set(session.scalars(select(CohortMember.cluster).where(CohortMember.snapshot == kept)))


def _of_today(session: Session, day: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """The dimensions of rules whose snapshot of this day is a dimension too: they are one and the same."""
    rows = session.execute(
        select(CohortSnapshot.digest, CohortSnapshot.snapshot).where(CohortSnapshot.day == day)
    )
    pairs = [(OF_RULE + digest, OF_SNAPSHOT + snapshot) for digest, snapshot in rows]
    return [pair for pair in pairs if set(pair) <= set(names)]


def _stored_rule(session: Session, name: str) -> CohortRule:
    row = session.get_one(CohortRuleText, name.removeprefix(OF_RULE))
    return read_rule(json.loads(row.document), file="stored rule")


def _tables(rule: CohortRule, people: CountedPeople, population: Population) -> Sequence[CountTable]:
    inside = {OF_RULE + rule.digest: frozenset({IN})}
    areas = set(population.dimensions[AREA])
    regions = {
        name: Question((), inside | {AREA: frozenset(listed) & areas})
        for name, listed in rule.sub_regions.items()
        if areas & set(listed)
    }
    tables = [CountTable(TOTAL, {"": Question((), inside)}), CountTable(SUB_REGION, regions)]
    tables += [CountTable(AREA, {"": Question((AREA,), inside)}), services_table(people, inside)]
    return [table for table in tables if table.questions]


def services_table(people: CountedPeople, inside: Mapping[str, frozenset[str]]) -> CountTable:
    """A number for every kind of service: how many of the people it knows, whoever else does."""
    levels = services_levels(people)
    known = {
        kind: frozenset(level for level in levels if kind in kinds_of_level(level)) for kind in people.kinds
    }
    questions = {
        kind: Question((), {**inside, SERVICES: known[kind]}) for kind in sorted(people.kinds, key=kind_words)
    }
    return CountTable(SERVICE, questions)
