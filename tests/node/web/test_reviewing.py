"""Information governance at the pages: who asked, the review queue with its outcomes, agreements and keys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from node.access_log import describe_log, sync_log
from node.reviews import fetch_reviews
from node.web.application import create_app
from tests.broken_transports import always, broken
from tests.federation import Federation
from tests.node.flows.test_reviews import rescan
from tests.node.web.conftest import signed_in
from tests.node.web.test_journeys import CONSENT, plan, upload
from tests.node.web.test_overrides import SHOWN, ask_for, look_up, words
from tests.pages.browser import Browser
from tests.people import person

NOTE = "Rang the team: they are on the ward, <i>so</i> it was right."


@pytest.fixture
def reviewer(federation: Federation, app: Any) -> Browser:
    """The asker's information governance officer."""
    return signed_in(federation, app, "asker-ig")


@pytest.fixture
def holder_reviewer(federation: Federation) -> Browser:
    """The holder's, at the holder's own pages."""
    return signed_in_at(federation, "holder", "holder-ig")


def signed_in_at(federation: Federation, agency: str, staff: str) -> Browser:
    return signed_in(federation, create_app(federation.nodes[agency]), staff, agency=agency)


def ask(officer: Browser) -> None:
    plan(officer)
    upload(officer)
    officer.post(officer.visited[-1] + "/send", **CONSENT)


def test_from_an_override_and_its_approval_to_the_review_and_its_outcome(
    officer: Browser, reviewer: Browser, federation: Federation
) -> None:
    address = look_up(officer)
    ask_for(officer, address, "emergencies")
    officer.post(f"{address}/send")
    assert words(officer) == ["Known"]
    rescan(federation)
    reviewer.get("/reviews")
    assert "An emergency was declared" in reviewer.page.text and ">Open<" in reviewer.page.text
    reviewer.get(reviewer.link("/reviews/"))
    assert SHOWN in reviewer.page.text and "case-7" in reviewer.page.text
    page = reviewer.page.url.path
    reviewer.post(page, note=NOTE)
    assert reviewer.page.status_code == 422 and "Select what you found" in reviewer.page.text
    assert "on the ward, &lt;i&gt;so" in reviewer.page.text
    reviewer.post(page, outcome="justified", note=NOTE)
    assert ">Justified<" in reviewer.page.text and "on the ward, &lt;i&gt;so" in reviewer.page.text
    assert "Nothing is waiting" in reviewer.get("/reviews").text
    assert "An emergency was declared" in reviewer.get("/reviews?all=1").text
    assert list(fetch_reviews(federation.acting("asker", "ig").client())) == []


def test_a_decision_on_what_has_changed_since_does_not_count_and_keeps_its_words(
    officer: Browser, reviewer: Browser, federation: Federation
) -> None:
    address = look_up(officer)
    ask_for(officer, address, "emergencies")
    officer.post(f"{address}/send")
    rescan(federation)
    reviewer.get("/reviews")
    reviewer.get(reviewer.link("/reviews/"))
    old, page = reviewer.page, reviewer.page.url.path
    reviewer.post(page, outcome="queried", note="Who was it?")
    reviewer.page = old
    reviewer.post(page, outcome="justified", note=NOTE)
    assert reviewer.page.status_code == 422 and "It did not count" in reviewer.page.text
    assert "on the ward" in reviewer.page.text and "Who was it?" in reviewer.page.text


def test_without_the_hub_a_decision_says_that_it_may_not_have_counted(
    officer: Browser, reviewer: Browser, federation: Federation
) -> None:
    with broken(federation.nodes["asker"], always):
        assert reviewer.get("/reviews").status_code == 503
        assert "The hub cannot be reached" in reviewer.page.text


def test_an_item_that_is_not_there_has_no_page(reviewer: Browser) -> None:
    assert reviewer.get(f"/reviews/{'0' * 32}").status_code == 404
    assert reviewer.get("/reviews/nothing").status_code == 404


def test_an_agency_sees_who_asked_about_its_people_by_its_own_references(
    officer: Browser, federation: Federation, holder_reviewer: Browser
) -> None:
    assert "Nobody has asked yet" in holder_reviewer.get("/log").text
    ask(officer)
    holder_reviewer.get("/log")
    for shown in (
        "H00003",
        "H00004",
        "asker, asker-staff, coordinator",
        "Case conference",
        "Consent",
        "Known",
    ):
        assert shown in holder_reviewer.page.text
    assert "kowalska" not in holder_reviewer.page.text.lower()
    holder_reviewer.post("/log", scope="about", reference="H00003")
    assert "H00003" in holder_reviewer.page.text and ">H00004<" not in holder_reviewer.page.text
    holder_reviewer.post("/log", scope="about", outcome="refused")
    assert "Nothing is found by this search" in holder_reviewer.page.text
    holder_reviewer.post("/log", scope="asked")
    assert "There is nothing yet" in holder_reviewer.page.text
    holder_reviewer.post("/log", scope="everything", since__day="1", since__month="1", since__year="2026")
    assert "Consent recorded" in holder_reviewer.page.text
    assert not any("H0000" in address for address in holder_reviewer.visited)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param(
            {"since__day": "31", "since__month": "2", "since__year": "2026"}, "since", id="no such day"
        ),
        pytest.param({"agency": "nobody"}, "agency", id="an agency that did nothing"),
        pytest.param({"purpose": "curiosity"}, "purpose", id="a purpose of nobody's"),
    ],
)  # fmt: skip
def test_a_search_that_cannot_be_is_said_why_at_its_field(
    shared_officer: Browser, fields: dict[str, str], field: str
) -> None:
    shared_officer.get("/log")
    shared_officer.post("/log", scope="about", **fields)
    assert shared_officer.page.status_code == 422
    assert f'href="#{field}"' in shared_officer.page.text and f'id="{field}"' in shared_officer.page.text


def test_while_the_hub_is_away_the_log_is_what_was_fetched(
    officer: Browser, federation: Federation, holder_reviewer: Browser
) -> None:
    ask(officer)
    holder_reviewer.get("/log")
    with broken(federation.nodes["holder"], always):
        holder_reviewer.get("/log")
    assert "The hub cannot be reached" in holder_reviewer.page.text and "H00003" in holder_reviewer.page.text


def test_agreements_keys_and_agencies_are_said_with_their_dates(
    officer: Browser, federation: Federation
) -> None:
    officer.get("/network")
    for shown in ("Information sharing", ">Live<", "22 May 2027", "Holder service", "Asker service",
                  "This node has the current linkage key", "1 of 1 agencies up to date"):  # fmt: skip
        assert shown in officer.page.text
    assert "It ends soon" not in officer.page.text
    federation.clock.advance(days=130)
    again = signed_in(federation, officer.app, "asker-staff")
    assert "It ends soon" in again.get("/network").text
    assert "0 of 1 agencies up to date" in again.page.text


def test_a_node_without_the_newest_key_and_without_an_agreement_says_what_to_do(
    tmp_path: Path, federation: Federation
) -> None:
    federation.add("third")
    third = signed_in_at(federation, "third", "third-staff")
    third.get("/network")
    assert "This node has not received the linkage key" in third.page.text
    assert "a party of no agreement" in third.page.text
    federation.begin_epoch(["dob", "names"], custodian="asker")
    node = federation.nodes["third"]
    assert node.epoch_document() is not None and "has the current linkage key" in third.get("/network").text


def test_without_the_hub_the_page_says_what_this_node_knows_by_itself(
    officer: Browser, federation: Federation
) -> None:
    with broken(federation.nodes["asker"], always):
        officer.get("/network")
    assert officer.page.status_code == 200 and "Fingerprint" in officer.page.text
    assert person(3)["surname"] not in officer.page.text


def looked_at(officer: Browser, federation: Federation) -> Browser:
    """The holder's officer, where case-3 and case-4 were asked about."""
    ask(officer)
    return signed_in_at(federation, "holder", "holder-ig")


def test_a_person_who_asks_gets_a_report_of_who_looked_without_names(
    officer: Browser, federation: Federation
) -> None:
    reviewer = looked_at(officer, federation)
    reviewer.get("/subject-access")
    reviewer.post("/subject-access", reference="H00003")
    assert "Look through it before making the report" in reviewer.page.text
    assert "asker, asker-staff, coordinator" in reviewer.page.text
    reviewer.post("/subject-access", then="make")
    assert "Who looked" in reviewer.page.text and "Case conference" in reviewer.page.text
    assert "coordinator" in reviewer.page.text and "asker-staff" not in reviewer.page.text
    logged = [line.action for line in log_of(federation, "holder")]
    assert logged.count("log:subject_access:made") == 1, "finding makes none"
    assert not any("H00003" in address for address in reviewer.visited)


def log_of(federation: Federation, agency: str) -> list[Any]:
    reader = federation.acting(agency, "ig")
    sync_log(reader)
    return list(describe_log(reader))


def test_an_entry_is_withheld_for_a_reason_and_counted(officer: Browser, federation: Federation) -> None:
    reviewer = looked_at(officer, federation)
    reviewer.get("/subject-access")
    reviewer.post("/subject-access", reference="H00003")
    (index,) = re.findall(r'name="withhold-([0-9]+)"', reviewer.page.text)
    reviewer.post("/subject-access", then="make", **{f"withhold-{index}": "crime"})
    assert "1 entry" in reviewer.page.text and "Nobody looked in these days" in reviewer.page.text
    assert "Case conference" not in reviewer.page.text


def test_the_askers_own_look_ups_are_taken_in_one_by_one(officer: Browser, reviewer: Browser) -> None:
    ask(officer)
    reviewer.get("/subject-access")
    reviewer.post("/subject-access", reference="case-3")
    assert "No record has this reference" in reviewer.page.text
    assert "Case lists number anybody" in reviewer.page.text
    found, (index,) = reviewer.page, re.findall(r'name="include-([0-9]+)"', reviewer.page.text)
    reviewer.post("/subject-access", then="make")
    assert "Nobody looked in these days" in reviewer.page.text
    reviewer.page = found
    reviewer.post("/subject-access", then="make", **{f"include-{index}": "yes"})
    assert "Holder: Known" in reviewer.page.text


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({}, "reference", id="no reference"),
        pytest.param({"reference": "H-none"}, "reference", id="nobody's reference"),
        pytest.param({"reference": "x", "since__day": "40"}, "since", id="no such day"),
        pytest.param(
            {"reference": "x", **{f"since__{part}": "9" for part in ("day", "month")}, "since__year": "2026",
             **{f"until__{part}": "8" for part in ("day", "month")}, "until__year": "2026"},
            "since", id="the last day first",
        ),
    ],
)  # fmt: skip
def test_what_a_report_lacks_is_said_at_its_field(
    shared_reviewer: Browser, fields: dict[str, str], field: str
) -> None:
    shared_reviewer.get("/subject-access")
    shared_reviewer.post("/subject-access", **fields)
    assert shared_reviewer.page.status_code == 422 and f'href="#{field}"' in shared_reviewer.page.text


@pytest.fixture(scope="module")
def shared_reviewer(shared: Federation, shared_app: Any) -> Browser:
    return signed_in(shared, shared_app, "asker-ig")
