"""Who gets in at the hub: the roles of each page, and nobody else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hub.staff import HUB_ROLES, add_roles, remove_roles
from hub.web.application import create_app
from hub.web.routes import PAGES
from keys.actors import Role
from pages.headers import HEADERS
from pages.visits import Page
from tests.federation import Federation
from tests.hub.web.conftest import accounts_of, signed_in
from tests.pages.browser import ADDRESS, Browser, set_up

PARTS = {"secret": "x", "item": "0" * 32, "agreement": "sharing", "rule": "mcn", "index": "1"}
ALL = {"ig", "analyst", "operator"}
# A second list of who may open what, written down apart from the table it is held against.
WHO_MAY = {
    "/": ALL, "/sign-out": ALL, "/agencies": ALL, "/agreements/{agreement}": ALL, "/log": {"ig"},
    "/log.csv": {"ig"}, "/log/{index:int}": {"ig"}, "/verification": {"ig", "operator"},
    "/linking": ALL, "/model": ALL, "/cohorts": ALL, "/cohorts/{rule}": ALL,
    "/reviews": {"ig"}, "/reviews/{item}": {"ig"},
    "/accounts": {"operator"}, "/sign-ins": {"ig", "operator"},
}  # fmt: skip


def address(page: Page[Any]) -> str:
    return re.sub(r"\{(\w+)(?::int)?\}", lambda part: PARTS[part[1]], page.path)


@pytest.mark.parametrize("role", HUB_ROLES)
def test_each_role_opens_its_pages_and_no_other(person_of: dict[str, Browser], role: Role) -> None:
    browser = person_of[role]
    for page in PAGES:
        if page.path in ("/sign-out", "/sign-in", "/set-up/{secret}"):
            continue
        browser.get("/help")
        if page.method == "GET":
            status = browser.http.get(address(page)).status_code
        else:
            token = browser.hidden("/sign-out")
            status = browser.http.post(address(page), data=token, headers={"Origin": ADDRESS}).status_code
        permitted = page.roles is None or role in WHO_MAY[page.path]
        assert (status != 403) == permitted, f"{role} {page.method} {page.path}"
        assert status in (200, 303, 403, 404, 409, 422), f"{role} {page.method} {page.path}: {status}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.method} {page.path}")
def test_nobody_who_is_not_signed_in_gets_further_than_signing_in(shared_app: Any, page: Page[Any]) -> None:
    http = Browser(shared_app).http
    sent = http.request(page.method, address(page), data={"x": "y"} if page.method == "POST" else None)
    if page.roles is None:
        assert sent.status_code in (200, 403, 404)
    else:
        assert sent.status_code == 303 and sent.headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("page", [p for p in PAGES if p.method == "POST"], ids=lambda page: page.path)
@pytest.mark.parametrize("defect", ["without a token", "from another site"])
def test_a_form_that_is_not_ours_is_refused(
    person_of: dict[str, Browser], page: Page[Any], defect: str
) -> None:
    browser = person_of["operator"]
    browser.get("/help")
    token = browser.hidden("/sign-out") if defect == "from another site" else {"x": "y"}
    origin = "https://elsewhere.test" if defect == "from another site" else ADDRESS
    sent = browser.http.post(address(page), data=token, headers={"Origin": origin})
    assert sent.status_code == 403 and "This form cannot be used" in sent.text
    assert "Sign out" in browser.get("/help").text


def test_every_answer_says_what_the_browser_must_not_do(shared_app: Any) -> None:
    for path in ("/sign-in", "/", "/nothing", "/static/knownto.css"):
        answer = Browser(shared_app).http.get(path)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_an_account_of_the_hub_is_none_of_a_node(federation: Federation, app: Any) -> None:
    operator = signed_in(federation, app, "h-operator")
    assert list(operator.http.cookies) == ["knownto-hub-county"]
    operator.get("/accounts")
    assert "h-analyst" in operator.page.text and "asker-staff" not in operator.page.text
    operator.post("/accounts", **{"for": "asker-staff"})
    assert operator.page.status_code == 422 and "nobody of this staff id" in operator.page.text


def test_a_stolen_database_holds_no_password_no_key_and_nothing_that_was_typed(
    federation: Federation, app: Any
) -> None:
    browser, typed = Browser(app), "my-password-by-mistake"
    account = set_up(browser, accounts_of(federation.hub), "h-ig", federation.clock)
    browser.sign_in("h-ig", account.code())
    Browser(app).sign_in(typed, "000000")
    stolen = b"".join(path.read_bytes() for path in federation.settings.home.glob("hub.sqlite3*"))
    assert b"h-ig" in stolen
    for secret in ("$argon2", account.code_key, typed):
        assert secret.encode() not in stolen


def test_a_role_that_is_taken_is_gone_with_the_next_request(federation: Federation, app: Any) -> None:
    analyst = signed_in(federation, app, "h-analyst")
    assert analyst.get("/").status_code == 200
    with federation.hub.database.writing() as session:
        remove_roles(session, "h-analyst", by="h-operator", at=federation.clock())
    assert analyst.get("/").status_code == 403


def test_the_pages_take_no_file_and_no_field_of_a_person(
    shared_app: Any, person_of: dict[str, Browser]
) -> None:
    """No form of any page has a box for a date of birth, a name or a number of a person, or for a file."""
    boxes: set[str] = set()
    for browser in person_of.values():
        for page in PAGES:
            if page.method == "GET" and page.path != "/set-up/{secret}":
                boxes |= set(re.findall(r'name="([^"]*)"', browser.http.get(address(page)).text))
    signed_out = Browser(shared_app).get("/sign-in").text
    boxes |= set(re.findall(r'name="([^"]*)"', signed_out))
    assert boxes <= {
        "form_token", "viewport", "theme-color", "for", "staff", "password", "code",
        "subject", "outcome", "agency", "purpose", "conference", "seen", "note",
        *(f"{day}-{part}" for day in ("since", "until") for part in ("day", "month", "year")),
    }  # fmt: skip


def test_a_database_of_another_layout_is_refused_before_anything_is_served(federation: Federation) -> None:
    from sqlalchemy import text

    from hub.errors import DatabaseOutdatedError

    with federation.hub.database.connect_writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0011'"))
    with pytest.raises(DatabaseOutdatedError):
        create_app(federation.hub)


@pytest.mark.parametrize("roles", [["ig", "operator"], ["ig", "analyst"]], ids=" and ".join)
def test_whoever_reviews_does_nothing_else(federation: Federation, roles: list[str]) -> None:
    from hub.errors import PolicyError

    with pytest.raises(PolicyError), federation.hub.database.writing() as session:
        add_roles(session, "h-new", roles, by="h-operator", at=federation.clock())
