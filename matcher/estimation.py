"""Fitting a model to a partnership's own tokens, without truth.

The population comes first: how often strangers agree and how untidy records are, five numbers that move the
shipped model (`matcher.populations`); then u of every pattern, from how its pairs divide into within and
across agencies (`matcher.chance`). Both and the prior are then held fixed while EM (Dempster, Laird and
Rubin 1977) fits m over counted joint patterns, shrunk towards the moved model by a Dirichlet prior, so that
a partnership of a few hundred records works on its first day.

EM never sees pairs, only how many show each pattern: its time does not grow with the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from matcher.chance import estimate_u
from matcher.counts import CLASSES, WEAK, WHOLE, PatternCounts, found_by_identity, pairs_of_classes
from matcher.model import SMALLEST_M, Model, Probabilities
from matcher.patterns import PATTERN_SHAPE
from matcher.populations import SMALLEST_MATCHES, Population, estimate_population
from matcher.tokens import FloatArray
from matcher.views import View, told_apart

# Pseudo-counts: how much data it takes to move a shipped value half-way.
M_PSEUDO_MATCHES = 100.0


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model with its priors.

    Attributes:
        model: The fitted parameters, of levels as the run saw them.
        whole: The same of levels as a search with probes will show them.
        priors: Prior probability that a random pair is a match: within an agency, across agencies.
        iterations: EM steps taken.
        converged: Whether the last step moved no expected count by more than the tolerance; an
            iteration limit reached is not convergence.
    """

    model: Model
    whole: Model
    priors: tuple[float, float]
    iterations: int
    converged: bool


def fit(counts: PatternCounts, shipped: Model, view: View) -> Fit:
    """Fit a model: the population with its prior first, then chance, then m.

    Args:
        counts: Counted patterns of all candidate pairs.
        shipped: The model to start from and shrink to.
        view: What the run sees of a level.
    """
    population = estimate_population(counts, shipped, view)
    u = estimate_u(counts, population)
    first, _, _ = estimate_m(counts, population.model, u, population.priors)
    priors = estimate_priors(counts, population, first)
    joint, iterations, converged = estimate_m(counts, population.model, u, priors)
    matches = priors * counts.pairs.sum(axis=1)
    notes = {
        "candidate_pairs": int(counts.counts.sum()),
        "iterations": iterations,
        "converged": converged,
        "expected_matches": [round(float(m), 1) for m in matches],
        "moves": [round(float(move), 3) for move in population.moves],
    }
    whole = replace(population.whole, name="fitted", crowding_shape=0.0, notes=notes)
    return Fit(
        model=replace(view.seen(whole), joint=joint),
        whole=replace(whole, joint=told_apart(joint, whole, view)),
        priors=(float(priors[0]), float(priors[1])),
        iterations=iterations,
        converged=converged,
    )


def estimate_priors(
    counts: PatternCounts, population: Population, joint: Mapping[int, Probabilities]
) -> FloatArray:
    """Priors once chance is known pattern by pattern: matches met, and as many more as meet nowhere.

    Counted among records with whole dates and both initials, of whose pairs the fewest are never met.

    Returns:
        Shape (2,): within an agency, across agencies.
    """
    identity = counts.codes // int(np.prod(PATTERN_SHAPE[1:]))
    chosen = ((counts.availability & WHOLE) > 0) & found_by_identity()[identity]
    m, u = (np.asarray([getattr(joint[code], name) for code in counts.codes.tolist()]) for name in ("m", "u"))
    odds = (population.priors / (1 - population.priors))[:, None] * m[chosen] / u[chosen]
    met = (counts.counts[:, chosen] * odds / (1 + odds)).sum(axis=1)
    whole = counts.pairs[:, [one for one in range(CLASSES) if one & WHOLE]].sum(axis=1)
    # Less one, as in `matcher.populations`: one pair that chance hardly explains is no sign of matches.
    matches = np.maximum(met / population.share_met - 1, SMALLEST_MATCHES)
    return np.asarray(np.minimum(matches / np.maximum(whole, 1.0), 0.5), dtype=np.float64)


def estimate_m(
    counts: PatternCounts,
    model: Model,
    u: FloatArray,
    priors: FloatArray,
    *,
    tolerance: float = 1e-6,
    iteration_limit: int = 2000,
) -> tuple[dict[int, Probabilities], int, bool]:
    """EM for m over counted patterns, with u and the priors held fixed.

    Matches are conditioned on what could be compared (the availability class), so that a missing value
    weighs nothing.

    Returns:
        m and u by pattern code, EM steps taken, whether it converged.
    """
    shipped_m, _ = model.product(counts.codes)
    m = shipped_m.copy()
    classes = counts.availability
    odds_of_pair = priors / (1 - priors)
    supposed = (priors[:, None] * pairs_of_classes(counts.pairs)).sum(axis=0)
    # A date known by its year alone here is likelier to be so there, too: matches of two are more than the
    # prior says.
    weak = (classes & WEAK) > 0
    commoner = np.ones_like(m)
    previous = np.zeros_like(m)
    converged = False
    steps = 0
    while steps < iteration_limit and not converged:
        steps += 1
        odds = odds_of_pair[:, None] * m * commoner / u
        matches = (counts.counts * odds / (1 + odds)).sum(axis=0)
        found = np.bincount(classes, weights=matches, minlength=CLASSES)
        # The matches of a class that no search meets are in none of its patterns.
        in_class = np.maximum(found, supposed)[classes]
        commoner = np.where(weak, in_class / np.maximum(supposed[classes], SMALLEST_MATCHES), 1.0)
        m = (matches + M_PSEUDO_MATCHES * shipped_m) / (in_class + M_PSEUDO_MATCHES)
        m = np.clip(m, SMALLEST_M, 1.0)
        converged = bool(np.abs(matches - previous).max(initial=0) <= tolerance * max(1.0, matches.sum()))
        previous = matches
    joint = {
        int(code): Probabilities(float(m_p), float(u_p))
        for code, m_p, u_p in zip(counts.codes, m, u / commoner, strict=True)
    }
    return joint, steps, converged
