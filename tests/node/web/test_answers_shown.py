"""What the pages and the downloaded workbook say of answers without details, and of cases that wait."""

from __future__ import annotations

import io

import pytest
from python_calamine import CalamineWorkbook

from keys.formats import encode_base64
from node.quality import RULES
from tests.federation import Federation
from tests.node.flows.test_lookups import lie_about_lookups, with_first
from tests.node.web.test_journeys import CONSENT, plan, upload
from tests.pages.browser import Browser
from tests.people import person

HEADER = "case_ref,dob,forename,surname,basis,basis_detail"
GRID = {
    "withheld": "Ask the agency; details withheld",
    "unreadable": "Its details cannot be read here: ring it",
}
WHY = {
    "withheld": "Neither the purpose nor the person's consent reaches the details of this contact",
    "unreadable": "The details this agency sent cannot be read here: ring it",
}
SHEET = {
    "withheld": "ask the agency; details withheld",
    "unreadable": "ring the agency; its details cannot be read here",
}


def row(number: int, basis: str = "", detail: str = "") -> str:
    return ",".join((*(person(number)[name] for name in HEADER.split(",")[:4]), basis, detail))


def workbook(browser: Browser) -> list[list[list[object]]]:
    """The sheets of the workbook of the open known-to sheet."""
    content = browser.get(browser.link("/lists/").partition("/cases/")[0] + "/known-to.xlsx").content
    with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
        return [book.get_sheet_by_index(at).to_python() for at in (0, 1)]


def ask(browser: Browser, *rows: str) -> None:
    plan(browser)
    upload(browser, "\n".join([HEADER, *rows, ""]))
    browser.post(browser.visited[-1] + "/send", **CONSENT)
    assert "Known-to sheet" in browser.page.text


@pytest.mark.parametrize("details", ["withheld", "unreadable"])
def test_why_nothing_is_said_of_a_contact_stands_on_the_grid_the_answer_and_the_workbook(
    officer: Browser, federation: Federation, monkeypatch: pytest.MonkeyPatch, details: str
) -> None:
    if details == "withheld":
        later = federation.clock()
        federation.consent("holder", "H00003", data_classes=("known_to",), captured_at=later)
    else:
        lie_about_lookups(monkeypatch, with_first(card=encode_base64(b"x" * 256)))
    ask(officer, row(3))
    assert GRID[details] in officer.page.text and "Last contact" not in officer.page.text
    assert "ot recorded" not in officer.page.text
    answers, _ = workbook(officer)
    assert answers[1][-2:] == ["Known", SHEET[details]]
    officer.get("/conferences/mdt-2026-12/known-to")
    officer.get(officer.link("/lists/"))
    assert WHY[details] in officer.page.text
    assert "Case there" not in officer.page.text


def test_the_workbook_says_by_when_it_is_to_be_destroyed(officer: Browser) -> None:
    ask(officer, row(3))
    assert "Destroy this sheet by 21 December 2026" in officer.page.text
    _, legend = workbook(officer)
    assert ["", "Destroy this sheet by 21 December 2026"] in legend


def test_cases_that_wait_for_approval_and_rows_that_cannot_be_asked_stand_on_page_and_workbook(
    officer: Browser,
) -> None:
    ask(officer, row(3), row(4, "public_task", "serious_harm;somebody;words"), "case-90,,ann,early,,")
    assert "Row 3, case-4" in officer.page.text and "Row 4, case-90" in officer.page.text
    answers, _ = workbook(officer)
    assert [line[0] for line in answers[1:]] == ["case-3", "case-4", "case-90"]
    assert [line[6] for line in answers[1:]] == [
        "", RULES["waits_for_approval"].sentence, RULES["no_birth_date"].sentence
    ]  # fmt: skip
    assert answers[2][7:] == answers[3][7:] == [""] * 3
