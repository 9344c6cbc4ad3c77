"""The same federation over both transports and on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.federation import Federation, running_federation
from tests.postgres import PostgresServer, postgres_or_skip


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    yield from postgres_or_skip()


@pytest.fixture(scope="session")
def durable_postgres() -> Iterator[PostgresServer]:
    """A server whose commits wait for the disk: what is acknowledged must have been durable."""
    yield from postgres_or_skip(durable=True)


@pytest.fixture(
    params=[
        pytest.param((False, "sqlite"), id="in process, SQLite"),
        pytest.param((True, "sqlite"), id="sockets, SQLite"),
        pytest.param((False, "postgresql"), id="in process, PostgreSQL"),
        pytest.param((True, "postgresql"), id="sockets, PostgreSQL"),
    ]
)
def empty_federation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Federation]:
    """A hub without agencies."""
    sockets, database = request.param
    url = ""
    if database == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(server.create_database())
    with running_federation(tmp_path, sockets=sockets, database_url=url) as federation:
        yield federation


@pytest.fixture
def federation(empty_federation: Federation) -> Federation:
    """Asker and holder with a key and a live agreement; nobody has shared yet."""
    empty_federation.add("asker", custodian=True)
    empty_federation.add("holder", service="probation", team="Probation desk 020")
    empty_federation.begin_epoch(["dob", "names", "chain"], custodian="asker")
    empty_federation.agree("asker", "holder")
    return empty_federation
