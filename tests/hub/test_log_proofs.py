"""Receipts, proofs and checkpoints of the log, verified as a stranger would: from the wire alone."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from hub.leaves import make_leaf, read_leaf
from keys.checkpoints import open_checkpoint
from keys.documents import canonical_bytes
from keys.merkle import leaf_hash, verify_consistency, verify_inclusion
from tests.hub.client import Answer, Node, flatten
from tests.hub.conftest import EPOCH, NETWORK, NOW, Network
from tests.hub.people import make_people
from tests.hub.witness import Witness

PEOPLE = make_people(20, seed=31)


def ask(network: Network, *people: int, **changes: Any) -> Answer:
    asker = network.nodes["asker"]
    question = asker.question([PEOPLE[n] for n in people], network.schema, epoch=EPOCH)
    return asker.look_up(question | changes)


def share(network: Network, agency: str = "holder-1") -> list[str]:
    node = network.nodes[agency]
    records = [node.record([person], network.schema) for person in PEOPLE[:5]]
    assert node.push(records, network.schema, epoch=EPOCH).status == 200
    for record in records:
        node.consent(record["handle"])
    return [record["handle"] for record in records]


def verify_line(network: Network, line: dict[str, Any], note: str) -> dict[str, Any]:
    """Check an entry as the protocol says; its flattened content."""
    checkpoint = open_checkpoint(note, key=Witness(network.nodes["asker"]).log_key)
    leaf = base64.b64decode(line["leaf"])
    facts = json.loads(leaf)
    assert canonical_bytes(facts) == leaf
    assert facts["index"] == line["index"]
    verify_inclusion(
        leaf_hash(leaf),
        position=line["index"] - 1,
        size=checkpoint.size,
        proof=[base64.b64decode(one) for one in line["inclusion"]],
        root=checkpoint.root,
    )
    return flatten(line)


def test_every_answer_proves_its_entry(partnership: Network) -> None:
    share(partnership)
    for number in range(1, 6):
        answer = ask(partnership, *range(number)).document
        receipt = answer["receipt"]
        entry = verify_line(partnership, receipt, receipt["checkpoint"])
        assert entry["index"] == receipt["index"] == answer["log_index"]
        assert entry["request"] == answer["request"]
        told = [{line["agency"]: line["answer"] for line in case["answers"]} for case in answer["cases"]]
        assert [case["answers"] for case in entry["cases"]] == told
        assert set(receipt["parts"]) == {"who", "question"}


def test_a_repeated_request_has_a_receipt_of_its_own(partnership: Network) -> None:
    share(partnership)
    asker = partnership.nodes["asker"]
    question = asker.question(PEOPLE[:1], partnership.schema, epoch=EPOCH)
    first, second = (asker.look_up(question).document["receipt"] for _ in range(2))
    assert verify_line(partnership, second, second["checkpoint"])["repeats"] == first["index"]
    assert verify_line(partnership, first, first["checkpoint"])["repeats"] is None


def test_all_that_is_read_is_proved_to_one_checkpoint(partnership: Network) -> None:
    share(partnership)
    for number in range(4):
        ask(partnership, number)
    for agency in ("asker", "holder-1"):
        page = partnership.nodes[agency].call("GET", "/v1/log?limit=1000").document
        assert len(page["entries"]) >= 4
        for line in page["entries"]:
            verify_line(partnership, line, page["checkpoint"])


def test_leaves_shown_to_both_sides_are_the_same_bytes(partnership: Network) -> None:
    share(partnership)
    receipt = ask(partnership, 0).document["receipt"]
    page = partnership.nodes["holder-1"].call("GET", "/v1/log?limit=1000").document
    [seen] = [line for line in page["entries"] if line["index"] == receipt["index"]]
    assert seen["leaf"] == receipt["leaf"]
    assert set(seen["parts"]) == {"who", "holder:holder-1"}


def test_the_log_only_grows(partnership: Network) -> None:
    asker, key = partnership.nodes["asker"], Witness(partnership.nodes["asker"]).log_key
    seen = []
    for number in range(6):
        ask(partnership, number)
        seen.append(open_checkpoint(latest(asker), key=key))
    for old in seen:
        for new in seen[seen.index(old) :]:
            answer = asker.call("GET", f"/v1/log/consistency?from={old.size}&to={new.size}").document
            assert (answer["from"], answer["to"]) == (old.size, new.size)
            proof = [base64.b64decode(one) for one in answer["proof"]]
            verify_consistency(old=old.size, size=new.size, old_root=old.root, root=new.root, proof=proof)


def latest(node: Node) -> str:
    return str(node.call("GET", "/v1/log/checkpoint").document["latest"])


def test_any_entry_is_proved_in_any_later_tree(partnership: Network) -> None:
    receipt = ask(partnership, 0).document["receipt"]
    asker, key = partnership.nodes["asker"], Witness(partnership.nodes["asker"]).log_key
    ask(partnership, 1)
    later = open_checkpoint(latest(asker), key=key)
    answer = asker.call("GET", f"/v1/log/inclusion?index={receipt['index']}&size={later.size}").document
    verify_inclusion(
        leaf_hash(base64.b64decode(receipt["leaf"])),
        position=receipt["index"] - 1,
        size=later.size,
        proof=[base64.b64decode(one) for one in answer["proof"]],
        root=later.root,
    )


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("consistency?from=3&to=2", id="backwards"),
        pytest.param("consistency?from=0&to=9999", id="beyond the log"),
        pytest.param("consistency?from=-1&to=2", id="below nothing"),
        pytest.param("consistency?to=2", id="from nowhere"),
        pytest.param("inclusion?index=0&size=2", id="there is no entry 0"),
        pytest.param("inclusion?index=3&size=2", id="not in the tree yet"),
        pytest.param("inclusion?index=1&size=9999", id="no such tree"),
        pytest.param("witness-request?old=-1", id="old below nothing"),
        pytest.param("witness-request", id="no old"),
        pytest.param("?limit=1001", id="too much at once"),
    ],
)
def test_what_the_log_never_was_is_malformed(partnership: Network, path: str) -> None:
    answer = partnership.nodes["asker"].call("GET", f"/v1/log{path if path[0] == '?' else '/' + path}")
    assert (answer.status, answer.code) == (422, "malformed")


def test_a_checkpoint_is_the_same_whenever_it_is_asked_for(partnership: Network) -> None:
    asker = partnership.nodes["asker"]
    assert latest(asker) == latest(asker)
    assert latest(asker).startswith(f"known-to.example/{NETWORK}/log\n")


def test_an_erased_part_is_shown_as_null() -> None:
    leaf = make_leaf(1, "a:b:c", agency="x", at=NOW, facts={"n": 1}, parts={"own": {"handle": "h"}})
    line = {"leaf": base64.b64encode(leaf.data).decode(), "parts": {"own": None}}
    assert "handle" not in flatten(line)


def test_a_commitment_is_a_hash_over_salt_name_and_canonical_text() -> None:
    leaf = make_leaf(1, "a:b:c", agency=None, at=NOW, facts={}, parts={"own": {"b": 1, "a": "é"}})
    facts = read_leaf(leaf.data)
    assert facts is not None
    salted = leaf.parts["own"].salt + b"own\x00" + '{"a":"é","b":1}'.encode()
    assert facts["parts"]["own"] == hashlib.sha256(salted).hexdigest()


def test_the_same_text_never_has_the_same_commitment_twice() -> None:
    parts = {"holder:x": {"cases": list[str]()}, "holder:y": {"cases": list[str]()}}
    leaves = [make_leaf(1, "a:b:c", agency=None, at=NOW, facts={}, parts=parts) for _ in range(50)]
    promised = [one for leaf in leaves for one in (read_leaf(leaf.data) or {})["parts"].values()]
    assert len(set(promised)) == 100


def test_a_fact_cannot_take_the_place_of_a_leafs_own_field() -> None:
    with pytest.raises(ValueError, match="own field"):
        make_leaf(1, "a:b:c", agency=None, at=NOW, facts={"index": 2}, parts={})


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"format":"leaf/1"}', id="fields missing"),
        pytest.param(
            b'{"action":"a","agency":null,"at":"x","format":"leaf/2","index":1,"parts":{}}',
            id="another format",
        ),
        pytest.param(
            b'{"action": "a","agency":null,"at":"x","format":"leaf/1","index":1,"parts":{}}',
            id="not canonical",
        ),
        pytest.param(
            b'{"action":"a","agency":null,"at":"x","format":"leaf/1","index":1,"parts":[]}',
            id="parts no object",
        ),
        pytest.param(
            b'{"action":"a","agency":null,"at":"x","f":1.5,"format":"leaf/1","index":1,"parts":{}}',
            id="a float",
        ),
    ],
)
def test_what_is_no_canonical_leaf_is_not_read(data: bytes) -> None:
    assert read_leaf(data) is None
