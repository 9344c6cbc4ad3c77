"""Identities sign, are compared by fingerprint, and print nothing else."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import KeyFormatError, SignatureInvalidError
from keys.identity import NodeIdentity, PublicIdentity, fingerprints_equal
from tests.keys import reference
from tests.keys.factories import identity

EXCHANGE = bytes(range(32))


@given(
    public=st.binary(min_size=32, max_size=32), exchange=st.just(b"") | st.binary(min_size=32, max_size=32)
)
def test_a_fingerprint_is_that_of_the_plain_implementation(public: bytes, exchange: bytes) -> None:
    assert PublicIdentity(public, exchange).fingerprint == reference.fingerprint(public, exchange)


def test_a_fingerprint_is_eight_groups_of_four() -> None:
    groups = identity(1).public.fingerprint.split("-")
    assert [len(group) for group in groups] == [4] * 8


def test_a_fingerprint_vouches_for_both_keys() -> None:
    signing_only, both = identity(1), NodeIdentity.from_private_bytes(bytes([1]) * 32, exchange_key=EXCHANGE)
    assert signing_only.public.public_key == both.public.public_key
    assert signing_only.public.fingerprint != both.public.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(str.upper, id="capitals"),
        pytest.param(lambda text: text.replace("-", ""), id="no dashes"),
        pytest.param(lambda text: text.replace("-", " "), id="blanks for dashes"),
        pytest.param(lambda text: f"  {text}\n", id="blanks around"),
    ],
)
def test_fingerprints_are_equal_however_they_are_typed(change: object) -> None:
    fingerprint = identity(1).public.fingerprint
    assert callable(change)
    assert fingerprints_equal(fingerprint, change(fingerprint))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(identity(2).public.fingerprint, id="of another identity"),
        pytest.param(identity(1).public.fingerprint[:-1], id="one letter short"),
        pytest.param(identity(1).public.fingerprint + "a", id="one letter long"),
        pytest.param("", id="empty"),
        pytest.param("ａ" * 32, id="letters beyond ASCII"),
        pytest.param("\N{KELVIN SIGN}" * 32, id="signs that lower to ASCII letters"),
    ],
)
def test_another_text_is_not_the_fingerprint(other: str) -> None:
    assert not fingerprints_equal(identity(1).public.fingerprint, other)


@pytest.mark.parametrize("text", ["", "-", "not a fingerprint", "1" * 32])
def test_what_is_no_fingerprint_does_not_even_equal_itself(text: str) -> None:
    assert not fingerprints_equal(text, text)


def test_an_identity_is_the_same_after_storing() -> None:
    made = NodeIdentity.generate(exchange_key=EXCHANGE)
    assert NodeIdentity.from_private_bytes(made.private_bytes(), exchange_key=EXCHANGE).public == made.public


def test_public_keys_are_the_same_after_the_wire() -> None:
    public = NodeIdentity.generate(exchange_key=EXCHANGE).public
    assert PublicIdentity.from_base64(public.public_key_base64, public.exchange_key_base64) == public


def test_two_identities_are_never_the_same() -> None:
    assert NodeIdentity.generate().public != NodeIdentity.generate().public


def test_an_identity_prints_its_fingerprint_only() -> None:
    made = identity(1)
    for shown in (repr(made), str(made), repr(made.public)):
        assert made.public.fingerprint in shown
        assert "\\x" not in shown and made.public.public_key_base64 not in shown


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_the_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(KeyFormatError):
        NodeIdentity.from_private_bytes(bytes(length))
    with pytest.raises(KeyFormatError):
        PublicIdentity(bytes(length))
    with pytest.raises(KeyFormatError):
        PublicIdentity(bytes(32), bytes(length or 1))


PUBLIC = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PUBLIC.rstrip("="), id="without padding"),
        pytest.param(PUBLIC[:-2] + "B=", id="spare bits set"),
        pytest.param(PUBLIC + "\n", id="a line break at the end"),
        pytest.param("-" * 43 + "=", id="the URL alphabet"),
        pytest.param("é" * 44, id="letters beyond ASCII"),
        pytest.param("", id="empty"),
    ],
)
def test_a_public_key_that_is_not_canonical_base64_is_refused(text: str) -> None:
    with pytest.raises(KeyFormatError) as refusal:
        PublicIdentity.from_base64(text)
    assert refusal.value.__cause__ is None and (not text or text not in str(refusal.value))


@pytest.mark.parametrize("signature", ["", "AAAA", "no base64!", base64.b64encode(bytes(64)).decode()])
def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    with pytest.raises(SignatureInvalidError):
        identity(1).public.verify_document({"format": "a/1"}, signature)


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_signature_holds_for_its_own_bytes_only(data: bytes, other: bytes) -> None:
    signature = identity(1).sign(data)
    identity(1).public.verify(signature, data)
    if other != data:
        with pytest.raises(SignatureInvalidError):
            identity(1).public.verify(signature, other)
    with pytest.raises(SignatureInvalidError):
        identity(2).public.verify(signature, data)
