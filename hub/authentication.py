"""Envelope → calling node: who signed this request, and is it new?

Rules only: `keys.envelope` checks the signature, here the key is found and the nonce is kept. A nonce is
committed before anything else happens with the request, so that no failure later makes it usable again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from hub.database import Database
from hub.errors import (
    CallerUnknownError,
    ClockSkewError,
    RequestReplayedError,
    SignatureRejectedError,
)
from hub.live_agreements import LiveAgreement, live_agreements
from hub.models import Agency
from hub.nonces import remember_nonce
from keys.envelope import VerifiedRequest, verify_request
from keys.errors import EnvelopeExpiredError, EnvelopeReplayedError, KeysError, UnknownKeyError
from keys.identity import PublicIdentity

_KeyFor = Callable[[str], PublicIdentity | None]


@dataclass(frozen=True, slots=True, repr=False)
class SignedRequest:
    """A request as it arrived, with the URL under which this hub knows itself."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        """The method; a body holds tokens."""
        return f"SignedRequest({self.method})"


@dataclass(frozen=True, slots=True)
class CallingNode:
    """The agency whose node signed a request, and for whom.

    Attributes:
        agency: Its id.
        staff: Staff id of the person who acts, as the node vouches.
        role: Their role, likewise; one of `keys.actors.Role`, or a word this hub does not know.
        confirmed: Whether the operator has compared its fingerprint.
        agreements: Those it is a party of that are live.
        custodian: Whether it keeps the linkage keys of the network.
        identity: Its public keys.
        request_signature: The signature over this request, base64; goes into the log.
    """

    agency: str
    staff: str
    role: str
    confirmed: bool
    agreements: tuple[LiveAgreement, ...]
    custodian: bool
    identity: PublicIdentity
    request_signature: str


@dataclass(frozen=True, slots=True)
class EnrollingNode:
    """Whoever holds the private half of the keys in an enrolment: proof of possession, nothing more."""

    identity: PublicIdentity
    role: str


def authenticate(database: Database, request: SignedRequest, *, at: datetime) -> CallingNode:
    """Find out which agency signed a request.

    Raises:
        CallerUnknownError: No agency holds the key.
        SignatureRejectedError: The signature or its coverage is wrong.
        ClockSkewError: Made outside the window.
        RequestReplayedError: The nonce was used before.
    """
    found: dict[str, tuple[Agency, list[LiveAgreement]]] = {}

    def key_for(fingerprint: str) -> PublicIdentity | None:
        # Given back before the nonce is written: a call that held one connection while it waited for a second
        # would, among as many as the pool has, wait for itself.
        with database.by_statement() as session:
            agency = session.scalar(select(Agency).where(Agency.fingerprint == fingerprint))
            if agency is None:
                return None
            found["agency"] = agency, live_agreements(session, agency.agency, at=at)
        return identity_of(agency)

    try:
        verified = _verify(database, request, key_for=key_for, at=at)
    except RequestReplayedError as error:
        error.agency = found["agency"][0].agency
        raise
    agency, agreements = found["agency"]
    return CallingNode(
        agency=agency.agency,
        staff=verified.actor.staff,
        role=verified.actor.role,
        confirmed=agency.state == "confirmed",
        agreements=tuple(agreements),
        custodian=agency.custodian,
        identity=identity_of(agency),
        request_signature=verified.signature_b64,
    )


def authenticate_enrolment(database: Database, request: SignedRequest, *, at: datetime) -> EnrollingNode:
    """Check that an enrolment is signed with the keys it brings.

    Raises:
        As `authenticate`; the key is unknown when the body does not bring the one that signed.
    """
    declared = _declared_identity(request.body)

    def key_for(fingerprint: str) -> PublicIdentity | None:
        return declared if declared is not None and declared.fingerprint == fingerprint else None

    verified = _verify(database, request, key_for=key_for, at=at)
    assert declared is not None
    return EnrollingNode(declared, role=verified.actor.role)


def identity_of(agency: Agency) -> PublicIdentity:
    """The public keys of an agency that has enrolled."""
    assert agency.public_key is not None and agency.exchange_key is not None
    return PublicIdentity.from_base64(agency.public_key, agency.exchange_key)


def _verify(database: Database, request: SignedRequest, *, key_for: _KeyFor, at: datetime) -> VerifiedRequest:
    def remember(fingerprint: str, nonce: str, expires: datetime) -> bool:
        with database.by_statement() as session:
            return remember_nonce(session, fingerprint=fingerprint, nonce=nonce, expires=expires)

    try:
        return verify_request(
            method=request.method,
            url=request.url,
            headers=request.headers,
            body=request.body,
            at=at,
            key_for=key_for,
            remember_nonce=remember,
        )
    except UnknownKeyError as error:
        raise CallerUnknownError("signature: no agency holds this key") from error
    except EnvelopeExpiredError as error:
        raise ClockSkewError("created: more than 120 seconds from the hub's clock") from error
    except EnvelopeReplayedError as error:
        raise RequestReplayedError("nonce: seen before") from error
    except KeysError as error:
        raise SignatureRejectedError(str(error)) from error


def _declared_identity(body: bytes) -> PublicIdentity | None:
    try:
        document = json.loads(body)
        return PublicIdentity.from_base64(document["public_key"], document["exchange_key"])
    except (ValueError, KeyError, TypeError, RecursionError, KeysError):
        return None
