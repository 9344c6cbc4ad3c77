"""Weights and posteriors: arithmetic that can be checked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.weights import (
    area_weight,
    log_odds,
    match_weight,
    posterior,
    posteriors,
    set_posterior,
    set_posteriors,
)

probability = st.floats(1e-6, 1 - 1e-6)
bits = st.floats(-40, 40)


def test_a_match_weight_is_the_logarithm_of_m_over_u() -> None:
    assert match_weight(0.9, 0.9 / 1024) == pytest.approx(10)
    assert match_weight(0.01, 0.64) == pytest.approx(-6)
    assert match_weight(0.3, 0.3) == 0


@given(p=probability)
def test_log_odds_go_there_and_back(p: float) -> None:
    assert float(posteriors(np.asarray([log_odds(p)]))[0]) == pytest.approx(p, rel=1e-9)


@given(p=probability)
def test_no_evidence_leaves_the_prior(p: float) -> None:
    assert posterior(p, 0.0) == pytest.approx(p, rel=1e-9)


@given(p=probability, one=bits, other=bits)
def test_the_posterior_rises_with_the_weight(p: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert posterior(p, low) <= posterior(p, high)


@given(p=probability, one=bits, other=bits)
def test_weights_of_two_comparisons_add(p: float, one: float, other: float) -> None:
    after_one = min(max(posterior(p, one), 1e-12), 1 - 1e-12)
    if 1e-6 < after_one < 1 - 1e-6:
        assert posterior(after_one, other) == pytest.approx(posterior(p, one + other), rel=1e-6)


def test_the_posterior_is_bayes_rule() -> None:
    prior, m, u = 0.001, 0.95, 0.0001
    expected = prior * m / (prior * m + (1 - prior) * u)
    assert posterior(prior, match_weight(m, u)) == pytest.approx(expected)


def test_extreme_log_odds_neither_overflow_nor_leave_the_unit_interval() -> None:
    assert posteriors(np.asarray([-1e6, -1100.0, 0.0, 1100.0, 1e6])).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


@given(
    known=probability, ratios=st.lists(st.floats(-20, 20), min_size=1, max_size=6), size=st.integers(6, 10**6)
)
def test_the_set_posterior_is_the_direct_formula(known: float, ratios: list[float], size: int) -> None:
    """P(record i) = (pi/N) LR_i / ((1 - pi) + sum of (pi/N) LR_j)."""
    terms = [known / size * 2**ratio for ratio in ratios]
    expected = [term / (1 - known + sum(terms)) for term in terms]
    found = set_posterior(np.asarray([log_odds(known) - math.log2(size) + ratio for ratio in ratios]))
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


@given(odds=st.lists(st.floats(-2000, 2000), max_size=6))
def test_a_set_posterior_is_a_probability_that_leaves_room_for_nobody(odds: list[float]) -> None:
    found = set_posterior(np.asarray(odds))
    assert np.isfinite(found).all() and (found >= 0).all()
    assert found.sum() <= 1 + 1e-12
    if odds and max(odds) < 40:
        assert found.sum() < 1


@given(sets=st.lists(st.lists(st.floats(-2000, 2000), min_size=1, max_size=4), max_size=5))
def test_many_sets_at_once_are_each_set_by_itself(sets: list[list[float]]) -> None:
    first = np.cumsum([0, *map(len, sets)], dtype=np.int64)[: len(sets)]
    together = set_posteriors(np.asarray([odds for one in sets for odds in one]), first)
    assert together.tolist() == pytest.approx([set_posterior(np.asarray(one)).sum() for one in sets])


def test_three_equal_records_make_the_agency_sure_and_none_of_them_above_a_third() -> None:
    found = set_posterior(np.full(3, 12.0))
    assert found.sum() > 0.999
    assert found.tolist() == pytest.approx([1 / 3] * 3, abs=1e-3)
    assert found.max() < 1 / 3


def test_nobody_in_the_set_is_nobody() -> None:
    assert set_posterior(np.zeros(0)).tolist() == []


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_area_weighs_nothing_where_chance_leaves_no_choice(chance: float) -> None:
    same = chance == 1.0
    assert area_weight(same, chance, 12.0) == pytest.approx(0.0)


@given(chance=st.floats(0.01, 0.99), odds=st.floats(1.01, 1e4))
def test_the_same_area_speaks_for_a_match_and_another_against(chance: float, odds: float) -> None:
    assert area_weight(True, chance, odds) > 0 > area_weight(False, chance, odds)


@given(chance=st.floats(0.0, 1.0), odds=st.floats(0.01, 1e4))
def test_area_speaks_against_a_match_on_average_under_chance(chance: float, odds: float) -> None:
    """Jensen: E[log2 LR] <= log2 E[LR] = 0 among non-matches; and the likelihood ratios average to 1."""
    same, other = area_weight(True, chance, odds), area_weight(False, chance, odds)
    assert chance * same + (1 - chance) * other <= 1e-9
    assert chance * 2**same + (1 - chance) * 2**other == pytest.approx(1)
