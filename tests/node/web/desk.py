"""Somebody's desk: Chromium at the asker's pages, over a socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
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
    """Somebody's browser at the asker's pages.

    Attributes:
        screens: Headings of the pages seen since signing in.
        addresses: Every page they came to, in order.
    """

    federation: Federation
    base: str
    chromium: Browser
    context: BrowserContext
    page: Page
    account: Account
    screens: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

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

    def colleague(self, staff: str) -> Desk:
        """Somebody else of the agency, signed in at a browser of their own."""
        context = self.chromium.new_context(java_script_enabled=False)
        page = context.new_page()
        accounts, clock = accounts_of(self.federation), self.federation.clock
        account = sign_in(accounts, clock, self.base, page, staff)
        return Desk(self.federation, self.base, self.chromium, context, page, account)

    def look_over_what_was_seen(self) -> None:
        """Every page this desk came to, and that each has a title of its own."""
        context = self.chromium.new_context(storage_state=self.context.storage_state())
        seen = dict.fromkeys(self.addresses)
        for address in seen:
            look_over(context, address, base=self.base, place=PLACE)
        context.close()


@contextmanager
def open_desk(root: Path) -> Iterator[Desk]:
    """The asker's first person signed in, in a browser that runs no script."""
    with (
        partnership(root) as federation,
        socket.create_server(("127.0.0.1", 0)) as listener,
        serving(create_app(federation.nodes["asker"]), listener),
        sync_playwright() as playwright,
    ):
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        chromium = launch(playwright)
        context = chromium.new_context(java_script_enabled=False)
        page = context.new_page()
        account = sign_in(accounts_of(federation), federation.clock, base, page, "asker-staff")
        yield Desk(federation, base, chromium, context, page, account)
        chromium.close()
