"""Pairs across agencies, from two real nodes: listed by own reference, decided, undone, read strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from cli.shared_pair_commands import REASONS as OFFERED
from hub.linking import link_all, link_changes
from hub.pair_decisions import ReasonCode
from hub.pair_decisions import Verdict as HubVerdict
from keys.actors import Actor
from node.access_log import describe_log, sync_log
from node.caseload import mark_sealed, require_handle
from node.errors import HubRefusedError, IntegrityError, RecordFormatError
from node.home import Node
from node.reconcile import reconcile
from node.shared_pairs import (
    REASONS,
    VERDICTS,
    SharedPair,
    decide_shared,
    fetch_history,
    fetch_pairs,
    read_pair,
)
from tests.federation import Federation
from tests.people import people


@pytest.fixture
def linked(federation: Federation) -> Federation:
    """Both agencies have the same six people of twelve; three of them consent at both."""
    federation.share("asker", people(12, prefix="A"))
    federation.share("holder", people(12, first=7))
    for number in (8, 9, 10):
        federation.consent("asker", f"A{number:05}")
        federation.consent("holder", f"H{number:05}")
    link(federation)
    return federation


def link(federation: Federation, *, changes: bool = False) -> None:
    run = link_changes if changes else link_all
    run(federation.hub.database, clock=federation.clock, report=lambda _: None)


def listed(node: Node, *, everything: bool = False) -> dict[str | None, SharedPair]:
    pairs, _ = fetch_pairs(node, everything=everything, limit=50)
    return {pair.reference: pair for pair in pairs}


def test_each_agency_sees_its_own_references_and_the_others_id(linked: Federation) -> None:
    asker, holder = (listed(linked.acting(agency, "coordinator")) for agency in ("asker", "holder"))
    assert asker.keys() == {"A00008", "A00009", "A00010"}
    assert holder.keys() == {"H00008", "H00009", "H00010"}
    assert {pair.agency for pair in asker.values()} == {"holder"}
    assert asker["A00008"].pair == holder["H00008"].pair
    assert asker["A00008"].evidence.posterior > 0.9
    assert {step.comparison for step in asker["A00008"].evidence.steps} >= {"identity"}


def test_a_decision_is_seen_by_both_and_undone_by_whoever_made_it(linked: Federation) -> None:
    asker, holder = (linked.acting(agency, "coordinator") for agency in ("asker", "holder"))
    pair = listed(asker)["A00008"].pair
    assert pair in {one.pair for one in listed(holder).values()}
    decided = decide_shared(asker, pair, verdict="different", reason="agency_asked")
    assert [(one.verdict, one.words) for one in decided.decisions] == [
        ("different", "the other agency was asked")
    ]
    assert "A00008" not in listed(asker) and "H00008" not in listed(holder)
    theirs = listed(holder, everything=True)["H00008"].theirs
    assert theirs is not None and (theirs.verdict, theirs.staff) == ("different", None)
    decide_shared(holder, pair, verdict="same", reason="files_compared")
    link(linked, changes=True)
    assert listed(asker)["A00008"].at_odds and listed(holder)["H00008"].at_odds
    decide_shared(asker, pair, verdict="undone", reason="entered_by_mistake")
    history = fetch_history(asker, pair)
    assert [one.verdict for one in history.decisions] == ["different", "same", "undone"]
    assert history.reference == "A00008"
    with pytest.raises(HubRefusedError, match="undo"):
        decide_shared(asker, pair, verdict="undone", reason="entered_by_mistake")


def test_a_changed_record_is_asked_about_again_and_says_so(linked: Federation) -> None:
    asker = linked.acting("asker", "coordinator")
    decide_shared(asker, listed(asker)["A00008"].pair, verdict="same", reason="files_compared")
    rows = people(12, prefix="A")
    rows[7]["chain"] = "310442"
    linked.share("asker", [row | {"opened": "2026-03-03"} for row in rows])
    link(linked, changes=True)
    pair = listed(asker)["A00008"]
    assert pair.changed_since and pair.decision is not None and not pair.decision.holds


def test_whoever_was_sealed_a_moment_ago_is_left_out(linked: Federation) -> None:
    asker = linked.acting("asker", "coordinator")
    mark_sealed(asker.store, require_handle(asker.store, "A00008"), sealed=True)
    assert listed(asker).keys() == {"A00009", "A00010"}


def test_the_log_shows_both_sides_their_own_reference(linked: Federation) -> None:
    asker, holder = (linked.acting(agency, "coordinator") for agency in ("asker", "holder"))
    pair = listed(asker)["A00008"].pair
    decide_shared(asker, pair, verdict="same", reason="person_asked")
    for agency in ("asker", "holder"):
        sync_log(linked.acting(agency, "ig"))
    lines = [line for line in describe_log(holder) if line.action.startswith("pairs:")]
    read = {line.reference for line in lines if line.action == "pairs:queue:read"}
    assert read == {"H00008", "H00009", "H00010"}
    assert {line.reference for line in lines if line.action == "pairs:decision:made"} == {"H00008"}
    assert {(line.agency, line.direction) for line in lines} == {("asker", "about us")}
    own = [line for line in describe_log(asker) if line.action == "pairs:decision:made"]
    assert [line.reference for line in own] == ["A00008"]
    assert reconcile(linked.acting("asker", "ig")).differences == ()


@pytest.mark.parametrize("role", ["officer", "responder", "ig", "analyst"])
def test_only_a_coordinator_reads_the_queue(linked: Federation, role: str) -> None:
    with pytest.raises(HubRefusedError) as refused:
        fetch_pairs(linked.nodes["asker"].acting(Actor("somebody", role)), everything=False, limit=50)
    assert refused.value.code == "role_not_permitted"


@pytest.mark.parametrize("pair", ["", "0" * 31, "0" * 33, "G" * 32, "../log"])
def test_an_id_that_is_none_is_never_sent(linked: Federation, pair: str) -> None:
    with pytest.raises(RecordFormatError, match="32 characters"):
        fetch_history(linked.acting("asker", "coordinator"), pair)


WHOLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "wire" / "pairs.json").read_text("utf-8")
)["body"]["pairs"][0]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda pair: pair.pop("group"), id="a field is missing"),
        pytest.param(lambda pair: pair.update(evidence="AAAA"), id="evidence of another size"),
        pytest.param(lambda pair: pair.update(evidence="A" * 1368), id="evidence that is none"),
        pytest.param(lambda pair: pair.update(group="first"), id="a group that is no number"),
        pytest.param(lambda pair: pair["theirs"].update(verdict="sure"), id="another verdict"),
        pytest.param(lambda pair: pair["theirs"].update(verdict="undone"), id="an undone decision stands"),
    ],
)
def test_a_pair_that_is_not_in_its_form_is_no_answer(federation: Federation, change: Any) -> None:
    pair: Mapping[str, Any] = deepcopy(WHOLE)
    store = federation.nodes["asker"].store
    assert read_pair(store, pair, agency="asker").pair == WHOLE["pair"]
    change(pair)
    with pytest.raises(IntegrityError):
        read_pair(store, pair, agency="asker")


def test_the_words_are_the_same_on_both_sides_of_the_wire() -> None:
    assert set(OFFERED) == set(REASONS) == set(ReasonCode)
    assert set(VERDICTS) == set(HubVerdict)
