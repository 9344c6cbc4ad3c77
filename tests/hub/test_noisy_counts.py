"""Frozen noise: with OpenDP where it is installed, and with a mechanism of known noise everywhere."""

from __future__ import annotations

import math

import pytest

from hub.errors import SettingsError, UnavailableError
from hub.noisy_counts import FrozenCounts, geometric_mechanism, publish_noisy
from hub.suppression_profiles import shipped_profile
from hub.suppression_tables import Population, Question

COUNTY = shipped_profile()
PEOPLE = Population(
    "2026-01-01",
    {"area": ("n", "s"), "sex": ("F", "M")},
    {("n", "F"): 20, ("n", "M"): 3, ("s", "F"): 9},
)
AREAS = Question(("area",))


class Counting:
    """A mechanism whose noise is known: one more at each call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, count: int) -> int:
        self.calls += 1
        return count + self.calls


def test_noise_is_drawn_once_for_a_group_and_snapshot_whichever_table_asks() -> None:
    draw = Counting()
    frozen, first = publish_noisy(FrozenCounts({}), PEOPLE, AREAS, profile=COUNTY, mechanism=draw)
    north = Question((), {"area": frozenset({"n"})})
    frozen, again = publish_noisy(frozen, PEOPLE, north, profile=COUNTY, mechanism=draw)
    assert first.cells == {("n",): 25, ("s",): 10}
    assert again.cells == {(): 25}
    everybody = Question(("area",), {"sex": frozenset({"F", "M"})})
    frozen, spelt = publish_noisy(frozen, PEOPLE, everybody, profile=COUNTY, mechanism=draw)
    assert spelt.cells == first.cells
    assert draw.calls == 2


def test_another_snapshot_gets_noise_of_its_own() -> None:
    draw = Counting()
    frozen, _ = publish_noisy(FrozenCounts({}), PEOPLE, AREAS, profile=COUNTY, mechanism=draw)
    later = Population("2026-04-01", PEOPLE.dimensions, PEOPLE.counts)
    publish_noisy(frozen, later, AREAS, profile=COUNTY, mechanism=draw)
    assert draw.calls == 4


def test_what_is_shown_depends_on_the_noisy_count_alone() -> None:
    _, up = publish_noisy(
        FrozenCounts({}), PEOPLE, Question(("sex",)), profile=COUNTY, mechanism=lambda n: n + 6
    )
    _, down = publish_noisy(FrozenCounts({}), PEOPLE, AREAS, profile=COUNTY, mechanism=lambda n: n - 30)
    assert up.cells == {("F",): 35, ("M",): 10}
    assert down.cells == {("n",): None, ("s",): None}


def test_every_different_table_of_a_snapshot_costs_one_epsilon() -> None:
    frozen = FrozenCounts({})
    for question in (AREAS, AREAS, Question(("sex",))):
        frozen, _ = publish_noisy(frozen, PEOPLE, question, profile=COUNTY, mechanism=Counting())
    assert frozen.epsilon_spent("2026-01-01", epsilon=0.5) == 1.0
    assert frozen.epsilon_spent("2026-04-01", epsilon=0.5) == 0


@pytest.mark.parametrize("epsilon", [0, -1, 11, math.nan])
def test_an_epsilon_out_of_bounds_is_refused(epsilon: float) -> None:
    with pytest.raises(SettingsError):
        geometric_mechanism(epsilon)


def test_without_opendp_there_is_no_noise_rather_than_an_own_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("opendp", "opendp.prelude"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(UnavailableError, match="opendp"):
        geometric_mechanism(1.0)


def test_the_mechanism_of_opendp_has_the_spread_of_its_epsilon() -> None:
    pytest.importorskip("opendp", reason="the optional package opendp is not installed")
    draws = 4000
    noise = [geometric(0) for geometric in [geometric_mechanism(0.5)] for _ in range(draws)]
    ratio = math.exp(-0.5)
    variance = 2 * ratio / (1 - ratio) ** 2
    # Six standard errors of a mean and of a second moment (kurtosis of the two-sided geometric is below 7).
    assert abs(sum(noise) / draws) < 6 * math.sqrt(variance / draws)
    assert abs(sum(value**2 for value in noise) / draws - variance) < 6 * variance * math.sqrt(6 / draws)
