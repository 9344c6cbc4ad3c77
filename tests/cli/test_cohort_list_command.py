"""`knownto cohort list` in a process of its own: what is released, and a refusal as an exit code."""

from __future__ import annotations

from tests.cli.commands import Desk


def test_where_nothing_is_released_nothing_is_listed(holder: Desk) -> None:
    assert holder.document("cohort", "list") == []


def test_a_cohort_that_is_not_released_ends_with_invalid_data(holder: Desk) -> None:
    done = holder("cohort", "list", "mcn-1-2026-11-23")
    assert (done.returncode, "none of this name is released" in done.stderr) == (7, True), done.stderr


def test_somebody_without_the_role_is_refused(holder: Desk) -> None:
    done = holder("cohort", "list", "--staff", "holder-ig")
    assert done.returncode == 4, done.stderr
