"""Seals in the log: that, by whom and when; never whose, and no other agency learns of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from sqlalchemy import select

from cli.node_commands import SEAL_REASONS
from hub.log_models import LogEntry, LogPart, LogSubject
from node.access_log import describe_log, sync_log
from node.caseload import find_handle, sealed_handles
from node.errors import HubUnreachableError
from node.home import Node
from node.in_step import settle
from node.outbox import send_waiting
from node.reconcile import reconcile
from node.seal_events import CATEGORIES, SEAL_LIFTED, SEAL_SET, count_unreported
from node.sealing import seal_person, unseal_person
from node.status import describe_node
from tests.broken_transports import always, broken
from tests.federation import Federation
from tests.people import people


@pytest.fixture
def holder(federation: Federation) -> Node:
    federation.share("holder", people(5))
    return federation.nodes["holder"]


def logged(federation: Federation, agency: str) -> list[tuple[str, str | None, str]]:
    """What an agency's information governance reads of seals: action, staff id, outcome."""
    reviewing = federation.acting(agency, "ig")
    sync_log(reviewing)
    lines = describe_log(reviewing)
    return [(line.action, line.staff, line.outcome) for line in lines if line.action.startswith("seal:")]


def test_a_seal_and_its_end_are_read_by_the_own_information_governance_alone(
    federation: Federation, holder: Node
) -> None:
    assert seal_person(holder, "H00003", category="risk_of_harm").reported
    federation.clock.advance(seconds=60)
    assert unseal_person(holder, "H00003", category="correction").reported
    (first, second) = logged(federation, "holder")
    assert first[:2] == (SEAL_SET, "holder-staff") and second[:2] == (SEAL_LIFTED, "holder-staff")
    assert first[2].startswith("done_by: holder-staff; done_at: ") and "reason: risk_of_harm" in first[2]
    assert "reason: correction" in second[2]
    assert logged(federation, "asker") == []
    assert reconcile(federation.acting("holder", "ig")).differences == ()


def test_the_hub_learns_neither_whose_seal_it_is_nor_what_kind_of_reason(
    federation: Federation, holder: Node
) -> None:
    handle = str(find_handle(holder.store, "H00003"))
    seal_person(holder, "H00003", category="risk_of_harm")
    with federation.hub.database.reading() as session:
        entry = session.scalars(select(LogEntry).where(LogEntry.action == SEAL_SET)).one()
        parts = session.execute(select(LogPart.name, LogPart.text).where(LogPart.index == entry.index)).all()
        about = session.scalars(select(LogSubject).where(LogSubject.index == entry.index)).all()
    texts = b"".join(bytes(text) for _, text in parts) + bytes(entry.leaf)
    assert about == [] and {name for name, _ in parts} == {"who", "own"}
    guesses = (
        handle,
        "H00003",
        *CATEGORIES,
        *(hashlib.sha256(one.encode()).hexdigest() for one in CATEGORIES),
    )
    assert [one for one in guesses if one.encode() in texts] == []


@pytest.mark.parametrize("catch_up", [send_waiting, settle])
@pytest.mark.parametrize("after_answer", [False, True], ids=["call lost", "answer lost"])
def test_a_seal_holds_at_once_while_the_hub_is_away_and_is_logged_later_once(
    federation: Federation, holder: Node, catch_up: Callable[[Node], object], after_answer: bool
) -> None:
    said = holder.clock()
    with broken(holder, always, after_answer=after_answer):
        with pytest.raises(HubUnreachableError, match="sealed at this node"):
            seal_person(holder, "H00003")
        assert find_handle(holder.store, "H00003") in sealed_handles(holder.store)
    assert (count_unreported(holder.store), logged(federation, "holder")) == (1, [])
    federation.clock.advance(seconds=3600)
    for _ in range(2):
        catch_up(holder)
    assert count_unreported(holder.store) == describe_node(holder)["waiting"] == 0
    ((action, staff, outcome),) = logged(federation, "holder")
    assert (action, staff) == (SEAL_SET, "node")
    assert f"done_by: holder-staff; done_at: {said:%Y-%m-%dT%H:%M}" in outcome


def test_an_entry_whose_receipt_was_lost_is_not_made_twice(federation: Federation, holder: Node) -> None:
    seal_person(holder, "H00003")
    with broken(holder, always, after_answer=True):
        assert not unseal_person(holder, "H00003").reported
    assert count_unreported(holder.store) == 1
    send_waiting(holder)
    assert [action for action, *_ in logged(federation, "holder")] == [SEAL_SET, SEAL_LIFTED]
    assert reconcile(federation.acting("holder", "ig")).differences == ()


def test_what_changes_nothing_is_no_event(federation: Federation, holder: Node) -> None:
    unseal_person(holder, "H00002")
    for _ in range(2):
        seal_person(holder, "H00003")
    assert [action for action, *_ in logged(federation, "holder")] == [SEAL_SET]


def test_a_hub_that_refuses_the_entry_stops_neither_the_seal_nor_what_comes_after(
    federation: Federation, holder: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.roles.EVENT_ROLES", {})
    assert not seal_person(holder, "H00003").reported
    send_waiting(holder)
    assert describe_node(holder)["waiting"] == 1
    monkeypatch.undo()
    send_waiting(holder)
    assert [action for action, *_ in logged(federation, "holder")] == [SEAL_SET]


def test_the_command_and_the_node_have_the_same_kinds_of_reason() -> None:
    assert SEAL_REASONS == CATEGORIES
