"""The look-up, end to end at the hub: who is answered what, and what cannot be told from an answer."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from hub.log_views import read_entries
from hub.models import BudgetUse
from keys.documents import canonical_bytes
from tests.hub.client import Answer, Node, codes, flatten
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import make_people

PEOPLE = make_people(30, seed=5)
KNOWN, STRANGER = PEOPLE[0], PEOPLE[29]
TASK = {
    "kind": "public_task",
    "reason_category": "risk_to_life",
    "reason_commitment": "cd" * 32,
    "approver": "manager-1",
    "override": "ef" * 16,
    "approved_at": "2026-02-03T09:00:00Z",
}


def share(network: Network, agency: str, *, consent: bool = True, **changes: Any) -> str:
    """Have an agency share the known person among others; returns the person's handle."""
    node = network.nodes[agency]
    record = node.record([KNOWN], network.schema)
    others = [node.record([person], network.schema) for person in PEOPLE[2:20]]
    assert node.push([record, *others], network.schema, epoch=EPOCH).status == 200
    if consent:
        assert node.consent(record["handle"], **changes).status == 200
    return str(record["handle"])


def ask(network: Network, *, basis: dict[str, Any] | None = None, **changes: Any) -> Answer:
    """The asker asks about the known person and a stranger."""
    asker = network.nodes["asker"]
    document = asker.question([KNOWN, STRANGER], network.schema, epoch=EPOCH, **changes)
    if basis is not None:
        for case in document["cases"]:
            # An override is for one person, asked for once.
            case["basis"] = basis | ({"override": asker.new_id()} if "override" in basis else {})
        asker.approve(*(case["basis"]["override"] for case in document["cases"] if "override" in basis))
    return asker.look_up(document)


def lines(answer: Answer, case: int = 0) -> dict[str, dict[str, str]]:
    return {line["agency"]: line for line in answer.document["cases"][case]["answers"]}


def test_a_person_whose_holders_have_consent_is_known(partnership: Network) -> None:
    for holder in ("holder-1", "holder-2"):
        share(partnership, holder)
    answer = ask(partnership)
    assert answer.status == 200, answer.document
    assert codes(answer, 0) == {"holder-1": "K", "holder-2": "K"}
    assert codes(answer, 1) == {"holder-1": "N", "holder-2": "N"}


def test_a_disclosed_answer_carries_the_holders_card_and_evidence_without_values(
    partnership: Network,
) -> None:
    node = partnership.nodes["holder-1"]
    record = node.record([KNOWN], partnership.schema)
    node.push([record], partnership.schema, epoch=EPOCH)
    node.consent(record["handle"])
    line = lines(ask(partnership))["holder-1"]
    assert line["card"] == record["card"]
    evidence = base64.b64decode(line["evidence"])
    assert len(evidence) == 1024
    document = json.loads(evidence)
    assert set(document) == {"format", "posterior", "prior", "steps", "designation"}
    assert (document["format"], document["designation"]) == ("evidence/1", "link")
    assert float(document["posterior"]) >= 0.95
    assert document["steps"][0]["comparison"] == "identity"
    assert all(set(step) == {"comparison", "level", "weight"} for step in document["steps"])


def test_an_agency_that_has_not_shared_gives_no_reply_yet_for_everybody(partnership: Network) -> None:
    share(partnership, "holder-1")
    answer = ask(partnership)
    assert [codes(answer, case)["holder-2"] for case in (0, 1)] == ["R", "R"]


def test_a_caseload_older_than_the_agreement_allows_gives_no_reply_yet(partnership: Network) -> None:
    share(partnership, "holder-1")
    partnership.clock.move(days=31)
    answer = ask(partnership)
    assert [codes(answer, case)["holder-1"] for case in (0, 1)] == ["R", "R"]


def test_no_reply_yet_never_becomes_no_shared_match_whatever_consent_says(partnership: Network) -> None:
    handle = share(partnership, "holder-1")
    node = partnership.nodes["holder-1"]
    partnership.clock.move(days=31)
    for version, changes in enumerate(
        (
            {"withdrawn_at": "2026-02-01T00:00:00Z"},
            {"valid_until": "2026-01-06T00:00:00Z", "lifts": True},
            {},
        ),
        start=2,
    ):
        assert node.consent(handle, version=version, **changes).status == 200
        answer = ask(partnership)
        assert [codes(answer, case)["holder-1"] for case in (0, 1)] == ["R", "R"]


def test_a_push_that_was_not_completed_still_gives_no_reply_yet(partnership: Network) -> None:
    node = partnership.nodes["holder-1"]
    record = node.record([KNOWN], partnership.schema)
    batch = {"format": "batch/1", "epoch": EPOCH, "schema_digest": partnership.schema.digest}
    answer = node.call("POST", "/v1/pushes/p/batches/0", batch | {"records": [record], "removed": []})
    assert answer.status == 200
    node.consent(record["handle"])
    assert codes(ask(partnership))["holder-1"] == "R"


def test_agencies_that_are_not_asked_or_not_covered_are_not_asked(partnership: Network) -> None:
    share(partnership, "holder-1")
    share(partnership, "holder-2")
    partnership.join("outsider")
    answer = ask(partnership, agencies=["holder-2", "outsider"])
    assert codes(answer) == {"holder-1": "A", "holder-2": "K", "outsider": "A"}


def test_the_basis_of_each_case_has_to_be_covered_by_the_agreement_with_each_agency(
    network: Network,
) -> None:
    asker = network.join("asker", custodian=True)
    for name in ("holder-1", "holder-2"):
        network.join(name)
    network.agree("asker", "holder-1", name="consent-only", lawful_bases=["consent"])
    network.agree("asker", "holder-2", name="task-only", lawful_bases=["public_task"])
    network.begin_epoch(asker)
    share(network, "holder-1")
    share(network, "holder-2")
    document = asker.question([KNOWN, KNOWN], network.schema, epoch=EPOCH)
    document["cases"][1]["basis"] = TASK
    asker.approve(TASK["override"])
    answer = asker.look_up(document)
    assert codes(answer, 0) == {"holder-1": "K", "holder-2": "A"}
    assert codes(answer, 1) == {"holder-1": "A", "holder-2": "K"}


def test_the_asking_agencys_own_records_are_never_asked(partnership: Network) -> None:
    share(partnership, "asker")
    assert "asker" not in codes(ask(partnership))


def masked(answer: Answer) -> bytes:
    """An answer without what differs between any two: request, place in the log, time, salts and hashes."""
    document = answer.document
    receipt = flatten(document["receipt"])
    for drawn in ("index", "at", "request", "request_signature"):
        del receipt[drawn]
    changes = {"request": "", "log_index": 0, "answered_at": "", "receipt": receipt}
    return canonical_bytes(document | changes)


WITHHELD = {
    "consent_missing": None,
    "withdrawn": {"withdrawn_at": "2026-02-01T00:00:00Z"},
    "objection": {"objected_at": "2026-02-01T00:00:00Z"},
    "consent_not_yet_valid": {"valid_from": "2026-03-01T00:00:00Z"},
    "consent_expired": {"valid_until": "2026-02-01T00:00:00Z"},
    "recipient_out_of_scope": {"recipients": ["holder-2"]},
    "purpose_out_of_scope": {"purposes": ["statistics"]},
}


@pytest.mark.parametrize("reason", WITHHELD)
def test_a_withheld_answer_is_byte_for_byte_that_of_a_stranger(partnership: Network, reason: str) -> None:
    changes = WITHHELD[reason]
    share(partnership, "holder-1", consent=changes is not None, **(changes or {}))
    answer = ask(partnership)
    withheld, unknown = lines(answer, 0), lines(answer, 1)
    assert withheld == unknown
    assert logged_reason(partnership, answer) == reason


def logged_reason(network: Network, answer: Answer) -> str:
    """The reason in the log for holder-1 and the first case."""
    with network.database.reading() as session:
        [(_, entry)] = read_entries(session, after=answer.document["log_index"] - 1, limit=1)
    return str(entry["cases"][0]["reasons"]["holder-1"])


def test_a_hub_that_knows_the_person_and_one_that_does_not_answer_alike_when_withheld(
    partnership: Network,
) -> None:
    node = partnership.nodes["holder-1"]
    others = [node.record([person], partnership.schema) for person in PEOPLE[2:20]]
    node.push(others, partnership.schema, epoch=EPOCH)
    unknown = ask(partnership)
    node.push([*others, node.record([KNOWN], partnership.schema)], partnership.schema, epoch=EPOCH)
    withheld = ask(partnership)
    assert masked(withheld) == masked(unknown)


def test_answers_have_one_size_whatever_they_say(partnership: Network) -> None:
    sizes = {size_in_log(ask(partnership))}
    handle = share(partnership, "holder-1")
    sizes.add(size_in_log(ask(partnership)))
    sizes.add(size_in_log(ask(partnership, agencies=["holder-2"])))
    partnership.nodes["holder-1"].consent(handle, version=2, withdrawn_at="2026-02-01T00:00:00Z")
    sizes.add(size_in_log(ask(partnership)))
    partnership.clock.move(days=40)
    sizes.add(size_in_log(ask(partnership)))
    assert len(sizes) == 1


def size_in_log(answer: Answer) -> int:
    """The size of an answer but for its place in the log, and for whom was asked, which it repeats."""
    receipt = answer.document["receipt"]
    question = receipt["parts"]["question"]["text"]
    varying = [receipt["leaf"], receipt["inclusion"], question["scope"], question["agencies"]]
    index = len(str(receipt["index"]))  # Stands in the answer, the receipt and the checkpoint.
    return len(answer.body) - sum(len(json.dumps(one, separators=(",", ":"))) for one in varying) - 3 * index


def test_consent_withdrawn_counts_from_the_next_look_up_on(partnership: Network) -> None:
    handle = share(partnership, "holder-1")
    assert codes(ask(partnership))["holder-1"] == "K"
    partnership.nodes["holder-1"].consent(handle, version=2, withdrawn_at="2026-02-03T09:30:00Z")
    assert codes(ask(partnership))["holder-1"] == "N"


@pytest.mark.parametrize("end", ["withdrawn_at", "objected_at"])
@pytest.mark.parametrize("basis", [None, "public task"])
def test_a_person_kept_twice_is_withheld_when_either_record_forbids_it(
    partnership: Network, end: str, basis: str | None
) -> None:
    node = partnership.nodes["holder-1"]
    others = [node.record([person], partnership.schema) for person in PEOPLE[2:20]]
    twice = [node.record([KNOWN], partnership.schema), node.record([KNOWN], partnership.schema)]
    assert node.push([*others, *twice], partnership.schema, epoch=EPOCH).status == 200
    for record in twice:
        node.consent(record["handle"])
    stated = TASK if basis else None
    assert codes(ask(partnership, basis=stated))["holder-1"] == "K"
    for record in twice:
        node.consent(record["handle"], version=2, **{end: "2026-02-03T09:30:00Z"})
        assert codes(ask(partnership, basis=stated))["holder-1"] == "N"
        node.consent(record["handle"], version=3, lifts=True)
    assert codes(ask(partnership, basis=stated))["holder-1"] == "K"


def test_a_public_task_needs_no_consent_and_yields_to_a_withdrawal(partnership: Network) -> None:
    handle = share(partnership, "holder-1", consent=False)
    assert codes(ask(partnership, basis=TASK))["holder-1"] == "K"
    partnership.nodes["holder-1"].consent(handle, objected_at="2026-02-03T09:30:00Z")
    assert codes(ask(partnership, basis=TASK))["holder-1"] == "N"


def test_an_agreement_that_ends_ends_the_answers(partnership: Network) -> None:
    share(partnership, "holder-1")
    partnership.clock.at = partnership.clock.at.replace(year=2027)
    assert ask(partnership).code == "no_agreement"


def test_a_probe_finds_who_was_written_down_with_another_year(partnership: Network) -> None:
    node, asker = partnership.nodes["holder-1"], partnership.nodes["asker"]
    record = node.record([KNOWN], partnership.schema)
    node.push([record], partnership.schema, epoch=EPOCH)
    node.consent(record["handle"])
    slipped = replace(KNOWN, year=KNOWN.year + 1)
    question = asker.question([slipped], partnership.schema, epoch=EPOCH)
    answer = asker.look_up(question)
    assert codes(answer)["holder-1"] in "KP"
    steps = json.loads(base64.b64decode(lines(answer)["holder-1"]["evidence"]))["steps"]
    assert "year_differs" in steps[0]["level"]


def test_an_alias_answers_for_its_record(partnership: Network) -> None:
    node, asker = partnership.nodes["holder-1"], partnership.nodes["asker"]
    record = node.record([PEOPLE[10], KNOWN], partnership.schema)
    node.push([record], partnership.schema, epoch=EPOCH)
    node.consent(record["handle"])
    for person in (PEOPLE[10], KNOWN):
        question = asker.question([person], partnership.schema, epoch=EPOCH)
        assert codes(asker.look_up(question))["holder-1"] == "K"


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


def used_cases(network: Network) -> dict[str, int]:
    with network.database.reading() as session:
        return {row.staff: row.cases for row in session.scalars(select(BudgetUse))}


def test_more_variants_than_a_token_has_are_refused(partnership: Network) -> None:
    share(partnership, "holder-1")
    asker = partnership.nodes["asker"]
    many = base64.b64encode((b"\xff" + bytes(7)) * 300).decode()
    probes = [{"token": 0, "probe": probe, "variants": many} for probe in ("A1", "A2")]
    answer = asker.look_up(case_changed(asker, partnership, probes=probes))
    assert answer.code == "malformed"
    assert "more than 512 variants" in answer.document["detail"]


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


def test_a_repeated_request_is_answered_again_without_cost(partnership: Network) -> None:
    share(partnership, "holder-1")
    asker = partnership.nodes["asker"]
    question = asker.question([KNOWN, STRANGER], partnership.schema, epoch=EPOCH)
    first, second = asker.look_up(question), asker.look_up(question)
    assert codes(first) == codes(second) == {"holder-1": "K", "holder-2": "R"}
    assert used_cases(partnership) == {"": 2, "worker-1": 2}
    assert second.document["log_index"] == first.document["log_index"] + 1


def test_a_repeated_request_never_tells_more_than_the_first_answer(partnership: Network) -> None:
    node, asker = partnership.nodes["holder-1"], partnership.nodes["asker"]
    node.push([], partnership.schema, epoch=EPOCH)
    question = asker.question([KNOWN], partnership.schema, epoch=EPOCH)
    assert codes(asker.look_up(question))["holder-1"] == "N"
    share(partnership, "holder-1")
    assert codes(asker.look_up(question))["holder-1"] == "N"
    assert codes(ask(partnership))["holder-1"] == "K"


def test_a_repeated_request_respects_a_withdrawal_in_between(partnership: Network) -> None:
    handle = share(partnership, "holder-1")
    asker = partnership.nodes["asker"]
    question = asker.question([KNOWN], partnership.schema, epoch=EPOCH)
    assert codes(asker.look_up(question))["holder-1"] == "K"
    partnership.nodes["holder-1"].consent(handle, version=2, withdrawn_at="2026-02-03T09:30:00Z")
    assert codes(asker.look_up(question))["holder-1"] == "N"


def test_a_request_id_with_another_body_is_a_conflict(partnership: Network) -> None:
    asker = partnership.nodes["asker"]
    question = asker.question([KNOWN], partnership.schema, epoch=EPOCH)
    assert asker.look_up(question).status == 200
    assert asker.look_up(question | {"staff": "worker-2"}).code == "conflict"
    assert used_cases(partnership) == {"": 1, "worker-1": 1}


def test_request_ids_of_two_agencies_do_not_meet(partnership: Network) -> None:
    question = partnership.nodes["asker"].question([KNOWN], partnership.schema, epoch=EPOCH)
    assert partnership.nodes["asker"].look_up(question).status == 200
    assert partnership.nodes["holder-1"].look_up(question | {"staff": "worker-9"}).status == 200
