"""A conference's list: pasted, its columns named, carried over from the conference before."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.federation import Federation
from tests.node.web.conftest import signed_in
from tests.node.web.test_journeys import COLUMNS, CONSENT, plan, upload
from tests.pages.browser import Browser
from tests.people import person

ROWS = [[person(number)[name] for name in COLUMNS] for number in (3, 4)]
PASTED = "\r\n".join("\t".join(row) for row in (["Case ref", "Date of birth", "Forename", "Surname"], *ROWS))

CASELOAD = "\n".join(["case_ref\tdob", *(f"{row}\t1980-02-01" for row in range(501))])


def test_rows_pasted_from_a_spreadsheet_are_checked_and_asked_about(officer: Browser) -> None:
    plan(officer)
    officer.get(officer.link("/conferences/mdt-2026-12/paste"))
    officer.post("/conferences/mdt-2026-12/paste", rows=PASTED)
    assert "2 cases can be asked about" in officer.page.text
    officer.post(officer.visited[-1] + "/send", **CONSENT)
    assert "case-3" in officer.page.text and "case-4" in officer.page.text
    assert "kowalska" not in " ".join(officer.visited).lower()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param("", "paste the rows first", id="nothing"),
        pytest.param("ann\tsmith", "has no row of headings", id="no headings"),
        pytest.param("case_ref\tdob", "no row below it", id="headings alone"),
        pytest.param(CASELOAD, "has 501 rows", id="a caseload"),
    ],
)  # fmt: skip
def test_what_cannot_be_pasted_is_said_why_and_stays(shared_officer: Browser, rows: str, says: str) -> None:
    if shared_officer.get("/conferences/mdt-2026-12").status_code == 404:
        plan(shared_officer)
    shared_officer.get("/conferences/mdt-2026-12/paste")
    shared_officer.post("/conferences/mdt-2026-12/paste", rows=rows)
    assert shared_officer.page.status_code == 422 and says in shared_officer.page.text
    assert rows.split("\n")[0] in shared_officer.page.text


@pytest.fixture
def earlier(officer: Browser, federation: Federation) -> Browser:
    """A conference that was asked about, of three cases and two rows that could not be, and the next one."""
    plan(officer)
    upload(officer)
    officer.post(officer.visited[-1] + "/send", **CONSENT)
    federation.clock.advance(days=10)
    again = signed_in(federation, officer.app, "asker-staff")
    again.get("/conferences/new")
    again.post(
        "/conferences", conference="mdt-2027-01", held_on__day="5", held_on__month="1", held_on__year="2027"
    )
    return again


def ticks(browser: Browser) -> dict[str, str]:
    """The names of the boxes of the open page, by the reference beside each."""
    found = re.findall(r'name="(carry-[^"]+)" value="yes".*?<label[^>]*>([^<]+)<', browser.page.text, re.S)
    return {reference: name for name, reference in found}


def test_cases_are_carried_over_to_the_next_conference_and_counted(earlier: Browser) -> None:
    assert "0 new, 0 carried over" in earlier.page.text
    earlier.get(earlier.link("/conferences/mdt-2027-01/carry"))
    boxes = ticks(earlier)
    assert list(boxes) == ["case-3", "case-4", "case-19", "case-90", "case-91"]
    earlier.post("/conferences/mdt-2027-01/carry", **{boxes["case-3"]: "yes", boxes["case-19"]: "yes"})
    assert "2 cases can be asked about" in earlier.page.text
    address = earlier.visited[-1]
    earlier.get("/conferences/mdt-2027-01")
    assert "0 new, 2 carried over from mdt-2026-12" in earlier.page.text
    earlier.get("/conferences/mdt-2027-01/carry")
    assert "case-3" not in ticks(earlier)
    earlier.get(address)
    earlier.post(f"{address}/send", **CONSENT)
    assert "case-3" in earlier.page.text and "Known-to sheet" in earlier.page.text


def test_a_case_without_a_date_of_birth_is_not_carried_over_and_is_named(earlier: Browser) -> None:
    earlier.get("/conferences/mdt-2027-01/carry")
    boxes = ticks(earlier)
    earlier.post("/conferences/mdt-2027-01/carry", **{boxes["case-4"]: "yes", boxes["case-90"]: "yes"})
    assert earlier.page.status_code == 422 and "case-90 cannot be carried over" in earlier.page.text
    assert "case-4" not in ticks(earlier), "the other one is on the list"


def test_nothing_ticked_is_said_so(earlier: Browser) -> None:
    earlier.get("/conferences/mdt-2027-01/carry")
    earlier.post("/conferences/mdt-2027-01/carry")
    assert earlier.page.status_code == 422 and "Tick the cases to carry over" in earlier.page.text


def test_where_nothing_came_before_or_it_is_over_the_page_says_so(
    earlier: Browser, federation: Federation, app: Any
) -> None:
    assert "No conference came before" in earlier.get("/conferences/mdt-2026-12/carry").text
    federation.clock.advance(days=20)
    later = signed_in(federation, app, "asker-staff")
    assert "no case of mdt-2026-12 left to carry over" in later.get("/conferences/mdt-2027-01/carry").text


STRANGE = "\n".join([
    "Tracker of the borough,,,,", "Fall,Geb.,Vor,Nach,Wo",
    *(",".join([*(person(number)[name] for name in COLUMNS), "north"]) for number in (3, 4)), "",
])  # fmt: skip


def choose(browser: Browser, address: str, **columns: str) -> None:
    """Say which column is which, by letter."""
    options = dict(re.findall(r'<option value="([0-9]+)"[^>]*>([A-Z]+): ', browser.page.text))
    by_letter = {letter: value for value, letter in options.items()}
    chosen = {name: by_letter[letter] for name, letter in columns.items()}
    browser.post(f"{address}/columns", then="keep", header_row="2", **chosen)


def test_a_list_with_headings_of_its_own_is_read_once_somebody_says_which_is_which(officer: Browser) -> None:
    plan(officer)
    upload(officer, STRANGE)
    address = officer.visited[-1].removesuffix("/columns")
    assert "Which column is which?" in officer.page.text and "A: Fall" in officer.page.text
    assert person(3)["surname"] not in officer.page.text, "headings alone are shown"
    assert "0 new" in officer.get("/conferences/mdt-2026-12").text
    officer.get(address)
    choose(officer, address, case_ref="A", dob="B", forename="C", surname="D", area="E")
    assert "2 cases can be asked about" in officer.page.text and "As you said" in officer.page.text
    officer.post(f"{address}/send", **CONSENT)
    assert re.findall(r">(Known|No shared match)<span", officer.page.text) == ["Known", "Known"]
    assert "2 new" in officer.get("/conferences/mdt-2026-12").text


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        pytest.param({"case_ref": "A"}, "Select the column of the date of birth", id="no date of birth"),
        pytest.param({"dob": "B"}, "Select the column of the case reference", id="no reference"),
        pytest.param({"case_ref": "A", "dob": "A"}, "One column is selected twice", id="one column twice"),
    ],
)  # fmt: skip
def test_columns_that_make_no_list_are_said_why(officer: Browser, columns: dict[str, str], says: str) -> None:
    plan(officer)
    upload(officer, STRANGE)
    address = officer.visited[-1].removesuffix("/columns")
    choose(officer, address, **columns)
    assert officer.page.status_code == 422 and says in officer.page.text


def test_another_row_of_headings_can_be_shown(officer: Browser) -> None:
    plan(officer)
    upload(officer, STRANGE)
    address = officer.visited[-1].removesuffix("/columns")
    assert 'name="header_row" class="narrow" value="2"' in officer.page.text
    officer.post(f"{address}/columns", then="row", header_row="1")
    assert "A: Tracker of the borough" in officer.page.text and officer.page.status_code == 200


def test_what_headings_say_is_filled_in_already(officer: Browser) -> None:
    plan(officer)
    upload(officer, STRANGE.replace("Fall,Geb.", "Case ref,Geb."))
    assert re.search(r'id="case_ref".*?<option value="0" selected>', officer.page.text, re.S)
    officer.get("/conferences/mdt-2026-12")
    assert "Not sent yet" in officer.page.text
