"""Conferences: when a list is due, in words; and which are shown in which order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from node.conferences import Conference, list_conferences, plan_conference
from node.errors import RecordFormatError
from node.store import Store
from node.vault import Vault

TODAY = date(2026, 11, 23)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "node.sqlite3", Vault(bytes(32))) as store:
        yield store


@pytest.mark.parametrize(
    ("days_ahead", "words"),
    [
        (5, "due to circulate in 2 days"),
        (4, "due to circulate tomorrow"),
        (3, "due to circulate today"),
        (2, "the list was due to circulate yesterday"),
        (0, "the list was due to circulate 3 days ago"),
        (-1, "this conference is over"),
    ],
)
def test_a_list_is_due_three_days_before_the_conference(days_ahead: int, words: str) -> None:
    assert Conference("mdt-1", TODAY + timedelta(days=days_ahead)).due(TODAY) == words


def test_the_next_conference_comes_first_and_those_held_last(store: Store) -> None:
    for reference, days in (("late", 40), ("next", 2), ("today", 0)):
        plan_conference(store, reference, TODAY + timedelta(days=days), by="a-first", today=TODAY)
    later = TODAY + timedelta(days=1)
    assert [one.conference for one in list_conferences(store, today=later)] == ["next", "late", "today"]
    much_later = TODAY + timedelta(days=29)
    assert [one.conference for one in list_conferences(store, today=much_later)] == ["late", "next"]


@pytest.mark.parametrize(
    ("reference", "days", "field"),
    [
        pytest.param("MDT 1", 1, "conference", id="not an id"),
        pytest.param("taken", 1, "conference", id="taken"),
        pytest.param("mdt-1", -1, "held_on", id="yesterday"),
        pytest.param("mdt-1", 367, "held_on", id="over a year ahead"),
    ],
)
def test_what_cannot_be_planned_is_refused_by_field(
    store: Store, reference: str, days: int, field: str
) -> None:
    plan_conference(store, "taken", TODAY, by="a-first", today=TODAY)
    with pytest.raises(RecordFormatError) as refused:
        plan_conference(store, reference, TODAY + timedelta(days=days), by="a-first", today=TODAY)
    assert refused.value.field == field
