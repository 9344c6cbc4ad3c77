"""A salted promise of a typed reason: the hub logs the promise, the words stay at the asking node.

Free text carries names. Sixteen random bytes before the text keep anybody who has the log from guessing
the words; whoever is shown words and salt can check that they are what was promised.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

SALT_BYTES = 16  # docs/protocol.md section 9


@dataclass(frozen=True, slots=True, repr=False)
class Commitment:
    """A typed reason, its salt, and the promise of both (lower-case hex)."""

    text: str
    salt: bytes
    digest: str


def commit_reason(text: str, *, rng: Callable[[int], bytes] = os.urandom) -> Commitment:
    """Promise a typed reason."""
    salt = rng(SALT_BYTES)
    return Commitment(text, salt, hashlib.sha256(salt + text.encode()).hexdigest())


def is_kept(text: str, *, salt: bytes, digest: str) -> bool:
    """Whether these are the words that were promised."""
    return hashlib.sha256(salt + text.encode()).hexdigest() == digest
