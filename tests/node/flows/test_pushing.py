"""Sharing a caseload: differences only, safe to repeat wherever it broke."""

from __future__ import annotations

import json

import httpx2
import pytest
from sqlalchemy import func, select

import node.pushing as pushing
from hub.models import Record as HubRecord
from hub.month_models import RecordMonths
from hub.months import month_of
from node.caseload import count_caseload, find_handle, mark_sealed
from node.errors import HubRefusedError, HubUnreachableError
from node.home import Node
from node.imports import import_records
from node.pushing import card_text, plan_push, push_caseload, remove_due
from node.sealing import seal_person
from tests.broken_transports import always, broken
from tests.federation import NOW, Federation, records_of
from tests.people import people, person


def hub_handles(federation: Federation) -> set[str]:
    with federation.hub.database.reading() as session:
        return set(session.scalars(select(HubRecord.handle).where(HubRecord.agency == "holder")))


def hub_count(federation: Federation) -> int:
    with federation.hub.database.reading() as session:
        return session.scalar(select(func.count()).select_from(HubRecord)) or 0


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "BATCH_RECORDS", 5)


def test_an_unchanged_caseload_sends_nothing(federation: Federation) -> None:
    assert federation.share("holder", people(7)).sent == 7
    with broken(federation.nodes["holder"], lambda request, _: "/batches/" in request.url.path):
        outcome = push_caseload(federation.nodes["holder"])
    assert (outcome.sent, outcome.removed, outcome.records) == (0, 0, 7)


def test_only_differences_are_sent(federation: Federation) -> None:
    federation.share("holder", people(7))
    rows = [*people(5), person(6, forename="renamed"), person(20)]
    outcome = federation.share("holder", rows)
    assert (outcome.sent, outcome.removed, outcome.records) == (2, 1, 7)


def test_a_changed_team_or_closing_day_sends_the_record_again(federation: Federation) -> None:
    federation.share("holder", people(3))
    outcome = federation.share(
        "holder", [person(1, team="Night desk"), person(2, closed="2026-10-01"), person(3)]
    )
    assert outcome.sent == 2


def test_rows_in_another_order_change_nothing(federation: Federation) -> None:
    federation.share("holder", people(7))
    assert federation.share("holder", list(reversed(people(7)))).sent == 0


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("after_answer", [False, True], ids=["request lost", "answer lost"])
@pytest.mark.parametrize("at", range(6))
def test_a_push_that_breaks_is_repeated_and_ends_in_the_same_state(
    federation: Federation, at: int, after_answer: bool
) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(12))
    rows = [*people(8, first=5), *people(9, first=40)]
    with broken(holder, lambda _, number: number >= at, after_answer=after_answer):
        try:
            federation.share("holder", rows)
        except HubUnreachableError:
            pass
    outcome = push_caseload(holder)
    assert outcome.records == 17
    expected = {find_handle(holder.store, row["local_id"]) for row in rows}
    assert hub_handles(federation) == expected
    assert not outcome.resent_all
    plan = plan_push(holder)
    assert (plan.send, plan.remove, plan.unchanged) == ((), (), 17)


@pytest.mark.usefixtures("small_batches")
def test_people_removed_from_the_file_after_a_broken_push_leave_the_hub(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    # The hub stores the second batch, and its answer is lost: the node cannot know.
    with broken(holder, lambda _, number: number >= 1, after_answer=True), pytest.raises(HubUnreachableError):
        federation.share("holder", people(12))
    assert hub_count(federation) == 10
    outcome = federation.share("holder", people(2))
    assert (outcome.records, hub_count(federation)) == (2, 2)


@pytest.mark.usefixtures("small_batches")
def test_somebody_sealed_after_a_broken_push_leaves_the_hub_at_once(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    with broken(holder, lambda _, number: number >= 1, after_answer=True), pytest.raises(HubUnreachableError):
        federation.share("holder", people(12))
    handles = hub_handles(federation)
    sealed = next(
        row["local_id"] for row in people(12) if find_handle(holder.store, row["local_id"]) in handles
    )
    seal_person(holder, sealed)
    assert hub_handles(federation) == handles - {find_handle(holder.store, sealed)}


def test_sealing_while_the_hub_is_away_waits_and_goes_first(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(4))
    with broken(holder, always), pytest.raises(HubUnreachableError, match="sealed at this node"):
        seal_person(holder, "H00002")
    assert count_caseload(holder.store).removal_due == 1
    handle = find_handle(holder.store, "H00002")
    assert handle in hub_handles(federation)
    assert push_caseload(holder).records == 3
    assert handle not in hub_handles(federation)
    assert count_caseload(holder.store).removal_due == 0


def test_a_sealed_person_is_in_no_batch(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    seal_person(holder, "H00002")
    handle = find_handle(holder.store, "H00002")
    assert handle is not None
    bodies: list[bytes] = []

    def note(request: object, _number: int) -> bool:
        bodies.append(request.content)  # type: ignore[attr-defined]
        return False

    with broken(holder, note):
        federation.share("holder", people(4))
    assert len(bodies) >= 2
    assert not any(handle.encode() in body for body in bodies)


def test_somebody_sealed_while_a_push_is_planned_is_not_sent(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    federation.nodes["holder"]
    plan = pushing.plan_push

    def plan_then_seal(node: Node) -> pushing.PushPlan:
        planned = plan(node)
        handle = find_handle(node.store, "H00002")
        assert handle is not None
        mark_sealed(node.store, handle, sealed=True)
        return planned

    monkeypatch.setattr(pushing, "plan_push", plan_then_seal)
    assert federation.share("holder", people(4)).records == 3


@pytest.mark.parametrize("answer_lost", [False, True], ids=["answered", "its answer is lost"])
def test_somebody_sealed_while_their_batch_is_on_its_way_comes_off_again(
    federation: Federation, answer_lost: bool
) -> None:
    holder = federation.nodes["holder"]
    import_records(holder.store, records_of(people(4)), weak_rows=())
    handle, batches = find_handle(holder.store, "H00002"), []

    def seal_first(request: httpx2.Request, _number: int) -> bool:
        if not json.loads(request.content or b"{}").get("records"):
            return False
        batches.append(request)
        if len(batches) == 1:
            seal_person(holder, "H00002")
        return answer_lost

    with broken(holder, seal_first, after_answer=True):
        if answer_lost:
            with pytest.raises(HubUnreachableError):
                push_caseload(holder)
            assert handle in hub_handles(federation), "or nothing is tested"
        else:
            assert push_caseload(holder).records == 3
    assert batches
    remove_due(holder)
    assert handle not in hub_handles(federation) and count_caseload(holder.store).removal_due == 0


def test_a_hub_that_lost_records_gets_everything_again(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(9))
    holder.client().call("DELETE", "/v1/caseload")
    outcome = push_caseload(holder)
    assert (outcome.resent_all, outcome.records, hub_count(federation)) == (True, 9, 9)


def test_a_new_epoch_sends_everybody_again_and_removes_those_who_left(federation: Federation) -> None:
    federation.share("holder", people(9))
    federation.clock.advance(seconds=1)
    federation.begin_epoch(["dob", "names"], custodian="asker")
    outcome = federation.share("holder", people(8))
    assert (outcome.sent, outcome.records, hub_count(federation)) == (8, 8, 8)


def test_a_node_that_missed_the_new_epoch_is_told_so(federation: Federation) -> None:
    from node.epochs import make_epoch

    federation.share("holder", people(3))
    make_epoch(federation.acting("asker", "custodian"), ["dob", "names"])
    with pytest.raises(HubRefusedError) as refused:
        federation.share("holder", people(4))
    assert refused.value.code == "epoch_mismatch"


def test_people_without_anything_comparable_are_counted_and_not_sent(federation: Federation) -> None:
    # The schema shares no NHS number, and there is nothing else to compare by.
    row = {"local_id": "H00050", "nhs_number": "9434765919"}
    outcome = federation.share("holder", [*people(2), row])
    assert (outcome.sent, outcome.not_comparable, outcome.records) == (2, 1, 2)


def test_a_person_who_becomes_incomparable_is_taken_off(federation: Federation) -> None:
    federation.share("holder", people(3))
    outcome = federation.share("holder", [*people(2), {"local_id": "H00003", "nhs_number": "9434765919"}])
    assert (outcome.not_comparable, outcome.records, hub_count(federation)) == (1, 2, 2)


@pytest.mark.parametrize(
    ("row", "card"),
    [
        pytest.param({"opened": "2026-01-05"}, {"open": True, "last_contact": None}, id="open"),
        pytest.param({"opened": "", "closed": ""}, {"open": None, "last_contact": None}, id="not said"),
        pytest.param({"closed": "2026-10-31"}, {"open": False, "last_contact": "2026-10"}, id="closed"),
        pytest.param({"closed": "2027-02-01"}, {"open": True, "last_contact": None}, id="will be closed"),
    ],
)
def test_the_card_says_open_or_closed_and_a_month(row: dict[str, str], card: dict[str, object]) -> None:
    (record,) = records_of([person(1, **row)])
    assert json.loads(card_text(record, team="Desk", today=NOW.date())) == {**card, "team": "Desk"}


def test_a_long_team_is_cut_to_the_card_between_letters() -> None:
    (record,) = records_of([person(1)])
    plain = card_text(record, team="é" * 300, today=NOW.date())
    assert len(plain) <= 228
    assert set(json.loads(plain)["team"]) == {"é"}


@pytest.mark.parametrize("ended", ["agreement", "epoch"])
def test_sealing_takes_somebody_off_even_when_the_hub_takes_no_batches(
    federation: Federation, ended: str
) -> None:
    from node.epochs import make_epoch

    holder = federation.nodes["holder"]
    federation.share("holder", people(4))
    if ended == "agreement":
        federation.clock.advance(days=181)
    else:
        make_epoch(federation.acting("asker", "custodian"), ["dob", "names"])
    seal_person(holder, "H00002")
    assert (hub_count(federation), count_caseload(holder.store).removal_due) == (0, 0)


def shared_months(federation: Federation) -> list[tuple[int | None, int | None]]:
    with federation.hub.database.reading() as session:
        return [(row.opened, row.closed) for row in session.scalars(select(RecordMonths))]


def test_no_month_leaves_a_node_that_shares_none(federation: Federation) -> None:
    federation.share("holder", [row | {"opened": "2025-03-04"} for row in people(2)])
    assert shared_months(federation) == []


def test_a_node_that_shares_months_from_now_on_sends_everybody_again(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    rows = [row | {"opened": "2025-03-04"} for row in people(2)]
    federation.share("holder", rows)
    holder.settings = holder.settings.model_copy(update={"share_months": True})
    assert push_caseload(holder).sent == 2
    assert shared_months(federation) == [(month_of("2025-03"), None)] * 2
    assert push_caseload(holder).sent == 0
