"""Chromium: how it is started, and what every page is held to in it.

Tests are skipped where there is no Chromium (Debian's `chromium`, or the program that KNOWNTO_CHROMIUM
names), except in continuous integration, which installs one.
"""

from __future__ import annotations

import os
import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from pages.accounts import AccountStore, make_link, open_link
from tests.federation import Clock
from tests.pages.browser import PASSWORD, Account

CHROMIUM = os.environ.get("KNOWNTO_CHROMIUM") or shutil.which("chromium") or ""
needs_chromium = pytest.mark.skipif(
    not CHROMIUM and not os.environ.get("CI"), reason="there is no Chromium on this machine"
)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip


def launch(playwright: Playwright) -> Browser:
    """A browser that sends nothing home."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


def sign_in(accounts: AccountStore, clock: Clock, base: str, page: Page, staff: str) -> Account:
    """Set an account up and sign in with it, by hand."""
    secret = make_link(accounts, staff, at=clock(), by="somebody")
    link = open_link(accounts, secret, at=clock())
    assert link is not None
    account = Account(staff, link.code_key, clock)
    page.goto(f"{base}/set-up/{secret}")
    for name in ("#password", "#again"):
        page.fill(name, PASSWORD)
    page.fill("#code", account.code())
    page.get_by_role("button", name="Set up the account").click()
    page.fill("#staff", staff)
    page.fill("#password", PASSWORD)
    page.fill("#code", account.code())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("text=Sign out")
    return account


def look_over(context: BrowserContext, address: str, *, base: str, place: str) -> str:
    """Open a page with scripts permitted, so that axe runs and anything that would run is seen; its title."""
    page = context.new_page()
    said: list[str] = []
    requested: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(error.name or "error"))
    page.on("request", lambda request: requested.append(request.url))
    answer = page.goto(address)
    assert answer is not None
    if answer.status == 200:
        assert not said, address
    assert all(url.startswith(base) for url in requested), address
    assert_good(page, place=place)
    title = page.title()
    page.close()
    return title


def assert_good(page: Page, *, place: str) -> None:
    """No violation of axe-core's rules, one heading, a title, and no sideways scrolling at 320 pixels."""
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 800})
        found = Axe().run(page).response["violations"]
        assert not found, [(page.url, rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (page.url, width)
    assert page.locator("h1").count() == 1
    assert page.title().endswith(f" - Known To, {place}")
