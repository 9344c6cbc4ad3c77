"""Consent: versions that count up by one, all kept, the newest in force."""

from __future__ import annotations

import pytest

from tests.hub.client import Node
from tests.hub.conftest import Network
from tests.hub.test_access_log import entries

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


def test_a_version_must_name_the_digest_of_the_one_before(node: Node) -> None:
    assert node.consent(HANDLE, previous="00" * 32).code == "conflict"
    node.consent(HANDLE)
    for broken in (None, "00" * 32):
        assert node.consent(HANDLE, version=2, previous=broken).code == "conflict"
    assert node.consent(HANDLE, version=2).document["version"] == 2


def test_a_chain_keeps_its_id(node: Node) -> None:
    node.consent(HANDLE)
    assert node.consent(HANDLE, version=2, consent="77" * 16).code == "conflict"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"capacity": "lacks_capacity"}, id="without capacity, alone"),
        pytest.param({"acted_by": "best_interests"}, id="best interests of somebody with capacity"),
        pytest.param({"data_classes": ["history"]}, id="a data class there is not"),
        pytest.param({"data_classes": ["contact", "contact"]}, id="a data class twice"),
        pytest.param({"witnessed": "by a neighbour"}, id="a witness's words"),
        pytest.param({"format": "consent/1"}, id="the format before"),
    ],
)
def test_a_consent_that_cannot_be_one_is_malformed(node: Node, changes: dict[str, object]) -> None:
    assert node.consent(HANDLE, **changes).code == "malformed"


def test_a_no_is_taken_whoever_says_it(node: Node) -> None:
    said = {"capacity": "lacks_capacity", "withdrawn_at": "2026-02-03T09:00:00Z"}
    assert node.consent(HANDLE, **said).status == 200


NOES = [
    pytest.param({"withdrawn_at": "2026-02-03T09:00:00Z"}, id="withdrawn"),
    pytest.param({"objected_at": "2026-02-03T09:00:00Z"}, id="objected"),
]


@pytest.mark.parametrize("no", NOES)
def test_a_no_ends_only_by_a_version_that_says_it_lifts_it(node: Node, no: dict[str, str]) -> None:
    node.consent(HANDLE)
    node.consent(HANDLE, version=2, **no)
    refused = node.consent(HANDLE, version=3)
    assert (refused.code, "lifts" in refused.body.decode()) == ("conflict", True)
    assert node.consent(HANDLE, version=3, lifts=True).document["version"] == 3
    (view,) = node.call("GET", "/v1/consents").document["consents"]
    assert (view["version"], view["lifts"]) == (3, True)
    assert [entry["action"] for entry in entries(node)][-1] == "consent:record:lifted"


def test_an_objection_does_not_end_by_becoming_a_withdrawal(node: Node) -> None:
    node.consent(HANDLE, objected_at="2026-02-03T09:00:00Z")
    withdrawn = {"withdrawn_at": "2026-02-04T09:00:00Z"}
    assert node.consent(HANDLE, version=2, **withdrawn).code == "conflict"
    assert node.consent(HANDLE, version=2, **withdrawn, lifts=True).status == 200


@pytest.mark.parametrize(
    ("before", "changes"),
    [
        pytest.param(None, {}, id="the first version"),
        pytest.param({}, {}, id="after a consent"),
        pytest.param(
            {"objected_at": "2026-02-03T09:00:00Z"}, {"objected_at": "2026-02-03T09:00:00Z"}, id="still a no"
        ),
    ],
)
def test_lifting_where_no_no_ends_is_a_conflict(
    node: Node, before: dict[str, str] | None, changes: dict[str, str]
) -> None:
    if before is not None:
        node.consent(HANDLE, **before)
    version = 1 if before is None else 2
    assert node.consent(HANDLE, version=version, lifts=True, **changes).code == "conflict"


@pytest.mark.parametrize("lifts", [False, None, "yes"])
def test_lifting_has_one_spelling(node: Node, lifts: object) -> None:
    node.consent(HANDLE, objected_at="2026-02-03T09:00:00Z")
    assert node.consent(HANDLE, version=2, lifts=lifts).code == "malformed"


def test_a_consent_that_lifts_nothing_is_listed_as_it_was_sent(node: Node) -> None:
    node.consent(HANDLE)
    (view,) = node.call("GET", "/v1/consents").document["consents"]
    assert "lifts" not in view


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        pytest.param({}, "stored", id="agreed"),
        pytest.param({"withdrawn_at": "2026-02-03T09:00:00Z"}, "withdrawn", id="withdrawn"),
        pytest.param({"objected_at": "2026-02-03T09:00:00Z"}, "objected", id="objected"),
        pytest.param(
            {"withdrawn_at": "2026-02-03T09:00:00Z", "objected_at": "2026-02-04T09:00:00Z"},
            "objected",
            id="withdrawn and objected",
        ),
    ],
)
def test_the_log_tells_an_objection_from_a_withdrawal(
    node: Node, changes: dict[str, str], action: str
) -> None:
    node.consent(HANDLE, **changes)
    actions = [entry["action"] for entry in entries(node) if entry["action"].startswith("consent")]
    assert actions[-1] == f"consent:record:{action}"
