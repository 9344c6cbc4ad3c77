"""Epochs and sealed keys: signed by the custodian, relayed unopened."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from hub.models import Record, Tag, Token
from keys.custody import ExchangeKey, unwrap_linkage_key, wrap_linkage_key
from keys.identity import NodeIdentity
from keys.linkage import LinkageKey
from tests.hub.client import Node
from tests.hub.conftest import EPOCH, NETWORK, Network
from tests.hub.people import make_people


@pytest.fixture
def custodian(network: Network) -> Node:
    return network.join("asker", custodian=True)


def begin(node: Node, members: Network, key: LinkageKey, **changes: Any) -> dict[str, Any]:
    signed = node.epoch_document(members.schema, epoch=EPOCH, network=NETWORK)
    document = (
        {k: v for k, v in signed.items() if k != "signature"} | {"linkage_key_id": key.key_id} | changes
    )
    return document | {"signature": node.identity.sign_document(document)}


def test_the_epoch_comes_back_as_it_was_signed(network: Network, custodian: Node) -> None:
    document = begin(custodian, network, LinkageKey.generate())
    assert custodian.call("POST", "/v1/epochs", document).status == 201
    member = network.join("holder-1")
    assert member.call("GET", "/v1/epochs/current").document == document | {"custodian": "asker"}


def test_repeating_an_epoch_changes_nothing_and_other_content_is_a_conflict(
    network: Network, custodian: Node
) -> None:
    key = LinkageKey.generate()
    document = begin(custodian, network, key)
    assert [custodian.call("POST", "/v1/epochs", document).status for _ in range(2)] == [201, 201]
    other = begin(custodian, network, key, created_at="2026-01-01T00:00:00Z")
    assert custodian.call("POST", "/v1/epochs", other).code == "conflict"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"network": "elsewhere"}, "malformed", id="another network"),
        pytest.param({"schema_digest": "00" * 32}, "malformed", id="digest of another schema"),
        pytest.param({"schema": {"format": "slots/1"}}, "malformed", id="schema that is none"),
        pytest.param({"schema": {"fields": ["sentinelname"]}}, "malformed", id="schema without format"),
        pytest.param({"epoch": "Not An Id"}, "malformed", id="id that is none"),
    ],
)
def test_an_epoch_that_breaks_a_rule_is_refused(
    network: Network, custodian: Node, changes: dict[str, Any], code: str
) -> None:
    answer = custodian.call("POST", "/v1/epochs", begin(custodian, network, LinkageKey.generate(), **changes))
    assert answer.code == code
    assert "sentinelname" not in answer.document["detail"]


def test_an_epoch_signed_by_somebody_else_is_refused(network: Network, custodian: Node) -> None:
    document = begin(custodian, network, LinkageKey.generate())
    other = NodeIdentity.generate(exchange_key=bytes(32))
    unsigned = {k: v for k, v in document.items() if k != "signature"}
    forged = unsigned | {"signature": other.sign_document(unsigned)}
    assert custodian.call("POST", "/v1/epochs", forged).code == "signature_invalid"


def test_only_the_custodian_begins_epochs_and_hands_out_keys(network: Network, custodian: Node) -> None:
    member = network.join("holder-1")
    key = LinkageKey.generate()
    assert member.call("POST", "/v1/epochs", begin(member, network, key)).code == "not_custodian"
    custodian.call("POST", "/v1/epochs", begin(custodian, network, key))
    envelope = wrap(member, member, key)
    assert member.call("PUT", f"/v1/epochs/{EPOCH}/envelopes/holder-1", envelope).code == "not_custodian"


def test_before_the_first_epoch_there_is_none(network: Network, custodian: Node) -> None:
    assert custodian.call("GET", "/v1/epochs/current").code == "not_found"


def wrap(custodian: Node, member: Node, key: LinkageKey, *, epoch: str = EPOCH) -> dict[str, str]:
    return wrap_linkage_key(
        key,
        custodian=custodian.identity,
        recipient=member.identity.public,
        network=NETWORK,
        epoch=epoch,
    )


def test_a_member_opens_what_the_hub_relayed(network: Network, custodian: Node) -> None:
    exchange = ExchangeKey.generate()
    member = network.add("holder-1")
    member.identity = NodeIdentity.generate(exchange_key=exchange.public_bytes)
    member.enrol(network.invite("holder-1"))
    network.confirm(member)
    key = LinkageKey.generate()
    custodian.call("POST", "/v1/epochs", begin(custodian, network, key))
    path = f"/v1/epochs/{EPOCH}/envelopes/holder-1"
    assert custodian.call("PUT", path, wrap(custodian, member, key)).status == 200
    received = unwrap_linkage_key(
        member.call("GET", f"/v1/epochs/{EPOCH}/envelope").document,
        exchange_key=exchange,
        own_fingerprint=member.identity.public.fingerprint,
        custodian=custodian.identity.public,
        network=NETWORK,
        epoch=EPOCH,
    )
    assert received.to_bytes() == key.to_bytes()


def test_an_envelope_for_other_keys_or_another_epoch_is_refused(network: Network, custodian: Node) -> None:
    member, other = network.join("holder-1"), network.join("holder-2")
    key = LinkageKey.generate()
    custodian.call("POST", "/v1/epochs", begin(custodian, network, key))
    path = f"/v1/epochs/{EPOCH}/envelopes/holder-1"
    assert custodian.call("PUT", path, wrap(custodian, other, key)).code == "malformed"
    assert (
        custodian.call("PUT", path, wrap(custodian, member, LinkageKey.generate())).code == "epoch_mismatch"
    )
    assert custodian.call("PUT", path, wrap(custodian, member, key, epoch="2025-1")).code == "epoch_mismatch"
    assert custodian.call("PUT", path, wrap(other, member, key)).code == "malformed"
    unknown = f"/v1/epochs/{EPOCH}/envelopes/nobody"
    assert custodian.call("PUT", unknown, wrap(custodian, member, key)).code == "not_found"


def test_a_member_without_an_envelope_finds_none(network: Network, custodian: Node) -> None:
    network.begin_epoch(custodian)
    assert network.join("holder-1").call("GET", f"/v1/epochs/{EPOCH}/envelope").code == "not_found"


def test_an_envelope_for_the_keys_a_node_had_before_is_not_handed_out(
    network: Network, custodian: Node
) -> None:
    member = network.join("holder-1")
    key = LinkageKey.generate()
    custodian.call("POST", "/v1/epochs", begin(custodian, network, key))
    custodian.call("PUT", f"/v1/epochs/{EPOCH}/envelopes/holder-1", wrap(custodian, member, key))
    member.identity = NodeIdentity.generate(exchange_key=bytes(32))
    member.enrol(network.invite("holder-1"))
    network.confirm(member)
    assert member.call("GET", f"/v1/epochs/{EPOCH}/envelope").code == "not_found"


def test_a_new_epoch_destroys_every_tag_of_the_one_before(partnership: Network) -> None:
    node, asker = partnership.nodes["holder-1"], partnership.nodes["asker"]
    people = make_people(3, seed=1)
    records = [node.record([person], partnership.schema) for person in people]
    assert node.push(records, partnership.schema, epoch=EPOCH).status == 200
    partnership.begin_epoch(asker, "2026-2")
    with partnership.database.reading() as session:
        for table in (Record, Token, Tag):
            assert session.scalar(select(func.count()).select_from(table)) == 0
    assert node.push(records, partnership.schema, epoch=EPOCH).code == "epoch_mismatch"
    question = asker.question(people[:1], partnership.schema, epoch="2026-2")
    answers = asker.look_up(question).document["cases"][0]["answers"]
    assert [line["answer"] for line in answers] == ["R", "R"]
