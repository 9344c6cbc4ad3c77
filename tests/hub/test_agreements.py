"""Agreements: proposed by a party, signed by each, live between two while both have signed."""

from __future__ import annotations

from typing import Any

import pytest

from keys.documents import document_digest
from tests.hub.client import Node
from tests.hub.conftest import Network


@pytest.fixture
def first(network: Network) -> Node:
    network.join("holder-2")
    return network.join("holder-1")


def test_an_agreement_comes_back_with_digest_and_signatures(network: Network, first: Node) -> None:
    document = network.agree("holder-1", "holder-2")
    [view] = first.call("GET", "/v1/agreements").document["agreements"]
    assert {key: view[key] for key in document} == document
    assert view["digest"] == document_digest(document)
    assert sorted(view["signatures"]) == ["holder-1", "holder-2"]
    first.identity.public.verify_document(document, view["signatures"]["holder-1"])


def test_only_parties_see_an_agreement(network: Network, first: Node) -> None:
    document = network.agree("holder-1", "holder-2")
    outsider = network.join("outsider")
    assert outsider.call("GET", "/v1/agreements").document == {"agreements": []}
    assert outsider.sign_agreement(document).code == "not_found"


def test_proposing_again_changes_nothing_and_other_content_is_a_conflict(
    network: Network, first: Node
) -> None:
    document = network.agreement("holder-1", "holder-2")
    assert [first.call("POST", "/v1/agreements", document).status for _ in range(2)] == [201, 201]
    assert first.call("POST", "/v1/agreements", document | {"title": "Another"}).code == "conflict"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"parties": ["holder-2", "nobody"]}, id="a party is no agency"),
        pytest.param({"parties": ["holder-2", "outsider"]}, id="the caller is no party"),
        pytest.param({"parties": ["holder-2", "holder-1"]}, id="parties not sorted"),
        pytest.param({"parties": ["holder-1", "holder-1"]}, id="a party twice"),
        pytest.param({"parties": ["holder-1"]}, id="one party"),
        pytest.param({"expires": "2026-01-01T00:00:00Z"}, id="expires when it begins"),
        pytest.param({"not_before": "2026-01-01"}, id="a day is no time"),
        pytest.param({"not_before": "2026-01-01T00:00:00+01:00"}, id="not in UTC"),
        pytest.param({"purposes": []}, id="no purpose"),
        pytest.param({"purposes": ["curiosity"]}, id="unknown purpose"),
        pytest.param({"lawful_bases": ["consent", "consent"]}, id="a basis twice"),
        pytest.param({"maximum_age_days": 0}, id="data of no age"),
        pytest.param({"maximum_age_days": True}, id="an age that is no number"),
    ],
)
def test_an_agreement_that_breaks_a_rule_is_malformed(
    network: Network, first: Node, changes: dict[str, Any]
) -> None:
    network.add("outsider")
    answer = first.call("POST", "/v1/agreements", network.agreement("holder-1", "holder-2") | changes)
    assert (answer.status, answer.code) == (422, "malformed")


def test_a_signature_over_another_document_is_refused(network: Network, first: Node) -> None:
    document = network.agreement("holder-1", "holder-2")
    first.call("POST", "/v1/agreements", document)
    assert first.sign_agreement(document | {"title": "Another"}).code == "conflict"
    path = "/v1/agreements/isa-1/signatures"
    other = network.nodes["holder-2"].identity.sign_document(document)
    forged = {"digest": document_digest(document), "signature": other}
    assert first.call("PUT", path, forged).code == "signature_invalid"
    [view] = first.call("GET", "/v1/agreements").document["agreements"]
    assert view["signatures"] == {}


def may_push(network: Network, node: Node) -> bool:
    answer = node.push([], network.schema, epoch="2026-1")
    assert answer.code in (None, "no_agreement")
    return answer.code is None


def test_an_agreement_one_party_signed_is_not_live(network: Network) -> None:
    node = network.join("holder-1", custodian=True)
    other = network.join("holder-2")
    network.begin_epoch(node)
    document = network.agreement("holder-1", "holder-2")
    node.call("POST", "/v1/agreements", document)
    assert not may_push(network, node)
    node.sign_agreement(document)
    assert not may_push(network, node)
    other.sign_agreement(document)
    assert may_push(network, node) and may_push(network, other)


def test_an_agreement_is_live_from_its_first_moment_until_its_last(network: Network) -> None:
    node = network.join("holder-1", custodian=True)
    network.join("holder-2")
    network.begin_epoch(node)
    network.agree("holder-1", "holder-2", not_before="2026-02-03T10:00:00Z", expires="2026-02-03T11:00:00Z")
    live = []
    for minutes in (29, 1, 59, 1):
        network.clock.move(minutes=minutes)
        live.append(may_push(network, node))
    assert live == [False, True, True, False]


def test_a_third_party_that_did_not_sign_is_not_covered(network: Network) -> None:
    asker = network.join("asker", custodian=True)
    for name in ("holder-1", "holder-2"):
        network.join(name)
    network.begin_epoch(asker)
    document = network.agreement("asker", "holder-1", "holder-2")
    asker.call("POST", "/v1/agreements", document)
    asker.sign_agreement(document)
    network.nodes["holder-1"].sign_agreement(document)
    assert not may_push(network, network.nodes["holder-2"])
    assert may_push(network, network.nodes["holder-1"])
