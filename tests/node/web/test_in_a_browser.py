"""The pages in Chromium: the journey without JavaScript, then every page looked over by axe-core."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.answers import AnswerWord
from node.case_lists import begin_list, new_list
from node.conferences import plan_conference
from node.lookups import Asking, CaseResult, LookupResult, coverage_of
from node.results import keep_result
from pages.accounts import make_link
from tests.federation import Federation, case_of, consent_basis
from tests.node.web.conftest import accounts_of
from tests.node.web.desk import PLACE, Desk, open_desk
from tests.node.web.test_journeys import COLUMNS
from tests.pages.chromium import assert_good, look_over, needs_chromium, sign_in
from tests.people import person

pytestmark = needs_chromium
# Twelve rows, of which three have no date of birth.
ROWS = [",".join(person(number)[name] for name in COLUMNS) for number in (3, 4, 11, 19, 30, 31, 32, 33, 34)]
TWELVE = "\n".join([",".join(COLUMNS), *ROWS, "case-90,,ann,a", "case-91,,ben,b", "case-92,,cas,c"])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The asker's first person signed in, in a browser that runs no script."""
    with open_desk(tmp_path_factory.mktemp("browser")) as desk:
        yield desk


def test_twelve_rows_become_a_printed_sheet_in_three_screens_without_javascript(
    desk: Desk, tmp_path: Path
) -> None:
    page = desk.page
    page.goto(f"{desk.base}/conferences/new")
    page.fill("#conference", "mdt-2026-12")
    desk.fill_day("held_on", "1", "12", "2026")
    desk.press("Plan it")
    desk.screens.clear()
    page.goto(desk.base)
    desk.see()
    page.set_input_files("#file", {"name": "l.csv", "mimeType": "text/csv", "buffer": TWELVE.encode()})
    desk.press("Upload and check")
    assert "3 rows need a date of birth" in page.inner_text("main")
    page.get_by_label("The person consented").check()
    desk.fill_day("captured", "1", "10", "2026")
    page.get_by_label("In writing").check()
    assert desk.press("Ask now").endswith("Known-to sheet")
    assert len(desk.screens) == 3
    assert page.locator(".grid tbody tr").count() == 9
    words = page.locator(".grid .tag").all_text_contents()
    assert words[:2] == ["Known, Holder service, case-3", "Known, Holder service, case-4"]
    printed = tmp_path / "sheet.pdf"
    page.pdf(path=printed, prefer_css_page_size=True)
    assert re.search(rb"/MediaBox \[0 0 84[12][.\d]* 59[456]", printed.read_bytes()), "A4, sideways"
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as a workbook").click()
    assert download.value.suggested_filename == "known-to-mdt-2026-12.xlsx"
    page.locator(".grid a").first.click()
    assert "Holder service: Known" in desk.see()


def test_a_mistake_is_said_on_top_and_at_its_field(desk: Desk) -> None:
    desk.page.goto(f"{desk.base}/look-up")
    desk.press("Check before asking")
    assert desk.page.title().startswith("Error: ")
    summary = desk.page.locator(".summary")
    assert desk.page.evaluate("document.activeElement === document.querySelector('.summary')"), "has focus"
    summary.get_by_role("link", name="Select what you ask for").click()
    assert desk.page.url.endswith("#purpose")


LOOKED_OVER = (
    "/", "/look-up", "/conferences/new", "/conferences/mdt-2026-12", "/conferences/mdt-2026-12/known-to",
    "/accounts", "/sign-ins", "/help", "/nothing-here",
)  # fmt: skip


def test_every_page_passes_axe_and_stays_on_this_machine(desk: Desk) -> None:
    signed_in = desk.chromium.new_context(storage_state=desk.context.storage_state())
    signed_out = desk.chromium.new_context()
    addresses = dict.fromkeys([*(desk.base + path for path in LOOKED_OVER), *desk.addresses])
    # A list that was sent goes on to its answers.
    pages = [address for address in addresses if f"{address}/known-to" not in desk.addresses]
    titles = [look_over(signed_in, address, base=desk.base, place=PLACE) for address in pages]
    assert len(titles) == len({*titles}) > 0
    secret = make_link(accounts_of(desk.federation), "asker-ig", at=desk.federation.clock(), by="asker-staff")
    for path in ("/sign-in", "/sign-in?ended=1", f"/set-up/{secret}", "/help"):
        look_over(signed_out, desk.base + path, base=desk.base, place=PLACE)
    reviewer = desk.chromium.new_context()
    sign_in(accounts_of(desk.federation), desk.federation.clock, desk.base, reviewer.new_page(), "asker-ig")
    for path in ("/", "/sign-ins", "/accounts"):  # The last is not for this role: the refusal is a page too.
        look_over(reviewer, desk.base + path, base=desk.base, place=PLACE)
    for context in (signed_in, signed_out, reviewer):
        context.close()


AGENCIES = (
    "CGL drugs and alcohol", "HPFT mental health", "Probation", "Supported housing", "Outreach", "Police",
    "Adult social care", "Children's services", "Watford housing", "Dacorum housing",
    "Stevenage housing", "Mill Lane Surgery", "Park Street Practice", "VCSE family support",
)  # fmt: skip


def keep_large_sheet(federation: Federation) -> str:
    """A conference's list of 15 cases with answers of 14 agencies; returns its address."""
    node, at = federation.nodes["asker"], federation.clock()
    known = federation.ask("asker", person(3)).cases[0].answers[0]
    answers = tuple(
        replace(known, agency=f"agency-{number:02}", name=name, word=list(AnswerWord)[number % 2])
        for number, name in enumerate(AGENCIES)
    )
    cases = tuple(CaseResult(f"case-{number}", number + 2, answers) for number in range(15))
    result = LookupResult(secrets.token_hex(16), 1, at, cases, coverage_of(cases))
    rows = [{name: person(number)[name] for name in COLUMNS} for number in range(15)]
    asked = [(case_of(row, number), consent_basis()) for number, row in enumerate(rows, start=2)]
    asking = Asking("asker-staff", "coordinator", "case_conference", conference="mdt-large")
    keep_result(node.store, result, asked, asking, at=at, days=28)
    plan_conference(node.store, "mdt-large", at.date(), by="asker-staff", today=at.date())
    made = new_list("case_conference", by="asker-staff", at=at, conference="mdt-large", typed=tuple(rows))
    begin_list(node.store, replace(made, request=result.request), days=28)
    return "/conferences/mdt-large/known-to"


def test_fifteen_cases_by_fourteen_agencies_scroll_in_their_own_frame_and_come_quickly(desk: Desk) -> None:
    address = desk.base + keep_large_sheet(desk.federation)
    context = desk.chromium.new_context(storage_state=desk.context.storage_state())
    look_over(context, address, base=desk.base, place=PLACE)
    page, seconds = context.new_page(), []
    for _ in range(5):
        started = time.perf_counter()
        page.goto(address)
        seconds.append(time.perf_counter() - started)
    assert page.locator(".grid .tag").count() == 15 * 14
    assert min(seconds) < 0.5
    context.close()


def test_a_typed_list_and_forms_with_errors_pass_axe(desk: Desk) -> None:
    context = desk.chromium.new_context(storage_state=desk.context.storage_state())
    page = context.new_page()
    page.goto(f"{desk.base}/conferences/mdt-2026-12")
    page.get_by_role("button", name="Type cases instead").click()
    page.get_by_role("button", name="Add and check the list").click()
    assert_good(page, place=PLACE)
    page.fill("#case_ref", "case-3")
    year, month, day = person(3)["dob"].split("-")
    for box, text in (("dob", day), ("dob-month", month), ("dob-year", year)):
        page.fill(f"#{box}", text)
    page.fill("#forename", "ann")
    page.fill("#surname", "smith")
    page.get_by_role("button", name="Add and check the list").click()
    assert_good(page, place=PLACE)
    page.get_by_role("button", name="Ask now").click()
    assert_good(page, place=PLACE)
    context.close()
