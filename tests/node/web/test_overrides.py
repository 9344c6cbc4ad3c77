"""Overrides and emergencies at the pages: asked for, decided by somebody else, used, and reviewed."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from node.overrides import OverrideState, list_overrides
from node.reviews import fetch_reviews
from node.staff import add_roles
from tests.broken_transports import always, broken
from tests.federation import Federation
from tests.node.flows.test_reviews import rescan
from tests.node.web.conftest import signed_in
from tests.node.web.test_journeys import COLUMNS, CONSENT, plan, type_case, upload
from tests.pages.browser import ADDRESS, Browser
from tests.people import person

# The holder knows case-7 and has no consent for telling of it.
UNTOLD = 7
REASON = {"category": "serious_harm", "reason": "was seen hurt <b>twice</b> this week"}
SHOWN = "was seen hurt &lt;b&gt;twice&lt;/b&gt; this week"


@pytest.fixture
def second(federation: Federation, app: Any) -> Browser:
    """Another coordinator of the agency."""
    store, at = federation.nodes["asker"].store, federation.clock()
    add_roles(store, "a-second", ["coordinator"], by="asker-staff", at=at)
    return signed_in(federation, app, "a-second")


@pytest.fixture
def reviewer(federation: Federation, app: Any) -> Browser:
    """The agency's information governance officer."""
    return signed_in(federation, app, "asker-ig")


def look_up(browser: Browser, number: int = UNTOLD) -> str:
    """Type one person under a public task that nobody has approved; the list's address."""
    browser.get("/look-up")
    type_case(browser, "/look-up", person(number), purpose="single_lookup", basis="public_task",
              category="serious_harm")  # fmt: skip
    return browser.visited[-1]


def ask_for(browser: Browser, address: str, what: str, **changes: str) -> None:
    """Ask for the override or declare the emergency of the first row, by way of the check."""
    browser.get(browser.link(f"{address}/{what}/"))
    action = f"{address}/{what}/2"
    browser.post(action, then="check", **(REASON | changes))
    if browser.page.status_code == 200:
        assert "Check before" in browser.page.text and SHOWN in browser.page.text
        browser.post(action, then="send")


def states(federation: Federation) -> list[OverrideState]:
    return [one.state for one in list_overrides(federation.nodes["asker"].store)]


def words(browser: Browser) -> list[str]:
    return re.findall(r'class="tag tag--\S+" href="[^"]*">([^<]*)<', browser.page.text)


@pytest.mark.parametrize("approver", ["second", "reviewer"])
def test_an_override_is_asked_for_approved_by_somebody_else_and_used(
    officer: Browser, federation: Federation, approver: str, request: pytest.FixtureRequest
) -> None:
    address = look_up(officer)
    assert "Waits for approval" in officer.page.text
    officer.post(f"{address}/send")
    assert "wait for approval" in officer.page.text
    officer.get(address)
    ask_for(officer, address, "overrides")
    assert "Approval asked for" in officer.page.text and states(federation) == [OverrideState.REQUESTED]
    decider: Browser = request.getfixturevalue(approver)
    decider.get("/")
    assert "1 override waits for your decision" in decider.page.text
    decider.get("/overrides")
    decider.get(decider.link("/overrides/"))
    assert SHOWN in decider.page.text and "kowalska" not in decider.page.text.lower()
    page = decider.page.url.path
    decider.post(page)
    assert decider.page.status_code == 422 and "Select what you decide" in decider.page.text
    decider.post(page, decision="approve")
    assert "Approved by" in decider.page.text and "Record the decision" not in decider.page.text
    officer.get(address)
    assert "Approved by" in officer.page.text
    officer.post(f"{address}/send")
    assert words(officer) == ["Known"]
    assert not any(part in " ".join(officer.visited) for part in ("hurt", "harm", "kowalska"))


def test_whoever_asks_can_never_approve(officer: Browser, federation: Federation) -> None:
    address = look_up(officer)
    ask_for(officer, address, "overrides")
    officer.get("/")
    assert "your decision" not in officer.page.text
    officer.get("/overrides")
    officer.get(officer.link("/overrides/"))
    assert "You asked for it, so somebody else decides" in officer.page.text
    page = officer.page.url.path
    sent = officer.http.post(
        page, data=officer.hidden("/sign-out") | {"decision": "approve"}, headers={"Origin": ADDRESS}
    )
    assert sent.status_code == 409 and "somebody else has to" in sent.text
    assert states(federation) == [OverrideState.REQUESTED]


def test_what_was_refused_is_not_asked_and_can_be_asked_for_again(
    officer: Browser, second: Browser, federation: Federation
) -> None:
    address = look_up(officer)
    ask_for(officer, address, "overrides")
    second.get("/overrides")
    page = second.link("/overrides/")
    second.get(page)
    waiting = second.page
    second.post(page, decision="refuse")
    assert "Refused by" in second.page.text
    second.page = waiting  # The back button, and another mind: what is decided stays.
    second.post(page, decision="approve")
    assert "Refused by" in second.page.text and states(federation) == [OverrideState.REFUSED]
    officer.get(address)
    assert "Refused by a-second" in officer.page.text
    officer.post(f"{address}/send")
    assert officer.page.status_code == 422 and "wait for approval" in officer.page.text
    officer.get(address)
    ask_for(officer, address, "overrides")
    assert states(federation) == [OverrideState.REFUSED, OverrideState.REQUESTED]


def test_an_emergency_needs_no_approver_holds_15_minutes_and_alerts(
    officer: Browser, reviewer: Browser, federation: Federation
) -> None:
    address = look_up(officer)
    ask_for(officer, address, "emergencies")
    assert "Emergency" in officer.page.text and states(federation) == [OverrideState.EMERGENCY]
    officer.post(f"{address}/send")
    assert words(officer) == ["Known"]
    assert "does not mean that nobody knows the person: ring" in officer.page.text
    rescan(federation)
    queue = list(fetch_reviews(federation.acting("asker", "ig").client()))
    assert [one.kind for one in queue].count("emergency") == 1
    reviewer.get("/overrides")
    assert "Emergency" in reviewer.page.text
    reviewer.get(reviewer.link("/overrides/"))
    assert SHOWN in reviewer.page.text and "Record the decision" not in reviewer.page.text


def test_an_emergency_is_over_after_15_minutes_and_is_declared_again(
    officer: Browser, federation: Federation
) -> None:
    address = look_up(officer)
    ask_for(officer, address, "emergencies")
    federation.clock.advance(minutes=15)
    officer.post(f"{address}/send")
    assert officer.page.status_code == 422 and "its time is over" in officer.page.text
    officer.get(address)
    ask_for(officer, address, "emergencies")
    officer.post(f"{address}/send")
    assert words(officer) == ["Known"]


def test_an_emergency_is_for_one_person_alone(officer: Browser, federation: Federation) -> None:
    plan(officer)
    officer.post("/conferences/mdt-2026-12/type")
    add = officer.visited[-1]
    type_case(officer, add, person(3))
    type_case(officer, add, person(UNTOLD))
    address = add.removesuffix("/add")
    assert "/emergencies/" not in officer.get(address).text
    assert officer.get(f"{address}/emergencies/2").status_code == 409
    assert "asked about alone" in officer.page.text and states(federation) == []


def test_one_case_of_a_conference_waits_for_its_approval_and_the_others_are_asked(
    officer: Browser, second: Browser, federation: Federation
) -> None:
    rows = [",".join(person(number)[name] for name in COLUMNS) for number in (UNTOLD, 3)]
    plan(officer)
    upload(officer, "\n".join([",".join(COLUMNS), *rows, ""]))
    address = officer.visited[-1]
    ask_for(officer, address, "overrides")
    assert "1 of them does not say" in officer.page.text
    officer.post(f"{address}/send", **CONSENT)
    assert words(officer) == ["Known"] and "Row 2, case-7" in officer.page.text
    assert "waits for approval" in officer.page.text


def test_a_second_click_asks_for_nothing_more(officer: Browser, federation: Federation) -> None:
    address = look_up(officer)
    officer.get(officer.link(f"{address}/overrides/"))
    officer.post(f"{address}/overrides/2", then="check", **REASON)
    checking = officer.page
    for _ in range(2):
        officer.page = checking
        officer.post(f"{address}/overrides/2", then="send")
    assert "Waits for a decision" in officer.page.text and states(federation) == [OverrideState.REQUESTED]


@pytest.mark.parametrize("what", ["overrides", "emergencies"])
@pytest.mark.parametrize(
    ("changes", "field"), [({"category": "curiosity"}, "category"), ({"reason": ""}, "reason")]
)
def test_what_is_missing_is_said_and_what_was_typed_stays(
    shared_officer: Browser, shared: Federation, what: str, changes: dict[str, str], field: str
) -> None:
    address = look_up(shared_officer)
    shared_officer.get(shared_officer.link(f"{address}/{what}/"))
    shared_officer.post(f"{address}/{what}/2", then="check", **(REASON | changes))
    assert shared_officer.page.status_code == 422 and f'href="#{field}"' in shared_officer.page.text
    assert (SHOWN if field == "category" else 'value="serious_harm" selected') in shared_officer.page.text
    assert states(shared) == []


def test_changing_it_at_the_check_brings_the_form_back_as_it_was(shared_officer: Browser) -> None:
    address = look_up(shared_officer)
    shared_officer.get(shared_officer.link(f"{address}/overrides/"))
    shared_officer.post(f"{address}/overrides/2", then="check", **REASON)
    shared_officer.post(f"{address}/overrides/2", then="change")
    assert shared_officer.page.status_code == 200 and SHOWN in shared_officer.page.text
    assert "Check before asking for it" in shared_officer.page.text


@pytest.mark.parametrize("what", ["overrides", "emergencies"])
def test_without_the_hub_nothing_is_asked_for_and_what_was_typed_stays(
    officer: Browser, federation: Federation, what: str
) -> None:
    address = look_up(officer)
    officer.get(officer.link(f"{address}/{what}/"))
    officer.post(f"{address}/{what}/2", then="check", **REASON)
    with broken(federation.nodes["asker"], always):
        officer.post(f"{address}/{what}/2", then="send")
    assert officer.page.status_code == 422 and "could not be logged" in officer.page.text
    assert SHOWN in officer.page.text and states(federation) == []
    officer.post(f"{address}/{what}/2", then="check", **REASON)
    officer.post(f"{address}/{what}/2", then="send")
    assert len(states(federation)) == 1


def test_an_approval_is_for_whoever_asked_for_it(
    officer: Browser, second: Browser, federation: Federation
) -> None:
    plan(officer)
    officer.post("/conferences/mdt-2026-12/type")
    add = officer.visited[-1]
    type_case(officer, add, person(UNTOLD), then="check")
    address = add.removesuffix("/add")
    ask_for(officer, address, "overrides")
    second.get("/overrides")
    page = second.link("/overrides/")
    second.get(page)
    second.post(page, decision="approve")
    second.get(address)
    second.post(f"{address}/send")
    assert second.page.status_code == 422 and "wait for approval" in second.page.text
    officer.get(address)
    officer.post(f"{address}/send")
    assert words(officer) == ["Known"]


def test_there_is_no_page_of_an_override_that_is_not_there(shared_officer: Browser) -> None:
    assert shared_officer.get(f"/overrides/{'0' * 32}").status_code == 404
    assert isinstance(shared_officer.page, httpx2.Response)
