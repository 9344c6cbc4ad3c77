"""Caseloads and case lists: what becomes a record, what is parked, what is reported."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.errors import RecordFormatError
from node.identifiers import Identifiers, Record
from node.people import MAX_WAYS_TO_WRITE, RowReader
from node.quality import RULES, Finding, look_alikes, summarise
from node.records import CaseList, Caseload, read_caseload, read_cases, read_person
from tests.node.malformed.make import SENTINEL

TODAY = date(2026, 11, 22)


def _caseload(folder: Path, text: str) -> Caseload:
    path = folder / "caseload.csv"
    path.write_text(text, encoding="utf-8")
    return read_caseload(path, today=TODAY)


def _cases(folder: Path, text: str) -> CaseList:
    path = folder / "cases.csv"
    path.write_text(text, encoding="utf-8")
    return read_cases(path, today=TODAY)


def _ways(**fields: str) -> tuple[Identifiers, ...]:
    return read_person(fields, today=TODAY)[0]


def _rules(**fields: str) -> set[str]:
    return {finding.rule for finding in read_person(fields, today=TODAY)[2]}


def test_every_column_of_the_contract_reaches_the_record(tmp_path: Path) -> None:
    caseload = _caseload(
        tmp_path,
        "local_id,dob,forename,surname,initials,chain,nhs_number,sex,area,opened,closed,last_contact,team,"
        "shoe size\n"
        "A1,01/02/1980,Ann,Smith,AS,0042,943 476 5919,F,St Albans,01/03/2024,2024-05-06,45323,Outreach 2,7\n",
    )
    record = caseload.records[0]
    main = record.identifiers[0]
    assert (main.forename, main.surname, main.forename_initial, main.surname_initial) == (
        "ann",
        "smith",
        "a",
        "s",
    )
    assert (main.chain, main.nhs_number, main.sex) == ("42", "9434765919", "f")
    assert (record.local_id, record.area, record.team) == ("A1", "st-albans", "Outreach 2")
    assert (record.opened, record.closed) == (date(2024, 3, 1), date(2024, 5, 6))
    assert record.last_contact == date(2024, 2, 1)
    assert caseload.findings == ()


def test_initials_stand_for_names_that_are_not_there() -> None:
    main = _ways(dob="1980-02-01", initials="A.S.")[0]
    assert (main.forename, main.forename_initial, main.surname_initial) == (None, "a", "s")
    assert main.usable
    assert _rules(dob="1980-02-01", initials="A.S.") == set()


def test_initials_that_contradict_the_names_give_way_and_are_reported() -> None:
    fields = {"dob": "1980-02-01", "forename": "Ann", "surname": "Smith", "initials": "BS"}
    assert _ways(**fields)[0].forename_initial == "a"
    assert _rules(**fields) == {"initials_differ"}


def test_each_further_name_is_a_further_way_to_write_the_person() -> None:
    ways = _ways(
        dob="1980-02-01", forename="Robert (Bob)", surname="Smith", chain="11",
        aliases="Rob Jones; Bertie; Mary Ann Brown", former_surnames="Miller; Baker", other_chain="12;13",
    )  # fmt: skip
    assert [(way.forename, way.surname, way.chain) for way in ways] == [
        ("robert", "smith", "11"),
        ("bob", "smith", "11"),
        ("rob", "jones", "11"),
        ("bertie", "smith", "11"),
        ("mary ann", "brown", "11"),
        ("robert", "miller", "11"),
        ("robert", "baker", "11"),
        ("robert", "smith", "12"),
    ]
    assert len({way.birth for way in ways}) == 1


def test_more_ways_than_the_wire_takes_are_cut_and_reported() -> None:
    aliases = ";".join(f"Ann{letter} Smith" for letter in "abcdefghij")
    ways, _, findings = read_person({"dob": "1980-02-01", "aliases": aliases}, today=TODAY)
    assert len(ways) == MAX_WAYS_TO_WRITE
    assert "too_many_names" in {finding.rule for finding in findings}


def test_the_same_name_twice_is_one_way() -> None:
    assert len(_ways(dob="1980-02-01", forename="Ann", surname="Smith", aliases="ANN SMITH; ann")) == 1


@pytest.mark.parametrize(
    ("fields", "usable"),
    [
        pytest.param({"dob": "1980-02-01", "initials": "AS"}, True, id="date and initials"),
        pytest.param({"dob": "1980-02-01", "surname": "Smith"}, True, id="date and one name"),
        pytest.param({"dob": "1980-02-01"}, False, id="date alone"),
        pytest.param({"dob": "01/01/1980", "initials": "AS"}, True, id="1 January and initials"),
        pytest.param({"dob": "01/01/1980", "surname": "Smith"}, False, id="1 January and one name"),
        pytest.param({"dob": "0", "forename": "Ann", "surname": "Smith"}, False, id="Excel's zero and names"),
        pytest.param(
            {"dob": "13/02", "forename": "Ann", "surname": "Smith"}, True, id="day, month and names"
        ),
        pytest.param({"dob": "13/02", "initials": "AS"}, False, id="day, month and initials"),
        pytest.param({"forename": "Ann", "surname": "Smith"}, False, id="names alone"),
        pytest.param({"chain": "42"}, True, id="CHAIN"),
        pytest.param({"nhs_number": "9434765919"}, True, id="NHS number"),
        pytest.param({"sex": "F", "area": "Dacorum"}, False, id="sex and area"),
        pytest.param({}, False, id="nothing"),
    ],
)
def test_a_person_is_usable_when_a_slot_can_be_made(fields: dict[str, str], usable: bool) -> None:
    assert any(way.usable for way in _ways(**fields)) is usable


def test_the_second_row_of_a_local_id_is_parked_and_not_merged(tmp_path: Path) -> None:
    caseload = _caseload(
        tmp_path, "local_id,dob,forename,surname\nA1,1980-02-01,Ann,Smith\nA1,1981-02-01,Bo,Jones\n"
    )
    assert [record.row for record in caseload.records] == [2]
    assert caseload.findings == (Finding(3, "local_id", "duplicate_local_id"),)


def test_twins_and_shared_numbers_inside_a_file_are_reported_on_every_row(tmp_path: Path) -> None:
    caseload = _caseload(
        tmp_path,
        "local_id,dob,forename,surname,chain\nA1,1980-02-01,Ann,Smith,7\nA2,1980-02-01,Alice,Smith,\n"
        "A3,1981-05-06,Bo,Jones,7\n",
    )
    assert len(caseload.records) == 3
    assert set(caseload.findings) == {
        Finding(2, "dob", "same_birth_date_and_initials"),
        Finding(3, "dob", "same_birth_date_and_initials"),
        Finding(2, "chain", "same_number"),
        Finding(4, "chain", "same_number"),
    }


def test_one_record_does_not_look_like_itself() -> None:
    record = Record(2, "A1", _ways(dob="1980-02-01", initials="AS", chain="1", aliases="Bo Smith"))
    assert list(look_alikes([record])) == []


def test_a_case_without_a_birth_date_is_parked_by_row_and_reference(tmp_path: Path) -> None:
    cases = _cases(
        tmp_path,
        "case_ref,dob,forename,surname,chain\nC1,,Ann,Smith,12\nC2,1980-02-01,Bo,Jones,\nC3,0,Cy,Hall,\n",
    )
    assert [case.case_ref for case in cases.cases] == ["C2"]
    assert [(case.row, case.case_ref, case.rule) for case in cases.parked] == [
        (2, "C1", "no_birth_date"),
        (4, "C3", "no_birth_date"),
    ]
    assert Finding(2, "dob", "no_birth_date") in cases.findings


@pytest.mark.parametrize(
    ("dob", "rule"),
    [
        pytest.param("31/02/1980", "impossible_date", id="31 February"),
        pytest.param("1980-14-33", "impossible_date", id="no month, no day"),
        pytest.param("2031-05-06", "future_date", id="in the future"),
        pytest.param("2016-11-23", "too_young", id="a day short of ten years ago"),
        pytest.param("1910-05-06", "too_long_ago", id="116 years ago"),
        pytest.param("spring 1980", "unreadable_birth_date", id="in words"),
    ],
)
def test_a_case_whose_birth_date_cannot_be_right_is_parked_to_be_checked(
    tmp_path: Path, dob: str, rule: str
) -> None:
    cases = _cases(tmp_path, f"case_ref,dob,forename,surname,chain\nC1,{dob},Ann,Smith,42\n")
    assert [(case.row, case.rule) for case in cases.parked] == [(2, "check_birth_date")]
    assert {finding.rule for finding in cases.findings} == {rule, "check_birth_date"}


def test_a_child_is_asked_about_where_the_list_is_said_to_have_children(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text("case_ref,dob,forename,surname\nC1,2020-02-01,Ann,Smith\n")
    assert [case.row for case in read_cases(path, today=TODAY, children=True).cases] == [2]
    assert read_cases(path, today=TODAY).cases == ()


def _dated(*dates: str) -> str:
    rows = (f"A{number},{day},Ann,Smith" for number, day in enumerate(dates))
    return "local_id,dob,forename,surname\n" + "\n".join(rows) + "\n"


ADULTS = [f"{1950 + number}-03-{2 + number}" for number in range(9)]
WRONG_COLUMNS = [
    pytest.param([f"2024-03-{2 + number:02}" for number in range(3)], True, id="days of the last years"),
    pytest.param([f"2031-03-{2 + number:02}" for number in range(3)], True, id="days to come"),
    pytest.param(["2024-03-02", "2030-03-02", "2025-07-07", *ADULTS[:2]], True, id="some of both"),
    pytest.param(["1980-05-06"] * 6 + ADULTS[:5], True, id="one day for most"),
    pytest.param(["2024-03-02", "2025-07-07"], False, id="two rows"),
    pytest.param(["2024-03-02", "2025-07-07", "2023-07-07", *ADULTS[:3]], False, id="half of the rows"),
    pytest.param(["1980-05-06"] * 5, False, id="a family of five"),
    pytest.param(["1980-05-06"] * 7 + ADULTS, False, id="a filler in less than half"),
    pytest.param(["01/01/1980"] * 9, False, id="1 January"),
]


@pytest.mark.parametrize(("dates", "refused"), WRONG_COLUMNS)
def test_a_column_of_other_days_is_no_date_of_birth(tmp_path: Path, dates: list[str], refused: bool) -> None:
    text = _dated(*dates)
    if not refused:
        assert len(_caseload(tmp_path, text).records) == len(dates)
        return
    for read, content in ((_caseload, text), (_cases, text.replace("local_id", "case_ref"))):
        with pytest.raises(RecordFormatError, match="does not look like dates of birth") as error:
            read(tmp_path, content)
        assert error.value.field == "dob"


def test_a_file_of_children_is_read_where_it_is_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "caseload.csv"
    path.write_text(_dated("2020-03-02", "2021-03-02", "2022-03-02"))
    caseload = read_caseload(path, today=TODAY, children=True)
    assert len(caseload.records) == 3 and caseload.findings == ()


def test_a_date_in_more_rows_than_chance_explains_is_reported_on_each(tmp_path: Path) -> None:
    caseload = _caseload(tmp_path, _dated(*["1980-05-06"] * 7, *ADULTS))
    rows = [finding.row for finding in caseload.findings if finding.rule == "repeated_birth_date"]
    assert rows == list(range(2, 9))


def test_whoever_cannot_be_used_is_kept_apart_with_their_reference(tmp_path: Path) -> None:
    caseload = _caseload(
        tmp_path,
        "local_id,dob,forename,surname\nA1,1980-02-01,Ann,Smith\nA2,,Bo,Jones\nA1,1980-02-01,Cy,Hall\n,,Di,Low\n",
    )
    assert [(one.row, one.local_id) for one in caseload.parked] == [(3, "A2")]


def test_a_case_with_1_january_is_asked(tmp_path: Path) -> None:
    cases = _cases(tmp_path, "case_ref,dob,forename,surname\nC1,01/01/1980,Ann,Smith\n")
    assert [case.case_ref for case in cases.cases] == ["C1"]
    assert cases.findings == (Finding(2, "dob", "weak_birth_date"),)


def test_basis_and_detail_of_a_case_are_kept(tmp_path: Path) -> None:
    cases = _cases(
        tmp_path, "case_ref,dob,initials,basis,basis_detail\nC1,1980-02-01,AS,Public task,serious harm\n"
    )
    assert (cases.cases[0].basis, cases.cases[0].basis_detail) == ("public_task", "serious harm")


def test_a_reference_that_cannot_be_shown_is_not_shown(tmp_path: Path) -> None:
    cases = _cases(tmp_path, "case_ref,dob,initials\nC\x1b[2J,1980-02-01,AS\nC2,1980-02-01,AS\n")
    assert [(case.case_ref, case.rule) for case in cases.parked] == [(None, "local_id_format")]


def test_a_summary_counts_rows_and_rules(tmp_path: Path) -> None:
    summary = _caseload(
        tmp_path,
        "local_id,dob,forename,surname\nA1,1980-02-01,Ann,Smith\nA2,01/01/1980,Bo,Jones\nA3,,Unknown,Unknown\n",
    ).summary
    assert (summary.rows, summary.used, summary.weak, summary.unusable) == (3, 2, 1, 1)
    assert summary.by_rule["weak_birth_date"] == 1
    assert summary.by_rule["placeholder_name"] == 2


def test_a_weak_finding_on_a_parked_row_is_not_counted_as_a_weak_row() -> None:
    summary = summarise(2, [2], [Finding(3, "dob", "missing_birth_date")])
    assert (summary.used, summary.weak, summary.unusable) == (1, 0, 1)


def test_every_rule_has_a_sentence_and_a_severity() -> None:
    for rule in RULES.values():
        assert rule.severity in ("unusable", "weak", "note")
        assert rule.sentence.endswith(".") and len(rule.sentence) < 110


TEXT = st.text(max_size=40)
FIELDS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("dob", "forename", "surname", "initials", "chain", "nhs_number", "sex", "area", "aliases",
         "former_surnames", "other_chain"),
        TEXT,
    ),
)  # fmt: skip


@given(FIELDS)
def test_any_row_is_read_and_no_finding_is_outside_the_vocabulary(fields: dict[str, str]) -> None:
    ways, _, findings = read_person(fields, today=TODAY)
    assert 1 <= len(ways) <= MAX_WAYS_TO_WRITE
    assert {finding.rule for finding in findings} <= set(RULES)


@settings(max_examples=30)
@given(st.lists(FIELDS, max_size=4))
def test_remembering_values_changes_nothing(rows: list[dict[str, str]]) -> None:
    reader = RowReader(today=TODAY)
    together = [reader.identifiers(fields, 1) for fields in rows]
    assert together == [RowReader(today=TODAY).identifiers(fields, 1) for fields in rows]


def test_nothing_that_is_printed_holds_a_value(tmp_path: Path) -> None:
    row = f"{SENTINEL}1,1980-02-01,{SENTINEL},{SENTINEL},{SENTINEL},{SENTINEL} {SENTINEL}"
    caseload = _caseload(tmp_path, f"local_id,dob,forename,surname,team,aliases\n{row}\n")
    cases = _cases(tmp_path, f"case_ref,dob,forename,surname,basis_detail,aliases\n{row}\n")
    reader = RowReader(today=TODAY)
    shown = repr(
        (caseload, caseload.records, caseload.findings, cases, cases.cases, cases.table, cases.header, reader)
    )
    for value in (SENTINEL.lower(), "1980"):
        assert value not in shown.lower()
