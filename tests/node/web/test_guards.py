"""Who gets in: roles, forms, sessions, lock-out; and what every answer says to the browser."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any

import pytest

from keys.actors import Role
from node.staff import PERSONAL_ROLES, add_roles, remove_roles
from node.web.application import create_app
from node.web.routes import PAGES
from pages.accounts import make_link, open_link
from pages.headers import HEADERS
from pages.sessions import ABSOLUTE_LIMIT, IDLE_LIMIT
from pages.sign_ins import LOCKED_FOR, MOST_TRIES, SignInEvent
from pages.visits import Page
from tests.federation import Federation
from tests.node.web.conftest import accounts_of, signed_in
from tests.node.web.test_journeys import CONSENT, plan, type_case, upload
from tests.pages.browser import ADDRESS, PASSWORD, Browser, set_up
from tests.people import person

PARTS = {
    "conference": "mdt-1",
    "list": "0" * 32,
    "agency": "holder",
    "row": "2",
    "number": "0",
    "secret": "x",
    "override": "0" * 32,
    "person": "0" * 32,
    "pair": "0" * 16,
    "item": "0" * 32,
}
ASKING = {"officer", "coordinator"}
# A second list of who may open what, written down apart from the table it is held against.
WHO_MAY = {
    "/": set(PERSONAL_ROLES), "/sign-out": set(PERSONAL_ROLES), "/accounts": {"operator"},
    "/sign-ins": {"ig", "operator"},
    "GET /overrides": ASKING | {"ig"}, "GET /overrides/{override}": ASKING | {"ig"},
    "POST /overrides/{override}": {"coordinator", "ig"},
    "/people": {"responder", "ig"}, "/people/{person}": {"responder", "ig"},
    "/people/{person}/consent": {"responder"}, "/people/{person}/no": {"responder"},
    "/people/{person}/seal": {"responder"},
    "/duplicates": {"responder"}, "/duplicates/{pair}": {"responder"},
    "/log": {"responder", "ig"}, "/network": set(PERSONAL_ROLES),
    "/subject-access": {"ig"}, "/reviews": {"ig"}, "/reviews/{item}": {"ig"},
}  # fmt: skip


def address(page: Page[Any]) -> str:
    return re.sub(r"\{(\w+)(?::int)?\}", lambda part: PARTS[part[1]], page.path)


def may(role: str, page: Page[Any]) -> bool:
    return page.roles is None or role in (
        WHO_MAY.get(f"{page.method} {page.path}") or WHO_MAY.get(page.path, ASKING)
    )


@pytest.fixture(scope="module")
def person_of(shared: Federation, shared_app: Any) -> dict[str, Browser]:
    """Somebody in each role, and that alone, signed in."""
    store, people = shared.nodes["asker"].store, {}
    for role in PERSONAL_ROLES:
        add_roles(store, f"only-{role}", [role], by="asker-staff", at=shared.clock())
        people[str(role)] = signed_in(shared, shared_app, f"only-{role}")
    return people


@pytest.mark.parametrize("role", PERSONAL_ROLES)
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
        assert (status != 403) == may(role, page), f"{role} {page.method} {page.path}"
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
@pytest.mark.parametrize(
    "defect", ["without a token", "of another browser", "from another site", "cross-site"]
)
def test_a_form_that_is_not_ours_is_refused(shared_officer: Browser, page: Page[Any], defect: str) -> None:
    shared_officer.get("/help")
    token = {} if defect == "without a token" else shared_officer.hidden("/sign-out")
    if defect == "of another browser":
        token = {"form_token": "0" * 64}
    headers = {"Origin": "https://elsewhere.test" if defect == "from another site" else ADDRESS}
    if defect == "cross-site":
        headers["Sec-Fetch-Site"] = "cross-site"
    sent = shared_officer.http.post(address(page), data=token or {"x": "y"}, headers=headers)
    assert sent.status_code == 403 and "This form cannot be used" in sent.text
    assert "Sign out" in shared_officer.get("/help").text


@pytest.mark.parametrize("path", ["/sign-in", "/", "/help", "/static/knownto.css", "/nothing", "/set-up/x"])
def test_every_answer_says_what_the_browser_must_not_do(shared_app: Any, path: str) -> None:
    answer = Browser(shared_app).http.get(path)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "'unsafe" not in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]  # default-src 'none' covers it.


def test_a_name_that_is_not_this_machines_is_refused(shared_app: Any) -> None:
    answer = Browser(shared_app).http.get("/sign-in", headers={"Host": "evil.test"})
    assert answer.status_code == 400


def test_the_cookie_is_for_no_script_and_no_other_site(shared_app: Any) -> None:
    cookie = Browser(shared_app).http.get("/sign-in").headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/" in cookie
    assert "Max-Age" not in cookie and "expires" not in cookie


def test_beyond_this_machine_cookies_and_links_are_for_https_alone(federation: Federation) -> None:
    app = create_app(federation.nodes["asker"], names=("known-to.test",))
    answer = Browser(app).http.get("/sign-in", headers={"Host": "known-to.test"})
    assert "Secure" in answer.headers["set-cookie"]
    operator = signed_in(federation, app, "asker-staff")
    operator.get("/accounts")
    sent = operator.http.post(
        "/accounts",
        data=operator.hidden("/accounts") | {"for": "asker-ig"},
        headers={"Origin": "https://known-to.test", "Host": "known-to.test",
                 "Cookie": f"knownto-asker={operator.http.cookies['knownto-asker']}"},
    )  # fmt: skip
    assert "https://known-to.test/set-up/" in sent.text


def test_signing_in_gives_another_cookie_than_before(shared: Federation, shared_app: Any) -> None:
    browser = Browser(shared_app)
    account = set_up(browser, accounts_of(shared), "asker-staff", shared.clock)
    browser.get("/sign-in")
    before = browser.http.cookies["knownto-asker"]
    browser.sign_in("asker-staff", account.code())
    after = browser.http.cookies["knownto-asker"]
    assert before != after
    browser.post("/sign-out")
    browser.http.cookies.set("knownto-asker", after, domain="127.0.0.1")
    assert browser.http.get("/").status_code == 303, "the cookie that was signed out is worth nothing"


@pytest.mark.parametrize(
    ("limit", "steps"), [(IDLE_LIMIT, 1), (ABSOLUTE_LIMIT, 48)], ids=["idle", "after a working day"]
)
def test_a_session_ends(officer: Browser, federation: Federation, limit: timedelta, steps: int) -> None:
    for _ in range(steps - 1):
        federation.clock.advance(seconds=limit.total_seconds() / steps)
        assert officer.http.get("/").status_code == 200
    checking = officer.get("/look-up")
    federation.clock.advance(seconds=limit.total_seconds() / steps)
    assert officer.http.get("/").status_code == 303
    officer.page = checking
    officer.post("/look-up", purpose="single_lookup")
    assert "You were signed out" in officer.page.text


def test_a_role_that_is_taken_is_gone_with_the_next_request(officer: Browser, federation: Federation) -> None:
    store, at = federation.nodes["asker"].store, federation.clock()
    remove_roles(store, "asker-staff", ["officer", "coordinator"], by="asker-staff", at=at)
    assert officer.get("/look-up").status_code == 403


def events(federation: Federation) -> list[tuple[str | None, SignInEvent]]:
    return [(one.staff, one.event) for one in accounts_of(federation).read_sign_ins(limit=20)]


def test_too_many_tries_lock_and_every_try_is_recorded(federation: Federation, app: Any) -> None:
    browser = Browser(app)
    account = set_up(browser, accounts_of(federation), "asker-staff", federation.clock)
    for _ in range(MOST_TRIES):
        browser.sign_in("asker-staff", account.code(), password="another password")
        assert "is wrong" in browser.page.text and browser.page.status_code == 422
    browser.sign_in("asker-staff", account.code())
    assert "Too many tries" in browser.page.text
    assert events(federation)[:2] == [
        ("asker-staff", SignInEvent.LOCKED), ("asker-staff", SignInEvent.REFUSED)
    ]  # fmt: skip
    federation.clock.advance(seconds=LOCKED_FOR.total_seconds())
    assert "Sign out" in browser.sign_in("asker-staff", account.code()).text
    assert events(federation)[0] == ("asker-staff", SignInEvent.SIGNED_IN)
    browser.post("/sign-out")
    assert events(federation)[0] == ("asker-staff", SignInEvent.SIGNED_OUT)


def test_an_unknown_staff_id_is_refused_and_locked_alike_and_not_kept(
    federation: Federation, app: Any
) -> None:
    browser, typed = Browser(app), "my password by mistake"
    for _ in range(MOST_TRIES):
        assert "is wrong" in browser.sign_in(typed, "000000").text
    assert "Too many tries" in browser.sign_in(typed, "000000").text
    assert {staff for staff, event in events(federation)} == {None}
    database = (federation.nodes["asker"].home / "node.sqlite3").read_bytes()
    assert typed.encode() not in database


def test_a_code_counts_once_and_for_a_minute(federation: Federation, app: Any) -> None:
    browser = Browser(app)
    account = set_up(browser, accounts_of(federation), "asker-staff", federation.clock)
    code = account.code()
    assert "Sign out" in browser.sign_in("asker-staff", code).text
    assert "is wrong" in Browser(app).sign_in("asker-staff", code).text
    old = account.code()
    federation.clock.advance(seconds=90)
    assert "is wrong" in Browser(app).sign_in("asker-staff", old).text


def test_a_link_is_for_once_and_for_a_day(federation: Federation, app: Any) -> None:
    accounts, clock = accounts_of(federation), federation.clock
    first = make_link(accounts, "asker-ig", at=clock(), by="asker-staff")
    second = make_link(accounts, "asker-ig", at=clock(), by="asker-staff")
    assert open_link(accounts, first, at=clock()) is None, "a new link ends the one before"
    browser = Browser(app)
    assert browser.get(f"/set-up/{second}").status_code == 200
    browser.post(f"/set-up/{second}", password="short", again="short", code="000000")
    assert "12 to 256 characters" in browser.page.text
    browser.post(f"/set-up/{second}", password=PASSWORD, again="another one", code="000000")
    assert "not the same" in browser.page.text
    browser.post(f"/set-up/{second}", password=PASSWORD, again=PASSWORD, code="000000")
    assert "not the one the app shows" in browser.page.text
    clock.advance(hours=24)
    assert browser.get(f"/set-up/{second}").status_code == 404


def test_an_operator_makes_links_and_sees_who_signed_in(officer: Browser, federation: Federation) -> None:
    officer.get("/accounts")
    assert "asker-ig" in officer.page.text
    sent = officer.http.post(
        "/accounts", data=officer.hidden("/accounts") | {"for": "asker-ig"}, headers={"Origin": ADDRESS}
    )
    assert sent.text.count("/set-up/") == 1
    assert "/set-up/" not in officer.get("/accounts").text
    assert "Link made" in officer.get("/sign-ins").text


def test_a_single_look_up_is_nobody_elses(officer: Browser, federation: Federation, app: Any) -> None:
    officer.get("/look-up")
    type_case(officer, "/look-up", person(3), purpose="single_lookup", **CONSENT)
    path = officer.visited[-1]
    add_roles(
        federation.nodes["asker"].store, "a-second", ["officer"], by="asker-staff", at=federation.clock()
    )
    other = signed_in(federation, app, "a-second")
    assert other.get(path).status_code == 404
    assert officer.get(path).status_code == 200


def test_no_identifier_stands_in_an_address_a_log_or_the_database(
    officer: Browser, federation: Federation, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        plan(officer)
        upload(officer)
        officer.post(officer.visited[-1] + "/send", **CONSENT)
        officer.get(officer.link("/lists/"))
        officer.get("/look-up")
        type_case(officer, "/look-up", person(4), purpose="single_lookup", **CONSENT)
    secrets = {person(n)[f] for n in (3, 4, 19) for f in ("forename", "surname", "dob")} | {"ann early"}
    told = "\n".join([*officer.visited, caplog.text])
    node = federation.nodes["asker"]
    stored = b"".join(path.read_bytes() for path in node.home.glob("node.sqlite3*"))
    for secret in secrets:
        assert secret not in told.lower() and secret.encode() not in stored.lower()
    assert b"case-3" not in stored and "case-3" not in told


def test_what_breaks_unexpectedly_says_nothing_of_what_it_broke_on(
    officer: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("oliver kowalska")

    monkeypatch.setattr("node.web.list_pages.add_row", broken)
    officer.get("/look-up")
    officer.post("/look-up", **CONSENT)
    assert officer.page.status_code == 500
    assert "KeyError" in officer.page.text and "oliver" not in officer.page.text + caplog.text
