"""Reading `Signature-Input` and `Signature` strictly: one signature, and nothing the protocol does not name.

RFC 9421 lets a message carry several signatures, each over components of its signer's choice.
docs/protocol.md, section 2, allows one, over an exact list, with exact parameters. This module refuses
everything else before any cryptography is done; whether the signature is right is not its subject.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import http_sf

from keys.errors import SignatureInvalidError

ALGORITHM = "ed25519"
# 16 bytes are 22 characters of base64url without padding; the last carries two bits, so four letters can end
# one.
_NONCE = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
_TEXT_PARAMETERS = ("alg", "keyid", "nonce", "tag")
_PARAMETERS = frozenset({"created", *_TEXT_PARAMETERS})
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class ClaimedSignature:
    """A well-formed signature of a message, not yet verified."""

    keyid: str = field(repr=False)
    nonce: str = field(repr=False)
    created: datetime
    value: bytes = field(repr=False)


def is_nonce(text: str) -> bool:
    """Whether the text is 16 bytes in canonical base64url without padding."""
    return _NONCE.fullmatch(text) is not None


def merge_fields(headers: Mapping[str, str]) -> dict[str, str]:
    """Header fields under lower-case names; lines of one field joined by commas (RFC 9110, section 5.3)."""
    merged: dict[str, str] = {}
    for name, value in headers.items():
        name = name.lower()
        merged[name] = f"{merged[name]}, {value}" if name in merged else value
    return merged


def read_signature(fields: Mapping[str, str], *, components: Sequence[str], tag: str) -> ClaimedSignature:
    """Read the one signature of a message.

    Args:
        fields: From `merge_fields`.
        components: What it must cover, in this order and without component parameters.
        tag: The application tag it must carry.

    Raises:
        SignatureInvalidError: There is none or more than one, or it is not of the protocol's form.
    """
    covered, parameters, value = _read_only_signature(fields)
    if [(type(name), name, extras) for name, extras in covered] != [(str, name, {}) for name in components]:
        raise SignatureInvalidError("signature: does not cover exactly the components of the protocol")
    _require_parameters(parameters, tag=tag)
    created = _read_time(parameters["created"])
    return ClaimedSignature(parameters["keyid"], parameters["nonce"], created, value)


def read_nonce(fields: Mapping[str, str]) -> str | None:
    """The nonce a message claims, whatever else is wrong with its signature; None where none can be read."""
    try:
        _, parameters, _ = _read_only_signature(fields)
    except SignatureInvalidError:
        return None
    nonce = parameters.get("nonce")
    return nonce if type(nonce) is str and is_nonce(nonce) else None


def _read_only_signature(fields: Mapping[str, str]) -> tuple[list[Any], dict[str, Any], bytes]:
    """Covered components with their parameters, signature parameters, signature bytes."""
    inputs = _read_dictionary(fields, "signature-input")
    signatures = _read_dictionary(fields, "signature")
    if len(inputs) != 1 or inputs.keys() != signatures.keys():
        raise SignatureInvalidError("signature: a message carries exactly one")
    (covered, parameters), (value, extras) = *inputs.values(), *signatures.values()
    if not isinstance(covered, list):
        raise SignatureInvalidError("signature-input: not a list of components")
    if type(value) is not bytes or len(value) != _SIGNATURE_BYTES or extras:
        raise SignatureInvalidError(f"signature: not {_SIGNATURE_BYTES} bytes")
    return covered, parameters, value


def _read_dictionary(fields: Mapping[str, str], name: str) -> dict[str, Any]:
    if name not in fields:
        raise SignatureInvalidError(f"{name}: missing")
    try:
        parsed = http_sf.parse(
            fields[name].encode("ascii"), tltype="dictionary", on_duplicate_key=_refuse_duplicate
        )
    except ValueError:  # Not chained: the parser's error carries the text.
        raise SignatureInvalidError(f"{name}: not a structured field dictionary") from None
    if not isinstance(parsed, dict):
        raise SignatureInvalidError(f"{name}: not a structured field dictionary")
    return parsed


def _refuse_duplicate(_key: str, _context: str) -> None:
    """Structured fields let the last of two equal keys win (RFC 9651, section 3.1.2); signatures must not."""
    raise SignatureInvalidError("signature: the same label or parameter twice")


def _require_parameters(parameters: Mapping[str, Any], *, tag: str) -> None:
    if parameters.keys() != _PARAMETERS:
        raise SignatureInvalidError("signature-input: not exactly the parameters of the protocol")
    # `type`, not `isinstance`: tokens, dates and booleans are other types of structured fields.
    if type(parameters["created"]) is not int or any(
        type(parameters[p]) is not str for p in _TEXT_PARAMETERS
    ):
        raise SignatureInvalidError("signature-input: a parameter of the wrong type")
    if parameters["alg"] != ALGORITHM:
        raise SignatureInvalidError(f"alg: must be {ALGORITHM}")
    if parameters["tag"] != tag:
        raise SignatureInvalidError("tag: not the one for this kind of message")
    if not is_nonce(parameters["nonce"]):
        raise SignatureInvalidError("nonce: must be 16 bytes in base64url without padding")


def _read_time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SignatureInvalidError("created: not a time") from error
