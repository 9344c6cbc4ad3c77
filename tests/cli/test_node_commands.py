"""The commands of a node as scripts rely on them: exit codes, data on stdout, bad input named by defect."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import pytest

from node.home import open_home
from tests.cli.commands import run
from tests.documented_session import KNOWNTO
from tests.e2e.test_killed_push import RealClock
from tests.federation import PASSPHRASE, Federation, running_federation

CASELOAD = "local_id,dob,forename,surname,chain\nA1,1980-02-03,Ann,Other,\nA2,1981-03-04,Bob,Another,55\n"
CASES = "case_ref,dob,forename,surname\nc-1,1980-02-03,Ann,Other\n"
CONSENT = ("--basis", "consent", "--captured-at", "2026-01-05", "--method", "written")


def test_a_look_up_prints_one_json_document_on_stdout(
    network: Federation, tmp_path: Path, passphrase: Path
) -> None:
    cases = tmp_path / "cases.csv"
    cases.write_text(CASES + "c-2,,Nobody,Else\n")
    home = network.nodes["asker"].home
    words = ("lookup", str(cases), "--purpose", "case_conference", *CONSENT, "--format", "json")
    done = run(home, *words, passphrase=passphrase)
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    assert document["cases"][0]["answers"][0]["answer"] == "Known"
    assert document["parked"] == [{"row": 3, "case_ref": "c-2", "rule": "no_birth_date"}]
    assert "row 3" in done.stderr and "Nobody" not in done.stderr + done.stdout
    picture = tmp_path / "why.svg"
    words = ("why", "--format", "json", "--svg", str(picture))
    why = run(home, *words, passphrase=passphrase, stdin="c-1\n")
    (explained,) = json.loads(why.stdout)["answers"]
    assert explained["words"]
    assert all(f"{step['weight_bits']:+.2f}<" in picture.read_text("utf-8") for step in explained["steps"])


def test_rows_that_are_probably_one_person_are_named_and_asked_about_all_the_same(
    network: Federation, tmp_path: Path, passphrase: Path
) -> None:
    cases = tmp_path / "cases.csv"
    cases.write_text(CASES + "c-2,1961-09-02,Bruno,Quist\nc-3,1961-09-02,Bruno,Kwist\n")
    home = network.nodes["asker"].home
    words = ("lookup", str(cases), "--purpose", "referral_deduplication", *CONSENT, "--format", "json")
    done = run(home, *words, passphrase=passphrase)
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    [twice] = document["listed_twice"]
    assert twice["rows"] == [3, 4] and twice["posterior"] > 0.8 and twice["words"]
    assert [case["case_ref"] for case in document["cases"]] == ["c-1", "c-2", "c-3"]
    assert "Rows 3 and 4 are probably one person" in done.stderr
    assert "quist" not in (done.stdout + done.stderr).lower()


def test_answers_whose_time_is_over_go_with_the_next_command_whatever_it_is(
    network: Federation, passphrase: Path
) -> None:
    asker = network.nodes["asker"]

    def kept() -> list[str]:
        rows = asker.store.connection.execute("SELECT request FROM result ORDER BY request")
        return [row["request"] for row in rows]

    with asker.store.transaction() as connection:
        for request, expires in (("over", "2026-01-01T00:00:00Z"), ("current", "2999-01-01T00:00:00Z")):
            connection.execute("INSERT INTO question VALUES (?, ?, ?)", (request, expires, b""))
            connection.execute("INSERT INTO result VALUES (?, ?, ?, ?)", (request, expires, expires, b""))
    try:
        assert run(asker.home, "staff", "list", passphrase=passphrase).returncode == 0
        assert "over" not in kept() and "current" in kept()
    finally:
        asker.store.connection.execute("DELETE FROM result WHERE request IN ('over', 'current')")


def test_one_person_is_read_from_stdin(network: Federation, passphrase: Path) -> None:
    words = ("lookup", "--stdin", "--purpose", "single_lookup", *CONSENT, "--format", "json")
    for typed in (
        '{"case_ref": "x", "dob": "03/02/1980", "forename": "Ann", "surname": "Other"}',
        "case_ref: x\ndob: 3 February 1980\nforename: Ann\nsurname: Other\n",
    ):
        done = run(network.nodes["asker"].home, *words, passphrase=passphrase, stdin=typed)
        assert json.loads(done.stdout)["cases"][0]["answers"][0]["answer"] == "Known", done.stderr


@pytest.mark.parametrize(
    "dob", ["31/02/1980", "2031-02-03", "1909-02-03", "2020-02-03", "spring"],
    ids=["31 February", "in the future", "117 years ago", "6 years ago", "in words"],
)  # fmt: skip
def test_one_person_whose_birth_date_cannot_be_right_is_parked_and_not_answered(
    network: Federation, passphrase: Path, dob: str
) -> None:
    words = ("lookup", "--stdin", "--purpose", "single_lookup", *CONSENT, "--format", "json")
    typed = f"dob: {dob}\nforename: Ann\nsurname: Other\nchain: 55\n"
    done = run(network.nodes["asker"].home, *words, passphrase=passphrase, stdin=typed)
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    assert document["cases"] == [] and document["parked"][0]["rule"] == "check_birth_date"
    assert "check it" in done.stderr and dob not in done.stderr


def test_a_child_is_asked_about_when_the_command_says_so(network: Federation, passphrase: Path) -> None:
    words = ("lookup", "--stdin", "--children", "--purpose", "single_lookup", *CONSENT, "--format", "json")
    typed = "dob: 2020-07-13\nforename: Zofia\nsurname: Nobody\n"
    done = run(network.nodes["asker"].home, *words, passphrase=passphrase, stdin=typed)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cases"][0]["answers"][0]["answer"] == "No shared match"


def test_a_sheet_is_of_the_kind_its_name_ends_with_and_days_are_typed_as_in_files(
    network: Federation, tmp_path: Path, passphrase: Path
) -> None:
    cases, out = tmp_path / "cases.csv", tmp_path / "out.XLSX"
    cases.write_text(CASES)
    basis = ("--basis", "consent", "--captured-at", "20/02/2026", "--method", "written")
    words = ("lookup", str(cases), "--purpose", "case_conference", *basis, "--out", str(out))
    done = run(network.nodes["asker"].home, *words, passphrase=passphrase)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert out.read_bytes()[:2] == b"PK"


def test_a_sheet_keeps_the_columns_it_does_not_know(
    network: Federation, tmp_path: Path, passphrase: Path
) -> None:
    cases, out = tmp_path / "cases.csv", tmp_path / "out.csv"
    cases.write_text("case_ref,note,dob,forename,surname\nc-1,=1+1,1980-02-03,Ann,Other\n")
    words = (
        "lookup",
        str(cases),
        "--purpose",
        "case_conference",
        *CONSENT,
        "--format",
        "csv",
        "--out",
        str(out),
    )
    done = run(network.nodes["asker"].home, *words, passphrase=passphrase)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    header, row = out.read_text("utf-8-sig").splitlines()
    assert header.startswith("case_ref,note,dob,forename,surname,")
    assert row.startswith("c-1,'=1+1,1980-02-03,Ann,Other,") and "Known" in row


CASE_LISTS = [
    pytest.param("", 7, "case list", id="empty file"),
    pytest.param("case_ref,dob\n", 7, "no row", id="header alone"),
    pytest.param("dob,surname\n1980-02-03,Other\n", 7, "case_ref", id="no reference column"),
    pytest.param("case_ref,surname\nc-1,Other\n", 7, "case list", id="nothing to compare by"),
    pytest.param("<html></html>", 7, "web page", id="a web page"),
    pytest.param(CASES.replace("surname\n", "surname,basis\n").replace("Other\n", "Other,gossip\n"), 7,
                 "row 2, basis", id="unknown basis"),
    pytest.param("case_ref,dob,surname,basis,basis_detail\nc-1,1980-02-03,Other,consent,soon\n",
                 7, "row 2, basis_detail", id="unreadable consent day"),
    pytest.param("case_ref,dob\n" + "".join(f"c-{n},1980-02-{1 + n % 28:02}\n" for n in range(51)), 3,
                 "parked", id="nothing but dates of birth"),
    pytest.param("case_ref,dob,initials\n" + "".join(f"c-{n},{1940 + n}-02-03,ab\n" for n in range(60)), 7,
                 "60 cases to ask about", id="too many cases"),
    pytest.param("case_ref,dob,surname\nc-1,,Other\n", 3, "row 2", id="nobody with a date of birth"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "code", "says"), CASE_LISTS)
def test_a_bad_case_list_is_named_by_its_defect(
    network: Federation, tmp_path: Path, passphrase: Path, content: str, code: int, says: str
) -> None:
    cases = tmp_path / "cases.csv"
    cases.write_text(content)
    words = ("lookup", str(cases), "--purpose", "case_conference", *CONSENT)
    done = run(network.nodes["asker"].home, *words, passphrase=passphrase)
    assert done.returncode == code, done.stderr
    assert says in done.stderr and "Other" not in done.stderr
    assert "Traceback" not in done.stderr


def test_every_case_that_was_not_asked_about_says_why_in_the_sheet(
    network: Federation, tmp_path: Path, passphrase: Path
) -> None:
    cases, out = tmp_path / "cases.csv", tmp_path / "out.csv"
    cases.write_text(
        "case_ref,dob,forename,surname,basis,basis_detail\nc-1,1980-02-03,Ann,Other,,\n"
        "c-2,1981-03-04,Bob,Another,public_task,risk_to_life; asker-ig;\n"
        "c-3,,Cy,Hall,,\nc-4,1982-01-01,Di,,,\n"
    )
    words = ("lookup", str(cases), "--purpose", "case_conference", *CONSENT, "--out", str(out))
    done = run(network.nodes["asker"].home, *words, passphrase=passphrase)
    assert done.returncode == 3, done.stderr
    header, *rows = csv.reader(out.read_text("utf-8-sig").splitlines())
    assert header[6].startswith("Not looked up")
    assert [row[6].split(":")[0].split(",")[0] for row in rows] == [
        "",
        "It waits for approval",
        "There is no date of birth",
        "Nothing in the row can be compared with another agency.",
    ]


def test_a_sheet_that_cannot_be_written_is_refused_before_anybody_is_asked(
    network: Federation, tmp_path: Path, passphrase: Path
) -> None:
    cases, asker = tmp_path / "cases.csv", network.nodes["asker"]
    cases.write_text(CASES)
    before = asker.store.connection.execute("SELECT count(*) FROM asked").fetchone()[0]
    words = ("lookup", str(cases), "--purpose", "case_conference", *CONSENT)
    done = run(asker.home, *words, "--out", str(tmp_path / "gone" / "out.csv"), passphrase=passphrase)
    assert done.returncode == 7 and "cannot be written" in done.stderr
    assert asker.store.connection.execute("SELECT count(*) FROM asked").fetchone()[0] == before


def test_a_case_of_which_nothing_can_be_asked_is_parked_and_the_others_are_answered(
    network: Federation, tmp_path: Path, passphrase: Path
) -> None:
    cases = tmp_path / "cases.csv"
    cases.write_text(
        "case_ref,dob,forename,surname,nhs_number\n"
        "c-1,1980-02-03,Ann,Other,\nc-2,1981-03-04,,,9990000018\nc-3,1982-01-01,Cy,,\n"
    )
    words = ("lookup", str(cases), "--purpose", "case_conference", *CONSENT, "--format", "json")
    done = run(network.nodes["asker"].home, *words, passphrase=passphrase)
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    assert [case["case_ref"] for case in document["cases"]] == ["c-1"]
    assert document["parked"] == [
        {"row": row, "case_ref": f"c-{row - 1}", "rule": "row_without_anything"} for row in (3, 4)
    ]


REFUSALS = [
    pytest.param(("--role", "responder"), 2, "--role", id="a responder asks"),
    pytest.param(("--agencies", "nobody"), 7, "agencies", id="unknown agency"),
    pytest.param(("--agencies", "holder,asker"), 7, "this agency itself", id="the asker's own agency"),
    pytest.param(("--basis", "public_task"), 7, "basis_detail", id="public task without a category"),
    pytest.param(
        ("--basis", "public_task", "--reason-category", "risk_to_life", "--approver", "asker-ig"), 3,
        "row 2, c-1: It waits for approval: 'knownto override request'", id="approved by nobody",
    ),
    pytest.param(
        ("--basis", "public_task", "--override", "xx"), 7, "not an override's id", id="no override's id"
    ),
    pytest.param(("--staff", "Not An Id"), 4, "does not hold the role", id="staff id malformed"),
    pytest.param(("--staff", "asker-ig"), 4, "does not hold the role", id="asked by who reviews"),
    pytest.param(("--staff", "stranger"), 4, "does not hold the role", id="asked by nobody of the roster"),
    pytest.param(("--conference", "MDT/1"), 7, "conference", id="conference id malformed"),
    pytest.param(("--format", "xlsx"), 2, "--out", id="workbook without a file"),
    pytest.param(("--purpose", "curiosity"), 2, "--purpose", id="unknown purpose"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "says"), REFUSALS)
def test_a_refused_look_up_ends_with_its_documented_code(
    network: Federation, tmp_path: Path, passphrase: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    cases = tmp_path / "cases.csv"
    cases.write_text(CASES)
    argv = ("lookup", str(cases), "--purpose", "case_conference", *CONSENT, *words)
    done = run(network.nodes["asker"].home, *argv, passphrase=passphrase, stdin="a reason\n")
    assert done.returncode == code, done.stderr
    assert says in done.stderr and done.stdout == ""


def test_a_role_given_and_taken_counts_from_the_next_command_on(
    network: Federation, tmp_path: Path, passphrase: Path
) -> None:
    home, cases = network.nodes["asker"].home, tmp_path / "cases.csv"
    cases.write_text(CASES)

    def ask_as(staff: str) -> int:
        words = ("lookup", str(cases), "--purpose", "case_conference", *CONSENT, "--staff", staff)
        return run(home, *words, passphrase=passphrase).returncode

    def change(*words: str) -> int:
        return run(home, "staff", *words, passphrase=passphrase).returncode

    assert ask_as("newcomer") == 4
    assert change("add", "newcomer", "--roles", "officer") == 0
    assert ask_as("newcomer") == 0
    assert change("add", "newcomer", "--roles", "ig") == 4
    assert change("add", "other", "--roles", "operator", "--staff", "newcomer") == 4
    assert change("remove", "newcomer") == 0
    assert ask_as("newcomer") == 4
    listed = run(home, "staff", "list", "--format", "json", passphrase=passphrase)
    assert {line["staff"] for line in json.loads(listed.stdout)} == {"asker-staff", "asker-ig"}


def test_status_shows_coverage_and_agreements(network: Federation, passphrase: Path) -> None:
    done = run(network.nodes["asker"].home, "node", "status", "--format", "json", passphrase=passphrase)
    document = json.loads(done.stdout)
    assert document["coverage"] == "1 of 1 agencies up to date"
    assert document["agencies"][0]["agency"] == "holder" and document["agencies"][0]["agreement_until"]


def test_a_home_without_a_node_is_not_initialised(tmp_path: Path, passphrase: Path) -> None:
    done = run(tmp_path / "nowhere", "node", "push", passphrase=passphrase)
    assert (done.returncode, done.stdout) == (10, "")
    assert "knownto init" in done.stderr


def test_an_unreachable_hub_keeps_a_withdrawal_and_says_so(tmp_path: Path, passphrase: Path) -> None:
    with running_federation(tmp_path / "network", sockets=True, clock=RealClock()) as federation:
        federation.add("asker", custodian=True)
        federation.add("holder")
        federation.begin_epoch(["dob", "names"], custodian="asker")
        federation.agree("asker", "holder")
        federation.share(
            "holder", [{"local_id": "A1", "dob": "1980-02-03", "forename": "Ann", "surname": "Other"}]
        )
        home = federation.nodes["holder"].home
        record = run(
            home, "consent", "record", "--purposes", "case_conference", "--method", "written",
            "--notice-version", "2", "--captured-at", "2026-03-02", "--valid-until", "2099-06-30",
            passphrase=passphrase, stdin="A1\n",
        )  # fmt: skip
        assert record.returncode == 0, record.stderr
    (row,) = json.loads(run(home, "consent", "list", "--format", "json", passphrase=passphrase).stdout)
    assert (row["state"], row["last_day"]) == ("given", "2099-06-30")
    done = run(home, "consent", "withdraw", passphrase=passphrase, stdin="A1\n")
    assert done.returncode == 6 and "waiting" in done.stderr
    listed = run(home, "consent", "list", "--format", "json", passphrase=passphrase)
    (row,) = json.loads(listed.stdout)
    assert (row["state"], row["hub_knows"]) == ("withdrawn", False)


def test_init_makes_a_private_home_and_refuses_a_second(tmp_path: Path, passphrase: Path) -> None:
    home = tmp_path / "home"
    words = ("init", "--hub", "https://hub.example", "--agency", "north", "--format", "json")
    made = run(home, *words, passphrase=passphrase)
    assert made.returncode == 0, made.stderr
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()}
    assert modes["keys.store"] == modes["node.sqlite3"] == 0o600
    assert run(home, *words, passphrase=passphrase).returncode == 4
    with open_home(home, PASSPHRASE) as node:
        assert node.identity.public.fingerprint == json.loads(made.stdout)["fingerprint"]
    assert run(home, "node", "push", passphrase=passphrase).returncode == 10


@pytest.mark.parametrize(
    "argv",
    [("--help",), ("node", "--help"), ("lookup", "--help"), ("keys", "--help"), ("agreement", "--help"),
     ("consent", "--help"), ("why", "--help"), ("log", "--help"), ("init", "--help")],
    ids=lambda argv: " ".join(argv),
)  # fmt: skip
def test_every_group_has_help(argv: tuple[str, ...]) -> None:
    script = subprocess.run([KNOWNTO / "knownto", *argv], capture_output=True, text=True, check=False)
    assert script.returncode == 0 and "Usage:" in script.stdout
