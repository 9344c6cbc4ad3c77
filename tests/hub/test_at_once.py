"""Calls that meet: an epoch that begins in the middle of a push."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select, text

from hub import caseload
from hub.models import Record, Tag
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import make_people

[PERSON] = make_people(1, seed=5)
WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def parallel(partnership: Network) -> Network:
    if partnership.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    return partnership


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def push(network: Network) -> str | None:
    node = network.nodes["holder-1"]
    return node.push([node.record([PERSON], network.schema)], network.schema, epoch=EPOCH).code


def stored(network: Network) -> list[int | None]:
    with network.database.reading() as session:
        return [session.scalar(select(func.count()).select_from(table)) for table in (Record, Tag)]


def wait_until_it_waits(network: Network) -> None:
    for _ in range(100):
        with network.database.reading() as session:
            if session.scalar(WAITING):
                return
        time.sleep(0.01)
    pytest.fail("nobody waits for a lock")


def test_a_push_that_waits_for_its_turn_is_asked_for_its_epoch_afterwards(
    parallel: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_agency, custodian = caseload.lock_agency, parallel.nodes["asker"]

    def after_an_epoch(*arguments: Any) -> Any:
        parallel.begin_epoch(custodian, "2026-2")
        return lock_agency(*arguments)

    monkeypatch.setattr(caseload, "lock_agency", after_an_epoch)
    assert push(parallel) == "epoch_mismatch"
    assert stored(parallel) == [0, 0]


def test_an_epoch_waits_for_a_push_under_way_and_destroys_what_it_stored(
    parallel: Network, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert_records, begun = caseload._insert_records, list[Future[None]]()

    def while_an_epoch_begins(*arguments: Any) -> None:
        insert_records(*arguments)
        begun.append(pool.submit(parallel.begin_epoch, parallel.nodes["asker"], "2026-2"))
        wait_until_it_waits(parallel)

    monkeypatch.setattr(caseload, "_insert_records", while_an_epoch_begins)
    push(parallel)
    begun[0].result()
    assert stored(parallel) == [0, 0]
