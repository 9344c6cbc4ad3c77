"""The access log at the hub: the same as a command shows, and no reading that is not in it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from hub.access_log import Action, NodeEvent, append_entry
from hub.checkpoints import format_entry
from hub.log_files import format_csv
from hub.log_lines import read_line
from hub.log_search import OUTCOMES, REFUSED, WITHHELD, LogSearch, has_outcome, search_log
from hub.log_views import whole_entries
from hub.log_words import ACTION_WORDS, ANSWER_WORDS, SUBJECTS, say_action
from node.answers import WORDS
from node.leaves import read_entry
from node.log_lines import Reader, describe_entry
from node.log_search import Search
from node.log_search import has_outcome as has_outcome_at_node
from tests.federation import Federation
from tests.hub.web.conftest import signed_in
from tests.hub.web.happenings import let_things_happen
from tests.hub.web.test_pages import text_of
from tests.pages.browser import Browser
from tests.people import person


@pytest.fixture(scope="module")
def busy(shared: Federation) -> Federation:
    """Look-ups of every kind have been made."""
    let_things_happen(shared)
    return shared


@pytest.fixture(scope="module")
def officer(busy: Federation, shared_app: Any) -> Browser:
    return signed_in(busy, shared_app, "h-ig")


def last_entry(federation: Federation) -> Any:
    with federation.hub.database.reading() as session:
        size = session.execute(text("SELECT size FROM log_head")).scalar_one()
        return whole_entries(session, after=size - 1, limit=1)[0]


def found_by(federation: Federation, search: LogSearch) -> list[int]:
    with federation.hub.database.reading() as session:
        found = search_log(session, search, before=None, limit=1000)
    assert found.before is None
    return sorted(line.index for line in found.lines)


def at_node(federation: Federation) -> Iterator[tuple[int, Any]]:
    """The lines that a command in the hub's home prints, by index."""
    with federation.hub.database.reading() as session:
        entries = whole_entries(session, after=0, limit=1000)
    for entry in entries:
        document = format_entry(entry.index, entry.leaf, entry.parts, ())
        for line in describe_entry(read_entry(document), Reader()):
            yield entry.index, line


DAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("search", "same"),
    [
        pytest.param(LogSearch(), Search(), id="everything"),
        pytest.param(LogSearch(subject="lookup"), Search(action="lookup"), id="look-ups"),
        pytest.param(LogSearch(subject="log"), Search(action="log"), id="readings"),
        pytest.param(LogSearch(agency="holder"), Search(agency="holder"), id="one agency"),
        pytest.param(LogSearch(staff="ASKER-staff"), Search(staff="ASKER-staff"), id="one staff id"),
        pytest.param(LogSearch(conference="mdt-1"), Search(conference="mdt-1"), id="one conference"),
        pytest.param(LogSearch(purpose="statistics"), Search(purpose="statistics"), id="a purpose"),
        pytest.param(LogSearch(since=DAY, until=DAY), Search(since=DAY, until=DAY), id="a day"),
        pytest.param(LogSearch(since=date(2026, 11, 24)), Search(since=date(2026, 11, 24)), id="tomorrow"),
        *(
            pytest.param(LogSearch(outcome=outcome), Search(outcome=outcome), id=outcome)
            for outcome in (*OUTCOMES, REFUSED, WITHHELD)
        ),
    ],
)
def test_a_search_finds_what_a_command_finds(busy: Federation, search: LogSearch, same: Search) -> None:
    assert found_by(busy, search) == sorted({index for index, line in at_node(busy) if same.finds(line)})


def test_searches_of_these_tests_find_something_and_leave_something_out(busy: Federation) -> None:
    every = len(found_by(busy, LogSearch()))
    for search in (LogSearch(subject="lookup"), LogSearch(outcome="known"), LogSearch(outcome=WITHHELD)):
        assert 0 < len(found_by(busy, search)) < every


def test_outcomes_are_judged_as_a_node_judges_them(busy: Federation) -> None:
    lines: dict[int, list[Any]] = {}
    for index, line in at_node(busy):
        lines.setdefault(index, []).append(line)
    with busy.hub.database.reading() as session:
        entries = whole_entries(session, after=0, limit=1000)
    for entry in entries:
        for outcome in (*OUTCOMES, REFUSED, WITHHELD):
            expected = any(has_outcome_at_node(line, outcome) for line in lines[entry.index])
            assert has_outcome(read_line(entry), outcome) == expected


def test_the_words_are_those_of_a_node_and_nothing_is_without() -> None:
    assert {code: str(word) for code, word in WORDS.items()} == dict(ANSWER_WORDS)
    assert {str(action) for action in (*Action, *NodeEvent)} == {str(action) for action in ACTION_WORDS}
    assert {str(action).split(":")[0] for action in ACTION_WORDS} == SUBJECTS.keys()
    assert say_action("lookup:refused:no_agreement") == "Look-up refused: no agreement"


def test_a_page_is_logged_before_it_is_shown_with_who_and_why(busy: Federation, officer: Browser) -> None:
    officer.get("/log?subject=lookup&staff=asker-staff")
    shown = len(re.findall(r'href="/log/\d+"', officer.page.text))
    entry = last_entry(busy)
    assert entry.facts["action"] == "log:entries:read" and entry.facts["agency"] is None
    assert entry.facts["entries"] == shown > 3
    assert entry.part("who") == {"staff": "h-ig", "role": "ig", "request_signature": None}
    assert entry.part("own") == {"search": {"subject": "lookup", "staff": "asker-staff"}}
    officer.get("/log?subject=everything")
    first = text_of(officer).index("Log read The hub h-ig, information governance")
    assert first < text_of(officer).index("Look-up answered")


@pytest.mark.parametrize("path", ["/log", "/log/1", "/log.csv"])
def test_where_the_reading_cannot_be_logged_nothing_is_shown(
    officer: Browser, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk full of asker-staff"))

    monkeypatch.setattr("hub.log_search.append_entry", full)
    officer.get(path)
    assert officer.page.status_code == 503 and "cannot be written" in officer.page.text
    assert "asker-staff" not in officer.page.text and "disk" not in officer.page.text


def test_an_entry_says_each_answer_and_why_and_never_of_whom(busy: Federation, officer: Browser) -> None:
    [index] = found_by(busy, LogSearch(conference="mdt-1"))
    officer.get(f"/log/{index}")
    assert "Look-up answered" in text_of(officer) and "mdt-1" in text_of(officer)
    assert "Holder service Known Permitted" in text_of(officer)
    assert "the holder has recorded no consent" in text_of(officer).lower()
    with busy.hub.database.reading() as session:
        handles = [row[0] for row in session.execute(text("SELECT handle FROM log_subjects"))]
    assert handles and not any(handle in officer.page.text for handle in handles if handle)
    for number in (3, 4, 11):
        assert person(number)["surname"] not in officer.page.text.lower()
    assert officer.get("/log/999999").status_code == 404


def test_a_search_with_a_wrong_day_says_so_and_reads_nothing(busy: Federation, officer: Browser) -> None:
    before = last_entry(busy).index
    officer.get("/log?since-day=31&since-month=2&since-year=2026")
    assert officer.page.status_code == 422 and 'href="#since"' in officer.page.text
    officer.get("/log?since-day=2&since-month=2&since-year=2026&until-day=1&until-month=2&until-year=2026")
    assert "must not lie after" in officer.page.text
    assert officer.get("/log?outcome=%3Cscript%3E").status_code == 422
    assert last_entry(busy).index == before


def test_what_is_found_is_paged_and_what_is_not_says_what_to_do(busy: Federation, officer: Browser) -> None:
    for _ in range(52):
        officer.http.get("/log?subject=epoch")
    officer.get("/log?subject=log&staff=h-ig")
    assert len(re.findall(r'href="/log/\d+"', officer.page.text)) == 50
    older = officer.link("/log?subject=log&amp;staff=h-ig&amp;before=").replace("&amp;", "&")
    officer.get(older)
    assert 2 <= len(re.findall(r'href="/log/\d+"', officer.page.text)) < 50
    officer.get("/log?staff=nobody&subject=everything")
    assert "Nothing is found. Ask for less" in text_of(officer)


def test_a_rare_find_is_looked_for_in_steps(busy: Federation) -> None:
    with busy.hub.database.reading() as session:
        search, before, steps, found = LogSearch(subject="node"), None, 0, []
        while steps == 0 or before is not None:
            step = search_log(session, replace(search, staff="nobody"), before=before, limit=5, most_read=1)
            before, steps = step.before, steps + 1
            found += step.lines
    assert found == [] and steps > 1


def test_the_file_holds_what_was_found_and_no_formula(busy: Federation, officer: Browser) -> None:
    page = officer.get("/log.csv?subject=lookup")
    assert page.headers["content-disposition"] == 'attachment; filename="access-log-2026-11-23.csv"'
    rows = list(csv.DictReader(io.StringIO(page.text.removeprefix("\ufeff"))))
    lookups = [row for row in rows if row["what"] == "Look-up answered"]
    assert len(lookups) == 3 + 4 and {row["conference"] for row in lookups} == {"mdt-1", ""}
    assert any("holder: No shared match (consent_missing)" in row["outcome"] for row in lookups)
    assert {row["what"] for row in rows} == {"Look-up answered", "Look-up refused: purpose not permitted"}
    with busy.hub.database.writing() as session:
        facts = {"export": "=1+1"}
        append_entry(session, NodeEvent.EXPORT_MADE, agency="asker", at=busy.clock(), facts=facts)
    line = replace(read_line(last_entry(busy)), staff="@cmd", conference="=2+2")
    assert "'@cmd" in format_csv([line]) and ",'=2+2" in format_csv([line])


def test_an_entry_that_cannot_be_read_is_named_as_that(federation: Federation, app: Any) -> None:
    officer = signed_in(federation, app, "h-ig")
    with federation.hub.database.writing() as session:
        session.execute(text("UPDATE log_entries SET leaf = x'00' WHERE \"index\" = 2"))
    officer.get("/log?subject=everything")
    assert "Cannot be read" in text_of(officer)
    officer.get("/log/2")
    assert officer.page.status_code == 200 and "knownto log verify" in text_of(officer)
