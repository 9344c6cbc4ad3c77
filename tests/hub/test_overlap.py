"""`knownto hub overlap`: every combination of services once, and an UpSet plot that tells no more."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from cli.main import exit_code, knownto
from cli.upset_chart import Intersection, upset_chart
from tests.hub.conftest import Network
from tests.hub.counted import AT, Partnership

SERVICES = {
    "housing-a": "housing", "housing-b": "housing", "probation": "probation", "trust": "mental_health",
    "charity": "vcse",
}  # fmt: skip
RECORDS = {agency: (agency, "watford", "2024-01", None) for agency in SERVICES}
PEOPLE = {
    ("housing-a",): 60,
    ("housing-a", "housing-b"): 40,
    ("housing-a", "probation"): 30,
    ("probation", "trust"): 20,
    ("housing-b", "probation", "trust"): 15,
    ("trust",): 5,
    ("charity",): 25,
    ("charity", "trust"): 25,
}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def run(network: Network, monkeypatch: pytest.MonkeyPatch) -> Any:
    partnership = Partnership(network.database)
    partnership.begin(SERVICES, days=366)
    for agencies, times in PEOPLE.items():
        partnership.add(*(RECORDS[agency] for agency in agencies), times=times)
    monkeypatch.setattr("hub.clock.system_clock", lambda: AT)

    def invoke(*words: str) -> Result:
        command = ["--home", str(network.home), "hub", "overlap", "--staff", "n-ali", *words]
        return CliRunner().invoke(knownto, command)

    return invoke


def counts(result: Result, dimension: str) -> dict[str, str]:
    rows = json.loads(result.stdout)["counts"]
    return {row["level"]: row["count"] for row in rows if row["dimension"] == dimension}


def test_everybody_stands_in_one_combination(run: Any) -> None:
    result = run("--format", "json")
    assert counts(result, "total") == {"": "220"}
    found = counts(result, "services")
    # Two housing agencies are one kind; a voluntary agency, which can be anything, is none.
    assert found == {
        "housing": "100", "housing+probation": "30", "mental_health": "30", "mental_health+probation": "20",
        "housing+mental_health+probation": "15", "none": "25", "housing+mental_health": "*", "probation": "*",
    }  # fmt: skip
    assert counts(result, "service") == {"housing": "145", "mental_health": "65", "probation": "65"}
    assert next(iter(found)) == "housing" and set(list(found)[-2:]) == {"probation", "housing+mental_health"}


def test_a_cohort_has_its_own_overlap(run: Any) -> None:
    result = run("--cohort", "mcn", "--format", "json")
    assert json.loads(result.stdout)["people"] == "mcn"
    assert counts(result, "total") == {"": "65"}
    found = counts(result, "services")
    assert (found["housing+probation"], found["mental_health+probation"]) == ("30", "20")
    # Nobody is in it whom one kind of service knows: that is no small number to hide.
    assert "housing" not in found


def test_the_plot_draws_the_numbers_of_the_table_and_no_other(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "overlap.svg"
    result = run("--format", "svg", "--out", str(path))
    assert exit_code(result.exception) == 3 and "women are undercounted" in result.stderr
    root = ElementTree.fromstring(path.read_text("utf-8"))
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    numbers = Counter(text for text in texts if text.isdigit())
    assert numbers == Counter(["100", "30", "30", "20", "15", "25"])
    assert {"housing", "mental health", "probation"} <= set(texts)
    assert "2 combinations are not drawn: hidden, small or last." in texts
    assert root.get("role") == "img"
    filled = [one for one in root.iter(f"{SVG}circle") if one.get("fill") != "#ffffff"]
    assert len(filled) == 1 + 2 + 1 + 2 + 3


def test_a_plot_needs_a_place(run: Any) -> None:
    assert run("--format", "svg").exit_code == 2


def test_what_a_plot_says_is_escaped_and_its_rows_are_bounded() -> None:
    many = [Intersection((f"s{n}",), n) for n in range(60)]
    text = upset_chart(many, [f"s{n}" for n in range(60)], title="<script> & more", not_shown=3)
    assert "<script>" not in text and "&lt;script&gt; &amp; more" in text
    assert "23 combinations are not drawn" in text
    assert not re.search(r"href|url\(", text)


def test_the_day_is_in_the_heading(run: Any) -> None:
    assert json.loads(run("--format", "json").stdout)["snapshot"] == datetime.date(AT).isoformat()
