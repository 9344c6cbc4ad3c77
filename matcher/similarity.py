"""Graded similarity of q-gram filters: the Dice coefficient, a plain reference and the packed kernel."""

from __future__ import annotations

import numpy as np

from matcher.errors import TokenLengthMismatchError
from matcher.tokens import FloatArray, UInt8Array


def dice_coefficient(left: bytes, right: bytes) -> float:
    """D(A, B) = 2 |A ∩ B| / (|A| + |B|) over set bits (Schnell, Bachteler and Reiher 2009).

    The plain reference the kernel is held to. Two empty filters score 0.0: absence is not agreement.
    """
    a, b = int.from_bytes(left, "big"), int.from_bytes(right, "big")
    size = a.bit_count() + b.bit_count()
    return 2 * (a & b).bit_count() / size if size else 0.0


def paired_dice(left: UInt8Array, right: UInt8Array) -> FloatArray:
    """Dice coefficient of every row of `left` with the same row of `right`.

    Args:
        left: Packed filters, shape (n, bits // 8), uint8.
        right: The same shape.

    Returns:
        Scores in [0, 1], shape (n,), float64; 0.0 where both are empty.

    Raises:
        TokenLengthMismatchError: The shapes differ.
    """
    if left.shape != right.shape:
        raise TokenLengthMismatchError(
            f"left filters have {left.shape[1] * 8} bits, right {right.shape[1] * 8}"
        )
    common = np.bitwise_count(left & right).sum(axis=1, dtype=np.int64)
    sizes = np.bitwise_count(left).sum(axis=1, dtype=np.int64) + np.bitwise_count(right).sum(
        axis=1, dtype=np.int64
    )
    dice: FloatArray = np.divide(2.0 * common, sizes, out=np.zeros(len(sizes)), where=sizes > 0)
    return dice
