"""The Dice coefficient: kernel and plain reference are one function."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from matcher.errors import TokenLengthMismatchError
from matcher.similarity import dice_coefficient, paired_dice

filters = st.binary(min_size=16, max_size=16) | st.just(bytes(16))


def rows(*values: bytes) -> np.ndarray:
    return np.frombuffer(b"".join(values), np.uint8).reshape(len(values), -1)


@given(
    pair=st.integers(0, 6).flatmap(
        lambda n: st.tuples(*[arrays.arrays(np.uint8, (n, 8), elements=st.integers(0, 255))] * 2)
    )
)
def test_the_kernel_equals_the_plain_reference(pair: tuple[np.ndarray, np.ndarray]) -> None:
    expected = [dice_coefficient(a.tobytes(), b.tobytes()) for a, b in zip(*pair, strict=True)]
    assert paired_dice(*pair).tolist() == expected


@given(left=filters, right=filters)
def test_dice_is_symmetric_and_bounded(left: bytes, right: bytes) -> None:
    score = dice_coefficient(left, right)
    assert 0.0 <= score <= 1.0
    assert score == dice_coefficient(right, left)


@given(value=filters)
def test_dice_is_one_on_itself_unless_empty(value: bytes) -> None:
    assert dice_coefficient(value, value) == (1.0 if any(value) else 0.0)


@given(left=filters, right=filters)
def test_dice_is_one_only_for_equal_filters(left: bytes, right: bytes) -> None:
    assert (dice_coefficient(left, right) == 1.0) == (left == right and any(left))


def test_two_empty_filters_score_zero() -> None:
    assert paired_dice(rows(bytes(8)), rows(bytes(8))).tolist() == [0.0]
    assert paired_dice(np.zeros((2, 0), np.uint8), np.zeros((2, 0), np.uint8)).tolist() == [0.0, 0.0]


def test_dice_counts_what_is_shared_twice_over_what_is_there() -> None:
    assert dice_coefficient(b"\x0f", b"\x03") == 2 * 2 / (4 + 2)
    assert paired_dice(rows(b"\x0f\0"), rows(b"\x03\0")).tolist() == [2 * 2 / (4 + 2)]


def test_filters_of_two_lengths_are_refused() -> None:
    with pytest.raises(TokenLengthMismatchError, match="64 bits, right 128"):
        paired_dice(np.zeros((1, 8), np.uint8), np.zeros((1, 16), np.uint8))
