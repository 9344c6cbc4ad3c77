"""The mutation drill: whatever is done to the stored log, `log verify` finds it, or a witness does.

Short in everyday runs; `make drill` runs 1,000 (`KNOWNTO_DRILL_MUTATIONS`).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from hub.checkpoints import LogSigner
from hub.database import table_of
from hub.log_models import LogCosignature
from hub.log_tree import read_head
from hub.log_verify import verify_log
from hub.secrets import load_identity
from hub.witnesses import format_request
from keys.identity import NodeIdentity
from tests.hub.conftest import EPOCH, NETWORK, Network
from tests.hub.log_mutations import (
    CLUMSY,
    SKILLED,
    read_log,
    snapshot,
    tampering,
    write_log,
)
from tests.hub.people import make_people
from tests.hub.witness import Witness

MUTATIONS = int(os.environ.get("KNOWNTO_DRILL_MUTATIONS", "90"))
PEOPLE = make_people(20, seed=41)


@pytest.fixture
def witnessed(partnership: Network) -> tuple[Network, Witness]:
    """A log with entries of many kinds, witnessed a while before its end, with texts erased at its start."""
    node, asker = partnership.nodes["holder-1"], partnership.nodes["asker"]
    records = [node.record([person], partnership.schema) for person in PEOPLE[:6]]
    node.push(records, partnership.schema, epoch=EPOCH)
    for record in records[:4]:
        node.consent(record["handle"])
    witness, other = Witness(asker), Witness(node)
    for number in range(6):
        question = asker.question(PEOPLE[number : number + 3], partnership.schema, epoch=EPOCH)
        assert asker.look_up(question).status == 200
        asker.log()
    assert [witness.sync(), other.sync()] == ["stored", "stored"]
    asker.look_up(asker.question(PEOPLE[:2], partnership.schema, epoch=EPOCH))
    node.log()
    return partnership, witness


def test_a_log_in_order_verifies(witnessed: tuple[Network, Witness]) -> None:
    network, _ = witnessed
    with network.database.reading() as session:
        found = verify_log(session, network=NETWORK)
        head = read_head(session)
    assert found.findings == ()
    assert (found.entries, found.root, found.cosignatures) == (head.size, head.root, 2)
    assert found.parts > found.entries and found.erased == 0


def test_clumsy_mutations_are_found_by_verifying(witnessed: tuple[Network, Witness]) -> None:
    network, _ = witnessed
    rng, done = random.Random(6962), 0
    while done < MUTATIONS // 2:
        name = sorted(CLUMSY)[done % len(CLUMSY)]
        done += tampered_and_found(network, rng, name)


def tampered_and_found(network: Network, rng: random.Random, name: str) -> bool:
    """Make a mutation; False where it changed nothing (two equal rows swapped), which is none."""
    with tampering(network.database) as session:
        before = snapshot(session)
        CLUMSY[name](session, rng)
        session.flush()
        session.expire_all()
        if name.startswith("swap") and snapshot(session) == before:
            return False
        findings = verify_log(session, network=NETWORK).findings
        assert findings, name
    return True


def test_a_rewritten_log_verifies_and_is_refused_by_its_witness(witnessed: tuple[Network, Witness]) -> None:
    network, witness = witnessed
    rng, seen = random.Random(9162), witness.size
    for done in range(MUTATIONS - MUTATIONS // 2):
        name = sorted(SKILLED)[done % len(SKILLED)]
        with tampering(network.database) as session:
            honest = read_log(session)
            write_log(session, SKILLED[name](honest, rng, seen))
            assert verify_log(session, network=NETWORK).findings == (), name
            assert judged(session, network, witness)["status"] in (400, 409, 422), name


def judged(session: Session, network: Network, witness: Witness) -> dict[str, Any]:
    """What a witness would say to the log as it now is."""
    signer = LogSigner(hub_identity(network), NETWORK)
    request = format_request(session, signer, witness.node.agency, old=witness.size, quorum=2)
    return Witness(witness.node, witness.size, witness.root).judge(request)


def hub_identity(network: Network) -> NodeIdentity:
    return load_identity(network.home)


def test_the_honest_log_is_cosigned_in_the_same_drill(witnessed: tuple[Network, Witness]) -> None:
    """What refuses above is the mutation, and not the way the drill asks."""
    network, witness = witnessed
    with tampering(network.database) as session:
        write_log(session, read_log(session))
        assert verify_log(session, network=NETWORK).findings == ()
        assert judged(session, network, witness)["status"] == 200


def test_a_rewritten_log_contradicts_the_cosignatures_that_are_kept(
    witnessed: tuple[Network, Witness],
) -> None:
    """Unless they are taken away too, the hub's own verification finds it."""
    network, _ = witnessed
    rewrite: Callable[..., Any] = SKILLED["rewrite_a_fact"]
    with tampering(network.database) as session:
        kept = cosignatures(session)
        write_log(session, rewrite(read_log(session), random.Random(1), 5))
        put_back(session, kept)
        rules = {finding.rule for finding in verify_log(session, network=NETWORK).findings}
    assert rules == {"cosignature"}


def cosignatures(session: Session) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in session.execute(select(table_of(LogCosignature)))]


def put_back(session: Session, rows: list[dict[str, Any]]) -> None:
    session.execute(insert(table_of(LogCosignature)), rows)
