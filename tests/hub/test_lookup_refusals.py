"""Look-ups that are refused: with their code, logged, and at no cost."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.hub.client import Node
from tests.hub.conftest import EPOCH, Network
from tests.hub.known_person import KNOWN, TASK, share, used_cases


def changed(node: Node, network: Network, **changes: Any) -> dict[str, Any]:
    return node.question([KNOWN], network.schema, epoch=EPOCH) | changes


def case_changed(node: Node, network: Network, **changes: Any) -> dict[str, Any]:
    document = changed(node, network)
    document["cases"][0] |= changes
    return document


def basis_changed(node: Node, network: Network, basis: dict[str, Any], **changes: Any) -> dict[str, Any]:
    document = changed(node, network, **changes)
    document["cases"][0]["basis"] = basis
    return document


def own_consent(**changes: Any) -> dict[str, Any]:
    basis = {"kind": "consent", "captured_at": "2026-01-05T10:00:00Z", "method": "verbal"}
    return basis | {"scope": ["case_conference"]} | changes


BITS_7 = base64.b64encode(bytes.fromhex("7f00000000000000")).decode()


REFUSED = {
    "responder asks": (lambda n, w: changed(n, w, role="responder"), "role_not_permitted"),
    "officer de-duplicates": (
        lambda n, w: changed(n, w, role="officer", purpose="referral_deduplication"),
        "role_not_permitted",
    ),
    "statistics ask about a person": (
        lambda n, w: changed(n, w, purpose="statistics"),
        "purpose_not_permitted",
    ),
    "own consent has another scope": (
        lambda n, w: basis_changed(n, w, own_consent(scope=["statistics"])),
        "basis_not_permitted",
    ),
    "own consent is from the future": (
        lambda n, w: basis_changed(n, w, own_consent(captured_at="2026-02-04T00:00:00Z")),
        "basis_not_permitted",
    ),
    "no approver": (
        lambda n, w: basis_changed(n, w, {k: v for k, v in TASK.items() if k != "approver"}),
        "approver_required",
    ),
    "approved by the asker": (
        lambda n, w: basis_changed(n, w, TASK | {"approver": "worker-1"}),
        "approver_required",
    ),
    "another epoch": (lambda n, w: changed(n, w, epoch="2025-1"), "epoch_mismatch"),
    "another schema": (lambda n, w: changed(n, w, schema_digest="00" * 32), "schema_mismatch"),
    "unknown field": (lambda n, w: changed(n, w, secretname="x"), "malformed"),
    "unknown agency": (lambda n, w: changed(n, w, agencies=["nobody"]), "malformed"),
    "no case": (lambda n, w: changed(n, w, cases=[]), "malformed"),
    "cases not counted from 0": (lambda n, w: case_changed(n, w, case=3), "malformed"),
    "token of another length": (
        lambda n, w: case_changed(n, w, tokens=[{"slots": "AAAA", "names": ""}]),
        "malformed",
    ),
    "slots not base64": (
        lambda n, w: case_changed(n, w, tokens=[{"slots": "!" * 40, "names": ""}]),
        "malformed",
    ),
    "unknown probe": (
        lambda n, w: case_changed(n, w, probes=[{"token": 0, "probe": "Z9", "variants": ""}]),
        "malformed",
    ),
    "probe of a token that is not there": (
        lambda n, w: case_changed(n, w, probes=[{"token": 1, "probe": "A1", "variants": ""}]),
        "malformed",
    ),
    "variant with seven bits": (
        lambda n, w: case_changed(n, w, probes=[{"token": 0, "probe": "A1", "variants": BITS_7}]),
        "malformed",
    ),
}


@pytest.mark.parametrize("defect", REFUSED)
def test_a_refused_look_up_has_its_code_and_is_logged_and_costs_nothing(
    partnership: Network, defect: str
) -> None:
    make, code = REFUSED[defect]
    share(partnership, "holder-1")
    asker = partnership.nodes["asker"]
    document = make(asker, partnership)
    answer = asker.look_up(document)
    assert answer.code == code, answer.document
    assert "secretname" not in answer.document["detail"]
    [entry] = [entry for entry in asker.log() if entry["action"].startswith("lookup:refused")]
    assert entry["action"] == f"lookup:refused:{code}"
    assert used_cases(partnership) == {}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"staff": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"staff": ', id="cut short"),
        pytest.param(b"[" * 20_000, id="nested without end"),
    ],
)
def test_a_look_up_that_cannot_be_read_is_malformed_and_logged(partnership: Network, body: bytes) -> None:
    asker = partnership.nodes["asker"]
    answer = asker.call("POST", "/v1/lookups", body=body)
    assert (answer.status, answer.code) == (422, "malformed"), answer.document
    assert asker.log()[-1]["action"] == "lookup:refused:malformed"


def test_more_variants_than_a_token_has_are_refused(partnership: Network) -> None:
    share(partnership, "holder-1")
    asker = partnership.nodes["asker"]
    probes = [variants(probe, count) for probe, count in (("A1", 150), ("P1", 150), ("C3", 128), ("A3", 31))]
    most = [*probes, variants("B1", 26), variants("B2", 26)]
    answer = asker.look_up(case_changed(asker, partnership, probes=most))
    assert answer.status == 200, answer.document
    answer = asker.look_up(case_changed(asker, partnership, probes=[*most, variants("P2", 2)]))
    assert answer.code == "malformed"
    assert "more than 512 variants" in answer.document["detail"]


def variants(probe: str, count: int) -> dict[str, Any]:
    return {"token": 0, "probe": probe, "variants": base64.b64encode((b"\xff" + bytes(7)) * count).decode()}


@pytest.mark.parametrize(
    ("probe", "most"), [("A1", 150), ("A2", 12), ("B1", 26), ("C3", 128), ("Q3", 1), ("W2", 12)]
)
def test_a_probe_has_no_more_variants_than_there_are_of_what_it_varies(
    partnership: Network, probe: str, most: int
) -> None:
    asker = partnership.nodes["asker"]
    answers = [
        asker.look_up(case_changed(asker, partnership, probes=probes))
        for probes in ([variants(probe, most)], [variants(probe, most - 1), variants(probe, 2)])
    ]
    assert [(answer.status, answer.code) for answer in answers] == [(200, None), (422, "malformed")]
    assert f"more than {most} variants" in answers[1].document["detail"]


def test_without_a_live_agreement_nothing_is_answered(network: Network) -> None:
    asker = network.join("asker", custodian=True)
    network.join("holder-1")
    network.begin_epoch(asker)
    assert asker.look_up(asker.question([KNOWN], network.schema, epoch=EPOCH)).code == "no_agreement"


def test_a_purpose_no_agreement_covers_is_refused(network: Network) -> None:
    asker = network.join("asker", custodian=True)
    network.join("holder-1")
    network.agree("asker", "holder-1", purposes=["single_lookup"], lawful_bases=["public_task"])
    network.begin_epoch(asker)
    question = asker.question([KNOWN], network.schema, epoch=EPOCH)
    assert asker.look_up(question).code == "purpose_not_permitted"
    single = asker.question([KNOWN], network.schema, epoch=EPOCH, purpose="single_lookup")
    assert asker.look_up(single).code == "basis_not_permitted"
