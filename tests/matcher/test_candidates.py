"""Candidate search against the plainest one there is: look at every pair."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.candidates import (
    LARGEST_GROUP,
    Meetings,
    SlotIndex,
    equal_pairs,
    meetings_at_once,
    stored_meetings,
)
from matcher.schema import shipped_schema
from matcher.tokens import TokenSet

SCHEMA = shipped_schema(["dob", "initials", "sex"])
SEARCHED = [slot.search for slot in SCHEMA.stored]
# 0 = absent; few values, so that most are shared. 2^63 and more: slots are unsigned.
values = st.sampled_from([0, 0, 1, 2, 3, 2**63, 2**64 - 1])
rows = st.lists(st.lists(values, min_size=len(SEARCHED), max_size=len(SEARCHED)), max_size=12)


def tokens(slots: list[list[int]], records: list[int] | None = None) -> TokenSet:
    n = len(slots)
    return TokenSet(
        np.asarray(slots, np.uint64).reshape(n, len(SEARCHED)),
        np.zeros((n, 0), np.uint8),
        np.asarray(range(n) if records is None else records, np.int64),
        np.full(n, -1, np.int64),
    )


def listed(meetings: Meetings) -> list[tuple[int, int, int]]:
    return sorted(zip(meetings.left.tolist(), meetings.right.tolist(), meetings.asked.tolist(), strict=True))


@given(column=st.lists(values, max_size=20))
def test_equal_pairs_are_all_pairs_of_rows_with_the_same_present_value(column: list[int]) -> None:
    left, right, left_out = equal_pairs(np.asarray(column, np.uint64))
    expected = [(i, j) for i, j in combinations(range(len(column)), 2) if column[i] == column[j] != 0]
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == expected
    assert left_out == 0


@given(column=st.lists(values, max_size=20), largest=st.integers(1, 5))
def test_values_shared_by_too_many_are_left_out_and_counted(column: list[int], largest: int) -> None:
    left, right, left_out = equal_pairs(np.asarray(column, np.uint64), largest_group=largest)
    crowded = {value for value in column if value and column.count(value) > largest}
    expected = [
        (i, j)
        for i, j in combinations(range(len(column)), 2)
        if column[i] == column[j] != 0 and column[i] not in crowded
    ]
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == expected
    assert left_out == len(crowded)


@given(slots=rows, data=st.data())
def test_stored_meetings_are_all_pairs_of_records_that_share_a_searched_slot(
    slots: list[list[int]], data: st.DataObject
) -> None:
    records = data.draw(st.lists(st.integers(0, 5), min_size=len(slots), max_size=len(slots)).map(sorted))
    found = Meetings.concatenate(stored_meetings(SCHEMA, tokens(slots, records)))
    expected = [
        (i, j, -1)
        for i, j in combinations(range(len(slots)), 2)
        for k, searched in enumerate(SEARCHED)
        if searched and slots[i][k] == slots[j][k] != 0 and records[i] != records[j]
    ]
    assert listed(found) == sorted(expected)


@given(held=rows, asked=rows)
def test_slots_of_others_meet_every_equal_stored_one(held: list[list[int]], asked: list[list[int]]) -> None:
    found = SlotIndex(SCHEMA, tokens(held)).meetings_of_slots(tokens(asked))
    expected = [
        (i, j, -1)
        for i, mine in enumerate(asked)
        for j, theirs in enumerate(held)
        for k, searched in enumerate(SEARCHED)
        if searched and mine[k] == theirs[k] != 0
    ]
    assert listed(found) == sorted(expected)


questions = st.lists(st.tuples(st.integers(0, 11), values.filter(bool)), max_size=20)


@given(held=rows, wanted=questions)
def test_the_index_finds_every_token_with_a_value(
    held: list[list[int]], wanted: list[tuple[int, int]]
) -> None:
    index = SlotIndex(SCHEMA, tokens(held))
    askers = np.asarray([asker for asker, _ in wanted], np.int64)
    found = index.find("A4", askers, np.asarray([value for _, value in wanted], np.uint64))
    at = SCHEMA.slot_index["A4"]
    expected = [(asker, j) for asker, value in wanted for j, row in enumerate(held) if row[at] == value]
    assert sorted(zip(found[0].tolist(), found[1].tolist(), strict=True)) == sorted(expected)


@given(
    held=rows.filter(bool), wanted=questions, probe=st.sampled_from(range(len(SCHEMA.asked))), data=st.data()
)
def test_a_probe_meets_the_slot_it_asks_in_other_records_only(
    held: list[list[int]], wanted: list[tuple[int, int]], probe: int, data: st.DataObject
) -> None:
    records = data.draw(st.lists(st.integers(0, 5), min_size=len(held), max_size=len(held)).map(sorted))
    index = SlotIndex(SCHEMA, tokens(held, records))
    askers = [asker % len(held) for asker, _ in wanted]
    variants = np.asarray([value for _, value in wanted], np.uint64)
    found = index.meetings_of_probe(probe, np.asarray(askers, np.int64), variants)
    at = SCHEMA.slot_index[SCHEMA.asked[probe].asks]
    expected = [
        (min(i, j), max(i, j), probe)
        for i, (_, value) in zip(askers, wanted, strict=True)
        for j, row in enumerate(held)
        if row[at] == value and records[i] != records[j]
    ]
    assert listed(found) == sorted(expected)


def test_tokens_of_one_record_never_meet() -> None:
    aliases = tokens([[7] * len(SEARCHED)] * 3, [0, 0, 0])
    assert not len(Meetings.concatenate(stored_meetings(SCHEMA, aliases)).left)
    own = SlotIndex(SCHEMA, aliases).meetings_of_probe(0, np.asarray([0, 1]), np.asarray([7, 7], np.uint64))
    assert not len(own.left)


@pytest.mark.parametrize(
    ("sharing", "met"), [(LARGEST_GROUP, LARGEST_GROUP), (LARGEST_GROUP + 1, 0)], ids=["at most", "one more"]
)
def test_a_value_shared_by_more_than_the_largest_group_is_not_searched(sharing: int, met: int) -> None:
    crowd = tokens([[5] + [0] * (len(SEARCHED) - 1)] * sharing)
    asker = tokens([[5] + [0] * (len(SEARCHED) - 1)])
    assert len(SlotIndex(SCHEMA, crowd).meetings_of_slots(asker).left) == met
    pairs = equal_pairs(crowd.slots[:, 0])
    assert len(pairs[0]) == met * (met - 1) // 2


def test_a_slot_that_is_not_searched_makes_no_candidate() -> None:
    hidden = SEARCHED.index(False)
    twins = tokens([[int(k == hidden) for k in range(len(SEARCHED))]] * 2)
    assert not len(Meetings.concatenate(stored_meetings(SCHEMA, twins)).left)


def test_an_empty_index_finds_nobody() -> None:
    empty = SlotIndex(SCHEMA, tokens([]))
    assert not len(empty.meetings_of_slots(tokens([[1] * len(SEARCHED)])).left)
    assert not len(Meetings.concatenate([]).left)


def test_all_slots_at_once_meet_as_one_by_one() -> None:
    rng = np.random.default_rng(5)
    slots = rng.integers(0, 40, (60, len(SCHEMA.stored))).astype(np.uint64)
    # Values of one kind of slot are none of another's, as slots made under keys of their own are.
    slots = np.where(slots == 0, 0, slots + 1000 * np.arange(1, len(SCHEMA.stored) + 1, dtype=np.uint64))
    drawn = tokens(slots, rng.integers(0, 50, 60))
    together, apart = meetings_at_once(SCHEMA, drawn), Meetings.concatenate(stored_meetings(SCHEMA, drawn))
    assert len(together.left) > 100
    assert sorted(zip(together.left, together.right, strict=True)) == sorted(
        zip(apart.left, apart.right, strict=True)
    )
