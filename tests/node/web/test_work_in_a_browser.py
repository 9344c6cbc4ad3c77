"""Work beside asking, in Chromium and without JavaScript; then every page of it looked over by axe-core."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.node.web.desk import PLACE, Desk, open_desk
from tests.pages.chromium import assert_good, needs_chromium
from tests.people import person

pytestmark = needs_chromium
# The holder knows case-7 and case-8 and has no consent for telling of them.
UNTOLD, UNTOLD_TOO = 7, 8
REASON = "Was seen hurt twice this week and would not talk to us."


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The asker's first person, who is officer, coordinator, responder and more."""
    with open_desk(tmp_path_factory.mktemp("work")) as desk:
        yield desk


def type_untold(desk: Desk, number: int = UNTOLD) -> None:
    """Look up somebody under a public task that nobody has approved."""
    row, page = person(number), desk.page
    page.goto(f"{desk.base}/look-up")
    year, month, day = row["dob"].split("-")
    desk.fill_day("dob", day, month, year)
    for name in ("forename", "surname", "case_ref"):
        page.fill(f"#{name}", row[name])
    page.get_by_label("Support for one person").check()
    page.get_by_label("A public task").check()
    page.select_option("#category", "serious_harm")
    desk.press("Check before asking")


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
