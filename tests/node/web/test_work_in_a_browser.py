"""Work beside asking, in Chromium and without JavaScript; then every page of it looked over by axe-core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.node.flows.test_reviews import rescan
from tests.node.web.desk import PLACE, Desk, open_desk
from tests.node.web.test_journeys import COLUMNS
from tests.pages.chromium import assert_good, needs_chromium
from tests.people import people, person

pytestmark = needs_chromium
# The holder knows these cases and has no consent for telling of them.
UNTOLD, UNTOLD_TOO, UNTOLD_THREE = 7, 8, 9
ONE = {"local_id": "D-1", "dob": "1984-03-17", "forename": "amara", "surname": "lindqvist", "chain": "",
       "case_ref": "case-d"}  # fmt: skip
OTHER = ONE | {"local_id": "D-2", "surname": "lindkvist"}
REASON = "Was seen hurt twice this week and would not talk to us."


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The asker's first person, who is officer, coordinator, responder and more."""
    with open_desk(tmp_path_factory.mktemp("work")) as desk:
        yield desk


def type_person(desk: Desk, row: Mapping[str, str]) -> None:
    """Type one person's identifiers at the look-up, and what for."""
    page = desk.page
    page.goto(f"{desk.base}/look-up")
    year, month, day = row["dob"].split("-")
    desk.fill_day("dob", day, month, year)
    for name in ("forename", "surname", "case_ref"):
        page.fill(f"#{name}", row[name])
    page.get_by_label("Support for one person").check()


def type_untold(desk: Desk, number: int = UNTOLD) -> None:
    """Look up somebody under a public task that nobody has approved."""
    type_person(desk, person(number))
    desk.page.get_by_label("A public task").check()
    desk.page.select_option("#category", "serious_harm")
    desk.press("Check before asking")


def look_up(desk: Desk, row: Mapping[str, str]) -> str:
    """Look somebody up by their consent; the answer's word."""
    type_person(desk, row)
    desk.page.get_by_label("The person consented").check()
    desk.fill_day("captured", "1", "10", "2026")
    desk.page.get_by_label("In writing").check()
    desk.press("Check before asking")
    desk.press("Ask now")
    return desk.page.locator(".grid .tag").first.inner_text().partition(",")[0].strip()


def find(desk: Desk, reference: str) -> None:
    """Open the page of one of the agency's people."""
    desk.page.goto(f"{desk.base}/people")
    desk.see()
    desk.page.fill("#reference", reference)
    desk.press("Find")


def withdraw(desk: Desk, reference: str) -> None:
    """Record that one of the agency's people withdrew."""
    find(desk, reference)
    desk.page.get_by_label("They withdrew their consent").check()
    desk.press("Check before recording it")
    assert reference in desk.page.inner_text("main")
    desk.press("Record it")
    assert "Withdrawn" in desk.page.inner_text("main")


def follow(desk: Desk, name: str) -> str:
    """Follow the first link of a name, or of its beginning."""
    with desk.page.expect_navigation():
        desk.page.get_by_role("link", name=name).first.click()
    return desk.see()


def test_from_a_refused_question_to_an_override_its_approval_and_the_answer(desk: Desk) -> None:
    type_untold(desk)
    assert "1 waits for approval" in desk.page.inner_text("main")
    checking = desk.page.url
    assert follow(desk, "Ask for approval").endswith("Ask for approval")
    desk.page.fill("#reason", REASON)
    assert desk.press("Check before asking for it").endswith("Check before asking for approval")
    assert REASON in desk.page.inner_text("main")
    desk.press("Ask for approval")
    assert "Approval asked for by asker-staff" in desk.page.inner_text("main")
    reviewer = desk.colleague("asker-ig")
    reviewer.page.goto(desk.base)
    follow(reviewer, "1 override waits for your decision")
    follow(reviewer, "23 November 2026")
    assert REASON in reviewer.page.inner_text("main")
    reviewer.press("Record the decision")
    assert reviewer.page.title().startswith("Error: ")
    reviewer.page.get_by_label("Approve it").check()
    reviewer.press("Record the decision")
    assert "Approved by" in reviewer.page.inner_text("main")
    desk.page.goto(checking)
    desk.see()
    assert desk.press("Ask now").endswith("Known-to sheet")
    assert desk.page.locator(".grid .tag").first.inner_text().startswith("Known")
    desk.page.goto(f"{desk.base}/overrides")
    follow(desk, "23 November 2026")
    for one in (desk, reviewer):
        one.look_over_what_was_seen()


def test_the_forms_of_an_override_and_an_emergency_pass_axe_with_and_without_errors(desk: Desk) -> None:
    inspected = desk.with_scripts()
    type_untold(inspected, UNTOLD_TOO)
    page = inspected.page
    assert_good(page, place=PLACE)
    for link, button in (
        ("Nobody can wait", "Check before declaring"), ("Ask for approval", "Check before asking for it")
    ):  # fmt: skip
        follow(inspected, link)
        assert_good(page, place=PLACE)
        inspected.press(button)
        assert page.title().startswith("Error: ")
        assert_good(page, place=PLACE)
        page.fill("#reason", f"{REASON} {'x' * 120}")
        inspected.press(button)
        assert_good(page, place=PLACE)
        inspected.press("Change it")
        page.get_by_role("link", name="Back to the list").click()


def test_whoever_withdraws_is_not_told_of_at_the_next_look_up(desk: Desk) -> None:
    assert look_up(desk, person(3)) == "Known"
    responder = desk.colleague("holder-staff", agency="holder")
    withdraw(responder, "H00003")
    assert look_up(desk, person(3)) == "No shared match"
    responder.look_over_what_was_seen()


def test_a_pair_is_decided_and_undone_and_what_it_reached_stays(desk: Desk) -> None:
    federation = desk.federation
    federation.share("holder", [*people(20), ONE, OTHER, *people(40, first=100)])
    federation.consent("holder", "D-1", "D-2")
    assert look_up(desk, OTHER) == "Known"
    responder = desk.colleague("holder-staff", agency="holder")
    withdraw(responder, "D-1")
    page = responder.page
    page.goto(f"{responder.base}/duplicates")
    responder.see()
    follow(responder, "D-")
    page.get_by_label("The same person").check()
    page.fill("#reason", "Both files were looked at.")
    responder.press("Record the decision")
    assert page.get_by_text("has a withdrawal or an objection").count() == 2
    assert look_up(desk, OTHER) == "No shared match"
    page.fill("#reason", "By mistake.")
    responder.press("Undo the decision")
    assert "took back the decision and nothing else" in page.inner_text("main")
    page.goto(f"{responder.base}/duplicates")
    assert page.get_by_role("link", name="D-1").count() == 1
    page.get_by_role("link", name="D-1").click()
    responder.press("Record the decision")
    assert page.title().startswith("Error: ")
    responder.look_over_what_was_seen()


def test_the_pages_of_who_asked_the_review_queue_and_the_network_pass_axe(desk: Desk) -> None:
    type_untold(desk, UNTOLD_THREE)
    follow(desk, "Nobody can wait")
    desk.page.fill("#reason", REASON)
    desk.press("Check before declaring")
    desk.press("Declare the emergency")
    desk.press("Ask now")
    rescan(desk.federation)
    reviewer = desk.colleague("asker-ig")
    page = reviewer.page
    for path in ("/network", "/log", "/people", "/overrides", "/reviews?all=1", "/reviews"):
        page.goto(reviewer.base + path)
        reviewer.see()
    follow(reviewer, "An emergency was declared")
    page.get_by_label("Justified").check()
    page.fill("#note", "Rang the ward.")
    reviewer.press("Record the decision")
    assert "Rang the ward." in page.inner_text("main")
    reviewer.look_over_what_was_seen()
    holder = desk.colleague("holder-ig", agency="holder")
    holder.page.goto(f"{holder.base}/log")
    holder.see()
    assert "asker-staff" in holder.page.inner_text("main")
    holder.page.goto(f"{holder.base}/subject-access")
    holder.see()
    holder.look_over_what_was_seen()
    inspected = holder.with_scripts()
    page = inspected.page
    page.goto(f"{holder.base}/subject-access")
    inspected.press("Find who looked")
    assert_good(page, place="holder")
    page.fill("#reference", "H00009")
    inspected.press("Find who looked")
    assert_good(page, place="holder")
    inspected.press("Make the report")
    assert "asker-staff" not in page.inner_text("main") and page.locator("tbody tr").count() == 1
    assert_good(page, place="holder")


def test_the_consent_and_seal_forms_pass_axe_with_and_without_errors(desk: Desk) -> None:
    responder = desk.colleague("holder-staff", agency="holder").with_scripts()
    page = responder.page
    find(responder, "H00011")
    responder.press("Check before sealing")
    assert page.title().startswith("Error: ")
    assert_good(page, place="holder")
    page.select_option("#category", "court_order")
    responder.press("Check before sealing")
    assert_good(page, place="holder")
    follow(responder, "Leave it as it was")
    follow(responder, "Record a consent")
    responder.press("Check before recording it")
    assert page.title().startswith("Error: ") and page.locator(".summary li").count() == 8
    assert_good(page, place="holder")
    for label in ("Every agency of the agreements", "Support for one person", "and the team to ring",
                  "In writing", "They can decide this"):  # fmt: skip
        page.get_by_label(label).check()
    responder.fill_day("captured", "1", "10", "2026")
    page.fill("#notice", "3")
    page.select_option("#acted_by", "person")
    responder.press("Check before recording it")
    assert_good(page, place="holder")
    responder.press("Record the consent")
    assert "Given" in page.inner_text("main")
    assert_good(page, place="holder")


def test_pasting_naming_columns_and_carrying_over_pass_axe_with_and_without_errors(desk: Desk) -> None:
    inspected = desk.with_scripts()
    page = inspected.page
    for reference, day in (("mdt-2026-12", "1"), ("mdt-2026-13", "8")):
        page.goto(f"{desk.base}/conferences/new")
        page.fill("#conference", reference)
        inspected.fill_day("held_on", day, "12", "2026")
        inspected.press("Plan it")
    page.goto(f"{desk.base}/conferences/mdt-2026-12")
    assert_good(page, place=PLACE)
    follow(inspected, "Paste cases")
    inspected.press("Check them")
    assert page.title().startswith("Error: ")
    assert_good(page, place=PLACE)
    rows = ["\t".join(person(number)[name] for name in COLUMNS) for number in (3, 4)]
    page.fill("#rows", "\n".join(["Fall\tGeb.\tVor\tNach", *rows]))
    assert inspected.press("Check them").endswith("Which column is which?")
    assert_good(page, place=PLACE)
    inspected.press("Read the list so")
    assert page.title().startswith("Error: ")
    assert_good(page, place=PLACE)
    for name, column in zip(("case_ref", "dob", "forename", "surname"), "0123", strict=True):
        page.select_option(f"#{name}", column)
    inspected.press("Read the list so")
    assert "2 cases can be asked about" in page.inner_text("main")
    assert_good(page, place=PLACE)
    page.goto(f"{desk.base}/conferences/mdt-2026-13")
    follow(inspected, "Carry cases over")
    inspected.press("Carry them over")
    assert page.title().startswith("Error: ")
    assert_good(page, place=PLACE)
    page.get_by_label("case-3").check()
    inspected.press("Carry them over")
    assert "1 case can be asked about" in page.inner_text("main")
