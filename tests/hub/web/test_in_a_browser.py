"""The hub's pages in Chromium: every page of every role, looked over by axe-core."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from hub.web.application import create_app
from hub.web.routes import PAGES
from pages.accounts import make_link
from tests.federation import Federation, serving
from tests.hub.web.conftest import PEOPLE, PLACE, accounts_of
from tests.hub.web.happenings import let_things_happen
from tests.pages.chromium import launch, look_over, needs_chromium, sign_in

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


# What stands for the parameters of pages that have some.
PARTS = {"agreement": "sharing", "index": "1"}


def addresses(role: str) -> list[str]:
    """Every page that somebody in this role may open."""
    return [
        re.sub(r"\{(\w+)(?::int)?\}", lambda part: PARTS[part[1]], page.path)
        for page in PAGES
        if page.method == "GET" and not page.path.endswith(".csv") and page.roles and role in page.roles
    ]


@pytest.mark.parametrize("role", PEOPLE.values())
def test_every_page_passes_axe_and_stays_on_this_machine(desk: Desk, role: str) -> None:
    context = desk.chromium.new_context(storage_state=desk.people[role].storage_state())
    titles = [look_over(context, desk.base + path, base=desk.base, place=PLACE) for path in addresses(role)]
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
