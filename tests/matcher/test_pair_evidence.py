"""Why a pair has its posterior: the prior and the steps add up, and each says what it is."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from matcher.linking import LinkingRun, link
from matcher.lookups import Explanation
from matcher.model import shipped_model
from matcher.pair_evidence import explain_pair
from matcher.schema import shipped_schema
from matcher.tokens import IntArray
from matcher.weights import posteriors
from node.identifiers import Identifiers
from tests.matcher.factories import all_meetings, county, person, tokens_of

SCHEMA = shipped_schema(["dob", "initials", "chain", "sex", "area"])
ONE = person("1951-07-13", initials="qx", chain="700100", sex="f")
Records = list[list[Identifiers]]


def run_of(
    more: Records, agencies: list[int], areas: list[int]
) -> tuple[LinkingRun, IntArray, IntArray, int]:
    """A run over a county and some more records: the run, agency and area of each, the first one's number."""
    records, agency, who = county(people=800, agencies=3, shared=0.4, seed=8)
    agency = np.r_[agency, agencies]
    area = np.r_[who % 3, areas]
    records = [*records, *more]
    tokens = tokens_of(SCHEMA, records, area=area.tolist())
    met = all_meetings(SCHEMA, tokens, records)
    run = link(SCHEMA, tokens, met, agency=agency, shipped=shipped_model(SCHEMA), probes=True)
    return run, agency, area, len(records) - len(more)


def explained(run: LinkingRun, agency: IntArray, area: IntArray, left: int, right: int) -> Explanation:
    (row,) = np.flatnonzero((run.pairs.left == left) & (run.pairs.right == right)).tolist()
    return explain_pair(run.pairs, run.parameters, row, agency=agency, area=area)


def steps_of(explanation: Explanation) -> dict[str, tuple[str, float]]:
    return {step.comparison: (step.level, step.weight) for step in explanation.steps}


def test_prior_and_steps_add_up_to_the_posterior_of_every_pair() -> None:
    run, agency, area, _ = run_of([[ONE], [replace(ONE, chain=None)]], [0, 1], [0, 1])
    for row in range(0, len(run.pairs.left), 7):
        found = explain_pair(run.pairs, run.parameters, row, agency=agency, area=area)
        bits = found.prior_bits + sum(step.weight for step in found.steps)
        # Steps below 0.005 bits are not shown: rivals and initials at most.
        assert posteriors(np.asarray([bits]))[0] == pytest.approx(found.posterior, abs=0.004)
        assert found.posterior == run.pairs.posterior[row]


def test_initials_that_many_people_share_are_a_step_that_adds_up_too() -> None:
    records, agency, who = county(people=2500, agencies=3, shared=0.3, seed=21)
    rng = random.Random(21)
    records[::2] = [
        [replace(one, forename_initial=rng.choice("jmd"), surname_initial=rng.choice("sbh"))]
        for (one,) in records[::2]
    ]
    area = who % 3
    tokens = tokens_of(SCHEMA, records, area=area.tolist())
    met = all_meetings(SCHEMA, tokens, records)
    run = link(SCHEMA, tokens, met, agency=agency, shipped=shipped_model(SCHEMA), probes=True)
    levels = set()
    for row in range(0, len(run.pairs.left), 29):
        found = explain_pair(run.pairs, run.parameters, row, agency=agency, area=area)
        bits = found.prior_bits + sum(step.weight for step in found.steps)
        assert posteriors(np.asarray([bits]))[0] == pytest.approx(found.posterior, abs=0.004)
        levels |= {step.level for step in found.steps if step.comparison == "initials"}
    assert levels == {"common", "rare"}


def test_two_records_that_fit_equally_well_take_a_bit_from_each_other() -> None:
    rivals: Records = [
        [replace(ONE, chain=None)],
        [replace(ONE, chain="811311")],
        [replace(ONE, chain="922533")],
    ]
    run, agency, area, n = run_of(rivals, [0, 1, 1], [0, 0, 0])
    for rival in (n + 1, n + 2):
        level, weight = steps_of(explained(run, agency, area, n, rival))["rivals"]
        assert level == "others" and weight < -1


def test_standing_alone_speaks_for_a_pair_of_agencies_that_share_people() -> None:
    run, agency, area, n = run_of([[ONE], [replace(ONE, chain=None)]], [0, 1], [0, 0])
    level, weight = steps_of(explained(run, agency, area, n, n + 1))["rivals"]
    assert level == "alone" and 0 < weight < 6.7


def test_area_is_a_step_where_it_can_tell_anything() -> None:
    pair: Records = [[ONE], [replace(ONE, chain=None)]]
    run, agency, area, n = run_of(pair, [0, 1], [0, 0])
    level, same = steps_of(explained(run, agency, area, n, n + 1))["area"]
    assert level == "agree" and same > 0
    run, agency, area, n = run_of(pair, [0, 1], [0, 2])
    level, other = steps_of(explained(run, agency, area, n, n + 1))["area"]
    assert level == "differ" and other < 0
    run, agency, area, n = run_of(pair, [0, 1], [0, -1])
    assert "area" not in steps_of(explained(run, agency, area, n, n + 1))


def test_inside_an_agency_nobody_is_a_rival() -> None:
    run, agency, area, n = run_of([[ONE], [ONE], [ONE]], [1, 1, 1], [0, 0, 0])
    for pair in ((n, n + 1), (n, n + 2), (n + 1, n + 2)):
        assert "rivals" not in steps_of(explained(run, agency, area, *pair))
