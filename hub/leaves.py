"""Leaves and their parts (docs/protocol.md, section 11). Pure but for salts.

A leaf holds what is plain and, for everything personal, only a commitment: SHA-256 over a random salt, the
part's name and its canonical JSON. Without the salt a commitment tells nothing, not even about a text that
could be guessed; so a part can be erased, or kept from a reader, and the leaf stays what it was.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.clock import format_time
from keys.documents import canonical_bytes
from keys.errors import KeyFormatError
from keys.formats import encode_base64

LEAF_FORMAT = "leaf/1"
LEAF_FIELDS = frozenset({"format", "index", "at", "action", "agency", "parts"})
SALT_BYTES = 16
WHO, QUESTION, REASONS, OWN = "who", "question", "reasons", "own"


@dataclass(frozen=True, slots=True, repr=False)
class Part:
    """A text beside a leaf: its salt and its canonical JSON."""

    salt: bytes
    data: bytes

    @property
    def text(self) -> dict[str, Any]:
        """The JSON object."""
        text: dict[str, Any] = json.loads(self.data)
        return text

    def commit(self, name: str) -> str:
        """What the leaf says of this part, lower-case hex."""
        return hashlib.sha256(self.salt + name.encode() + b"\0" + self.data).hexdigest()

    def format(self) -> dict[str, Any]:
        """As the wire carries it."""
        return {"salt": encode_base64(self.salt), "text": self.text}


@dataclass(frozen=True, slots=True, repr=False)
class Leaf:
    """An entry as it is logged: the bytes of the tree, and the parts it commits to."""

    index: int
    data: bytes
    parts: Mapping[str, Part]


def holder_part(agency: str) -> str:
    """The name of the part that one holder is shown."""
    return f"holder:{agency}"


def make_leaf(
    index: int,
    action: str,
    *,
    agency: str | None,
    at: datetime,
    facts: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, Any]],
) -> Leaf:
    """A new leaf with fresh salts.

    Args:
        index: Its number, from 1.
        action: What happened.
        agency: Whose doing; None for the hub's operator.
        at: When.
        facts: Plain fields, shown to whoever is shown the leaf.
        parts: Texts by name.

    Raises:
        ValueError: A fact has the name of a field that every leaf has.
    """
    if LEAF_FIELDS & facts.keys():
        raise ValueError("facts: one has the name of a leaf's own field")
    salted = {name: Part(os.urandom(SALT_BYTES), canonical_bytes(dict(text))) for name, text in parts.items()}
    document = {
        "format": LEAF_FORMAT,
        "index": index,
        "at": format_time(at),
        "action": action,
        "agency": agency,
        "parts": {name: part.commit(name) for name, part in salted.items()},
    }
    return Leaf(index, canonical_bytes(document | dict(facts)), salted)


def read_leaf(data: bytes) -> dict[str, Any] | None:
    """A stored leaf's fields; None where the bytes are no canonical leaf."""
    try:
        document = json.loads(data)
        if not isinstance(document, dict) or canonical_bytes(document) != data:
            return None
    except (ValueError, RecursionError, KeyFormatError):
        return None
    if document.get("format") != LEAF_FORMAT or not LEAF_FIELDS <= document.keys():
        return None
    return document if isinstance(document["parts"], dict) else None
