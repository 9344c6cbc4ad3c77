"""The disclosure rules: every line of the table, a second plain implementation, and that no "no" widens."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

from hub.disclosure import RULES, HolderConsent, Permitted, Question, Reason, Refused, decide
from hub.purposes import ConsentBasis, EmergencyBasis, PublicTaskBasis, Purpose, ReasonCategory
from tests.hub.disclosure_questions import AT, DAY, MINUTE, SECOND, Hunch, plain_answer, random_question

# The long form is a drill (`make drill`): a million.
CASES = int(os.environ.get("KNOWNTO_DISCLOSURE_CASES", "20000"))

CONSENT = HolderConsent(
    consent="12" * 16,
    version=1,
    recipients=frozenset({"asker"}),
    purposes=frozenset({"case_conference"}),
    data_classes=frozenset({"known_to", "contact"}),
    valid_from=AT - DAY,
    valid_until=AT + DAY,
    withdrawn_at=None,
    objected_at=None,
)
OWN_CONSENT = ConsentBasis(AT - DAY, "written", frozenset({Purpose.CASE_CONFERENCE}))
BY_CONSENT = Question(
    asker="asker",
    staff="worker-1",
    purpose=Purpose.CASE_CONFERENCE,
    basis=OWN_CONSENT,
    at=AT,
    agreement=True,
    sealed=False,
    consent=CONSENT,
)
TASK = PublicTaskBasis(ReasonCategory.RISK_TO_LIFE, "00" * 32, "manager-1", "ab" * 16, AT - DAY)
CRISIS = EmergencyBasis(ReasonCategory.RISK_TO_LIFE, "00" * 32, "cd" * 16, AT - MINUTE)
BY_TASK = replace(BY_CONSENT, basis=TASK, consent=None)
BY_CRISIS = replace(BY_CONSENT, basis=CRISIS, consent=None)
SHOWN, WITHOUT_CARD = "shown", "shown without card"


def answer(question: Question) -> str:
    decision = decide(question)
    if isinstance(decision, Refused):
        return str(decision.reason)
    return SHOWN if decision.card else WITHOUT_CARD


def consent(**changes: Any) -> Question:
    return replace(BY_CONSENT, consent=replace(CONSENT, **changes))


def own(**changes: Any) -> Question:
    return replace(BY_CONSENT, basis=replace(OWN_CONSENT, **changes))


def task(**changes: Any) -> Question:
    return replace(BY_TASK, basis=replace(TASK, **changes))


def crisis(**changes: Any) -> Question:
    return replace(BY_CRISIS, basis=replace(CRISIS, **changes))


LINES = [
    pytest.param(BY_CONSENT, SHOWN, id="consent in scope and in date"),
    pytest.param(BY_TASK, SHOWN, id="public task with another approver"),
    pytest.param(BY_CRISIS, SHOWN, id="an emergency just declared"),
    pytest.param(consent(recipients=frozenset({"*"})), SHOWN, id="consent for everyone"),
    pytest.param(consent(valid_until=None), SHOWN, id="consent without an end"),
    pytest.param(consent(valid_from=AT), SHOWN, id="consent from this moment on"),
    pytest.param(consent(data_classes=frozenset({"known_to"})), WITHOUT_CARD, id="consent without contact"),
    pytest.param(
        replace(BY_TASK, purpose=Purpose.REFERRAL_DEDUPLICATION), WITHOUT_CARD, id="de-duplication: no card"
    ),
    pytest.param(replace(BY_CONSENT, basis=Hunch()), "no_basis", id="a basis that is none"),
    pytest.param(replace(BY_CONSENT, agreement=False), "no_agreement", id="no agreement"),
    pytest.param(
        replace(BY_TASK, purpose=Purpose.STATISTICS), "purpose_not_answered", id="counting, not asking"
    ),
    pytest.param(replace(BY_TASK, purpose="curiosity"), "purpose_not_answered", id="an unknown purpose"),
    pytest.param(replace(BY_CONSENT, sealed=True), "sealed", id="sealed while it was asked"),
    pytest.param(consent(withdrawn_at=AT - DAY), "withdrawn", id="withdrawn"),
    pytest.param(consent(withdrawn_at=AT + DAY), "withdrawn", id="withdrawal dated ahead"),
    pytest.param(consent(objected_at=AT - DAY), "objection", id="objected"),
    pytest.param(
        own(scope=frozenset()), "basis_out_of_scope", id="the asker's consent is for another purpose"
    ),
    pytest.param(
        own(captured_at=AT + DAY), "basis_out_of_scope", id="the asker's consent is from the future"
    ),
    pytest.param(replace(BY_CONSENT, consent=None), "consent_missing", id="no consent recorded"),
    pytest.param(consent(valid_from=AT + DAY), "consent_not_yet_valid", id="not yet valid"),
    pytest.param(consent(valid_until=AT), "consent_expired", id="ended this moment"),
    pytest.param(consent(recipients=frozenset({"other"})), "recipient_out_of_scope", id="for another agency"),
    pytest.param(consent(recipients=frozenset()), "recipient_out_of_scope", id="for nobody"),
    pytest.param(
        consent(purposes=frozenset({"statistics"})), "purpose_out_of_scope", id="for another purpose"
    ),
    pytest.param(consent(data_classes=frozenset({"contact"})), "data_class_out_of_scope", id="contact alone"),
    pytest.param(task(reason_category="gossip"), "reason_missing", id="a category that is none"),
    pytest.param(task(reason_commitment=""), "reason_missing", id="no promise of a reason"),
    pytest.param(crisis(reason_category=None), "reason_missing", id="an emergency without a category"),
    pytest.param(task(approver=None), "approver_missing", id="no approver"),
    pytest.param(task(approver="Worker-1"), "approver_missing", id="approved by the asker, in capitals"),
    pytest.param(task(approved_at=AT - 28 * DAY), "approval_out_of_date", id="approved four weeks ago"),
    pytest.param(task(approved_at=AT + 3 * MINUTE), "approval_out_of_date", id="approved in the future"),
    pytest.param(crisis(declared_at=AT - 15 * MINUTE), "emergency_out_of_time", id="declared 15 minutes ago"),
    pytest.param(
        crisis(declared_at=AT - 15 * MINUTE + SECOND), SHOWN, id="declared just below 15 minutes ago"
    ),
    pytest.param(crisis(declared_at=AT + 3 * MINUTE), "emergency_out_of_time", id="declared in the future"),
    *[
        pytest.param(replace(consent(**said), basis=basis), reason, id=f"{reason}, asked as {name}")
        for said, reason in (
            ({"withdrawn_at": AT - DAY}, "withdrawn"),
            ({"objected_at": AT - DAY}, "objection"),
        )
        for basis, name in ((TASK, "a public task"), (CRISIS, "an emergency"))
    ],
]


@pytest.mark.parametrize(("question", "expected"), LINES)
def test_the_first_line_of_the_table_that_applies_decides(question: Question, expected: str) -> None:
    assert answer(question) == plain_answer(question) == expected


def test_every_reason_has_one_line_and_every_line_is_tried() -> None:
    assert [rule.reason for rule in RULES] == list(Reason)
    assert {line.values[1] for line in LINES} == {SHOWN, WITHOUT_CARD, *map(str, Reason)}


def test_a_second_plain_implementation_agrees_on_many_random_questions() -> None:
    rng = random.Random(20260203)
    met: set[str] = set()
    for _ in range(CASES):
        question = random_question(rng)
        expected = plain_answer(question)
        assert answer(question) == expected, question
        met.add(expected)
    assert met == {SHOWN, WITHOUT_CARD, *map(str, Reason)}


Prohibition = Callable[[Question], Question]


def _in_consent(**changes: Any) -> Prohibition:
    return lambda q: q if q.consent is None else replace(q, consent=replace(q.consent, **changes))


def _in_basis(field: str, value: Any) -> Prohibition:
    def add(question: Question) -> Question:
        if field not in {known.name for known in fields(question.basis)}:
            return question
        return replace(question, basis=replace(question.basis, **{field: value}))

    return add


def _without(name: str, word: str) -> Prohibition:
    """Take one word out of one of the consent's sets."""
    return lambda q: (
        q
        if q.consent is None
        else replace(q, consent=replace(q.consent, **{name: getattr(q.consent, name) - {word}}))
    )


PROHIBITIONS: dict[str, Prohibition] = {
    "the agreement ends": lambda q: replace(q, agreement=False),
    "the record is sealed": lambda q: replace(q, sealed=True),
    "consent is withdrawn": _in_consent(withdrawn_at=AT),
    "the person objects": _in_consent(objected_at=AT),
    "consent begins later": _in_consent(valid_from=AT + DAY),
    "consent ends": _in_consent(valid_until=AT),
    "a recipient goes": _without("recipients", "asker"),
    "everyone goes": _without("recipients", "*"),
    "the purpose goes": lambda q: _without("purposes", str(q.purpose))(q),
    "known_to goes": _without("data_classes", "known_to"),
    "contact goes": _without("data_classes", "contact"),
    "the approver goes": _in_basis("approver", None),
    "the approver is the asker": _in_basis("approver", "WORKER-1"),
    "the approval is old": _in_basis("approved_at", AT - 29 * DAY),
    "the emergency is over": _in_basis("declared_at", AT - DAY),
    "the reason goes": _in_basis("reason_commitment", ""),
    "the asker's consent reaches nothing": _in_basis("scope", frozenset()),
    "the purpose is only counted for": lambda q: replace(q, purpose=Purpose.STATISTICS),
    "the basis is unknown": lambda q: replace(q, basis=Hunch()),
}
WIDTH = {SHOWN: 2, WITHOUT_CARD: 1}


def _questions() -> Iterator[Question]:
    rng = random.Random(7)
    found = 0
    while found < 400:
        question = random_question(rng)
        # Nothing can be narrower than nothing: most are drawn until something is shown.
        if isinstance(question.basis, Hunch) or (answer(question) not in WIDTH and rng.random() < 0.95):
            continue
        found += 1
        yield question


@pytest.mark.parametrize("prohibit", PROHIBITIONS.values(), ids=PROHIBITIONS)
def test_adding_a_prohibition_never_widens_an_answer(prohibit: Prohibition) -> None:
    narrowed = 0
    for question in _questions():
        before = WIDTH.get(answer(question), 0)
        after = WIDTH.get(answer(prohibit(question)), 0)
        assert after <= before, question
        narrowed += after < before
    assert narrowed, "this prohibition never did anything"


def test_recording_a_consent_where_there_is_none_never_hides_a_withdrawal() -> None:
    for question in _questions():
        withdrawn = replace(question, consent=replace(CONSENT, withdrawn_at=AT))
        assert answer(withdrawn) not in WIDTH


@pytest.mark.parametrize("field", ["basis", "purpose"])
@pytest.mark.parametrize(
    "unknown", [None, "", "curiosity", object()], ids=["none", "empty", "word", "object"]
)
def test_what_is_unknown_denies(field: str, unknown: object) -> None:
    for question in (BY_CONSENT, BY_TASK, BY_CRISIS):
        assert not isinstance(decide(replace(question, **{field: unknown})), Permitted)
