"""The main job, end to end, the same over both transports and on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from node.access_log import describe_log, sync_log
from node.answers import AnswerWord
from node.bases import PublicTaskBasis
from node.commitments import commit_reason
from node.consent import record_objection, withdraw_consent
from node.errors import HubRefusedError
from node.in_step import send_or_say_so
from node.pushing import push_caseload
from node.sealing import seal_person, unseal_person
from tests.federation import NOW, Federation
from tests.people import people, person


def public_task(approver: str = "ig-lead") -> PublicTaskBasis:
    reason = commit_reason("risk named at the door")
    return PublicTaskBasis("safeguarding_adult", approver, reason, "ab" * 16, NOW)


def test_a_known_person_is_answered_with_the_holders_card(federation: Federation) -> None:
    federation.share("holder", people(20))
    federation.consent("holder", "H00003")
    (case,) = federation.ask("asker", person(3)).cases
    (answer,) = case.answers
    assert (answer.agency, answer.word) == ("holder", AnswerWord.KNOWN)
    assert (answer.open, answer.team) == (True, "Probation desk 020")
    evidence = answer.explain()
    assert evidence is not None and evidence.posterior >= 0.95


def test_withdrawn_consent_changes_the_next_look_up(federation: Federation) -> None:
    federation.share("holder", people(20))
    federation.consent("holder", "H00003")
    assert federation.words("asker", person(3)) == {"holder": "Known"}
    withdraw_consent(federation.nodes["holder"], "H00003")
    send_or_say_so(federation.nodes["holder"])
    assert federation.words("asker", person(3)) == {"holder": "No shared match"}


def test_an_objection_holds_against_a_public_task_too(federation: Federation) -> None:
    federation.share("holder", people(20))
    approved = federation.approve("asker", public_task())
    assert federation.words("asker", person(3), basis=approved) == {"holder": "Known"}
    record_objection(federation.nodes["holder"], "H00003")
    send_or_say_so(federation.nodes["holder"])
    assert federation.words("asker", person(3), basis=approved) == {"holder": "No shared match"}


def test_every_answer_word_occurs(federation: Federation) -> None:
    federation.add("silent")
    federation.add("stranger")
    # A second epoch, because the linkage key has to reach those who joined.
    federation.begin_epoch(["dob", "initials"], custodian="asker")
    federation.agree("asker", "silent", agreement="with-silent")
    federation.share("holder", people(200))
    federation.consent("holder", "H00003")
    known, unknown = person(3), person(777)
    # Near misses of one kind or another: which of them is uncertain is the model's business.
    day, year, month = ({**known, "dob": dob} for dob in ("1953-04-07", "1954-04-05", "1953-05-05"))
    result = federation.ask("asker", known, unknown, day, year, month)
    by_agency: dict[str, list[str]] = {}
    for case in result.cases:
        for answer in case.answers:
            by_agency.setdefault(answer.agency, []).append(str(answer.word))
    assert by_agency["holder"][:2] == ["Known", "No shared match"]
    assert "Possibly known - ring to check" in by_agency["holder"]
    assert set(by_agency["silent"]) == {"No reply yet"}
    assert set(by_agency["stranger"]) == {"Not asked"}
    assert {word for words in by_agency.values() for word in words} == set(map(str, AnswerWord))


def test_an_agency_that_has_not_shared_is_no_reply_yet_and_never_no_shared_match(
    federation: Federation,
) -> None:
    result = federation.ask("asker", person(1), person(2))
    words = [answer.word for case in result.cases for answer in case.answers]
    assert words == [AnswerWord.NO_REPLY_YET, AnswerWord.NO_REPLY_YET]
    assert (result.coverage.words, result.coverage.stale) == ("0 of 1 agencies up to date", ("holder",))


def test_a_stale_agency_is_no_reply_yet_and_shares_again_by_pushing(federation: Federation) -> None:
    federation.share("holder", people(20))
    federation.consent("holder", "H00003")
    federation.clock.advance(days=36)
    assert federation.words("asker", person(3)) == {"holder": "No reply yet"}
    assert federation.words("asker", person(99)) == {"holder": "No reply yet"}
    push_caseload(federation.nodes["holder"])
    assert federation.words("asker", person(3)) == {"holder": "Known"}


def test_a_sealed_person_is_found_no_more_until_unsealed_and_pushed(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(20))
    federation.consent("holder", "H00003")
    assert seal_person(holder, "H00003").known
    assert federation.words("asker", person(3)) == {"holder": "No shared match"}
    assert push_caseload(holder).records == 19
    unseal_person(holder, "H00003")
    assert push_caseload(holder).records == 20
    assert federation.words("asker", person(3)) == {"holder": "Known"}


def test_an_agency_without_agreement_is_not_asked(federation: Federation) -> None:
    federation.add("stranger")
    federation.share("holder", people(5))
    words = federation.words("asker", person(3))
    assert words == {"holder": "No shared match", "stranger": "Not asked"}


def test_an_agency_left_out_of_the_question_is_not_asked(federation: Federation) -> None:
    federation.share("holder", people(5))
    assert federation.words("asker", person(3), agencies=()) == {"holder": "Not asked"}


def test_without_a_signed_agreement_nothing_moves(empty_federation: Federation) -> None:
    federation = empty_federation
    federation.add("asker", custodian=True)
    federation.add("holder")
    federation.begin_epoch(["dob", "names"], custodian="asker")
    federation.agree("asker", "holder", sign=["asker"])
    with pytest.raises(HubRefusedError) as refused:
        federation.share("holder", people(3))
    assert refused.value.code == "no_agreement"


def test_an_expired_agreement_stops_look_ups(federation: Federation) -> None:
    federation.share("holder", people(5))
    federation.clock.advance(days=181)
    with pytest.raises(HubRefusedError) as refused:
        federation.ask("asker", person(3))
    assert refused.value.code == "no_agreement"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"role": "responder"}, "role_not_permitted", id="a responder does not ask"),
        pytest.param({"basis": public_task("asker-staff")}, "approver_required", id="approved by the asker"),
    ],
)
def test_a_refused_look_up_says_why(federation: Federation, changes: dict[str, object], code: str) -> None:
    federation.share("holder", people(5))
    with pytest.raises(HubRefusedError) as refused:
        federation.ask("asker", person(3), **changes)
    assert refused.value.code == code
    asker = federation.nodes["asker"]
    sync_log(asker)
    assert [line.outcome for line in describe_log(asker) if line.action.startswith("lookup:")] == [
        f"refused: {code}"
    ]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"recipients": ("holder",)}, id="consent names another recipient"),
        pytest.param({"purposes": ("statistics",)}, id="consent is for another purpose"),
        pytest.param({"shift": timedelta(days=40)}, id="consent does not hold yet"),
        pytest.param({"ended": timedelta(days=1)}, id="consent has ended"),
    ],
)
def test_consent_out_of_scope_looks_like_an_unknown_person(
    federation: Federation, changes: dict[str, object]
) -> None:
    now = federation.clock()
    if "shift" in changes:
        changes = {"valid_from": now + changes["shift"]}  # type: ignore[operator]
    if "ended" in changes:
        changes = {"valid_until": now - changes["ended"]}  # type: ignore[operator]
    federation.share("holder", people(20))
    federation.consent("holder", "H00003", **changes)
    withheld = federation.ask("asker", person(3)).cases[0].answers
    unknown = federation.ask("asker", person(99)).cases[0].answers
    assert withheld == unknown


def test_both_sides_see_the_look_up_by_their_own_references(federation: Federation) -> None:
    from node.results import keep_result
    from tests.federation import Asking, case_of, consent_basis

    federation.share("holder", people(20))
    federation.consent("holder", "H00003")
    asker, holder = federation.nodes["asker"], federation.nodes["holder"]
    result = federation.ask("asker", person(3))
    asking = Asking("asker-staff", "coordinator", "case_conference")
    cases = [(case_of(person(3)), consent_basis())]
    keep_result(asker.store, result, cases, asking, at=federation.clock(), days=28)
    for node in (asker, holder):
        sync_log(node)
    (asked,) = [line for line in describe_log(asker) if line.action == "lookup:match:answered"]
    (about,) = [line for line in describe_log(holder) if line.action == "lookup:match:answered"]
    assert (asked.direction, asked.reference, asked.outcome) == ("asked", "case-3", "holder: Known")
    assert (about.direction, about.reference, about.outcome) == ("about us", "H00003", "Known")
    assert (about.agency, about.staff, about.purpose) == ("asker", "asker-staff", "case_conference")
    assert sync_log(holder) == 0


def test_people_removed_from_the_file_are_found_no_more(federation: Federation) -> None:
    federation.share("holder", people(20))
    federation.consent("holder", "H00003")
    outcome = federation.share("holder", [row for row in people(20) if row["local_id"] != "H00003"])
    assert (outcome.sent, outcome.removed, outcome.records) == (0, 1, 19)
    assert federation.words("asker", person(3)) == {"holder": "No shared match"}
    again = federation.share("holder", people(20))
    assert (again.sent, again.removed) == (1, 0)
    assert federation.words("asker", person(3)) == {"holder": "Known"}
