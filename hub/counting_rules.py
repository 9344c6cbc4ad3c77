"""Whose records may be counted, for a purpose that asks about nobody: pure but for the agreement it reads.

A count is made under one agreement, for its signers alone, and by one lawful basis of it. A record counts
where `hub.disclosure.RULES` would withhold nothing of its person: those of its lines that are about the
holder's record apply here too. What cannot apply is who asks and who approved, because nobody asks about
anybody; what takes their place is that a consent has to reach everybody who takes part in the count. What is
unknown denies. Sealed people are not at the hub at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from hub.disclosure import EVERYONE, RULES, HolderConsent, Question, Reason
from hub.errors import AgreementMissingError, BasisNotPermittedError, MalformedError
from hub.live_agreements import LiveAgreement, all_live_agreements
from hub.purposes import ConsentBasis, LawfulBasis, Purpose

# Purposes for which people are counted and nobody is asked about.
COUNTING = frozenset({Purpose.COHORT_IDENTIFICATION, Purpose.STATISTICS})
# A no holds whatever the basis.
NOES = frozenset({Reason.WITHDRAWN, Reason.OBJECTION})
OF_THE_RECORD = NOES | {
    Reason.CONSENT_MISSING,
    Reason.CONSENT_NOT_YET_VALID,
    Reason.CONSENT_EXPIRED,
    Reason.PURPOSE_OUT_OF_SCOPE,
    Reason.DATA_CLASS_OUT_OF_SCOPE,
}


@dataclass(frozen=True, slots=True)
class Circle:
    """Under what people are counted: an agreement, one of its purposes, one of its bases, and when."""

    agreement: LiveAgreement
    purpose: Purpose
    basis: LawfulBasis
    at: datetime

    @property
    def oldest(self) -> datetime:
        """A caseload of before this is too old to be counted."""
        return self.at - timedelta(days=self.agreement.maximum_age_days)


def find_circle(
    session: Session,
    *,
    purpose: Purpose,
    at: datetime,
    agreement: str | None = None,
    basis: LawfulBasis | None = None,
) -> Circle:
    """The agreement to count under.

    Args:
        session: A session.
        purpose: One of `COUNTING`.
        at: Now.
        agreement: Its id; None where only one comes into question.
        basis: One of its lawful bases; None for the stricter of them, consent.

    Raises:
        AgreementMissingError: No live agreement, or not this one, names the purpose.
        MalformedError: Several do, and none was named.
        BasisNotPermittedError: The agreement does not rely on this basis.
    """
    assert purpose in COUNTING
    live = [one for one in all_live_agreements(session, at=at) if purpose in one.purposes]
    chosen = [one for one in live if agreement in (None, one.agreement)]
    if not chosen:
        raise AgreementMissingError(f"no live agreement that two parties have signed names {purpose}")
    if len(chosen) > 1:
        raise MalformedError(f"agreement: several name {purpose}; say which")
    bases = chosen[0].lawful_bases
    wanted = basis or (LawfulBasis.CONSENT if LawfulBasis.CONSENT in bases else LawfulBasis.PUBLIC_TASK)
    if wanted not in bases:
        raise BasisNotPermittedError(f"basis: the agreement does not rely on {wanted}")
    return Circle(chosen[0], purpose, wanted, at)


def why_not_counted(
    circle: Circle, holder: str, consent: HolderConsent | None, *, others: Iterable[HolderConsent | None] = ()
) -> Reason | None:
    """Why a record is not counted; None where it is.

    Args:
        circle: Under what is counted.
        holder: Its agency.
        consent: What its holder recorded for it.
        others: What it recorded for the person's other records there: a no on one is a no for all.
    """
    for one in (consent, *others):
        no = _withheld(circle, holder, one, NOES)
        if no is not None:
            return no
    if circle.basis is not LawfulBasis.CONSENT:
        return None
    return _withheld(circle, holder, consent, OF_THE_RECORD)


def _withheld(
    circle: Circle, holder: str, consent: HolderConsent | None, reasons: frozenset[Reason]
) -> Reason | None:
    question = Question(
        asker=holder,
        staff="",
        purpose=circle.purpose,
        basis=ConsentBasis(captured_at=circle.at, method="", scope=frozenset({circle.purpose})),
        at=circle.at,
        agreement=True,
        sealed=False,
        consent=consent,
    )
    for rule in RULES:
        if rule.reason in reasons and rule.applies(question):
            return rule.reason
    if consent is not None and reasons == OF_THE_RECORD:
        others = circle.agreement.signed_by - {holder}
        if EVERYONE not in consent.recipients and not others <= consent.recipients:
            return Reason.RECIPIENT_OUT_OF_SCOPE
    return None
