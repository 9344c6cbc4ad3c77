"""May this asker see this holder's answer, for this purpose? The rules: pure, a table an IG lead can read.

`RULES` is the table. Its first line that applies refuses, and what no line refuses is shown as far as the
purpose and the consent reach. What is unknown denies: a kind of basis, or a purpose, that is not named here
has no line that could permit it. docs/disclosure.md is printed from this module by `hub.policy`, and a second
plain implementation in the tests has to agree with it. Source: docs/protocol.md, section 9; DESIGN.md,
section 7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.purposes import (
    APPROVAL_LIFE,
    CARD_OF_PURPOSE,
    CLOCK_TOLERANCE,
    EMERGENCY_LIFE,
    Basis,
    ConsentBasis,
    EmergencyBasis,
    PublicTaskBasis,
    Purpose,
    ReasonCategory,
    is_same_person,
)

EVERYONE = "*"


class DataClass(StrEnum):
    """What a consent lets others be told: that the agency knows the person, and the answer card."""

    KNOWN_TO = "known_to"
    CONTACT = "contact"


class Reason(StrEnum):
    """Why an answer is withheld; in the log only, never in an answer."""

    NO_BASIS = "no_basis"
    NO_AGREEMENT = "no_agreement"
    PURPOSE_NOT_ANSWERED = "purpose_not_answered"
    SEALED = "sealed"
    WITHDRAWN = "withdrawn"
    OBJECTION = "objection"
    BASIS_OUT_OF_SCOPE = "basis_out_of_scope"
    CONSENT_MISSING = "consent_missing"
    CONSENT_NOT_YET_VALID = "consent_not_yet_valid"
    CONSENT_EXPIRED = "consent_expired"
    RECIPIENT_OUT_OF_SCOPE = "recipient_out_of_scope"
    PURPOSE_OUT_OF_SCOPE = "purpose_out_of_scope"
    DATA_CLASS_OUT_OF_SCOPE = "data_class_out_of_scope"
    REASON_MISSING = "reason_missing"
    APPROVER_MISSING = "approver_missing"
    APPROVAL_OUT_OF_DATE = "approval_out_of_date"
    EMERGENCY_OUT_OF_TIME = "emergency_out_of_time"


@dataclass(frozen=True, slots=True)
class HolderConsent:
    """The newest version of the consent the holder recorded for the matched record.

    `consent` and `version` name it in the log.
    """

    consent: str
    version: int
    recipients: frozenset[str]
    purposes: frozenset[str]
    data_classes: frozenset[str]
    valid_from: datetime
    valid_until: datetime | None
    withdrawn_at: datetime | None
    objected_at: datetime | None


@dataclass(frozen=True, slots=True)
class Question:
    """All facts a decision rests on.

    Attributes:
        asker: The asking agency.
        staff: The person who asks.
        purpose: What for.
        basis: By what right, as the asker states it.
        at: Now.
        agreement: Whether a live agreement covers asker, holder, purpose and basis.
        sealed: Whether the matched record has left the hub since it was matched: sealed, or taken off.
        consent: What the holder recorded for the matched record, or None.
    """

    asker: str
    staff: str
    purpose: Purpose
    basis: Basis
    at: datetime
    agreement: bool
    sealed: bool
    consent: HolderConsent | None


@dataclass(frozen=True, slots=True)
class Permitted:
    """Answer word and evidence may be shown; the holder's card only where `card` says so."""

    card: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer is withheld, and why."""

    reason: Reason


Decision = Permitted | Refused


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table.

    Attributes:
        reason: Why the answer is then withheld.
        words: When the line applies, for people.
        applies: When it applies, for machines.
        bases: The kinds of basis the line is about; None for every kind.
    """

    reason: Reason
    words: str
    applies: Callable[[Question], bool]
    bases: tuple[type[Basis], ...] | None = None


def decide(question: Question) -> Decision:
    """Decide by `RULES`."""
    for rule in RULES:
        if (rule.bases is None or isinstance(question.basis, rule.bases)) and rule.applies(question):
            return Refused(rule.reason)
    return Permitted(card=_is_card_shown(question))


def _is_card_shown(question: Question) -> bool:
    if not CARD_OF_PURPOSE[question.purpose]:
        return False
    if not isinstance(question.basis, ConsentBasis):
        return True
    return question.consent is not None and DataClass.CONTACT in question.consent.data_classes


def _of_consent(test: Callable[[HolderConsent, Question], bool]) -> Callable[[Question], bool]:
    """A test of the holder's consent that applies to nothing where there is none."""
    return lambda q: q.consent is not None and test(q.consent, q)


def _reaches(basis: Basis, question: Question) -> bool:
    """Whether the asker's own consent was given for the purpose, and has been given at all."""
    assert isinstance(basis, ConsentBasis)
    return question.purpose in basis.scope and basis.captured_at <= question.at + CLOCK_TOLERANCE


def _has_reason(basis: Basis) -> bool:
    assert not isinstance(basis, ConsentBasis)
    return basis.reason_category in set(ReasonCategory) and bool(basis.reason_commitment)


def _has_approver(basis: Basis, staff: str) -> bool:
    assert isinstance(basis, PublicTaskBasis)
    return bool(basis.approver) and not is_same_person(basis.approver, staff)


def _is_recent(basis: Basis, at: datetime) -> bool:
    """Whether an approval or a declaration is neither from the future nor past its time."""
    assert not isinstance(basis, ConsentBasis)
    made, life = (
        (basis.declared_at, EMERGENCY_LIFE)
        if isinstance(basis, EmergencyBasis)
        else (basis.approved_at, APPROVAL_LIFE)
    )
    return -CLOCK_TOLERANCE <= at - made < life


_CONSENT, _TASK, _EMERGENCY = (ConsentBasis,), (PublicTaskBasis,), (EmergencyBasis,)
RULES: tuple[Rule, ...] = (
    Rule(
        Reason.NO_BASIS,
        "the lawful basis is none of consent, public task and emergency",
        lambda q: not isinstance(q.basis, (*_CONSENT, *_TASK, *_EMERGENCY)),
    ),
    Rule(
        Reason.NO_AGREEMENT,
        "no live agreement, signed by asker and holder, covers the purpose and the basis",
        lambda q: not q.agreement,
    ),
    Rule(
        Reason.PURPOSE_NOT_ANSWERED,
        "the purpose is not one for which a person may be asked about",
        lambda q: q.purpose not in CARD_OF_PURPOSE,
    ),
    Rule(
        Reason.SEALED,
        "the record has left the hub: its holder sealed it or took it off",
        lambda q: q.sealed,
    ),
    Rule(
        Reason.WITHDRAWN,
        "the person withdrew or refused consent, in this or another record of theirs there",
        _of_consent(lambda consent, q: consent.withdrawn_at is not None),
    ),
    Rule(
        Reason.OBJECTION,
        "the person objected, in this or another record of theirs there",
        _of_consent(lambda consent, q: consent.objected_at is not None),
    ),
    Rule(
        Reason.BASIS_OUT_OF_SCOPE,
        "the consent the asker names was given for other purposes, or is from the future",
        lambda q: not _reaches(q.basis, q),
        _CONSENT,
    ),
    Rule(Reason.CONSENT_MISSING, "the holder has recorded no consent", lambda q: q.consent is None, _CONSENT),
    Rule(
        Reason.CONSENT_NOT_YET_VALID,
        "the holder's consent does not hold yet",
        _of_consent(lambda consent, q: q.at < consent.valid_from),
        _CONSENT,
    ),
    Rule(
        Reason.CONSENT_EXPIRED,
        "the holder's consent has ended",
        _of_consent(lambda consent, q: consent.valid_until is not None and q.at >= consent.valid_until),
        _CONSENT,
    ),
    Rule(
        Reason.RECIPIENT_OUT_OF_SCOPE,
        "the asker is not among the consent's recipients",
        _of_consent(lambda consent, q: not consent.recipients & {EVERYONE, q.asker}),
        _CONSENT,
    ),
    Rule(
        Reason.PURPOSE_OUT_OF_SCOPE,
        "the purpose is not among the consent's purposes",
        _of_consent(lambda consent, q: q.purpose not in consent.purposes),
        _CONSENT,
    ),
    Rule(
        Reason.DATA_CLASS_OUT_OF_SCOPE,
        "the consent does not let others know that the agency knows the person",
        _of_consent(lambda consent, q: DataClass.KNOWN_TO not in consent.data_classes),
        _CONSENT,
    ),
    Rule(
        Reason.REASON_MISSING,
        "no reason category, or no promise of the typed reason",
        lambda q: not _has_reason(q.basis),
        (*_TASK, *_EMERGENCY),
    ),
    Rule(
        Reason.APPROVER_MISSING,
        "nobody approved it, or the asker did",
        lambda q: not _has_approver(q.basis, q.staff),
        _TASK,
    ),
    Rule(
        Reason.APPROVAL_OUT_OF_DATE,
        f"the approval is more than {APPROVAL_LIFE.days} days old, or from the future",
        lambda q: not _is_recent(q.basis, q.at),
        _TASK,
    ),
    Rule(
        Reason.EMERGENCY_OUT_OF_TIME,
        f"the emergency was declared more than {EMERGENCY_LIFE.seconds // 60} minutes ago, or in the future",
        lambda q: not _is_recent(q.basis, q.at),
        _EMERGENCY,
    ),
)
