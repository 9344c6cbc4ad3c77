"""Consent after a no by the documented commands alone, each in a process of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.cli.commands import CONSENT, Desk

RECORD = ("consent", "record", *CONSENT)
COLUMNS = "local_id,consent,captured_at,method,purposes,recipients,notice_version"


def listing(file: Path, said: str, *, days_ago: int) -> Path:
    """A list that has one row about the person."""
    day = (datetime.now(UTC) - timedelta(days=days_ago)).date()
    file.write_text(f"{COLUMNS}\nA1,{said},{day},written,case_conference,*,3\n")
    return file


def test_an_objection_is_lifted_by_the_option_alone(holder: Desk, tmp_path: Path) -> None:
    lifting = (*RECORD, "--lifts-objection")
    nothing = holder(*lifting, stdin="A1\n")
    assert (nothing.returncode, "nothing to lift" in nothing.stderr) == (4, True)
    no = listing(tmp_path / "no.csv", "objected", days_ago=3)
    assert holder("consent", "record", "--file", str(no)).returncode == 0
    refused = holder(*RECORD, stdin="A1\n")
    assert refused.returncode == 4
    assert "local_id" in refused.stderr and "--lifts-objection" in refused.stderr
    again = listing(tmp_path / "again.csv", "given", days_ago=1)
    listed = holder("consent", "record", "--file", str(again))
    assert listed.returncode == 3 and "Row 2: local_id: the person has withdrawn" in listed.stderr
    both = holder(*lifting, "--file", str(again))
    assert (both.returncode, "one person" in both.stderr) == (2, True)
    (row,) = holder.document("consent", "list")
    assert row["state"] == "objected"
    assert holder(*lifting, stdin="A1\n").returncode == 0
    shown = holder.document("consent", "show", stdin="A1\n")
    assert (shown["lifts"], shown["objected_at"]) == (True, None)
    (logged,) = holder.document("log", "search", "--action", "consent:record:lifted")
    assert logged["reference"] == "A1"


def test_a_consent_column_of_the_caseload_lifts_nothing_and_names_the_row(
    holder: Desk,
    tmp_path: Path,
) -> None:
    file = tmp_path / "caseload.csv"
    header = "local_id,dob,forename,surname,consent,consent_captured_at,consent_method"
    more = "consent_purposes,consent_recipients,consent_notice_version"

    def write(said: str, days_ago: int) -> str:
        day = (datetime.now(UTC) - timedelta(days=days_ago)).date()
        row = f"A2,1981-03-04,Bob,Another,{said},{day},written,case_conference,*,3"
        file.write_text(f"{header},{more}\nA1,1980-02-03,Ann,Other,,,,,,\n{row}\n")
        return str(file)

    assert holder("node", "import", write("withdrawn", 3)).returncode == 0
    done = holder("node", "import", write("given", 1))
    assert done.returncode == 3 and "Row 3: local_id: the person has withdrawn" in done.stderr
    states = {row["local_id"]: row["state"] for row in holder.document("consent", "list")}
    assert states["A2"] == "refused"


def test_withdrawing_and_objecting_name_the_other_rows_of_the_person(
    holder: Desk,
    tmp_path: Path,
) -> None:
    file = tmp_path / "caseload.csv"
    rows = "A1,1980-02-03,Ann,Other,\nA3,1982-04-05,Cy,Further,77\nA4,,,,77\n"
    file.write_text("local_id,dob,forename,surname,chain\n" + rows)
    assert holder("node", "import", str(file)).returncode in (0, 3)
    done = holder("consent", "withdraw", stdin="A3\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Also on the record of A4, being the same person\n"
    states = {row["local_id"]: row["state"] for row in holder.document("consent", "list")}
    assert states["A3"] == states["A4"] == "refused"
    objected = holder("consent", "object", stdin="A4\n")
    assert objected.stdout == "Also on the record of A3, being the same person\n"


def test_show_prints_the_consent_in_force_by_its_last_day_and_says_where_there_is_none(
    holder: Desk,
    tmp_path: Path,
) -> None:
    file = tmp_path / "caseload.csv"
    rows = "A1,1980-02-03,Ann,Other\nS1,1983-05-06,Dee,Fourth\nS2,1984-06-07,Eve,Fifth\n"
    file.write_text("local_id,dob,forename,surname\n" + rows)
    assert holder("node", "import", str(file)).returncode == 0
    recorded = holder(*RECORD, "--valid-until", "2099-12-31", stdin="S1\n")
    assert recorded.returncode == 0, recorded.stderr
    shown = holder("consent", "show", stdin="S1\n")
    assert shown.returncode == 0
    fields = dict(line.split(None, 1) for line in shown.stdout.splitlines() if len(line.split()) > 1)
    assert fields["last_day"].strip() == "2099-12-31" and "valid_until" not in shown.stdout
    assert fields["purposes"].strip() == "case_conference safeguarding_panel"
    document = holder.document("consent", "show", stdin="S1\n")
    assert (document["valid_until"], document["version"]) == ("2100-01-01T00:00:00Z", 1)
    none = holder("consent", "show", stdin="S2\n")
    assert (none.returncode, "none is recorded" in none.stderr, "S2" in none.stderr) == (7, True, False)
    unknown = holder("consent", "show", stdin="S9\n")
    assert (unknown.returncode, "no such reference" in unknown.stderr) == (7, True)
