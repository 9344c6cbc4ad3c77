"""Who acts is said once, in the signed header, and the body cannot say otherwise."""

from __future__ import annotations

import pytest

from keys.actors import Actor
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import make_people

PEOPLE = make_people(1, seed=3)


@pytest.mark.parametrize(
    "actor",
    [
        pytest.param(Actor("worker-2", "coordinator"), id="another staff id"),
        pytest.param(Actor("worker-1", "officer"), id="another role"),
    ],
)
def test_a_look_up_whose_body_names_somebody_else_is_malformed(partnership: Network, actor: Actor) -> None:
    asker = partnership.nodes["asker"]
    question = asker.question(PEOPLE, partnership.schema, epoch=EPOCH)
    assert asker.call("POST", "/v1/lookups", question).status == 200
    answer = asker.call("POST", "/v1/lookups", question | {"request": asker.new_id()}, actor=actor)
    assert (answer.status, answer.code) == (422, "malformed")
    assert "worker" not in answer.document["detail"]
