"""Consent as it stands in lists and caseload files, read by row and rule."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from node.consent_files import read_consents
from node.consent_terms import ConsentTerms, Ended, Refusal
from node.errors import RecordFormatError
from node.mapping import parse_mapping
from node.records import Caseload, read_caseload

TODAY = date(2026, 11, 23)


HEADER = "local_id,captured_at,method,purposes,recipients,valid_from,valid_until,notice_version\n"


def test_a_consent_list_reads_days_in_both_orders_and_several_purposes(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(HEADER + "A1,02/03/2026,Written,case_conference; single_lookup,*,,31/12/2026,2\n")
    (listed,) = read_consents(file, today=TODAY)
    found = listed.entry
    assert (listed.row, listed.local_id) == (2, "A1") and isinstance(found, ConsentTerms)
    assert (found.captured_at.date(), found.valid_from.date()) == (date(2026, 3, 2), date(2026, 3, 2))
    assert found.valid_until is not None and found.valid_until.date() == date(2027, 1, 1)
    assert found.purposes == ("case_conference", "single_lookup")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        pytest.param(
            ",2026-03-02,written,statistics,*,,,2", "row 2, local_id: is missing", id="no reference"
        ),
        pytest.param("A1,,written,statistics,*,,,2", "row 2, captured_at: is missing", id="no day"),
        pytest.param("A1,soon,written,statistics,*,,,2", "row 2, captured_at: cannot", id="unreadable day"),
        pytest.param("A1,2026-03-02,nodded,statistics,*,,,2", "row 2, method", id="unknown method"),
        pytest.param("A1,2026-03-02,written,gossip,*,,,2", "row 2, purposes", id="unknown purpose"),
        pytest.param("A1,2026-03-02,written,statistics,,,,2", "row 2, recipients", id="nobody may be told"),
        pytest.param("A1,2026-03-02,written,statistics,*,,,", "row 2, notice_version", id="no notice"),
        pytest.param(
            "A1,2026-03-02,written,statistics,*,2026-05-01,2026-04-01,2",
            "row 2, valid_until",
            id="ends first",
        ),
        pytest.param(
            "A1,2026-03-02,written,statistics,*,,,2\nA1,2026-03-02,verbal,statistics,*,,,2",
            "row 3, local_id: stands in an earlier row",
            id="same reference twice",
        ),
    ],
)
def test_a_bad_consent_list_is_named_by_row_and_rule(tmp_path: Path, row: str, says: str) -> None:
    file = tmp_path / "list.csv"
    file.write_text(HEADER + row + "\n")
    with pytest.raises(RecordFormatError, match=says):
        read_consents(file, today=TODAY)


def test_a_consent_list_without_a_column_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("local_id,method\nA1,written\n")
    with pytest.raises(RecordFormatError, match="captured_at: the column is missing"):
        read_consents(file, today=TODAY)


def read_columns(tmp_path: Path, *rows: str, mapping: str = "") -> Caseload:
    header = "local_id,dob,forename,surname,consent,consent_captured_at,consent_method,consent_purposes"
    file = tmp_path / "caseload.csv"
    file.write_text("\n".join((f"{header},consent_recipients,consent_notice_version", *rows)) + "\n")
    return read_caseload(file, mapping=parse_mapping(tomllib.loads(mapping)), today=TODAY)


def test_consent_in_the_caseload_file_is_read_by_row(tmp_path: Path) -> None:
    caseload = read_columns(
        tmp_path,
        "A1,1961-07-08,Ada,Quill,given,02/03/2026,written,case_conference; single_lookup,*,2",
        "A2,1962-07-08,Bea,Quill,,,,,,",
        "A3,1963-07-08,Cy,Quill,Not asked,,,,,",
        "A4,1964-07-08,Di,Quill,refused,,,,,",
        "A5,1965-07-08,Ed,Quill,objected,2026-03-04,,,,",
        "A6,,,,withdrawn,no idea,,,,",
        "A7,1967-07-08,Flo,Quill,given,,written,case_conference,*,2",
        "A8,1968-07-08,Gus,Quill,perhaps,,,,,",
    )
    said = {one.local_id: one.entry for one in caseload.consents}
    assert set(said) == {"A1", "A4", "A5", "A6"}
    given = said["A1"]
    assert isinstance(given, ConsentTerms) and given.purposes == ("case_conference", "single_lookup")
    assert said["A4"] == said["A6"] == Ended(Refusal.WITHDRAWN)
    assert said["A5"] == Ended(Refusal.OBJECTED, datetime(2026, 3, 4, tzinfo=UTC))
    broken_ones = [(one.row, one.field) for one in caseload.findings if one.rule == "consent_unusable"]
    assert broken_ones == [(8, "consent_captured_at"), (9, "consent")]
    assert len(caseload.records) == 7  # Whatever they say, the rows are used.


def test_what_is_equal_in_all_rows_stands_in_the_mapping_file(tmp_path: Path) -> None:
    mapping = (
        '[consent]\npurposes = "single_lookup"\nrecipients = "*"\nnotice_version = "3"\nmethod = "verbal"'
    )
    caseload = read_columns(tmp_path, "A1,1961-07-08,Ada,Quill,yes,2026-03-02,,,,", mapping=mapping)
    (one,) = caseload.consents
    assert isinstance(one.entry, ConsentTerms)
    assert (one.entry.purposes, one.entry.method) == (("single_lookup",), "verbal")


@pytest.mark.parametrize(
    "mapping", ["[consent]\ngossip = 'x'", "[consent]\nmethod = 3"], ids=["name", "value"]
)
def test_a_mapping_file_with_an_unknown_consent_column_is_refused(tmp_path: Path, mapping: str) -> None:
    with pytest.raises(RecordFormatError, match="mapping, consent"):
        read_columns(tmp_path, mapping=mapping)
