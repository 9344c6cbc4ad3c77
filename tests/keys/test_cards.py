"""Every card has one size, and opens for the same key, epoch and agency only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.cards import CARD_BYTES, PLAIN_BYTES, open_card, seal_card
from keys.errors import CustodyError, KeyFormatError
from keys.linkage import LinkageKey

KEY, OTHER_KEY = LinkageKey.from_bytes(bytes(range(32))), LinkageKey.from_bytes(bytes(32))
plains = st.binary(max_size=PLAIN_BYTES).filter(lambda plain: not plain.endswith(b" "))
ids = st.from_regex(r"[a-z0-9][a-z0-9-]{0,63}", fullmatch=True)


@given(plains, ids, ids)
def test_a_card_opens_as_it_was_sealed_and_is_always_256_bytes(plain: bytes, epoch: str, agency: str) -> None:
    card = seal_card(KEY, plain, epoch=epoch, agency=agency)
    assert len(card) == CARD_BYTES == 256
    assert open_card(KEY, card, epoch=epoch, agency=agency) == plain


@given(plains, st.integers(0, CARD_BYTES - 1), st.integers(0, 7))
def test_a_card_with_any_bit_changed_does_not_open(plain: bytes, position: int, bit: int) -> None:
    card = bytearray(seal_card(KEY, plain, epoch="e", agency="a"))
    card[position] ^= 1 << bit
    with pytest.raises(CustodyError):
        open_card(KEY, bytes(card), epoch="e", agency="a")


@pytest.mark.parametrize(
    ("key", "epoch", "agency"),
    [
        pytest.param(OTHER_KEY, "e", "a", id="another linkage key"),
        pytest.param(KEY, "f", "a", id="another epoch"),
        pytest.param(KEY, "e", "b", id="another agency"),
    ],
)
def test_a_card_does_not_open_elsewhere(key: LinkageKey, epoch: str, agency: str) -> None:
    with pytest.raises(CustodyError):
        open_card(key, seal_card(KEY, b"{}", epoch="e", agency="a"), epoch=epoch, agency=agency)


def test_two_cards_of_the_same_text_differ() -> None:
    assert seal_card(KEY, b"{}", epoch="e", agency="a") != seal_card(KEY, b"{}", epoch="e", agency="a")


@pytest.mark.parametrize(
    "plain", [pytest.param(b"x" * 229, id="too long"), pytest.param(b"{} ", id="a space last")]
)
def test_a_text_that_would_not_come_back_is_not_sealed(plain: bytes) -> None:
    with pytest.raises(KeyFormatError):
        seal_card(KEY, plain, epoch="e", agency="a")


@pytest.mark.parametrize("length", [0, 27, 255, 257])
def test_a_card_of_another_size_is_refused(length: int) -> None:
    with pytest.raises(KeyFormatError):
        open_card(KEY, bytes(length), epoch="e", agency="a")


@pytest.mark.parametrize("bad", ["", "A", "a b", "a\nb", "x" * 65])
def test_malformed_ids_are_refused(bad: str) -> None:
    with pytest.raises(KeyFormatError):
        seal_card(KEY, b"{}", epoch=bad, agency="a")
    with pytest.raises(KeyFormatError):
        seal_card(KEY, b"{}", epoch="e", agency=bad)
