"""Decisions of the review queue: who may decide what, on what they saw, and what a decision leaves."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub.access_log import Action
from hub.alarms import HUB
from hub.errors import NotFoundError, OwnActionError
from hub.log_models import LogEntry
from hub.log_views import whole_entries
from hub.review_settings import ReviewSettings
from hub.review_views import view_items
from hub.reviews import Outcome, Reviewer, Verdict, decide, list_items
from keys.actors import Actor
from tests.hub.conftest import Network
from tests.hub.reviewing import IG, PROMISE, ask, post, public_task, queue, run_scan, seen_in, with_basis


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
