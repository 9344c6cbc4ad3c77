"""The review queue over the wire: who sees what, who may decide, and what decisions leave."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from hub.access_log import Action
from hub.alarm_scan import scan
from hub.alarm_thread import AlarmThread
from hub.alarms import HUB
from hub.errors import NotFoundError, OwnActionError
from hub.log_models import LogEntry
from hub.log_views import whole_entries
from hub.review_models import ReviewItem
from hub.review_settings import ReviewSettings
from hub.review_views import view_items
from hub.reviews import Outcome, Reviewer, Verdict, decide, list_items
from hub.service import limits_of
from hub.settings import load_settings
from keys.actors import Actor
from tests.hub.client import Answer, Node
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import Person, make_people

(SOMEBODY, STRANGER) = make_people(2, seed=5)
IG = Actor("ig-lead", "ig")
PROMISE = "ab" * 32


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


def ask(network: Network, people: Sequence[Person] = (SOMEBODY,), *, times: int = 1, **changes: Any) -> None:
    asker = network.nodes["asker"]
    for _ in range(times):
        network.clock.move(minutes=1)
        question = asker.question(people, network.schema, epoch=EPOCH, **changes)
        answer = asker.look_up(question)
        assert answer.status == 200, answer.document


def run_scan(network: Network) -> int:
    limits = limits_of(load_settings(network.home))
    return scan(network.database, limits=limits, at=network.clock()).raised


def queue(node: Node, query: str = "", actor: Actor = IG) -> list[dict[str, Any]]:
    answer = node.call("GET", f"/v1/reviews{query}", actor=actor)
    assert answer.status == 200, answer.document
    found: list[dict[str, Any]] = answer.document["reviews"]
    return found


def seen_in(view: dict[str, Any]) -> int:
    return max([*view["indices"], *(one["log_index"] for one in view["decisions"])])


def post(
    node: Node,
    item: str,
    outcome: str,
    *,
    actor: Actor = IG,
    commitment: str = PROMISE,
    seen: int | None = None,
) -> Answer:
    """Decide; without `seen`, on what the item is now."""
    if seen is None:
        answer = node.call("GET", f"/v1/reviews/{item}", actor=IG)
        seen = seen_in(answer.document) if answer.status == 200 else 1
    body = {"format": "review-decision/1", "outcome": outcome, "commitment": commitment, "seen": seen}
    return node.call("POST", f"/v1/reviews/{item}/decision", body, actor=actor)


def public_task(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "public_task",
        "reason_category": "safeguarding_adult",
        "reason_commitment": "cd" * 32,
        "approver": "team-lead",
        "override": "0" * 32,
        "approved_at": "2026-02-03T09:00:00Z",
    } | changes


def emergency(at: str) -> dict[str, Any]:
    return {
        "kind": "emergency",
        "reason_category": "risk_to_life",
        "reason_commitment": "cd" * 32,
        "emergency": "1" * 32,
        "declared_at": at,
    }


def with_basis(network: Network, basis: dict[str, Any]) -> None:
    asker = network.nodes["asker"]
    question = asker.question([SOMEBODY], network.schema, epoch=EPOCH)
    question["cases"][0]["basis"] = basis
    if "override" in basis:
        asker.approve(basis["override"], approver=basis["approver"])
    answer = asker.look_up(question)
    assert answer.status == 200, answer.document


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
    from keys.envelope import new_nonce, sign_request

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


def test_a_decision_is_logged_with_a_promise_of_its_words(shared: Network) -> None:
    ask(shared, times=4)
    run_scan(shared)
    asker = shared.nodes["asker"]
    (item,) = queue(asker)
    view = post(asker, item["item"], "queried").document
    assert view["state"] == "queried"
    assert post(asker, item["item"], "justified", commitment="cd" * 32).document["state"] == "justified"
    assert queue(asker) == []
    (seen,) = queue(asker, "?state=all")
    assert [
        (one["outcome"], one["agency"], one["reviewer"], one["commitment"]) for one in seen["decisions"]
    ] == [("queried", "asker", "ig-lead", PROMISE), ("justified", "asker", "ig-lead", "cd" * 32)]
    with shared.database.reading() as session:
        index = session.scalars(
            select(LogEntry.index).where(LogEntry.action == str(Action.REVIEW_DECIDED)).limit(1)
        ).one()
        (entry,) = whole_entries(session, after=index - 1, limit=1)
    assert index == seen["decisions"][0]["log_index"]
    assert entry.flatten()["outcome"] == "queried" and entry.flatten()["staff"] == "ig-lead"
    assert entry.part("own") == {
        "item": item["item"], "commitment": PROMISE, "indices": item["indices"],
    }  # fmt: skip


def test_the_same_decision_again_changes_nothing_and_another_follows_it(shared: Network) -> None:
    ask(shared, times=4)
    run_scan(shared)
    asker = shared.nodes["asker"]
    (item,) = queue(asker)
    first = post(asker, item["item"], "justified", seen=seen_in(item)).document
    assert post(asker, item["item"], "justified", seen=seen_in(item)).document == first
    evidence = post(asker, item["item"], "breach", actor=Actor("other-ig", "ig")).document
    assert evidence["state"] == "breach"
    assert [one["outcome"] for one in evidence["decisions"]] == ["justified", "breach"]


def test_a_decision_does_not_cover_what_was_not_seen(shared: Network) -> None:
    ask(shared, times=4)
    run_scan(shared)
    asker = shared.nodes["asker"]
    (shown,) = queue(asker)
    ask(shared)
    run_scan(shared)
    late = post(asker, shown["item"], "justified", seen=seen_in(shown))
    assert (late.code, "it has grown; look again" in late.document["detail"]) == ("conflict", True)
    (grown,) = queue(asker)
    assert grown["indices"][:-1] == shown["indices"] and grown["decisions"] == []
    assert post(asker, shown["item"], "justified", seen=seen_in(grown)).status == 200


def test_of_two_officers_who_decide_at_once_the_second_looks_again(shared: Network) -> None:
    ask(shared, times=4)
    run_scan(shared)
    asker = shared.nodes["asker"]
    (item,) = queue(asker)
    assert post(asker, item["item"], "justified", seen=seen_in(item)).status == 200
    other = post(asker, item["item"], "breach", actor=Actor("other-ig", "ig"), seen=seen_in(item))
    assert other.code == "conflict"


def test_looking_again_at_what_was_decided_in_time_makes_nobody_late(shared: Network) -> None:
    ask(shared, times=4)
    run_scan(shared)
    asker = shared.nodes["asker"]
    (item,) = queue(asker)
    assert post(asker, item["item"], "justified").status == 200
    shared.clock.move(days=10)
    assert post(asker, item["item"], "breach").document["state"] == "breach"
    (counts,) = asker.call("GET", "/v1/reviews/summary?month=2026-02", actor=IG).document["kinds"]
    assert (counts["breach"], counts["late"]) == (1, 0)


def test_a_breach_a_holder_finds_reaches_the_askers_officer_where_the_match_was_told(
    shared: Network,
) -> None:
    ask(shared, times=4)
    run_scan(shared)
    holder, asker = shared.nodes["holder-1"], shared.nodes["asker"]
    (item,) = queue(holder)
    assert post(holder, item["item"], "queried").status == 200
    assert [one["kind"] for one in queue(asker)] == ["repeated_person"]
    assert post(holder, item["item"], "breach").status == 200
    found = {one["kind"]: one for one in queue(asker)}
    breach = found["breach_found"]
    assert (breach["agency"], breach["staff"], breach["indices"], breach["numbers"]) == (
        "asker", "worker-1", item["indices"], {"lookups": 4},
    )  # fmt: skip
    assert post(asker, breach["item"], "justified", actor=Actor("worker-1", "ig")).status == 403
    assert post(asker, breach["item"], "breach").status == 200
    assert set(found) == {"repeated_person", "breach_found"}


def test_a_breach_about_a_withheld_match_is_for_the_hubs_officer_alone(shared: Network) -> None:
    ask(shared, times=4)
    run_scan(shared)
    holder, asker = shared.nodes["holder-2"], shared.nodes["asker"]
    before = queue(asker, "?state=all")
    (item,) = queue(holder)
    assert post(holder, item["item"], "breach").status == 200
    assert queue(asker, "?state=all") == before
    assert queue(holder) == []
    with shared.database.reading() as session:
        (found,) = [one for one in list_items(session, None, open_only=True) if one.kind == "breach_found"]
        assert found.audience == HUB
        (view,) = view_items(session, [found], at=shared.clock(), settings=ReviewSettings())
    assert view.audience is None
    with shared.database.writing() as session:
        decide(
            session, view.item, Reviewer(None, "county-ig"),
            Verdict(Outcome.BREACH, PROMISE, max(view.indices)),
            at=shared.clock(), settings=ReviewSettings(),
        )  # fmt: skip
        assert len([one for one in list_items(session, None, open_only=False) if one.audience == HUB]) == 1


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


def test_who_approved_one_of_the_repeated_look_ups_does_not_review_them(shared: Network) -> None:
    ask(shared, times=3)
    with_basis(shared, public_task())
    run_scan(shared)
    asker = shared.nodes["asker"]
    (repeated,) = [one for one in queue(asker) if one["kind"] == "repeated_person"]
    answer = post(asker, repeated["item"], "justified", actor=Actor("team-lead", "ig"))
    assert (answer.status, answer.code) == (403, "role_not_permitted")
    assert "the hub's officer" in answer.document["detail"]


def test_nobody_reviews_what_they_asked_or_approved(shared: Network) -> None:
    with_basis(shared, public_task())
    run_scan(shared)
    asker = shared.nodes["asker"]
    (item,) = queue(asker)
    for staff in ("worker-1", "team-lead"):
        answer = post(asker, item["item"], "justified", actor=Actor(staff, "ig"))
        assert (answer.status, answer.code) == (403, "role_not_permitted")
    assert post(asker, item["item"], "justified").status == 200


@pytest.mark.parametrize("written", ["Worker-1", "WORKER-1", "worker-1"])
def test_capitals_make_nobody_somebody_else(shared: Network, written: str) -> None:
    ask(shared, times=4)
    run_scan(shared)
    (item,) = queue(shared.nodes["asker"])
    with shared.database.writing() as session, pytest.raises(OwnActionError):
        decide(
            session, item["item"], Reviewer("asker", written), Verdict(Outcome.JUSTIFIED, PROMISE, 10**6),
            at=shared.clock(), settings=ReviewSettings(),
        )  # fmt: skip


def test_the_same_word_at_another_agency_is_somebody_else(shared: Network) -> None:
    ask(shared, times=4)
    run_scan(shared)
    holder = shared.nodes["holder-1"]
    (item,) = queue(holder)
    assert post(holder, item["item"], "justified", actor=Actor("worker-1", "ig")).status == 200


def test_the_hubs_own_officer_sees_and_decides_everything(shared: Network) -> None:
    ask(shared, times=4)
    run_scan(shared)
    with shared.database.reading() as session:
        audiences = {item.audience for item in list_items(session, None, open_only=True)}
    assert audiences == {"asker", "holder-1", "holder-2"}
    (item,) = queue(shared.nodes["asker"])
    with shared.database.writing() as session:
        decide(
            session, item["item"], Reviewer(None, "county-ig"), Verdict(Outcome.BREACH, PROMISE, 10**6),
            at=shared.clock(),
            settings=ReviewSettings(),
        )  # fmt: skip
    (seen,) = queue(shared.nodes["asker"], "?state=all")
    assert (seen["state"], seen["decisions"][0]["agency"]) == ("breach", None)


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


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"outcome": "fine"}, id="an outcome there is not"),
        pytest.param({"commitment": "short"}, id="no digest"),
        pytest.param({"note": "words"}, id="the words themselves"),
        pytest.param({"format": "review-decision/2"}, id="another format"),
        pytest.param({"seen": -1}, id="an index there is not"),
        pytest.param({"seen": None}, id="nothing seen"),
    ],
)
def test_a_decision_of_another_form_is_refused(shared: Network, change: dict[str, str]) -> None:
    body = {"format": "review-decision/1", "outcome": "justified", "commitment": PROMISE, "seen": 1} | change
    answer = shared.nodes["asker"].call("POST", f"/v1/reviews/{'0' * 32}/decision", body, actor=IG)
    assert answer.code == "malformed"
    assert "words" not in answer.document["detail"] and "fine" not in answer.document["detail"]


def test_no_answer_of_the_queue_carries_a_handle(shared: Network) -> None:
    ask(shared, times=6)
    with_basis(shared, emergency("2026-02-03T09:36:00Z"))
    run_scan(shared)
    with shared.database.reading() as session:
        from hub.log_models import LogSubject

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


def test_an_item_that_is_not_there_is_not_found_for_the_hub_either(shared: Network) -> None:
    with shared.database.writing() as session, pytest.raises(NotFoundError):
        decide(
            session,
            "0" * 32,
            Reviewer(None, "county-ig"),
            Verdict(Outcome.BREACH, PROMISE, 10**6),
            at=shared.clock(),
            settings=ReviewSettings(),
        )
