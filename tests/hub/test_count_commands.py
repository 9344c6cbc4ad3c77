"""`knownto hub cohort run`, `compare` and `release`: counts with stable columns, and exit code 3."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from python_calamine import CalamineWorkbook

from cli.main import exit_code, knownto
from hub.errors import AgreementMissingError, NotFoundError
from tests.hub.conftest import Network
from tests.hub.counted import AT, Partnership

SERVICES = {
    "housing-a": "housing", "probation": "probation", "trust": "mental_health", "refuge": "domestic_abuse",
    "children": "childrens_services", "drugs": "substance_use",
}  # fmt: skip
HOUSED, CONVICTED = ("housing-a", "watford", "2024-01", None), ("probation", "dacorum", "2023-01", None)


class Desk:
    """The hub's commands on a day."""

    def __init__(self, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
        self.network, self.partnership, self.at = network, Partnership(network.database), AT
        self.partnership.begin(SERVICES, days=366)
        monkeypatch.setattr("hub.clock.system_clock", self.clock)

    def clock(self) -> datetime:
        return self.at

    def __call__(self, *words: str, staff: str = "n-ali") -> Result:
        command = ["--home", str(self.network.home), "hub", *words]
        return CliRunner().invoke(knownto, [*command, "--staff", staff] if staff else command)

    def document(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self(*words, "--format", "json").stdout)
        return found


@pytest.fixture
def desk(network: Network, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(network, monkeypatch)
    made.partnership.add(HOUSED, CONVICTED, times=20)
    made.partnership.add(HOUSED, times=30)
    return made


def test_counts_come_with_columns_that_stay(desk: Desk) -> None:
    document = desk.document("cohort", "run", "mcn")
    assert {name: document[name] for name in ("cohort", "version", "snapshot")} == {
        "cohort": "mcn", "version": 1, "snapshot": "2026-06-15",
    }  # fmt: skip
    assert document["counts"][0] == {
        "dimension": "total", "level": "", "count": "20", "number": 20, "shown": "number"
    }  # fmt: skip
    result = desk("cohort", "run", "mcn", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert list(rows[0]) == [
        "cohort",
        "version",
        "snapshot",
        "dimension",
        "level",
        "count",
        "number",
        "shown",
    ]
    assert [row["count"] for row in rows] == [row["count"] for row in document["counts"]]
    hidden = next(row for row in document["counts"] if row["level"] == "mental_health")
    assert hidden == {
        "dimension": "service", "level": "mental_health", "count": "*", "number": None, "shown": "hidden"
    }  # fmt: skip


def test_what_the_counts_miss_is_said_with_exit_code_3(desk: Desk) -> None:
    result = desk("cohort", "run", "mcn")
    assert result.exception is not None and exit_code(result.exception) == 3
    assert "Warning: trust shares no months: nothing is known of when." in result.stderr
    assert desk.document("cohort", "run", "mcn")["warnings"]


def test_counts_go_into_a_workbook(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "counts.xlsx"
    desk("cohort", "run", "mcn", "--format", "xlsx", "--out", str(path))
    rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    assert rows[0] == ["cohort", "version", "snapshot", "dimension", "level", "count", "number", "shown"]
    assert rows[1] == ["mcn", 1.0, "2026-06-15", "total", "", "20", 20.0, "number"]


@pytest.mark.parametrize("words", [("--format", "xlsx"), ("--out", "x.xlsx")])
def test_a_workbook_needs_format_and_place(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk("cohort", "run", "mcn", *words).exit_code == 2


def test_nobody_counts_without_saying_who_they_are(desk: Desk) -> None:
    assert desk("cohort", "run", "mcn", staff="").exit_code == 2
    assert exit_code(desk("cohort", "run", "mcn", staff="N Ali").exception or Exception()) != 0


def test_without_an_agreement_nothing_is_counted(desk: Desk) -> None:
    result = desk("cohort", "run", "mcn", "--agreement", "other")
    assert isinstance(result.exception, AgreementMissingError)
    assert exit_code(result.exception) == 4


def test_a_snapshot_is_kept_released_and_compared(desk: Desk) -> None:
    result = desk("cohort", "run", "mcn", "--snapshot")
    assert "Kept as mcn-1-2026-06-15." in result.stderr
    desk.at = AT + timedelta(days=30)
    desk.partnership.add(HOUSED, CONVICTED, times=15)
    desk("cohort", "run", "mcn", "--snapshot")
    compared = desk.document("cohort", "compare", "mcn-1-2026-06-15", "mcn-1-2026-07-15")
    # 15 came, and nobody left: beside 20 and 35 that is not to be seen to the person.
    assert [row["change"] for row in compared["counts"]] == ["joined", "left", "stayed"]
    assert compared["counts"][1]["count"] == "*"
    assert desk("cohort", "release", "mcn-1-2026-07-15").exit_code == 0
    listed = json.loads(desk("cohort", "snapshots", "--format", "json", staff="").stdout)
    assert [(row["snapshot"], row["released_by"]) for row in listed] == [
        ("mcn-1-2026-07-15", "n-ali"),
        ("mcn-1-2026-06-15", None),
    ]


def test_snapshots_of_two_rules_or_in_the_wrong_order_are_not_compared(desk: Desk) -> None:
    desk("cohort", "run", "mcn", "--snapshot")
    desk("cohort", "run", "new", "--snapshot")
    for pair in (("mcn-1-2026-06-15", "new-1-2026-06-15"), ("mcn-1-2026-06-15", "mcn-1-2026-06-15")):
        assert desk("cohort", "compare", *pair).exit_code == 2
    missing = desk("cohort", "compare", "mcn-1-2026-06-15", "mcn-1-2020-01-01")
    assert isinstance(missing.exception, NotFoundError)
