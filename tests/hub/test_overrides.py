"""Public task and emergency as the hub holds them: approver, time, one person and purpose; what is shown."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from hub.clock import format_time
from tests.hub.client import Answer, codes
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import make_people

PEOPLE = make_people(20, seed=5)
NO_CARD = bytes(256)


@pytest.fixture
def sharing(partnership: Network) -> Network:
    """Two holders that share everybody, with no consent recorded."""
    for agency in ("holder-1", "holder-2"):
        node = partnership.nodes[agency]
        records = [node.record([person], partnership.schema) for person in PEOPLE]
        assert node.push(records, partnership.schema, epoch=EPOCH).status == 200
    partnership.nodes["asker"].approve("ef" * 16, "fe" * 16)
    return partnership


def task(network: Network, *, age: timedelta = timedelta(hours=1), **changes: Any) -> dict[str, Any]:
    return {
        "kind": "public_task",
        "reason_category": "risk_to_life",
        "reason_commitment": "cd" * 32,
        "approver": "manager-1",
        "override": "ef" * 16,
        "approved_at": format_time(network.clock() - age),
    } | changes


def emergency(network: Network, *, age: timedelta = timedelta(minutes=1), **changes: Any) -> dict[str, Any]:
    return {
        "kind": "emergency",
        "reason_category": "risk_to_life",
        "reason_commitment": "cd" * 32,
        "emergency": "ab" * 16,
        "declared_at": format_time(network.clock() - age),
    } | changes


def ask(network: Network, basis: dict[str, Any], *numbers: int, **changes: Any) -> Answer:
    asker = network.nodes["asker"]
    people = [PEOPLE[number] for number in numbers or (0,)]
    question = asker.question(people, network.schema, epoch=EPOCH, **changes)
    for case in question["cases"]:
        case["basis"] = basis
    return asker.look_up(question)


def cards(answer: Answer) -> list[bytes]:
    return [base64.b64decode(line["card"]) for line in answer.document["cases"][0]["answers"]]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({}, None, id="approved an hour ago"),
        pytest.param({"age": timedelta(seconds=-119)}, None, id="by a clock that runs ahead"),
        pytest.param({"age": timedelta(seconds=-121)}, "basis_not_permitted", id="approved in the future"),
        pytest.param({"age": timedelta(days=28, seconds=-1)}, None, id="approved just below four weeks ago"),
        pytest.param({"age": timedelta(days=28)}, "basis_not_permitted", id="approved four weeks ago"),
        pytest.param({"approver": None}, "approver_required", id="approved by nobody"),
        pytest.param({"approver": "worker-1"}, "approver_required", id="approved by the asker"),
        pytest.param({"approver": "Worker-1"}, "malformed", id="an approver in capitals is no staff id"),
        pytest.param({"override": "ef"}, "malformed", id="an override without an id"),
        pytest.param({"reason_category": "gossip"}, "malformed", id="no such category"),
        pytest.param({"reason": "said at the door"}, "malformed", id="the reason's words"),
    ],
)
def test_an_override_is_held_to_approver_and_time(
    sharing: Network, changes: dict[str, Any], code: str | None
) -> None:
    answer = ask(sharing, task(sharing, **changes))
    assert answer.code == code
    if code is None:
        assert codes(answer) == {"holder-1": "K", "holder-2": "K"}


@pytest.mark.parametrize(
    ("age", "code"),
    [
        pytest.param(timedelta(minutes=15, seconds=-1), None, id="declared just below 15 minutes ago"),
        pytest.param(timedelta(minutes=15), "basis_not_permitted", id="declared 15 minutes ago"),
        pytest.param(timedelta(seconds=-121), "basis_not_permitted", id="declared in the future"),
    ],
)
def test_an_emergency_is_held_to_15_minutes(sharing: Network, age: timedelta, code: str | None) -> None:
    assert ask(sharing, emergency(sharing, age=age)).code == code


def test_an_emergency_is_asked_about_alone(sharing: Network) -> None:
    assert ask(sharing, emergency(sharing), 0, 1).code == "basis_not_permitted"


def test_an_emergency_stays_with_its_first_question(sharing: Network) -> None:
    basis = emergency(sharing)
    assert codes(ask(sharing, basis)) == codes(ask(sharing, basis)) == {"holder-1": "K", "holder-2": "K"}
    assert ask(sharing, basis, 1).code == "basis_not_permitted"
    assert ask(sharing, basis, purpose="single_lookup").code == "basis_not_permitted"
    assert ask(sharing, basis, staff="worker-2").code == "basis_not_permitted"
    later = basis | {"declared_at": format_time(sharing.clock())}
    assert ask(sharing, later).code == "basis_not_permitted"
    assert ask(sharing, basis | {"emergency": "12" * 16}, 1).status == 200


def test_another_persons_probes_do_not_fit_under_an_emergency(sharing: Network) -> None:
    asker = sharing.nodes["asker"]
    basis = emergency(sharing)
    assert ask(sharing, basis).status == 200
    question = asker.question([PEOPLE[0]], sharing.schema, epoch=EPOCH)
    other = asker.question([PEOPLE[1]], sharing.schema, epoch=EPOCH)
    question["cases"][0] |= {"basis": basis, "probes": other["cases"][0]["probes"]}
    assert asker.look_up(question).code == "basis_not_permitted"


def test_a_refused_emergency_leaves_no_trace_but_the_log(sharing: Network) -> None:
    basis = emergency(sharing)
    sharing.clock.move(minutes=-30)
    assert ask(sharing, basis, 1).code == "basis_not_permitted"
    sharing.clock.move(minutes=30)
    assert ask(sharing, basis, 0).status == 200


@pytest.mark.parametrize("said", ["withdrawn_at", "objected_at"])
@pytest.mark.parametrize("make", [task, emergency], ids=["public task", "emergency"])
def test_neither_lifts_a_withdrawal_or_an_objection(sharing: Network, make: Any, said: str) -> None:
    holder = sharing.nodes["holder-1"]
    record = holder.record([PEOPLE[0]], sharing.schema)
    others = [holder.record([person], sharing.schema) for person in PEOPLE[1:]]
    for number, kept in enumerate((record, *others)):
        heading = {"format": "batch/1", "epoch": EPOCH, "schema_digest": sharing.schema.digest}
        body = heading | {"records": [kept], "removed": []}
        assert holder.call("POST", f"/v1/pushes/push-2/batches/{number}", body).status == 200
    holder.consent(record["handle"], **{said: "2026-02-03T09:00:00Z"})
    assert codes(ask(sharing, make(sharing))) == {"holder-1": "N", "holder-2": "K"}


def test_de_duplication_shows_word_and_evidence_and_no_card(sharing: Network) -> None:
    sharing.nodes["asker"].approve("ef" * 16, purpose="referral_deduplication")
    answer = ask(sharing, task(sharing), purpose="referral_deduplication")
    assert set(codes(answer).values()) == {"K"}
    assert cards(answer) == [NO_CARD, NO_CARD]
    for line in answer.document["cases"][0]["answers"]:
        assert json.loads(base64.b64decode(line["evidence"]))["designation"] == "link"
    assert NO_CARD not in cards(ask(sharing, task(sharing, override="fe" * 16)))


def test_a_repeated_request_shows_no_card_that_the_first_answer_did_not(partnership: Network) -> None:
    holder, asker = partnership.nodes["holder-1"], partnership.nodes["asker"]
    record = holder.record([PEOPLE[0]], partnership.schema)
    assert holder.push([record], partnership.schema, epoch=EPOCH).status == 200
    holder.consent(record["handle"], data_classes=["known_to"])
    question = asker.question([PEOPLE[0]], partnership.schema, epoch=EPOCH)
    first = asker.look_up(question)
    holder.consent(record["handle"], version=2)
    again = asker.look_up(question)
    assert codes(first)["holder-1"] == codes(again)["holder-1"] != "N"
    assert cards(first)[0] == cards(again)[0] == NO_CARD
    fresh = asker.look_up(question | {"request": asker.new_id()})
    assert cards(fresh)[0] != NO_CARD
