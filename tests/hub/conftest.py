"""A hub and its nodes in one process, on SQLite and on PostgreSQL; no sockets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hub.app import create_app
from hub.database import Database
from hub.homes import initialise
from hub.membership import add_agency, confirm, invite
from hub.settings import load_settings
from hub.upgrades import upgrade
from keys.identity import NodeIdentity
from matcher.schema import LinkageSchema, shipped_schema
from tests.hub.client import ORIGIN, Clock, Node
from tests.hub.people import SOMEBODY
from tests.postgres import PostgresServer, postgres_or_skip

NETWORK = "test-county"
EPOCH = "2026-1"
NOW = datetime(2026, 2, 3, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    yield from postgres_or_skip()


@pytest.fixture(scope="session")
def schema() -> LinkageSchema:
    return shipped_schema(["dob", "initials", "names", "chain", "sex", "area"])


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "hub.sqlite3"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    name = postgres_server.create_database()
    database = Database(postgres_server.url(name))
    upgrade(database)
    database.close()
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of the newest layout."""
    if request.param == "sqlite":
        path = tmp_path / "hub.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.url(server.create_database(request.getfixturevalue("postgres_template")))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@dataclass
class Network:
    """A hub with its nodes, and the operator's hands."""

    home: Path
    client: TestClient
    database: Database
    clock: Clock
    schema: LinkageSchema
    hub: NodeIdentity
    nodes: dict[str, Node] = field(default_factory=dict)

    def add(self, agency: str, *, custodian: bool = False, area: str | None = "north") -> Node:
        """Add an agency that has not enrolled."""
        with self.database.writing() as session:
            add_agency(
                session, agency, name=f"Agency {agency}", service="housing", area=area, custodian=custodian
            )
        node = Node(agency, self.client, self.clock, self.hub.public, seed=len(self.nodes))
        self.nodes[agency] = node
        return node

    def invite(self, agency: str, *, hours: int = 24) -> str:
        with self.database.writing() as session:
            return invite(session, agency, at=self.clock(), hours=hours)

    def confirm(self, node: Node) -> None:
        with self.database.writing() as session:
            confirm(session, node.agency, fingerprint=node.identity.public.fingerprint, at=self.clock())

    def join(self, agency: str, *, custodian: bool = False, area: str | None = "north") -> Node:
        """Add, invite, enrol and confirm an agency."""
        node = self.add(agency, custodian=custodian, area=area)
        assert node.enrol(self.invite(agency)).status == 201
        self.confirm(node)
        return node

    def agreement(self, *parties: str, name: str = "isa-1", **changes: Any) -> dict[str, Any]:
        """An agreement's document."""
        paper = {"title": "A paper", "version": "1", "sha256": "ab" * 32}
        document = {
            "format": "agreement/1",
            "agreement": name,
            "title": "Sharing agreement",
            "isa": paper,
            "terms_of_reference": paper,
            "parties": sorted(parties),
            "purposes": ["case_conference", "single_lookup", "safeguarding_panel", "referral_deduplication"],
            "lawful_bases": ["consent", "public_task"],
            "maximum_age_days": 30,
            "not_before": "2026-01-01T00:00:00Z",
            "expires": "2027-01-01T00:00:00Z",
        }
        return document | changes

    def agree(self, *parties: str, name: str = "isa-1", **changes: Any) -> dict[str, Any]:
        """Propose an agreement and have every party sign it."""
        document = self.agreement(*parties, name=name, **changes)
        assert self.nodes[parties[0]].call("POST", "/v1/agreements", document).status == 201
        for party in parties:
            assert self.nodes[party].sign_agreement(document).status == 200
        return document

    def begin_epoch(self, custodian: Node, epoch: str = EPOCH) -> None:
        assert custodian.begin_epoch(self.schema, epoch=epoch, network=NETWORK).status == 201


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@contextmanager
def open_network(
    home: Path, *, database_url: str, clock: Clock, schema: LinkageSchema, **settings: int
) -> Iterator[Network]:
    """A new hub without agencies, its look-ups answered at once, with other settings than shipped."""
    initialise(home, network=NETWORK, database_url=database_url)
    with (home / "hub.toml").open("a") as file:
        file.write(f'origins = ["{ORIGIN}"]\nlock_timeout_seconds = 2.0\nanswer_quantum_seconds = 0.0\n')
        file.writelines(f"{name} = {value}\n" for name, value in settings.items())
    app = create_app(load_settings(home), clock=clock)
    state = app.state.hub
    with TestClient(app, base_url=ORIGIN, raise_server_exceptions=False) as client:
        yield Network(home, client, state.database, clock, schema, state.identity)


def form_partnership(network: Network) -> Network:
    """Three agencies that have agreed and begun an epoch: one asks, two hold."""
    asker = network.join("asker", custodian=True)
    network.join("holder-1")
    network.join("holder-2", area=None)
    network.agree("asker", "holder-1", "holder-2")
    network.begin_epoch(asker)
    return network


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests says nothing."""
    for name in [name for name in os.environ if name.startswith("KNOWNTO_HUB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def network(database_url: str, tmp_path: Path, clock: Clock, schema: LinkageSchema) -> Iterator[Network]:
    """A hub without agencies."""
    with open_network(tmp_path / "hub", database_url=database_url, clock=clock, schema=schema) as network:
        yield network


@pytest.fixture
def partnership(network: Network) -> Network:
    """Three agencies that have agreed and begun an epoch: one asks, two hold."""
    return form_partnership(network)


@pytest.fixture
def shared(partnership: Network) -> Network:
    """The first holder knows somebody and may say so; the second knows them and may not."""
    for holder, consents in (("holder-1", True), ("holder-2", False)):
        node = partnership.nodes[holder]
        record = node.record([SOMEBODY], partnership.schema)
        assert node.push([record], partnership.schema, epoch=EPOCH).status == 200
        if consents:
            assert node.consent(record["handle"]).status == 200
    return partnership
