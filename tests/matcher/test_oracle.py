"""recordlinkage as the oracle: its ECM and its measures, where both they and ours apply.

Its ECM (Herzog, Scheuren and Winkler 2007) knows binary comparisons that are independent, and finds prior, m
and u together. Ours knows joint patterns, and finds m with prior and u given. Both apply to independent
binary comparisons when ours is given the prior and u that the ECM ended with: it must end with the ECM's m.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
import recordlinkage

from matcher.counts import CLASSES, PatternCounts, availability_of
from matcher.estimation import estimate_m
from matcher.evaluation import best_f1, measure
from matcher.model import Probabilities, shipped_model
from matcher.patterns import IDENTITY_COUNT, NUMBER_LEVELS, PATTERN_SHAPE, SEX_LEVELS, identity_id
from matcher.schema import shipped_schema

PAIRS, PRIOR = 200_000, 0.08
# Ours counts each pair a hundred times, so that its shrinkage to a shipped model plays no part.
SCALE = 100
M = {"identity": 0.92, "chain": 0.85, "nhs_number": 0.95, "sex": 0.97}
VECTORS = list(product((0, 1), repeat=4))
U = {"identity": 0.03, "chain": 0.02, "nhs_number": 0.01, "sex": 0.5}


def expected() -> pd.DataFrame:
    """Comparisons of pairs, in the numbers that independence among matches and others leads to expect.

    Not drawn at random: sampling noise falls on joint patterns and on independent fields in different ways,
    and would hide what is compared here.
    """
    rows = []
    for vector in VECTORS:
        m, u = (
            np.prod([p[n] if level else 1 - p[n] for n, level in zip(M, vector, strict=True)]) for p in (M, U)
        )
        rows += [vector] * round(PAIRS * (PRIOR * m + (1 - PRIOR) * u))
    index = pd.MultiIndex.from_arrays([np.arange(len(rows))] * 2)
    return pd.DataFrame(rows, columns=list(M), index=index)


def code_of(vector: tuple[int, ...]) -> int:
    """The joint pattern of a binary comparison vector: agree, or differ; for identity exact, or nothing."""
    ids = [identity_id(code) for code in range(IDENTITY_COUNT)]
    # Of one availability class, within which m is normalised.
    exact = ids.index("date=exact initials=both sounds=absent whole")
    other = ids.index("date=none initials=none sounds=absent whole")
    identity, chain, nhs_number, sex = vector
    numbers = [NUMBER_LEVELS.index("agree" if level else "differ") for level in (chain, nhs_number)]
    return int(
        np.ravel_multi_index(
            (exact if identity else other, *numbers, SEX_LEVELS.index("agree" if sex else "differ")),
            PATTERN_SHAPE,
        )
    )


@pytest.fixture(scope="module")
def oracle() -> tuple[recordlinkage.ECMClassifier, pd.DataFrame]:
    frame = expected()
    classifier = recordlinkage.ECMClassifier(atol=1e-8, max_iter=500)
    classifier.fit(frame)
    return classifier, frame


def ours(
    classifier: recordlinkage.ECMClassifier, frame: pd.DataFrame
) -> dict[tuple[int, ...], Probabilities]:
    """Our m by comparison vector, with the prior and u of the ECM, starting from even odds."""
    seen = frame.groupby(list(M)).size()
    u_of = {name: classifier.u_probs[name][1] for name in M}
    u = np.asarray(
        [np.prod([u_of[n] if level else 1 - u_of[n] for n, level in zip(M, v, strict=True)]) for v in VECTORS]
    )
    codes = np.asarray([code_of(vector) for vector in VECTORS])
    counts = np.asarray([[0.0] * len(VECTORS), [SCALE * float(seen.get(vector, 0)) for vector in VECTORS]])
    started = replace(
        shipped_model(shipped_schema(["dob", "initials", "chain"])),
        joint={},
        identity=np.full((2, IDENTITY_COUNT), 0.5),
        levels={
            "chain": {"agree": Probabilities(0.6, 0.1), "differ": Probabilities(0.4, 0.9)},
            "nhs_number": {"agree": Probabilities(0.6, 0.1), "differ": Probabilities(0.4, 0.9)},
            "sex": {"agree": Probabilities(0.6, 0.5), "differ": Probabilities(0.4, 0.5)},
        },
    )
    pairs = np.zeros((2, CLASSES))
    pairs[1, availability_of(codes)[0]] = SCALE * PAIRS
    patterns = PatternCounts(codes, counts, pairs)
    priors = np.asarray([classifier.p, classifier.p])
    joint, _, converged = estimate_m(patterns, started, u, priors, iteration_limit=5000)
    assert converged
    return {vector: joint[int(code)] for vector, code in zip(VECTORS, codes, strict=True)}


def test_the_ecm_itself_finds_what_the_data_were_drawn_from(
    oracle: tuple[recordlinkage.ECMClassifier, pd.DataFrame],
) -> None:
    """Else agreeing with it would mean little."""
    classifier, _ = oracle
    assert classifier.p == pytest.approx(PRIOR, rel=0.02)
    assert [classifier.m_probs[name][1] for name in M] == pytest.approx(list(M.values()), abs=0.01)


def test_our_m_of_each_comparison_is_the_ecms(
    oracle: tuple[recordlinkage.ECMClassifier, pd.DataFrame],
) -> None:
    """Within 0.01; ours is summed over the joint patterns in which the comparison agrees."""
    classifier, _ = oracle
    joint = ours(*oracle)
    total = sum(p.m for p in joint.values())
    for place, name in enumerate(M):
        found = sum(p.m for vector, p in joint.items() if vector[place]) / total
        assert found == pytest.approx(classifier.m_probs[name][1], abs=0.01), name


def test_our_posterior_of_each_pattern_is_the_ecms(
    oracle: tuple[recordlinkage.ECMClassifier, pd.DataFrame],
) -> None:
    """Within 0.03 where a pattern is no rarity, and 0.5 % of all matches in total."""
    classifier, frame = oracle
    theirs = (
        frame.assign(posterior=classifier.prob(frame)).groupby(list(M))["posterior"].agg(["mean", "size"])
    )
    joint = ours(*oracle)
    off = 0.0
    for vector, (mean, size) in theirs.iterrows():
        p = joint[vector]
        odds = classifier.p / (1 - classifier.p) * p.m / p.u
        gap = abs(odds / (1 + odds) - mean)
        off += gap * size
        assert gap < 0.03 or size < 300
    assert off < 0.005 * PRIOR * PAIRS


def test_our_measures_are_those_of_recordlinkage() -> None:
    rng = np.random.default_rng(5)
    is_match = rng.random(2000) < 0.2
    posterior = np.clip(rng.normal(np.where(is_match, 0.7, 0.3), 0.2), 0, 1)
    index = pd.MultiIndex.from_arrays([np.arange(2000), np.arange(2000)])
    missed = pd.MultiIndex.from_arrays([np.arange(5000, 5030), np.arange(5000, 5030)])
    true_links = index[is_match].append(missed)
    for threshold in (0.3, 0.5, 0.7):
        said = posterior >= threshold
        found = measure(said, is_match, len(true_links))
        assert found.precision == pytest.approx(recordlinkage.precision(true_links, index[said]))
        assert found.recall == pytest.approx(recordlinkage.recall(true_links, index[said]))
        assert found.f1 == pytest.approx(recordlinkage.fscore(true_links, index[said]))
    best = best_f1(posterior, is_match, len(true_links))
    assert best.measure.f1 == pytest.approx(
        recordlinkage.fscore(true_links, index[posterior >= best.threshold])
    )
