"""`knownto log` in an agency's home and in a hub's: exit codes, data on stdout, and nobody named."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.log_models import LogEntry, LogPart
from node.results import keep_result
from tests.cli.commands import ROW, open_network
from tests.cli.commands import run as run_command
from tests.federation import Asking, Federation, case_of, consent_basis

CASE = {"case_ref": "c-1", **{name: ROW[name] for name in ("dob", "forename", "surname")}}
NAMES = ("Ann", "Other", "1980")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two nodes over sockets, a look-up between them."""
    with open_network(tmp_path_factory.mktemp("log") / "network") as federation:
        result = federation.ask("asker", CASE, conference="mdt-1")
        asking = Asking("asker-staff", "coordinator", "case_conference", "mdt-1")
        asked = [(case_of(CASE), consent_basis())]
        keep_result(federation.nodes["asker"].store, result, asked, asking, at=federation.clock(), days=28)
        yield federation


class Runner:
    """Runs `knownto log` in a home, as somebody."""

    def __init__(self, network: Federation, passphrase: Path) -> None:
        self.network, self.passphrase = network, passphrase

    def __call__(
        self, agency: str, *argv: str, stdin: str = "", staff: str = ""
    ) -> subprocess.CompletedProcess[str]:
        done = run_command(
            self.network.root / agency, "log", *argv, passphrase=self.passphrase, stdin=stdin,
            KNOWNTO_STAFF=staff or f"{agency}-ig",
        )  # fmt: skip
        assert not any(name in done.stdout + done.stderr for name in NAMES)
        return done

    def json(self, agency: str, *argv: str, stdin: str = "", code: int = 0) -> Any:
        """The JSON document a command prints."""
        done = self(agency, *argv, "--format", "json", stdin=stdin)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def run(network: Federation, passphrase: Path) -> Runner:
    return Runner(network, passphrase)


def test_each_side_shows_the_look_up_by_its_own_reference(run: Runner) -> None:
    (asked,), (about,), (all_of_it,) = (run.json(home, "show") for home in ("asker", "holder", "hub"))
    assert (asked["reference"], asked["outcome"]) == ("c-1", "holder: Known")
    assert (about["reference"], about["outcome"], about["direction"]) == ("A1", "Known", "about us")
    assert (all_of_it["reference"], all_of_it["outcome"]) == (None, "holder: Known")
    assert asked["index"] == about["index"] == all_of_it["index"]
    assert asked["withheld"] == ["holder:holder", "reasons"] and all_of_it["withheld"] == []
    table = run("holder", "show")
    assert table.returncode == 0 and "asker-staff" in table.stdout


def test_reading_at_the_hub_is_an_entry_that_says_who_read(run: Runner) -> None:
    run.json("hub", "show")
    lines = run.json("hub", "search", "--action", "log:entries:read", "--by", "hub-ig")
    assert lines and {(line["agency"], line["staff"]) for line in lines} == {(None, "hub-ig")}


def test_searches_saved_at_a_hub_are_for_its_owner_alone(run: Runner) -> None:
    run.json("hub", "search", "--by", "asker-staff", "--save", "staff")
    (file,) = (run.network.root / "hub").glob("log-searches.json")
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        pytest.param(["--by", "asker-staff"], 1, id="staff"),
        pytest.param(["--by", "somebody"], 0, id="other staff"),
        pytest.param(["--purpose", "case_conference", "--outcome", "known"], 1, id="purpose and outcome"),
        pytest.param(["--action", "lookup:refused"], 0, id="action"),
        pytest.param(["--conference", "mdt-1"], 1, id="conference"),
        pytest.param(["--until", "2020-01-01"], 0, id="days"),
    ],
)
def test_the_log_is_searched_in_both_kinds_of_home(run: Runner, criteria: list[str], found: int) -> None:
    for home in ("asker", "hub"):
        assert len(run.json(home, "search", "--action", "lookup", *criteria)) == found


def test_a_search_is_saved_and_used_again(run: Runner) -> None:
    for home in ("holder", "hub"):
        first = run.json(home, "search", "--outcome", "known", "--save", "told")
        assert first and run.json(home, "search", "--saved", "told") == first
        assert run(home, "search", "--saved", "never").returncode == 7
        assert run.json(home, "search", "--saved", "told", "--by", "somebody") == []
        assert run(home, "search", "--saved", "told", "--outcome", "refused").returncode == 7


def test_a_reference_to_search_for_is_read_and_not_typed_as_a_word(run: Runner) -> None:
    (line,) = run.json("holder", "search", "--reference", "--action", "lookup", stdin="A1\n")
    assert line["reference"] == "A1"


def test_the_log_verifies_in_both_kinds_of_home(run: Runner) -> None:
    for home in ("asker", "holder", "hub"):
        report = run.json(home, "verify")
        assert report["failures"] == [] and report["entries"] > 0
    report = run.json("asker", "verify")
    assert report["witnessed_entries"] > 0 and set(report["cosigned_by"]) == {"asker", "holder"}
    offline = run.json("asker", "verify", "--offline")
    assert "cosigned_by" not in offline and offline["failures"] == []


def test_an_export_is_lines_of_json_with_their_proofs_and_is_logged(run: Runner) -> None:
    done = run("asker", "export")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and all({"leaf", "parts", "inclusion"} <= set(line) for line in lines)
    exports = run.json("asker", "search", "--action", "log:export")
    assert exports[-1]["outcome"].startswith(f"entries: {len(lines)}")
    assert run("hub", "export").returncode == 0


def test_a_fhir_export_names_people_only_when_told_to(run: Runner) -> None:
    plain, naming = run("holder", "export", "--fhir"), run("holder", "export", "--fhir", "--with-references")
    for done, named in ((plain, False), (naming, True)):
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert {event["resourceType"] for event in events} == {"AuditEvent"}
        assert ('"A1"' in done.stdout) is named


def test_the_two_sides_copies_are_held_against_each_other(run: Runner, tmp_path: Path) -> None:
    exported = run("asker", "export", "--for", "holder")
    (line,) = [json.loads(line) for line in exported.stdout.splitlines()]
    assert line["parts"] == {}
    file = tmp_path / "exported.jsonl"
    file.write_text(exported.stdout)
    report = run.json("holder", "reconcile", "--with", str(file))
    assert report["differences"] == [] and report["entries"] > 0
    assert run.json("asker", "reconcile")["receipts"] > 0
    file.write_text("[]\n")
    assert run("holder", "reconcile", "--with", str(file)).returncode == 7


def test_a_subject_access_report_says_who_looked(run: Runner) -> None:
    report = run.json("holder", "subject-access", stdin="A1\n")
    (look,) = report["looks"]
    assert (look["organisation"], look["told"], "staff" in look) == ("Asker service", "Known", False)
    assert (report["unreadable"], report["by_case_reference"], report["has_record"]) == (0, [], True)
    index = str(look["index"])
    withheld = run.json(
        "holder", "subject-access", "--withhold", index, "--because", "third_party", stdin="A1\n"
    )
    assert (withheld["looks"], withheld["withheld"]) == ([], 1)
    logged = run.json("hub", "search", "--action", "log:subject_access")
    assert [line["outcome"].split("; ")[-1] for line in logged[-2:]] == ["withheld: 0", "withheld: 1"]


@pytest.mark.parametrize(
    ("argv", "staff", "code"),
    [
        pytest.param(["--approval", "ab" * 16], "", 7, id="names without a request"),
        pytest.param(["--names", "--approval", "ab" * 16], "", 2, id="asked for and used at once"),
        pytest.param([], "holder-staff", 4, id="made by somebody who is not information governance"),
        pytest.param(["--withhold", "7"], "", 2, id="withheld without a reason"),
        pytest.param(["--because", "crime"], "", 2, id="a reason for nothing"),
        pytest.param(["--withhold", "1", "--because", "crime"], "", 7, id="not in the report"),
    ],
)
def test_a_report_that_may_not_be_made_is_refused(
    run: Runner, argv: list[str], staff: str, code: int
) -> None:
    done = run("holder", "subject-access", *argv, stdin="A1\n", staff=staff)
    assert done.returncode == code and done.stdout == ""


def test_names_are_requested_approved_by_somebody_else_and_shown_in_one_report(run: Runner) -> None:
    asked = run.json("holder", "subject-access", "--names", stdin="A1\n")
    request = asked["request"]
    assert asked["state"] == "requested" and "looks" not in asked
    assert run("holder", "subject-access", "--approval", request).returncode == 4
    for sure in ([], ["--yes"]):  # Nobody is asked whether they are sure of what they may not do.
        assert run("holder", "approve-names", request, *sure).returncode == 4
    assert run("holder", "approve-names", request, staff="holder-staff").returncode == 2
    approved = run("holder", "approve-names", request, "--yes", "--format", "json", staff="holder-staff")
    assert json.loads(approved.stdout)["approved_by"] == "holder-staff"
    named = run.json("holder", "subject-access", "--approval", request)
    assert {look["staff"] for look in named["looks"]} == {"asker-staff"}
    assert run("holder", "subject-access", "--approval", request).returncode == 4


@pytest.mark.parametrize("output_format", ["table", "csv"])
def test_what_is_not_in_a_report_is_counted_in_the_report_itself(run: Runner, output_format: str) -> None:
    (look,) = run.json("holder", "subject-access", stdin="A1\n")["looks"]
    argv = ["--withhold", str(look["index"]), "--because", "crime", "--format", output_format]
    done = run("holder", "subject-access", *argv, stdin="A1\n")
    said = " ".join(done.stdout.replace(":", " ").replace('"', "").split())
    assert "entries withheld 1" in said and "can no longer be read 0" in said
    assert "by case reference, check none" in said


def test_a_reference_that_is_nobodys_gets_no_empty_report(run: Runner) -> None:
    for argv in ([], ["--names"]):
        done = run("holder", "subject-access", *argv, stdin="A11\n")
        assert (done.returncode, done.stdout) == (7, "") and "check the spelling" in done.stderr


def test_the_hub_makes_no_report_about_a_person_and_compares_nothing(run: Runner) -> None:
    assert run("hub", "subject-access", stdin="A1\n").returncode == 2
    assert run("hub", "reconcile").returncode == 2


@pytest.mark.parametrize(
    ("table", "values"),
    [
        pytest.param(LogPart, {"text": b"{}"}, id="another text"),
        pytest.param(LogPart, {"text": b"no json"}, id="no text at all"),
        pytest.param(LogEntry, {"leaf": b"no leaf"}, id="no leaf"),
    ],
)
def test_a_broken_entry_at_the_hub_is_shown_as_broken_and_the_rest_goes_on(
    run: Runner, table: type[LogEntry] | type[LogPart], values: dict[str, bytes]
) -> None:
    before = run.json("hub", "show", "--all")
    index = next(line["index"] for line in before if line["action"] == "push:caseload:completed")
    (name,) = values
    with run.network.hub.database.writing() as session:
        rows = session.execute(select(table).where(table.index == index)).scalars().all()
        kept = {getattr(row, "name", None): getattr(row, name) for row in rows}
        session.execute(update(table).where(table.index == index).values(values))
    try:
        shown = run.json("hub", "show", "--all", code=8)
        found = run.json("hub", "search", "--action", "lookup", code=8)
    finally:
        with run.network.hub.database.writing() as session:
            for part, value in kept.items():
                same = (
                    table.index == index
                    if part is None
                    else (LogPart.index == index) & (LogPart.name == part)
                )
                session.execute(update(table).where(same).values({name: value}))
    broken = [line for line in shown if line["action"] == "(broken)"]
    assert [line["index"] for line in broken] == [index]
    assert {line["index"] for line in before} <= {line["index"] for line in shown}
    assert {line["action"].split(":")[0] for line in found} == {"lookup", "(broken)"}
    assert run.json("hub", "show") != []


def test_a_checkpoint_not_proved_yet_is_a_warning_offline_and_proved_online(run: Runner) -> None:
    store = run.network.nodes["asker"].store
    run.json("asker", "verify")
    unlink = "UPDATE log_checkpoint SET next_size = NULL, proof = NULL WHERE next_size IS NOT NULL"
    count = store.connection.execute(unlink).rowcount
    failures = run.json("asker", "verify", "--offline", code=3)["failures"]
    assert len(failures) == count > 0
    assert all("not yet proved" in failure["rule"] for failure in failures)
    assert run.json("asker", "verify")["failures"] == []
    assert run.json("asker", "verify", "--offline")["failures"] == []


def test_an_edited_log_ends_with_exit_code_8_at_the_hub_and_at_the_node(run: Runner) -> None:
    """Last, because it spoils the log for good."""
    (line,) = run.json("holder", "show")
    with run.network.hub.database.writing() as session:
        part = (LogPart.index == line["index"]) & (LogPart.name == "who")
        session.execute(update(LogPart).where(part).values(text=b"{}"))
    report = run.json("hub", "verify", code=8)
    assert {"index": line["index"], "rule": "part_commitment"} in report["failures"]
    assert run.json("holder", "verify", "--offline")["failures"] == []
    (failure,) = run.json("holder", "verify", code=8)["failures"]
    assert failure["index"] == line["index"] and "part who" in failure["rule"]
    (difference,) = run.json("holder", "reconcile", code=8)["differences"]
    assert difference["index"] == line["index"]
