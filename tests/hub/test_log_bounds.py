"""Bounds of the log: refused look-ups and reported events are logged up to a number a day, and no further."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.database import Database
from hub.log_bound_models import LogBoundUse
from hub.log_bounds import Bound, take_place
from hub.log_models import LogEntry
from hub.membership import add_agency
from hub.retention import forget
from keys.actors import Actor
from matcher.schema import LinkageSchema
from tests.hub.client import Answer, Clock, Node
from tests.hub.conftest import EPOCH, Network, form_partnership, open_network
from tests.hub.people import make_people
from tests.hub.test_log_events import EVENT

PEOPLE = make_people(3, seed=4)
AT = datetime(2026, 2, 3, 23, 59, tzinfo=UTC)
BOUND_MET = "log:bound:met"


@pytest.fixture
def bounded(database_url: str, tmp_path: Path, clock: Clock, schema: LinkageSchema) -> Iterator[Network]:
    """A partnership whose nodes have three refusals and three events logged in a day."""
    few = {"refusals_logged_per_day": 3, "events_logged_per_day": 3}
    home = tmp_path / "hub"
    with open_network(home, database_url=database_url, clock=clock, schema=schema, **few) as network:
        yield form_partnership(network)


def ask(network: Network, **changes: Any) -> Answer:
    asker = network.nodes["asker"]
    return asker.look_up(asker.question(PEOPLE[:1], network.schema, **{"epoch": EPOCH} | changes))


def report(node: Node, action: str = "log:export:made", **changes: Any) -> Answer:
    return node.call("POST", "/v1/log/events", EVENT | {"event": node.new_id(), "action": action} | changes)


def actions(network: Network, agency: str) -> list[str]:
    with network.database.reading() as session:
        found = select(LogEntry.action).where(LogEntry.agency == agency).order_by(LogEntry.index)
        return list(session.scalars(found))


def test_refused_look_ups_are_logged_up_to_the_bound_and_then_told_nothing_else(bounded: Network) -> None:
    refused = [ask(bounded, epoch="another").code for _ in range(3)]
    beyond = [ask(bounded, epoch="another"), ask(bounded, agencies=["nobody"])]
    assert refused == ["epoch_mismatch"] * 3
    assert [(answer.status, answer.code) for answer in beyond] == [(429, "budget_exhausted")] * 2
    assert beyond[0].body == beyond[1].body
    found = actions(bounded, "asker")
    assert (found.count("lookup:refused:epoch_mismatch"), found.count(BOUND_MET)) == (3, 1)
    assert found[-1] == BOUND_MET


def test_a_body_that_cannot_be_read_counts_as_well(bounded: Network) -> None:
    asker = bounded.nodes["asker"]
    sent = [asker.call("POST", "/v1/lookups", body=b"{}").code for _ in range(5)]
    assert sent == ["malformed"] * 3 + ["budget_exhausted"] * 2
    assert actions(bounded, "asker").count("lookup:refused:malformed") == 3


def test_refused_reading_counts_as_well_and_what_is_right_is_still_read(bounded: Network) -> None:
    asker = bounded.nodes["asker"]
    officer, ig = Actor("worker-1", "officer"), Actor("ig-1", "ig")
    sent = [asker.call("GET", "/v1/reviews", actor=officer).code for _ in range(5)]
    assert sent == ["role_not_permitted"] * 3 + ["budget_exhausted"] * 2
    assert asker.call("GET", "/v1/reviews", actor=ig).status == 200
    assert asker.call("GET", "/v1/log/checkpoint", actor=officer).status == 200
    found = actions(bounded, "asker")
    assert (found.count("call:refused:role_not_permitted"), found.count(BOUND_MET)) == (3, 1)


def test_what_is_right_is_answered_beyond_the_bound_of_refusals(bounded: Network) -> None:
    for _ in range(5):
        ask(bounded, epoch="another")
    assert ask(bounded).status == 200
    assert actions(bounded, "asker")[-1] == "lookup:match:answered"


def test_each_agency_has_its_own_bound_and_each_day_a_new_one(bounded: Network) -> None:
    for _ in range(4):
        ask(bounded, epoch="another")
    other = bounded.nodes["holder-1"]
    wrong = other.question(PEOPLE[:1], bounded.schema, epoch="another")
    assert other.look_up(wrong).code == "epoch_mismatch"
    bounded.clock.move(days=1)
    assert ask(bounded, epoch="another").code == "epoch_mismatch"


def test_events_are_logged_up_to_the_bound_and_told_once_in_the_log(bounded: Network) -> None:
    holder = bounded.nodes["holder-1"]
    assert [report(holder).status for _ in range(5)] == [201, 201, 201, 429, 429]
    found = actions(bounded, "holder-1")
    assert (found.count("log:export:made"), found.count(BOUND_MET)) == (3, 1)
    (entry,) = [entry for entry in holder.log() if entry["action"] == BOUND_MET]
    assert (entry["bound"], entry["entries"]) == ("events", 3)


def test_a_repeated_event_gets_its_receipt_beyond_the_bound(bounded: Network) -> None:
    holder = bounded.nodes["holder-1"]
    first = holder.call("POST", "/v1/log/events", EVENT)
    for _ in range(4):
        report(holder)
    assert holder.call("POST", "/v1/log/events", EVENT).document == first.document


def test_an_emergency_and_a_withdrawal_are_recorded_beyond_every_bound(bounded: Network) -> None:
    asker = bounded.nodes["asker"]
    record = asker.record(PEOPLE[:1], bounded.schema)
    assert asker.push([record], bounded.schema, epoch=EPOCH).status == 200
    for _ in range(4):
        ask(bounded, epoch="another")
        report(asker)
    declared = [report(asker, "override:emergency:declared").status for _ in range(4)]
    assert declared == [201] * 4
    assert asker.consent(record["handle"], withdrawn_at="2026-02-03T09:00:00Z").status == 200
    found = actions(bounded, "asker")
    assert found.count("override:emergency:declared") == 4 and found[-1] == "consent:record:withdrawn"


def test_an_event_that_is_refused_takes_no_place(bounded: Network) -> None:
    holder = bounded.nodes["holder-1"]
    holder.call("POST", "/v1/log/events", EVENT)
    for _ in range(3):  # As many refusals as are logged in a day.
        assert holder.call("POST", "/v1/log/events", EVENT | {"facts": {"entries": 1}}).code == "conflict"
    assert [report(holder).status for _ in range(3)] == [201, 201, 429]


def test_many_at_once_never_go_beyond_the_bound(database: Database) -> None:
    with database.writing() as session:
        add_agency(session, "asker", name="A", service="other", area=None, custodian=False)
    taken: list[bool] = []

    def take() -> None:
        with database.writing() as session:
            taken.append(take_place(session, Bound.EVENTS, agency="asker", limit=5, at=AT))

    threads = [threading.Thread(target=take) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (taken.count(True), taken.count(False)) == (5, 7)
    with database.reading() as session:
        assert list(session.scalars(select(LogEntry.action))) == [BOUND_MET]


def test_counts_of_past_days_are_forgotten(bounded: Network) -> None:
    ask(bounded, epoch="another")
    at = bounded.clock() + timedelta(days=10)
    with bounded.database.writing() as session:
        forget(session, before=bounded.clock() - timedelta(days=1), at=at)
    with bounded.database.reading() as session:
        assert session.scalars(select(LogBoundUse)).all() == []
