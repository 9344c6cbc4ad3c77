"""Health is proved by a write that leaves nothing, and that does not queue behind whoever writes the log."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError

from hub.database import Database
from hub.health import ROOM_BYTES
from hub.log_tree import lock_head
from hub.models import Nonce
from tests.hub.conftest import NOW, Network

LONG, SHORT = 120.0, 0.2  # Seconds; far enough apart for a busy machine.
ROW = {"fingerprint": "", "nonce": "0a" * 16, "expires": NOW}


def test_health_leaves_nothing_behind(network: Network) -> None:
    for _ in range(3):
        assert network.client.get("/v1/health").status_code == 200
    with network.database.reading() as session:
        assert session.scalars(select(Nonce)).all() == []


def test_health_does_not_wait_for_the_log(network: Network) -> None:
    """On PostgreSQL it is not held up at all; on SQLite, which has one writer, it says so within a moment."""
    with network.database.writing() as session:
        lock_head(session)
        answer = network.client.get("/v1/health")
    sqlite = network.database.engine.dialect.name == "sqlite"
    assert answer.status_code == (503 if sqlite else 200)
    assert network.client.get("/v1/health").status_code == 200


def test_a_full_disk_shows_where_the_hub_holds_the_database_itself(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that is taken back never reaches SQLite's disk, so it would show nothing."""

    class FullDisk:
        def write(self, data: bytes) -> int:
            if len(data) < ROOM_BYTES:
                raise OSError(errno.ENOSPC, "")
            return len(data) - 1

    folders: list[Path] = []

    @contextmanager
    def on_a_full_disk(*, dir: Path, buffering: int) -> Iterator[FullDisk]:
        folders.append(dir)
        yield FullDisk()

    monkeypatch.setattr("hub.health.tempfile.TemporaryFile", on_a_full_disk)
    sqlite = network.database.folder is not None
    answer = network.client.get("/v1/health")
    assert answer.status_code == (503 if sqlite else 200)
    assert folders == ([Path(str(network.database.engine.url.database)).parent] if sqlite else [])


def test_a_trial_gives_up_long_before_a_writer_does(database_url: str) -> None:
    database = Database(database_url, lock_timeout_seconds=LONG)
    began = time.monotonic()
    with database.writing() as session:
        session.execute(insert(Nonce).values(ROW))
        with pytest.raises(OperationalError), database.trying(wait_seconds=SHORT) as trial:
            trial.execute(insert(Nonce).values(ROW))
    assert time.monotonic() - began < LONG / 2
    database.close()


def test_a_connection_that_was_tried_waits_as_long_as_ever_afterwards(database_url: str) -> None:
    database = Database(database_url, lock_timeout_seconds=LONG)
    with database.trying(wait_seconds=SHORT) as trial:
        trial.execute(insert(Nonce).values(ROW))
    sqlite = database.engine.dialect.name == "sqlite"
    with database.engine.connect() as connection:
        shown = connection.execute(text("PRAGMA busy_timeout" if sqlite else "SHOW lock_timeout")).scalar()
        assert shown == (LONG * 1000 if sqlite else "2min")
        assert connection.execute(select(Nonce)).all() == []
    database.close()
