"""Two worlds that differ in one record an asker must not learn of: all it can see of the two is the same.

In one world an agency holds a person whom it may not show; in the other it holds somebody else in their
place. The asker does all it may, and everything that comes back is compared: status, headers, sizes, bodies
to the letter but for what is random in every call (salts, hashes, signatures), of which the lengths are.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub import app as hub_app
from hub.alarm_scan import scan
from hub.clock import format_time
from hub.service import limits_of
from hub.settings import load_settings
from matcher.schema import LinkageSchema
from tests.hub.client import Answer, Clock, Node, codes
from tests.hub.conftest import EPOCH, NOW, Network, form_partnership, open_network
from tests.hub.people import Person, encode_probes, encode_token, make_people, slot_bytes

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


SHOWN = PEOPLE[27]


def share_two(world: World, beside: Person, *, holder: str, consents: list[dict[str, Any]]) -> None:
    """Holder 1 shares somebody who may be shown; it or another agency shares somebody else, under these."""
    schema = world.network.schema
    for name, mine in (("holder-1", [SHOWN]), ("holder-2", [])):
        node = world.network.nodes[name]
        people = [*mine, *([beside] if name == holder else []), *PEOPLE[2:12]]
        records = [node.record([person], schema) for person in people]
        assert node.push(records, schema, epoch=EPOCH).status == 200
        for person, record in zip(people, records, strict=True):
            for version, changes in enumerate(consents if person is beside else [{}], start=1):
                assert node.consent(record["handle"], version=version, **changes).status == 200


def mix(first: Person, second: Person, schema: LinkageSchema) -> dict[str, Any]:
    """Two people in one case, each with their probes."""
    people = enumerate((first, second))
    return {
        "tokens": [encode_token(first, schema), encode_token(second, schema)],
        "probes": [
            probe for number, person in people for probe in encode_probes(person, schema, token=number)
        ],
    }


def mix_by_probe(first: Person, second: Person, schema: LinkageSchema, *, probe: str) -> dict[str, Any]:
    """One person by date and initials, under a probe of whom stands another's slot as if it were a variant.

    Whoever meets them so counts for how common their initials are, at whatever agency.
    """
    asks = schema.asked[schema.probe_index[probe]].asks
    inputs = schema.stored[schema.slot_index[asks]].inputs
    variant = slot_bytes(asks, (second.inputs()[name] for name in inputs))
    token = encode_token(first, schema)
    slots = bytearray(base64.b64decode(token["slots"]))
    for number, slot in enumerate(schema.stored):
        if "surname_sound" in slot.inputs or "sounds_sorted" in slot.inputs:
            slots[8 * number : 8 * number + 8] = bytes(8)
    names = base64.b64encode(bytes(schema.names_bits // 8)).decode()
    return {
        "tokens": [{"slots": base64.b64encode(slots).decode(), "names": names}],
        "probes": [{"token": 0, "probe": probe, "variants": base64.b64encode(variant).decode()}],
    }


BESIDE: dict[str, Callable[[LinkageSchema], dict[str, Any]]] = {
    "tokens of two people": lambda schema: mix(SHOWN, WITHHELD, schema),
    "the withheld person first": lambda schema: mix(WITHHELD, SHOWN, schema),
    "a probe for another year": lambda schema: mix_by_probe(SHOWN, WITHHELD, schema, probe="A1"),
    "a probe for another day": lambda schema: mix_by_probe(SHOWN, WITHHELD, schema, probe="A3"),
}
TASK: dict[str, Any] = {
    "kind": "public_task",
    "reason_category": "risk_to_life",
    "reason_commitment": "cd" * 32,
    "approver": "manager-1",
    "override": "ef" * 16,
}


@pytest.mark.parametrize("basis", ["consent", "public task"])
@pytest.mark.parametrize("holder", ["holder-1", "holder-2"])
@pytest.mark.parametrize("question", BESIDE)
def test_who_is_withheld_does_not_show_in_what_is_told_of_another(
    question: str, holder: str, basis: str, worlds: tuple[World, World]
) -> None:
    withheld: list[dict[str, Any]] = [{}, {"objected_at": "2026-01-20T10:00:00Z"}]
    for world, beside in zip(worlds, (WITHHELD, IN_THEIR_PLACE), strict=True):
        share_two(world, beside, holder=holder, consents=withheld)
        document = world.asker.question([SHOWN], world.network.schema, epoch=EPOCH)
        document["cases"][0] |= BESIDE[question](world.network.schema)
        if basis == "public task":
            world.asker.approve(TASK["override"])
            approved_at = format_time(world.network.clock() - timedelta(hours=1))
            document["cases"][0]["basis"] = TASK | {"approved_at": approved_at}
        answer = world.see(question, world.asker.look_up(document))
        assert codes(answer)["holder-1"] == "K"
        assert codes(answer)["holder-2"] == "N"
    require_same(*worlds)


def test_who_is_withheld_beside_another_who_is_told_is_logged_for_their_agency(
    worlds: tuple[World, World],
) -> None:
    world, _ = worlds
    share_two(world, WITHHELD, holder="holder-1", consents=[{}, {"withdrawn_at": "2026-01-20T10:00:00Z"}])
    document = world.asker.question([SHOWN], world.network.schema, epoch=EPOCH)
    # The one withheld fits better: the number of the other is left out.
    document["cases"][0] |= mix(WITHHELD, replace(SHOWN, chain=0), world.network.schema)
    assert codes(world.asker.look_up(document))["holder-1"] == "K"
    looked = [
        line for line in world.network.nodes["holder-1"].log() if line["action"] == "lookup:match:answered"
    ]
    told = {(case["answer"], case["reason"]) for line in looked for case in line["cases"]}
    assert told == {("K", "permitted"), ("N", "withdrawn")}
