"""Members of the network: added and invited by the operator, enrolled by their node, confirmed by two people.

An invitation is a one-time token of 192 bits; the hub keeps its SHA-256 (a random token needs no slow hash).
The fingerprint compared at confirmation vouches for both keys of the node (docs/protocol.md, section 4).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry
from hub.errors import (
    ConflictError,
    FingerprintMismatchError,
    InvitationRefusedError,
    NotFoundError,
)
from hub.models import Agency
from hub.service_kinds import kind_of_service
from keys.identity import PublicIdentity, fingerprints_equal

INVITATION_BYTES = 24


def list_agencies(session: Session) -> list[Agency]:
    """All agencies of the network, sorted by id."""
    # Sorted here: databases collate hyphens and digits in their own ways.
    return sorted(session.scalars(select(Agency)), key=lambda agency: agency.agency)


def kinds_present(session: Session) -> set[str]:
    """The kinds of service that take part: those of the confirmed agencies."""
    services = [row.service for row in list_agencies(session) if row.state == "confirmed"]
    return {kind for service in services if (kind := kind_of_service(service)) is not None}


def add_agency(
    session: Session, agency: str, *, name: str, service: str, area: str | None, custodian: bool
) -> Agency:
    """Add an agency to the network; it has no keys yet.

    Raises:
        ConflictError: There is an agency of that id.
    """
    if session.get(Agency, agency) is not None:
        raise ConflictError(f"agency {agency}: is there already")
    row = Agency(
        agency=agency, name=name, service=service, area=area, custodian=custodian, state="invited",
        shared_records=0, invitation_used=False,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def invite(session: Session, agency: str, *, at: datetime, hours: int) -> str:
    """Make a one-time enrolment token; an earlier one no longer works.

    Returns:
        The token. It is kept nowhere: show it once.

    Raises:
        NotFoundError: There is no such agency.
    """
    row = _require_agency(session, agency)
    token = secrets.token_urlsafe(INVITATION_BYTES)
    row.invitation_sha256 = _token_hash(token)
    row.invitation_expires = at + timedelta(hours=hours)
    row.invitation_used = False
    return token


def enrol(session: Session, agency: str, *, token: str, identity: PublicIdentity, at: datetime) -> Agency:
    """Note a node's keys against a token; they wait for confirmation.

    A token is used once; repeating the enrolment with the same keys and token changes nothing.

    Raises:
        InvitationRefusedError: The token is unknown, used or expired: one answer for all.
        ConflictError: Another agency has enrolled with these keys.
    """
    row = session.scalar(select(Agency).where(Agency.agency == agency).with_for_update(key_share=True))
    expected = row.invitation_sha256 if row is not None else None
    matches = hmac.compare_digest(_token_hash(token), expected or _token_hash(""))
    if row is None or expected is None or not matches:
        raise InvitationRefusedError("token: unknown, used or expired")
    if row.invitation_expires is None or at >= row.invitation_expires:
        raise InvitationRefusedError("token: unknown, used or expired")
    if row.invitation_used:
        if row.fingerprint == identity.fingerprint:
            return row
        raise InvitationRefusedError("token: unknown, used or expired")
    other = session.scalar(select(Agency.agency).where(Agency.fingerprint == identity.fingerprint))
    if other not in (None, agency):
        raise ConflictError("public_key: another agency has enrolled with these keys")
    row.public_key, row.exchange_key = identity.public_key_base64, identity.exchange_key_base64
    row.fingerprint = identity.fingerprint
    row.state, row.invitation_used = "pending", True
    append_entry(
        session, Action.ENROLMENT_PENDING, agency=agency, at=at, facts={"fingerprint": identity.fingerprint}
    )
    return row


def confirm(session: Session, agency: str, *, fingerprint: str, at: datetime) -> Agency:
    """Confirm an enrolled agency by the fingerprint that it read out; compared in constant time.

    Raises:
        NotFoundError: There is no such agency, or it has not enrolled.
        FingerprintMismatchError: The fingerprint is another; nothing changes.
    """
    row = _require_agency(session, agency)
    if row.fingerprint is None:
        raise NotFoundError(f"agency {agency}: has not enrolled yet")
    if not fingerprints_equal(row.fingerprint, fingerprint):
        raise FingerprintMismatchError(
            f"agency {agency}: the fingerprint is not the enrolled one; do not confirm, invite it anew"
        )
    if row.state != "confirmed":
        row.state = "confirmed"
        append_entry(
            session,
            Action.ENROLMENT_CONFIRMED,
            agency=agency,
            at=at,
            facts={"fingerprint": row.fingerprint},
        )
    return row


def _require_agency(session: Session, agency: str) -> Agency:
    row = session.scalar(select(Agency).where(Agency.agency == agency).with_for_update(key_share=True))
    if row is None:
        raise NotFoundError(f"agency {agency}: is not in this network")
    return row


def _token_hash(token: str) -> str:
    return hashlib.sha256(b"knownto invitation/1\n" + token.encode()).hexdigest()
