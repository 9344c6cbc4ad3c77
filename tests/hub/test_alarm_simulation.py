"""A simulated partnership: an ordinary month stays quiet, and each kind of insider is found.

`python -m tests.hub.partnership_month` prints the figures of docs/review.md over more months.
"""

from __future__ import annotations

from collections import Counter

import pytest

from hub.alarm_facts import Event
from tests.hub.partnership_month import INSIDERS, alarms_of, caught, ordinary_month

SEEDS = range(4)
# Which alarm must find whom, and after how many look-ups at the latest.
FOUND = {
    "stalker, every working day": ("repeated_person", 5),
    "stalker, every other day": ("repeated_person", 6),
    "stalker of somebody withheld": ("repeated_person", 5),
    "date-fisher, one list": ("near_cases", 2),
    "date-fisher, one case a request": ("no_match_share", 60),
    "bulk enumerator": ("volume_outlier", 3),
    "slow enumerator": ("off_list", 40),
}


def test_ordinary_months_raise_a_handful_of_alarms_and_hardly_one_that_accuses() -> None:
    kinds: Counter[str] = Counter()
    lookups = 0
    for seed in SEEDS:
        facts = ordinary_month(seed).finished()
        lookups += sum(fact.event is Event.LOOKUP for fact in facts)
        kinds += Counter(str(alarm.kind) for _, alarm in alarms_of(facts))
    assert lookups > 1000 * len(SEEDS)
    assert kinds.total() <= 5 * len(SEEDS)
    assert kinds.total() - kinds["out_of_hours"] <= 2


@pytest.mark.parametrize("name", FOUND)
def test_an_insider_is_found_by_the_alarm_that_is_for_them(name: str) -> None:
    kind, lookups = FOUND[name]
    for seed in SEEDS:
        month = ordinary_month(seed)
        INSIDERS[name](month)
        found = caught(month.finished())
        assert found is not None and kind in found[2], seed
        assert found[0] <= lookups, seed


def test_a_stalker_of_somebody_withheld_is_shown_to_the_holder_and_not_to_the_asker() -> None:
    month = ordinary_month(1)
    INSIDERS["stalker of somebody withheld"](month)
    audiences = {
        alarm.audience
        for _, alarm in alarms_of(month.finished())
        if alarm.staff == "insider" and alarm.kind == "repeated_person"
    }
    assert audiences and "housing-b" not in audiences


def test_somebody_who_asks_once_a_week_is_left_to_the_sample_and_to_the_holders_own_log() -> None:
    """What alarms do not find is said in docs/review.md; should a rule come to find it, say that there."""
    month = ordinary_month(0)
    INSIDERS["stalker, once a week"](month)
    found = caught(month.finished())
    assert found is None or "repeated_person" not in found[2]
