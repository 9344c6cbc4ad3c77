"""A partnership of two, and the asker's pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import stamina

from node.accounts import NodeAccounts
from node.web.application import create_app
from tests.federation import Federation, running_federation
from tests.pages.browser import Browser, set_up
from tests.people import people


@contextmanager
def partnership(root: Path) -> Iterator[Federation]:
    """Asker and holder, who knows 20 people and may tell of case-3 and case-4."""
    with running_federation(root) as federation, stamina.set_testing(True, attempts=2, cap=True):
        federation.add("asker", custodian=True)
        federation.add("holder", team="Duty desk")
        federation.begin_epoch(["dob", "names", "chain"], custodian="asker")
        federation.agree("asker", "holder")
        federation.share("holder", people(20))
        federation.consent("holder", "H00003", "H00004")
        yield federation


def accounts_of(federation: Federation, agency: str = "asker") -> NodeAccounts:
    """The accounts of an agency's pages."""
    return NodeAccounts(federation.nodes[agency].store)


def signed_in(federation: Federation, app: Any, staff: str, *, agency: str = "asker") -> Browser:
    """A browser of somebody of an agency's."""
    browser = Browser(app)
    account = set_up(browser, accounts_of(federation, agency), staff, federation.clock)
    assert "Sign out" in browser.sign_in(staff, account.code()).text
    return browser


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    """A partnership of the test's own."""
    with partnership(tmp_path) as federation:
        yield federation


@pytest.fixture
def app(federation: Federation) -> Any:
    """The asker's pages."""
    return create_app(federation.nodes["asker"])


@pytest.fixture
def officer(app: Any, federation: Federation) -> Browser:
    """The asker's first person, signed in: officer, coordinator, operator and more."""
    return signed_in(federation, app, "asker-staff")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """A partnership for tests that leave it as it was: making one takes seconds."""
    with partnership(tmp_path_factory.mktemp("shared")) as federation:
        yield federation


@pytest.fixture(scope="module")
def shared_app(shared: Federation) -> Any:
    """Its asker's pages."""
    return create_app(shared.nodes["asker"])


@pytest.fixture(scope="module")
def shared_officer(shared: Federation, shared_app: Any) -> Browser:
    """Its first person, signed in."""
    return signed_in(shared, shared_app, "asker-staff")
