"""Ids of clusters survive: by the records they share, whatever the order of records and labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.cluster_ids import NO_CLUSTER, carry_over
from matcher.errors import TokenFormatError
from matcher.tokens import IntArray


def array(values: list[int]) -> IntArray:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param([7, 7, 4], [0, 0, 1], [7, 7, 4], id="nothing has changed"),
        pytest.param([7, 7, 4], [5, 5, 2], [7, 7, 4], id="labels say nothing"),
        pytest.param([7, 7, 7], [0, 1, 1], [10, 7, 7], id="a split: the larger part keeps the id"),
        pytest.param([7, 7], [0, 1], [7, 10], id="an even split: the first record's part keeps it"),
        pytest.param([4, 7, 7], [0, 0, 0], [7, 7, 7], id="a join: the larger gives the id"),
        pytest.param([7, 4], [0, 0], [4, 4], id="an even join: the smaller id"),
        pytest.param([-1, -1, 7], [0, 1, 1], [10, 7, 7], id="a new record joins"),
        pytest.param([-1, -1], [1, 0], [10, 11], id="new clusters in the order of first records"),
        pytest.param([4, 4, 4, 7], [0, 0, 1, 1], [4, 4, 7, 7], id="a member moves over"),
        pytest.param([], [], [], id="nobody"),
    ],
)
def test_ids_go_where_most_records_went(before: list[int], after: list[int], expected: list[int]) -> None:
    ids, first_free = carry_over(array(before), array(after), first_free=10)
    assert ids.tolist() == expected
    assert first_free == 10 + len({one for one in expected if one >= 10})


@pytest.mark.parametrize(
    ("start", "joined"),
    [
        pytest.param([4, 7], [[0, 1]], id="one and one"),
        pytest.param([7, 4], [[0, 1]], id="the first record comes from elsewhere"),
        pytest.param([7, 4, 4, 4], [[0, 1, 2, 3]], id="one and three"),
        pytest.param([4, 4, 7, 7, 5], [[0, 1, 2, 3], [4]], id="two and two"),
        pytest.param([7, 4, 5], [[0, 1, 2]], id="three at once"),
    ],
)
def test_records_joined_and_parted_again_have_the_ids_they_had(
    start: list[int], joined: list[list[int]]
) -> None:
    apart, together = array(start), array(start)
    for label, records in enumerate(joined):
        together[records] = label
    ids, free = carry_over(apart, together, first_free=10)
    former = np.where(ids == apart, NO_CLUSTER, apart)
    again, free = carry_over(ids, apart, first_free=free, former=former)
    assert again.tolist() == start and free == 10


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_records_parted_and_joined_again_are_what_they_were_however_often(order: list[int]) -> None:
    whole, parts = array([0, 0]), array(order)
    ids, former, free = array([4, 4]), array([-1, -1]), 10
    seen = []
    for labels in (parts, whole, parts, whole):
        now, free = carry_over(ids, labels, first_free=free, former=former)
        former = np.where((now != ids), ids, former)
        ids = now
        seen.append(ids.tolist())
    assert seen[0] == seen[2] and seen[1] == seen[3] == [4, 4] and free == 11


people = st.lists(st.tuples(st.integers(NO_CLUSTER, 5), st.integers(0, 5)), max_size=30)


@given(people)
def test_an_id_is_one_cluster_and_a_cluster_one_id(records: list[tuple[int, int]]) -> None:
    before, after = array([a for a, _ in records]), array([b for _, b in records])
    ids, first_free = carry_over(before, after, first_free=6)
    assert len({*zip(ids.tolist(), after.tolist(), strict=True)}) == len(set(ids.tolist()))
    assert len(set(ids.tolist())) == len(set(after.tolist()))
    assert all(0 <= one < first_free for one in ids.tolist())


@given(people)
def test_the_same_again_changes_nothing(records: list[tuple[int, int]]) -> None:
    before, after = array([a for a, _ in records]), array([b for _, b in records])
    ids, first_free = carry_over(before, after, first_free=6)
    again, free = carry_over(ids, after + 3, first_free=first_free)
    assert (again.tolist(), free) == (ids.tolist(), first_free)


def test_an_id_that_was_never_given_is_refused() -> None:
    with pytest.raises(TokenFormatError):
        carry_over(array([10]), array([0]), first_free=10)
    with pytest.raises(TokenFormatError):
        carry_over(array([1, 2]), array([0]), first_free=10)
