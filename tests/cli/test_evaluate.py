"""`knownto evaluate` on a small county whose truth is known: the keys that scripts rely on."""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.demo.files import write_contract
from cli.demo.generator import generate
from tests.cli.evaluating import printed, run

FIELDS = "dob,initials,chain,sex,area"
MEASURE = {"precision": float, "recall": float, "f1": float}
COUNTED = {"precision": float, "recall": float, "n": int}
PAIRS_CONTRACT: dict[str, Any] = {
    "records": int,
    "true_pairs": int,
    "candidate_pairs": int,
    "best_f1": float,
    "precision": float,
    "recall": float,
    "recall_at_precision_99": float,
    "at_posterior_0.5": MEASURE,
    "at_posterior_0.95": MEASURE,
    "ece": float,
    "brier": float,
    "clusters": {"count": int, "pairs": MEASURE, "connected_components": MEASURE},
    "converged": bool,
    "seconds": {"encode": float, "link": float, "total": float},
}
LOOKUPS_CONTRACT: dict[str, Any] = {
    "known": COUNTED,
    "known_or_possible": COUNTED,
    "ece": float,
    "seconds_per_case": {"p50": float, "p99": float},
}


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight agencies of 600 made-up people, with the truth and 25 cases beside them."""
    directory = tmp_path_factory.mktemp("county")
    federation = generate(people=600, seed=11, with_conference=False)
    write_contract(federation, directory)
    person_of = {(entry.agency, entry.local_id): entry.person_id for entry in federation.truth}
    asking = max(
        (load for load in federation.caseloads if not load.agency.initials_only),
        key=lambda load: len(load.rows),
    )
    with (directory / "cases.csv").open("w", encoding="utf-8", newline="") as file:
        columns = ("case_ref", "dob", "forename", "surname", "chain", "sex", "area", "person_id")
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for number, row in enumerate(asking.rows[:25], start=1):
            values = {name: getattr(row, name) for name in columns[1:-1]}
            person_id = person_of[asking.agency.agency_id, row.local_id]
            writer.writerow({"case_ref": f"case-{number}", "person_id": person_id} | values)
    return directory


def pairs(county: Path, *more: str) -> dict[str, Any]:
    return printed("pairs", county, "--truth", "truth.csv", "--fields", FIELDS, *more)


def lookups(county: Path, fields: str = FIELDS) -> dict[str, Any]:
    return printed("lookups", county, "--cases", "cases.csv", "--truth", "truth.csv", "--fields", fields)


@pytest.fixture(scope="module")
def county_without_cases(county: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every table but the truth is an agency's, so a folder for pairs holds no case list."""
    directory = tmp_path_factory.mktemp("pairs") / "county"
    shutil.copytree(county, directory)
    (directory / "cases.csv").unlink()
    return directory


@pytest.fixture(scope="module")
def measured(county_without_cases: Path) -> dict[str, Any]:
    return pairs(county_without_cases)


def assert_contract(document: dict[str, Any], contract: dict[str, Any]) -> None:
    for key, kind in contract.items():
        if isinstance(kind, dict):
            assert_contract(document[key], kind)
        elif kind is bool:
            assert isinstance(document[key], bool), key
        else:
            # Seconds and shares may be written as whole numbers; counts are never fractions.
            assert isinstance(document[key], (int, float) if kind is float else kind), key
            assert not isinstance(document[key], bool), key


def test_pairs_prints_every_key_of_the_contract(measured: dict[str, Any]) -> None:
    assert_contract(measured, PAIRS_CONTRACT)


def test_pairs_counts_rows_and_true_pairs_by_the_truth(
    measured: dict[str, Any], county_without_cases: Path
) -> None:
    with (county_without_cases / "truth.csv").open(encoding="utf-8") as file:
        people = [row["person_id"] for row in csv.DictReader(file)]
    sizes = [people.count(person) for person in set(people)]
    assert measured["records"] == len(people)
    assert measured["true_pairs"] == sum(size * (size - 1) // 2 for size in sizes)


def test_measures_are_shares_and_fit_together(measured: dict[str, Any]) -> None:
    at_half, at_known = measured["at_posterior_0.5"], measured["at_posterior_0.95"]
    for measure in (at_half, at_known, measured):
        assert 0 <= measure["precision"] <= 1 and 0 <= measure["recall"] <= 1
    assert at_known["recall"] <= at_half["recall"]
    assert at_half["f1"] <= measured["best_f1"] + 1e-6
    assert measured["recall_at_precision_99"] <= 1
    assert measured["best_f1"] > 0.8
    seconds = measured["seconds"]
    assert seconds["total"] == pytest.approx(seconds["encode"] + seconds["link"], abs=1e-5)


def test_stored_slots_alone_find_no_more(measured: dict[str, Any], county_without_cases: Path) -> None:
    stored = pairs(county_without_cases, "--stored-only")
    assert_contract(stored, PAIRS_CONTRACT)
    assert stored["candidate_pairs"] < measured["candidate_pairs"]
    assert stored["true_pairs"] == measured["true_pairs"]
    assert stored["recall"] <= measured["recall"] + 0.02
    assert stored["best_f1"] <= measured["best_f1"] + 0.01


def test_two_runs_print_the_same_but_for_the_seconds(
    measured: dict[str, Any], county_without_cases: Path
) -> None:
    again = pairs(county_without_cases)
    assert again | {"seconds": None} == measured | {"seconds": None}


def test_names_and_numbers_help(measured: dict[str, Any], county_without_cases: Path) -> None:
    everything = printed("pairs", county_without_cases, "--fields", "dob,names,chain,nhs_number,sex,area")
    assert everything["best_f1"] > measured["best_f1"]


def test_tables_print_the_same_names(county_without_cases: Path) -> None:
    result = run("pairs", county_without_cases, "--fields", "dob,initials")
    assert result.exit_code == 0
    assert all(key in result.stdout for key in PAIRS_CONTRACT)


def test_lookups_prints_every_key_of_the_contract_and_finds_people(county: Path) -> None:
    document = lookups(county, "dob,names,chain,sex,area")
    assert_contract(document, LOOKUPS_CONTRACT)
    known, either = document["known"], document["known_or_possible"]
    assert known["n"] <= either["n"] and known["recall"] <= either["recall"]
    assert known["precision"] > 0.9 and either["recall"] > 0.8
    assert document["parked"] >= 0


def test_two_runs_of_lookups_print_the_same_but_for_the_seconds(county: Path) -> None:
    one, other = lookups(county), lookups(county)
    assert one | {"seconds_per_case": None} == other | {"seconds_per_case": None}


def test_refusals_leave_with_the_documented_code_and_nothing_on_stdout(
    county_without_cases: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same through the program's own end, which turns errors into exit codes."""
    from cli.main import main

    monkeypatch.setattr(
        sys, "argv", ["knownto", "evaluate", "pairs", str(county_without_cases), "--fields", "dob,postcode"]
    )
    with pytest.raises(SystemExit) as left:
        main()
    output = capsys.readouterr()
    assert left.value.code == 7
    assert output.out == ""
    assert "postcode" in output.err and output.err.startswith("knownto: ")
