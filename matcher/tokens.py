"""Tokens as arrays: the only form in which the matcher sees people.

A token is a row of 64-bit slots (0 = absent: a present slot has 8 bits set, and a hub's tag is never 0)
and two halves of the name filter. The matcher uses slots for equality only, so that a node's slots and
the hub's peppered tags of them are the same to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.errors import TokenFormatError
from matcher.schema import LinkageSchema

ABSENT_AREA = -1
UInt64Array = NDArray[np.uint64]
UInt8Array = NDArray[np.uint8]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, repr=False)
class TokenSet:
    """Tokens of many records.

    Attributes:
        slots: Shape (n, stored slots), uint64; 0 = absent.
        names: Name filter, shape (n, names_bits // 8), uint8, forename half first; a zero half is absent.
        record: Shape (n,), the dense index of the record each token belongs to (an alias is a further token).
        area: Shape (n,), code of the record's area, `ABSENT_AREA` where none is given.
    """

    slots: UInt64Array
    names: UInt8Array
    record: IntArray
    area: IntArray

    def __len__(self) -> int:
        """Number of tokens."""
        return len(self.record)

    def __repr__(self) -> str:
        """The size; never the content."""
        return f"TokenSet({len(self)} tokens)"

    @property
    def record_count(self) -> int:
        """Number of records."""
        return int(self.record.max()) + 1 if len(self.record) else 0

    def require_schema(self, schema: LinkageSchema) -> None:
        """Refuse tokens of another shape than the schema's.

        Raises:
            TokenFormatError: The number of slots, bits or rows does not fit.
        """
        n = len(self.record)
        if self.slots.shape != (n, len(schema.stored)):
            raise TokenFormatError(f"tokens: {len(schema.stored)} slots a token are needed")
        if self.names.shape != (n, schema.names_bits // 8):
            raise TokenFormatError(f"tokens: a name filter of {schema.names_bits} bits is needed")
        if self.area.shape != (n,):
            raise TokenFormatError("tokens: one area a token is needed")


def decode_slots(rows: Sequence[bytes], slot_count: int) -> UInt64Array:
    """Slots from wire bytes: 8 bytes each, big-endian.

    Args:
        rows: One bytes object a token.
        slot_count: Slots a token.

    Returns:
        Shape (n, slot_count), uint64.

    Raises:
        TokenFormatError: A row has another length.
    """
    if any(len(row) != 8 * slot_count for row in rows):
        raise TokenFormatError(f"slots: {8 * slot_count} bytes a token are needed")
    packed = np.frombuffer(b"".join(rows), dtype=">u8").reshape(len(rows), slot_count)
    return packed.astype(np.uint64)


def encode_slots(slots: UInt64Array) -> list[bytes]:
    """Slots as wire bytes, one bytes object a token."""
    return [row.tobytes() for row in slots.astype(">u8")]


def require_set_bits(slots: UInt64Array, set_bits: int = 8) -> None:
    """Refuse slots that are neither absent nor have exactly the agreed number of bits set.

    Raises:
        TokenFormatError: A slot has another number of bits set.
    """
    counts = np.bitwise_count(slots)
    if not np.isin(counts, (0, set_bits)).all():
        raise TokenFormatError(f"slots: a present slot has exactly {set_bits} bits set")
