"""What stored slots show without probes: held to what pairs of people do show, asked and not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from matcher.candidates import Meetings, stored_meetings
from matcher.counts import CLASSES, NAMES, WHOLE, PatternCounts
from matcher.estimation import fit
from matcher.model import Probabilities, shipped_model
from matcher.patterns import (
    IDENTITY_COUNT,
    PATTERN_SHAPE,
    GradedIdentity,
    PlainIdentity,
    code_of,
    compare,
    identity_id,
    identity_of,
)
from matcher.populations import estimate_population, moved
from matcher.schema import FIELDS, LinkageSchema, shipped_schema
from matcher.views import View, told_apart
from node.identifiers import Identifiers
from tests.matcher.factories import all_meetings, tokens_of
from tests.strategies import pairs_of_people

EVERYTHING = shipped_schema(FIELDS)
INITIALS = shipped_schema(["dob", "initials", "chain", "nhs_number", "sex"])
ASKED, STORED = View.of(EVERYTHING, probes=True), View.of(EVERYTHING, probes=False)
SHIPPED = shipped_model(EVERYTHING)
NO_NUMBERS = tuple(size - 1 for size in PATTERN_SHAPE[1:])
NOTHING = code_of(PlainIdentity("none", "none", "differ", comparable=True))


def pattern(level: int, *, chain: int = NO_NUMBERS[0]) -> int:
    return int(np.ravel_multi_index((level, chain, *NO_NUMBERS[1:]), PATTERN_SHAPE))


def shown(schema: LinkageSchema, *people: Identifiers, probes: bool) -> int | None:
    """Pattern of two people; None where nothing meets."""
    records = [[one] for one in people]
    tokens = tokens_of(schema, records)
    stored = Meetings.concatenate(stored_meetings(schema, tokens))
    met = all_meetings(schema, tokens, records) if probes else stored
    pairs = compare(schema, tokens, tokens, met)
    return int(pairs.pattern[0]) if len(pairs) else None


@pytest.mark.parametrize("schema", [EVERYTHING, INITIALS], ids=["names", "initials"])
@settings(max_examples=150, deadline=None)
@given(people=pairs_of_people())
def test_without_probes_a_pair_shows_what_the_view_says(
    schema: LinkageSchema, people: tuple[Identifiers, Identifiers]
) -> None:
    """Of whole records; a pair that nothing but a probe finds is one that agrees on nothing."""
    with_probes, without = (shown(schema, *people, probes=probes) for probes in (True, False))
    if with_probes is None:
        assert without is None
        return
    view = View.of(schema, probes=False)
    identity, chain, *_ = np.unravel_index(with_probes, PATTERN_SHAPE)
    level = identity_of(int(identity))
    if isinstance(level, PlainIdentity) and not level.comparable:
        return
    if without is None:
        assert view.identity[identity] == code_of(
            PlainIdentity("none", "none", _sounds_of_nothing(level), comparable=True)
        )
        return
    seen_identity, seen_chain, *_ = np.unravel_index(without, PATTERN_SHAPE)
    assert identity_id(int(seen_identity)) == identity_id(int(view.identity[identity]))
    assert seen_chain == view.chain[chain]


def _sounds_of_nothing(level: PlainIdentity | GradedIdentity) -> str:
    return "absent" if isinstance(level, PlainIdentity) and level.sounds == "absent" else "differ"


def test_with_probes_every_level_is_itself() -> None:
    assert ASKED.identity.tolist() == list(range(IDENTITY_COUNT))
    assert ASKED.seen(SHIPPED).identity.tolist() == SHIPPED.identity.tolist()


def test_levels_that_look_alike_are_shown_as_often_as_all_of_them() -> None:
    sounds = code_of(PlainIdentity("day_differs", "none", "both", comparable=True))
    both = code_of(PlainIdentity("day_differs", "both", "both", comparable=True))
    seen = STORED.seen(SHIPPED).identity
    assert STORED.identity[both] == sounds
    assert seen[:, sounds] == pytest.approx(SHIPPED.identity[:, sounds] + SHIPPED.identity[:, both])
    chain = STORED.seen(SHIPPED).levels["chain"]
    assert chain["differ"].m == pytest.approx(0.06) and "partial" not in chain


def test_what_was_fitted_is_divided_as_the_whole_model_has_it() -> None:
    """The parts sum to what was fitted, their weights differ by as much as the whole model's."""
    sounds = code_of(PlainIdentity("day_differs", "none", "both", comparable=True))
    parts = [sounds, code_of(PlainIdentity("day_differs", "both", "both", comparable=True))]
    apart = told_apart({pattern(sounds): Probabilities(0.02, 3e-7)}, SHIPPED, STORED)
    assert set(apart) == {pattern(part) for part in parts}
    assert sum(one.m for one in apart.values()) == pytest.approx(0.02)
    assert sum(one.u for one in apart.values()) == pytest.approx(3e-7)
    fitted = replace(SHIPPED, joint=apart).weights(np.asarray([pattern(part) for part in parts]))
    before = SHIPPED.weights(np.asarray([pattern(part) for part in parts]))
    assert fitted[1] - fitted[0] == pytest.approx(before[1] - before[0])


def test_of_gaps_that_probes_bridge_nothing_is_told() -> None:
    """Two weak dates met; a probe will meet a weak date with a whole one."""
    bridged = code_of(PlainIdentity("year", "none", "both", comparable=False))
    weak = code_of(PlainIdentity("year", "both", "both", comparable=False))
    fitted = {pattern(level): Probabilities(0.5, 1e-6) for level in (bridged, weak)}
    assert set(told_apart(fitted, SHIPPED, STORED)) == {pattern(weak)}


def counted(moves: np.ndarray, view: View, *, seed: int) -> PatternCounts:
    """Poisson counts of whole, named records as a run sees them: 2e8 and 1.6e9 pairs, 21,000 matches."""
    pairs, matches = np.asarray([2e8, 1.6e9]), np.asarray([1000.0, 20_000.0])
    truth = view.seen(moved(SHIPPED, moves))
    levels = [
        level
        for level in np.unique(view.identity).tolist()
        if level != NOTHING and identity_id(level).endswith(("whole", "stored", "asked"))
        and "sounds=absent" not in identity_id(level) and SHIPPED.identity[0, level] > 3e-5
    ]  # fmt: skip
    codes = np.asarray([pattern(level) for level in levels], np.int64)
    m, u = truth.identity[:, levels]
    counts = np.random.default_rng(seed).poisson(np.outer(pairs, u) + np.outer(matches, m)).astype(float)
    kept = counts.sum(axis=0) > 0
    by_class = np.zeros((2, CLASSES))
    by_class[:, WHOLE | NAMES] = pairs
    return PatternCounts(codes[kept], counts[:, kept], by_class)


@pytest.mark.parametrize("view", [ASKED, STORED], ids=["probes", "stored slots alone"])
def test_the_population_is_found_from_what_the_run_sees(view: View) -> None:
    """Names commoner than usual, dates untidier; matches are found within a tenth."""
    moves = np.asarray([0.0, 0.0, 0.9, 0.8, 0.0])
    found = estimate_population(counted(moves, view, seed=5), SHIPPED, view)
    assert (found.priors * [2e8, 1.6e9]).sum() == pytest.approx(21_000, rel=0.1)
    assert found.moves[2] == pytest.approx(0.9, abs=0.5)
    assert found.moves[3] == pytest.approx(0.8, abs=0.4)


def test_a_fit_without_probes_weighs_what_probes_will_show() -> None:
    """Near misses by sound are counted without their initials, and weighed with them."""
    moves = np.asarray([0.0, 0.0, 0.9, 0.8, 0.0])
    truth = moved(SHIPPED, moves)
    fitted = fit(counted(moves, STORED, seed=6), SHIPPED, STORED)
    for level in ("year_differs", "month_differs", "day_differs"):
        code = pattern(code_of(PlainIdentity(level, "both", "both", comparable=True)))
        assert code not in fitted.model.joint and code in fitted.whole.joint
        assert fitted.whole.weights(np.asarray([code])) == pytest.approx(
            truth.weights(np.asarray([code])), abs=1.0
        )
