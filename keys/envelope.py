"""Signed requests and answers: HTTP Message Signatures (RFC 9421), narrowed by docs/protocol.md, section 2.

The `http-message-signatures` library builds the signature base and checks the signature. Its defaults are too
wide for us (one day, any coverage, any number of signatures, the system's clock), so everything it leaves
open is closed here before it is called: one signature, exactly the components and parameters of the protocol,
a window of 120 seconds on either side of a clock that is passed in, and a nonce that is remembered.

Nothing here speaks HTTP: a message is its method, URL or status, header fields and body bytes.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from keys.actors import ACTOR_HEADER, Actor, format_actor, parse_actor
from keys.errors import (
    EnvelopeExpiredError,
    EnvelopeReplayedError,
    KeyFormatError,
    SignatureInvalidError,
    UnknownKeyError,
)
from keys.formats import encode_base64, require_aware
from keys.identity import NodeIdentity, PublicIdentity
from keys.message_signatures import (
    ADDED_FIELDS,
    Message,
    RequestMessage,
    ResponseMessage,
    sign_message,
    verify_message,
)
from keys.signature_fields import ClaimedSignature, is_nonce, merge_fields, read_nonce, read_signature

REQUEST_TAG = "knownto/1"
RESPONSE_TAG = "knownto-answer/1"
REQUEST_COMPONENTS = ("@method", "@authority", "@path", "@query", "content-digest", "knownto-actor")
RESPONSE_COMPONENTS = ("@status", "content-type", "content-digest", "knownto-nonce")
WINDOW = timedelta(seconds=120)  # How far two clocks may be apart, transport included.
NONCE_HEADER = "Knownto-Nonce"

_NONCE_BYTES = 16
_NOT_YET = frozenset(name.lower() for name in (NONCE_HEADER, ACTOR_HEADER, *ADDED_FIELDS))


@dataclass(frozen=True, slots=True, repr=False)
class VerifiedRequest:
    """What a verified request proves: which node signed it, once, when, and for whom."""

    keyid: str
    actor: Actor
    nonce: str
    created: datetime
    signature_b64: str

    def __repr__(self) -> str:
        return f"VerifiedRequest(keyid={self.keyid}, created={self.created.isoformat()})"


@dataclass(frozen=True, slots=True, repr=False)
class VerifiedResponse:
    """What a verified answer proves: the hub gave it, to this question, at this time."""

    keyid: str
    created: datetime
    signature_b64: str

    def __repr__(self) -> str:
        return f"VerifiedResponse(keyid={self.keyid}, created={self.created.isoformat()})"


def new_nonce() -> str:
    """16 random bytes in base64url without padding (22 characters)."""
    return secrets.token_urlsafe(_NONCE_BYTES)


def sign_request(
    identity: NodeIdentity,
    *,
    actor: Actor,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    at: datetime,
    nonce: str | None = None,
) -> dict[str, str]:
    """Sign a request.

    Args:
        identity: The node that asks.
        actor: The person for whom it asks, and in which role.
        method: Upper case.
        url: Absolute and encoded, exactly as it will be sent.
        headers: The header fields the request has already.
        body: The bytes that will be sent, before any transfer coding; empty where there are none.
        at: Now (aware).
        nonce: From `new_nonce`; a new one by default.

    Returns:
        The header fields to add: `Knownto-Actor`, `Content-Digest`, `Signature-Input`, `Signature`.

    Raises:
        KeyFormatError: The request cannot be signed as it is (relative URL, already signed, malformed nonce).
    """
    named = {ACTOR_HEADER: format_actor(actor)}
    message = RequestMessage(method, url, _require_unsigned(headers) | merge_fields(named))
    return named | _sign(
        identity, message, REQUEST_COMPONENTS, tag=REQUEST_TAG, body=body, at=at, nonce=nonce
    )


def verify_request(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    at: datetime,
    key_for: Callable[[str], PublicIdentity | None],
    remember_nonce: Callable[[str, str, datetime], bool],
) -> VerifiedRequest:
    """Verify a request; whatever is wrong with it raises.

    Args:
        method: As received.
        url: Absolute. Scheme and authority are what the receiver knows itself to be, not what the request
            claims: otherwise a request made for another hub would verify here.
        headers: As received; fields that came in several lines either repeated in `items()` or joined by
            commas.
        body: As received, before any decoding.
        at: Now (aware).
        key_for: The identity whose fingerprint is given, or None.
        remember_nonce: Given key id, nonce and the time until which to keep it; returns False if it was there
            already. It must be atomic over all workers, and is called only for a verified request.

    Raises:
        SignatureInvalidError: Missing, malformed, extra or wrong signature, other components or parameters
            than the protocol's, a digest that is not the body's, or an actor that is not of its form.
        UnknownKeyError: `key_for` knows no such key.
        EnvelopeExpiredError: `created` is more than 120 seconds from `at`.
        EnvelopeReplayedError: The nonce was seen before.
    """
    fields = merge_fields(headers)
    signature = read_signature(fields, components=REQUEST_COMPONENTS, tag=REQUEST_TAG)
    actor = _read_actor(fields)
    _require_in_window(signature.created, at)
    signer = key_for(signature.keyid)
    if signer is None:
        raise UnknownKeyError("signature: the key id is not known")
    _verify(RequestMessage(method, url, fields), signature, signer, body=body)
    # Kept for twice the window, because a clock that runs ahead may sign 120 seconds into the future.
    if not remember_nonce(signature.keyid, signature.nonce, signature.created + 2 * WINDOW):
        raise EnvelopeReplayedError("nonce: seen before")
    return VerifiedRequest(
        signature.keyid, actor, signature.nonce, signature.created, encode_base64(signature.value)
    )


def sign_response(
    identity: NodeIdentity,
    *,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    request_nonce: str,
    at: datetime,
    nonce: str | None = None,
) -> dict[str, str]:
    """Sign an answer to one request.

    Args:
        identity: The hub's.
        status: HTTP status code.
        headers: The header fields the answer has already; `Content-Type` among them, also when the body is
            empty.
        body: The bytes that will be sent.
        request_nonce: The nonce of the request it answers.
        at: Now (aware).
        nonce: From `new_nonce`; a new one by default.

    Returns:
        The header fields to add: `Knownto-Nonce`, `Content-Digest`, `Signature-Input`, `Signature`.

    Raises:
        KeyFormatError: The answer cannot be signed as it is (no content type, already signed, malformed
            nonce).
    """
    _require_nonce(request_nonce)
    fields = {**_require_unsigned(headers), NONCE_HEADER.lower(): request_nonce}
    message = ResponseMessage(status, fields)
    added = _sign(identity, message, RESPONSE_COMPONENTS, tag=RESPONSE_TAG, body=body, at=at, nonce=nonce)
    return {NONCE_HEADER: request_nonce, **added}


def verify_response(
    *,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    at: datetime,
    hub: PublicIdentity,
    request_nonce: str,
) -> VerifiedResponse:
    """Verify an answer against the hub's pinned identity and the question's nonce; whatever is wrong raises.

    Raises:
        SignatureInvalidError: As `verify_request`.
        UnknownKeyError: Signed with another key than the pinned one.
        EnvelopeExpiredError: `created` is more than 120 seconds from `at`.
        EnvelopeReplayedError: It answers another question.
    """
    fields = merge_fields(headers)
    signature = read_signature(fields, components=RESPONSE_COMPONENTS, tag=RESPONSE_TAG)
    _require_in_window(signature.created, at)
    if signature.keyid != hub.fingerprint:
        raise UnknownKeyError("signature: not made with the pinned key")
    _verify(ResponseMessage(status, fields), signature, hub, body=body)
    if fields[NONCE_HEADER.lower()] != request_nonce:
        raise EnvelopeReplayedError("knownto-nonce: answers another question")
    return VerifiedResponse(signature.keyid, signature.created, encode_base64(signature.value))


def claimed_nonce(headers: Mapping[str, str]) -> str | None:
    """The nonce a request claims, verified or not, so that a refusal can be signed for it; else None."""
    return read_nonce(merge_fields(headers))


def _sign(
    identity: NodeIdentity,
    message: Message,
    components: tuple[str, ...],
    *,
    tag: str,
    body: bytes,
    at: datetime,
    nonce: str | None,
) -> dict[str, str]:
    nonce = _require_nonce(new_nonce() if nonce is None else nonce)
    return sign_message(identity, message, components, tag=tag, body=body, at=require_aware(at), nonce=nonce)


def _verify(message: Message, signature: ClaimedSignature, signer: PublicIdentity, *, body: bytes) -> None:
    if signature.keyid != signer.fingerprint:
        raise SignatureInvalidError("keyid: not the fingerprint of the key")
    verify_message(message, signer, body=body)


def _read_actor(fields: Mapping[str, str]) -> Actor:
    try:
        return parse_actor(fields[ACTOR_HEADER.lower()])
    except KeyError:
        raise SignatureInvalidError("knownto-actor: missing") from None
    except KeyFormatError as error:
        raise SignatureInvalidError(str(error)) from None


def _require_in_window(created: datetime, at: datetime) -> None:
    if abs(require_aware(at) - created) > WINDOW:
        raise EnvelopeExpiredError(f"created: more than {WINDOW.seconds} seconds from the receiver's clock")


def _require_unsigned(headers: Mapping[str, str]) -> dict[str, str]:
    fields = merge_fields(headers)
    if not _NOT_YET.isdisjoint(fields):
        raise KeyFormatError("headers: already carry a signature, a digest or a nonce")
    return fields


def _require_nonce(nonce: str) -> str:
    if not is_nonce(nonce):
        raise KeyFormatError("nonce: must be 16 bytes in base64url without padding")
    return nonce
