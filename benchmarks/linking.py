"""A linking run at the hub: seconds, memory, and how far its clusters are the people.

    .venv/bin/python -m benchmarks.linking ../shared/data/county --fields dob,names,chain,nhs_number,sex,area

A population whose truth is known is put into a hub's database as pushes would leave it (without the search
index of tags, which linking does not read), linked, changed, and linked again. `--copies 14` makes fourteen
such populations, strangers to each other, at the same agencies.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert, select, update

from benchmarks.network import report
from cli.evaluation_data import Population, load_population, parse_fields
from hub.database import Database
from hub.linking import link_all, link_changes
from hub.linking_models import ClusterMember
from hub.models import Agency, Epoch, Push, Record, Token
from hub.upgrades import upgrade
from keys.documents import canonical_bytes
from matcher.clustering import measure_clusters
from matcher.tokens import IntArray
from tests.postgres import running_postgres

TODAY, NOW = date(2026, 11, 22), datetime(2026, 11, 22, 9, tzinfo=UTC)
CHANGED = 1_000
ROWS_AT_ONCE = 50_000


def fill(database: Database, population: Population, *, copies: int) -> tuple[IntArray, IntArray]:
    """Put records and tokens into an empty hub.

    Returns:
        Person and agency of each record by its number in the database, from 1; entry 0 is nobody's.
    """
    upgrade(database)
    _begin(database, population)
    rng, areas = random.Random(0), {code: area for area, code in population.areas.items()}
    tokens, count = population.tokens, len(population.agency)
    area = np.full(count, -1)
    area[tokens.record] = tokens.area
    for copy in range(copies):
        # Tags are compared for equality alone: another population is another constant over all of them.
        salt = np.uint64(rng.getrandbits(64) if copy else 0)
        slots = np.where(tokens.slots != 0, tokens.slots ^ salt, np.uint64(0)).astype(">u8")
        records = [
            {
                "record": copy * count + n + 1,
                "agency": population.agencies[population.agency[n]],
                "handle": f"{rng.getrandbits(128):032x}",
                "area": areas.get(int(area[n])),
                "card": b"",
                "sha256": b"",
            }
            for n in range(count)
        ]
        rows = [
            {"record": copy * count + int(n) + 1, "tags": tags.tobytes(), "names": names.tobytes()}
            for n, tags, names in zip(tokens.record, slots, tokens.names, strict=True)
        ]
        with database.writing() as session:
            for start in range(0, len(records), ROWS_AT_ONCE):
                session.execute(insert(Record), records[start : start + ROWS_AT_ONCE])
            for start in range(0, len(rows), ROWS_AT_ONCE):
                session.execute(insert(Token), rows[start : start + ROWS_AT_ONCE])
    person = np.concatenate(
        [population.person + copy * (population.person.max() + 1) for copy in range(copies)]
    )
    return np.r_[-1, person], np.r_[-1, np.tile(population.agency, copies)]


def change(database: Database) -> None:
    """Give some records somebody else's tokens, as pushes of corrected rows would."""
    with database.writing() as session:
        chosen = select(Token.token, Token.tags, Token.names).order_by(Token.token).limit(2 * CHANGED)
        rows = session.execute(chosen).all()
        for mine, theirs in zip(rows[:CHANGED], rows[CHANGED:], strict=True):
            session.execute(
                update(Token).where(Token.token == mine.token).values(tags=theirs.tags, names=theirs.names)
            )
        agency = session.scalars(select(Agency.agency).limit(1)).one()
        session.add(Push(agency=agency, push="later", epoch="2026-1", began=NOW, completed=NOW))


def quality(database: Database, person: IntArray, agency: IntArray) -> dict[str, Any]:
    """How far the clusters are the people."""
    with database.reading() as session:
        rows = session.execute(
            select(Record.record, ClusterMember.cluster).join(
                ClusterMember,
                (ClusterMember.agency == Record.agency) & (ClusterMember.handle == Record.handle),
            )
        ).all()
    records = np.array([row.record for row in rows])
    clusters = np.array([row.cluster for row in rows])
    people, whose = person[records], agency[records]
    by_agency = people * (agency.max() + 1) + whose
    inside = measure_clusters(clusters * (agency.max() + 1) + whose, by_agency, pairs_of(by_agency))
    everywhere = measure_clusters(clusters, people, pairs_of(people))
    return {
        "clusters": len(np.unique(clusters)),
        "people": len(np.unique(people)),
        "pairs_precision": round(everywhere.precision, 4),
        "pairs_recall": round(everywhere.recall, 4),
        "pairs_f1": round(everywhere.f1, 4),
        "inside_agencies_precision": round(inside.precision, 4),
        "inside_agencies_recall": round(inside.recall, 4),
    }


def pairs_of(labels: IntArray) -> int:
    """Pairs of records with one label."""
    sizes = np.unique(labels, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--fields", required=True)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    truth = options.directory / "truth.csv"
    population = load_population(
        options.directory, truth, parse_fields(options.fields), with_probes=False, today=TODAY
    )
    if options.database == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            measure(f"sqlite:///{Path(folder) / 'hub.sqlite3'}", population, options.copies)
    else:
        with running_postgres() as server:
            measure(server.url(server.create_database()), population, options.copies)


def measure(url: str, population: Population, copies: int) -> None:
    """Link, change, and link again."""
    database = Database(url)
    person, agency = fill(database, population, copies=copies)
    found: dict[str, Any] = {"database": database.engine.dialect.name, "records": len(person) - 1}
    found |= timed("full_run", lambda: link_all(database, clock=lambda: NOW, report=lambda _: None))
    found |= quality(database, person, agency)
    change(database)
    found["changed_records"] = CHANGED
    found |= timed("changes", lambda: link_changes(database, clock=lambda: NOW, report=lambda _: None))
    found["peak_gigabytes"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)
    database.close()
    report(found)


def timed(what: str, work: Callable[[], object]) -> dict[str, float]:
    """Seconds it takes, and seconds of the processor: a busy machine shows in their difference."""
    began, used = time.perf_counter(), time.process_time()
    work()
    wall, processor = time.perf_counter() - began, time.process_time() - used
    return {f"{what}_seconds": round(wall, 2), f"{what}_processor_seconds": round(processor, 2)}


def _begin(database: Database, population: Population) -> None:
    """Agencies and an epoch whose schema is the population's."""
    schema = population.schema
    document = {"epoch": "2026-1", "linkage_key_id": "00", "schema": schema.document}
    with database.writing() as session:
        for name in population.agencies:
            session.add(
                Agency(
                    agency=name,
                    name=name,
                    service="housing",
                    area=None,
                    custodian=False,
                    state="confirmed",
                    as_of=NOW,
                )
            )
        session.flush()
        session.add(
            Epoch(
                epoch="2026-1",
                document=canonical_bytes(document).decode(),
                schema_digest=schema.digest,
                custodian=population.agencies[0],
            )
        )


if __name__ == "__main__":
    main()
