"""Tags: what the index holds of a slot, and what it does not."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from hub.tags import Pepper
from matcher.schema import LinkageSchema

KEY = bytes(range(32))


@pytest.fixture
def slots(schema: LinkageSchema) -> np.ndarray:
    rng = np.random.default_rng(1)
    present = rng.integers(1, 2**63, size=(40, len(schema.stored)), dtype=np.uint64)
    present[3, 2] = present[7, 0] = 0
    return present


def test_a_tag_is_the_first_half_of_a_block_of_aes_under_the_slots_own_key() -> None:
    slot = bytes.fromhex("00ff00000000ff01")
    key = hmac.new(KEY, b"tags/2\x00N1", hashlib.sha256).digest()
    # In another mode: of one block, CBC from zeros is the permutation itself.
    sealed = Cipher(algorithms.AES256(key), modes.CBC(bytes(16))).encryptor().update(slot + bytes(8))
    assert Pepper(KEY).tags("N1", slot).tolist() == [int.from_bytes(sealed[:8], "big", signed=True)]


def test_an_absent_slot_has_the_tag_zero(schema: LinkageSchema, slots: np.ndarray) -> None:
    tags = Pepper(KEY).token_tags(slots, schema)
    assert ((tags == 0) == (slots == 0)).all()


def test_whole_tokens_get_the_tags_their_slots_get_one_by_one(
    schema: LinkageSchema, slots: np.ndarray
) -> None:
    tags = Pepper(KEY).token_tags(slots, schema)
    for index, slot in enumerate(schema.stored):
        wire = b"".join(int(value).to_bytes(8, "big") for value in slots[:, index])
        assert (Pepper(KEY).tags(slot.slot_id, wire).view(np.uint64) == tags[:, index]).all()


def test_the_same_bits_in_two_slots_have_different_tags(schema: LinkageSchema) -> None:
    same = np.full((1, len(schema.stored)), 0xFF, dtype=np.uint64)
    tags = Pepper(KEY).token_tags(same, schema)[0]
    assert len(set(tags.tolist())) == len(schema.stored)


def test_another_pepper_gives_other_tags(schema: LinkageSchema, slots: np.ndarray) -> None:
    one, other = Pepper(KEY).token_tags(slots, schema), Pepper(KEY[::-1]).token_tags(slots, schema)
    assert not (one[slots != 0] == other[slots != 0]).any()


def test_the_order_of_name_bits_is_a_permutation_within_each_half(schema: LinkageSchema) -> None:
    half_bits = schema.names_bits // 2
    identity = np.packbits(np.eye(schema.names_bits, dtype=np.uint8), axis=1)
    moved = np.unpackbits(Pepper(KEY).permute_names(identity, schema), axis=1)
    assert (moved.sum(axis=0) == 1).all() and (moved.sum(axis=1) == 1).all()
    assert moved[:half_bits, :half_bits].sum() == half_bits
    assert not (moved == np.eye(schema.names_bits)).all()


def test_the_keyed_order_keeps_every_intersection(schema: LinkageSchema) -> None:
    rng = np.random.default_rng(2)
    names = rng.integers(0, 256, size=(20, schema.names_bits // 8), dtype=np.uint8)
    moved = Pepper(KEY).permute_names(names, schema)

    def common(filters: np.ndarray) -> np.ndarray:
        return np.bitwise_count(filters[:, None, :] & filters[None, :, :]).sum(axis=2)

    assert (common(moved) == common(names)).all()


def test_another_pepper_gives_another_order(schema: LinkageSchema) -> None:
    names = np.packbits(np.eye(schema.names_bits, dtype=np.uint8), axis=1)
    one, other = (Pepper(key).permute_names(names, schema) for key in (KEY, KEY[::-1]))
    assert (one != other).any()


def test_a_pepper_prints_nothing_of_itself() -> None:
    assert KEY.hex() not in repr(Pepper(KEY)) and str(KEY) not in repr(Pepper(KEY))
