"""The review queue over the wire: what reaches it, and who sees what of it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from hub.access_log import Action
from hub.alarm_scan import scan
from hub.alarm_thread import AlarmThread
from hub.log_models import LogEntry, LogSubject
from hub.review_models import ReviewItem
from hub.review_settings import ReviewSettings
from keys.envelope import new_nonce, sign_request
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import SOMEBODY, STRANGER
from tests.hub.reviewing import IG, ask, emergency, post, public_task, queue, run_scan, with_basis


def test_nothing_is_in_the_queue_before_something_happens(shared: Network) -> None:
    ask(shared)
    assert run_scan(shared) == 0
    assert queue(shared.nodes["asker"]) == []


def test_somebody_asked_about_again_and_again_reaches_each_officer_of_what_they_may_know(
    shared: Network,
) -> None:
    ask(shared, times=4)
    run_scan(shared)
    (own,) = queue(shared.nodes["asker"])
    assert {name: own[name] for name in ("kind", "agency", "staff", "numbers", "state", "overdue")} == {
        "kind": "repeated_person", "agency": "asker", "staff": "worker-1",
        "numbers": {"lookups": 4, "records": 1}, "state": "open", "overdue": False,
    }  # fmt: skip
    assert own["due_on"] == "2026-02-05"
    for holder in ("holder-1", "holder-2"):
        (seen,) = queue(shared.nodes[holder])
        assert (seen["kind"], seen["agency"], seen["indices"]) == (own["kind"], "asker", own["indices"])


def test_the_askers_queue_is_the_same_whether_a_withheld_person_is_known_or_not(shared: Network) -> None:
    """A side door: an alarm about a match that was not told would tell it."""
    first = shared.nodes["holder-1"]
    assert first.call("DELETE", "/v1/caseload").status == 200
    ask(shared, times=6)
    ask(shared, [STRANGER], times=6, staff="worker-2")
    run_scan(shared)
    found = queue(shared.nodes["asker"])
    assert [one["kind"] for one in found if one["staff"] == "worker-1"] == []
    assert [one["kind"] for one in found if one["staff"] == "worker-2"] == []
    assert {one["kind"] for one in queue(shared.nodes["holder-2"])} == {"repeated_person", "person_budget"}


def test_a_look_up_beyond_the_budget_of_a_person_is_answered_like_any_other(shared: Network) -> None:
    asker = shared.nodes["asker"]
    answers = []
    for _ in range(7):
        shared.clock.move(minutes=1)
        answers.append(asker.look_up(asker.question([SOMEBODY], shared.schema, epoch=EPOCH)))
    assert {answer.status for answer in answers} == {200}
    assert len({json.dumps(answer.document["cases"]) for answer in answers}) == 1
    run_scan(shared)
    assert "person_budget" in {one["kind"] for one in queue(asker)}


def test_an_override_is_reviewed_and_an_emergency_alerts_both_sides(shared: Network) -> None:
    with_basis(shared, public_task())
    with_basis(shared, emergency("2026-02-03T09:30:00Z"))
    run_scan(shared)
    kinds = [(one["kind"], one["numbers"]) for one in queue(shared.nodes["asker"])]
    assert sorted(kinds, key=str) == [("emergency", {"cases": 1}), ("override", {"cases": 1})]
    for holder in ("holder-1", "holder-2"):
        assert sorted(one["kind"] for one in queue(shared.nodes[holder])) == ["emergency", "override"]


def test_date_variants_in_one_request_are_told(shared: Network) -> None:
    tried = [replace(STRANGER, day=day) for day in range(1, 6)]
    ask(shared, tried)
    run_scan(shared)
    (item,) = queue(shared.nodes["asker"])
    assert (item["kind"], item["numbers"]) == ("near_cases", {"requests": 1, "pairs": 10})


def test_a_replayed_call_is_logged_and_told(shared: Network) -> None:
    asker = shared.nodes["asker"]
    for replayed in range(5):
        nonce = new_nonce()
        headers = sign_request(
            asker.identity, actor=IG, method="GET", url="http://hub.test/v1/agencies", headers={}, body=b"",
            at=shared.clock(), nonce=nonce,
        )  # fmt: skip
        codes = [asker.send("GET", "/v1/agencies", headers, b"", nonce=nonce).code for _ in range(4)]
        assert codes == [None, *["replayed"] * 3]
        with shared.database.reading() as session:
            logged = select(LogEntry.index).where(LogEntry.action == str(Action.CALL_REPLAYED))
            assert len(session.scalars(logged).all()) == replayed + 1
    run_scan(shared)
    (item,) = queue(asker)
    assert (item["kind"], item["staff"], item["numbers"]) == ("replays", None, {"repeated": 0, "replayed": 5})


def test_a_queue_shows_nothing_of_another_agencys(shared: Network) -> None:
    ask(shared, times=4)
    run_scan(shared)
    (own,) = queue(shared.nodes["asker"])
    other = shared.nodes["holder-1"]
    assert own["item"] not in {one["item"] for one in queue(other)}
    assert other.call("GET", f"/v1/reviews/{own['item']}", actor=IG).code == "not_found"
    assert post(other, own["item"], "justified").code == "not_found"
    assert other.call("GET", f"/v1/reviews?after={own['item']}", actor=IG).code == "not_found"
    assert post(other, "0" * 32, "justified").code == "not_found"


def test_an_override_is_put_before_the_officers_of_those_it_matched(shared: Network) -> None:
    """The asker is not told: its own item says the same whether anybody matched."""
    asker = shared.nodes["asker"]
    question = asker.question([SOMEBODY, STRANGER], shared.schema, epoch=EPOCH)
    for case in question["cases"]:
        case["basis"] = public_task() | {"override": asker.new_id()}
        asker.approve(case["basis"]["override"], approver="team-lead")
    assert asker.look_up(question).status == 200
    run_scan(shared)
    (own,) = queue(asker)
    assert own["numbers"] == {"cases": 2}
    for holder in ("holder-1", "holder-2"):
        (seen,) = queue(shared.nodes[holder])
        assert (seen["kind"], seen["agency"], seen["indices"], seen["numbers"]) == (
            "override", "asker", own["indices"], {"cases": 1},
        )  # fmt: skip


def test_a_match_by_consent_in_a_look_up_with_an_override_is_no_override_of_it(shared: Network) -> None:
    asker = shared.nodes["asker"]
    question = asker.question([SOMEBODY, STRANGER], shared.schema, epoch=EPOCH)
    question["cases"][1]["basis"] = public_task()
    asker.approve("0" * 32, approver="team-lead")
    assert asker.look_up(question).status == 200
    run_scan(shared)
    assert [one["numbers"] for one in queue(asker)] == [{"cases": 1}]
    assert queue(shared.nodes["holder-1"]) == queue(shared.nodes["holder-2"]) == []


def test_pages_of_a_queue_hold_everything_once(shared: Network) -> None:
    for staff in (f"worker-{n}" for n in range(2, 7)):
        ask(shared, times=4, staff=staff)
    run_scan(shared)
    asker, seen, after = shared.nodes["asker"], [], ""
    while True:
        page = asker.call("GET", f"/v1/reviews?limit=2{after}", actor=IG).document
        seen += [one["item"] for one in page["reviews"]]
        if not page["more"]:
            break
        after = f"&after={seen[-1]}"
    assert len(seen) == len(set(seen)) == len(queue(asker)) >= 7


def test_an_item_is_overdue_after_its_day_and_the_month_is_counted(shared: Network) -> None:
    ask(shared, times=4)
    with_basis(shared, public_task())
    run_scan(shared)
    asker = shared.nodes["asker"]
    override = next(one["item"] for one in queue(asker) if one["kind"] == "override")
    assert post(asker, override, "justified").status == 200
    shared.clock.move(days=3)
    (late,) = queue(asker)
    assert late["overdue"]
    none = {"queried": 0, "justified": 0, "breach": 0}
    summary = asker.call("GET", "/v1/reviews/summary?month=2026-02", actor=IG).document
    assert summary == {
        "month": "2026-02", "lookups": 5, "sampled": 0,
        "kinds": [
            {"kind": "repeated_person", "raised": 1, "open": 1, "late": 1} | none,
            {"kind": "override", "raised": 1, "open": 0, "late": 0} | none | {"justified": 1},
        ],
    }  # fmt: skip
    before = asker.call("GET", "/v1/reviews/summary?month=2026-01", actor=IG).document
    assert (before["lookups"], before["kinds"]) == (0, [])


@pytest.mark.parametrize("month", ["2026-13", "2026-2", "0000-01", "last", ""])
def test_a_month_that_is_none_is_refused(shared: Network, month: str) -> None:
    asker = shared.nodes["asker"]
    assert asker.call("GET", f"/v1/reviews/summary?month={month}", actor=IG).code == "malformed"


def test_no_answer_of_the_queue_carries_a_handle(shared: Network) -> None:
    ask(shared, times=6)
    with_basis(shared, emergency("2026-02-03T09:36:00Z"))
    run_scan(shared)
    with shared.database.reading() as session:
        handles = set(session.scalars(select(LogSubject.handle)))
    assert handles
    for agency in ("asker", "holder-1", "holder-2"):
        text = json.dumps(queue(shared.nodes[agency]))
        assert not any(handle and handle in text for handle in handles)


def test_a_served_hub_scans_by_itself_and_stops(shared: Network) -> None:
    ask(shared, times=4)
    hub = shared.client.app.state.hub  # type: ignore[attr-defined]
    quick = replace(
        hub, settings=hub.settings.model_copy(update={"review": ReviewSettings(scan_seconds=0.02)})
    )
    with AlarmThread(quick) as thread:
        for _ in range(500):
            with shared.database.reading() as session:
                if session.scalars(select(ReviewItem)).first() is not None:
                    break
            time.sleep(0.02)
        else:
            pytest.fail("the thread has scanned nothing")
    assert not thread._thread.is_alive()


def test_a_scan_that_fails_is_said_without_a_value_and_tried_again(
    shared: Network, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ask(shared, times=4)
    failures = [ValueError("a value"), ValueError("a value")]

    def fail_twice(*arguments: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return scan(*arguments, **options)

    monkeypatch.setattr("hub.alarm_thread.scan", fail_twice)
    hub = shared.client.app.state.hub  # type: ignore[attr-defined]
    quick = replace(
        hub, settings=hub.settings.model_copy(update={"review": ReviewSettings(scan_seconds=0.02)})
    )
    with AlarmThread(quick):
        for _ in range(500):
            with shared.database.reading() as session:
                if session.scalars(select(ReviewItem)).first() is not None:
                    break
            time.sleep(0.02)
    assert "ValueError" in caplog.text and "a value" not in caplog.text
    assert queue(shared.nodes["asker"])
