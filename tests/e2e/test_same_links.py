"""The same links for shuffled files, one thread or two, and both databases; and for records that come later.

Identical means: the same pairs with the same patterns and the same clusters, and log odds and posteriors
equal to 1e-12. Orders change the order of sums and so the last bits; another number of threads changes none.
"""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from cli.demo.files import write_contract
from cli.demo.generator import generate
from cli.demo.mess import Row
from cli.evaluation_data import parse_fields
from cli.evaluation_pairs import LinkedFiles, link_folder
from hub.estimation import read_index
from hub.models import Record
from keys.linkage import LinkageKey
from matcher.candidates import Meetings, SlotIndex, stored_meetings
from matcher.clustering import cluster
from matcher.increments import LinkedIndex, meetings_of_new, score_new_records
from matcher.linking import link
from matcher.model import shipped_model
from matcher.scoring import RecordPairs
from matcher.tokens import IntArray, TokenSet
from node import pushing
from node.caseload import shareable_records
from tests.federation import Federation, running_federation
from tests.postgres import PostgresServer

TODAY = date(2026, 11, 23)
TOLERANCE = 1e-12
FIELDS = "dob,names,chain,sex,area"
AGENCIES = ("cgl", "hpft", "housing-watford", "probation")
ASKER = "cgl"
SCHEMA = parse_fields(FIELDS)

Reference = tuple[str, str]
Pair = tuple[Reference, Reference]


@dataclass(frozen=True)
class Links:
    """Pairs by the records' references, and the clusters."""

    pattern: dict[Pair, int]
    log_odds: dict[Pair, float]
    posterior: dict[Pair, float]
    clusters: set[frozenset[Reference]]


def links_of(pairs: RecordPairs, references: Sequence[Reference], agency: IntArray) -> Links:
    """What a run said, by references, which no order changes."""
    ends = zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)
    both = [(references[a], references[b]) for a, b in ends]
    named = [(min(pair), max(pair)) for pair in both]
    found = cluster(pairs, record_count=len(references), agency=agency).cluster_of
    together: dict[int, set[Reference]] = {}
    for reference, number in zip(references, found.tolist(), strict=True):
        together.setdefault(number, set()).add(reference)
    pattern = dict(zip(named, pairs.pattern.tolist(), strict=True))
    log_odds = dict(zip(named, pairs.log_odds.tolist(), strict=True))
    posterior = dict(zip(named, pairs.posterior.tolist(), strict=True))
    return Links(pattern, log_odds, posterior, set(map(frozenset, together.values())))


def assert_same(one: Links, other: Links) -> None:
    assert one.pattern == other.pattern
    assert one.clusters == other.clusters
    for name in ("log_odds", "posterior"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert max(abs(mine[pair] - theirs[pair]) for pair in mine) <= TOLERANCE, name


def assert_worth_comparing(links: Links) -> None:
    """Sure links, doubtful pairs, and clusters of more than two records."""
    assert sum(p >= 0.5 for p in links.posterior.values()) > 100
    assert sum(0.01 < p < 0.99 for p in links.posterior.values()) > 10
    assert max(map(len, links.clusters)) > 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("county")
    write_contract(generate(people=700, seed=23, with_conference=False), directory)
    return directory


def shuffled(folder: Path, directory: Path, *, seed: int) -> tuple[Path, dict[str, str]]:
    """The same tables with rows and columns in another order, and read in another order of agencies."""
    rng = random.Random(seed)
    renamed = {}
    directory.mkdir()
    tables = sorted(folder.glob("*.csv"))
    for number, path in enumerate(rng.sample(tables, len(tables))):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        name = "truth" if path.stem == "truth" else f"{number}-{path.stem}"
        renamed[name] = path.stem
        with (directory / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            columns = list(rows[0])
            writer = csv.DictWriter(file, rng.sample(columns, len(columns)), lineterminator="\r\n")
            writer.writeheader()
            writer.writerows(rng.sample(rows, len(rows)))
    return directory, renamed


def linked(directory: Path, *, fields: str, with_probes: bool) -> LinkedFiles:
    aside = [directory / "truth.csv"]
    schema = parse_fields(fields)
    return link_folder(directory, None, schema, with_probes=with_probes, today=TODAY, leave_out=aside)


def links_of_files(files: LinkedFiles, renamed: Mapping[str, str] | None = None) -> Links:
    population = files.population
    names = [(renamed or {}).get(agency, agency) for agency in population.agencies]
    owners = [names[agency] for agency in population.agency.tolist()]
    references = list(zip(owners, population.local_ids, strict=True))
    return links_of(files.run.pairs, references, population.agency)


@pytest.mark.parametrize(
    ("fields", "with_probes"),
    [
        pytest.param("dob,initials,sex,area", True, id="initials, with probes"),
        pytest.param(FIELDS, True, id="names, with probes"),
        pytest.param(FIELDS, False, id="names, stored slots alone"),
    ],
)
def test_shuffled_files_give_the_same_links(
    folder: Path, tmp_path: Path, fields: str, with_probes: bool
) -> None:
    files = linked(folder, fields=fields, with_probes=with_probes)
    expected = links_of_files(files)
    assert_worth_comparing(expected)
    for seed in (1, 2):
        other, renamed = shuffled(folder, tmp_path / f"shuffled-{seed}", seed=seed)
        again = linked(other, fields=fields, with_probes=with_probes)
        assert again.population.local_ids != files.population.local_ids
        assert_same(expected, links_of_files(again, renamed))


RUN = """
import hashlib, sys
from datetime import date
from pathlib import Path
from cli.evaluation_data import parse_fields
from cli.evaluation_pairs import link_folder
from matcher.clustering import cluster

folder = Path(sys.argv[1])
files = link_folder(
    folder, None, parse_fields(sys.argv[2]), with_probes=True, today=date(2026, 11, 23),
    leave_out=[folder / "truth.csv"],
)
pairs, agency = files.run.pairs, files.population.agency
found = cluster(pairs, record_count=len(agency), agency=agency).cluster_of
arrays = (pairs.left, pairs.right, pairs.pattern, pairs.log_odds, pairs.posterior, found)
print(hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest(), len(pairs.left))
"""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def test_one_thread_and_two_give_the_same_links_to_the_last_bit(folder: Path) -> None:
    """A process each, because libraries read the number once."""
    said = []
    for threads in ("1", "2"):
        environment = {**os.environ, **dict.fromkeys(THREADS, threads), "PYTHONPATH": os.getcwd()}
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(folder), FIELDS],
            env=environment, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        said.append(done.stdout.split())
    assert said[0] == said[1]
    assert int(said[0][1]) > 100


@dataclass(frozen=True)
class Way:
    """How a hub comes to its caseloads: on which database, in which order, and how much at a time.

    `halves`: every agency shares half of its people first, and then all.
    """

    database: str
    seed: int
    batch_records: int
    halves: bool


ONE_WAY = Way("sqlite", seed=0, batch_records=500, halves=False)
OTHER_WAYS = [
    pytest.param(Way("postgresql", seed=1, batch_records=37, halves=True), id="PostgreSQL"),
    pytest.param(Way("sqlite", seed=2, batch_records=23, halves=True), id="SQLite"),
]


@dataclass(frozen=True)
class Told:
    """What a hub made of the caseloads: look-up answers, links of the whole index, links by increments."""

    answers: dict[tuple[str, str], tuple[str, Any]]
    links: Links
    grown: Links | None


@dataclass(frozen=True)
class County:
    """Caseloads, the cases to ask about, and who has consented to the answers."""

    caseloads: dict[str, list[dict[str, str]]]
    cases: list[dict[str, str]]
    consenting: dict[str, list[str]]


@pytest.fixture(scope="module")
def county() -> County:
    """Four agencies of 200 made-up people; 20 cases of one agency, of whom most have consented."""
    federation = generate(people=200, seed=29, with_conference=False)
    loads = {load.agency.agency_id: load.rows for load in federation.caseloads}
    caseloads = {agency: [_filled(row) for row in loads[agency]] for agency in AGENCIES}
    asked = [row for row in caseloads[ASKER] if "dob" in row][:20]
    person_of = {(entry.agency, entry.local_id): entry.person_id for entry in federation.truth}
    willing = {person_of[ASKER, row["local_id"]] for row in asked[5:]}
    consenting = {
        agency: [row["local_id"] for row in rows if person_of[agency, row["local_id"]] in willing]
        for agency, rows in caseloads.items()
        if agency != ASKER
    }
    return County(caseloads, [{**row, "case_ref": row["local_id"]} for row in asked], consenting)


def _filled(row: Row) -> dict[str, str]:
    """A row's cells that hold anything."""
    return {name: value for name, value in asdict(row).items() if value}


def told_by_hub(
    way: Way,
    county: County,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Told:
    rng = random.Random(way.seed)
    monkeypatch.setattr(pushing, "BATCH_RECORDS", way.batch_records)
    with hub_of(way, tmp_path, request, monkeypatch) as federation:
        order = rng.sample(AGENCIES, len(AGENCIES))
        mixed = {agency: rng.sample(rows, len(rows)) for agency, rows in county.caseloads.items()}
        begun = None
        if way.halves:
            for agency in order:
                federation.share(agency, mixed[agency][: len(mixed[agency]) // 2])
            begun = link_hub(federation)
        for agency in reversed(order):
            federation.share(agency, mixed[agency])
            federation.consent(agency, *county.consenting.get(agency, ()))
        everything = link_hub(federation)
        grown = None if begun is None else grow(begun, everything)
        return Told(ask(federation, county.cases), everything.links, grown)


@contextmanager
def hub_of(
    way: Way, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Federation]:
    """A hub with four agencies, under one linkage key in every way of filling it: filters depend on it."""
    key = LinkageKey.from_bytes(bytes(range(32)))
    monkeypatch.setattr(LinkageKey, "generate", classmethod(lambda cls: key))
    url = ""
    if way.database == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(server.create_database())
    with running_federation(tmp_path, database_url=url) as federation:
        for agency in AGENCIES:
            federation.add(agency, custodian=agency == ASKER)
        federation.begin_epoch(FIELDS.split(","), custodian=ASKER)
        federation.agree(*AGENCIES)
        yield federation


def ask(federation: Federation, cases: Sequence[dict[str, str]]) -> dict[tuple[str, str], tuple[str, Any]]:
    """Answer word and evidence of each case and agency; evidence holds the posterior."""
    return {
        (case.case_ref, answer.agency): (str(answer.word), answer.evidence)
        for case in federation.ask(ASKER, *cases).cases
        for answer in case.answers
    }


@dataclass(frozen=True)
class LinkedHub:
    """A hub's index, linked by stored slots."""

    tokens: TokenSet
    agency: IntArray
    references: list[Reference]
    linked: LinkedIndex

    @property
    def links(self) -> Links:
        return links_of(self.linked.pairs, self.references, self.agency)


def link_hub(federation: Federation) -> LinkedHub:
    """A full run over everything the hub holds."""
    handles = {
        kept.handle: (agency, kept.record.local_id)
        for agency, node in federation.nodes.items()
        for kept in shareable_records(node.store)
    }
    with federation.hub.database.reading() as session:
        tokens, agency, _ = read_index(session, SCHEMA)
        references = [
            handles[handle] for handle in session.scalars(select(Record.handle).order_by(Record.record))
        ]
    meetings = Meetings.concatenate(stored_meetings(SCHEMA, tokens))
    run = link(SCHEMA, tokens, meetings, agency=agency, shipped=shipped_model(SCHEMA), probes=False)
    return LinkedHub(tokens, agency, references, LinkedIndex.of_run(run))


def grow(begun: LinkedHub, everything: LinkedHub) -> Links:
    """The links of the first half, and the second half's added by what the full run found."""
    first = begun.linked.record_count
    assert everything.references[:first] == begun.references
    held = LinkedIndex(_first_pairs(everything, first), everything.linked.parameters, first)
    tokens = everything.tokens
    old, new = tokens.record < first, tokens.record >= first
    index = SlotIndex(SCHEMA, _some(tokens, old, 0))
    meetings = meetings_of_new(index, _some(tokens, new, first))
    grown = score_new_records(SCHEMA, tokens, meetings, agency=everything.agency, linked=held)
    return links_of(grown.pairs, everything.references, everything.agency)


def _first_pairs(everything: LinkedHub, first: int) -> RecordPairs:
    """The first records' pairs by the full run's parameters, before any later record came."""
    nothing = np.zeros(0, np.int64)
    empty = RecordPairs(nothing, nothing, nothing, np.zeros(0), np.zeros(0))
    tokens = _some(everything.tokens, everything.tokens.record < first, 0)
    return score_new_records(
        SCHEMA,
        tokens,
        Meetings.concatenate(stored_meetings(SCHEMA, tokens)),
        agency=everything.agency[:first],
        linked=LinkedIndex(empty, everything.linked.parameters, 0),
    ).pairs


def _some(tokens: TokenSet, rows: np.ndarray, first: int) -> TokenSet:
    return TokenSet(tokens.slots[rows], tokens.names[rows], tokens.record[rows] - first, tokens.area[rows])


@pytest.fixture(scope="module")
def expected(
    county: County,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Told:
    with pytest.MonkeyPatch.context() as monkeypatch:
        return told_by_hub(ONE_WAY, county, tmp_path_factory.mktemp("one"), request, monkeypatch)


def test_the_hub_has_something_to_tell(expected: Told) -> None:
    words = [word for word, _ in expected.answers.values()]
    assert words.count("Known") > 5 and words.count("No shared match") > 10
    assert {len(evidence["steps"]) for _, evidence in expected.answers.values() if evidence} != {0}
    assert len(expected.links.pattern) > 30


@pytest.mark.parametrize("way", OTHER_WAYS)
def test_both_databases_give_the_same_answers_and_links_in_whatever_order_records_came(
    way: Way,
    expected: Told,
    county: County,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = told_by_hub(way, county, tmp_path, request, monkeypatch)
    assert told.answers == expected.answers
    assert_same(expected.links, told.links)
    assert told.grown is not None
    assert_same(expected.links, told.grown)
