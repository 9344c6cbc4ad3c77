"""The query budget: a table of cases, and bounds that hold whatever is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.query_budget import Asked, OverBudget, QueryBudget, Spent, WithinBudget, decide_query

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SMALL = QueryBudget(tables=2, cohorts=1, period_days=28)


def asked(question: str, *cohorts: str, days_ago: int = 0, who: str = "n-ali", snapshot: str = "s1") -> Asked:
    return Asked(who, question, snapshot, frozenset(cohorts), NOW - timedelta(days=days_ago))


FULL = [asked("a", days_ago=20), asked("b", days_ago=5)]


@pytest.mark.parametrize(
    ("history", "asking", "decision"),
    [
        pytest.param([], asked("a"), WithinBudget(1, 1), id="the first"),
        pytest.param(FULL[:1], asked("b"), WithinBudget(0, 1), id="the last that fits"),
        pytest.param(FULL, asked("a"), WithinBudget(0, 1), id="the same again"),
        pytest.param(
            FULL, asked("c"), OverBudget(Spent.TABLES, NOW + timedelta(days=8)), id="one too many"
        ),
        pytest.param(
            FULL, asked("a", snapshot="s2"), OverBudget(Spent.TABLES, NOW + timedelta(days=8)),
            id="the same of another snapshot",
        ),
        pytest.param(FULL, asked("c", who="n-bell"), WithinBudget(1, 1), id="somebody else"),
        pytest.param(
            [asked("a", days_ago=28), asked("b")], asked("c"), WithinBudget(0, 1), id="the period is over"
        ),
        pytest.param([asked("a", "mcn")], asked("b", "mcn"), WithinBudget(0, 0), id="the same cohort"),
        pytest.param(
            [asked("a", "mcn", days_ago=1)], asked("b", "smd"),
            OverBudget(Spent.COHORTS, NOW + timedelta(days=27)), id="another cohort",
        ),
    ],
)  # fmt: skip
def test_decisions(history: list[Asked], asking: Asked, decision: object) -> None:
    assert decide_query(history, asking, budget=SMALL) == decision


asking = st.builds(
    asked, st.sampled_from("abcdef"), st.sampled_from(["mcn", "smd", "new"]), days_ago=st.integers(0, 60)
)


@given(st.lists(asking, max_size=30))
def test_no_period_ever_holds_more_than_the_budget(wanted: list[Asked]) -> None:
    budget = QueryBudget(tables=3, cohorts=2, period_days=28)
    answered: list[Asked] = []
    for one in sorted(wanted, key=lambda one: one.at):
        if isinstance(decide_query(answered, one, budget=budget), WithinBudget):
            answered.append(one)
    for last in answered:
        period = [one for one in answered if last.at - timedelta(days=28) < one.at <= last.at]
        assert len({(one.question, one.snapshot) for one in period}) <= 3
        assert len(frozenset().union(*(one.cohorts for one in period))) <= 2
