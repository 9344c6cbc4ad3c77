"""The review queue at the hub: what waits, what it rests on, and that nothing is decided unseen."""

from __future__ import annotations

from typing import Any

import pytest

from hub.access_log import Action
from hub.alarms import Kind
from hub.log_search import LogSearch, search_log
from hub.review_words import KIND_WORDS, OUTCOME_WORDS
from hub.reviews import Outcome, list_items
from node.reviews import KINDS
from tests.federation import Federation
from tests.hub.web.conftest import signed_in
from tests.hub.web.happenings import let_things_happen, scan_log
from tests.hub.web.test_pages import text_of
from tests.pages.browser import Browser
from tests.people import person

NOTE = "Case came back twice. <script>alert(1)</script>"


@pytest.fixture
def officer(federation: Federation, app: Any) -> Browser:
    """The hub's own, at a queue with repeated look-ups in it."""
    let_things_happen(federation)
    browser = signed_in(federation, app, "h-ig")
    browser.get("/reviews")
    return browser


def logged(federation: Federation, action: Action) -> list[Any]:
    with federation.hub.database.reading() as session:
        found = search_log(session, LogSearch(subject=str(action)), before=None, limit=100)
        return list(found.lines)


def test_an_item_is_read_decided_and_leaves_the_queue(federation: Federation, officer: Browser) -> None:
    assert "One person was asked about again and again Asker service asker-staff" in text_of(officer)
    path = officer.link("/reviews/")
    officer.get(path)
    assert "look-ups: 5, records: 1" in text_of(officer) and "Look-up answered" in text_of(officer)
    reading = logged(federation, Action.LOG_READ)[0]
    assert (reading.staff, reading.facts["entries"]) == ("h-ig", 4 + 1)
    officer.post(path, outcome="justified", note=NOTE)
    assert "Justified, 23 November 2026, by h-ig of the hub" in text_of(officer).replace(" ,", ",")
    assert "&lt;script&gt;alert(1)" in officer.page.text and "<script" not in officer.page.text
    assert path not in officer.get("/reviews").text
    assert path in officer.get("/reviews?show=all").text
    [decision] = logged(federation, Action.REVIEW_DECIDED)
    assert (decision.staff, decision.role, decision.facts["outcome"]) == ("h-ig", "ig", "justified")
    database = b"".join(path.read_bytes() for path in federation.settings.home.glob("hub.sqlite3*"))
    assert b"came back twice" not in database


def test_a_queried_item_stays_and_can_be_decided_again(officer: Browser) -> None:
    path = officer.link("/reviews/")
    officer.get(path)
    officer.post(path, outcome="queried", note="Rang the desk")
    assert path in officer.get("/reviews").text and "Queried" in text_of(officer)
    officer.get(path)
    assert "Decide again" in text_of(officer)
    officer.post(path, outcome="breach", note="No reason was given")
    assert "Rang the desk" in officer.page.text and "No reason was given" in officer.page.text


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"outcome": "", "note": "why"}, "outcome", id="no outcome"),
        pytest.param({"outcome": "excellent", "note": "why"}, "outcome", id="an outcome of nobody's"),
        pytest.param({"outcome": "breach", "note": "  "}, "note", id="no note"),
        pytest.param({"outcome": "breach", "note": "x" * 4_001}, "note", id="a note that is too long"),
    ],
)
def test_what_is_missing_is_said_at_its_field_and_nothing_typed_is_lost(
    federation: Federation, officer: Browser, fields: dict[str, str], field: str
) -> None:
    path = officer.link("/reviews/")
    officer.get(path)
    officer.post(path, **fields)
    assert officer.page.status_code == 422 and f'href="#{field}"' in officer.page.text
    assert fields["note"].strip() in officer.page.text
    assert logged(federation, Action.REVIEW_DECIDED) == []


def test_an_item_that_has_grown_is_looked_at_again_before_it_is_decided(
    federation: Federation, officer: Browser
) -> None:
    path = officer.link("/reviews/")
    old = officer.get(path)
    federation.ask("asker", person(3))
    scan_log(federation)
    officer.page = old
    officer.post(path, outcome="justified", note="As I saw it")
    assert officer.page.status_code == 422 and "More has happened" in text_of(officer)
    assert "As I saw it" in officer.page.text and logged(federation, Action.REVIEW_DECIDED) == []
    officer.post(path, outcome="justified", note="As I saw it")
    assert officer.page.status_code == 200 and len(logged(federation, Action.REVIEW_DECIDED)) == 1


def test_two_clicks_decide_once(federation: Federation, officer: Browser) -> None:
    path = officer.link("/reviews/")
    old = officer.get(path)
    for _ in range(2):
        officer.page = old
        officer.post(path, outcome="justified", note="Once")
    assert len(logged(federation, Action.REVIEW_DECIDED)) == 1


def test_an_item_that_is_not_there_is_not_found(officer: Browser) -> None:
    assert officer.get(f"/reviews/{'0' * 32}").status_code == 404
    assert officer.get("/reviews?after=none").status_code == 404


def test_an_empty_queue_says_so(federation: Federation, app: Any) -> None:
    officer = signed_in(federation, app, "h-ig")
    assert "Nothing is waiting." in text_of(officer) or officer.get("/reviews")
    assert "Nothing is waiting." in text_of(officer)
    officer.get("/reviews?show=all")
    assert "Nothing has been raised yet" in text_of(officer)


def test_an_item_past_its_day_is_overdue(federation: Federation, officer: Browser) -> None:
    federation.clock.advance(days=3)
    officer = signed_in(federation, officer.app, "h-ig")
    assert "2 items in the review queue , 2 overdue" in text_of(officer)
    officer.get("/reviews")
    assert "Overdue" in text_of(officer)
    with federation.hub.database.reading() as session:
        assert list_items(session, None, open_only=True)


def test_the_words_are_those_of_a_node() -> None:
    assert {str(kind): words for kind, words in KIND_WORDS.items()} == dict(KINDS)
    assert {str(kind) for kind in KIND_WORDS} == {str(kind) for kind in Kind}
    assert OUTCOME_WORDS.keys() == {str(outcome) for outcome in Outcome}
