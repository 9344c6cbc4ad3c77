"""Every malformed file is refused or read with the finding it deserves, and no value is repeated."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.errors import RecordFormatError
from node.records import CaseList, Caseload, read_caseload, read_cases
from tests.node.malformed.make import SENTINEL, Malformed, build, workbook

TODAY = date(2026, 11, 22)
FILES = build()


def _read(malformed: Malformed, folder: Path) -> Caseload | CaseList:
    path = folder / f"file{malformed.suffix}"
    path.write_bytes(malformed.content)
    return (read_cases if malformed.kind == "case list" else read_caseload)(path, today=TODAY)


@pytest.mark.parametrize("malformed", [pytest.param(m, id=m.name) for m in FILES if m.error is not None])
def test_a_file_that_cannot_be_read_is_refused_with_its_rule(malformed: Malformed, tmp_path: Path) -> None:
    with pytest.raises(RecordFormatError) as refused:
        _read(malformed, tmp_path)
    error = refused.value
    assert malformed.error is not None and malformed.error in str(error)
    assert (error.kind, error.row, error.field) == (malformed.kind, malformed.row, malformed.field)
    _assert_nothing_repeated(error)


def _assert_nothing_repeated(error: BaseException) -> None:
    """Neither the message nor anything a traceback would print of its causes."""
    assert SENTINEL.lower() not in f"{error} {error!r} {vars(error)}".lower()
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


@pytest.mark.parametrize("malformed", [pytest.param(m, id=m.name) for m in FILES if m.finding is not None])
def test_a_row_that_lacks_something_is_found_and_the_others_go_on(
    malformed: Malformed, tmp_path: Path
) -> None:
    content = _read(malformed, tmp_path)
    found = {(finding.row, finding.field, finding.rule) for finding in content.findings}
    assert (malformed.row, malformed.field, malformed.finding) in found
    used = content.cases if isinstance(content, CaseList) else content.records
    assert used[0].row == 2, "the good row before it is still used"
    shown = f"{content!r} {content.findings!r} {content.summary!r} {used!r}".lower()
    assert SENTINEL.lower() not in shown
    assert all(SENTINEL.lower() not in finding.sentence.lower() for finding in content.findings)


def test_there_are_at_least_thirty_defects_with_names_of_their_own() -> None:
    assert len({malformed.name for malformed in FILES}) == len(FILES) >= 30


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordFormatError, match="no such file"):
        read_caseload(tmp_path / SENTINEL, today=TODAY)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordFormatError, match="no such file"):
        read_caseload(tmp_path, today=TODAY)


WORKBOOK = workbook([("List", [["local_id", "dob", "forename", "surname"], ["A1", 29252, "Ann", "Smith"]])])
TEXT = b"local_id,dob,forename,surname\nA1,1980-02-01,Ann,Smith\n"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    whole=st.sampled_from([WORKBOOK, TEXT]),
    at=st.integers(min_value=0, max_value=len(WORKBOOK) - 1),
    scrap=st.binary(min_size=1, max_size=6),
)
def test_a_file_with_any_bytes_damaged_is_read_or_refused(
    whole: bytes, at: int, scrap: bytes, tmp_path: Path
) -> None:
    at %= len(whole)
    path = tmp_path / "file"
    path.write_bytes(whole[:at] + scrap + whole[at + len(scrap) :])
    for read in (read_caseload, read_cases):
        try:
            read(path, today=TODAY)
        except RecordFormatError as refused:
            _assert_nothing_repeated(refused)
