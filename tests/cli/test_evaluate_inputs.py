"""`knownto evaluate` on files that are small, odd or broken: figures, or a refusal by row and rule."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cli.demo.files import write_contract
from cli.demo.generator import generate
from tests.cli.evaluating import code_of, printed, run

FIELDS = "dob,initials,chain,sex,area"


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight agencies of 60 made-up people, with the truth."""
    directory = tmp_path_factory.mktemp("county")
    write_contract(generate(people=60, seed=11, with_conference=False), directory)
    return directory


def changed(county: Path, directory: Path, name: str, text: str) -> Path:
    """A copy of the folder with one file replaced."""
    shutil.copytree(county, directory)
    (directory / name).write_text(text, encoding="utf-8")
    return directory


@pytest.mark.parametrize("column", ["agency", "local_id", "person_id"])
def test_a_truth_without_a_column_is_invalid_and_the_column_named(
    county: Path, tmp_path: Path, column: str
) -> None:
    header = ",".join(name for name in ("agency", "local_id", "person_id") if name != column)
    folder = changed(county, tmp_path / "county", "truth.csv", f"{header}\na,b\n")
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
        pytest.param("sex,area", "these fields", id="nothing to compare by"),
    ],
)
def test_fields_that_cannot_be_compared_are_invalid(county: Path, fields: str, named: str) -> None:
    result = run("pairs", county, "--fields", fields)
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
