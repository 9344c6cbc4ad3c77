"""How alike twins' forenames look: the shares the matcher holds are those of the shipped frequencies."""

from __future__ import annotations

import pytest

from benchmarks.twin_names import shares
from matcher.lookups import TWIN_FORENAMES


def test_the_shares_that_look_ups_rely_on_are_found_again_from_another_seed() -> None:
    found = shares(pairs=40_000, seed=8)
    assert sum(found.values()) == pytest.approx(1)
    assert found["same"] == 0
    for level in ("close", "alike", "begins", "distant"):
        assert found[level] == pytest.approx(TWIN_FORENAMES[level], rel=0.1, abs=0.01)
