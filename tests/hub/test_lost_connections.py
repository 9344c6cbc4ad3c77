"""A database server that was started again: the hub goes on with new connections."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

import hub.database
from hub.database import Database


@pytest.fixture
def cut(postgres_server: Any, postgres_template: str) -> Any:
    """A database of which a connection is in the pool, and that connection closed by the server."""
    name = postgres_server.create_database(postgres_template)
    database = Database(postgres_server.url(name))
    with database.reading() as session:
        own = session.scalar(text("SELECT pg_backend_pid()"))
    admin = {
        "host": str(postgres_server.socket_directory),
        "user": postgres_server.user,
        "dbname": "postgres",
    }
    with psycopg.connect(**admin, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 10000)", [own])
    yield database
    database.close()


def test_an_idle_connection_that_was_cut_is_replaced_before_it_is_used(
    cut: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub.database, "IDLE_SECONDS", 0.0)
    with cut.reading() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_a_connection_cut_a_moment_after_its_use_fails_one_call_and_no_second(
    cut: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub.database, "IDLE_SECONDS", 3600.0)
    with pytest.raises(OperationalError), cut.reading() as session:
        session.scalar(text("SELECT 1"))
    with cut.reading() as session:
        assert session.scalar(text("SELECT 1")) == 1
