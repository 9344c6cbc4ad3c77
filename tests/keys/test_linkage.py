"""Every use of a linkage key has a key of its own."""

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import KeyFormatError
from keys.linkage import LinkageKey
from tests.keys import reference

SECRET = bytes(range(32))
DIGEST, OTHER_DIGEST = (hashlib.sha256(name).hexdigest() for name in (b"one schema", b"another schema"))


@given(
    secret=st.binary(min_size=32, max_size=32),
    label=st.from_regex(r"[a-z][a-z0-9-]{0,20}/[1-9]", fullmatch=True),
    context=st.binary(max_size=100),
    length=st.integers(1, 200),
)
def test_derived_keys_are_those_of_the_plain_implementation(
    secret: bytes, label: str, context: bytes, length: int
) -> None:
    derived = LinkageKey.from_bytes(secret).derive(label, context, length)
    assert derived == reference.linkage_derive(secret, label, context, length)


def test_no_two_uses_share_a_key() -> None:
    key = LinkageKey.from_bytes(SECRET)
    derived = [key.slot_key(digest, slot) for digest in (DIGEST, OTHER_DIGEST) for slot in ("F", "A4", "N1")]
    derived += [key.card_key(epoch) for epoch in ("2026-q3", "2026-q4")]
    derived += [key.derive("other/1", b""), SECRET]
    assert all(left != right for left, right in itertools.combinations(derived, 2))
    assert {len(one) for one in derived} == {32}


def test_the_key_id_is_the_same_for_the_same_key_and_another_for_another() -> None:
    key = LinkageKey.from_bytes(SECRET)
    assert key.key_id == LinkageKey.from_bytes(key.to_bytes()).key_id != LinkageKey.generate().key_id
    assert len(key.key_id) == 16 and key.key_id not in hashlib.sha256(SECRET).hexdigest()


def test_a_new_key_takes_its_bytes_from_the_given_randomness() -> None:
    assert LinkageKey.generate(rng=lambda length: b"\x07" * length).to_bytes() == b"\x07" * 32


def test_a_linkage_key_prints_its_id_only() -> None:
    key = LinkageKey.from_bytes(SECRET)
    assert repr(key) == f"LinkageKey(key_id={key.key_id})" == str(key)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_linkage_key_of_the_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(KeyFormatError):
        LinkageKey.from_bytes(bytes(length))


@pytest.mark.parametrize("label", ["", "card", "card/0", "Card/1", "card/1\nx", "card /1"])
def test_a_label_without_name_and_version_is_refused(label: str) -> None:
    with pytest.raises(KeyFormatError):
        LinkageKey.from_bytes(SECRET).derive(label, b"")


@pytest.mark.parametrize("length", [0, -1, 8161])
def test_an_impossible_length_is_refused(length: int) -> None:
    with pytest.raises(KeyFormatError):
        LinkageKey.from_bytes(SECRET).derive("card/1", b"", length)


@pytest.mark.parametrize(
    ("digest", "slot"),
    [
        pytest.param(DIGEST.upper(), "F", id="a digest in capitals"),
        pytest.param(DIGEST[:-1], "F", id="a digest too short"),
        pytest.param(DIGEST, "", id="no slot"),
        pytest.param(DIGEST, "F\n", id="a slot with a line break"),
        pytest.param(DIGEST, "1F", id="a slot that begins with a digit"),
    ],
)
def test_a_slot_that_is_not_properly_named_has_no_key(digest: str, slot: str) -> None:
    with pytest.raises(KeyFormatError):
        LinkageKey.from_bytes(SECRET).slot_key(digest, slot)
