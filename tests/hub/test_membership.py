"""Enrolment: a one-time token, proof of possession, and a fingerprint two people compare."""

from __future__ import annotations

import pytest

from hub.errors import ConflictError, FingerprintMismatchError, NotFoundError
from hub.membership import add_agency, confirm, invite
from hub.models import Agency
from keys.identity import NodeIdentity
from tests.hub.client import Node
from tests.hub.conftest import Network


def test_an_enrolled_node_is_pending_until_its_fingerprint_is_confirmed(network: Network) -> None:
    node = network.add("holder-1")
    answer = node.enrol(network.invite("holder-1"))
    assert answer.status == 201
    assert answer.document == {
        "format": "enrolled/1",
        "agency": "holder-1",
        "fingerprint": node.identity.public.fingerprint,
        "state": "pending",
    }
    network.confirm(node)
    [view] = node.call("GET", "/v1/agencies").document["agencies"]
    assert (view["state"], view["as_of"], view["custodian"]) == ("confirmed", None, False)
    assert view["public_key"] == node.identity.public.public_key_base64


def test_repeating_an_enrolment_is_answered_the_same_way(network: Network) -> None:
    node = network.add("holder-1")
    token = network.invite("holder-1")
    first, second = node.enrol(token), node.enrol(token)
    assert (first.status, first.document) == (second.status, second.document)


def refused(node: Node, token: str) -> None:
    answer = node.enrol(token)
    assert (answer.status, answer.code) == (403, "token_invalid")
    assert answer.document["detail"] == "token: unknown, used or expired"


def test_unknown_used_expired_and_foreign_tokens_are_refused_alike(network: Network) -> None:
    node, other = network.add("holder-1"), network.add("holder-2")
    refused(node, "a-token-that-was-never-made")
    token = network.invite("holder-1")
    refused(other, token)
    assert node.enrol(token).status == 201
    node.identity = NodeIdentity.generate(exchange_key=bytes(32))
    refused(node, token)
    late = network.invite("holder-2")
    network.clock.move(hours=24)
    refused(other, late)
    refused(Node("nobody", network.client, network.clock, network.hub.public, seed=9), token)


def test_a_new_invitation_replaces_the_old_and_new_keys_wait_for_confirmation(network: Network) -> None:
    node = network.add("holder-1")
    old = network.invite("holder-1")
    new = network.invite("holder-1")
    refused(node, old)
    assert node.enrol(new).status == 201
    network.confirm(node)
    replaced = node.identity
    node.identity = NodeIdentity.generate(exchange_key=bytes(32))
    assert node.enrol(network.invite("holder-1")).document["state"] == "pending"
    assert node.call("GET", "/v1/agencies").code == "not_confirmed"
    assert node.call("GET", "/v1/agencies", signer=replaced).code == "unknown_key"


def test_an_enrolment_signed_with_another_key_than_it_brings_is_refused(network: Network) -> None:
    node = network.add("holder-1")
    other = NodeIdentity.generate(exchange_key=bytes(32))
    body = {
        "format": "enrolment/1",
        "token": network.invite("holder-1"),
        "agency": "holder-1",
        "public_key": node.identity.public.public_key_base64,
        "exchange_key": node.identity.public.exchange_key_base64,
    }
    assert node.call("POST", "/v1/enrolments", body, signer=other).code == "unknown_key"


def test_one_pair_of_keys_serves_one_agency(network: Network) -> None:
    node, other = network.join("holder-1"), network.add("holder-2")
    other.identity = node.identity
    assert other.enrol(network.invite("holder-2")).code == "conflict"


def test_a_wrong_fingerprint_is_refused_and_changes_nothing(network: Network) -> None:
    node = network.add("holder-1")
    node.enrol(network.invite("holder-1"))
    wrong = NodeIdentity.generate(exchange_key=bytes(32)).public.fingerprint
    with (
        pytest.raises(FingerprintMismatchError) as caught,
        network.database.writing() as session,
    ):
        confirm(session, "holder-1", fingerprint=wrong, at=network.clock())
    assert wrong not in str(caught.value)
    assert node.call("GET", "/v1/agencies").code == "not_confirmed"


def test_an_agency_that_has_not_enrolled_cannot_be_confirmed(network: Network) -> None:
    network.add("holder-1")
    with pytest.raises(NotFoundError), network.database.writing() as session:
        confirm(session, "holder-1", fingerprint="", at=network.clock())


def test_an_agency_is_added_once(network: Network) -> None:
    network.add("holder-1")
    with pytest.raises(ConflictError), network.database.writing() as session:
        add_agency(session, "holder-1", name="Again", service="other", area=None, custodian=False)


def test_the_database_holds_no_invitation_token(network: Network) -> None:
    network.add("holder-1")
    with network.database.writing() as session:
        token = invite(session, "holder-1", at=network.clock(), hours=24)
        row = session.get_one(Agency, "holder-1")
        assert len(token) >= 32  # 192 bits
        assert token not in str({name: getattr(row, name) for name in row.__table__.columns.keys()})


def test_agencies_are_listed_by_id(network: Network) -> None:
    node = network.join("holder-2")
    for name in ("holder-10", "cgl", "holder-1"):
        network.add(name)
    listed = [view["agency"] for view in node.call("GET", "/v1/agencies").document["agencies"]]
    assert listed == ["cgl", "holder-1", "holder-10", "holder-2"]
