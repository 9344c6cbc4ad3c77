"""Answers leave on a fixed time quantum."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import signed_calls
from hub.release import quanta_of, seconds_until_release
from hub.routes import lookups
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import make_people

elapsed = st.floats(min_value=0, max_value=100, allow_nan=False)
quantum = st.floats(min_value=0.001, max_value=1, allow_nan=False)


@given(elapsed, quantum)
def test_every_answer_leaves_at_a_whole_multiple_of_the_quantum_and_never_at_once(
    elapsed: float, quantum: float
) -> None:
    released = elapsed + seconds_until_release(elapsed, quantum_seconds=quantum)
    quanta = released / quantum
    assert math.isclose(quanta, round(quanta), rel_tol=1e-6)
    assert round(quanta) >= 1


@given(elapsed, quantum)
def test_no_answer_waits_longer_than_one_quantum(elapsed: float, quantum: float) -> None:
    assert 0 <= seconds_until_release(elapsed, quantum_seconds=quantum) <= quantum * (1 + 1e-9)


def test_two_answers_worked_out_in_the_same_quantum_leave_together() -> None:
    quick, slow = 0.0031, 0.0194
    assert quick + seconds_until_release(quick, quantum_seconds=0.02) == 0.02
    assert slow + seconds_until_release(slow, quantum_seconds=0.02) == 0.02


def test_without_a_quantum_nothing_is_held_back() -> None:
    assert seconds_until_release(0.0031, quantum_seconds=0) == 0


@pytest.fixture
def held(network: Network, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how long each look-up was held back, as far as the hub asked for it."""
    asked: list[float] = []

    async def sleep(seconds: float) -> None:
        asked.append(seconds)

    monkeypatch.setattr(signed_calls.anyio, "sleep", sleep)
    return asked


def test_a_refused_look_up_is_held_back_like_an_answered_one(network: Network, held: list[float]) -> None:
    node = network.join("council")
    answer = node.call("POST", "/v1/lookups", {"format": "lookup/1"})
    assert answer.status == 403
    assert len(held) == 1


def test_other_calls_are_not_held_back(network: Network, held: list[float]) -> None:
    node = network.join("council")
    assert node.call("GET", "/v1/agencies").status == 200
    assert held == []


def test_the_quantum_grows_with_what_is_asked_and_not_with_what_is_found(
    partnership: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty copies of one person take fifty times the work of a match, and would show it in one quantum."""
    known, stranger = make_people(2, seed=5)
    holder, asker = partnership.nodes["holder-1"], partnership.nodes["asker"]
    assert (
        holder.push([holder.record([known], partnership.schema)], partnership.schema, epoch=EPOCH).status
        == 200
    )
    quanta: list[float] = []

    def noted(cells: int, *, alike: int) -> float:
        quanta.append(quanta_of(cells, alike=alike))
        return quanta[-1]

    monkeypatch.setattr(lookups, "quanta_of", noted)
    for people in ([known], [known] * 50, [stranger] * 50, make_people(40, seed=6)):
        asked = asker.question(people, partnership.schema, epoch=EPOCH)
        assert asker.look_up(asked).status == 200
    one, withheld, unknown, others = quanta
    assert withheld == unknown > 4
    assert (one, others) == (1, 1)


def test_many_cases_take_more_quanta_and_a_conference_at_eight_agencies_takes_one() -> None:
    assert quanta_of(15 * 8, alike=0) == 1
    assert quanta_of(50 * 8, alike=0) == 3
    assert quanta_of(15 * 8, alike=11) == 5
