"""The `http-message-signatures` library, held to one algorithm, one key and no clock of its own.

It builds the signature base of RFC 9421 and makes or checks one signature over it. What must be covered, with
which parameters, by whom and when is the subject of `keys.envelope`.
"""

from __future__ import annotations

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

from keys.errors import KeyFormatError, SignatureInvalidError
from keys.identity import NodeIdentity, PublicIdentity

ADDED_FIELDS = ("Content-Digest", "Signature-Input", "Signature")
_LABEL = "knownto"  # Not covered by the signature, so nothing is read from it.


@dataclass(frozen=True, slots=True, repr=False)
class RequestMessage:
    """A request in the shape the library reads."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class ResponseMessage:
    """An answer in the shape the library reads: it knows one by its `status_code`."""

    status_code: int
    headers: dict[str, str]


Message = RequestMessage | ResponseMessage


class _OneKey(HTTPSignatureKeyResolver):
    """Resolves to the identity that was looked up already, whatever key id is asked for."""

    def __init__(self, signer: PublicIdentity) -> None:
        self._signer = signer

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self._signer.public_key)


class _Verifier(HTTPMessageVerifier):
    """The library's verifier without its own reading of the clock; `keys.envelope` has done that."""

    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:
        """Nothing: both sides of the window were checked already, by the clock passed in."""


def library_verifier(signer: PublicIdentity) -> HTTPMessageVerifier:
    """The library's verifier for one key; it checks a signature, and nothing else the protocol demands."""
    return _Verifier(signature_algorithm=ED25519, key_resolver=_OneKey(signer))


def sign_message(
    identity: NodeIdentity,
    message: Message,
    components: tuple[str, ...],
    *,
    tag: str,
    body: bytes,
    at: datetime,
    nonce: str,
) -> dict[str, str]:
    """Sign by the library's path for external signers, so that the private key stays in the identity.

    Returns:
        The header fields of `ADDED_FIELDS`.

    Raises:
        KeyFormatError: The message cannot be signed as it is.
    """
    signer = HTTPMessageSigner(signature_algorithm=ED25519)
    try:
        prepared = signer.prepare(
            message,
            key_id=identity.public.fingerprint,
            created=at,
            nonce=nonce,
            label=_LABEL,
            tag=tag,
            covered_component_ids=components,
            body=body,
        )
        signer.apply(message, prepared, identity.sign(prepared.signature_base))
    except HTTPMessageSignaturesException as error:
        raise KeyFormatError("message: method, URL or a covered field cannot be signed as it is") from error
    return {name: message.headers[name] for name in ADDED_FIELDS}


def verify_message(message: Message, signer: PublicIdentity, *, body: bytes) -> None:
    """Check the one signature of a message, and that its digest is the body's.

    Raises:
        SignatureInvalidError: Either is wrong.
    """
    try:
        library_verifier(signer).verify(message, max_age=None)
    except HTTPMessageSignaturesException as error:
        raise SignatureInvalidError("signature: does not verify") from error
    # Compared as text: the library would also accept sha-512, which the protocol does not use.
    if message.headers["content-digest"].strip() != ContentDigest.create(body):
        raise SignatureInvalidError("content-digest: not the sha-256 of the body")
