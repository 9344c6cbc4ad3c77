"""Overrides, emergencies and consent by the documented commands alone, each in a process of its own."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.commands import CONSENT, Desk
from tests.node.fhir_reading import parse_consent

PANEL = ("--purpose", "safeguarding_panel", "--reason-category", "safeguarding_adult")
TYPED = "N-7\nseen with bruises at the door\n"
PERSON = '{"case_ref": "N-7", "dob": "1980-02-03", "forename": "Ann", "surname": "Other"}'
ASKED_FOR = TYPED + PERSON.replace('"case_ref": "N-7", ', "") + "\n"


def test_an_override_from_the_request_to_the_answer(asker: Desk) -> None:
    made = asker.document("override", "request", *PANEL, stdin=ASKED_FOR)
    asked = ("lookup", "--stdin", "--purpose", "safeguarding_panel", "--override", made["override"])
    early = asker(*asked, stdin=PERSON)
    assert (early.returncode, "not approved yet" in early.stderr) == (4, True)
    own = asker("override", "approve", made["override"], "--yes")
    assert (own.returncode, "somebody else" in own.stderr) == (4, True)
    waiting = asker.document("override", "list", "--open")
    assert [row["override"] for row in waiting] == [made["override"]]
    shown = asker.document("override", "show", made["override"], "--staff", "asker-ig")
    assert shown["reason"] == "seen with bruises at the door"
    approved = asker.document("override", "approve", made["override"], "--yes", "--staff", "asker-ig")
    assert (approved["state"], approved["decided_by"]) == ("approved", "asker-ig")
    answered = asker.document(*asked, stdin=PERSON)
    assert answered["cases"][0]["answers"][0]["answer"] == "Known"
    other = asker(*asked, stdin=PERSON.replace("N-7", "N-8"))
    assert (other.returncode, "another case" in other.stderr) == (4, True)
    another = asker(*asked, stdin=PERSON.replace("Ann", "Bea"))
    assert (another.returncode, "another person" in another.stderr) == (4, True)
    assert "bruises" not in "".join(done.stderr + done.stdout for done in (early, own, other))


@pytest.mark.parametrize(
    ("person", "says"),
    [
        pytest.param("", "nobody is named", id="not of the caseload"),
        pytest.param("dob: 31/02/1980\nsurname: Other\n", "check it", id="no day of the calendar"),
    ],
)
def test_a_request_about_nobody_in_particular_is_refused(asker: Desk, person: str, says: str) -> None:
    before = asker.document("override", "list")
    done = asker("override", "request", *PANEL, stdin=TYPED.replace("N-7", "N-6") + person)
    assert (done.returncode, says in done.stderr, "Other" in done.stderr) == (7, True, False), done.stderr
    assert asker.document("override", "list") == before


def test_a_list_that_names_an_approver_is_answered_once_they_have_approved(
    asker: Desk, tmp_path: Path
) -> None:
    cases = tmp_path / "cases.csv"
    cases.write_text(
        "case_ref,dob,forename,surname,basis,basis_detail\n"
        "N-9,03/02/1980,Ann,Other,public_task,safeguarding_adult; asker-ig; words\n"
    )
    words = ("lookup", str(cases), "--purpose", "safeguarding_panel")
    waiting = asker(*words)
    assert (waiting.returncode, waiting.stdout) == (3, "")
    assert "row 2, N-9: It waits for approval: 'knownto override request'" in waiting.stderr
    made = asker.document("override", "request", *PANEL, stdin=ASKED_FOR.replace("N-7", "N-9"))
    assert asker(*words).returncode == 3
    asker.document("override", "approve", made["override"], "--yes", "--staff", "asker-ig")
    answered = asker.document(*words)
    assert answered["cases"][0]["answers"][0]["answer"] == "Known"
    (*_, logged) = asker.document("log", "search", "--action", "lookup:match:answered")
    assert (logged["reference"], logged["approver"]) == ("N-9", "asker-ig")
    assert "approver" in asker("log", "search", "--action", "lookup:match:answered").stdout


def test_an_emergency_needs_no_approver_and_takes_one_case(asker: Desk, tmp_path: Path) -> None:
    made = asker.document("override", "emergency", *PANEL, stdin=TYPED)
    cases = tmp_path / "cases.csv"
    row = f"emergency,{made['override']}"
    cases.write_text(
        "case_ref,dob,forename,surname,basis,basis_detail\n"
        f"N-7,1980-02-03,Ann,Other,{row}\nN-7b,1981-03-04,Bob,Another,{row}\n"
    )
    both = asker("lookup", str(cases), "--purpose", "safeguarding_panel")
    assert both.returncode == 4
    words = ("lookup", "--stdin", "--purpose", "safeguarding_panel", "--override", made["override"])
    done = asker(*words, "--format", "json", stdin=PERSON)
    assert "does not mean that nobody knows the person: ring." in done.stderr
    answered = json.loads(done.stdout)
    assert answered["cases"][0]["answers"][0]["answer"] == "Known"


def test_a_reason_is_read_before_it_is_approved(asker: Desk) -> None:
    made = asker.document("override", "request", *PANEL, stdin=ASKED_FOR)
    unread = asker("override", "approve", made["override"], "--staff", "asker-ig")
    assert (unread.returncode, "--yes" in unread.stderr) == (2, True)
    assert "seen with bruises at the door" in unread.stdout
    refused = asker.document("override", "refuse", made["override"], "--staff", "asker-ig")
    assert refused["state"] == "refused"


def test_a_consent_is_recorded_listed_as_expiring_and_exported(holder: Desk) -> None:
    until = (datetime.now(UTC) + timedelta(days=10)).date().isoformat()
    words = (
        "consent",
        "record",
        *CONSENT,
        "--valid-until",
        until,
        "--data-classes",
        "known_to",
        "--witnessed",
    )
    done = holder(*words, "--capacity", "has_capacity", stdin="A1\nOutreach worker 12\n")
    assert done.returncode == 0, done.stderr
    (row,) = holder.document("consent", "expiring", "--within", "30")
    assert (row["local_id"], row["state"], row["last_day"]) == ("A1", "given", until)
    assert holder.document("consent", "expiring", "--within", "5") == []
    exported = holder("consent", "export", "--fhir", "--history")
    kept = [parse_consent(json.loads(line)) for line in exported.stdout.splitlines()]
    assert [one.document["version"] for one in kept] == list(range(1, len(kept) + 1))
    shown = holder.document("consent", "show", stdin="A1\n")
    assert kept[-1].document == shown and kept[-1].witness == "Outreach worker 12"
    (logged,) = holder.document("log", "search", "--action", "log:export")
    assert logged["outcome"] == f"consents: True; entries: {len(kept)}; fhir: True; references: True"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        pytest.param(("--recipients", "nobody"), 7, "it has asker, holder", id="unknown recipient"),
        pytest.param(("--capacity", "lacks_capacity"), 7, "acted_by", id="without capacity, alone"),
        pytest.param(("--data-classes", "contact"), 7, "data_classes", id="contact alone"),
        pytest.param(("--captured-at", "2020-01-01"), 4, "--captured-at", id="older than what is recorded"),
    ],
)
def test_a_consent_that_cannot_be_says_why(
    holder: Desk, words: tuple[str, ...], code: int, says: str
) -> None:
    done = holder("consent", "record", *CONSENT, *words, stdin="A1\n")
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr


def test_a_consent_column_of_the_caseload_is_recorded_and_sent(holder: Desk, tmp_path: Path) -> None:
    file = tmp_path / "caseload.csv"
    rows = "A1,1980-02-03,Ann,Other,objected\nA2,1981-03-04,Bob,Another,not asked\n"
    file.write_text("local_id,dob,forename,surname,consent\n" + rows)
    imported = holder.document("node", "import", str(file))
    assert imported["consents"] == 1
    listed = holder.document("consent", "list")
    assert [(row["local_id"], row["state"], row["hub_knows"]) for row in listed] == [("A1", "objected", True)]


def test_a_parked_case_is_explained_as_parked_and_its_row_is_as_long_as_the_others(
    asker: Desk, tmp_path: Path
) -> None:
    cases, sheet = tmp_path / "cases.csv", tmp_path / "sheet.csv"
    cases.write_text("case_ref,dob,forename,surname\nc-1,1980-02-03,Ann,Other\nc-2,,No,Body\n")
    consent = ("--basis", "consent", "--captured-at", "2026-01-05", "--method", "written")
    words = ("lookup", str(cases), "--purpose", "case_conference", *consent)
    assert asker(*words, "--format", "csv", "--out", str(sheet)).returncode == 3
    rows = list(csv.reader(io.StringIO(sheet.read_text("utf-8"))))
    assert len({len(row) for row in rows}) == 1
    why = asker("why", stdin="c-2\n")
    assert (why.returncode, "was parked" in why.stderr) == (7, True)
    never = asker("why", stdin="c-3\n")
    assert (never.returncode, "Look the case up again" in never.stderr) == (7, True)
