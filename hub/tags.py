"""Tags: what the hub keeps of a slot, under a pepper that is not in the database.

A tag is the first 8 bytes of AES-256 of the slot's 8 bytes, padded with zeros to a block, read as a signed
64-bit integer; 0 is reserved for an absent slot. Each slot has a key of its own, HMAC-SHA256(pepper,
"tags/2" + NUL + slot id) (docs/adr/0019). The name filter is kept with its bits in a keyed order, within each
half, so that Dice coefficients stay as they are while positions mean nothing to whoever reads the database
alone. What this does not protect against: the hub itself, which has both pepper and tags, and sees equality
and frequency; and whoever holds the pepper and the linkage key together.
"""

from __future__ import annotations

import hmac

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from matcher.schema import LinkageSchema

SLOT_BYTES = 8
WORDS_OF_BLOCK = 2  # An AES block is 16 bytes.

Int64Array = NDArray[np.int64]
UInt64Array = NDArray[np.uint64]
UInt8Array = NDArray[np.uint8]


class Pepper:
    """The hub's pepper; prints nothing of itself."""

    __slots__ = ("_key", "_orders")

    def __init__(self, key: bytes) -> None:
        """Hold 32 secret bytes."""
        self._key = key
        self._orders: dict[str, Int64Array] = {}

    def __repr__(self) -> str:
        """Only that it is one."""
        return "Pepper(…)"

    def digest(self, label: bytes, content: bytes) -> bytes:
        """A keyed digest of what is no slot, 32 bytes; the empty slot id keeps it apart from tags."""
        return hmac.digest(self._key, b"\x00" + label + b"\x00" + content, "sha256")

    def tags(self, slot_id: str, slots: bytes) -> Int64Array:
        """Tags of slots that share one slot id.

        Args:
            slot_id: The stored slot (for a probe: the one it asks).
            slots: n slots of 8 wire bytes, one behind the other; all zero = absent.

        Returns:
            Shape (n,), int64; 0 where the slot is absent.
        """
        blocks = np.zeros((len(slots) // SLOT_BYTES, WORDS_OF_BLOCK), dtype=np.uint64)
        blocks[:, 0] = np.frombuffer(slots, dtype=np.uint64)
        # ECB on blocks that are values, not a message: the permutation itself is the function wanted.
        encryptor = Cipher(algorithms.AES256(self._slot_key(slot_id)), modes.ECB()).encryptor()
        sealed = np.frombuffer(encryptor.update(blocks.tobytes()), dtype=">i8")[::WORDS_OF_BLOCK]
        return np.where(blocks[:, 0] == 0, 0, sealed).astype(np.int64)

    def token_tags(self, slots: UInt64Array, schema: LinkageSchema) -> UInt64Array:
        """Tags of whole tokens, shape (n, stored slots), uint64 in the schema's order; 0 = absent."""
        tags = np.zeros(slots.shape, dtype=np.uint64)
        wire = np.ascontiguousarray(slots.T).astype(">u8")
        for index, slot in enumerate(schema.stored):
            tags[:, index] = self.tags(slot.slot_id, wire[index].tobytes()).view(np.uint64)
        return tags

    def _slot_key(self, slot_id: str) -> bytes:
        return hmac.digest(self._key, b"tags/2\x00" + slot_id.encode(), "sha256")

    def permute_names(self, names: UInt8Array, schema: LinkageSchema) -> UInt8Array:
        """Name filters with their bits in the keyed order; shape (n, names_bits // 8), uint8."""
        if schema.names_bits == 0 or len(names) == 0:
            return names
        order = self._orders.get(schema.digest)
        if order is None:
            order = self._orders[schema.digest] = self._bit_order(schema.digest, schema.names_bits // 2)
        return np.packbits(np.unpackbits(names, axis=1)[:, order], axis=1)

    def _bit_order(self, schema_digest: str, half_bits: int) -> Int64Array:
        """A keyed order of the bits, each half within itself: sorting by keyed values is a permutation.

        Two equal 64-bit values among 256 would keep their first order; the chance is below 2**-48.
        """
        prefix = b"names/1\x00" + schema_digest.encode() + b"\x00"
        ranks = bytearray()
        for position in range(2 * half_bits):
            ranks += hmac.digest(self._key, prefix + position.to_bytes(4, "big"), "sha256")[:SLOT_BYTES]
        halves = np.frombuffer(bytes(ranks), dtype=">u8").astype(np.uint64).reshape(2, half_bits)
        order: Int64Array = np.argsort(halves, axis=1, kind="stable") + np.array([[0], [half_bits]])
        return order.reshape(-1).astype(np.int64)
