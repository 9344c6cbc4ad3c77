"""Agreements: proposed by a party, signed by each, and without a live one nothing moves.

An agreement is live between two agencies at time t when both have signed it and not_before <= t < expires
(docs/protocol.md, section 6).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry, who_called
from hub.authentication import CallingNode
from hub.clock import parse_time
from hub.errors import (
    AgreementMissingError,
    BasisNotPermittedError,
    ConflictError,
    MalformedError,
    NotFoundError,
    PurposeNotPermittedError,
    SignatureRejectedError,
)
from hub.models import Agency, Agreement, AgreementParty
from hub.purposes import LawfulBasis, Purpose
from keys.documents import canonical_bytes, document_digest
from keys.errors import KeysError


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


def propose(
    session: Session, caller: CallingNode, document: Mapping[str, Any], *, at: datetime
) -> dict[str, Any]:
    """Take an agreement's document from one of its parties.

    Repeating the same document changes nothing.

    Raises:
        MalformedError: The caller or a stranger is named wrongly among the parties, or it expires before it
        begins. ConflictError: There is an agreement of this id with other content.
    """
    not_before, expires = parse_time(document["not_before"]), parse_time(document["expires"])
    if not_before >= expires:
        raise MalformedError("expires: not after not_before")
    if caller.agency not in document["parties"]:
        raise MalformedError("parties: the caller must be one")
    known = set(session.scalars(select(Agency.agency).where(Agency.agency.in_(document["parties"]))))
    if len(known) != len(document["parties"]):
        raise MalformedError("parties: every party must be an agency of this network")
    digest = document_digest(dict(document))
    row = session.get(Agreement, document["agreement"])
    if row is not None:
        if row.digest != digest:
            raise ConflictError("agreement: there is one of this id with other content")
        return _view(session, row)
    row = Agreement(
        agreement=document["agreement"],
        digest=digest,
        document=canonical_bytes(dict(document)).decode(),
        not_before=not_before,
        expires=expires,
    )
    session.add(row)
    session.flush()
    session.add_all(AgreementParty(agreement=row.agreement, agency=party) for party in document["parties"])
    session.flush()
    facts, parts = {"agreement": row.agreement, "digest": digest}, {"who": who_called(caller)}
    append_entry(session, Action.AGREEMENT_PROPOSED, agency=caller.agency, at=at, facts=facts, parts=parts)
    return _view(session, row)


def sign(
    session: Session, caller: CallingNode, agreement: str, *, digest: str, signature: str, at: datetime
) -> dict[str, Any]:
    """Add a party's signature to an agreement.

    Raises:
        NotFoundError: No such agreement, or the caller is no party of it.
        ConflictError: The caller signed another document than the one proposed.
        SignatureRejectedError: It is not the caller's signature over the document.
    """
    row = session.get(Agreement, agreement)
    party = session.scalar(
        select(AgreementParty)
        .where(AgreementParty.agreement == agreement, AgreementParty.agency == caller.agency)
        .with_for_update()
    )
    if row is None or party is None:
        raise NotFoundError("agreement: none of this id has the caller as a party")
    if digest != row.digest:
        raise ConflictError("digest: not that of the proposed document")
    try:
        caller.identity.verify_document(json.loads(row.document), signature)
    except KeysError as error:
        raise SignatureRejectedError("signature: not the caller's over this document") from error
    if party.signature != signature:
        party.signature, party.signed_at = signature, at
        session.flush()
        facts, parts = {"agreement": agreement, "digest": digest}, {"who": who_called(caller)}
        append_entry(session, Action.AGREEMENT_SIGNED, agency=caller.agency, at=at, facts=facts, parts=parts)
    return _view(session, row)


def list_agreements(session: Session, caller: CallingNode) -> list[dict[str, Any]]:
    """The agreements the caller is a party of, with their signatures, sorted by id."""
    rows = session.scalars(
        select(Agreement)
        .join(AgreementParty, AgreementParty.agreement == Agreement.agreement)
        .where(AgreementParty.agency == caller.agency)
    )
    return [_view(session, row) for row in sorted(rows, key=lambda row: row.agreement)]


def live_agreements(session: Session, agency: str, *, at: datetime) -> list[LiveAgreement]:
    """The agreements in force that an agency and at least one other party have signed."""
    signed = select(AgreementParty.agreement).where(
        AgreementParty.agency == agency, AgreementParty.signature.is_not(None)
    )
    rows = session.execute(
        select(Agreement.agreement, Agreement.document, AgreementParty.agency)
        .join(AgreementParty, AgreementParty.agreement == Agreement.agreement)
        .where(
            Agreement.agreement.in_(signed),
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
        raise AgreementMissingError("no live agreement that the caller and another party have signed")
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


def _view(session: Session, row: Agreement) -> dict[str, Any]:
    rows = session.execute(
        select(AgreementParty.agency, AgreementParty.signature)
        .where(AgreementParty.agreement == row.agreement, AgreementParty.signature.is_not(None))
        .order_by(AgreementParty.agency)
    )
    signatures = {agency: signature for agency, signature in rows}
    document: dict[str, Any] = json.loads(row.document)
    return document | {"digest": row.digest, "signatures": signatures}
