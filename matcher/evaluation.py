"""Measures of linkage against a known truth: precision, recall, F1, calibration error, Brier score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matcher.tokens import BoolArray, FloatArray

# Pairs below this are easy and many: counted in, they would hide any error of calibration.
SMALLEST_COUNTED_POSTERIOR = 0.05
CALIBRATION_BINS = 10
NORMAL_95 = 1.959964  # Two-sided 95 % of a normal distribution.


@dataclass(frozen=True, slots=True)
class Measure:
    """Precision, recall and their harmonic mean."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many, and between what the share lies.

    Attributes:
        found, of: The counts.
        low, high: The 95 % interval of the share; from 0 to 1 where nothing was counted.
    """

    found: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.found / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Best:
    """The best F1 over all thresholds, and the posterior it is reached at."""

    measure: Measure
    threshold: float


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a calibration plot: predictions in it, their mean, and the share that is true."""

    count: int
    predicted: float
    observed: float


def share_of(found: int, of: int) -> Share:
    """A share with its 95 % interval (Wilson 1927): good for few counts, and for shares near 0 and 1.

    The centre is (p + z²/2n) / (1 + z²/n), the half width z √(p(1-p)/n + z²/4n²) / (1 + z²/n).
    """
    if of == 0:
        return Share(0, 0, 0.0, 1.0)
    share, spread = found / of, NORMAL_95**2 / of
    centre = (share + spread / 2) / (1 + spread)
    half = NORMAL_95 * (share * (1 - share) / of + spread / (4 * of)) ** 0.5 / (1 + spread)
    return Share(found, of, max(0.0, centre - half), min(1.0, centre + half))


def measure(said: BoolArray, is_match: BoolArray, matches: int) -> Measure:
    """Measure a decision.

    Args:
        said: Pairs called a match, shape (n,).
        is_match: Pairs that are, shape (n,).
        matches: All true matches, among the n pairs or not.
    """
    return _measure(float((said & is_match).sum()), float(said.sum()), matches)


def best_f1(posterior: FloatArray, is_match: BoolArray, matches: int) -> Best:
    """The best F1 that any threshold on the posterior reaches."""
    thresholds, found, said = _curve(posterior, is_match)
    if not len(thresholds):
        return Best(_measure(0.0, 0.0, matches), 1.0)
    at = int(np.argmax(2 * found / (said + matches)))
    return Best(_measure(float(found[at]), float(said[at]), matches), float(thresholds[at]))


def recall_at_precision(posterior: FloatArray, is_match: BoolArray, matches: int, precision: float) -> float:
    """The highest recall of any threshold whose precision is at least the wanted one; 0.0 if none is."""
    _, found, said = _curve(posterior, is_match)
    good = found >= precision * said
    return float(found[good].max(initial=0.0) / matches) if matches else 0.0


def precision_recall_curve(
    posterior: FloatArray, is_match: BoolArray, matches: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Thresholds in falling order, and precision and recall at each."""
    thresholds, found, said = _curve(posterior, is_match)
    return thresholds, found / np.maximum(said, 1), found / max(matches, 1)


def calibration_bins(posterior: FloatArray, is_match: BoolArray) -> list[Bin]:
    """Equal-width bins over predictions of at least `SMALLEST_COUNTED_POSTERIOR`; empty ones left out."""
    counted = posterior >= SMALLEST_COUNTED_POSTERIOR
    posterior, is_match = posterior[counted], is_match[counted]
    at = np.minimum((posterior * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    return [
        Bin(int((at == b).sum()), float(posterior[at == b].mean()), float(is_match[at == b].mean()))
        for b in range(CALIBRATION_BINS)
        if (at == b).any()
    ]


def expected_calibration_error(posterior: FloatArray, is_match: BoolArray) -> float:
    """Mean gap between predicted and observed share over the calibration bins, weighted by their size."""
    bins = calibration_bins(posterior, is_match)
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.predicted - one.observed) for one in bins) / total if total else 0.0


def brier_score(posterior: FloatArray, is_match: BoolArray) -> float:
    """Mean squared error of the predictions (Brier 1950), over all candidate pairs."""
    return float(np.mean((posterior - is_match) ** 2)) if len(posterior) else 0.0


def _curve(posterior: FloatArray, is_match: BoolArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distinct thresholds in falling order; true matches found and pairs said at or above each."""
    order = np.argsort(-posterior, kind="stable")
    ordered = posterior[order]
    last = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True]) if len(order) else np.zeros(0, np.int64)
    found = np.cumsum(is_match[order]).astype(np.float64)[last]
    return ordered[last], found, (last + 1).astype(np.float64)


def _measure(found: float, said: float, matches: int) -> Measure:
    """Nothing said is precise, and nothing there is wholly found: 1.0 in both cases."""
    precision = found / said if said else 1.0
    recall = found / matches if matches else 1.0
    f1 = 2 * found / (said + matches) if said + matches else 1.0
    return Measure(precision, recall, f1)
