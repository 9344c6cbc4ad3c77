"""May this asker see this holder's answer, for this purpose? The rules, pure, as a table an IG lead can read.

    1  no live agreement covers asker, holder, purpose and basis    no_agreement
    2  the person withdrew their consent                            withdrawn
    3  the person objected                                          objection
       basis consent:
    4    the holder has recorded no consent                         consent_missing
    5    the consent does not hold yet                              consent_not_yet_valid
    6    the consent has ended                                      consent_expired
    7    the asker is not among its recipients                      recipient_out_of_scope
    8    the purpose is not among its purposes                      purpose_out_of_scope
       basis public task:
    9    no approver other than the asker, or no reason category    approver_missing
    10 otherwise                                                    permitted

The first line that applies decides. What is unknown denies. Sealed people never reach the hub, and so need no
line. Source: docs/protocol.md, section 9; DESIGN.md, section 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.purposes import Basis, ConsentBasis, Purpose

EVERYONE = "*"


class Reason(StrEnum):
    """Why an answer is withheld; in the log only, never in an answer."""

    NO_AGREEMENT = "no_agreement"
    WITHDRAWN = "withdrawn"
    OBJECTION = "objection"
    CONSENT_MISSING = "consent_missing"
    CONSENT_NOT_YET_VALID = "consent_not_yet_valid"
    CONSENT_EXPIRED = "consent_expired"
    RECIPIENT_OUT_OF_SCOPE = "recipient_out_of_scope"
    PURPOSE_OUT_OF_SCOPE = "purpose_out_of_scope"
    APPROVER_MISSING = "approver_missing"


@dataclass(frozen=True, slots=True)
class HolderConsent:
    """The newest version of the consent the holder recorded for the matched record."""

    recipients: frozenset[str]
    purposes: frozenset[str]
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
        consent: What the holder recorded for the matched record, or None.
    """

    asker: str
    staff: str
    purpose: Purpose
    basis: Basis
    at: datetime
    agreement: bool
    consent: HolderConsent | None


@dataclass(frozen=True, slots=True)
class Permitted:
    """The answer may be shown."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer is withheld, and why."""

    reason: Reason


Decision = Permitted | Refused


def decide(question: Question) -> Decision:
    """Decide by the table above."""
    if not question.agreement:
        return Refused(Reason.NO_AGREEMENT)
    consent = question.consent
    if consent is not None and consent.withdrawn_at is not None:
        return Refused(Reason.WITHDRAWN)
    if consent is not None and consent.objected_at is not None:
        return Refused(Reason.OBJECTION)
    if isinstance(question.basis, ConsentBasis):
        return _decide_consent(question, consent)
    approver = question.basis.approver
    if not approver or approver == question.staff or not question.basis.reason_category:
        return Refused(Reason.APPROVER_MISSING)
    return Permitted()


def _decide_consent(question: Question, consent: HolderConsent | None) -> Decision:
    if consent is None:
        return Refused(Reason.CONSENT_MISSING)
    if question.at < consent.valid_from:
        return Refused(Reason.CONSENT_NOT_YET_VALID)
    if consent.valid_until is not None and question.at >= consent.valid_until:
        return Refused(Reason.CONSENT_EXPIRED)
    if not consent.recipients & {EVERYONE, question.asker}:
        return Refused(Reason.RECIPIENT_OUT_OF_SCOPE)
    if question.purpose not in consent.purposes:
        return Refused(Reason.PURPOSE_OUT_OF_SCOPE)
    return Permitted()
