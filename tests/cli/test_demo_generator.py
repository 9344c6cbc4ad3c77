"""The synthetic county: the same every time, as untidy as real caseloads, and nobody real in it."""

import hashlib
import tomllib
from collections import Counter, defaultdict
from dataclasses import fields
from datetime import date
from pathlib import Path

import nhs_number
import pytest
from python_calamine import CalamineWorkbook

from cli.demo.agencies import AGENCIES
from cli.demo.cast import PUBLIC_TASK
from cli.demo.files import uk_date, write_as_kept, write_conference, write_contract
from cli.demo.generator import MAXIMUM_PEOPLE, Federation, generate
from cli.demo.mess import CLEAN, PLACEHOLDER_NAMES, Row

PEOPLE = 12_000
GOLDEN = "105d665a2f17356f0b15ebb69d71dc41e238ebd2a384d86ecb4743f8b4523c57"


@pytest.fixture(scope="module")
def county() -> Federation:
    return generate(people=PEOPLE, seed=5)


@pytest.fixture(scope="module")
def rows(county: Federation) -> list[Row]:
    return [row for caseload in county.caseloads for row in caseload.rows]


def written(directory: Path, federation: Federation) -> dict[str, bytes]:
    write_as_kept(federation, directory / "kept")
    write_contract(federation, directory / "contract")
    details = {"consent": "", "public_task": "reason"}
    write_conference(federation.conference, directory / "conference.csv", details=details)
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_the_same_seed_writes_the_same_bytes_spreadsheet_included(tmp_path: Path) -> None:
    first = written(tmp_path / "first", generate(people=200, seed=3))
    assert first == written(tmp_path / "second", generate(people=200, seed=3))
    assert first != written(tmp_path / "third", generate(people=200, seed=4))
    assert "kept/housing-watford.xlsx" in first


def test_the_first_rows_of_the_default_seed_never_change() -> None:
    """A golden digest: benchmarks compare between releases only while the county is the same."""
    county = generate(people=500)
    text = "\n".join(
        "|".join(getattr(row, field.name) for field in fields(row))
        for caseload in county.caseloads
        for row in caseload.rows
    )
    assert hashlib.sha256(text.encode()).hexdigest() == GOLDEN


def test_every_record_has_one_truth_and_every_person_at_least_one_record(county: Federation) -> None:
    known = {(entry.agency, entry.local_id) for entry in county.truth}
    held = [(load.agency.agency_id, row.local_id) for load in county.caseloads for row in load.rows]
    assert len(held) == len(set(held)) == county.records == len(county.truth)
    assert set(held) == known
    persons = {entry.person_id for entry in county.truth}
    without_records = [member for member in county.conference if not member.records]
    assert len(persons) == PEOPLE + len(county.conference) - len(without_records)


def test_services_overlap_as_they_do(county: Federation) -> None:
    services: dict[str, set[str]] = defaultdict(set)
    for entry in county.truth:
        services[entry.person_id].add(entry.agency)
    share = Counter(min(len(found), 3) for found in services.values())
    assert 0.40 < share[1] / len(services) < 0.65
    assert 0.12 < share[3] / len(services) < 0.30
    assert 1.4 < county.records / PEOPLE < 2.0


def test_two_strangers_share_a_birth_date_about_once_in_ten_thousand(rows: list[Row]) -> None:
    dates = Counter(row.dob for row in rows if row.dob)
    total = dates.total()
    agreement = sum(n * (n - 1) for n in dates.values()) / (total * (total - 1))
    assert 0.5e-4 < agreement < 1.5e-4


def test_birth_date_and_initials_are_shared_with_few_strangers(county: Federation) -> None:
    """About 0.07 strangers a record among 130,000, as in the county the design was measured on."""
    person = {(entry.agency, entry.local_id): entry.person_id for entry in county.truth}
    groups: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for load in county.caseloads:
        for row in load.rows:
            initials = row.initials or (row.forename[:1] + row.surname[:1]).upper()
            groups[row.dob, initials][person[load.agency.agency_id, row.local_id]] += 1
    strangers = sum(n * (g.total() - n) for key, g in groups.items() if key[0] for n in g.values())
    assert 0.04 < strangers / county.records * (130_000 / county.records) < 0.15


def test_common_names_are_common_and_many_names_are_rare(rows: list[Row]) -> None:
    surnames = Counter(row.surname.title() for row in rows if row.surname)
    assert surnames.most_common(1)[0][0] == "Smith"
    assert {"Jones", "Patel"} <= {name for name, _ in surnames.most_common(20)}
    rare = sum(n for n in surnames.values() if n <= 3)
    assert 0.10 < rare / surnames.total() < 0.5
    boys = Counter(row.forename for row in rows if row.dob[:3] == "195" and row.sex == "M")
    assert {"David", "John", "Peter"} & {name for name, _ in boys.most_common(6)}


def test_the_mess_of_real_caseloads_is_there(rows: list[Row]) -> None:
    share = {
        "no date": sum(not row.dob for row in rows) / len(rows),
        "1 January": sum(row.dob.endswith("-01-01") for row in rows) / len(rows),
        "no sex": sum(not row.sex for row in rows) / len(rows),
        "placeholder": sum(row.forename in PLACEHOLDER_NAMES for row in rows) / len(rows),
        "chain": sum(bool(row.chain) for row in rows) / len(rows),
    }
    assert 0.004 < share["no date"] < 0.02
    assert 0.015 < share["1 January"] < 0.05
    assert 0.02 < share["no sex"] < 0.05
    assert 0 < share["placeholder"] < 0.01
    assert 0.03 < share["chain"] < 0.15
    assert any(row.dob.endswith(("-02-30", "-02-31")) for row in rows)


def test_twins_with_the_same_initials_live_in_the_county(county: Federation) -> None:
    person = {(entry.agency, entry.local_id): entry.person_id for entry in county.truth}
    pairs = set()
    for load in county.caseloads:
        seen: dict[tuple[str, str, str], str] = {}
        for row in (row for row in load.rows if row.forename and row.dob):
            key = (row.dob, row.forename[0], row.surname.title())
            other = seen.setdefault(key, person[load.agency.agency_id, row.local_id])
            if other != person[load.agency.agency_id, row.local_id]:
                pairs.add(key)
    assert len(pairs) >= 3


def test_nhs_numbers_are_valid_and_from_the_test_range() -> None:
    numbers = [
        row.nhs_number
        for load in generate(people=2000, rates=CLEAN).caseloads
        for row in load.rows
        if row.nhs_number
    ]
    assert len(numbers) > 500
    assert all(number.startswith("999") and nhs_number.is_valid(number) for number in numbers)


def test_one_agency_gives_initials_only(county: Federation) -> None:
    (cgl,) = (load for load in county.caseloads if load.agency.initials_only)
    assert not any(row.forename or row.surname for row in cgl.rows)
    assert sum(len(row.initials) == 2 for row in cgl.rows) > 0.98 * len(cgl.rows)


def test_no_date_is_later_than_the_day_of_the_caseload() -> None:
    county = generate(people=2000, as_of=date(2026, 3, 1))
    for load in county.caseloads:
        for row in load.rows:
            assert row.opened <= "2026-03-01" and row.closed <= "2026-03-01"
            assert not row.closed or row.opened <= row.closed


def test_rows_and_people_print_without_revealing_anything(county: Federation) -> None:
    row = next(row for load in county.caseloads for row in load.rows if row.surname)
    member = county.conference[0]
    assert row.surname not in repr(row) and row.dob not in repr(row)
    assert member.person.surname not in repr(member) and member.person.surname not in repr(member.person)
    assert member.person.surname not in repr(county)


def test_the_conference_has_every_kind_of_case(county: Federation) -> None:
    members = county.conference
    assert len(members) == 12
    assert sum(member.listed.get("dob") == "" for member in members) == 1
    assert sum(member.listed.get("dob", "").endswith("-01-01") for member in members) == 1
    assert sum(member.basis == PUBLIC_TASK for member in members) == 1
    assert sum(not member.records for member in members) == 1
    twins = Counter((m.person.birth_date, m.person.forename[0], m.person.surname[0]) for m in members)
    assert max(twins.values()) == 2
    two_boroughs = [m for m in members if sum(agency.startswith("housing-") for agency in m.records) == 2]
    assert two_boroughs


def test_the_spreadsheet_has_lost_its_leading_zeros_and_holds_three_kinds_of_dates(tmp_path: Path) -> None:
    path = write_as_kept(generate(people=1500), tmp_path)["housing-watford"]
    header, *sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    births = [row[header.index("dob")] for row in sheet]
    assert {type(birth) for birth in births} >= {date, float, str}
    assert all(isinstance(row[header.index("local_id")], float) for row in sheet)
    chains = [row[header.index("chain")] for row in sheet if row[header.index("chain")] != ""]
    assert any(chain < 1_000_000 for chain in chains if isinstance(chain, float))


def test_one_file_has_its_own_headers_and_a_mapping(tmp_path: Path) -> None:
    path = write_as_kept(generate(people=50), tmp_path)["housing-dacorum"]
    header = path.read_text("utf-8").splitlines()[0].split(",")
    mapping = tomllib.loads(path.with_suffix(".toml").read_text("utf-8"))["columns"]
    assert "dob" not in header and set(mapping.values()) <= set(header)
    assert {"local_id", "dob", "forename", "surname"} <= set(mapping)


def test_the_contract_form_has_a_file_for_every_agency_and_the_truth(tmp_path: Path) -> None:
    write_contract(generate(people=50), tmp_path)
    assert {path.stem for path in tmp_path.glob("*.csv")} == {a.agency_id for a in AGENCIES} | {"truth"}


@pytest.mark.parametrize("people", [-1, MAXIMUM_PEOPLE + 1])
def test_a_county_nobody_can_make_is_refused(people: int) -> None:
    with pytest.raises(ValueError, match="people"):
        generate(people=people)


def test_an_empty_county_has_only_the_conference() -> None:
    assert generate(people=0, with_conference=False).records == 0
    assert generate(people=0).records == sum(len(m.records) for m in generate(people=0).conference)


@pytest.mark.parametrize(
    ("text", "written_as"),
    [("1980-02-01", "01/02/1980"), ("1980-02-31", "31/02/1980"), ("", "")],
    ids=["a day", "an impossible day", "no day"],
)
def test_uk_dates_put_the_day_first(text: str, written_as: str) -> None:
    assert uk_date(text) == written_as
