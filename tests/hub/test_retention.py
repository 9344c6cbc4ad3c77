"""Retention: what goes after its time, what stays, and what is said before it goes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from hub.emergency_models import Emergency
from hub.errors import SettingsError
from hub.log_verify import verify_log
from hub.models import BudgetUse, LookupRequest
from hub.override_models import OverrideUse
from hub.retention import Forgotten, Unfinished, forget, unfinished_before
from hub.review_models import ReviewDecision, ReviewItem, ReviewNote
from hub.review_notes import decide_with_note
from hub.review_settings import ReviewSettings
from hub.reviews import Outcome, list_items
from hub.settings import load_settings
from tests.hub.conftest import NETWORK, Network
from tests.hub.reviewing import ask, emergency, public_task, run_scan, with_basis

KEY = b"k" * 32


def decide_all(network: Network, outcome: Outcome) -> None:
    with network.database.writing() as session:
        for item in list_items(session, None, open_only=True):
            decide_with_note(
                session, KEY, item.item, "county-ig", outcome, "Rang the team.",
                seen=10**6, at=network.clock(), settings=ReviewSettings(),
            )  # fmt: skip


def run_forget(network: Network, before: datetime) -> Forgotten:
    with network.database.writing() as session:
        return forget(session, before=before, at=network.clock())


def counts(network: Network) -> dict[str, int]:
    with network.database.reading() as session:
        tables = (ReviewItem, ReviewDecision, ReviewNote, BudgetUse)
        return {table.__tablename__: len(session.scalars(select(table)).all()) for table in tables}


@pytest.fixture
def reviewed(shared: Network) -> Network:
    """Repeated questions, found and decided; a later day."""
    ask(shared, times=4)
    run_scan(shared)
    decide_all(shared, Outcome.JUSTIFIED)
    shared.clock.move(days=10)
    return shared


def test_decided_items_go_with_their_notes_and_the_log_still_verifies(reviewed: Network) -> None:
    before = counts(reviewed)
    assert before["review_items"] == before["review_notes"] == 3
    forgotten = run_forget(reviewed, reviewed.clock() - timedelta(days=1))
    assert (forgotten.reviews, forgotten.budgets) == (3, before["budget_use"]) and forgotten.entries > 3
    assert set(counts(reviewed).values()) == {0}
    with reviewed.database.reading() as session:
        assert verify_log(session, network=NETWORK).findings == ()
    run_scan(reviewed)
    assert counts(reviewed)["review_items"] == 0


def test_what_is_younger_stays_but_for_the_budgets_of_days_that_are_over(reviewed: Network) -> None:
    before = counts(reviewed)
    forgotten = run_forget(reviewed, reviewed.clock() - timedelta(days=30))
    assert (forgotten.entries, forgotten.reviews) == (0, 0)
    assert counts(reviewed) == before | {"budget_use": 0}


def test_todays_budget_stays(reviewed: Network) -> None:
    ask(reviewed)
    run_forget(reviewed, reviewed.clock() - timedelta(days=1))
    with reviewed.database.reading() as session:
        days = set(session.scalars(select(BudgetUse.day)))
    assert days == {reviewed.clock().date().isoformat()}


@pytest.mark.parametrize(
    ("age", "before", "questions", "requests"),
    [
        pytest.param(100, 101, 2, 2, id="younger"),
        pytest.param(100, 99, 0, 0, id="older"),
        pytest.param(27, 1, 2, 0, id="older, and the approval may still hold"),
    ],
)
def test_digests_of_questions_go_with_the_texts_of_their_age(
    shared: Network, age: int, before: int, questions: int, requests: int
) -> None:
    with_basis(shared, public_task())
    with_basis(shared, emergency("2026-02-03T09:30:00Z"))
    shared.clock.move(days=age)
    run_forget(shared, shared.clock() - timedelta(days=before))
    with shared.database.reading() as session:
        kept = [len(session.scalars(select(table)).all()) for table in (Emergency, OverrideUse)]
        assert (sum(kept), len(session.scalars(select(LookupRequest)).all())) == (questions, requests)


def test_an_override_that_is_used_again_is_as_old_as_its_last_use(shared: Network) -> None:
    with_basis(shared, public_task())
    shared.clock.move(days=20)
    with_basis(shared, public_task())
    shared.clock.move(days=20)
    run_forget(shared, shared.clock() - timedelta(days=1))
    with shared.database.reading() as session:
        assert len(session.scalars(select(OverrideUse)).all()) == 1


def test_a_queried_item_stays_and_is_told_of(shared: Network) -> None:
    ask(shared, times=4)
    run_scan(shared)
    decide_all(shared, Outcome.QUERIED)
    shared.clock.move(days=10)
    cutoff = shared.clock() - timedelta(days=1)
    with shared.database.reading() as session:
        assert unfinished_before(session, cutoff).open_reviews == 3
    assert run_forget(shared, cutoff).reviews == 0
    assert counts(shared)["review_items"] == 3


def test_an_item_decided_again_is_as_old_as_the_last_word_on_it(reviewed: Network) -> None:
    cutoff = reviewed.clock() - timedelta(days=1)
    with reviewed.database.writing() as session:
        (item, *_) = list_items(session, None, open_only=False)
        decide_with_note(
            session, KEY, item.item, "county-ig", Outcome.BREACH, "New evidence.",
            seen=10**6, at=reviewed.clock(), settings=ReviewSettings(),
        )  # fmt: skip
        again = item.item
    assert run_forget(reviewed, cutoff).reviews == 2
    with reviewed.database.reading() as session:
        assert again in set(session.scalars(select(ReviewItem.item)))


def test_an_agency_that_has_not_fetched_its_entries_is_named_until_it_has(reviewed: Network) -> None:
    def unread() -> Unfinished:
        with reviewed.database.reading() as session:
            return unfinished_before(session, reviewed.clock() - timedelta(days=1))

    assert {"asker", "holder-1", "holder-2"} <= set(unread().unread_by)
    asker = reviewed.nodes["asker"]
    last = asker.call("GET", "/v1/log?limit=1000").document["last"]
    assert asker.call("GET", f"/v1/log?after={last}").status == 200
    assert "asker" not in unread().unread_by and "holder-1" in unread().unread_by


@pytest.mark.parametrize("days", [0, 89, -1])
def test_a_retention_shorter_than_alarms_look_back_is_no_setting(shared: Network, days: int) -> None:
    with (shared.home / "hub.toml").open("a") as file:
        file.write(f"retention_days = {days}\n")
    with pytest.raises(SettingsError, match="retention_days"):
        load_settings(shared.home)


def test_no_alarm_can_be_set_to_look_further_back_than_texts_are_kept_at_least() -> None:
    from hub.settings import LEAST_RETENTION_DAYS

    for name in ("repeat_days", "long_repeat_days", "volume_days", "sample_days"):
        limits = ReviewSettings.model_fields[name].metadata
        assert max(limit.le for limit in limits if hasattr(limit, "le")) <= LEAST_RETENTION_DAYS, name
