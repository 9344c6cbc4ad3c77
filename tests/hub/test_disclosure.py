"""The disclosure rules: every line of the table, and a second plain implementation on many random cases."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.disclosure import HolderConsent, Permitted, Question, Reason, Refused, decide
from hub.purposes import ConsentBasis, PublicTaskBasis, Purpose, ReasonCategory

AT = datetime(2026, 2, 3, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
CONSENT = HolderConsent(
    recipients=frozenset({"asker"}),
    purposes=frozenset({"case_conference"}),
    valid_from=AT - DAY,
    valid_until=AT + DAY,
    withdrawn_at=None,
    objected_at=None,
)
BY_CONSENT = Question(
    asker="asker",
    staff="worker-1",
    purpose=Purpose.CASE_CONFERENCE,
    basis=ConsentBasis(AT - DAY, "written", frozenset({Purpose.CASE_CONFERENCE})),
    at=AT,
    agreement=True,
    consent=CONSENT,
)
PUBLIC_TASK = PublicTaskBasis(ReasonCategory.RISK_TO_LIFE, "00" * 32, "manager-1")
BY_TASK = replace(BY_CONSENT, basis=PUBLIC_TASK, consent=None)


def with_consent(**changes: object) -> Question:
    return replace(BY_CONSENT, consent=replace(CONSENT, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        pytest.param(BY_CONSENT, None, id="consent in scope and in date"),
        pytest.param(BY_TASK, None, id="public task with another approver"),
        pytest.param(with_consent(recipients=frozenset({"*"})), None, id="consent for everyone"),
        pytest.param(with_consent(valid_until=None), None, id="consent without an end"),
        pytest.param(with_consent(valid_from=AT), None, id="consent from this moment on"),
        pytest.param(replace(BY_CONSENT, agreement=False), "no_agreement", id="no agreement"),
        pytest.param(with_consent(withdrawn_at=AT - DAY), "withdrawn", id="withdrawn"),
        pytest.param(with_consent(withdrawn_at=AT + DAY), "withdrawn", id="withdrawal dated ahead"),
        pytest.param(with_consent(objected_at=AT - DAY), "objection", id="objected"),
        pytest.param(replace(BY_CONSENT, consent=None), "consent_missing", id="no consent recorded"),
        pytest.param(with_consent(valid_from=AT + DAY), "consent_not_yet_valid", id="not yet valid"),
        pytest.param(with_consent(valid_until=AT), "consent_expired", id="ended this moment"),
        pytest.param(
            with_consent(recipients=frozenset({"other"})), "recipient_out_of_scope", id="for another agency"
        ),
        pytest.param(with_consent(recipients=frozenset()), "recipient_out_of_scope", id="for nobody"),
        pytest.param(
            with_consent(purposes=frozenset({"statistics"})), "purpose_out_of_scope", id="for another purpose"
        ),
        pytest.param(
            replace(BY_TASK, basis=replace(PUBLIC_TASK, approver=None)), "approver_missing", id="no approver"
        ),
        pytest.param(
            replace(BY_TASK, basis=replace(PUBLIC_TASK, approver="worker-1")),
            "approver_missing",
            id="approved by the asker",
        ),
        pytest.param(
            replace(with_consent(withdrawn_at=AT - DAY), basis=PUBLIC_TASK),
            "withdrawn",
            id="withdrawn, asked as public task",
        ),
        pytest.param(
            replace(with_consent(objected_at=AT - DAY), basis=PUBLIC_TASK),
            "objection",
            id="objected, asked as public task",
        ),
    ],
)
def test_the_first_line_of_the_table_that_applies_decides(question: Question, reason: str | None) -> None:
    expected = Permitted() if reason is None else Refused(Reason(reason))
    assert decide(question) == expected


def plain_reason(question: Question) -> str | None:
    """The same rules written as a list of lines, all evaluated, the first that applies taken."""
    consent, basis = question.consent, question.basis
    by_consent = isinstance(basis, ConsentBasis)
    has = consent is not None
    lines = [
        ("no_agreement", not question.agreement),
        ("withdrawn", has and consent.withdrawn_at is not None),
        ("objection", has and consent.objected_at is not None),
        ("consent_missing", by_consent and not has),
        ("consent_not_yet_valid", by_consent and has and consent.valid_from > question.at),
        (
            "consent_expired",
            by_consent and has and consent.valid_until is not None and consent.valid_until <= question.at,
        ),
        (
            "recipient_out_of_scope",
            by_consent and has and "*" not in consent.recipients and question.asker not in consent.recipients,
        ),
        ("purpose_out_of_scope", by_consent and has and str(question.purpose) not in consent.purposes),
        ("approver_missing", not by_consent and basis.approver in (None, "", question.staff)),
    ]
    return next((reason for reason, applies in lines if applies), None)


def random_question(rng: random.Random) -> Question:
    def moment() -> datetime:
        return AT + rng.choice([-2, -1, 0, 1, 2]) * DAY

    def perhaps(value: datetime) -> datetime | None:
        return value if rng.random() < 0.15 else None

    consent = HolderConsent(
        recipients=frozenset(rng.sample(["asker", "other", "*", "third"], rng.randint(0, 3))),
        purposes=frozenset(rng.sample(list(map(str, Purpose)), rng.randint(0, 6))),
        valid_from=moment(),
        valid_until=rng.choice([None, moment(), moment()]),
        withdrawn_at=perhaps(moment()),
        objected_at=perhaps(moment()),
    )
    approver = rng.choice([None, "", "worker-1", "manager-1", "manager-2"])
    return Question(
        asker="asker",
        staff="worker-1",
        purpose=rng.choice(list(Purpose)),
        basis=rng.choice(
            [
                ConsentBasis(moment(), "verbal", frozenset(Purpose)),
                PublicTaskBasis(rng.choice(list(ReasonCategory)), "00" * 32, approver),
            ]
        ),
        at=AT,
        agreement=rng.random() < 0.9,
        consent=rng.choice([consent, consent, consent, None]),
    )


def test_a_second_plain_implementation_agrees_on_twenty_thousand_random_questions() -> None:
    rng = random.Random(20260203)
    met: set[str | None] = set()
    for _ in range(20_000):
        question = random_question(rng)
        decision = decide(question)
        reason = None if isinstance(decision, Permitted) else str(decision.reason)
        assert reason == plain_reason(question)
        met.add(reason)
    assert met == {None, *map(str, Reason)}
