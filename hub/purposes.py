"""Why someone asks, and by what right: the closed vocabularies and which of them go together.

The agreement decides what a partnership allows; the tables here are what no agreement can allow
(DOMAIN.md, "Who uses it": who keeps a caseload must not learn about people who are not open to them).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hub.errors import (
    ApproverRequiredError,
    BasisNotPermittedError,
    PurposeNotPermittedError,
    RoleNotPermittedError,
)
from keys.actors import Role


class Purpose(StrEnum):
    """What a look-up, or another use of shared tokens, is for."""

    CASE_CONFERENCE = "case_conference"
    SINGLE_LOOKUP = "single_lookup"
    REFERRAL_DEDUPLICATION = "referral_deduplication"
    COHORT_IDENTIFICATION = "cohort_identification"
    STATISTICS = "statistics"
    SAFEGUARDING_PANEL = "safeguarding_panel"


class LawfulBasis(StrEnum):
    """UK GDPR Article 6(1)(a), consent, and 6(1)(e), public task."""

    CONSENT = "consent"
    PUBLIC_TASK = "public_task"


class ReasonCategory(StrEnum):
    """Why a public task needs the answer; the words typed stay at the asking node."""

    RISK_TO_LIFE = "risk_to_life"
    SERIOUS_HARM = "serious_harm"
    SAFEGUARDING_ADULT = "safeguarding_adult"
    SAFEGUARDING_CHILD = "safeguarding_child"
    MISSING_PERSON = "missing_person"
    PUBLIC_PROTECTION = "public_protection"


# What an answer shows beside word and evidence: whether the holder's card goes with it. Whoever removes
# duplicates among referrals rings nobody, and so needs no team.
CARD_OF_PURPOSE = {
    Purpose.CASE_CONFERENCE: True,
    Purpose.SAFEGUARDING_PANEL: True,
    Purpose.SINGLE_LOOKUP: True,
    Purpose.REFERRAL_DEDUPLICATION: False,
}
# Cohorts and statistics count people; they never ask about one.
LOOKUP_PURPOSES = frozenset(CARD_OF_PURPOSE)
# Nobody else asks: a responder keeps a caseload, information governance reviews.
PURPOSES_OF_ROLE = {
    Role.OFFICER: LOOKUP_PURPOSES - {Purpose.REFERRAL_DEDUPLICATION},
    Role.COORDINATOR: LOOKUP_PURPOSES,
}


# As far as the clock of a node, or of a witness, may run ahead of the hub's (docs/protocol.md, section 2).
CLOCK_TOLERANCE = timedelta(seconds=120)
# About one cycle of a conference; after it the approver is asked again.
APPROVAL_LIFE = timedelta(days=28)
# DESIGN.md section 7: an emergency is for the call that cannot wait, not for the afternoon.
EMERGENCY_LIFE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class ConsentBasis:
    """The asker holds the person's consent: when and how it was given, and for which purposes."""

    captured_at: datetime
    method: str
    scope: frozenset[Purpose]


@dataclass(frozen=True, slots=True)
class PublicTaskBasis:
    """A public task with a safeguarding reason: an override, and who approved it when."""

    reason_category: ReasonCategory
    reason_commitment: str
    approver: str | None
    override: str
    approved_at: datetime


@dataclass(frozen=True, slots=True)
class EmergencyBasis:
    """A public task that could not wait for an approver: recorded by the asker, reviewed afterwards."""

    reason_category: ReasonCategory
    reason_commitment: str
    emergency: str
    declared_at: datetime


Basis = ConsentBasis | PublicTaskBasis | EmergencyBasis


def kind_of(basis: Basis) -> LawfulBasis:
    """The lawful basis a case is asked under; an emergency is a public task."""
    return LawfulBasis.CONSENT if isinstance(basis, ConsentBasis) else LawfulBasis.PUBLIC_TASK


def is_same_person(approver: str | None, staff: str) -> bool:
    """Whether two staff ids are one, however they are typed."""
    return approver is not None and approver.casefold() == staff.casefold()


def require_role(role: Role, purpose: Purpose) -> None:
    """Refuse purposes that are not for look-ups, and roles that may not look up for this one.

    Raises:
        PurposeNotPermittedError: Nobody looks up one person for this purpose.
        RoleNotPermittedError: This role does not.
    """
    if purpose not in LOOKUP_PURPOSES:
        raise PurposeNotPermittedError(f"purpose: {purpose} is not one of look-ups")
    if purpose not in PURPOSES_OF_ROLE.get(role, ()):
        raise RoleNotPermittedError(f"role: {role} may not look up for {purpose}")


def require_basis(basis: Basis, *, purpose: Purpose, staff: str, at: datetime, field: str) -> None:
    """Refuse a basis that does not reach the purpose, whatever any agreement says.

    Raises:
        BasisNotPermittedError: The consent was given for other purposes; or a consent, an approval or a
            declaration is from the future or past its time.
        ApproverRequiredError: A public task without an approver, or approved by the asker.
    """
    match basis:
        case ConsentBasis():
            if purpose not in basis.scope:
                raise BasisNotPermittedError(f"{field}.scope: the consent does not reach this purpose")
            _require_recent(basis.captured_at, life=None, at=at, field=f"{field}.captured_at")
        case PublicTaskBasis():
            if basis.approver is None:
                raise ApproverRequiredError(f"{field}.approver: a public task needs an approver")
            if is_same_person(basis.approver, staff):
                raise ApproverRequiredError(f"{field}.approver: the approver must not be the asker")
            _require_recent(basis.approved_at, life=APPROVAL_LIFE, at=at, field=f"{field}.approved_at")
        case EmergencyBasis():
            _require_recent(basis.declared_at, life=EMERGENCY_LIFE, at=at, field=f"{field}.declared_at")


def _require_recent(made: datetime, *, life: timedelta | None, at: datetime, field: str) -> None:
    if made > at + CLOCK_TOLERANCE:
        raise BasisNotPermittedError(f"{field}: is in the future")
    if life is not None and at - made >= life:
        raise BasisNotPermittedError(f"{field}: is past its time of {_words(life)}")


def _words(life: timedelta) -> str:
    return f"{life.days} days" if life.days else f"{life.seconds // 60} minutes"
