"""Nothing replayed or altered is accepted, by the hub or by a node: thousands of messages, seeded.

`make drill` runs 10,000; CI a few hundred. KNOWNTO_DRILL_MESSAGES says how many.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from hub.models import LookupRequest, Record
from keys.actors import Actor
from keys.envelope import verify_response
from keys.errors import KeysError
from keys.identity import NodeIdentity
from tests.hub.client import ORIGIN, Node
from tests.hub.conftest import EPOCH, Network
from tests.hub.forgeries import FORGERIES, Attacker, Message, Response, altered_answer
from tests.hub.people import make_people

MESSAGES = int(os.environ.get("KNOWNTO_DRILL_MESSAGES", "360"))
SHARE_OF_ANSWERS = 0.2  # of the messages are answers, tried on a node
CONTROL_EVERY = 10  # the honest message behind every so many forgeries is sent after it, and accepted
SEED = 20261122
REFUSALS = {"signature_invalid", "replayed", "clock_skew", "unknown_key"}
PEOPLE = make_people(3, seed=5)


def actor_of(path: str) -> Actor:
    return Actor("worker-1", "coordinator" if path == "/v1/lookups" else "responder")


def honest(network: Network, rng: random.Random) -> Message:
    """A message that the asking node might well send, not yet signed."""
    asker = network.nodes["asker"]
    kind = rng.randrange(4)
    if kind == 0:
        question = asker.question(PEOPLE[:1], network.schema, epoch=EPOCH)
        return Message("POST", "/v1/lookups", json.dumps(question).encode(), {}, "")
    path = ("/v1/agencies", "/v1/log?after=0&limit=1", "/v1/caseload")[kind - 1]
    return Message("DELETE" if kind == 3 else "GET", path, b"", {}, "")


def attacker(network: Network, rng: random.Random, used: list[Message], message: Message) -> Attacker:
    asker, other = network.nodes["asker"], network.nodes["holder-1"]
    now, actor = network.clock(), actor_of(message.path)
    return Attacker(rng, ORIGIN, now, asker.identity, other.identity, actor, used)


def send(node: Node, message: Message) -> Response:
    response = node.client.request(
        message.method, message.path, headers=message.headers, content=message.body
    )
    return Response(response.status_code, response.content, dict(response.headers))


def state_of(network: Network) -> tuple[int, int]:
    """How many look-ups the hub has taken, and how many records it holds."""
    with network.database.reading() as session:
        counts = [session.scalar(select(func.count()).select_from(kind)) for kind in (LookupRequest, Record)]
    return counts[0] or 0, counts[1] or 0


@pytest.fixture
def busy(partnership: Network) -> Network:
    """A partnership whose asker has records of its own, which a forged removal would take."""
    for name in ("asker", "holder-1"):
        node = partnership.nodes[name]
        records = [node.record([person], partnership.schema) for person in PEOPLE]
        assert node.push(records, partnership.schema, epoch=EPOCH).status == 200
    return partnership


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_replayed_or_altered_request_is_accepted(busy: Network) -> None:
    rng, asker = random.Random(SEED), busy.nodes["asker"]
    used: list[Message] = []

    def send_honestly() -> None:
        """A message that is accepted, to be replayed later."""
        message = Message("GET", "/v1/agencies", b"", {}, "")
        used.append(attacker(busy, rng, used, message).sign(message))
        assert send(asker, used[-1]).status == 200

    names, tried, accepted = sorted(FORGERIES), Counter[str](), []
    for number in range(round(MESSAGES * (1 - SHARE_OF_ANSWERS))):
        if number % len(names) == 0:
            send_honestly()
        plain = honest(busy, rng)
        by = attacker(busy, rng, used, plain)
        signed, name = by.sign(plain), names[number % len(names)]
        forged, before = FORGERIES[name](by, signed), state_of(busy)
        assert forged != signed
        answer = send(asker, forged)
        code = json.loads(answer.body).get("code")
        if answer.status != 401 or code not in REFUSALS or state_of(busy) != before:
            accepted.append((name, forged.method, answer.status, code))
        tried[f"{name}: {code}"] += 1
        if number % CONTROL_EVERY == 0 and plain.method == "GET":
            # It was the forgery that was refused, and not the message.
            assert send(asker, signed).status == 200
            used.append(signed)
        busy.clock.move(seconds=rng.choice((0, 0, 1, 13)))
    assert not accepted
    assert {line.split(":")[0] for line in tried} == set(names)
    print(json.dumps(tried, indent=1, sort_keys=True))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_replayed_or_altered_answer_is_accepted(busy: Network) -> None:
    rng, asker = random.Random(SEED), busy.nodes["asker"]
    forger = NodeIdentity.from_private_bytes(bytes([9]) * 32)
    tried, accepted = Counter[str](), []
    answers: list[tuple[str, Response]] = []
    while len(answers) < 30:
        plain = honest(busy, rng)
        if plain.method == "DELETE":
            continue
        signed = attacker(busy, rng, [], plain).sign(plain)
        answers.append((signed.nonce, send(asker, signed)))

    def verify(answer: Response, nonce: str) -> None:
        verify_response(
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            at=busy.clock(),
            hub=busy.hub.public,
            request_nonce=nonce,
        )

    for _ in range(round(MESSAGES * SHARE_OF_ANSWERS)):
        (nonce, answer), (_, other) = rng.sample(answers, 2)
        verify(answer, nonce)
        way, forged = altered_answer(rng, answer, other, hub=forger, at=busy.clock(), nonce=nonce)
        try:
            verify(forged, nonce)
            accepted.append(way)
        except KeysError as error:
            tried[f"{way}: {type(error).__name__}"] += 1
    assert not accepted
    print(json.dumps(tried, indent=1, sort_keys=True))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_request_is_refused_again_for_as_long_as_it_could_be_sent(busy: Network) -> None:
    """Inside the window as a replay, after it by its time, and never accepted in between."""
    asker, plain = busy.nodes["asker"], Message("GET", "/v1/agencies", b"", {}, "")
    by = attacker(busy, random.Random(SEED), [], plain)
    for ahead in (-120, 0, 120):
        signed = by.sign(plain, at=busy.clock() + timedelta(seconds=ahead))
        assert send(asker, signed).status == 200
        start = busy.clock.at
        codes = []
        for _ in range(60):
            codes.append(json.loads(send(asker, signed).body)["code"])
            busy.clock.move(seconds=10)
        assert set(codes) <= {"replayed", "clock_skew"} and codes == sorted(codes, reverse=True)
        busy.clock.at = start
