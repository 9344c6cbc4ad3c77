"""The linkage key of an epoch and what is derived from it (HKDF-SHA256, RFC 5869).

Every derivation has its own label, so that no two uses ever share a key. What this does not protect against:
whoever holds a linkage key can encode every birth date with every pair of initials (about 24 bits) in a
minute, and so open the tokens of its epoch. Custody of the key is the protection, not its length.
"""

import os
import re
from collections.abc import Callable

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys.errors import KeyFormatError
from keys.formats import require_digest, require_id

LINKAGE_KEY_BYTES = 32
_KEY_ID_BYTES = 8
_LABEL = re.compile(r"[a-z][a-z0-9-]{0,62}/[1-9][0-9]{0,3}")
_SLOT_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.'-]{0,31}")


class LinkageKey:
    """The secret that all nodes of a network share for one epoch, and the hub never has; 32 bytes."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != LINKAGE_KEY_BYTES:
            raise KeyFormatError(f"linkage key: must be {LINKAGE_KEY_BYTES} bytes")
        self._secret = bytes(secret)

    def __repr__(self) -> str:
        return f"LinkageKey(key_id={self.key_id})"

    @classmethod
    def generate(cls, rng: Callable[[int], bytes] = os.urandom) -> "LinkageKey":
        """A new key; never derived from the one before, so that an old key opens no new epoch."""
        return cls(rng(LINKAGE_KEY_BYTES))

    @classmethod
    def from_bytes(cls, secret: bytes) -> "LinkageKey":
        """The key whose secret these 32 bytes are.

        Raises:
            KeyFormatError: Not 32 bytes.
        """
        return cls(secret)

    def to_bytes(self) -> bytes:
        """The secret itself; for a key store and for wrapping only."""
        return self._secret

    @property
    def key_id(self) -> str:
        """A public name of the key: 8 derived bytes in hexadecimal, which tell nothing about the secret."""
        return self.derive("linkage-key-id/1", b"", _KEY_ID_BYTES).hex()

    def slot_key(self, schema_digest: str, slot_id: str) -> bytes:
        """The key of one slot under one linkage schema, 32 bytes.

        Args:
            schema_digest: Digest of the `slots/1` document, lower-case hexadecimal.
            slot_id: The slot's id in the schema, for example `A4`.

        Raises:
            KeyFormatError: Either is not in its form.
        """
        digest = require_digest(schema_digest, field="schema_digest")
        if not _SLOT_ID.fullmatch(slot_id):
            raise KeyFormatError("slot_id: must be a letter followed by letters, digits or _ . ' -")
        return self.derive("slot-key/1", f"{digest}\n{slot_id}".encode("ascii"))

    def card_key(self, epoch_id: str) -> bytes:
        """The key of the answer cards of an epoch, 32 bytes (docs/protocol.md, section 7)."""
        return self.derive("card/1", require_id(epoch_id, field="epoch").encode("ascii"))

    def derive(self, label: str, context: bytes, length: int = 32) -> bytes:
        r"""A key for one labelled use: HKDF-SHA256 without salt, info = `knownto <label>\n` and the context.

        No salt is needed for a uniformly random secret (RFC 5869, section 3.1). The label holds no line feed,
        so label and context cannot run into each other.

        Args:
            label: A name, a slash and a version.
            context: What the key is for, within the label.
            length: Bytes, at most 8160 (255 hashes).

        Raises:
            KeyFormatError: The label or the length is not in its form.
        """
        if not _LABEL.fullmatch(label):
            raise KeyFormatError("label: must be a name, a slash and a version")
        if not 1 <= length <= 255 * 32:
            raise KeyFormatError("length: must be 1 to 8160 bytes")
        info = b"knownto " + label.encode("ascii") + b"\n" + context
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(self._secret)
