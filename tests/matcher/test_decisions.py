"""Decisions at and beside the thresholds."""

from __future__ import annotations

import pytest

from matcher.decisions import Designation, Thresholds, decide
from matcher.errors import ModelParameterError


@pytest.mark.parametrize(
    ("posterior", "designation"),
    [
        (0.0, Designation.NON_LINK),
        (0.4999, Designation.NON_LINK),
        (0.50, Designation.POSSIBLE_LINK),
        (0.9499, Designation.POSSIBLE_LINK),
        (0.95, Designation.LINK),
        (1.0, Designation.LINK),
    ],
)
def test_a_threshold_is_reached_at_its_value(posterior: float, designation: Designation) -> None:
    assert decide(posterior, Thresholds()) is designation


def test_thresholds_may_be_one() -> None:
    assert decide(0.7, Thresholds(known=0.7, possibly=0.7)) is Designation.LINK
    assert decide(0.69, Thresholds(known=0.7, possibly=0.7)) is Designation.NON_LINK


@pytest.mark.parametrize(
    ("known", "possibly"),
    [
        pytest.param(0.5, 0.6, id="out of order"),
        pytest.param(0.9, 0.0, id="everybody possibly known"),
        pytest.param(1.1, 0.5, id="above one"),
        pytest.param(float("nan"), 0.5, id="not a number"),
    ],
)
def test_thresholds_that_decide_nothing_are_refused(known: float, possibly: float) -> None:
    with pytest.raises(ModelParameterError, match="thresholds"):
        Thresholds(known=known, possibly=possibly)
