"""A browser without JavaScript: follows redirects and forms as people do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx2
import pyotp
from starlette.testclient import TestClient

from pages.accounts import AccountStore, make_link, open_link
from tests.federation import Clock

ADDRESS = "http://127.0.0.1:8410"
PASSWORD = "three plain words"


@dataclass
class Forms(HTMLParser):
    """The forms of a page: action, and the hidden fields."""

    found: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form or a hidden field of the one that is open."""
        given = dict(attrs)
        if tag == "form":
            self.found.append((given.get("action") or "", {}))
        if tag == "input" and given.get("type") == "hidden" and self.found:
            self.found[-1][1][given["name"] or ""] = given.get("value") or ""


class Browser:
    """One browser at one site's pages."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.http = TestClient(app, base_url=ADDRESS, follow_redirects=False, raise_server_exceptions=True)
        self.page: httpx2.Response
        self.visited: list[str] = []

    def get(self, path: str) -> httpx2.Response:
        """Open a page, and where it leads."""
        self.page = self._followed(self.http.get(path))
        return self.page

    def post(self, action: str, *, files: Any = None, **fields: str) -> httpx2.Response:
        """Send the form of the open page that has this action, and follow where it leads."""
        data = self.hidden(action) | {name.replace("__", "-"): value for name, value in fields.items()}
        self.visited.append(action)
        self.page = self._followed(
            self.http.post(action, data=data, files=files, headers={"Origin": ADDRESS})
        )
        return self.page

    def hidden(self, action: str) -> dict[str, str]:
        """The hidden fields of the open page's form with this action."""
        forms = Forms()
        forms.feed(self.page.text)
        found = [hidden for of, hidden in forms.found if of == action or (not of and action)]
        assert found, f"the page has no form for {re.sub('[0-9a-f]{32}', 'ID', action)}"
        return found[0]

    def sign_in(self, staff: str, code: str, *, password: str = PASSWORD) -> httpx2.Response:
        """Sign in over the form."""
        self.get("/sign-in")
        return self.post("/sign-in", staff=staff, password=password, code=code)

    def link(self, starts: str) -> str:
        """The first link of the open page that starts so."""
        found = re.search(rf'href="({re.escape(starts)}[^"]*)"', self.page.text)
        assert found, f"no link to {starts}"
        return found[1]

    def _followed(self, response: httpx2.Response) -> httpx2.Response:
        while response.is_redirect:
            assert response.status_code == 303
            self.visited.append(response.headers["location"])
            response = self.http.get(response.headers["location"])
        return response


@dataclass
class Account:
    """A person with a phone."""

    staff: str
    code_key: str
    clock: Clock

    def code(self) -> str:
        """The next code: each counts once."""
        self.clock.advance(seconds=30)
        return pyotp.TOTP(self.code_key).at(self.clock())


def set_up(browser: Browser, accounts: AccountStore, staff: str, clock: Clock) -> Account:
    """Set an account up over its page."""
    secret = make_link(accounts, staff, at=clock(), by="somebody")
    link = open_link(accounts, secret, at=clock())
    assert link is not None
    account = Account(staff, link.code_key, clock)
    browser.get(f"/set-up/{secret}")
    code = account.code()
    assert "Sign in" in browser.post(f"/set-up/{secret}", password=PASSWORD, again=PASSWORD, code=code).text
    return account
