"""The package gives what the plain implementation in `reference.py` gave, byte for byte."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from keys.actors import Actor
from keys.cards import open_card, seal_card
from keys.custody import ExchangeKey, unwrap_linkage_key
from keys.documents import document_digest, signing_bytes
from keys.envelope import sign_request, sign_response, verify_request, verify_response
from keys.identity import NodeIdentity, PublicIdentity
from keys.linkage import LinkageKey
from tests.keys.factories import VECTORS, load_vector
from tests.vectors.envelope import make


def identity_of(described: dict[str, str]) -> NodeIdentity:
    return NodeIdentity.from_private_bytes(
        base64.b64decode(described["private_key"]), exchange_key=base64.b64decode(described["exchange_key"])
    )


def cases_of(name: str, kind: str) -> list[Any]:
    return [pytest.param(case, id=case["case"]) for case in load_vector(name)[kind]]


@pytest.mark.parametrize("name", sorted(make.FILES))
def test_the_generator_rebuilds_the_committed_file(name: str) -> None:
    assert (VECTORS / name).read_text(encoding="utf-8") == make.text_of(name)


@pytest.mark.parametrize("name", ["documents.json", "requests.json", "responses.json"])
def test_an_identity_has_the_fingerprint_of_its_vector(name: str) -> None:
    described = load_vector(name)["identity"]
    public = PublicIdentity.from_base64(described["public_key"], described["exchange_key"])
    assert public == identity_of(described).public
    assert public.fingerprint == described["fingerprint"]


@pytest.mark.parametrize("case", cases_of("documents.json", "documents"))
def test_a_document_has_the_bytes_digest_and_signature_of_its_vector(case: dict[str, Any]) -> None:
    signer = identity_of(load_vector("documents.json")["identity"])
    assert signing_bytes(case["document"]).decode() == case["signing_bytes"]
    assert document_digest(case["document"]) == case["digest"]
    assert signer.sign_document(case["document"]) == case["signature"]
    signer.public.verify_document(case["document"], case["signature"])


@pytest.mark.parametrize("case", cases_of("requests.json", "requests"))
def test_a_request_is_signed_as_its_vector(case: dict[str, Any]) -> None:
    added = sign_request(
        identity_of(load_vector("requests.json")["identity"]),
        actor=Actor(case["staff"], case["role"]),
        method=case["method"],
        url=case["url"],
        headers={},
        body=case["body"].encode(),
        at=at_of("requests.json"),
        nonce=case["nonce"],
    )
    assert added == case["headers"]


@pytest.mark.parametrize("case", cases_of("requests.json", "requests"))
def test_a_request_of_the_vectors_is_accepted(case: dict[str, Any]) -> None:
    signer = identity_of(load_vector("requests.json")["identity"])
    verified = verify_request(
        method=case["method"],
        url=case["url"],
        headers=case["headers"],
        body=case["body"].encode(),
        at=at_of("requests.json"),
        key_for={signer.public.fingerprint: signer.public}.get,
        remember_nonce=lambda *_: True,
    )
    assert (verified.nonce, verified.keyid) == (case["nonce"], signer.public.fingerprint)
    assert verified.actor == Actor(case["staff"], case["role"])
    assert verified.signature_b64 in case["headers"]["Signature"]


@pytest.mark.parametrize("case", cases_of("responses.json", "responses"))
def test_an_answer_is_signed_and_accepted_as_its_vector(case: dict[str, Any]) -> None:
    hub, at = identity_of(load_vector("responses.json")["identity"]), at_of("responses.json")
    headers, body = {"Content-Type": case["content_type"]}, case["body"].encode()
    asked = case["request_nonce"]
    added = sign_response(
        hub,
        status=case["status"],
        headers=headers,
        body=body,
        request_nonce=asked,
        at=at,
        nonce=case["nonce"],
    )
    assert added == case["headers"]
    verify_response(
        status=case["status"], headers=headers | added, body=body, at=at, hub=hub.public, request_nonce=asked
    )


def test_a_linkage_key_derives_what_its_vector_says() -> None:
    vector = load_vector("linkage.json")
    key = LinkageKey.from_bytes(base64.b64decode(vector["linkage_key"]))
    assert key.key_id == vector["key_id"]
    assert key.card_key(vector["epoch"]).hex() == vector["card_key"]
    slots = {slot: key.slot_key(vector["schema_digest"], slot).hex() for slot in vector["slot_keys"]}
    assert slots == vector["slot_keys"]


def test_a_card_is_sealed_and_opened_as_its_vector() -> None:
    vector = load_vector("linkage.json")
    key, card = LinkageKey.from_bytes(base64.b64decode(vector["linkage_key"])), vector["card"]
    plain, bound = card["plain"].encode(), {"epoch": vector["epoch"], "agency": card["agency"]}
    sealed = seal_card(key, plain, **bound, rng=lambda _: bytes.fromhex(card["nonce"]))
    assert base64.b64encode(sealed).decode() == card["card"]
    assert open_card(key, sealed, **bound) == plain


def test_a_key_envelope_of_the_plain_implementation_opens() -> None:
    vector = load_vector("key_envelope.json")
    custodian, recipient = vector["custodian"], vector["recipient"]
    key = unwrap_linkage_key(
        vector["envelope"],
        exchange_key=ExchangeKey.from_private_bytes(base64.b64decode(recipient["exchange_private_key"])),
        own_fingerprint=recipient["fingerprint"],
        custodian=PublicIdentity.from_base64(custodian["public_key"], custodian["exchange_key"]),
        network="north-county",
        epoch="2026-q4",
    )
    assert base64.b64encode(key.to_bytes()).decode() == vector["linkage_key"]


def at_of(name: str) -> datetime:
    return datetime.fromtimestamp(load_vector(name)["at"], UTC)
