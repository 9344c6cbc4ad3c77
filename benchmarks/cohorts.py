"""Counts over clusters against counts over people: unique people, a cohort, and movement.

    .venv/bin/python -m benchmarks.cohorts ../shared/data/county --fields dob,names,chain,nhs_number,sex,area

A population whose truth is known is put into a hub's database as pushes would leave it, months included, and
linked. What the hub then counts, before anything is hidden, is held against the same rules over the true
people; and what it publishes is printed beside. Kinds of service are told from the names of the tables.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from benchmarks.linking import NOW, TODAY, fill
from benchmarks.network import report
from cli.evaluation_data import Population, load_population, parse_fields
from hub.cohort_counts import Counting, count_cohort, members_of
from hub.cohort_rules import shipped_rule
from hub.counted_people import CountedPeople, SeenRecord, read_people
from hub.database import Database
from hub.linking import link_all
from hub.models import Agency, Agreement, AgreementParty, Record
from hub.month_models import RecordMonths
from hub.months import format_month, month_at, month_of
from hub.movement import Period, count_movement, flow_of
from hub.overlap_counts import count_overlap
from hub.purposes import LawfulBasis
from matcher.tokens import IntArray
from node.months import months_of
from node.records import read_caseload

SERVICES = {
    "cgl": "substance_use",
    "hpft": "mental_health",
    "primary-care": "primary_care",
    "probation": "probation",
}
YEAR = Period(month_of("2024-11"), month_of("2025-11"))
ANALYST = "benchmark"

People = Mapping[int, tuple[SeenRecord, ...]]


def agree(database: Database, population: Population) -> None:
    """An agreement of all agencies on counting, and what kind of service each is."""
    document = {
        "agreement": "all",
        "purposes": ["cohort_identification", "statistics"],
        "lawful_bases": ["public_task"],
        "maximum_age_days": 30,
    }
    with database.writing() as session:
        for agency in population.agencies:
            service = SERVICES.get(agency, "housing")
            session.execute(update(Agency).where(Agency.agency == agency).values(service=service))
        session.add(
            Agreement(
                agreement="all",
                digest="",
                document=json.dumps(document),
                not_before=NOW - timedelta(days=1),
                expires=NOW + timedelta(days=30),
            )
        )
        session.flush()
        for agency in population.agencies:
            session.add(AgreementParty(agreement="all", agency=agency, signature="signed", signed_at=NOW))


def share_months(database: Database, folder: Path, population: Population) -> None:
    """The months of every record, as its agency would send them.

    Records are numbered from 1 in the order of the population's, which is that of the tables.
    """
    rows, number = [], 0
    for agency in population.agencies:
        for record in read_caseload(folder / f"{agency}.csv", today=TODAY, children=True).records:
            number += 1
            months = months_of(record, today=TODAY)
            if months is not None:
                shared = {name: None if month is None else month_of(month) for name, month in months.items()}
                rows.append({"record": number, **shared})
    if number != len(population.agency):
        raise ValueError("the tables have other records than the population")
    with database.writing() as session:
        session.execute(insert(RecordMonths), rows)


def true_people(database: Database, people: CountedPeople, person: IntArray) -> People:
    """The records that are counted, by person instead of by cluster."""
    with database.reading() as session:
        rows = session.execute(select(Record.agency, Record.handle, Record.record))
        of_record = {(agency, handle): int(person[number]) for agency, handle, number in rows}
    found: dict[int, list[SeenRecord]] = {}
    for records in people.records.values():
        for record in records:
            found.setdefault(of_record[record.agency, record.handle], []).append(record)
    return {one: tuple(records) for one, records in found.items()}


def cohort_figures(people: CountedPeople, truth: People, rule_id: str) -> dict[str, Any]:
    """Size and membership of a cohort: by clusters, and by people.

    A cluster stands for the person most of its records are of; of two, for the one named first.
    """
    rule, month = shipped_rule(rule_id), month_at(NOW)
    found = members_of(rule, people.stays(month), month=month)
    stays = {one: tuple(record.stay(month) for record in records) for one, records in truth.items()}
    right = members_of(rule, stays, month=month)
    whose = {(r.agency, r.handle): one for one, records in truth.items() for r in records}
    claimed = {
        most_common(whose[record.agency, record.handle] for record in people.records[cluster])
        for cluster in found
    }
    precision, recall = len(claimed & right) / len(claimed), len(claimed & right) / len(right)
    return {
        f"{rule_id}_clusters": len(found),
        f"{rule_id}_people": len(right),
        f"{rule_id}_size_error_percent": percent(len(found), len(right)),
        f"{rule_id}_f1": round(2 * precision * recall / (precision + recall), 4),
    }


def movement_figures(people: CountedPeople, truth: People, period: Period) -> dict[str, Any]:
    """Movers in all, and how far the flows differ cell by cell."""
    found = Counter(flow for records in people.records.values() if (flow := flow_of(records, period)))
    right = Counter(flow for records in truth.values() if (flow := flow_of(records, period)))
    differing = sum(abs(found[flow] - right[flow]) for flow in found | right)
    name = f"movers_{format_month(period.first)}_{format_month(period.last)}"
    return {
        f"{name}_clusters": found.total(),
        f"{name}_people": right.total(),
        f"{name}_error_percent": percent(found.total(), right.total()),
        f"{name}_cells_differ_by_percent": round(100 * differing / right.total(), 1),
    }


def published(database: Database) -> dict[str, Any]:
    """What the three commands publish of it, and in which time."""
    counting = Counting(ANALYST, NOW, basis=LawfulBasis.PUBLIC_TASK)
    found: dict[str, Any] = {}
    for name, count in {
        "cohort_run": lambda: count_cohort(database, shipped_rule("mcn"), counting),
        "overlap": lambda: count_overlap(database, None, counting),
        "movement": lambda: count_movement(database, YEAR, counting),
    }.items():
        began = time.perf_counter()
        rows = count().rows
        found[f"{name}_seconds"] = round(time.perf_counter() - began, 1)
        found[f"{name}_numbers"] = f"{sum(row.shown == 'number' for row in rows)} of {len(rows)}"
        found[f"{name}_total"] = rows[0].count
    return found


def percent(found: int, right: int) -> float:
    """By how much a number is off."""
    return round(100 * (found - right) / right, 2)


def most_common(numbers: Iterable[int]) -> int:
    """The number that comes most often; of several the smallest."""
    counts = Counter(numbers)
    return min(counts, key=lambda number: (-counts[number], number))


def people_in(truth: Path) -> int:
    """The people that a truth file names."""
    with truth.open(encoding="utf-8", newline="") as file:
        return len({row["person_id"] for row in csv.DictReader(file) if row["person_id"]})


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--fields", required=True)
    options = parser.parse_args()
    truth = options.directory / "truth.csv"
    population = load_population(
        options.directory, truth, parse_fields(options.fields), with_probes=False, today=TODAY
    )
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'hub.sqlite3'}")
        person, _ = fill(database, population, copies=1)
        agree(database, population)
        share_months(database, options.directory, population)
        link_all(database, clock=lambda: NOW, report=lambda _: None)
        counting = Counting(ANALYST, NOW, basis=LawfulBasis.PUBLIC_TASK)
        with database.reading() as session:
            people = read_people(session, counting.circle(session))
        by_person = true_people(database, people, person)
        found = {
            "records": sum(map(len, people.records.values())),
            "clusters": len(people.records),
            "people": people_in(truth),
            "people_error_percent": percent(len(people.records), people_in(truth)),
        }
        found |= cohort_figures(people, by_person, "mcn")
        for year in range(2021, 2025):
            period = Period(month_of(f"{year}-11"), month_of(f"{year + 1}-11"))
            found |= movement_figures(people, by_person, period)
        report(found | published(database))
        database.close()


if __name__ == "__main__":
    main()
