"""Responders at the pages: consent withdrawn, people sealed, duplicates decided and undone."""

from __future__ import annotations

from typing import Any

import pytest

from node.caseload import find_handle, sealed_handles
from node.consent import list_consents
from node.duplicate_decisions import decisions_of
from node.duplicate_queue import list_duplicates
from node.seal_events import CATEGORIES
from node.web.application import create_app
from node.web.people_pages import SEAL_REASONS
from tests.broken_transports import always, broken
from tests.federation import Federation
from tests.node.web.conftest import signed_in
from tests.node.web.test_journeys import CONSENT, type_case
from tests.node.web.test_overrides import words
from tests.pages.browser import Browser
from tests.people import people, person

ONE = {"local_id": "D-1", "dob": "1984-03-17", "forename": "amara", "surname": "lindqvist", "chain": "",
       "case_ref": "case-d"}  # fmt: skip
OTHER = ONE | {"local_id": "D-2", "surname": "lindkvist"}


@pytest.fixture
def responder(federation: Federation) -> Browser:
    """The holder's responder, at the holder's own pages."""
    return signed_in(federation, create_app(federation.nodes["holder"]), "holder-staff", agency="holder")


def find(browser: Browser, reference: str) -> str:
    """Go to a person by reference; the address of their page."""
    browser.get("/people")
    browser.post("/people", reference=reference)
    return browser.visited[-1]


def look_up(officer: Browser, row: dict[str, str]) -> list[str]:
    """What an officer of another agency is told now."""
    officer.get("/look-up")
    type_case(officer, "/look-up", row, purpose="single_lookup", **CONSENT)
    officer.post(officer.visited[-1] + "/send")
    return words(officer)


def verdicts(federation: Federation, pair: str) -> list[str]:
    """What was decided of the pair of an address, in order."""
    history = decisions_of(federation.nodes["holder"].store, pair.rpartition("/")[2])
    return [str(one.verdict) for one in history]


def sealed(federation: Federation, handle: str | None) -> bool:
    return handle in sealed_handles(federation.nodes["holder"].store)


def say_no(browser: Browser, page: str, kind: str) -> None:
    browser.post(f"{page}/no", kind=kind)
    assert "Check before recording it" in browser.page.text
    browser.post(f"{page}/no", then="send")


@pytest.mark.parametrize(("kind", "tag"), [("withdrawn", "Withdrawn"), ("objected", "Objected")])
def test_whoever_says_no_is_not_told_of_at_the_next_look_up(
    officer: Browser, responder: Browser, federation: Federation, kind: str, tag: str
) -> None:
    assert look_up(officer, person(3)) == ["Known"]
    page = find(responder, "H00003")
    assert ">Given<" in responder.page.text and "Every agency of the agreements" in responder.page.text
    say_no(responder, page, kind)
    assert f">{tag}<" in responder.page.text and "changed their mind" in responder.page.text
    assert look_up(officer, person(3)) == ["No shared match"]
    assert not any("H00003" in address for address in responder.visited)


def test_nothing_is_recorded_before_it_was_checked(responder: Browser, federation: Federation) -> None:
    page = find(responder, "H00003")
    responder.post(f"{page}/no")
    assert responder.page.status_code == 422 and "Select what the person said" in responder.page.text
    responder.post(f"{page}/no", kind="withdrawn")
    states = [kept.state(federation.clock()) for kept in list_consents(federation.nodes["holder"].store)]
    assert states == ["given", "given"]


def test_a_no_while_the_hub_is_away_is_kept_and_said_to_wait(
    responder: Browser, federation: Federation
) -> None:
    page = find(responder, "H00003")
    responder.post(f"{page}/no", kind="withdrawn")
    with broken(federation.nodes["holder"], always):
        responder.post(f"{page}/no", then="send")
    assert ">Withdrawn<" in responder.page.text and "the hub could not be told yet" in responder.page.text
    assert "Waits for the hub" in responder.get("/people").text


def test_a_sealed_person_is_found_by_nobody_until_the_seal_is_lifted(
    officer: Browser, responder: Browser, federation: Federation
) -> None:
    page = find(responder, "H00003")
    responder.post(f"{page}/seal")
    assert responder.page.status_code == 422 and "Select why" in responder.page.text
    responder.post(f"{page}/seal", category="risk_of_harm")
    checking = responder.page
    assert "They are taken off the hub at once" in checking.text
    assert not sealed(federation, page.rpartition("/")[2])
    responder.post(f"{page}/seal", then="send")
    assert ">Sealed<" in responder.page.text and look_up(officer, person(3)) == ["No shared match"]
    responder.page = checking  # A second click must not lift it again.
    responder.post(f"{page}/seal", then="send")
    assert ">Sealed<" in responder.page.text
    responder.post(f"{page}/seal", category="correction")
    responder.post(f"{page}/seal", then="send")
    assert ">Not sealed<" in responder.page.text


def test_every_kind_of_reason_for_a_seal_has_words() -> None:
    assert set(SEAL_REASONS) == set(CATEGORIES)


def test_a_reference_that_nobody_has_is_said_so(responder: Browser) -> None:
    find(responder, "H99999")
    assert responder.page.status_code == 422 and "No record has this reference" in responder.page.text
    assert 'value="H99999"' in responder.page.text
    assert responder.get(f"/people/{'0' * 32}").status_code == 404


def test_the_caseload_says_how_it_is_and_a_new_node_says_what_to_do(
    responder: Browser, officer: Browser
) -> None:
    responder.get("/people")
    assert "<dd>20</dd>" in responder.page.text and "No consent ends within 30 days" in responder.page.text
    assert "There is nobody in it yet" in officer.get("/people").text


@pytest.fixture
def pair(responder: Browser, federation: Federation) -> str:
    """The address of a pair that is to be decided."""
    federation.share("holder", [ONE, OTHER, *people(40, first=100)])
    federation.consent("holder", "D-1", "D-2")
    responder.get("/duplicates")
    assert "D-1 and D-2" in responder.page.text or "D-2 and D-1" in responder.page.text
    page = responder.link("/duplicates/")
    responder.get(page)
    assert "The date of birth agrees" in responder.page.text
    assert "lindqvist" not in responder.page.text.lower()
    return page


def test_a_pair_is_decided_a_no_reaches_both_and_undoing_it_lifts_nothing(
    officer: Browser, responder: Browser, federation: Federation, pair: str
) -> None:
    assert look_up(officer, OTHER) == ["Known"]
    say_no(responder, find(responder, "D-1"), "withdrawn")
    responder.get(pair)
    responder.post(pair, verdict="same")
    assert responder.page.status_code == 422 and "Say in words why" in responder.page.text
    responder.post(pair, verdict="same", reason="Both files were looked at.")
    assert responder.page.text.count("has a withdrawal or an objection") == 2
    assert look_up(officer, OTHER) == ["No shared match"]
    assert "No pair is left to decide" in responder.get("/duplicates").text
    responder.get("/duplicates?all=1")
    assert "The same person" in responder.page.text
    responder.get(pair)
    responder.post(pair, reason="By mistake.")
    assert "Undoing took back the decision and nothing else" in responder.page.text
    assert responder.page.text.count("has a withdrawal or an objection") == 2
    assert verdicts(federation, pair) == ["same", "undone"]


def test_a_second_decision_is_not_made_over_one_that_was_not_seen(
    responder: Browser, federation: Federation, pair: str
) -> None:
    old = responder.page
    responder.post(pair, verdict="different", reason="Twins.")
    responder.page = old
    responder.post(pair, verdict="same", reason="Not twins.")
    assert responder.page.status_code == 422 and "decided after you opened this page" in responder.page.text
    assert verdicts(federation, pair) == ["different"]


def test_a_pair_with_somebody_sealed_is_not_compared_and_can_still_be_decided(
    responder: Browser, federation: Federation, pair: str
) -> None:
    store = federation.nodes["holder"].store
    responder.post(pair, verdict="not_sure", reason="One file is missing.")
    page = find(responder, "D-1")
    responder.post(f"{page}/seal", category="court_order")
    responder.post(f"{page}/seal", then="send")
    assert list_duplicates(store) == []
    responder.get(pair)
    assert "They are not compared" in responder.page.text
    responder.post(pair, verdict="same", reason="One person.")
    assert sealed(federation, find_handle(store, "D-2"))
    assert responder.page.text.count("Sealed;") == 2


def test_there_is_no_page_of_a_pair_that_was_never_listed(responder: Browser) -> None:
    assert responder.get(f"/duplicates/{'0' * 16}").status_code == 404


def test_whoever_reviews_reads_a_persons_consent_and_changes_nothing(federation: Federation) -> None:
    reader: Any = signed_in(federation, create_app(federation.nodes["holder"]), "holder-ig", agency="holder")
    find(reader, "H00003")
    assert ">Given<" in reader.page.text and "/no" not in reader.page.text
    assert "/duplicates" not in reader.page.text


AGREED = {
    "recipients": "all", "purposes-single_lookup": "yes", "purposes-case_conference": "yes",
    "told": "contact",
    "captured__day": "20", "captured__month": "11", "captured__year": "2026", "method": "written",
    "notice": "3", "capacity": "has_capacity", "acted_by": "person", "witness": "<b>Ann</b>",
}  # fmt: skip


def record(browser: Browser, page: str, **fields: str) -> None:
    """Fill the consent form of a person's page, and record what the check shows."""
    browser.get(f"{page}/consent")
    browser.post(f"{page}/consent", then="check", **{**AGREED, **fields})
    if browser.page.status_code == 200:
        assert "Check the consent before recording it" in browser.page.text
        browser.post(f"{page}/consent", then="send")


def test_a_consent_is_recorded_and_holds_at_the_next_look_up(
    officer: Browser, responder: Browser, federation: Federation
) -> None:
    assert look_up(officer, person(7)) == ["No shared match"]
    page = find(responder, "H00007")
    assert "None is recorded" in responder.page.text
    record(responder, page)
    for shown in (">Given<", "Every agency of the agreements", "Case conference, Support for one person",
                  "20 November 2026", "privacy notice 3"):  # fmt: skip
        assert shown in responder.page.text, shown
    assert look_up(officer, person(7)) == ["Known"]
    (kept,) = [one for one in list_consents(federation.nodes["holder"].store) if one.local_id == "H00007"]
    assert kept.witness == "<b>Ann</b>" and kept.document["capacity"] == "has_capacity"


def test_a_consent_for_some_agencies_until_a_day_is_what_was_ticked(
    responder: Browser, federation: Federation
) -> None:
    page = find(responder, "H00007")
    record(responder, page, recipients="some", told="known_to", until__day="31", until__month="12",
           until__year="2026", **{"to-asker": "yes"})  # fmt: skip
    assert "<dd>asker</dd>" in responder.page.text and "nothing more" in responder.page.text
    (kept,) = [one for one in list_consents(federation.nodes["holder"].store) if one.local_id == "H00007"]
    assert kept.document["recipients"] == ["asker"] and kept.document["data_classes"] == ["known_to"]
    assert kept.document["valid_until"] == "2027-01-01T00:00:00Z"


def test_whoever_said_no_is_recorded_again_only_where_it_says_that_they_changed_their_mind(
    officer: Browser, responder: Browser, federation: Federation
) -> None:
    page = find(responder, "H00003")
    say_no(responder, page, "objected")
    federation.clock.advance(minutes=5)
    today = {"captured__day": "23"}
    record(responder, page, **today)
    assert responder.page.status_code == 422 and "They said no before" in responder.page.text
    record(responder, page, lifts="yes")
    assert responder.page.status_code == 422 and "only a later one counts" in responder.page.text
    record(responder, page, lifts="yes", **today)
    assert ">Given<" in responder.page.text and look_up(officer, person(3)) == ["Known"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"recipients": ""}, "recipients", id="nobody to be told"),
        pytest.param({"recipients": "some"}, "recipients", id="none of the agencies"),
        pytest.param(
            {"purposes-single_lookup": "", "purposes-case_conference": ""}, "purposes", id="for nothing"
        ),
        pytest.param({"told": "all"}, "told", id="told everything"),
        pytest.param({"captured__year": "2027"}, "captured", id="of the future"),
        pytest.param({"captured__month": "13"}, "captured", id="on no day"),
        pytest.param({"until__day": "1"}, "until", id="until half a day"),
        pytest.param(
            {"until__day": "1", "until__month": "1", "until__year": "2020"}, "until", id="over before it is"
        ),
        pytest.param({"method": "thought"}, "method", id="in no way"),
        pytest.param({"notice": ""}, "notice", id="without a notice"),
        pytest.param({"notice": "x" * 65}, "notice", id="a notice of a page"),
        pytest.param({"capacity": ""}, "capacity", id="able or not"),
        pytest.param({"acted_by": "neighbour"}, "acted_by", id="by a neighbour"),
        pytest.param({"capacity": "lacks_capacity"}, "acted_by", id="alone without capacity"),
        pytest.param({"acted_by": "parent"}, "acted_by", id="a parent for an adult"),
    ],
)  # fmt: skip
def test_what_a_consent_lacks_is_said_at_its_field_and_nothing_typed_is_lost(
    shared_responder: Browser, changes: dict[str, str], field: str
) -> None:
    record(shared_responder, find(shared_responder, "H00007"), **changes)
    if shared_responder.page.status_code == 200:
        pytest.fail("it was recorded")
    assert shared_responder.page.status_code == 422
    assert f'href="#{field}"' in shared_responder.page.text and f'id="{field}"' in shared_responder.page.text
    assert f'id="{field}-error"' in shared_responder.page.text
    assert "&lt;b&gt;Ann" in shared_responder.page.text


@pytest.fixture(scope="module")
def shared_responder(shared: Federation) -> Browser:
    return signed_in(shared, create_app(shared.nodes["holder"]), "holder-staff", agency="holder")


def test_a_caseload_is_compared_again_only_where_something_is_another_than_it_was(
    responder: Browser, federation: Federation, pair: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def counted(store: Any, *, decided: bool) -> Any:
        compared.append(decided)
        return list_duplicates(store, decided=decided)

    monkeypatch.setattr("node.web.pair_memory.list_duplicates", counted)
    for path in ("/duplicates", pair, "/duplicates?all=1"):
        responder.get(path)
    assert compared == []
    responder.get(pair)
    responder.post(pair, verdict="different", reason="Twins.")
    assert len(compared) == 1 and "No pair is left to decide" in responder.get("/duplicates").text
    federation.share("holder", [ONE, OTHER | {"surname": "lindqvist"}, *people(40, first=100)])
    assert "D-1" in responder.get("/duplicates").text and len(compared) == 2
    page = find(responder, "D-1")
    responder.post(f"{page}/seal", category="court_order")
    responder.post(f"{page}/seal", then="send")
    assert "D-1" not in responder.get("/duplicates").text and len(compared) == 3
