"""Consent: versions that count up by one, all kept, the newest in force."""

from __future__ import annotations

import pytest

from tests.hub.client import Node
from tests.hub.conftest import Network

HANDLE = "ab" * 16


@pytest.fixture
def node(partnership: Network) -> Node:
    return partnership.nodes["holder-1"]


def test_the_newest_version_of_each_handle_is_listed(node: Node) -> None:
    assert node.consent(HANDLE).document == {"handle": HANDLE, "version": 1}
    node.consent(HANDLE, version=2, recipients=["asker"])
    node.consent("00" * 16)
    listed = node.call("GET", "/v1/consents").document["consents"]
    assert [(view["handle"], view["version"]) for view in listed] == [("00" * 16, 1), (HANDLE, 2)]
    assert listed[1]["recipients"] == ["asker"]


def test_other_agencies_see_none_of_it(node: Node, partnership: Network) -> None:
    node.consent(HANDLE)
    assert partnership.nodes["holder-2"].call("GET", "/v1/consents").document == {"consents": []}


def test_repeating_a_version_changes_nothing_even_when_it_is_old(node: Node) -> None:
    node.consent(HANDLE)
    node.consent(HANDLE, version=2, recipients=["asker"])
    assert node.consent(HANDLE).document == {"handle": HANDLE, "version": 2}


@pytest.mark.parametrize("version", [1, 4], ids=["other content under an old version", "a version left out"])
def test_a_version_out_of_step_is_a_conflict(node: Node, version: int) -> None:
    node.consent(HANDLE)
    node.consent(HANDLE, version=2)
    assert node.consent(HANDLE, version=version, recipients=["other"]).code == "conflict"


def test_the_first_version_is_one(node: Node) -> None:
    assert node.consent(HANDLE, version=2).code == "conflict"


def test_consent_is_answered_alike_whether_the_hub_holds_the_record_or_not(
    node: Node, partnership: Network
) -> None:
    from tests.hub.people import make_people

    record = node.record(make_people(1, seed=3), partnership.schema)
    node.push([record], partnership.schema, epoch="2026-1")
    held, unheld = node.consent(record["handle"]), node.consent(HANDLE)
    assert held.status == unheld.status == 200
    assert set(held.document) == set(unheld.document)


def test_without_a_live_agreement_no_consent_is_taken(network: Network) -> None:
    node = network.join("holder-1")
    assert node.consent(HANDLE).code == "no_agreement"
    assert node.call("GET", "/v1/consents").code == "no_agreement"


def test_a_handle_that_is_none_is_malformed_without_being_quoted(node: Node) -> None:
    answer = node.consent("sentinelname")
    assert (answer.code, "sentinelname" in answer.body.decode()) == ("malformed", False)
