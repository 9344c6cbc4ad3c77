"""Measures against plain counting and figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.evaluation import (
    SMALLEST_COUNTED_POSTERIOR,
    best_f1,
    brier_score,
    calibration_bins,
    expected_calibration_error,
    measure,
    precision_recall_curve,
    recall_at_precision,
    share_of,
)

# Few distinct posteriors, so that ties occur: a threshold takes all of them or none.
scored = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.95, 1.0]), st.booleans()), max_size=20
)


def arrays(pairs: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray([p for p, _ in pairs], float), np.asarray([t for _, t in pairs], bool)


def plain(pairs: list[tuple[float, bool]], threshold: float, matches: int) -> tuple[float, float, float]:
    """Precision, recall and F1 by counting one by one."""
    said = [truth for posterior, truth in pairs if posterior >= threshold]
    found = sum(said)
    precision = found / len(said) if said else 1.0
    recall = found / matches if matches else 1.0
    return precision, recall, 2 * found / (len(said) + matches) if said or matches else 1.0


@given(pairs=scored, missed=st.integers(0, 5), threshold=st.sampled_from([0.05, 0.5, 0.95]))
def test_a_measure_is_plain_counting(pairs: list[tuple[float, bool]], missed: int, threshold: float) -> None:
    posterior, truth = arrays(pairs)
    matches = int(truth.sum()) + missed
    found = measure(posterior >= threshold, truth, matches)
    assert (found.precision, found.recall, found.f1) == pytest.approx(plain(pairs, threshold, matches))


@given(pairs=scored, missed=st.integers(0, 5))
def test_the_best_f1_is_the_best_of_all_thresholds(pairs: list[tuple[float, bool]], missed: int) -> None:
    posterior, truth = arrays(pairs)
    matches = int(truth.sum()) + missed
    best = best_f1(posterior, truth, matches)
    if not pairs:
        assert best.measure.recall == (0.0 if matches else 1.0)
        return
    assert best.measure.f1 == pytest.approx(max(plain(pairs, p, matches)[2] for p, _ in pairs))
    assert plain(pairs, best.threshold, matches)[2] == pytest.approx(best.measure.f1)


@given(pairs=scored, missed=st.integers(0, 5), wanted=st.sampled_from([0.5, 0.75, 0.99]))
def test_recall_at_a_precision_is_the_best_of_all_thresholds_that_reach_it(
    pairs: list[tuple[float, bool]], missed: int, wanted: float
) -> None:
    posterior, truth = arrays(pairs)
    matches = int(truth.sum()) + missed
    measured = [plain(pairs, p, matches) for p, _ in pairs]
    expected = max((recall for precision, recall, _ in measured if precision >= wanted), default=0.0)
    assert recall_at_precision(posterior, truth, matches, wanted) == pytest.approx(
        expected if matches else 0.0
    )


@given(pairs=scored.filter(bool), missed=st.integers(0, 5))
def test_the_curve_holds_precision_and_recall_of_every_threshold(
    pairs: list[tuple[float, bool]], missed: int
) -> None:
    posterior, truth = arrays(pairs)
    matches = max(int(truth.sum()) + missed, 1)
    thresholds, precision, recall = precision_recall_curve(posterior, truth, matches)
    assert thresholds.tolist() == sorted({p for p, _ in pairs}, reverse=True)
    for row, threshold in enumerate(thresholds):
        assert (precision[row], recall[row]) == pytest.approx(plain(pairs, threshold, matches)[:2])


def test_recall_at_precision_by_hand() -> None:
    posterior = np.asarray([0.9, 0.8, 0.7, 0.6])
    truth = np.asarray([True, True, False, True])
    assert recall_at_precision(posterior, truth, 4, 0.99) == 0.5
    assert recall_at_precision(posterior, truth, 4, 0.75) == 0.75
    assert recall_at_precision(~truth * 1.0, truth, 4, 0.99) == 0.0


def test_calibration_error_by_hand() -> None:
    """Two bins: 0.1 predicted and 0 of 2 seen; 0.9 predicted and 3 of 4 seen. (2 x 0.1 + 4 x 0.15) / 6."""
    posterior = np.asarray([0.1, 0.1, 0.9, 0.9, 0.9, 0.9])
    truth = np.asarray([False, False, True, True, True, False])
    assert expected_calibration_error(posterior, truth) == pytest.approx(0.8 / 6)


def test_easy_zeros_are_left_out_of_calibration_and_not_of_brier() -> None:
    posterior = np.asarray([SMALLEST_COUNTED_POSTERIOR / 2] * 1000 + [1.0])
    truth = np.asarray([False] * 1000 + [False])
    assert expected_calibration_error(posterior, truth) == 1.0
    assert brier_score(posterior, truth) == pytest.approx((1 + 1000 * 0.025**2) / 1001)


def test_the_last_bin_holds_one_and_empty_bins_are_left_out() -> None:
    bins = calibration_bins(np.asarray([0.05, 1.0, 0.95]), np.asarray([False, True, True]))
    assert [one.count for one in bins] == [1, 2]
    assert bins[1].predicted == pytest.approx(0.975)


def test_a_calibrated_prediction_has_a_small_error() -> None:
    rng = np.random.default_rng(7)
    posterior = rng.uniform(0.05, 1, 50_000)
    assert expected_calibration_error(posterior, rng.random(50_000) < posterior) < 0.01


def test_brier_by_hand() -> None:
    assert brier_score(np.asarray([1.0, 0.5, 0.0]), np.asarray([True, True, True])) == pytest.approx(1.25 / 3)


def test_nothing_scored_has_measures_all_the_same() -> None:
    nothing, none = np.zeros(0), np.zeros(0, bool)
    assert brier_score(nothing, none) == expected_calibration_error(nothing, none) == 0.0
    assert recall_at_precision(nothing, none, 3, 0.9) == 0.0
    assert best_f1(nothing, none, 3).measure.recall == 0.0
    assert measure(none, none, 0).f1 == 1.0


@pytest.mark.parametrize(
    ("found", "of", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3 (Wilson's score).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_of_a_share_is_that_of_wilson(found: int, of: int, low: float, high: float) -> None:
    share = share_of(found, of)
    assert (share.low, share.high) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))
    assert share.value == found / of


def test_nothing_counted_says_nothing() -> None:
    assert share_of(0, 0).value is None
    assert (share_of(0, 0).low, share_of(0, 0).high) == (0.0, 1.0)


@given(st.integers(0, 200), st.integers(1, 200))
def test_an_interval_holds_its_share_and_lies_within_0_and_1(found: int, more: int) -> None:
    share = share_of(found, found + more)
    assert share.value is not None and 0 <= share.low <= share.value <= share.high <= 1
