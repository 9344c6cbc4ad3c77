"""`knownto evaluate` on a small county whose truth is known: the keys scripts rely on, and every refusal."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.demo.files import write_contract
from cli.demo.generator import generate
from cli.main import exit_code, knownto

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


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(knownto, ["evaluate", *map(str, arguments)])


def code_of(result: Result) -> int:
    """The exit code the process would leave with."""
    if result.exception is None or isinstance(result.exception, SystemExit):
        return result.exit_code
    return exit_code(result.exception)


def printed(*arguments: str | Path) -> dict[str, Any]:
    result = run(*arguments, "--format", "json")
    assert result.exception is None, type(result.exception)
    document = json.loads(result.stdout, parse_constant=no_number)
    assert isinstance(document, dict)
    return document


def no_number(text: str) -> None:
    raise AssertionError(f"{text} is no number of JSON")


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


def changed(county: Path, directory: Path, name: str, text: str) -> Path:
    """A copy of the folder with one file replaced."""
    shutil.copytree(county, directory)
    (directory / name).write_text(text, encoding="utf-8")
    return directory


@pytest.mark.parametrize("column", ["agency", "local_id", "person_id"])
def test_a_truth_without_a_column_is_invalid_and_the_column_named(
    county_without_cases: Path, tmp_path: Path, column: str
) -> None:
    header = ",".join(name for name in ("agency", "local_id", "person_id") if name != column)
    folder = changed(county_without_cases, tmp_path / "county", "truth.csv", f"{header}\na,b\n")
    result = run("pairs", folder, "--fields", FIELDS)
    assert code_of(result) == 7
    assert column in str(result.exception)


@pytest.mark.parametrize("column", ["case_ref", "person_id"])
def test_cases_without_a_column_are_invalid_and_the_column_named(
    county: Path, tmp_path: Path, column: str
) -> None:
    header = ",".join(name for name in ("case_ref", "dob", "initials", "person_id") if name != column)
    folder = changed(county, tmp_path / "county", "cases.csv", f"{header}\nx,1980-03-27,js\n")
    result = run("lookups", folder, "--cases", "cases.csv", "--fields", FIELDS)
    assert code_of(result) == 7
    assert column in str(result.exception)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        pytest.param("dob,initials,postcode", "postcode", id="an unknown field"),
        pytest.param("", "no fields", id="no field"),
        pytest.param("sex,area", "no slot", id="nothing to compare by"),
    ],
)
def test_fields_that_cannot_be_compared_are_invalid(
    county_without_cases: Path, fields: str, named: str
) -> None:
    result = run("pairs", county_without_cases, "--fields", fields)
    assert code_of(result) == 7
    assert named in str(result.exception)


def test_a_folder_without_a_caseload_is_invalid(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("agency,local_id,person_id\n", encoding="utf-8")
    assert code_of(run("pairs", tmp_path, "--fields", FIELDS)) == 7


HEADER = "local_id,dob,initials,chain,sex,area\n"
ROWS = {
    "one": ["a,1980-02-03,QZ,10018342,F,north", "b,1991-05-06,XK,77203915,M,south", "c,,,,,"],
    "two": ["a,1980-02-03,QZ,10018342,F,north", "b,1964-08-19,WV,40966871,M,south"],
}
TRUTH = ["one,a,1", "one,b,2", "one,c,3", "two,a,1", "two,b,4"]


def tiny(directory: Path, *, truth: list[str] | None = None, **tables: list[str]) -> Path:
    """Two agencies of two usable people each, one of whom both know; or other tables in their place."""
    for agency, rows in (ROWS | tables).items():
        if rows:
            (directory / f"{agency}.csv").write_text(HEADER + "\n".join(rows) + "\n", "utf-8")
    lines = ["agency,local_id,person_id", *(TRUTH if truth is None else truth)]
    (directory / "truth.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return directory


def test_a_handful_of_records_is_measured_too(tmp_path: Path) -> None:
    result = run("pairs", tiny(tmp_path), "--fields", FIELDS, "--format", "json")
    document = json.loads(result.stdout)
    assert (document["records"], document["true_pairs"], document["candidate_pairs"]) == (5, 1, 1)
    assert document["clusters"]["count"] in (3, 4)
    assert "Rows that cannot be used: 1 of 5." in result.stderr


def test_truth_about_agencies_without_a_table_is_left_out_and_counted(tmp_path: Path) -> None:
    folder = tiny(tmp_path, truth=[*TRUTH, "elsewhere,a,1", "elsewhere,b,2"])
    result = run("pairs", folder, "--fields", FIELDS, "--format", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["true_pairs"] == 1
    assert "agencies without a table: 2, left out" in result.stderr


def test_records_that_only_the_truth_knows_count_as_missed(tmp_path: Path) -> None:
    folder = tiny(tmp_path, truth=[*TRUTH, "one,zz,4"])
    result = run("pairs", folder, "--fields", FIELDS, "--format", "json")
    assert json.loads(result.stdout)["true_pairs"] == 2
    assert json.loads(result.stdout)["at_posterior_0.5"]["recall"] <= 0.5
    assert "in no usable row: 2." in result.stderr


def test_records_without_a_person_are_nobody_else(tmp_path: Path) -> None:
    folder = tiny(tmp_path, truth=["one,a,", "one,b,", "two,a,", "two,b,"])
    assert printed("pairs", folder, "--fields", FIELDS)["true_pairs"] == 0


def test_a_local_id_that_stands_twice_in_a_table_is_taken_once(tmp_path: Path) -> None:
    folder = tiny(tmp_path, two=[*ROWS["two"], "a,1980-02-03,QZ,10018342,F,north"])
    document = printed("pairs", folder, "--fields", FIELDS)
    assert (document["records"], document["true_pairs"], document["candidate_pairs"]) == (6, 1, 1)


def test_the_same_local_id_at_two_agencies_is_two_records(tmp_path: Path) -> None:
    folder = tiny(tmp_path, truth=["one,a,1", "two,a,9", "one,b,2", "two,b,4"])
    document = printed("pairs", folder, "--fields", FIELDS)
    assert (document["true_pairs"], document["candidate_pairs"]) == (0, 1)


def test_a_record_said_to_be_two_people_is_invalid_and_its_row_named(tmp_path: Path) -> None:
    result = run("pairs", tiny(tmp_path, truth=[*TRUTH, "one,a,2"]), "--fields", FIELDS)
    assert code_of(result) == 7
    assert str(result.exception) == "truth, row 7: a record stands here twice, as two people"
    assert code_of(run("pairs", tiny(tmp_path, truth=[*TRUTH, "one,a,1"]), "--fields", FIELDS)) == 0


@pytest.mark.parametrize("command", ["pairs", "lookups", "report"])
def test_one_agency_alone_and_no_true_pair_are_measured(command: str, tmp_path: Path) -> None:
    folder = tiny(tmp_path, two=[])
    assert not (folder / "two.csv").exists()
    cases = "case_ref,dob,initials,person_id\nx,1980-02-03,QZ,1\ny,1999-09-09,AB,77\n"
    more: dict[str, list[str]] = {"pairs": [], "lookups": ["--cases"], "report": ["--out"]}
    arguments = more[command]
    if command == "lookups":
        (folder / "cases.csv").write_text(cases, "utf-8")
        arguments += ["cases.csv"]
    if command == "report":
        arguments += [str(tmp_path / "report.html")]
        assert run(command, folder, "--fields", "dob,initials", *arguments).exit_code == 0
        return
    document = printed(command, folder, "--fields", "dob,initials", *arguments)
    if command == "pairs":
        assert (document["true_pairs"], document["candidate_pairs"]) == (0, 0)
        assert document["at_posterior_0.95"] == {"precision": 1, "recall": 1, "f1": 1}
        assert document["clusters"]["count"] == 2
    else:
        assert document["known_or_possible"]["n"] <= 1


def test_tables_without_a_usable_row_have_no_pairs(tmp_path: Path) -> None:
    folder = tiny(tmp_path, one=["a,,,,,"], two=["a,,,,,"])
    document = printed("pairs", folder, "--fields", FIELDS)
    assert (document["records"], document["candidate_pairs"], document["true_pairs"]) == (2, 0, 1)
    assert document["clusters"]["count"] == 0
    out = tmp_path / "report.html"
    assert run("report", folder, "--fields", FIELDS, "--out", out).exit_code == 0


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(HEADER.encode(), id="a header alone"),
        pytest.param(b"\x00\x01\x02\xff", id="no table"),
    ],
)
def test_a_table_that_cannot_be_read_is_invalid_and_told_by_its_number(
    content: bytes, tmp_path: Path
) -> None:
    folder = tiny(tmp_path)
    (folder / "two.csv").write_bytes(content)
    result = run("pairs", folder, "--fields", FIELDS)
    assert code_of(result) == 7
    assert str(result.exception).startswith("caseload 2 of 2 by name")
    assert "two" not in str(result.exception)


def test_a_truth_that_is_no_table_is_invalid(tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    (folder / "truth.csv").write_bytes(b"agency,local_id,person_id\none,a,\xff\n")
    result = run("pairs", folder, "--fields", FIELDS)
    assert code_of(result) == 7
    assert str(result.exception).startswith("truth: ")


def test_two_tables_of_one_name_are_invalid(tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    (folder / "one.xlsx").write_bytes(b"")
    assert code_of(run("pairs", folder, "--fields", FIELDS)) == 7


def test_cases_that_are_all_parked_are_counted_and_nothing_is_known(tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    (folder / "cases.csv").write_text("case_ref,dob,initials,person_id\nx,,QZ,1\ny,,XK,2\n", "utf-8")
    document = printed("lookups", folder, "--cases", "cases.csv", "--fields", FIELDS)
    assert document["parked"] == 2
    assert document["known"]["n"] == document["known_or_possible"]["n"] == 0


def test_a_case_whose_person_is_not_said_is_invalid_and_its_row_named(tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    cases = "case_ref,dob,initials,person_id\nx,1980-02-03,QZ,1\ny,1991-05-06,XK,\n"
    (folder / "cases.csv").write_text(cases, "utf-8")
    result = run("lookups", folder, "--cases", "cases.csv", "--fields", FIELDS)
    assert code_of(result) == 7
    assert str(result.exception).startswith("case list, row 3, person_id")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["pairs", "no-such-folder", "--fields", FIELDS], id="a missing folder"),
        pytest.param(
            ["pairs", ".", "--fields", FIELDS, "--truth", "no-such-truth.csv"], id="a missing truth"
        ),
        pytest.param(["pairs", "."], id="no fields said"),
        pytest.param(["lookups", ".", "--fields", FIELDS], id="no cases said"),
        pytest.param(["pairs", ".", "--fields", FIELDS, "--format", "yaml"], id="an unknown format"),
    ],
)
def test_what_is_not_there_is_a_mistake_in_usage(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


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
