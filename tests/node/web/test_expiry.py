"""What was answered goes 28 days after the answer: with a command, at the start, and while nobody looks."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from node.case_lists import lists_of
from node.expiry import drop_what_is_over
from node.home import Node
from node.web import application
from node.web.application import create_app
from node.web.expiring import dropping
from tests.federation import Federation
from tests.node.web.conftest import signed_in
from tests.node.web.test_journeys import CONSENT, plan, type_case, upload
from tests.pages.browser import Browser
from tests.people import person


def kept(node: Node) -> tuple[int, int]:
    """How many lists and results lie in the database, whoever looks."""
    tables = ("case_list", "result")
    counts = [node.store.connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables]
    return counts[0], counts[1]


@pytest.fixture
def node(federation: Federation) -> Node:
    return federation.nodes["asker"]


def test_a_list_and_its_answers_are_kept_28_days_from_the_answer_on(
    officer: Browser, federation: Federation, app: Any, node: Node
) -> None:
    plan(officer)
    upload(officer)
    address = officer.visited[-1]
    federation.clock.advance(days=7)
    again = signed_in(federation, app, "asker-staff")
    again.get(address)
    again.post(f"{address}/send", **CONSENT)
    assert "Destroy this sheet by 28 December 2026" in again.page.text
    federation.clock.advance(days=27)
    drop_what_is_over(node.store, at=federation.clock())
    assert kept(node) == (1, 1), "28 days from when it was begun are over, and of the answer are not"
    assert lists_of(node.store, "mdt-2026-12", at=federation.clock())
    federation.clock.advance(days=1)
    drop_what_is_over(node.store, at=federation.clock())
    assert kept(node) == (0, 0)


def test_a_list_that_waits_is_kept_28_days_from_its_last_change_on(
    officer: Browser, federation: Federation, app: Any, node: Node
) -> None:
    plan(officer)
    officer.post("/conferences/mdt-2026-12/type")
    add = officer.visited[-1]
    type_case(officer, add, person(3))
    federation.clock.advance(days=20)
    again = signed_in(federation, app, "asker-staff")
    again.get(add)
    type_case(again, add, person(4))
    federation.clock.advance(days=27)
    drop_what_is_over(node.store, at=federation.clock())
    assert kept(node) == (1, 0)
    federation.clock.advance(days=1)
    drop_what_is_over(node.store, at=federation.clock())
    assert kept(node) == (0, 0)


def test_the_setting_says_for_how_long(federation: Federation, node: Node) -> None:
    node.settings = node.settings.model_copy(update={"result_days": 3})
    officer = signed_in(federation, create_app(node), "asker-staff")
    plan(officer)
    upload(officer)
    officer.post(officer.visited[-1] + "/send", **CONSENT)
    assert "Destroy this sheet by 26 November 2026" in officer.page.text
    federation.clock.advance(days=3)
    drop_what_is_over(node.store, at=federation.clock())
    assert kept(node) == (0, 0)


def answered_long_ago(officer: Browser, federation: Federation, node: Node) -> None:
    plan(officer)
    upload(officer)
    officer.post(officer.visited[-1] + "/send", **CONSENT)
    federation.clock.advance(days=28)
    assert kept(node) == (1, 1), "nobody has looked yet"


def test_the_pages_drop_what_is_over_when_they_start(
    officer: Browser, federation: Federation, node: Node
) -> None:
    answered_long_ago(officer, federation, node)
    create_app(node)
    assert kept(node) == (0, 0)


def test_pages_that_nobody_opens_drop_what_is_over_all_the_same(
    officer: Browser, federation: Federation, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "dropping", lambda node: dropping(node, every_seconds=0.01))
    app = create_app(node)
    answered_long_ago(officer, federation, node)
    with TestClient(app):
        until = time.monotonic() + 10
        while kept(node) != (0, 0) and time.monotonic() < until:
            time.sleep(0.01)
    assert kept(node) == (0, 0)


def test_a_database_that_is_held_is_tried_again(
    officer: Browser, federation: Federation, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.store.BUSY_TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr(application, "dropping", lambda node: dropping(node, every_seconds=0.01))
    app = create_app(node)
    answered_long_ago(officer, federation, node)
    with TestClient(app):
        with node.store.transaction():
            time.sleep(0.2)
            assert kept(node) == (1, 1)
        until = time.monotonic() + 10
        while kept(node) != (0, 0) and time.monotonic() < until:
            time.sleep(0.01)
    assert kept(node) == (0, 0)
