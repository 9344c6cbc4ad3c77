"""Two coordinators on one list: nobody's typing is lost, and what is asked is what was checked."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from node.case_lists import find_list, keep_list, lists_of
from node.errors import ChangedMeanwhileError
from node.staff import add_roles
from node.web import visits
from tests.federation import Federation
from tests.node.web.conftest import signed_in
from tests.node.web.test_journeys import CONSENT, plan, type_case
from tests.pages.browser import ADDRESS, Browser
from tests.people import person

CHANGED = "This list was changed after you opened it"


@pytest.fixture
def second(federation: Federation, app: Any) -> Browser:
    """Another coordinator of the agency."""
    store, at = federation.nodes["asker"].store, federation.clock()
    add_roles(store, "a-second", ["coordinator"], by="asker-staff", at=at)
    return signed_in(federation, app, "a-second")


@pytest.fixture
def open_list(officer: Browser) -> str:
    """The address of a typed list with case-3 on it, open at the first coordinator's."""
    plan(officer)
    officer.post("/conferences/mdt-2026-12/type")
    add = officer.visited[-1]
    type_case(officer, add, person(3))
    return add.removesuffix("/add")


def references(federation: Federation) -> list[list[str]]:
    """The references on every list of the conference."""
    node = federation.nodes["asker"]
    lists = lists_of(node.store, "mdt-2026-12", at=federation.clock())
    return [[row["case_ref"] for row in kept.typed] for kept in lists]


def questions(federation: Federation) -> int:
    store = federation.nodes["asker"].store
    return int(store.connection.execute("SELECT count(*) FROM question").fetchone()[0])


def test_two_who_add_at_the_same_time_both_find_their_case_on_the_list(
    officer: Browser, second: Browser, federation: Federation, open_list: str
) -> None:
    second.get(f"{open_list}/add")
    type_case(officer, f"{open_list}/add", person(4))
    type_case(second, f"{open_list}/add", person(19), then="check")
    assert CHANGED in second.page.text and "3 cases can be asked about" in second.page.text
    assert references(federation) == [["case-3", "case-4", "case-19"]]


def test_whoever_adds_alone_is_told_of_no_change(officer: Browser, open_list: str) -> None:
    type_case(officer, f"{open_list}/add", person(4), then="check")
    assert CHANGED not in officer.page.text and "2 cases can be asked about" in officer.page.text


def test_many_cases_at_one_moment_are_all_kept(
    officer: Browser, federation: Federation, open_list: str
) -> None:
    hidden = officer.hidden(f"{open_list}/add")

    def add(number: int) -> int:
        row = person(number)
        fields = {name: row[name] for name in ("case_ref", "forename", "surname")}
        day = dict(zip(("dob-year", "dob-month", "dob-day"), row["dob"].split("-"), strict=True))
        sent = officer.http.post(f"{open_list}/add", data=hidden | fields | day, headers={"Origin": ADDRESS})
        return sent.status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(add, range(4, 12))) == {303}
    assert sorted(references(federation)[0]) == sorted(f"case-{number}" for number in range(3, 12))


def test_a_list_that_changed_is_not_asked_about_unseen_and_the_basis_typed_stays(
    officer: Browser, second: Browser, federation: Federation, open_list: str
) -> None:
    second.get(open_list)
    type_case(officer, f"{open_list}/add", person(4))
    second.post(f"{open_list}/send", **CONSENT)
    assert second.page.status_code == 422 and CHANGED in second.page.text
    assert "2 cases can be asked about" in second.page.text and questions(federation) == 0
    assert 'value="2026"' in second.page.text and "checked" in second.page.text
    second.post(f"{open_list}/send", **CONSENT)
    assert "Known-to sheet" in second.page.text and questions(federation) == 1


@pytest.mark.parametrize("end", ["send", "remove"])
def test_a_case_for_a_list_that_was_sent_or_thrown_away_begins_another(
    officer: Browser, second: Browser, federation: Federation, open_list: str, end: str
) -> None:
    second.get(f"{open_list}/add")
    officer.get(open_list)
    officer.post(f"{open_list}/{end}", **(CONSENT if end == "send" else {}))
    type_case(second, f"{open_list}/add", {**person(4), "dob": "2999-1-1"})
    assert second.page.status_code == 422, "an error on the way loses nothing either"
    (action,) = re.findall(r'action="(/lists/[^"]*/add)"', second.page.text)
    type_case(second, action, person(4), then="check")
    assert "Your case is kept" in second.page.text and "1 case can be asked about" in second.page.text
    assert references(federation) == [*([["case-3"]] if end == "send" else []), ["case-4"]]
    second.post(second.visited[-1].partition("?")[0] + "/send", **CONSENT)
    second.get("/conferences/mdt-2026-12/known-to")
    assert "case-4" in second.page.text and ("case-3" in second.page.text) == (end == "send")


@pytest.mark.parametrize("what", ["rows/0/remove", "remove"])
def test_nobody_is_taken_off_and_nothing_thrown_away_by_an_old_page(
    officer: Browser, second: Browser, federation: Federation, open_list: str, what: str
) -> None:
    second.get(open_list)
    type_case(officer, f"{open_list}/add", person(4))
    second.post(f"{open_list}/{what}")
    assert CHANGED in second.page.text and references(federation) == [["case-3", "case-4"]]
    second.post(f"{open_list}/{what}")
    assert references(federation) == ([["case-4"]] if what.startswith("rows") else [])


def test_cases_that_come_too_late_go_on_one_list_together(
    officer: Browser, second: Browser, federation: Federation, open_list: str
) -> None:
    second.get(f"{open_list}/add")
    late = second.page
    officer.get(open_list)
    officer.post(f"{open_list}/send", **CONSENT)
    for number in (4, 5, 4):
        second.page = late
        type_case(second, f"{open_list}/add", person(number), then="check")
    assert second.page.status_code == 422 and "on the list already" in second.page.text
    assert references(federation) == [["case-3"], ["case-4", "case-5"]]


def test_a_list_that_is_being_asked_about_is_left_alone(
    officer: Browser, second: Browser, federation: Federation, open_list: str, app: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(visits, "LONGEST_WAIT_SECONDS", 0.01)
    second.get(open_list)
    checking, list_id = second.page, open_list.rpartition("/")[2]
    with app.state.front.site.alone(list_id):
        second.post(f"{open_list}/remove")
        assert second.page.status_code == 409 and "being asked about at this moment" in second.page.text
        second.page = checking
        second.get(f"{open_list}/add")
        type_case(second, f"{open_list}/add", person(4))
        assert "Your case is kept" in second.page.text
    assert references(federation) == [["case-3"], ["case-4"]]


def test_a_list_is_kept_over_no_newer_one(federation: Federation, open_list: str) -> None:
    node, at = federation.nodes["asker"], federation.clock()
    found = find_list(node.store, open_list.rpartition("/")[2], at=at)
    assert found is not None
    kept = keep_list(node.store, replace(found, typed=()), until=at.replace(year=2027))
    with pytest.raises(ChangedMeanwhileError, match="changed by somebody else"):
        keep_list(node.store, found, until=at.replace(year=2027))
    assert keep_list(node.store, kept, until=at.replace(year=2027)).revision == kept.revision + 1
