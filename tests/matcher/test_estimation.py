"""Estimation on counts drawn from parameters that are known: they must be found again."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from matcher.counts import CLASSES, PatternCounts, availability_of
from matcher.estimation import estimate_m, fit
from matcher.model import Model, Probabilities, shipped_model
from matcher.patterns import (
    IDENTITY_COUNT,
    NUMBER_LEVELS,
    PATTERN_SHAPE,
    SEX_LEVELS,
    GradedIdentity,
    identity_of,
)
from matcher.populations import estimate_population
from matcher.schema import SOUND_LEVELS, shipped_schema
from matcher.views import View

SCHEMA = shipped_schema(["dob", "initials", "chain"])
SHIPPED, VIEW = shipped_model(SCHEMA), View.of(SCHEMA, probes=True)
# Pairs within and across agencies: about 40,000 records at eight agencies.
PAIRS = (1e8, 7e8)
MATCHES = (200.0, 20_000.0)
NOBODY = (0.0, 0.0)


def candidate_codes(*, by_number_alone: bool) -> np.ndarray:
    """Patterns that a search finds where both have whole dates, initials and a CHAIN number.

    Those that only the number finds (nothing of date and initials in common) may be left out.
    """
    codes = []
    for identity in range(IDENTITY_COUNT):
        level = identity_of(identity)
        if isinstance(level, GradedIdentity) or not level.comparable or level.sounds != SOUND_LEVELS[-1]:
            continue
        if SHIPPED.identity[0, identity] < 1e-3:
            continue
        nothing = (level.date, level.initials) == ("none", "none")
        if nothing and not by_number_alone:
            continue
        for chain in ("agree", "partial") if nothing else ("agree", "partial", "differ"):
            levels = (
                identity,
                NUMBER_LEVELS.index(chain),
                NUMBER_LEVELS.index("absent"),
                len(SEX_LEVELS) - 1,
            )
            codes.append(int(np.ravel_multi_index(levels, PATTERN_SHAPE)))
    return np.sort(np.asarray(codes, np.int64))


CODES = candidate_codes(by_number_alone=False)
EVERY_CODE = candidate_codes(by_number_alone=True)


def another_truth(*, initials: float = 1.0, year: float = 1.0) -> Model:
    """A population unlike the shipped one: worse CHAIN numbers, and other chances of agreement."""
    identity = SHIPPED.identity.copy()
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        if isinstance(level, GradedIdentity):
            continue
        of_year = 1.0 if level.date in ("none", "year_differs", "year_missing") else year
        of_initials = {"both": initials, "swapped": initials, "none": 1.0}.get(level.initials, initials**0.5)
        identity[1, code] *= of_year * of_initials
    chain = {
        "agree": Probabilities(0.80, 1e-6),
        "partial": Probabilities(0.08, 1e-5),
        "differ": Probabilities(0.12, 1.0),
    }
    return replace(SHIPPED, identity=identity, levels=dict(SHIPPED.levels) | {"chain": chain})


def counted(
    truth: Model,
    *,
    matches: tuple[float, float] = MATCHES,
    pairs: tuple[float, float] = PAIRS,
    codes: np.ndarray = CODES,
) -> PatternCounts:
    """Counts of a population with these parameters: multinomial matches, Poisson strangers."""
    rng = np.random.default_rng(1)
    m, u = truth.product(codes)
    shares = np.r_[m, max(0.0, 1 - m.sum())]
    counts = np.stack(
        [
            rng.multinomial(int(matched), shares / shares.sum())[:-1]
            + rng.poisson((pairs_there - matched) * u)
            for matched, pairs_there in zip(matches, pairs, strict=True)
        ]
    ).astype(float)
    by_class = np.zeros((2, CLASSES))
    by_class[:, availability_of(codes)[0]] = pairs
    return PatternCounts(codes, counts, by_class)


def test_all_patterns_of_the_generated_data_are_of_one_availability_class() -> None:
    assert len(np.unique(availability_of(CODES))) == 1
    assert len(CODES) > 20


def test_the_prior_is_recovered() -> None:
    """Within 3 % across agencies, and 20 % within, where one match in a hundred is."""
    fitted = fit(counted(SHIPPED), SHIPPED, VIEW)
    assert fitted.priors[1] == pytest.approx(MATCHES[1] / PAIRS[1], rel=0.03)
    assert fitted.priors[0] == pytest.approx(MATCHES[0] / PAIRS[0], rel=0.20)


def test_the_prior_is_near_where_numbers_are_worse_than_the_shipped_model_says() -> None:
    """Within 20 % (0.3 bits): the share of matches that are strong is taken from the shipped model."""
    fitted = fit(counted(another_truth()), SHIPPED, VIEW)
    assert fitted.priors[1] == pytest.approx(MATCHES[1] / PAIRS[1], rel=0.20)
    assert fitted.priors[0] == pytest.approx(MATCHES[0] / PAIRS[0], rel=0.30)


def test_m_is_recovered() -> None:
    """Within 2 % and four standard errors; where strangers outnumber matches, within three errors of counting
    the strangers to be taken off, who are told by those within agencies.
    """
    truth = another_truth()
    fitted = fit(counted(truth), SHIPPED, VIEW)
    m, u = truth.product(CODES)
    found = np.asarray([fitted.model.joint[int(code)].m for code in CODES])
    clear = MATCHES[1] * m > PAIRS[1] * u
    assert clear.sum() >= 10
    error = 0.02 * m + 4 * np.sqrt(m / MATCHES[1])
    assert (np.abs(found - m) < error)[clear].all()
    strangers = 3 * np.sqrt(PAIRS[0] * u) * PAIRS[1] / PAIRS[0] / MATCHES[1] + 0.001
    assert (np.abs(found - m) < strangers)[~clear].all()


def test_u_is_recovered_where_strangers_are_counted() -> None:
    """Within 15 % where strangers outnumber matches among 1,000 pairs or more."""
    truth = another_truth()
    counts = counted(truth)
    fitted = fit(counts, SHIPPED, VIEW)
    m, u = truth.product(CODES)
    mostly_chance = (PAIRS[1] * u > 1000) & (PAIRS[1] * u > MATCHES[1] * m)
    assert mostly_chance.sum() >= 5
    found = np.asarray([fitted.model.joint[int(code)].u for code in CODES])
    assert np.allclose(found[mostly_chance], u[mostly_chance], rtol=0.15)


def test_posteriors_of_patterns_are_those_of_the_truth() -> None:
    """Expected matches of patterns that 50 pairs or more show: off by 5 % of all matches in total."""
    truth = another_truth()
    counts = counted(truth)
    fitted = fit(counts, SHIPPED, VIEW)

    def expected(model: Model, prior: float) -> np.ndarray:
        m, u = model.probabilities(CODES)
        return np.asarray(counts.counts[1] * prior * m / (prior * m + (1 - prior) * u))

    shown = counts.counts[1] >= 50
    there = expected(truth, MATCHES[1] / PAIRS[1])[shown]
    found = expected(fitted.model, fitted.priors[1])[shown]
    assert np.abs(there - found).sum() < 0.05 * MATCHES[1]


@pytest.mark.parametrize(
    ("initials", "year"),
    [
        pytest.param(2.0, 1.0, id="initials agree twice as often"),
        pytest.param(0.5, 1.0, id="initials agree half as often"),
        pytest.param(1.0, 2.0, id="years agree twice as often"),
        pytest.param(1.0, 0.5, id="years agree half as often"),
        pytest.param(2.0, 0.5, id="one twice, the other half as often"),
    ],
)
def test_the_chance_of_agreement_is_recovered_where_the_shipped_one_is_off_by_two(
    initials: float, year: float
) -> None:
    """Within 10 %, by counting near misses."""
    counts = counted(another_truth(initials=initials, year=year))
    scaled = estimate_population(counts, SHIPPED, VIEW).model
    assert scaled.same_initials == pytest.approx(SHIPPED.same_initials * initials, rel=0.10)
    assert scaled.same_year == pytest.approx(SHIPPED.same_year * year, rel=0.10)
    exact = np.flatnonzero(SHIPPED.identity[0] > 0.5)[0]
    assert scaled.identity[1, exact] / SHIPPED.identity[1, exact] == pytest.approx(initials * year, rel=0.15)


def test_data_without_a_match_have_nearly_none() -> None:
    """Fewer than ten in 800 million pairs, and no pattern anybody showed is a likely match."""
    counts = counted(another_truth(), matches=NOBODY)
    fitted = fit(counts, SHIPPED, VIEW)
    assert (np.asarray(fitted.priors) * PAIRS).sum() < 10
    m, u = fitted.model.probabilities(CODES)
    prior = fitted.priors[1]
    posterior = prior * m / (prior * m + (1 - prior) * u)
    shown = counts.counts.sum(axis=0) >= 3
    assert posterior[shown].max() < 0.5
    assert (posterior * counts.counts.sum(axis=0)).sum() < 10


def test_one_agency_alone_is_fitted_without_dividing_by_nothing() -> None:
    counts = counted(another_truth(), matches=(200.0, 0.0), pairs=(1e8, 0.0))
    fitted = fit(counts, SHIPPED, VIEW)
    assert np.isfinite(fitted.priors).all()
    assert 0 < fitted.priors[0] < 1e-5
    assert all(0 < p.m <= 1 and 0 < p.u <= 1 for p in fitted.model.joint.values())


@pytest.mark.parametrize("pairs", [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 2.0)])
def test_next_to_no_data_leave_the_shipped_model(pairs: tuple[float, float]) -> None:
    empty = PatternCounts(np.zeros(0, np.int64), np.zeros((2, 0)), np.full((2, CLASSES), pairs[0]))
    fitted = fit(empty, SHIPPED, VIEW)
    assert fitted.model.joint == {}
    assert (fitted.model.identity == SHIPPED.identity).all()
    assert np.isfinite(fitted.priors).all()


def test_a_pattern_shown_by_a_handful_keeps_near_the_shipped_m() -> None:
    """A hundred matches move a shipped value half-way: five hardly do."""
    few = counted(another_truth(), matches=(0.0, 5.0), pairs=(1e4, 7e4))
    fitted = fit(few, SHIPPED, VIEW)
    m, _ = SHIPPED.product(CODES)
    found = np.asarray([fitted.model.joint[int(code)].m for code in CODES])
    assert np.allclose(found, m, atol=0.06)


def em(counts: PatternCounts, *, iteration_limit: int) -> tuple[dict[int, Probabilities], int, bool]:
    _, u = SHIPPED.product(counts.codes)
    priors = np.asarray(MATCHES) / np.asarray(PAIRS)
    return estimate_m(counts, SHIPPED, u, priors, iteration_limit=iteration_limit)


def test_em_says_truthfully_whether_it_converged() -> None:
    counts = counted(another_truth(), codes=EVERY_CODE)
    run = partial(em, counts)
    _, steps, converged = run(iteration_limit=2000)
    assert converged and 1 < steps < 2000
    assert run(iteration_limit=1)[1:] == (1, False)
    assert run(iteration_limit=steps - 1)[1:] == (steps - 1, False)


def test_a_converged_em_stays_where_it_is() -> None:
    counts = counted(another_truth(), codes=EVERY_CODE)
    joint, steps, _ = em(counts, iteration_limit=2000)
    longer, _, _ = em(counts, iteration_limit=steps + 200)
    assert joint == longer


def test_the_fit_reports_what_em_reported() -> None:
    fitted = fit(counted(another_truth()), SHIPPED, VIEW)
    assert fitted.converged
    assert fitted.model.notes["converged"] is True
    assert fitted.model.notes["iterations"] == fitted.iterations


def test_no_m_becomes_a_veto() -> None:
    """CHAIN without an error in the training data may still be wrong tomorrow."""
    spotless = replace(
        another_truth(),
        levels=dict(SHIPPED.levels)
        | {
            "chain": {
                "agree": Probabilities(0.999998, 1e-6),
                "partial": Probabilities(1e-6, 1e-5),
                "differ": Probabilities(1e-6, 1.0),
            }
        },
    )
    fitted = fit(counted(spotless), SHIPPED, VIEW)
    assert min(p.m for p in fitted.model.joint.values()) >= 2e-5


def test_em_does_not_grow_with_the_number_of_pairs() -> None:
    """Ten million candidate pairs in under a second: only patterns are looked at."""
    counts = counted(another_truth(), codes=EVERY_CODE)
    many = replace(counts, counts=counts.counts * (1e7 / counts.counts.sum()))
    started = time.perf_counter()
    fit(many, SHIPPED, VIEW)
    assert time.perf_counter() - started < 1.0
