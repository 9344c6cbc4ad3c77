"""Two worlds that differ in one record an asker must not learn of: all it can see of the two is the same.

In one world an agency holds a person whom it may not show; in the other it holds somebody else in their
place. The asker does all it may, and everything that comes back is compared: status, headers, sizes, bodies
to the letter but for what is random in every call (salts, hashes, signatures), of which the lengths are.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from hub import app as hub_app
from hub.alarm_scan import scan
from hub.service import limits_of
from hub.settings import load_settings
from matcher.schema import LinkageSchema
from tests.hub.client import Answer, Clock, Node
from tests.hub.conftest import EPOCH, NOW, Network, form_partnership, open_network
from tests.hub.people import Person, make_people

PEOPLE = make_people(30, seed=5)
BUDGET = 60
WITHHELD, IN_THEIR_PLACE, STRANGER = PEOPLE[0], PEOPLE[28], PEOPLE[29]
# Random in every call, whoever is asked about; only how long it is may be compared.
RANDOM = {
    *("salt", "leaf", "inclusion", "checkpoint", "latest", "request_signature", "item", "request"),
    *("public_key", "exchange_key", "fingerprint", "signatures", "root"),
}
RANDOM_HEADERS = {"signature", "signature-input", "content-digest", "knownto-nonce"}
CONSENTS: dict[str, list[dict[str, Any]]] = {
    "no consent is recorded": [],
    "consent was withdrawn": [{}, {"withdrawn_at": "2026-01-20T10:00:00Z"}],
    "the person objected": [{}, {"objected_at": "2026-01-20T10:00:00Z"}],
    "consent was refused": [
        {"recipients": [], "purposes": [], "withdrawn_at": "2026-01-20T10:00:00Z", "data_classes": []}
    ],
    "consent has ended": [{"valid_until": "2026-02-01T00:00:00Z"}],
    "consent does not hold yet": [{"valid_from": "2026-03-01T00:00:00Z"}],
    "consent is for another agency": [{"recipients": ["holder-2"]}],
    "consent is for another purpose": [{"purposes": ["safeguarding_panel"]}],
    "consent does not cover being known": [{"data_classes": []}],
}


@dataclass
class World:
    """One of the two, and everything its asker saw."""

    network: Network
    seen: list[tuple[str, int, dict[str, str], int, Any]] = field(default_factory=list)

    @property
    def asker(self) -> Node:
        return self.network.nodes["asker"]

    def see(self, door: str, answer: Answer) -> Answer:
        """Note what came back, without what is random anyhow."""
        headers = {
            name: "" if name in RANDOM_HEADERS else value
            for name, value in answer.headers.items()
            if name != "date"
        }
        self.seen.append((door, answer.status, headers, len(answer.body), masked(answer.document)))
        return answer


def masked(value: Any, name: str = "") -> Any:
    """A document with the length of everything random in the place of it; a leaf opened first."""
    if name == "leaf":
        leaf = json.loads(base64.b64decode(value))
        return masked({**leaf, "parts": {part: len(promise) for part, promise in leaf["parts"].items()}})
    if name in RANDOM and isinstance(value, Mapping):
        return {key: len(inner) for key, inner in value.items()}
    if name in RANDOM:
        return [len(one) for one in value] if isinstance(value, list) else len(value or "")
    if isinstance(value, Mapping):
        return {key: masked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    return value


@pytest.fixture
def worlds(
    tmp_path: Path, schema: LinkageSchema, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[World, World]]:
    """Two partnerships that have done the same so far; alarms are scanned for by the test."""
    monkeypatch.setattr(hub_app, "AlarmThread", nullcontext)
    with ExitStack() as stack:
        yield tuple(  # type: ignore[misc]
            World(
                form_partnership(
                    stack.enter_context(
                        open_network(
                            tmp_path / name,
                            database_url="",
                            clock=Clock(NOW),
                            schema=schema,
                            staff_cases_per_day=BUDGET,
                        )
                    )
                )
            )
            for name in ("held", "not-held")
        )


def share(world: World, person: Person, consents: list[dict[str, Any]]) -> None:
    """Holder 1 shares somebody under these consents, and others; the same order in both worlds."""
    holder, schema = world.network.nodes["holder-1"], world.network.schema
    record = holder.record([person], schema)
    others = [holder.record([other], schema) for other in PEOPLE[2:20]]
    assert holder.push([record, *others], schema, epoch=EPOCH).status == 200
    for version, changes in enumerate(consents, start=1):
        assert holder.consent(record["handle"], version=version, **changes).status == 200


def do_everything(world: World) -> None:
    """All that an asking agency can do, as officer, coordinator, responder and IG officer."""
    asker, network = world.asker, world.network
    question = {
        purpose: asker.question([WITHHELD, STRANGER], network.schema, epoch=EPOCH, purpose=purpose)
        for purpose in ("case_conference", "single_lookup")
    }
    for purpose, document in question.items():
        world.see(f"answer, {purpose}", asker.look_up(document))
    world.see("the same request again", asker.look_up(question["single_lookup"]))
    world.see("other body, same request", asker.look_up(question["single_lookup"] | {"conference": "x"}))
    alone = {"conference": None, "purpose": "single_lookup", "role": "officer"}
    for _ in range(12):  # More than a person's budget: alarms, not refusals.
        world.see("repeated", asker.look_up(asker.question([WITHHELD], network.schema, epoch=EPOCH, **alone)))
    near = [replace(WITHHELD, day=day) for day in range(1, 12)]
    world.see("near dates", asker.look_up(asker.question(near, network.schema, epoch=EPOCH, **alone)))
    for kind, changes in {
        "unknown purpose": {"purpose": "curiosity"},
        "no role": {"role": "responder"},
        "other epoch": {"epoch": "2025-1"},
        "unknown agency": {"agencies": ["nobody"]},
        "only the holder": {"agencies": ["holder-1"]},
    }.items():
        document = asker.question([WITHHELD], network.schema, epoch=EPOCH) | changes
        world.see(f"error, {kind}", asker.look_up(document))
    spend_the_budget(world)
    limits = limits_of(load_settings(network.home))
    # What the alarms' thread does by the clock; chance is the same in both worlds.
    scan(network.database, limits=limits, at=network.clock(), draw=lambda below: 0)
    for path in (
        "/v1/agencies",
        "/v1/agreements",
        "/v1/consents",
        "/v1/log?after=0&limit=1000",
        "/v1/log/checkpoint",
        "/v1/log/witness-request?old=0",
        "/v1/reviews",
        "/v1/reviews/summary?month=2026-02",
    ):
        world.see(path, asker.call("GET", path))


def spend_the_budget(world: World) -> None:
    """Ask until the day's budget of the staff id ends, and once more."""
    for _ in range(4):
        document = world.asker.question([WITHHELD] * 10, world.network.schema, epoch=EPOCH)
        world.see("budget", world.asker.look_up(document))


def require_same(held: World, not_held: World) -> None:
    """Door by door, so that a failure names the door."""
    for one, other in zip(held.seen, not_held.seen, strict=True):
        assert one == other, one[0]


@pytest.mark.parametrize("withheld", CONSENTS)
def test_a_withheld_person_and_nobody_look_the_same_through_every_door(
    withheld: str, worlds: tuple[World, World]
) -> None:
    held, not_held = worlds
    share(held, WITHHELD, CONSENTS[withheld])
    share(not_held, IN_THEIR_PLACE, CONSENTS[withheld])
    for world in worlds:
        do_everything(world)
    require_same(held, not_held)
    refused = {seen[-1]["code"] for seen in held.seen if seen[1] >= 400}
    assert refused >= {"budget_exhausted", "conflict", "malformed"}


def test_the_comparison_finds_a_person_who_may_be_shown(worlds: tuple[World, World]) -> None:
    held, not_held = worlds
    share(held, WITHHELD, [{}])
    share(not_held, IN_THEIR_PLACE, [{}])
    for world in worlds:
        do_everything(world)
    doors = {one[0] for one, other in zip(held.seen, not_held.seen, strict=True) if one != other}
    assert {"answer, case_conference", "repeated", "/v1/log?after=0&limit=1000", "/v1/reviews"} <= doors


def test_a_match_below_the_threshold_looks_like_nobody(worlds: tuple[World, World]) -> None:
    held, not_held = worlds
    # Another day of birth, another forename of the same initial, no number in common.
    like = replace(WITHHELD, day=WITHHELD.day % 28 + 1, forename=WITHHELD.forename + 20, chain=77)
    share(held, like, [{}])
    share(not_held, IN_THEIR_PLACE, [{}])
    for world in worlds:
        do_everything(world)
    require_same(held, not_held)
