"""Texts that stand in the database sealed: AES-256-GCM under a key from the pepper, a file outside it.

A stolen database shows none of them. Whoever runs as the hub's own user can read them, as with everything
there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.errors import UnsafeSecretError

NONCE_BYTES = 12
KEY_BYTES = 32


class Sealer:
    """Seals the texts of one subject, each at its own place; prints nothing of itself."""

    __slots__ = ("_cipher", "_subject")

    def __init__(self, pepper_key: bytes, subject: str) -> None:
        """Derive the subject's key.

        Args:
            pepper_key: The hub's pepper.
            subject: What is sealed, with its version, such as `review-note/1`.
        """
        self._subject = f"knownto {subject}"
        key = HKDF(SHA256(), KEY_BYTES, salt=None, info=self._subject.encode()).derive(pepper_key)
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        """Only whose it is."""
        return f"Sealer({self._subject})"

    def seal(self, content: Mapping[str, Any], *place: object) -> bytes:
        """Seal a text at a place: nonce (12 bytes) and ciphertext with its tag."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, json.dumps(dict(content)).encode(), self._bound(place))

    def open(self, sealed: bytes, *place: object) -> dict[str, Any]:
        """Open a text of a place.

        Raises:
            UnsafeSecretError: It was sealed under another pepper, or moved or altered.
        """
        try:
            plain = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._bound(place))
        except InvalidTag:
            raise UnsafeSecretError(f"{self._subject}: does not open under this hub's pepper") from None
        content: dict[str, Any] = json.loads(plain)
        return content

    def _bound(self, place: tuple[object, ...]) -> bytes:
        return "\n".join([self._subject, *map(str, place)]).encode()
