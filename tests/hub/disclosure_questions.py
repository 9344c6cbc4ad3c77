"""Random questions to the disclosure rules, and the rules a second time, written plainly.

The second implementation shares no line and no constant with `hub.disclosure`: it walks through the facts in
the order an IG officer would tell them, and knows the purposes, times and reasons as text.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.disclosure import DataClass, HolderConsent, Question
from hub.purposes import ConsentBasis, EmergencyBasis, PublicTaskBasis, Purpose, ReasonCategory

AT = datetime(2026, 2, 3, 9, 30, tzinfo=UTC)
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)


class Hunch:
    """A basis that is none."""


def plain_answer(question: Question) -> str:
    """`shown`, `shown without card`, or the reason why not."""
    q, c = question, question.consent
    kind = type(q.basis).__name__
    if kind not in ("ConsentBasis", "PublicTaskBasis", "EmergencyBasis"):
        return "no_basis"
    if q.agreement is False:
        return "no_agreement"
    if str(q.purpose) in ("cohort_identification", "statistics") or str(q.purpose) == "curiosity":
        return "purpose_not_answered"
    if q.sealed:
        return "sealed"
    if c is not None:
        if c.withdrawn_at:
            return "withdrawn"
        if c.objected_at:
            return "objection"
    if kind == "ConsentBasis":
        return _plain_consent(q, c)
    if str(q.basis.reason_category) not in {
        "risk_to_life", "serious_harm", "safeguarding_adult", "safeguarding_child", "missing_person",
        "public_protection",
    } or len(q.basis.reason_commitment) == 0:  # fmt: skip
        return "reason_missing"
    if kind == "EmergencyBasis":
        seconds = (q.at - q.basis.declared_at).total_seconds()
        return "emergency_out_of_time" if seconds < -120 or seconds >= 900 else _plain_detail(q)
    if q.basis.approver in (None, "") or q.basis.approver.lower() == q.staff.lower():
        return "approver_missing"
    hours = (q.at - q.basis.approved_at).total_seconds() / 3600
    return "approval_out_of_date" if hours < -120 / 3600 or hours >= 28 * 24 else _plain_detail(q)


def _plain_consent(q: Question, c: HolderConsent | None) -> str:
    if q.purpose not in q.basis.scope or (q.basis.captured_at - q.at).total_seconds() > 120:
        return "basis_out_of_scope"
    if c is None:
        return "consent_missing"
    if c.valid_from > q.at:
        return "consent_not_yet_valid"
    if c.valid_until is not None and not c.valid_until > q.at:
        return "consent_expired"
    if "*" not in c.recipients and q.asker not in c.recipients:
        return "recipient_out_of_scope"
    if str(q.purpose) not in c.purposes:
        return "purpose_out_of_scope"
    if "known_to" not in c.data_classes:
        return "data_class_out_of_scope"
    return _plain_detail(q) if "contact" in c.data_classes else "shown without card"


def _plain_detail(q: Question) -> str:
    return "shown without card" if str(q.purpose) == "referral_deduplication" else "shown"


PURPOSES: list[Any] = [*Purpose, Purpose.CASE_CONFERENCE, Purpose.SAFEGUARDING_PANEL, "curiosity"]
CATEGORIES: list[Any] = [*ReasonCategory, "gossip"]
NEAR = (-28 * DAY, -2 * DAY, -15 * MINUTE, -MINUTE, timedelta(0), 2 * MINUTE, DAY)


def random_question(rng: random.Random) -> Question:
    """A question of which every fact is drawn for itself; each reason and both ways to show occur."""
    return Question(
        asker="asker",
        staff=rng.choice(("worker-1", "Worker-1")),
        purpose=rng.choice(PURPOSES),
        basis=_random_basis(rng),
        at=AT,
        agreement=rng.random() < 0.95,
        sealed=rng.random() < 0.05,
        consent=None if rng.random() < 0.15 else _random_consent(rng),
    )


def _moment(rng: random.Random) -> datetime:
    return AT + rng.choice(NEAR) + rng.choice((-SECOND, timedelta(0), timedelta(0), SECOND))


def _random_basis(rng: random.Random) -> Any:
    kind = rng.random()
    if kind < 0.45:
        scope = rng.sample(list(Purpose), rng.randint(3, 6))
        return ConsentBasis(_moment(rng), "verbal", frozenset(scope))
    reason = rng.choice(CATEGORIES), rng.choice(("00" * 32, "00" * 32, "00" * 32, ""))
    if kind < 0.7:
        approver = rng.choice((None, "", "worker-1", "WORKER-1", "manager-1", "manager-1", "manager-2"))
        return PublicTaskBasis(*reason, approver, "ab" * 16, _moment(rng))
    return EmergencyBasis(*reason, "cd" * 16, _moment(rng)) if kind < 0.98 else Hunch()


def _random_consent(rng: random.Random) -> HolderConsent:
    return HolderConsent(
        consent="12" * 16,
        version=rng.randint(1, 9),
        recipients=frozenset(rng.sample(("asker", "other", "*", "third"), rng.randint(0, 3))),
        purposes=frozenset(rng.sample(list(map(str, Purpose)), rng.randint(2, 6))),
        data_classes=frozenset(rng.sample(list(map(str, DataClass)), rng.choice((0, 1, 2, 2, 2)))),
        valid_from=AT + rng.choice((-DAY, -DAY, -SECOND, timedelta(0), SECOND)),
        valid_until=rng.choice((None, None, AT + DAY, AT + SECOND, AT, AT - SECOND)),
        withdrawn_at=_moment(rng) if rng.random() < 0.1 else None,
        objected_at=_moment(rng) if rng.random() < 0.1 else None,
    )
