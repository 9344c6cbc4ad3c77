"""Movement: flows between two months by what agencies share, and periods that cannot be subtracted."""

from __future__ import annotations

import csv
import io
import json
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import hub.publishing
import hub.suppression
from cli.main import exit_code, knownto
from hub.cohort_counts import Counted, Counting
from hub.counted_people import SeenRecord
from hub.database import Database
from hub.errors import AgreementMissingError, ConflictError, MalformedError
from hub.months import month_of
from hub.movement import Period, area_in, count_movement, flow_of
from hub.suppression import Published
from tests.hub.conftest import Network
from tests.hub.counted import AT, Partnership
from tests.hub.suppression_attacker import Attacker

SERVICES = {"housing-a": "housing", "housing-b": "housing", "probation": "probation"}
COUNTING = Counting("n-ali", AT)
YEAR = Period(month_of("2025-01"), month_of("2026-01"))


def record(area: str | None, opened: str | None, closed: str | None = None) -> SeenRecord:
    def month(text: str | None) -> int | None:
        return None if text is None else month_of(text)

    dated = opened is not None or closed is not None
    return SeenRecord("a", "h", "housing", area, dated, month(opened), month(closed))


@pytest.mark.parametrize(
    ("records", "flow"),
    [
        pytest.param(
            [record("dacorum", "2024-01", "2025-01"), record("watford", "2025-06")],
            "dacorum>watford",
            id="moved",
        ),
        pytest.param(
            [record("dacorum", "2024-01", "2024-12"), record("watford", "2025-06")],
            None,
            id="not seen before",
        ),
        pytest.param(
            [record("dacorum", "2024-01", "2025-03"), record("watford", "2026-02")], None, id="not seen after"
        ),
        pytest.param([record("dacorum", "2024-01")], None, id="stayed"),
        pytest.param(
            [record("dacorum", "2024-01"), record("watford", "2025-06")],
            "dacorum>watford",
            id="still open there",
        ),
        pytest.param(
            [record("dacorum", "2024-01"), record("watford", "2024-06", "2025-06")],
            "watford>dacorum",
            id="back where a case was open",
        ),
        pytest.param(
            [record("dacorum", "2024-01", "2025-01"), record(None, "2025-06")], None, id="area is not known"
        ),
        pytest.param(
            [record("dacorum", None, "2025-01"), record("watford", "2025-06")],
            None,
            id="since when is not known",
        ),
        pytest.param([record("dacorum", None), record("watford", "2025-06")], None, id="no months"),
    ],
)
def test_a_flow_is_from_where_somebody_was_to_where_they_are(
    records: list[SeenRecord], flow: str | None
) -> None:
    assert flow_of(records, YEAR) == flow
    assert flow_of(records[::-1], YEAR) == flow


def test_of_two_areas_of_one_month_the_first_by_name_counts() -> None:
    both = [record("watford", "2025-01"), record("dacorum", "2025-01")]
    assert area_in(both, month_of("2025-01")) == area_in(both[::-1], month_of("2025-01")) == "dacorum"


@pytest.fixture
def partnership(database: Database) -> Partnership:
    made = Partnership(database)
    made.begin(SERVICES, days=366, expires=AT + timedelta(days=400))
    return made


def move(partnership: Partnership, before: str, after: str, *, times: int) -> None:
    partnership.add(
        ("housing-a", before, "2024-01", "2025-03"), ("housing-b", after, "2025-04", None), times=times
    )


def run(partnership: Partnership, period: Period = YEAR, counting: Counting = COUNTING) -> Counted:
    return count_movement(partnership.database, period, counting)


def flows(counted: Counted) -> dict[str, str]:
    return {row.levels[0]: row.count for row in counted.rows}


def test_flows_are_counted_in_all_and_between_areas(partnership: Partnership) -> None:
    move(partnership, "dacorum", "watford", times=20)
    move(partnership, "watford", "dacorum", times=15)
    partnership.add(("housing-a", "dacorum", "2020-01", None), times=50)
    partnership.add(("probation", "dacorum", None, None), times=50)
    counted = run(partnership)
    assert flows(counted) == {"": "35", "dacorum>watford": "20", "watford>dacorum": "15"}
    assert counted.warnings == ("probation shares no months: nothing is known of when",)


def test_small_flows_are_hidden(partnership: Partnership) -> None:
    move(partnership, "dacorum", "watford", times=20)
    move(partnership, "watford", "dacorum", times=7)
    assert flows(run(partnership))["watford>dacorum"] == "*"


@pytest.mark.parametrize(
    ("first", "last", "apart"),
    [
        ("2025-01", "2026-01", True),
        ("2024-01", "2025-01", True),
        ("2026-01", "2026-06", True),
        ("2025-01", "2025-12", False),
        ("2025-06", "2026-06", False),
        ("2024-12", "2025-02", False),
        ("2025-03", "2025-04", False),
        ("2024-01", "2026-06", False),
    ],
)
def test_periods_may_follow_each_other_and_not_overlap(
    partnership: Partnership, first: str, last: str, apart: bool
) -> None:
    move(partnership, "dacorum", "watford", times=20)
    run(partnership)
    period = Period(month_of(first), month_of(last))
    if apart:
        run(partnership, period)
        return
    with pytest.raises(ConflictError, match="2025-01 to 2026-01"):
        run(partnership, period)


@pytest.mark.parametrize(
    ("first", "last"), [("2025-01", "2025-01"), ("2025-02", "2025-01"), ("2026-01", "2026-07")]
)
def test_a_period_that_is_none_is_refused(partnership: Partnership, first: str, last: str) -> None:
    with pytest.raises(MalformedError):
        run(partnership, Period(month_of(first), month_of(last)))


def test_movement_is_statistics_and_not_a_cohort(partnership: Partnership) -> None:
    partnership.agree("later", sorted(SERVICES), purposes=["cohort_identification"])
    with pytest.raises(AgreementMissingError, match="statistics"):
        run(partnership, counting=replace(COUNTING, agreement="later"))


@pytest.fixture
def desk(network: Network, monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Partnership(network.database)
    made.begin(SERVICES, days=366)
    move(made, "dacorum", "watford", times=20)
    move(made, "watford", "stevenage", times=30)
    move(made, "dacorum", "stevenage", times=25)
    move(made, "stevenage", "watford", times=2)
    monkeypatch.setattr("hub.clock.system_clock", lambda: AT)

    def invoke(*words: str) -> Result:
        command = ["--home", str(network.home), "hub", "movement", "--staff", "n-ali"]
        return CliRunner().invoke(knownto, [*command, "--from", "2025-01", "--to", "2026-01", *words])

    return invoke


def test_the_command_prints_rows_with_columns_that_stay(desk: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(desk("--format", "csv").stdout)))
    columns = "first_month last_month snapshot dimension from_area to_area count number shown"
    assert list(rows[0]) == columns.split()
    document = json.loads(desk("--format", "json").stdout)
    assert document["counts"][0]["count"] == "75"
    found = {(row["from_area"], row["to_area"]): row["count"] for row in document["counts"][1:]}
    assert len(found) == 6 and found["watford", "stevenage"] == "30" and found["stevenage", "watford"] == "*"


def test_the_table_is_a_matrix(desk: Any) -> None:
    result = desk()
    assert exit_code(result.exception) == 3
    heading, *lines = [line.split() for line in result.stdout.splitlines() if line.strip()]
    assert heading == "Moved from 2025-01 to 2026-01: 75 people".split()
    assert lines[0] == ["from", "dacorum", "stevenage", "watford"]
    assert [line[0] for line in lines[2:]] == ["dacorum", "stevenage", "watford"]
    assert lines[2] == ["dacorum", "25", "20"]


def test_bars_are_drawn_of_numbers_alone(desk: Any, tmp_path: Path) -> None:
    path = tmp_path / "flows.svg"
    desk("--format", "svg", "--out", str(path))
    text = path.read_text("utf-8")
    assert "watford to stevenage: 30; dacorum to stevenage: 25; dacorum to watford: 20." in text
    assert "3 flows are small or hidden" in text
    assert "stevenage to watford" not in text
    assert desk("--format", "svg").exit_code == 2


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 10**6))
def test_ten_runs_of_a_period_leave_an_attacker_no_small_flow(
    monkeypatch: pytest.MonkeyPatch,
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
) -> None:
    path = tmp_path_factory.mktemp("runs") / "hub.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    partnership, rng, attacker = Partnership(Database(f"sqlite:///{path}")), random.Random(seed), Attacker()
    partnership.begin(SERVICES, days=366, expires=AT + timedelta(days=400))
    publish = hub.suppression.publish

    def seen(ledger: Any, population: Any, question: Any, **named: Any) -> Any:
        after, table = publish(ledger, population, question, **named)
        if isinstance(table, Published):
            attacker.see(population, question, table)
        return after, table

    monkeypatch.setattr(hub.publishing, "publish", seen)
    areas = ("dacorum", "stevenage", "watford")
    told = Counter[str]()
    for number in range(10):
        for _ in range(rng.choice([1, 2, 4])):
            before, after = rng.sample(areas, 2)
            move(partnership, before, after, times=rng.choice([1, 1, 5, 9, 14]))
        counted = run(partnership, counting=replace(COUNTING, at=AT + timedelta(days=29 * number)))
        told.update(str(row.shown) for row in counted.rows)
    partnership.database.close()
    assert told["number"] and told["hidden"]
    for group in attacker.targets():
        low, high = attacker.interval(group)
        assert low <= 0 and high >= 7, (low, high)
