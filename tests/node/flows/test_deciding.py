"""Deciding that two records are one person has their seals and noes hold for both, at the hub too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from node.access_log import describe_log, sync_log
from node.caseload import count_caseload, find_handle, is_sealed
from node.consent import list_consents, record_objection, send_consents, withdraw_consent
from node.deciding import Decided, decide_pair
from node.duplicate_decisions import Verdict
from node.duplicate_queue import list_duplicates
from node.errors import HubUnreachableError
from node.home import Node
from node.in_step import settle
from node.seal_events import SEAL_SET
from node.sealing import seal_person
from tests.broken_transports import always, broken
from tests.federation import Federation
from tests.node.flows.test_sealing import held_by_hub
from tests.people import people

ONE = {"local_id": "D-1", "dob": "1984-03-17", "forename": "Amara", "surname": "Lindqvist", "chain": ""}
OTHER = ONE | {"local_id": "D-2", "surname": "Lindkvist"}


@pytest.fixture
def holder(federation: Federation) -> Node:
    federation.share("holder", [ONE, OTHER, *people(40, first=100)])
    federation.consent("holder", "D-1", "D-2")
    return federation.nodes["holder"]


def pair_of(holder: Node) -> str:
    [pair] = list_duplicates(holder.store)
    assert set(pair.references) == {"D-1", "D-2"}
    return pair.pair


def decide(holder: Node, pair: str, verdict: Verdict) -> Decided:
    return decide_pair(holder, pair, verdict=verdict, reason="both files were looked at")


def sealed(holder: Node) -> list[bool]:
    return [is_sealed(holder.store, str(find_handle(holder.store, one))) for one in ("D-1", "D-2")]


def states(federation: Federation) -> dict[str, str]:
    consents = list_consents(federation.nodes["holder"].store)
    return {kept.local_id: kept.state(federation.clock()) for kept in consents}


def test_a_seal_of_one_takes_the_other_off_the_hub_with_the_decision(
    federation: Federation, holder: Node
) -> None:
    pair = pair_of(holder)
    seal_person(holder, "D-1")
    assert federation.words("asker", OTHER) == {"holder": "Known"}
    made = decide(holder, pair, Verdict.SAME)
    assert (made.sealed, made.said_no, made.unsent) == (("D-2",), (), None)
    assert made.remarks() == ["Sealed too, being the same person: D-2"]
    assert sealed(holder) == [True, True] and held_by_hub(federation, "D-1", "D-2") == [False, False]
    assert federation.words("asker", OTHER) == {"holder": "No shared match"}


@pytest.mark.parametrize(
    ("say_no", "word"), [(withdraw_consent, "withdrawn"), (record_objection, "objected")]
)
def test_a_no_of_one_holds_for_the_other_from_the_next_look_up_on(
    federation: Federation, holder: Node, say_no: Callable[[Node, str], tuple[str, ...]], word: str
) -> None:
    pair = pair_of(holder)
    assert say_no(holder, "D-2") == ()
    send_consents(holder)
    made = decide(holder, pair, Verdict.SAME)
    assert (made.sealed, made.said_no, made.unsent) == ((), ("D-1",), None)
    assert states(federation) == {"D-1": word, "D-2": word}
    assert federation.words("asker", ONE) == {"holder": "No shared match"}


def test_a_decision_between_records_without_a_seal_or_a_no_reaches_nothing(
    federation: Federation, holder: Node
) -> None:
    made = decide(holder, pair_of(holder), Verdict.SAME)
    assert made.remarks() == [] and states(federation) == {"D-1": "given", "D-2": "given"}
    assert federation.words("asker", ONE) == {"holder": "Known"}


@pytest.mark.parametrize("verdict", [Verdict.DIFFERENT, Verdict.NOT_SURE])
def test_no_other_verdict_reaches_anything(federation: Federation, holder: Node, verdict: Verdict) -> None:
    pair = pair_of(holder)
    withdraw_consent(holder, "D-1")
    assert decide(holder, pair, verdict).remarks() == []
    assert states(federation) == {"D-1": "withdrawn", "D-2": "given"}


@pytest.mark.parametrize("verdict", [Verdict.UNDONE, Verdict.DIFFERENT])
def test_taking_it_back_lifts_nothing_and_says_so(
    federation: Federation, holder: Node, verdict: Verdict
) -> None:
    pair = pair_of(holder)
    withdraw_consent(holder, "D-1")
    seal_person(holder, "D-2")
    decide(holder, pair, Verdict.SAME)
    back = decide(holder, pair, verdict)
    assert (back.sealed, back.said_no) == ((), ())
    assert back.left_sealed == back.left_no == ("D-1", "D-2")
    assert len(back.remarks()) == 4 and all(one.startswith("Not taken back: ") for one in back.remarks())
    assert sealed(holder) == [True, True] and set(states(federation).values()) == {"withdrawn"}


def test_while_the_hub_is_away_it_holds_here_and_goes_out_with_the_next_exchange(
    federation: Federation, holder: Node
) -> None:
    pair = pair_of(holder)
    seal_person(holder, "D-1")
    withdraw_consent(holder, "D-1")
    with broken(holder, always):
        made = decide(holder, pair, Verdict.SAME)
    assert isinstance(made.unsent, HubUnreachableError) and "waiting" in str(made.unsent)
    assert (made.sealed, made.said_no) == (("D-2",), ("D-2",))
    assert count_caseload(holder.store).removal_due == 1
    assert held_by_hub(federation, "D-2") == [True]
    settle(holder)
    assert held_by_hub(federation, "D-2") == [False] and count_caseload(holder.store).removal_due == 0
    assert states(federation) == {"D-1": "withdrawn", "D-2": "withdrawn"}


def test_the_log_says_that_a_seal_was_set_and_nothing_of_the_pair(
    federation: Federation, holder: Node
) -> None:
    pair = pair_of(holder)
    seal_person(holder, "D-1")
    decide(holder, pair, Verdict.SAME)
    reviewing = federation.acting("holder", "ig")
    sync_log(reviewing)
    shown = [str(line) for line in describe_log(reviewing) if line.action == SEAL_SET]
    assert len(shown) == 2 and not any(word in line for line in shown for word in ("D-1", "D-2", pair))
