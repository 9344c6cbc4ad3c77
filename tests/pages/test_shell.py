"""The shell around the pages of a site that is nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from pages.account_pages import pages_of_accounts, pages_of_signing_in
from pages.application import create_app
from pages.forms import LARGEST_FIELDS_BYTES
from pages.help_pages import show_help
from pages.templating import Naming
from pages.visits import Arrival, Page, Place, Problem, Visit
from tests.federation import Clock
from tests.pages.browser import ADDRESS, Browser, set_up
from tests.pages.plain_accounts import PlainAccounts

ROLES = ("baker", "taster")
PLACE = Place(name="Mill Lane", kind="bakery", roster_command="bake staff", cookie="bakery")


class BurntError(Exception):
    """An error of the site."""


@dataclass(frozen=True, slots=True, repr=False)
class Bakery(Visit):
    """A visit with what a page works with, and the role it was opened in."""

    loaves: list[str]

    def act_as(self, role: str) -> None:
        """Note it."""
        self.loaves.append(role)


@dataclass
class BakerySite:
    """A site with its accounts in memory."""

    accounts: PlainAccounts
    clock: Clock
    place: Place = PLACE

    @contextmanager
    def visit(self, arrival: Arrival) -> Iterator[Bakery]:
        """A visit with a fresh tray."""
        yield Bakery(**arrival, accounts=self.accounts, loaves=[])

    def explain(self, error: Exception) -> Problem | None:
        """One error was foreseen."""
        return Problem(409, "Burnt", "bake again") if isinstance(error, BurntError) else None


def show_home(visit: Bakery) -> Response:
    return visit.show("home.html", loaves=visit.loaves)


def bake(visit: Bakery) -> Response:
    if visit.form.get("loaf") == "toast":
        raise BurntError
    if visit.form.get("loaf") == "stone":
        raise KeyError("what was typed")
    return visit.go("/")


PAGES: tuple[Page[Bakery], ...] = (
    *pages_of_signing_in(signed_in=ROLES),
    Page("GET", "/", show_home, ROLES, "Home"),
    Page("POST", "/bake", bake, ("taster", "baker")),
    *pages_of_accounts(keeping=("baker",), watching=("taster",)),
    Page("GET", "/help", show_help, None, "Help"),
)


@pytest.fixture
def site() -> BakerySite:
    people = {"a-first": ["baker"], "b-second": ["taster"]}
    return BakerySite(PlainAccounts({**people}), Clock())


@pytest.fixture
def app(site: BakerySite, tmp_path: Path) -> Any:
    (tmp_path / "home.html").write_text(
        '{% extends "page.html" %}{% block heading %}Bread{% endblock %}'
        "{% block body %}{{ loaves }} {{ word }}"
        '<form action="/bake" method="post"><input type="hidden" name="form_token" value="{{ form_token }}">'
        "</form>{% endblock %}"
    )
    (tmp_path / "help.html").write_text('{% extends "help_frame.html" %}')
    return create_app(site, PAGES, templates=tmp_path, naming=Naming(words={"word": "crumb"}))


@pytest.fixture
def baker(app: Any, site: BakerySite) -> Browser:
    browser = Browser(app)
    account = set_up(browser, site.accounts, "a-first", site.clock)
    browser.sign_in("a-first", account.code())
    return browser


def test_a_site_brings_its_name_its_words_and_its_pages(baker: Browser) -> None:
    assert "<title>Bread - Known To, Mill Lane</title>" in baker.page.text and "crumb" in baker.page.text
    assert "baker" in baker.page.text, "the page is told in which role it was opened"
    assert baker.page.text.count("<li>") == 3 and ">Accounts<" in baker.page.text
    assert baker.get("/sign-ins").status_code == 403 and "operator of this bakery" in baker.page.text
    assert "bake staff" in baker.get("/accounts").text
    assert "20 minutes" in baker.get("/help").text and "whoever runs this bakery" in baker.page.text


def test_an_error_of_the_site_is_told_in_its_words_and_a_foreign_one_by_its_class(baker: Browser) -> None:
    baker.post("/bake", loaf="toast")
    assert baker.page.status_code == 409 and "Bake again" in baker.page.text
    baker.get("/")
    baker.post("/bake", loaf="stone")
    assert baker.page.status_code == 500
    assert "KeyError" in baker.page.text and "what was typed" not in baker.page.text


def test_a_site_whose_pages_take_no_file_reads_none(baker: Browser) -> None:
    token = baker.hidden("/bake")
    sent = baker.http.post("/bake", data=token, files={"file": b"x"}, headers={"Origin": ADDRESS})
    assert sent.status_code == 400 and "Not understood" in sent.text
    body = token | {f"f{n}": "x" * 1000 for n in range(LARGEST_FIELDS_BYTES // 1000 + 1)}
    sent = baker.http.post("/bake", data=body, headers={"Origin": ADDRESS})
    assert sent.status_code == 413 and "the page asks for less" in sent.text
