"""The small text forms that keys and documents share: base64, ids, hexadecimal digests.

Every decoder is strict: one value has one spelling, so that two readers never disagree about what was signed.
"""

import base64
import re
from datetime import datetime

from keys.errors import KeyFormatError

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding, as every binary value on the wire."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: object, *, field: str, length: int | None = None) -> bytes:
    """Read standard base64 with padding, in its one canonical spelling.

    Args:
        text: The text; anything but a string is refused.
        field: What to call the value in an error.
        length: Bytes it must have, where that is fixed.

    Raises:
        KeyFormatError: Not canonical base64, or of another length.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True) if isinstance(text, str) else None
    except ValueError:  # Not chained: the codec's error carries the text.
        raise KeyFormatError(f"{field}: not standard base64") from None
    if data is None or encode_base64(data) != text:
        raise KeyFormatError(f"{field}: not standard base64")
    if length is not None and len(data) != length:
        raise KeyFormatError(f"{field}: must be {length} bytes")
    return data


def require_id(value: object, *, field: str) -> str:
    """The value, if it is an id of the protocol (docs/protocol.md: `[a-z0-9][a-z0-9-]{0,63}`)."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise KeyFormatError(f"{field}: not an id (lower-case letters, digits and hyphens, at most 64)")
    return value


def require_digest(value: object, *, field: str) -> str:
    """The value, if it is a SHA-256 in lower-case hexadecimal."""
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise KeyFormatError(f"{field}: not a SHA-256 in lower-case hexadecimal")
    return value


def require_aware(at: datetime) -> datetime:
    """The time, if it knows its zone: a naive time would be read in the zone of whoever runs the code."""
    if at.tzinfo is None or at.utcoffset() is None:
        raise KeyFormatError("at: the time has no zone")
    return at
