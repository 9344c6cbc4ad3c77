"""Asking and reading answers: complete, opened, kept for 28 days, and never more than was said."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keys.cards import seal_card
from keys.formats import encode_base64
from node.access_log import read_entries, sync_log
from node.answers import AnswerWord
from node.errors import IntegrityError, RecordFormatError
from node.home import Node
from node.known_to import (
    as_document,
    as_flat_rows,
    as_grid_rows,
    describe_answers,
    explain_answer,
    make_sheet,
)
from node.lookups import AgencyAnswer, CaseResult, Coverage, LookupResult
from node.receipts import ANSWERED
from node.records import read_cases
from node.results import drop_expired, keep_result, latest_answers, read_result
from tests.federation import NOW, Asking, Federation, case_of, consent_basis
from tests.people import people, person

ASKING = Asking("asker-staff", "coordinator", "case_conference", conference="mdt-1")


@pytest.fixture
def sharing(federation: Federation) -> Federation:
    federation.share("holder", people(20))
    federation.consent("holder", "H00003", "H00004")
    return federation


def lie_about_lookups(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    """A hub that signs altered answers."""
    from node.client import HubClient

    call = HubClient.call

    def lying(self: HubClient, method: str, path: str, body: Any = None) -> Any:
        answer = call(self, method, path, body)
        return change(answer) if path == "/v1/lookups" else answer

    monkeypatch.setattr(HubClient, "call", lying)


def first(answer: Any) -> Any:
    return answer["cases"][0]["answers"][0]


def with_first(**changes: Any) -> Callable[[Any], Any]:
    def change(answer: Any) -> Any:
        first(answer).update(changes)
        return answer

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda a: a | {"request": "0" * 32}, id="another request"),
        pytest.param(lambda a: a | {"format": "answer/2"}, id="another format"),
        pytest.param(lambda a: a | {"cases": []}, id="a case is missing"),
        pytest.param(lambda a: a | {"cases": a["cases"] * 2}, id="a case twice"),
        pytest.param(lambda a: a | {"cases": [{"case": 0, "answers": []}]}, id="an agency is missing"),
        pytest.param(with_first(agency="somebody"), id="a strange agency"),
        pytest.param(with_first(answer="Z"), id="a strange word"),
        pytest.param(with_first(evidence="!"), id="evidence not base64"),
        pytest.param(with_first(evidence=encode_base64(b" " * 1024)), id="evidence empty"),
        pytest.param(lambda a: {k: v for k, v in a.items() if k != "log_index"}, id="no log entry named"),
    ],
)
def test_an_answer_that_is_not_whole_is_refused(
    sharing: Federation, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]
) -> None:
    lie_about_lookups(monkeypatch, change)
    with pytest.raises((IntegrityError, Exception)) as caught:
        sharing.ask("asker", person(3))
    assert type(caught.value).__name__ in ("IntegrityError", "KeyFormatError")


def test_a_card_that_does_not_open_is_said_so_and_the_answer_stands(
    sharing: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    lie_about_lookups(monkeypatch, with_first(card=encode_base64(b"x" * 256)))
    result = sharing.ask("asker", person(3))
    (answer,) = result.cases[0].answers
    assert (answer.word, answer.team, answer.card_unreadable) == (AnswerWord.KNOWN, None, True)
    assert result.unreadable == ("holder",)


def test_a_card_that_another_agency_made_up_is_not_shown_and_the_answer_stands(
    sharing: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch = sharing.nodes["holder"].epoch_key()
    plain = b'{"open": "yes", "last_contact": 7, "team": ["ring"]}'
    card = seal_card(epoch.linkage_key, plain, epoch=epoch.epoch, agency="holder")
    lie_about_lookups(monkeypatch, with_first(card=encode_base64(card)))
    result = sharing.ask("asker", person(3))
    (answer,) = result.cases[0].answers
    assert (answer.word, answer.open, answer.last_contact, answer.team) == (
        AnswerWord.KNOWN, None, None, None,
    )  # fmt: skip
    assert result.unreadable == ("holder",)


def test_too_many_cases_are_refused_before_anything_is_sent(sharing: Federation) -> None:
    with pytest.raises(RecordFormatError, match="1 to 50"):
        sharing.ask("asker", *people(51))


def test_an_agency_the_network_does_not_have_is_named_a_mistake(sharing: Federation) -> None:
    with pytest.raises(RecordFormatError, match="does not have"):
        sharing.ask("asker", person(3), agencies=("holder", "nobody"))


def test_the_document_has_the_contracts_keys(sharing: Federation) -> None:
    result = sharing.ask("asker", person(3), person(99))
    document = as_document(result, [], at=sharing.clock())
    assert list(document) == ["request", "log_index", "answered_at", "coverage", "parked", "cases"]
    assert document["coverage"] == {"up_to_date": 1, "agencies": 1, "stale": []}
    known, unknown = document["cases"]
    assert known == {
        "case_ref": "case-3",
        "answers": [
            {
                "agency": "holder",
                "name": "Holder service",
                "answer": "Known",
                "open": True,
                "last_contact": "not recorded",
                "team": "Duty desk",
            }
        ],
    }
    assert unknown["answers"][0]["answer"] == "No shared match"
    assert unknown["answers"][0]["team"] is None
    assert [row["case_ref"] for row in as_flat_rows(result, at=sharing.clock())] == ["case-3", "case-99"]


def result_of(*agencies: tuple[str, str, AnswerWord], row: int = 2) -> LookupResult:
    answers = tuple(AgencyAnswer(agency, name, word) for agency, name, word in agencies)
    return LookupResult("0" * 32, 1, NOW, (CaseResult("c-1", row, answers),), Coverage(len(agencies), ()))


def test_agencies_of_one_name_are_told_apart_and_none_hides_another(tmp_path: Path) -> None:
    result = result_of(
        ("a", "Outreach", AnswerWord.KNOWN),
        ("b", "outreach", AnswerWord.NO_REPLY_YET),
        ("c", "Case", AnswerWord.NO_SHARED_MATCH),
        ("d", "Outreach (a)", AnswerWord.NOT_ASKED),
        ("e", "Housing", AnswerWord.KNOWN),
    )
    titles = ["Outreach (a)", "outreach (b)", "Case (c)", "Outreach (a) (d)", "Housing"]
    (row,) = as_grid_rows(result, at=NOW)
    words = ["Known", "No reply yet", "No shared match", "Not asked", "Known"]
    assert {title: said.splitlines()[0] for title, said in row.items()} == {"case": "c-1"} | dict(
        zip(titles, words, strict=True)
    )
    (tmp_path / "cases.csv").write_text("case_ref,dob,initials\nc-1,1980-02-01,as\n")
    case_list = read_cases(tmp_path / "cases.csv", today=NOW.date())
    make_sheet(result, case_list, at=NOW, destroy_by=NOW.date()).write_csv(tmp_path / "out.csv")
    (header, sheet_row) = csv.reader((tmp_path / "out.csv").read_text("utf-8-sig").splitlines())
    assert header[5::2] == [f"{title} {NOW.date()}" for title in titles]
    assert sheet_row[4:6] == ["Outreach (a); Housing", "Known"]


def keep(node: Node, result: Any, federation: Federation) -> None:
    cases = [(case_of(person(3)), consent_basis())]
    keep_result(node.store, result, cases, ASKING, at=federation.clock(), days=28)


def test_answers_are_kept_for_28_days_and_explained_from_there(sharing: Federation) -> None:
    asker = sharing.nodes["asker"]
    keep(asker, sharing.ask("asker", person(3)), sharing)
    kept = latest_answers(asker.store, "case-3", at=sharing.clock())
    assert kept is not None
    explained = explain_answer(kept.answers[0])
    assert explained["answer"] == "Known"
    assert explained["words"][0].startswith("The date of birth agrees")
    assert explained["waterfall"]
    sharing.clock.advance(days=27, hours=23)
    assert latest_answers(asker.store, "case-3", at=sharing.clock()) is not None
    sharing.clock.advance(hours=1)
    assert latest_answers(asker.store, "case-3", at=sharing.clock()) is None
    assert drop_expired(asker.store, at=sharing.clock()) == 0


def test_the_newest_answer_about_a_case_is_explained(sharing: Federation) -> None:
    asker = sharing.nodes["asker"]
    keep(asker, sharing.ask("asker", person(3)), sharing)
    sharing.clock.advance(minutes=1)
    newest = sharing.ask("asker", person(3), agencies=())
    keep(asker, newest, sharing)
    kept = latest_answers(asker.store, "case-3", at=sharing.clock())
    assert kept is not None and kept.request == newest.request
    assert explain_answer(kept.answers[0])["words"][0].startswith("No agreement or purpose")


def test_no_shared_match_is_explained_without_telling_unknown_from_withheld(sharing: Federation) -> None:
    unknown, withheld = (sharing.ask("asker", person(n)).cases[0].answers[0] for n in (99, 7))
    assert explain_answer(unknown) == explain_answer(withheld)
    assert explain_answer(unknown)["posterior"] is None


def test_a_look_up_whose_answer_was_lost_is_asked_again_under_its_request(sharing: Federation) -> None:
    from tests.broken_transports import broken

    asker = sharing.nodes["asker"]
    lost = {"/v1/lookups"}

    def once(request: Any, _number: int) -> bool:
        return request.url.path in lost and not lost.discard(request.url.path)

    with broken(asker, once, after_answer=True):
        result = sharing.ask("asker", person(4))
    assert result.cases[0].answers[0].word is AnswerWord.KNOWN
    sync_log(asker)
    questions = [entry.part("question") for entry in read_entries(asker.store) if entry.action == ANSWERED]
    assert {question["request"] for question in questions} == {result.request}
    assert [question["repeats"] for question in questions] == [None, result.log_index - 1]


@pytest.mark.parametrize("details", ["withheld", "unreadable"])
def test_why_details_are_not_shown_is_read_back_too(sharing: Federation, details: str) -> None:
    node, result = sharing.nodes["asker"], sharing.ask("asker", person(3))
    case = result.cases[0]
    bare = AgencyAnswer("holder", "holder", case.answers[0].word, **{f"card_{details}": True})
    result = replace(result, cases=(replace(case, answers=(bare,)),))
    keep(node, result, sharing)
    kept = read_result(node.store, result.request, at=sharing.clock())
    assert kept is not None and kept.result == result
    (shown,) = describe_answers(kept.result.cases[0], at=sharing.clock())
    assert shown["details"] == details


def test_a_whole_look_up_is_read_back_as_it_was_kept_until_it_expires(sharing: Federation) -> None:
    node, at = sharing.nodes["asker"], sharing.clock()
    result = sharing.ask("asker", person(3), person(11))
    cases = [(case_of(person(number), row), consent_basis()) for row, number in ((2, 3), (3, 11))]
    keep_result(node.store, result, cases, ASKING, at=at, days=28, parked={"case-90": "no_birth_date"})
    kept = read_result(node.store, result.request, at=at)
    assert kept is not None
    assert (kept.result, kept.parked) == (result, {"case-90": "no_birth_date"})
    shown = [one["details"] for case in kept.result.cases for one in describe_answers(case, at=at)]
    assert shown == [None, None]
    assert read_result(node.store, "0" * 32, at=at) is None
    sharing.clock.advance(days=28)
    assert read_result(node.store, result.request, at=sharing.clock()) is None
