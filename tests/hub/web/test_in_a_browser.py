"""The hub's pages in Chromium: every page of every role, looked over by axe-core."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from hub.reviews import list_items
from hub.web.application import create_app
from hub.web.routes import PAGES
from pages.accounts import make_link
from tests.federation import Federation, serving
from tests.hub.web.conftest import PEOPLE, PLACE, accounts_of
from tests.hub.web.happenings import let_things_happen
from tests.pages.chromium import assert_good, launch, look_over, needs_chromium, sign_in

pytestmark = needs_chromium


@dataclass
class Desk:
    """The hub's pages on a socket, and a browser for each person; they run no script until looked over."""

    federation: Federation
    base: str
    chromium: Browser
    people: dict[str, BrowserContext]


@pytest.fixture(scope="module")
def desk(shared: Federation) -> Iterator[Desk]:
    """Everybody signed in, and something of everything to see."""
    let_things_happen(shared)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        serving(create_app(shared.hub), listener),
        sync_playwright() as playwright,
    ):
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        chromium = launch(playwright)
        people = {}
        for staff, role in PEOPLE.items():
            people[role] = chromium.new_context(java_script_enabled=False)
            accounts = accounts_of(shared.hub)
            sign_in(accounts, shared.clock, base, people[role].new_page(), staff)
        yield Desk(shared, base, chromium, people)
        chromium.close()


def addresses(desk: Desk, role: str) -> list[str]:
    """Every page that somebody in this role may open."""
    with desk.federation.hub.database.reading() as session:
        item = list_items(session, None, open_only=False)[0].item
    parts = {"agreement": "sharing", "index": "1", "item": item, "rule": "mcn"}
    return [
        re.sub(r"\{(\w+)(?::int)?\}", lambda part: parts[part[1]], page.path)
        for page in PAGES
        if page.method == "GET" and not page.path.endswith(".csv") and page.roles and role in page.roles
    ]


@pytest.mark.parametrize("role", PEOPLE.values())
def test_every_page_passes_axe_and_stays_on_this_machine(desk: Desk, role: str) -> None:
    context = desk.chromium.new_context(storage_state=desk.people[role].storage_state())
    theirs = [desk.base + path for path in addresses(desk, role)]
    titles = [look_over(context, address, base=desk.base, place=PLACE) for address in theirs]
    assert len(titles) == len({*titles}) > 0
    not_theirs = f"{desk.base}{'/log' if role == 'operator' else '/accounts'}"  # The refusal is a page too.
    assert "not for your role" in look_over(context, not_theirs, base=desk.base, place=PLACE)
    context.close()


def test_what_somebody_sees_who_is_not_signed_in_passes_too(desk: Desk) -> None:
    context = desk.chromium.new_context()
    accounts, at = accounts_of(desk.federation.hub), desk.federation.clock()
    secret = make_link(accounts, "h-ig", at=at, by="h-operator")
    for path in ("/sign-in", f"/set-up/{secret}", "/help", "/nothing-here"):
        look_over(context, desk.base + path, base=desk.base, place=PLACE)
    context.close()


def test_an_item_is_found_and_decided_without_javascript(desk: Desk) -> None:
    page = desk.people["ig"].new_page()
    page.goto(f"{desk.base}/")
    page.get_by_role("link", name="items in the review queue").click()
    page.get_by_role("link", name="One person was asked about again and again").first.click()
    page.get_by_role("button", name="Keep this decision").click()
    assert page.title().startswith("Error: ")
    page.locator(".summary:focus").wait_for()
    page.locator(".summary").get_by_role("link", name="Write why").click()
    assert page.url.endswith("#note")
    page.get_by_label("Justified").check()
    page.fill("#note", "The case came back to the conference")
    page.get_by_role("button", name="Keep this decision").click()
    assert "The case came back" in page.inner_text("main") and "Decide again" in page.inner_text("main")
    page.get_by_role("link", name="Back to the queue").click()
    page.get_by_role("link", name="Everything, decided items too").click()
    assert "Justified" in page.inner_text("main")
    page.close()


def test_a_search_and_its_file_without_javascript(desk: Desk) -> None:
    page = desk.people["ig"].new_page()
    page.goto(f"{desk.base}/log")
    page.locator("summary").click()
    page.select_option("#outcome", "known")
    page.fill("#conference", "mdt-1")
    page.get_by_role("button", name="Search").click()
    assert page.locator("main tbody tr").count() == 1
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all of this search").click()
    assert download.value.suggested_filename == "access-log-2026-11-23.csv"
    page.locator("main tbody a").click()
    assert page.locator("h1").inner_text().endswith("Entry " + page.url.rsplit("/", 1)[1])
    page.close()


def test_pages_with_errors_and_results_pass_axe(desk: Desk) -> None:
    context = desk.chromium.new_context(storage_state=desk.people["ig"].storage_state())
    page = context.new_page()
    for path in (
        "/log?subject=lookup&since-day=x",
        "/log?subject=everything&staff=nobody",
        "/reviews?show=all",
    ):
        page.goto(desk.base + path)
        assert_good(page, place=PLACE)
    page.goto(f"{desk.base}/verification")
    page.get_by_role("button", name="Verify the whole log now").click()
    assert "The log verifies" in page.inner_text("main")
    assert_good(page, place=PLACE)
    context.close()
