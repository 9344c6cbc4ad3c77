"""Somebody's desk: Chromium at the asker's pages, over a socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from node.web.application import create_app
from tests.federation import Federation, serving
from tests.node.web.conftest import accounts_of, partnership
from tests.pages.browser import Account
from tests.pages.chromium import launch, look_over, sign_in

PLACE = "asker"


@dataclass
class Desk:
    """Somebody's browser at the pages of their agency.

    Attributes:
        bases: Where the pages of each agency are.
        agency: Theirs.
        screens: Headings of the pages seen since signing in.
        addresses: Every page they came to, in order.
    """

    federation: Federation
    bases: Mapping[str, str]
    chromium: Browser
    context: BrowserContext
    page: Page
    account: Account
    agency: str = PLACE
    screens: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        """Where the pages of their agency are."""
        return self.bases[self.agency]

    def see(self) -> str:
        """Note the page that is open."""
        heading = self.page.locator("h1").inner_text().replace("\n", ": ")
        self.screens.append(heading)
        self.addresses.append(self.page.url)
        return heading

    def press(self, name: str) -> str:
        """Press a button and see where it leads."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()
        return self.see()

    def fill_day(self, name: str, day: str, month: str, year: str) -> None:
        """Fill three boxes."""
        for part, text in ((name, day), (f"{name}-month", month), (f"{name}-year", year)):
            self.page.fill(f"#{part}", text)

    def with_scripts(self) -> Desk:
        """The same person in a browser in which axe-core can run."""
        context = self.chromium.new_context(storage_state=self.context.storage_state())
        return replace(self, context=context, page=context.new_page(), screens=[], addresses=[])

    def colleague(self, staff: str, *, agency: str = PLACE) -> Desk:
        """Somebody else, of the agency or of another one, signed in at a browser of their own."""
        return _sign_in(self.federation, self.bases, self.chromium, staff, agency)

    def look_over_what_was_seen(self) -> None:
        """Every page this desk came to, by axe-core and all that `look_over` asks."""
        context = self.chromium.new_context(storage_state=self.context.storage_state())
        for address in dict.fromkeys(self.addresses):
            look_over(context, address, base=self.base, place=self.agency)
        context.close()


@contextmanager
def open_desk(root: Path) -> Iterator[Desk]:
    """The asker's first person signed in, in a browser that runs no script."""
    with (
        partnership(root) as federation,
        _served(federation, "asker") as asker,
        _served(federation, "holder") as holder,
        sync_playwright() as playwright,
    ):
        chromium = launch(playwright)
        yield _sign_in(federation, {"asker": asker, "holder": holder}, chromium, "asker-staff", PLACE)
        chromium.close()


@contextmanager
def _served(federation: Federation, agency: str) -> Iterator[str]:
    """The pages of an agency; yields where they are."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        serving(create_app(federation.nodes[agency]), listener),
    ):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _sign_in(
    federation: Federation, bases: Mapping[str, str], chromium: Browser, staff: str, agency: str
) -> Desk:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    account = sign_in(accounts_of(federation, agency), federation.clock, bases[agency], page, staff)
    return Desk(federation, bases, chromium, context, page, account, agency)
