"""Row encryption: what keeps identifiers out of the node's database file.

Every row's content is AES-256-GCM (NIST SP 800-38D) under a key derived from the node key, with the
table and the row's handle as associated data, so that a row cannot be moved to another person or another
table unseen. Values that must be found again (a local id, a case reference) are found by a keyed hash.

What it does not protect against: somebody who has the unlocked key store reads everything; the number of
rows, their sizes to within a padding block, and when they changed show in the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from node.errors import IntegrityError

KEY_BYTES = 32
NONCE_BYTES = 12
# Lengths of names would narrow down who somebody is; every row is filled up to a multiple of this.
PADDING_BYTES = 64


def _derive_key(node_key: bytes, label: str) -> bytes:
    info = f"knownto vault/1 {label}".encode()
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(node_key)


class Vault:
    """Seals and opens rows, and makes the keyed hashes by which they are found."""

    __slots__ = ("_cipher", "_tag_key")

    def __init__(self, node_key: bytes) -> None:
        """Derive the row key and the hash key from the node key (32 bytes)."""
        self._cipher = AESGCM(_derive_key(node_key, "rows"))
        self._tag_key = _derive_key(node_key, "tags")

    def __repr__(self) -> str:
        return "Vault()"

    def seal(self, document: Mapping[str, Any], *, table: str, handle: str) -> bytes:
        """Encrypt one row's content: nonce (12 bytes) and ciphertext with its tag."""
        plain = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        plain += b" " * (-len(plain) % PADDING_BYTES)
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, _associated(table, handle))

    def open(self, sealed: bytes, *, table: str, handle: str) -> dict[str, Any]:
        """Decrypt one row's content.

        Raises:
            IntegrityError: The row was changed, moved, or sealed under another node key.
        """
        nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            plain = self._cipher.decrypt(nonce, ciphertext, _associated(table, handle))
        except InvalidTag:
            raise IntegrityError(f"a row of table {table} does not open under this node's key") from None
        document: dict[str, Any] = json.loads(plain)
        return document

    def tag(self, label: str, text: str) -> bytes:
        """HMAC-SHA256 of a value under the label's own prefix: finds it again without storing it."""
        mac = hmac.HMAC(self._tag_key, hashes.SHA256())
        mac.update(label.encode() + b"\0" + text.encode())
        return mac.finalize()


def _associated(table: str, handle: str) -> bytes:
    return f"knownto row/1\n{table}\n{handle}".encode()
