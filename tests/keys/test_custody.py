"""A linkage key reaches the member it is for, from the custodian it was told, and nobody else."""

import base64
from typing import Any

import pytest

from keys.custody import ExchangeKey, unwrap_linkage_key, wrap_linkage_key
from keys.errors import CustodyError, KeyFormatError, KeysError, KeyUnwrapError, SignatureInvalidError
from keys.identity import NodeIdentity, PublicIdentity
from keys.linkage import LinkageKey
from tests.keys import reference
from tests.keys.factories import identity

CUSTODIAN, RIVAL = identity(1), identity(2)
EXCHANGE, OTHER_EXCHANGE = (ExchangeKey.from_private_bytes(bytes([n]) * 32) for n in (5, 6))
NODE = NodeIdentity.from_private_bytes(bytes([3]) * 32, exchange_key=EXCHANGE.public_bytes).public
KEY = LinkageKey.from_bytes(bytes(range(32)))


def wrapped(**change: Any) -> dict[str, str]:
    given: dict[str, Any] = {
        "custodian": CUSTODIAN,
        "recipient": NODE,
        "network": "north",
        "epoch": "2026-q4",
    }
    return wrap_linkage_key(change.pop("key", KEY), **given | change)


def unwrap(envelope: dict[str, Any], **change: Any) -> LinkageKey:
    given: dict[str, Any] = {
        "exchange_key": EXCHANGE,
        "own_fingerprint": NODE.fingerprint,
        "custodian": CUSTODIAN.public,
        "network": "north",
        "epoch": "2026-q4",
    }
    return unwrap_linkage_key(envelope, **given | change)


def resigned(**change: Any) -> dict[str, Any]:
    """An envelope that its own custodian altered and signed again."""
    envelope: dict[str, Any] = {**wrapped(), **change}
    envelope = {field: value for field, value in envelope.items() if value is not None}
    return {**envelope, "signature": CUSTODIAN.sign_document(envelope)}


def test_a_wrapped_key_is_unwrapped_by_its_recipient() -> None:
    assert unwrap(wrapped()).to_bytes() == KEY.to_bytes()


def test_the_plain_hpke_opens_what_was_wrapped() -> None:
    envelope = wrapped()
    bound = {
        field: envelope[field] for field in ("network", "epoch", "linkage_key_id", "recipient", "custodian")
    }
    info = b"knownto key-envelope/1\n" + reference.canonical(bound).encode()
    sealed = base64.b64decode(envelope["encapsulated_and_ciphertext"])
    assert reference.Hpke.open(sealed, private=EXCHANGE.private_bytes(), info=info) == KEY.to_bytes()


def test_the_fingerprint_may_be_given_as_people_type_it() -> None:
    assert unwrap(wrapped(), own_fingerprint=NODE.fingerprint.upper().replace("-", " ")).key_id == KEY.key_id


def test_the_key_is_nowhere_in_the_envelope() -> None:
    envelope = str(wrapped())
    assert KEY.to_bytes().hex() not in envelope
    assert base64.b64encode(KEY.to_bytes()).decode() not in envelope


REFUSED = [
    pytest.param({**wrapped(), "network": "south"}, {}, SignatureInvalidError, id="altered by the hub"),
    pytest.param(
        {**wrapped(), "signature": "AAAA"}, {}, SignatureInvalidError, id="a signature that is none"
    ),
    pytest.param({**wrapped(), "signature": 7}, {}, SignatureInvalidError, id="a signature that is no text"),
    pytest.param(
        {k: v for k, v in wrapped().items() if k != "signature"}, {}, SignatureInvalidError, id="unsigned"
    ),
    pytest.param(wrapped(custodian=RIVAL), {}, SignatureInvalidError, id="signed by another node"),
    pytest.param(
        {**wrapped(custodian=RIVAL), "custodian": CUSTODIAN.public.fingerprint},
        {},
        SignatureInvalidError,
        id="signed by another node in the custodian's name",
    ),
    pytest.param(
        resigned(custodian=RIVAL.public.fingerprint), {}, KeyUnwrapError, id="names another custodian"
    ),
    pytest.param(wrapped(), {"network": "south"}, KeyUnwrapError, id="for another network"),
    pytest.param(wrapped(), {"epoch": "2027-q1"}, KeyUnwrapError, id="for another epoch"),
    pytest.param(
        wrapped(), {"own_fingerprint": RIVAL.public.fingerprint}, KeyUnwrapError, id="for another node"
    ),
    pytest.param(wrapped(), {"own_fingerprint": ""}, KeyUnwrapError, id="for a node without a fingerprint"),
    pytest.param(wrapped(), {"exchange_key": OTHER_EXCHANGE}, KeyUnwrapError, id="another exchange key"),
    pytest.param(
        resigned(epoch="2027-q1"),
        {"epoch": "2027-q1"},
        KeyUnwrapError,
        id="readdressed to another epoch after sealing",
    ),
    pytest.param(resigned(linkage_key_id="0" * 16), {}, KeyUnwrapError, id="renamed after sealing"),
    pytest.param(resigned(format="key-envelope/2"), {}, KeyFormatError, id="another version"),
    pytest.param(resigned(extra="one more"), {}, KeyFormatError, id="a field too many"),
    pytest.param(resigned(linkage_key_id=None), {}, KeyFormatError, id="a field too few"),
    pytest.param(resigned(recipient=7), {}, KeyFormatError, id="a recipient that is no text"),
    pytest.param(
        resigned(encapsulated_and_ciphertext="AAAA"), {}, KeyFormatError, id="a ciphertext cut short"
    ),
    pytest.param(
        resigned(encapsulated_and_ciphertext=base64.b64encode(bytes(80)).decode()),
        {},
        KeyUnwrapError,
        id="an encapsulated key of small order",
    ),
    pytest.param({}, {}, SignatureInvalidError, id="empty"),
    pytest.param({**wrapped(), "format": None}, {}, KeyFormatError, id="no format"),
]


@pytest.mark.parametrize(("envelope", "change", "error"), REFUSED)
def test_an_envelope_that_is_not_exactly_ours_is_refused(
    envelope: dict[str, Any], change: dict[str, Any], error: type[KeysError]
) -> None:
    with pytest.raises(error) as refusal:
        unwrap(envelope, **change)
    for value in envelope.values():
        assert (
            not value or str(value) not in str(refusal.value) or value in ("key-envelope/1", "key-envelope/2")
        )


def test_an_envelope_that_names_another_key_than_it_holds_is_refused() -> None:
    other = LinkageKey.from_bytes(bytes(32))

    class Misnamed(LinkageKey):
        key_id = KEY.key_id

    envelope = wrapped(key=Misnamed(other.to_bytes()))
    with pytest.raises(KeyUnwrapError, match="does not hold the key it names"):
        unwrap(envelope)


def test_a_custodian_cannot_sign_what_names_another_custodian() -> None:
    bound = {field: wrapped()[field] for field in ("network", "epoch", "linkage_key_id", "recipient")}
    bound["custodian"] = RIVAL.public.fingerprint
    info = b"knownto key-envelope/1\n" + reference.canonical(bound).encode()
    sealed = reference.Hpke.seal(
        KEY.to_bytes(), recipient=EXCHANGE.public_bytes, ephemeral=bytes([7]) * 32, info=info
    )
    envelope = resigned(**bound, encapsulated_and_ciphertext=base64.b64encode(sealed).decode())
    with pytest.raises(KeyUnwrapError, match="names another custodian"):
        unwrap(envelope)


@pytest.mark.parametrize(
    "exchange_key",
    [
        pytest.param(b"", id="a hub, which has none"),
        pytest.param(bytes(32), id="a point of small order"),
        pytest.param(b"\x01" + bytes(31), id="another point of small order"),
    ],
)
def test_no_key_is_wrapped_for_an_exchange_key_that_protects_nothing(exchange_key: bytes) -> None:
    with pytest.raises(KeyFormatError):
        wrapped(recipient=PublicIdentity(NODE.public_key, exchange_key))


@pytest.mark.parametrize("change", [{"network": "North"}, {"epoch": ""}])
def test_a_key_is_wrapped_under_proper_ids_only(change: dict[str, str]) -> None:
    with pytest.raises(KeyFormatError):
        wrapped(**change)


def test_an_exchange_key_is_the_same_after_storing_and_prints_nothing() -> None:
    made = ExchangeKey.generate()
    assert ExchangeKey.from_private_bytes(made.private_bytes()).public_bytes == made.public_bytes
    assert repr(made) == "ExchangeKey(X25519)"


@pytest.mark.parametrize("length", [0, 31, 33])
def test_an_exchange_key_of_the_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(KeyFormatError):
        ExchangeKey.from_private_bytes(bytes(length))


def test_a_failed_unwrapping_is_a_matter_of_custody() -> None:
    assert issubclass(KeyUnwrapError, CustodyError)
