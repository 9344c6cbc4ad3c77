"""What kind of population it is: found again from counts drawn from one, and what gaps in records weigh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from matcher.counts import (
    CLASSES,
    NAMES,
    WEAK,
    WHOLE,
    PatternCounts,
    availability_of,
    pairs_of_classes,
    without_numbers,
)
from matcher.estimation import fit
from matcher.model import Model, shipped_model
from matcher.patterns import IDENTITY_COUNT, PATTERN_SHAPE, identity_id
from matcher.populations import SPREADS, estimate_population, moved
from matcher.schema import shipped_schema
from matcher.views import View

SCHEMA = shipped_schema(["dob", "initials"])
SHIPPED, VIEW = shipped_model(SCHEMA), View.of(SCHEMA, probes=True)
ABSENT = tuple(size - 1 for size in PATTERN_SHAPE[1:])
NAMES_OF_LEVELS = [identity_id(code) for code in range(IDENTITY_COUNT)]
WHOLE_LEVELS = [
    code
    for code, name in enumerate(NAMES_OF_LEVELS)
    if name.endswith("sounds=absent whole") and SHIPPED.identity[0, code] > 1e-3 and "none" not in name
]
NOT_MOVED = np.zeros(len(SPREADS))


def code_of(level: str) -> int:
    return int(np.ravel_multi_index((NAMES_OF_LEVELS.index(level), *ABSENT), PATTERN_SHAPE))


def expected(
    truth: Model, *, pairs: tuple[float, float], matches: tuple[float, float], seed: int = 3
) -> PatternCounts:
    """Poisson counts of a population whose records are all whole."""
    rng = np.random.default_rng(seed)
    codes = np.sort([code_of(NAMES_OF_LEVELS[level]) for level in WHOLE_LEVELS])
    m, u = truth.product(codes)
    counts = rng.poisson(np.outer(pairs, u) + np.outer(matches, m)).astype(float)
    by_class = np.zeros((2, CLASSES))
    by_class[:, WHOLE] = pairs
    return PatternCounts(codes, counts, by_class)


@pytest.mark.parametrize(
    ("pairs", "matches"),
    [
        pytest.param((2e7, 6e7), (10.0, 4000.0), id="four agencies"),
        pytest.param((8e6, 0.0), (9000.0, 0.0), id="one agency that holds people many times"),
    ],
)
@pytest.mark.parametrize("dates", [0.0, 1.5], ids=["clean dates", "wrong dates 4.5 times as often"])
def test_slips_and_strangers_are_told_apart(
    pairs: tuple[float, float], matches: tuple[float, float], dates: float
) -> None:
    """Both show initials beside another date; matches within 10 %, slips within a factor of 1.5."""
    truth = moved(SHIPPED, np.asarray([0.4, -0.3, 0.0, dates, 0.0]))
    found = estimate_population(expected(truth, pairs=pairs, matches=matches), SHIPPED, VIEW)
    assert (found.priors * pairs).sum() == pytest.approx(sum(matches), rel=0.10)
    assert found.moves[3] == pytest.approx(dates, abs=0.4)
    assert found.moves[:2] == pytest.approx([0.4, -0.3], abs=0.4)


def test_a_model_moved_by_nothing_is_the_shipped_one_and_m_keeps_its_sum() -> None:
    assert np.allclose(moved(SHIPPED, NOT_MOVED).identity, SHIPPED.identity)
    untidy = moved(SHIPPED, np.asarray([0.0, 0.0, 0.0, 2.0, 1.0]))
    rows = [code for code, name in enumerate(NAMES_OF_LEVELS) if name.endswith("sounds=absent whole")]
    assert untidy.identity[0, rows].sum() == pytest.approx(SHIPPED.identity[0, rows].sum(), rel=0.01)
    exact = NAMES_OF_LEVELS.index("date=exact initials=both sounds=absent whole")
    assert untidy.identity[0, exact] < SHIPPED.identity[0, exact]


def test_one_pair_that_chance_hardly_explains_is_no_sign_of_matches() -> None:
    """Two strangers may share everything; one pair alone is never sure, five are."""

    def with_pairs(number: float) -> float:
        counts = expected(SHIPPED, pairs=(1e5, 3e5), matches=(0.0, 0.0))
        exact = int(
            np.flatnonzero(counts.codes == code_of("date=exact initials=both sounds=absent whole"))[0]
        )
        counts.counts[:] = np.round(counts.pairs[:, [WHOLE]] * SHIPPED.product(counts.codes)[1])
        counts.counts[1, exact] = number
        fitted = fit(counts, SHIPPED, VIEW)
        m, u = fitted.model.probabilities(counts.codes[[exact]])
        odds = fitted.priors[1] * m[0] / u[0]
        return float(odds / (1 + odds))

    assert with_pairs(1) < 0.5
    assert with_pairs(40) > 0.95


def test_a_year_that_one_record_lacks_is_told_by_the_agencies_own_strangers() -> None:
    """How many pairs have the gap is not known; within agencies all of them are strangers."""
    truth = expected(SHIPPED, pairs=(2e7, 6e7), matches=(10.0, 4000.0))
    gap = code_of("date=year_missing initials=both sounds=absent incomplete")
    pairs = truth.pairs.copy()
    pairs[:, 0] = 5e6, 1.5e7
    order = np.argsort(np.r_[truth.codes, gap])
    counts = PatternCounts(
        np.r_[truth.codes, gap][order], np.c_[truth.counts, [30.0, 890.0]][:, order], pairs
    )
    fitted = fit(counts, SHIPPED, VIEW)
    m, u = fitted.model.probabilities(np.asarray([gap]))
    odds = fitted.priors[1] * m[0] / u[0]
    assert odds / (1 + odds) == pytest.approx(800 / 890, abs=0.04)


def test_placeholders_of_one_favourite_year_are_strangers() -> None:
    """A third of all records say 1 January 1970: year and initials agree 40 times as often as usual."""
    truth = expected(SHIPPED, pairs=(2e7, 6e7), matches=(10.0, 4000.0))
    weak = code_of("date=year initials=both sounds=absent incomplete")
    pairs = truth.pairs.copy()
    pairs[:, WEAK] = 2e6, 6e6
    order = np.argsort(np.r_[truth.codes, weak])
    seen = pairs[:, WEAK] * SHIPPED.same_initials
    counts = PatternCounts(
        np.r_[truth.codes, weak][order], np.c_[truth.counts, np.round(seen)][:, order], pairs
    )
    fitted = fit(counts, SHIPPED, VIEW)
    m, u = fitted.model.probabilities(np.asarray([weak]))
    assert fitted.priors[1] * m[0] / u[0] < 0.05


def test_pairs_of_two_weak_dates_can_show_what_other_gaps_leave() -> None:
    pairs = np.arange(CLASSES, dtype=float)
    possible = pairs_of_classes(pairs)
    assert possible[NAMES] == pairs[NAMES] + pairs[NAMES | WEAK]
    assert possible[WHOLE] == pairs[WHOLE]
    assert possible[WEAK] == pairs[WEAK]


def test_every_pattern_is_of_the_class_of_what_it_compares() -> None:
    levels = {
        "date=exact initials=both sounds=absent whole": WHOLE,
        "date=exact initials=both sounds=differ whole": WHOLE | NAMES,
        "date=year initials=both sounds=absent incomplete": WEAK,
        "date=year initials=none sounds=both incomplete": NAMES,
        "date=year_missing initials=both sounds=absent incomplete": 0,
        "date=exact names=same/same seen=stored": WHOLE | NAMES,
    }
    codes = np.asarray([code_of(level) for level in levels])
    assert availability_of(codes).tolist() == list(levels.values())


def test_pooling_over_numbers_keeps_every_pair() -> None:
    identity = NAMES_OF_LEVELS.index("date=exact initials=both sounds=absent whole")
    codes = np.asarray(
        [
            np.ravel_multi_index((identity, chain, 3, sex), PATTERN_SHAPE)
            for chain in range(4)
            for sex in (0, 1)
        ]
    )
    counts = PatternCounts(codes, np.arange(16.0).reshape(2, 8), np.ones((2, CLASSES)))
    pooled, of_pattern = without_numbers(counts, keep_sex=True)
    assert len(pooled.codes) == 2
    assert pooled.counts.sum() == counts.counts.sum()
    assert (of_pattern == np.tile([0, 1], 4)).all()
    assert pooled.pairs.sum() == counts.pairs.sum()
    bare, _ = without_numbers(replace(counts), keep_sex=False)
    assert len(bare.codes) == 1
