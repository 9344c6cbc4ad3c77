"""Cohorts counted: as many as there are, small numbers hidden, and nothing to subtract over ten runs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import hub.publishing
from hub.cohort_counts import Counted, Counting, compare_snapshots, count_cohort
from hub.cohort_rules import CohortRule, parse_rule, shipped_rule
from hub.cohort_snapshots import keep_snapshot
from hub.count_models import CountLedger
from hub.database import Database
from hub.errors import BudgetExhaustedError, ConflictError, UnavailableError
from hub.log_views import read_entries
from hub.overlap_counts import count_overlap
from hub.suppression import Published
from tests.hub.counted import AT, Partnership
from tests.hub.suppression_attacker import Attacker

SERVICES = {
    "housing-a": "housing",
    "housing-b": "housing",
    "probation": "probation",
    "trust": "mental_health",
}
COUNTING = Counting("n-ali", AT)
HOUSED, CONVICTED, TREATED = (
    ("housing-a", "watford", "2024-01", None),
    ("probation", "watford", "2024-01", None),
    ("trust", "dacorum", "2024-05", None),
)
MCN = shipped_rule("mcn")


def rule(version: int = 1, title: str = "Two areas") -> CohortRule:
    return parse_rule(
        f'format = "cohort/1"\nid = "west"\nversion = {version}\ntitle = "{title}"\n'
        '[sub_regions]\nwest = ["dacorum", "watford"]\nnorth = ["stevenage"]\nfar = ["elsewhere"]\n'
        '[[require]]\nrule = "sub_region"\nof = ["west", "north", "far"]\n',
        file="west.toml",
    )


@pytest.fixture
def partnership(database: Database) -> Partnership:
    made = Partnership(database)
    made.begin(SERVICES, days=366)
    return made


def cells(counted: Counted, dimension: str) -> dict[str, str]:
    return {"+".join(row.levels): row.count for row in counted.rows if row.dimension == dimension}


def run(partnership: Partnership, chosen: CohortRule = MCN, counting: Counting = COUNTING) -> Counted:
    return count_cohort(partnership.database, chosen, counting)


def test_a_cohort_is_counted_in_all_by_area_and_by_service(partnership: Partnership) -> None:
    partnership.add(HOUSED, CONVICTED, times=20)
    partnership.add(HOUSED, TREATED, times=10)
    partnership.add(CONVICTED, TREATED, times=15)
    partnership.add(HOUSED, times=30)
    partnership.add(HOUSED, ("housing-b", "watford", None, None), times=10)
    counted = run(partnership)
    assert cells(counted, "total") == {"": "45"}
    # Where somebody came last, of several places where they are seen now.
    assert cells(counted, "area") == {"dacorum": "25", "watford": "20"}
    assert cells(counted, "service") == {"housing": "30", "mental_health": "25", "probation": "35"}


def test_sub_regions_are_those_of_the_rule(partnership: Partnership) -> None:
    partnership.add(HOUSED, times=20)
    partnership.add(TREATED, times=15)
    partnership.add(("trust", "stevenage", None, None), times=25)
    counted = run(partnership, rule())
    assert cells(counted, "sub_region") == {"west": "35", "north": "25"}


def test_what_is_missing_is_said(partnership: Partnership) -> None:
    partnership.add(HOUSED, CONVICTED, times=20)
    warnings = run(partnership).warnings
    assert "nobody from domestic abuse takes part: women are undercounted" in warnings
    assert "trust shares no months: nothing is known of when" in warnings


def test_small_numbers_are_hidden_beside_whatever_was_published(partnership: Partnership) -> None:
    partnership.add(HOUSED, CONVICTED, times=20)
    partnership.add(HOUSED, TREATED, times=3)
    counted = run(partnership)
    assert cells(counted, "total") == {"": "25"}
    # 23 in all: beside it a 20 in one area would tell that there are others.
    assert set(cells(counted, "area").values()) == {"*"}


def test_the_same_day_gets_the_same_answer(partnership: Partnership) -> None:
    partnership.add(HOUSED, CONVICTED, times=20)
    first = run(partnership)
    assert run(partnership, counting=replace(COUNTING, at=AT + timedelta(hours=3))) == first


def test_a_day_is_not_counted_twice_where_the_data_have_changed(partnership: Partnership) -> None:
    partnership.add(HOUSED, CONVICTED, times=20)
    run(partnership)
    partnership.add(HOUSED, CONVICTED)
    with pytest.raises(ConflictError, match="another day"):
        run(partnership)
    assert cells(run(partnership, counting=replace(COUNTING, at=AT + timedelta(days=1))), "total") == {
        "": "20"
    }


def test_a_snapshot_of_other_data_of_that_day_is_not_counted_with(partnership: Partnership) -> None:
    partnership.add(HOUSED, CONVICTED, times=20)
    first = keep_snapshot(partnership.database, MCN, COUNTING)
    later = replace(COUNTING, at=AT + timedelta(days=30))
    second = keep_snapshot(partnership.database, MCN, later)
    run(partnership, counting=replace(later, at=later.at - timedelta(days=1)))
    partnership.add(HOUSED, CONVICTED)
    with pytest.raises(ConflictError, match="another day"):
        compare_snapshots(partnership.database, first, second, MCN.digest, later)


def test_an_analyst_counts_so_many_cohorts_in_a_period(partnership: Partnership) -> None:
    partnership.add(HOUSED, times=20)
    rules = [rule(title=f"Rule {number}", version=number) for number in range(1, 10)]
    for chosen in rules[:5]:
        run(partnership, chosen)
    run(partnership, rules[0])
    budget = [replace(COUNTING, analyst="n-bell"), replace(COUNTING, at=AT + timedelta(days=29))]
    for chosen, counting in zip(rules[:2], budget, strict=True):
        run(partnership, chosen, counting)


def test_beyond_the_budget_nothing_is_counted_or_logged(
    partnership: Partnership, monkeypatch: pytest.MonkeyPatch
) -> None:
    partnership.add(HOUSED, CONVICTED, times=20)
    small = hub.publishing.QueryBudget(tables=4)
    inquiry = Counting.inquiry
    monkeypatch.setattr(Counting, "inquiry", lambda *asked: replace(inquiry(*asked), budget=small))
    run(partnership, rule())
    before = actions(partnership)
    with pytest.raises(BudgetExhaustedError, match="2026-07-13"):
        run(partnership)
    assert actions(partnership) == before


def actions(partnership: Partnership) -> list[dict[str, Any]]:
    with partnership.database.reading() as session:
        return [entry for _, entry in read_entries(session, after=0, limit=100)]


def test_every_count_is_logged_with_its_analyst_and_no_number(partnership: Partnership) -> None:
    partnership.add(HOUSED, CONVICTED, times=20)
    run(partnership)
    [entry] = actions(partnership)
    assert entry["action"] == "cohort:count:published"
    assert (entry["staff"], entry["cohort"], entry["snapshot"]) == ("n-ali", "mcn", "2026-06-15")
    assert (entry["tables"], entry["withheld"]) == (3, 0)
    assert 20 not in entry.values()


def test_whoever_publishes_at_the_same_time_is_held_against(
    partnership: Partnership, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading the ledger and storing it another table is published: it is worked out again."""
    partnership.add(HOUSED, CONVICTED, times=20)
    work_out, meanwhile = hub.publishing._work_out, [rule(), rule(2)]

    def interrupted(*arguments: Any) -> Any:
        found = work_out(*arguments)
        if meanwhile:
            run(partnership, meanwhile.pop())
        return found

    monkeypatch.setattr(hub.publishing, "_work_out", interrupted)
    counted = run(partnership)
    assert cells(counted, "total") == {"": "20"}
    with partnership.database.reading() as session:
        assert session.get_one(CountLedger, "people").version == 3


def test_more_cohorts_than_can_be_held_against_each_other_are_refused(
    partnership: Partnership, monkeypatch: pytest.MonkeyPatch
) -> None:
    partnership.add(HOUSED, CONVICTED, times=20)
    run(partnership)
    monkeypatch.setattr("hub.populations.MOST_ATOMS", 20)
    with pytest.raises(UnavailableError, match="held against each other"):
        run(partnership, rule())


def test_who_joined_and_who_left_is_counted_between_two_snapshots(partnership: Partnership) -> None:
    stayed = partnership.add(HOUSED, CONVICTED, times=20)
    left = partnership.add(HOUSED, CONVICTED, times=15)
    gone = partnership.add(HOUSED, CONVICTED, times=10)
    partnership.add(HOUSED, times=30)
    first = keep_snapshot(partnership.database, MCN, COUNTING)
    for cluster in left:
        partnership.take_off(cluster, "probation")
    for cluster in gone:
        for agency in ("housing-a", "probation"):
            partnership.take_off(cluster, agency)
    partnership.add(HOUSED, TREATED, times=25)
    later = replace(COUNTING, at=AT + timedelta(days=30))
    second = keep_snapshot(partnership.database, MCN, later)
    counted = compare_snapshots(partnership.database, first, second, MCN.digest, later)
    assert [(row.dimension, row.count) for row in counted.rows] == [
        ("joined", "25"),
        ("left", "15"),
        ("stayed", str(len(stayed))),
    ]


def test_a_snapshot_is_kept_once_a_day(partnership: Partnership) -> None:
    partnership.add(HOUSED, CONVICTED, times=20)
    name = keep_snapshot(partnership.database, MCN, COUNTING)
    assert name == "mcn-1-2026-06-15"
    assert keep_snapshot(partnership.database, MCN, COUNTING) == name
    assert [entry["action"] for entry in actions(partnership)] == ["cohort:snapshot:kept"]


def test_another_rule_under_the_same_name_is_refused(partnership: Partnership) -> None:
    partnership.add(HOUSED, times=20)
    keep_snapshot(partnership.database, rule(), COUNTING)
    with pytest.raises(ConflictError, match="raise its version"):
        keep_snapshot(partnership.database, rule(title="Other words"), COUNTING)


@pytest.fixture
def attacked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Attacker]]:
    """Whoever stands first in the list sees every table that is published."""
    attackers: list[Attacker] = []
    publish = hub.publishing.publish

    def seen(ledger: Any, population: Any, question: Any, **named: Any) -> Any:
        after, table = publish(ledger, population, question, **named)
        if isinstance(table, Published):
            attackers[0].see(population, question, table)
        return after, table

    monkeypatch.setattr(hub.publishing, "publish", seen)
    yield attackers


KINDS_OF_PEOPLE = [
    [HOUSED],
    [CONVICTED],
    [HOUSED, CONVICTED],
    [HOUSED, TREATED],
    [("trust", "watford", "2026-01", None)],
    [("probation", "dacorum", "2025-01", "2025-03"), ("housing-a", "dacorum", "2026-03", None)],
]


@settings(
    max_examples=1,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 10**6))
def test_ten_runs_leave_an_attacker_no_small_number(
    attacked: list[Attacker], sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """People come, go and change between runs; two cohorts, areas, services, overlap, and who joined."""
    path = tmp_path_factory.mktemp("runs") / "hub.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    partnership, rng = Partnership(Database(f"sqlite:///{path}")), random.Random(seed)
    partnership.begin(SERVICES, days=366, expires=AT + timedelta(days=400))
    attacked[:] = [Attacker()]
    everybody: list[int] = []
    for kind in KINDS_OF_PEOPLE:
        everybody += partnership.add(*kind, times=rng.choice([0, 3, 7, 9, 14, 25]))
    first = ""
    for number in range(10):
        counting = replace(COUNTING, at=AT + timedelta(days=29 * number))
        for chosen in (MCN, shipped_rule("new")):
            run(partnership, chosen, counting)
        for people in (None, MCN) if number in (2, 8) else ():
            count_overlap(partnership.database, people, counting)
        name = keep_snapshot(partnership.database, MCN, counting) if number in (0, 4) else ""
        if number == 4:
            compare_snapshots(partnership.database, first, name, MCN.digest, counting)
        first = first or name
        for _ in range(rng.choice([0, 0, 1, 6])):
            everybody += partnership.add(*rng.choice(KINDS_OF_PEOPLE))
        for cluster in rng.sample(everybody, min(len(everybody), rng.choice([0, 1, 5]))):
            partnership.take_off(cluster, rng.choice(list(SERVICES)))
    partnership.database.close()
    [attacker] = attacked
    assert attacker.numbers or attacker.hidden
    for group in attacker.targets():
        low, high = attacker.interval(group)
        assert low <= 0 and high >= 7, (low, high)
