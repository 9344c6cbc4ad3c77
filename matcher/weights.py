"""Match weights and posteriors: conversions in log₂ (bits).

A match weight is log₂(m/u) (Fellegi and Sunter 1969); weights add, and with the prior's log odds they
give the posterior.
"""

from __future__ import annotations

import math

import numpy as np

from matcher.tokens import FloatArray, IntArray


def match_weight(m_probability: float, u_probability: float) -> float:
    """log₂(m/u), in bits."""
    return math.log2(m_probability) - math.log2(u_probability)


def log_odds(probability: float) -> float:
    """log₂(p / (1 - p)), in bits."""
    return math.log2(probability) - math.log2(1 - probability)


def posterior(prior: float, total_weight: float) -> float:
    """Probability that a pair is a match, given its prior and total match weight (bits)."""
    return float(posteriors(np.asarray([log_odds(prior) + total_weight]))[0])


def posteriors(total_log_odds: FloatArray) -> FloatArray:
    """Probabilities of log odds in bits, without overflow at either end."""
    return np.asarray(0.5 * (1 + np.tanh(total_log_odds * (math.log(2) / 2))), dtype=np.float64)


def set_posterior(log_odds_of_records: FloatArray) -> FloatArray:
    """Which record of an agency is the person, if any: at most one is.

    With prior pi that the agency knows the person and its N records alike beforehand, P(record i) is
    proportional to (pi/N) LR_i and P(none) to 1 - pi. Three people who share birth date and initials then
    make the agency's answer sure while no record is above one third.

    Args:
        log_odds_of_records: log₂((pi/N) LR_i / (1 - pi)), shape (n,).

    Returns:
        P(record i), shape (n,); their sum is the probability that the agency knows the person.
    """
    if not len(log_odds_of_records):
        return np.zeros(0)
    top = max(0.0, float(log_odds_of_records.max()))
    odds = np.exp2(log_odds_of_records - top)
    return np.asarray(odds / (math.exp2(-top) + odds.sum()), dtype=np.float64)


def set_posteriors(log_odds_of_records: FloatArray, first: IntArray) -> FloatArray:
    """The sum of `set_posterior` for each of many sets: the probability that each agency knows the person.

    Args:
        log_odds_of_records: Of all sets' records, one set after the other, shape (n,).
        first: Where each set begins, ascending from 0, shape (sets,); no set is empty.

    Returns:
        Shape (sets,).
    """
    if not len(first):
        return np.zeros(0)
    top = np.maximum(np.maximum.reduceat(log_odds_of_records, first), 0.0)
    sizes = np.diff(first, append=len(log_odds_of_records))
    odds = np.add.reduceat(np.exp2(log_odds_of_records - np.repeat(top, sizes)), first)
    return np.asarray(odds / (np.exp2(-top) + odds), dtype=np.float64)


def area_weight(same: bool, chance_of_same: float, area_odds: float) -> float:
    """Weight (bits) of two records being in the same area, or not.

    A match is in the same area with odds `area_odds` times those of a random pair of the two agencies.
    Where all pairs are in one area, or none are, area says nothing and the weight is 0.
    """
    normaliser = chance_of_same * area_odds + (1 - chance_of_same)
    return math.log2((area_odds if same else 1.0) / normaliser)
