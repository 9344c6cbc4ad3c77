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
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    ContentDigest,
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
)
from http_message_signatures.algorithms import ED25519

from keys.errors import (
    EnvelopeExpiredError,
    EnvelopeReplayedError,
    KeyFormatError,
    SignatureInvalidError,
    UnknownKeyError,
)
from keys.formats import encode_base64, require_aware
from keys.identity import NodeIdentity, PublicIdentity
from keys.signature_fields import ClaimedSignature, is_nonce, merge_fields, read_nonce, read_signature

REQUEST_TAG = "knownto/1"
RESPONSE_TAG = "knownto-answer/1"
REQUEST_COMPONENTS = ("@method", "@authority", "@path", "@query", "content-digest")
RESPONSE_COMPONENTS = ("@status", "content-type", "content-digest", "knownto-nonce")
WINDOW = timedelta(seconds=120)  # How far two clocks may be apart, transport included.
NONCE_HEADER = "Knownto-Nonce"

_NONCE_BYTES = 16
_LABEL = "knownto"  # Not covered by the signature, so nothing is read from it.
_ADDED = ("Content-Digest", "Signature-Input", "Signature")
_NOT_YET = frozenset({NONCE_HEADER.lower(), *(name.lower() for name in _ADDED)})


@dataclass(frozen=True, slots=True, repr=False)
class VerifiedRequest:
    """What a verified request proves: who signed it, once, when."""

    keyid: str
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
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    at: datetime,
    nonce: str | None = None,
) -> dict[str, str]:
    """Sign a request.

    Args:
        identity: Who asks.
        method: Upper case.
        url: Absolute and encoded, exactly as it will be sent.
        headers: The header fields the request has already.
        body: The bytes that will be sent, before any transfer coding; empty where there are none.
        at: Now (aware).
        nonce: From `new_nonce`; a new one by default.

    Returns:
        The header fields to add: `Content-Digest`, `Signature-Input`, `Signature`.

    Raises:
        KeyFormatError: The request cannot be signed as it is (relative URL, already signed, malformed nonce).
    """
    message = _Request(method, url, _require_unsigned(headers))
    return _sign(identity, message, REQUEST_COMPONENTS, tag=REQUEST_TAG, body=body, at=at, nonce=nonce)


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
            than the protocol's, or a digest that is not the body's.
        UnknownKeyError: `key_for` knows no such key.
        EnvelopeExpiredError: `created` is more than 120 seconds from `at`.
        EnvelopeReplayedError: The nonce was seen before.
    """
    fields = merge_fields(headers)
    signature = read_signature(fields, components=REQUEST_COMPONENTS, tag=REQUEST_TAG)
    _require_in_window(signature.created, at)
    signer = key_for(signature.keyid)
    if signer is None:
        raise UnknownKeyError("signature: the key id is not known")
    _verify(_Request(method, url, fields), signature, signer, body=body)
    # Kept for twice the window, because a clock that runs ahead may sign 120 seconds into the future.
    if not remember_nonce(signature.keyid, signature.nonce, signature.created + 2 * WINDOW):
        raise EnvelopeReplayedError("nonce: seen before")
    return VerifiedRequest(
        signature.keyid, signature.nonce, signature.created, encode_base64(signature.value)
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
    message = _Response(status, fields)
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
    _verify(_Response(status, fields), signature, hub, body=body)
    if fields[NONCE_HEADER.lower()] != request_nonce:
        raise EnvelopeReplayedError("knownto-nonce: answers another question")
    return VerifiedResponse(signature.keyid, signature.created, encode_base64(signature.value))


def claimed_nonce(headers: Mapping[str, str]) -> str | None:
    """The nonce a request claims, verified or not, so that a refusal can be signed for it; else None."""
    return read_nonce(merge_fields(headers))


@dataclass(frozen=True, slots=True, repr=False)
class _Request:
    """A request in the shape the library reads."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class _Response:
    """An answer in the shape the library reads: it knows one by its `status_code`."""

    status_code: int
    headers: dict[str, str]


class _OneKey(HTTPSignatureKeyResolver):
    """Resolves to the identity that was looked up already, whatever key id is asked for."""

    def __init__(self, signer: PublicIdentity) -> None:
        self._signer = signer

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self._signer.public_key)


class _Verifier(HTTPMessageVerifier):
    """The library's verifier without its own reading of the clock; `_require_in_window` has done that."""

    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:
        """Nothing: both sides of the window were checked already, by the clock passed in."""


def library_verifier(signer: PublicIdentity) -> HTTPMessageVerifier:
    """The library's verifier for one key; it checks a signature, and nothing else the protocol demands."""
    return _Verifier(signature_algorithm=ED25519, key_resolver=_OneKey(signer))


def _sign(
    identity: NodeIdentity,
    message: _Request | _Response,
    components: tuple[str, ...],
    *,
    tag: str,
    body: bytes,
    at: datetime,
    nonce: str | None,
) -> dict[str, str]:
    """Sign by the library's path for external signers, so that the private key stays in the identity."""
    nonce = _require_nonce(new_nonce() if nonce is None else nonce)
    signer = HTTPMessageSigner(signature_algorithm=ED25519)
    try:
        prepared = signer.prepare(
            message,
            key_id=identity.public.fingerprint,
            created=require_aware(at),
            nonce=nonce,
            label=_LABEL,
            tag=tag,
            covered_component_ids=components,
            body=body,
        )
        signer.apply(message, prepared, identity.sign(prepared.signature_base))
    except HTTPMessageSignaturesException as error:
        raise KeyFormatError("message: method, URL or a covered field cannot be signed as it is") from error
    return {name: message.headers[name] for name in _ADDED}


def _verify(
    message: _Request | _Response, signature: ClaimedSignature, signer: PublicIdentity, *, body: bytes
) -> None:
    if signature.keyid != signer.fingerprint:
        raise SignatureInvalidError("keyid: not the fingerprint of the key")
    try:
        library_verifier(signer).verify(message, max_age=None)
    except HTTPMessageSignaturesException as error:
        raise SignatureInvalidError("signature: does not verify") from error
    # Compared as text: the library would also accept sha-512, which the protocol does not use.
    if message.headers["content-digest"].strip() != ContentDigest.create(body):
        raise SignatureInvalidError("content-digest: not the sha-256 of the body")


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
