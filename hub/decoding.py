"""Base64 from the wire to arrays, checked as docs/protocol.md, section 7, says; no message carries a byte."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hub.errors import MalformedError
from hub.schemas import WireToken
from hub.tags import SLOT_BYTES, UInt8Array, UInt64Array
from matcher.errors import TokenFormatError
from matcher.schema import LinkageSchema
from matcher.tokens import decode_slots, require_set_bits


@dataclass(frozen=True, slots=True, repr=False)
class DecodedTokens:
    """Tokens as the node made them: slots (n, stored slots) uint64, names (n, names_bits // 8) uint8."""

    slots: UInt64Array
    names: UInt8Array


def decode_fixed(text: str, length: int, *, field: str) -> bytes:
    """Standard base64 of exactly so many bytes.

    Raises:
        MalformedError: Not base64, or another length.
    """
    data = decode(text, field=field)
    if len(data) != length:
        raise MalformedError(f"{field}: must be {length} bytes")
    return data


def decode(text: str, *, field: str) -> bytes:
    """Standard base64 with padding.

    Raises:
        MalformedError: Not that.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise MalformedError(f"{field}: not standard base64") from None


def decode_tokens(tokens: Sequence[WireToken], schema: LinkageSchema, *, field: str) -> DecodedTokens:
    """Decode tokens and check lengths and set bits.

    Raises:
        MalformedError: A token has another length, another number of set bits.
    """
    slots_bytes, names_bytes = SLOT_BYTES * len(schema.stored), schema.names_bits // 8
    empty = bytes(names_bytes)
    slots = [decode_fixed(token.slots, slots_bytes, field=f"{field}.slots") for token in tokens]
    names = [
        decode_fixed(token.names, names_bytes, field=f"{field}.names") if token.names else empty
        for token in tokens
    ]
    try:
        decoded = decode_slots(slots, len(schema.stored))
        require_set_bits(decoded)
    except TokenFormatError as error:
        raise MalformedError(f"{field}.{error}") from error
    return DecodedTokens(decoded, np.frombuffer(b"".join(names), np.uint8).reshape(len(names), names_bytes))


def decode_variants(text: str, *, field: str) -> bytes:
    """The 8-byte slots of a probe, one behind the other.

    Raises:
        MalformedError: Not whole slots, or one without exactly 8 bits set.
    """
    data = decode(text, field=field)
    if len(data) % SLOT_BYTES:
        raise MalformedError(f"{field}: not whole slots of {SLOT_BYTES} bytes")
    counts = np.bitwise_count(np.frombuffer(data, np.uint64))
    if not (counts == 8).all():
        raise MalformedError(f"{field}: a slot has exactly 8 bits set")
    return data
