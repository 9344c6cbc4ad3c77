"""Why a pair of records has the posterior it has: the steps from the prior to it, in bits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from matcher.lookups import Explanation, Step, explain_pattern
from matcher.patterns import PairPatterns
from matcher.scoring import LinkingParameters, RecordPairs, compare_areas, rival_odds, score_terms
from matcher.tokens import IntArray

# Steps that round to nothing are not shown.
SMALLEST_SHOWN_BITS = 0.005


def explain_pair(
    pairs: RecordPairs, parameters: LinkingParameters, row: int, *, agency: IntArray, area: IntArray
) -> Explanation:
    """One scored pair's prior and weights, comparison by comparison, and its posterior."""
    return explain_pairs(pairs, parameters, [row], agency=agency, area=area)[0]


def explain_pairs(
    pairs: RecordPairs,
    parameters: LinkingParameters,
    rows: Sequence[int],
    *,
    agency: IntArray,
    area: IntArray,
) -> list[Explanation]:
    """The priors and weights of scored pairs, comparison by comparison, and their posteriors.

    The prior and the steps add up to the log odds of the posterior.

    Args:
        pairs: All scored pairs.
        parameters: What they were scored by.
        rows: Which of them.
        agency, area: Of each record, shape (records,); area -1 = absent.
    """
    compared = PairPatterns(pairs.left, pairs.right, pairs.pattern)
    # What stands against each pair is worked out over all of them: once.
    rivals = -np.log2(rival_odds(compared, pairs.log_odds, parameters.known, agency=agency))
    return [_explain(pairs, parameters, row, float(rivals[row]), agency=agency, area=area) for row in rows]


def _explain(
    pairs: RecordPairs,
    parameters: LinkingParameters,
    row: int,
    rivals: float,
    *,
    agency: IntArray,
    area: IntArray,
) -> Explanation:
    one = PairPatterns(*(column[row : row + 1] for column in (pairs.left, pairs.right, pairs.pattern)))
    terms = score_terms(one, parameters, agency=agency, area=area)
    weight = float(parameters.model.weights(one.pattern)[0])
    steps = list(explain_pattern(parameters.model, int(pairs.pattern[row]), weight=weight))
    initials = float(terms.initials[0])
    if abs(initials) >= SMALLEST_SHOWN_BITS:
        steps.append(Step("initials", "rare" if initials > 0 else "common", initials))
    at = int(one.left[0]), int(one.right[0])
    chance = parameters.same_area[agency[at[0]], agency[at[1]]]
    informative, same = compare_areas(area[at[0]], area[at[1]], chance)
    if informative:
        steps.append(Step("area", "agree" if same else "differ", float(terms.area[0])))
    if abs(rivals) >= SMALLEST_SHOWN_BITS:
        steps.append(Step("rivals", "alone" if rivals > 0 else "others", rivals))
    return Explanation(float(pairs.posterior[row]), float(terms.prior[0]), tuple(steps))
