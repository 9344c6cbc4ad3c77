"""Tokens as arrays: shapes and bits that the wire can bring, right and wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from matcher.errors import TokenFormatError
from matcher.schema import shipped_schema
from matcher.tokens import TokenSet, decode_slots, encode_slots, require_set_bits

SCHEMA = shipped_schema(["dob", "names"])
SLOTS, FILTER_BYTES = len(SCHEMA.stored), SCHEMA.names_bits // 8


def tokens(
    *, slots: tuple[int, ...] = (3, SLOTS), names: tuple[int, ...] = (3, FILTER_BYTES), area: int = 3
) -> TokenSet:
    return TokenSet(
        np.zeros(slots, np.uint64), np.zeros(names, np.uint8), np.arange(3), np.full(area, -1, np.int64)
    )


@given(slots=arrays.arrays(np.uint64, st.tuples(st.integers(0, 5), st.just(4))))
def test_slots_survive_the_wire(slots: np.ndarray) -> None:
    packed = encode_slots(slots)
    assert all(len(row) == 32 for row in packed)
    assert (decode_slots(packed, 4) == slots).all()
    assert decode_slots(packed, 4).shape == slots.shape


def test_slots_are_big_endian_on_the_wire() -> None:
    assert encode_slots(np.asarray([[1, 2**63]], np.uint64)) == [b"\0" * 7 + b"\x01" + b"\x80" + b"\0" * 7]


@pytest.mark.parametrize("length", [0, 8, 31, 33, 40])
def test_a_token_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(TokenFormatError, match="32 bytes"):
        decode_slots([bytes(32), bytes(length)], 4)


def test_no_tokens_decode_to_none() -> None:
    assert decode_slots([], 4).shape == (0, 4)


def test_a_present_slot_has_exactly_eight_bits_and_an_absent_one_none() -> None:
    require_set_bits(np.asarray([[0, 0xFF, 0xFF << 56, 0x0101010101010101]], np.uint64))


@pytest.mark.parametrize("value", [1, 0x7F, 0x1FF, 2**64 - 1], ids=["one", "seven", "nine", "all"])
def test_a_slot_with_another_number_of_bits_is_refused(value: int) -> None:
    with pytest.raises(TokenFormatError, match="exactly 8 bits"):
        require_set_bits(np.asarray([[0xFF, value]], np.uint64))


def test_tokens_of_the_schemas_shape_are_taken() -> None:
    tokens().require_schema(SCHEMA)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(tokens(slots=(3, SLOTS - 1)), id="a slot too few"),
        pytest.param(tokens(slots=(2, SLOTS)), id="slots of a token too few"),
        pytest.param(tokens(names=(3, FILTER_BYTES - 1)), id="a name filter too short"),
        pytest.param(tokens(names=(3, 0)), id="no name filter"),
        pytest.param(tokens(area=2), id="an area too few"),
    ],
)
def test_tokens_of_another_shape_are_refused(wrong: TokenSet) -> None:
    with pytest.raises(TokenFormatError):
        wrong.require_schema(SCHEMA)


def test_records_are_counted_not_tokens() -> None:
    aliases = TokenSet(
        np.zeros((3, 1), np.uint64), np.zeros((3, 0), np.uint8), np.asarray([0, 0, 1]), np.zeros(3, np.int64)
    )
    assert (len(aliases), aliases.record_count) == (3, 2)
    nobody = TokenSet(
        np.zeros((0, 1), np.uint64), np.zeros((0, 0), np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64)
    )
    assert (len(nobody), nobody.record_count) == (0, 0)


def test_tokens_print_their_number_only() -> None:
    assert repr(tokens()) == "TokenSet(3 tokens)"
