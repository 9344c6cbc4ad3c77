"""Witnesses: what the hub offers them, what it keeps, and what it notes when one refuses."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from hub.log_models import LogCosignature
from hub.witnesses import Witnessed, witnessed
from keys.checkpoints import Checkpoint, Note, NoteKey, cosign, log_origin, open_checkpoint, witness_key
from tests.hub.conftest import NETWORK, Network
from tests.hub.witness import Witness


def witnesses(network: Network) -> list[Witness]:
    return [Witness(node) for node in network.nodes.values()]


def grow(network: Network, times: int = 1) -> None:
    """Every reading of the log adds an entry."""
    for _ in range(times):
        assert network.nodes["asker"].call("GET", "/v1/log?limit=1").status == 200


def checkpoints(network: Network) -> dict[str, Any]:
    document: dict[str, Any] = network.nodes["asker"].call("GET", "/v1/log/checkpoint").document
    return document


def keys_of(network: Network) -> list[NoteKey]:
    nodes = network.nodes.values()
    return [witness_key(NETWORK, node.agency, node.identity.public) for node in nodes]


def test_a_cosignature_is_kept_and_counts(partnership: Network) -> None:
    asker, holder, _ = witnesses(partnership)
    assert checkpoints(partnership) | {"latest": ""} == {"latest": "", "witnessed": None, "quorum": 2}
    assert asker.sync() == "stored"
    assert checkpoints(partnership)["witnessed"] is None
    assert holder.sync() == "stored"
    note = Note.parse(checkpoints(partnership)["witnessed"])
    assert open_checkpoint(str(note), key=asker.log_key) == asker.seen[-1]
    assert len(note.verify(keys_of(partnership))) == 2


def test_witnesses_of_a_log_that_grows_between_them_still_meet(partnership: Network) -> None:
    one, two, three = witnesses(partnership)
    for _ in range(3):
        for witness in (one, one, two, three):
            grow(partnership)
            assert witness.sync() == "stored"
    witnessed = open_checkpoint(checkpoints(partnership)["witnessed"], key=one.log_key)
    latest = open_checkpoint(checkpoints(partnership)["latest"], key=one.log_key)
    assert latest.size - witnessed.size <= 8
    assert one.seen[-1].size > one.seen[0].size


def test_a_witness_past_the_gathering_checkpoint_gets_the_latest(partnership: Network) -> None:
    one, two, _ = witnesses(partnership)
    one.sync()
    grow(partnership, 3)
    first = one.seen[-1].size
    assert two.sync() == "stored" and two.seen[-1].size == first
    assert one.sync() == "stored" and one.seen[-1].size > first


def test_witnessing_leaves_no_entry(partnership: Network) -> None:
    before = checkpoints(partnership)["latest"]
    for witness in witnesses(partnership):
        witness.sync()
    assert checkpoints(partnership)["latest"] == before


def test_cosigning_the_same_checkpoint_again_changes_nothing(partnership: Network) -> None:
    [asker, *_] = witnesses(partnership)
    assert [asker.sync(), asker.sync()] == ["stored", "stored"]
    with partnership.database.reading() as session:
        assert len(session.scalars(select(LogCosignature)).all()) == 1


def test_a_witness_with_another_size_is_asked_again_and_nothing_is_noted(partnership: Network) -> None:
    [asker, *_] = witnesses(partnership)
    asker.sync()
    grow(partnership)
    recorded = asker.size
    conflict = asker.judge(asker.fetch(old=0))
    assert (conflict["status"], conflict["body"]) == (409, f"{recorded}\n")
    assert asker.send(conflict).document == {"status": "ask_again"}
    assert asker.send(asker.judge(asker.fetch(old=recorded))).document == {"status": "stored"}
    assert refusals(partnership) == []


def refusals(network: Network) -> list[dict[str, Any]]:
    return [entry for entry in network.nodes["asker"].log() if entry["action"] == "log:witness:refused"]


def test_a_fork_is_refused_and_noted(partnership: Network) -> None:
    [asker, *_] = witnesses(partnership)
    asker.sync()
    asker.root = bytes(32)  # As if the hub had shown this witness another tree of that size.
    response = asker.judge(asker.fetch())
    assert response["status"] == 409
    assert asker.send(response).document == {"status": "noted"}
    grow(partnership)
    assert asker.sync() == "noted"
    noted = [(entry["status"], entry["agency"], entry["staff"]) for entry in refusals(partnership)]
    assert [(status, agency) for status, agency, _ in noted] == [(409, "asker"), (422, "asker")]


def test_a_roll_back_is_refused_and_noted(partnership: Network) -> None:
    [asker, *_] = witnesses(partnership)
    asker.sync()
    asker.size += 1000  # As if the hub had had so many entries more.
    response = asker.judge(asker.fetch())
    assert response["status"] == 400
    assert asker.send(response).document == {"status": "noted"}
    conflict = asker.report(0, 5, 409, f"{asker.size}\n")
    assert asker.send(conflict).document == {"status": "noted"}
    assert [entry["status"] for entry in refusals(partnership)] == [400, 409]
    assert refusals(partnership)[1]["recorded"] == asker.size


@pytest.mark.parametrize("status", [403, 404])
def test_a_witness_that_does_not_know_this_log_is_noted(partnership: Network, status: int) -> None:
    [asker, *_] = witnesses(partnership)
    assert asker.send(asker.report(0, None, status, "")).document == {"status": "noted"}
    assert [entry["status"] for entry in refusals(partnership)] == [status]


def test_only_the_callers_own_cosignature_over_this_log_is_kept(partnership: Network) -> None:
    one, two, _ = witnesses(partnership)
    good = one.judge(one.fetch())
    size, at = good["size"], partnership.clock()
    later = partnership.clock.at.replace(year=2027)
    other_root = Checkpoint(log_origin(NETWORK), size, bytes(32)).text
    text = one.seen[-1].text
    bad = {
        "of another node": two.judge(two.fetch()),
        "over another root": good
        | {"body": cosign(other_root, identity=one.node.identity, name=one.name, at=at)},
        "over another size": good | {"size": size - 1},
        "beyond the log": good | {"size": size + 1},
        "of no size": good | {"size": None},
        "of the empty log": good | {"size": 0},
        "under another name": good | {"body": cosign(text, identity=one.node.identity, name=two.name, at=at)},
        "from the future": good | {"body": cosign(text, identity=one.node.identity, name=one.name, at=later)},
        "no signature line": good | {"body": "yes\n"},
        "two lines": good | {"body": good["body"] * 2},
        "another status": good | {"status": 201},
    }
    for defect, response in bad.items():
        assert one.send(response).code == "malformed", defect
    with partnership.database.reading() as session:
        assert session.scalars(select(LogCosignature)).all() == []
    assert one.send(good).document == {"status": "stored"}


def test_the_request_is_the_text_that_the_specification_has(partnership: Network) -> None:
    [asker, *_] = witnesses(partnership)
    asker.sync()
    grow(partnership, 2)
    request = asker.fetch()
    heading, _, note = request.partition("\n\n")
    lines = heading.split("\n")
    assert lines[0] == f"old {asker.size}"
    assert all(len(line) == 44 for line in lines[1:]) and len(lines) > 1
    checkpoint = open_checkpoint(note, key=asker.log_key)
    assert (checkpoint.origin, checkpoint.size) == (f"known-to.example/{NETWORK}/log", asker.size + 2)
    assert Witness(asker.node).fetch().startswith("old 0\n\nknown-to.example/")


def test_a_quorum_can_be_set(partnership: Network) -> None:
    from hub.witnesses import quorum_of

    with partnership.database.reading() as session:
        assert (quorum_of(session, 0), quorum_of(session, 3)) == (2, 3)


def test_one_node_that_cosigns_everything_hides_no_quorum(partnership: Network) -> None:
    """A cosignature costs a node nothing; thousands of one must not push those of the others out of sight."""
    grow(partnership, 3)
    row = {"root": b"", "public_key": "", "at": partnership.clock(), "line": ""}
    both = [row | {"agency": agency, "size": 3} for agency in ("asker", "holder-1")]
    flood = [row | {"agency": "holder-2", "size": size} for size in range(4, 6_004)]
    with partnership.database.writing() as session:
        session.execute(insert(LogCosignature), [*both, row | {"agency": "asker", "size": 5}, *flood])
        assert witnessed(session, quorum=2) == Witnessed(5, 6_003)
        assert witnessed(session, quorum=3) == Witnessed(0, 5)
        assert witnessed(session, quorum=3, beyond="holder-2") == Witnessed(0, 3)
