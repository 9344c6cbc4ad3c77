"""Calls that meet: an epoch in the middle of a push, a report made twice at once, two scans for alarms."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import func, select, text

from hub import alarm_scan, caseload, consent, log_events
from hub.models import Record, Tag
from hub.review_models import ReviewItem
from hub.service import limits_of
from hub.settings import load_settings
from tests.hub.client import Answer
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import make_people
from tests.hub.test_log_events import EVENT

[PERSON] = make_people(1, seed=5)
HANDLE = "0a" * 16
CONSENT: dict[str, Any] = {
    "format": "consent/2",
    "consent": "0b" * 16,
    "version": 1,
    "previous": None,
    "recipients": ["*"],
    "purposes": ["single_lookup"],
    "captured_at": "2026-01-05T10:00:00Z",
    "valid_from": "2026-01-05T10:00:00Z",
    "valid_until": None,
    "method": "written",
    "notice_version": "3",
    "data_classes": ["known_to"],
    "capacity": "has_capacity",
    "acted_by": "person",
    "witnessed": False,
    "withdrawn_at": None,
    "objected_at": None,
}
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


@pytest.mark.parametrize(
    ("module", "method", "path", "document"),
    [
        pytest.param(log_events, "POST", "/v1/log/events", EVENT, id="an event"),
        pytest.param(consent, "PUT", f"/v1/consents/{HANDLE}", CONSENT, id="a consent"),
    ],
)
def test_what_is_reported_twice_at_once_is_logged_once_and_answered_alike(
    parallel: Network,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    method: str,
    path: str,
    document: dict[str, Any],
) -> None:
    append_entry, begun = module.append_entry, list[Future[Answer]]()
    node = parallel.nodes["holder-1"]

    def while_it_comes_again(*arguments: Any, **options: Any) -> Any:
        if not begun:
            begun.append(pool.submit(node.call, method, path, document))
            wait_until_it_waits(parallel)
        return append_entry(*arguments, **options)

    monkeypatch.setattr(module, "append_entry", while_it_comes_again)
    first = node.call(method, path, document)
    again = begun[0].result()
    assert (again.status, again.document) == (first.status, first.document)
    assert first.status < 300


def test_of_two_scans_at_once_one_puts_the_alarm(
    parallel: Network, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = [replace(PERSON, day=day) for day in range(1, 6)]
    assert push(parallel) is None
    asker = parallel.nodes["asker"]
    assert asker.look_up(asker.question(tried, parallel.schema, epoch=EPOCH)).status == 200
    limits = limits_of(load_settings(parallel.home))
    move_cursor, begun = alarm_scan._move_cursor, list[Future[int]]()

    def run_scan() -> int:
        return alarm_scan.scan(parallel.database, limits=limits, at=parallel.clock()).raised

    def while_another_scans(*arguments: Any) -> bool:
        moved = move_cursor(*arguments)
        if not begun:
            begun.append(pool.submit(run_scan))
            wait_until_it_waits(parallel)
        return moved

    monkeypatch.setattr(alarm_scan, "_move_cursor", while_another_scans)
    assert (run_scan(), begun[0].result()) == (1, 0)
    with parallel.database.reading() as session:
        assert session.scalars(select(ReviewItem.kind)).all() == ["near_cases"]
