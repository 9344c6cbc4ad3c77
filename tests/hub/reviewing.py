"""Look-ups that reach the review queue, and an officer's calls upon it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.alarm_scan import scan
from hub.service import limits_of
from hub.settings import load_settings
from keys.actors import Actor
from tests.hub.client import Answer, Node
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import SOMEBODY, Person

IG = Actor("ig-lead", "ig")
PROMISE = "ab" * 32


def ask(network: Network, people: Sequence[Person] = (SOMEBODY,), *, times: int = 1, **changes: Any) -> None:
    asker = network.nodes["asker"]
    for _ in range(times):
        network.clock.move(minutes=1)
        question = asker.question(people, network.schema, epoch=EPOCH, **changes)
        answer = asker.look_up(question)
        assert answer.status == 200, answer.document


def run_scan(network: Network) -> int:
    limits = limits_of(load_settings(network.home))
    return scan(network.database, limits=limits, at=network.clock()).raised


def queue(node: Node, query: str = "", actor: Actor = IG) -> list[dict[str, Any]]:
    answer = node.call("GET", f"/v1/reviews{query}", actor=actor)
    assert answer.status == 200, answer.document
    found: list[dict[str, Any]] = answer.document["reviews"]
    return found


def seen_in(view: dict[str, Any]) -> int:
    return max([*view["indices"], *(one["log_index"] for one in view["decisions"])])


def post(
    node: Node,
    item: str,
    outcome: str,
    *,
    actor: Actor = IG,
    commitment: str = PROMISE,
    seen: int | None = None,
) -> Answer:
    """Decide; without `seen`, on what the item is now."""
    if seen is None:
        answer = node.call("GET", f"/v1/reviews/{item}", actor=IG)
        seen = seen_in(answer.document) if answer.status == 200 else 1
    body = {"format": "review-decision/1", "outcome": outcome, "commitment": commitment, "seen": seen}
    return node.call("POST", f"/v1/reviews/{item}/decision", body, actor=actor)


def public_task(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "public_task",
        "reason_category": "risk_to_life",
        "reason_commitment": "cd" * 32,
        "approver": "team-lead",
        "override": "0" * 32,
        "approved_at": "2026-02-03T09:00:00Z",
    } | changes


def emergency(at: str) -> dict[str, Any]:
    return {
        "kind": "emergency",
        "reason_category": "risk_to_life",
        "reason_commitment": "cd" * 32,
        "emergency": "1" * 32,
        "declared_at": at,
    }


def with_basis(network: Network, basis: dict[str, Any]) -> None:
    asker = network.nodes["asker"]
    question = asker.question([SOMEBODY], network.schema, epoch=EPOCH)
    question["cases"][0]["basis"] = basis
    if "override" in basis:
        asker.approve(basis["override"], approver=basis["approver"])
    answer = asker.look_up(question)
    assert answer.status == 200, answer.document
