"""Agreements in force: without a live one nothing moves.

An agreement is live between two agencies at time t when both have signed it and not_before <= t < expires
(docs/protocol.md, section 6).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from hub.errors import AgreementMissingError, BasisNotPermittedError, PurposeNotPermittedError
from hub.models import Agreement, AgreementParty
from hub.purposes import LawfulBasis, Purpose

NONE_LIVE = "no live agreement that the caller and another party have signed"


@dataclass(frozen=True, slots=True)
class LiveAgreement:
    """An agreement in force, and who has signed it."""

    agreement: str
    signed_by: frozenset[str]
    purposes: frozenset[str]
    lawful_bases: frozenset[str]
    maximum_age_days: int

    def covers(self, asker: str, holder: str, *, purpose: Purpose, basis: LawfulBasis) -> bool:
        """Whether it is live between the two, for this purpose on this basis."""
        return {asker, holder} <= self.signed_by and purpose in self.purposes and basis in self.lawful_bases


def live_agreements(session: Session, agency: str, *, at: datetime) -> list[LiveAgreement]:
    """The agreements in force that an agency and at least one other party have signed."""
    signed = select(AgreementParty.agreement).where(
        AgreementParty.agency == agency, AgreementParty.signature.is_not(None)
    )
    return _read_live(session, Agreement.agreement.in_(signed), at=at)


def all_live_agreements(session: Session, *, at: datetime) -> list[LiveAgreement]:
    """The agreements in force that at least two parties have signed."""
    return _read_live(session, true(), at=at)


def _read_live(session: Session, chosen: ColumnElement[bool], *, at: datetime) -> list[LiveAgreement]:
    rows = session.execute(
        select(Agreement.agreement, Agreement.document, AgreementParty.agency)
        .join(AgreementParty, AgreementParty.agreement == Agreement.agreement)
        .where(
            chosen,
            Agreement.not_before <= at,
            Agreement.expires > at,
            AgreementParty.signature.is_not(None),
        )
    )
    documents: dict[str, str] = {}
    signers: dict[str, set[str]] = {}
    for name, document, signer in rows:
        documents[name] = document
        signers.setdefault(name, set()).add(signer)
    return [
        _live(json.loads(documents[name]), signers[name])
        for name in sorted(documents)
        if len(signers[name]) > 1
    ]


def require_live(session: Session, agency: str, *, at: datetime) -> list[LiveAgreement]:
    """The live agreements of an agency, of which there must be one.

    Raises:
        AgreementMissingError: There is none.
    """
    agreements = live_agreements(session, agency, at=at)
    if not agreements:
        raise AgreementMissingError(NONE_LIVE)
    return agreements


def require_covered(
    agreements: Iterable[LiveAgreement], *, purpose: Purpose, bases: Iterable[LawfulBasis]
) -> None:
    """Refuse a purpose or a basis that no live agreement of the caller covers.

    Raises:
        PurposeNotPermittedError: No agreement covers the purpose.
        BasisNotPermittedError: None that does covers one of the bases.
    """
    covering = [agreement for agreement in agreements if purpose in agreement.purposes]
    if not covering:
        raise PurposeNotPermittedError(f"purpose: no live agreement of the caller covers {purpose}")
    for basis in bases:
        if not any(basis in agreement.lawful_bases for agreement in covering):
            raise BasisNotPermittedError(
                f"basis: no live agreement of the caller covers {basis} for {purpose}"
            )


def _live(document: Mapping[str, Any], signers: Iterable[str]) -> LiveAgreement:
    return LiveAgreement(
        agreement=document["agreement"],
        signed_by=frozenset(signers),
        purposes=frozenset(document["purposes"]),
        lawful_bases=frozenset(document["lawful_bases"]),
        maximum_age_days=document["maximum_age_days"],
    )
