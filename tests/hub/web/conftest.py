"""A partnership of two, and the pages of its hub."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hub.accounts import HubAccounts, accounts_of
from hub.staff import add_roles, require_operator
from hub.web.application import create_app
from tests.federation import Federation
from tests.node.web.conftest import partnership
from tests.pages.browser import Browser, set_up

PEOPLE = {"h-ig": "ig", "h-analyst": "analyst", "h-operator": "operator"}
PLACE = "hub of county"


def enter_people(federation: Federation) -> HubAccounts:
    """One person in each role; the accounts of the hub's pages."""
    with federation.hub.database.writing() as session:
        require_operator(session, "h-operator", at=federation.clock())
        for staff, role in PEOPLE.items():
            add_roles(session, staff, [role], by="h-operator", at=federation.clock())
    return accounts_of(federation.hub)


def signed_in(federation: Federation, app: Any, staff: str) -> Browser:
    """A browser of somebody of the hub's."""
    browser = Browser(app)
    account = set_up(browser, accounts_of(federation.hub), staff, federation.clock)
    assert "Sign out" in browser.sign_in(staff, account.code()).text
    return browser


@pytest.fixture
def federation(tmp_path: Any) -> Iterator[Federation]:
    """A partnership of the test's own."""
    with partnership(tmp_path) as federation:
        enter_people(federation)
        yield federation


@pytest.fixture
def app(federation: Federation) -> Any:
    """The hub's pages."""
    return create_app(federation.hub)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """A partnership for tests that leave it as it was: making one takes seconds."""
    with partnership(tmp_path_factory.mktemp("shared")) as federation:
        enter_people(federation)
        yield federation


@pytest.fixture(scope="module")
def shared_app(shared: Federation) -> Any:
    """The pages of its hub."""
    return create_app(shared.hub)


@pytest.fixture(scope="module")
def person_of(shared: Federation, shared_app: Any) -> dict[str, Browser]:
    """Somebody in each role, signed in."""
    return {role: signed_in(shared, shared_app, staff) for staff, role in PEOPLE.items()}
