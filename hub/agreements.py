"""Agreements: proposed by a party and signed by each (docs/protocol.md, section 6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry, who_called
from hub.authentication import CallingNode
from hub.clock import parse_time
from hub.errors import ConflictError, MalformedError, NotFoundError, SignatureRejectedError
from hub.models import Agency, Agreement, AgreementParty
from keys.documents import canonical_bytes, document_digest
from keys.errors import KeysError


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


def _view(session: Session, row: Agreement) -> dict[str, Any]:
    rows = session.execute(
        select(AgreementParty.agency, AgreementParty.signature)
        .where(AgreementParty.agreement == row.agreement, AgreementParty.signature.is_not(None))
        .order_by(AgreementParty.agency)
    )
    signatures = {agency: signature for agency, signature in rows}
    document: dict[str, Any] = json.loads(row.document)
    return document | {"digest": row.digest, "signatures": signatures}
