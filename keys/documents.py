"""Canonical bytes, signing bytes and digests of signed documents (docs/protocol.md, section 1).

A document is a JSON object. Canonical here means one thing only: sorted keys, no blanks, UTF-8, no floats. It
is not RFC 8785, whose number rules exist for the floats these documents do not have.
"""

import hashlib
import json
import re
from collections.abc import Mapping

from keys.errors import KeyFormatError

Document = Mapping[str, object]

_FORMAT = re.compile(r"[a-z][a-z0-9-]{0,62}/[1-9][0-9]{0,3}")
_SIGNATURE_FIELDS = frozenset({"signature", "signatures"})
# Levels. No document of the protocol has more than eight, and Python's own stack ends near a thousand.
_DEEPEST = 32


def canonical_bytes(document: Document) -> bytes:
    """The document as canonical JSON in UTF-8, every field included.

    Raises:
        KeyFormatError: It holds a float, a key that is no text, a value JSON does not have, a lone surrogate,
            or more than 32 levels.
    """
    _require_plain(document, level=0)
    try:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8")
    except UnicodeEncodeError:  # Not chained: the codec's error carries the text.
        raise KeyFormatError("document: holds a lone surrogate, which UTF-8 cannot carry") from None


def signing_bytes(document: Document) -> bytes:
    r"""What a signature covers: `knownto <format>\n` and the canonical document without its signatures.

    The prefix keeps a signature over one kind of document from being one over another, and from being one
    over a request (whose signature base starts with a quotation mark).

    Raises:
        KeyFormatError: As `canonical_bytes`, or `format` is missing or malformed.
    """
    name = document.get("format")
    if not isinstance(name, str) or not _FORMAT.fullmatch(name):
        raise KeyFormatError("format: must be a name, a slash and a version")
    unsigned = {key: value for key, value in document.items() if key not in _SIGNATURE_FIELDS}
    return b"knownto " + name.encode("ascii") + b"\n" + canonical_bytes(unsigned)


def document_digest(document: Document) -> str:
    """SHA-256 of the signing bytes, lower-case hexadecimal."""
    return hashlib.sha256(signing_bytes(document)).hexdigest()


def _require_plain(value: object, *, level: int) -> None:
    if level > _DEEPEST:
        raise KeyFormatError(f"document: more than {_DEEPEST} levels")
    if value is None or isinstance(value, (str, int)):
        return  # Nearly every value, so asked about first.
    if isinstance(value, Mapping):
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise KeyFormatError("document: keys must be text")
        for item in value.values():
            _require_plain(item, level=level + 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _require_plain(item, level=level + 1)
    elif isinstance(value, float):
        raise KeyFormatError("document: holds a float")
    else:
        raise KeyFormatError("document: holds a value JSON does not have")
