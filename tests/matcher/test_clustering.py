"""Clusters on small graphs whose right answer is plain, and beside a plain union-find."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.clustering import (
    Clusters,
    Decision,
    cluster,
    connected_components,
    measure_clusters,
)
from matcher.errors import ModelParameterError, TokenFormatError
from matcher.patterns import NUMBER_LEVELS, PATTERN_SHAPE, SEX_LEVELS
from matcher.scoring import RecordPairs
from matcher.weights import posteriors

ABSENT = NUMBER_LEVELS.index("absent")
NO_NUMBERS = int(np.ravel_multi_index((0, ABSENT, ABSENT, SEX_LEVELS.index("absent")), PATTERN_SHAPE))
CHAIN_DIFFERS = int(
    np.ravel_multi_index(
        (0, NUMBER_LEVELS.index("differ"), ABSENT, SEX_LEVELS.index("absent")), PATTERN_SHAPE
    )
)
Edges = dict[tuple[int, int], float]


def pairs_of(edges: Edges, *, patterns: dict[tuple[int, int], int] | None = None) -> RecordPairs:
    """Candidate pairs by their posterior's log odds in bits."""
    ordered = sorted((min(pair), max(pair), bits) for pair, bits in edges.items())
    bits = np.asarray([one[2] for one in ordered], np.float64)
    chosen = patterns or {}
    return RecordPairs(
        left=np.asarray([one[0] for one in ordered], np.int64),
        right=np.asarray([one[1] for one in ordered], np.int64),
        pattern=np.asarray([chosen.get((one[0], one[1]), NO_NUMBERS) for one in ordered], np.int64),
        log_odds=bits,
        posterior=posteriors(bits),
    )


def clusters_of(
    edges: Edges,
    count: int,
    *,
    agency: list[int] | None = None,
    decisions: list[Decision] | None = None,
    threshold: float = 0.5,
    patterns: dict[tuple[int, int], int] | None = None,
) -> Clusters:
    """Clusters of records that are each another agency's unless told otherwise."""
    return cluster(
        pairs_of(edges, patterns=patterns),
        record_count=count,
        agency=np.asarray(range(count) if agency is None else agency, np.int64),
        threshold=threshold,
        decisions=decisions or [],
    )


def crowd(members: list[int], bits: float) -> Edges:
    """All pairs of some records."""
    return {(a, b): bits for a in members for b in members if a < b}


def union_find(edges: Edges, count: int, *, least_bits: float = 0.0) -> list[int]:
    """Connected components as a textbook has them, numbered by their smallest members."""
    parent = list(range(count))

    def find(record: int) -> int:
        return record if parent[record] == record else find(parent[record])

    for (a, b), bits in edges.items():
        if bits >= least_bits:
            low, high = sorted((find(a), find(b)))
            parent[high] = low
    roots = [find(record) for record in range(count)]
    number = {root: index for index, root in enumerate(sorted(set(roots)))}
    return [number[root] for root in roots]


def partition(labels: np.ndarray, names: np.ndarray) -> set[frozenset[int]]:
    """Clusters as sets of record names."""
    return {frozenset(names[labels == one].tolist()) for one in np.unique(labels)}


edge_lists = st.dictionaries(
    st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] < pair[1]),
    st.sampled_from([-9.0, -3.0, -0.5, 0.0, 0.5, 2.0, 2.0, 5.0, 12.0, 40.0]),
    max_size=40,
)


@given(edge_lists)
def test_connected_components_equal_a_plain_union_find(edges: Edges) -> None:
    found = connected_components(pairs_of(edges), record_count=12)
    assert found.tolist() == union_find(edges, 12)


@given(st.lists(st.integers(0, 4), min_size=12, max_size=12), st.floats(1.0, 30.0))
def test_where_nothing_speaks_against_it_clusters_are_connected_components(
    person: list[int], bits: float
) -> None:
    edges = {pair: bits for pair in crowd(list(range(12)), bits) if person[pair[0]] == person[pair[1]]}
    assert clusters_of(edges, 12).cluster_of.tolist() == union_find(edges, 12)


@given(edge_lists)
def test_a_cluster_is_never_larger_than_its_connected_component(edges: Edges) -> None:
    fine, coarse = clusters_of(edges, 12).cluster_of, union_find(edges, 12)
    assert len({(a, b) for a, b in zip(fine.tolist(), coarse, strict=True)}) == len(set(fine.tolist()))


@given(
    edge_lists,
    st.lists(st.integers(0, 3), min_size=12, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11), st.booleans()), max_size=4),
    st.permutations(range(12)),
)
def test_the_order_of_records_changes_nothing(
    edges: Edges, agency: list[int], decided: list[tuple[int, int, bool]], order: list[int]
) -> None:
    decisions = [Decision(a, b, same) for a, b, same in decided if a != b]
    names = np.arange(12)
    plain = clusters_of(edges, 12, agency=agency, decisions=decisions)
    moved = {record: place for place, record in enumerate(order)}
    shuffled = clusters_of(
        {(moved[a], moved[b]): bits for (a, b), bits in edges.items()},
        12,
        agency=[agency[record] for record in order],
        decisions=[Decision(moved[d.left], moved[d.right], d.same) for d in reversed(decisions)],
    )
    assert partition(plain.cluster_of, names) == partition(shuffled.cluster_of, np.asarray(order))
    assert len(plain.conflicts) == len(shuffled.conflicts)


def test_cluster_ids_are_dense_in_order_of_the_smallest_member() -> None:
    assert clusters_of({(1, 4): 5.0, (0, 3): 5.0}, 5).cluster_of.tolist() == [0, 1, 2, 0, 1]


def test_no_records_make_no_clusters() -> None:
    assert clusters_of({}, 0).cluster_of.tolist() == []


@pytest.mark.parametrize("size", [3, 4, 8])
@pytest.mark.parametrize("bits", [1.0, 8.0, 50.0])
def test_one_wrong_link_does_not_join_two_crowds(size: int, bits: float) -> None:
    edges = crowd(list(range(size)), 6.0) | crowd(list(range(size, 2 * size)), 6.0) | {(0, size): bits}
    assert clusters_of(edges, 2 * size).cluster_of.tolist() == [0] * size + [1] * size


def test_many_links_do_join_two_halves() -> None:
    edges = crowd(list(range(6)), 4.0)
    del edges[(0, 5)], edges[(1, 4)]
    assert set(clusters_of(edges, 6).cluster_of.tolist()) == {0}


def test_a_record_that_fits_one_member_well_joins_a_crowd_it_shares_nothing_else_with() -> None:
    edges = crowd([0, 1, 2, 3, 4], 6.0) | {(4, 5): 3.0}
    assert set(clusters_of(edges, 6).cluster_of.tolist()) == {0}


def test_a_number_that_differs_outweighs_a_link() -> None:
    edges = {(0, 1): 8.0, (1, 2): 5.0, (0, 2): -9.0}
    assert clusters_of(edges, 3).cluster_of.tolist() == [0, 0, 0]
    found = clusters_of(edges, 3, patterns={(0, 2): CHAIN_DIFFERS})
    assert found.cluster_of.tolist() == [0, 0, 1]


def test_a_pair_below_the_threshold_is_no_link() -> None:
    assert clusters_of({(0, 1): 3.0}, 2, threshold=0.95).cluster_of.tolist() == [0, 1]


def test_a_deduplicated_agency_has_one_record_in_a_cluster() -> None:
    agency = [0, 1, 0, *([0] * 40)]
    edges = {(0, 1): 8.0, (1, 2): 5.0}
    assert clusters_of(edges, 43, agency=agency).cluster_of.tolist()[:3] == [0, 0, 1]


def test_two_records_of_one_agency_that_are_a_link_may_stay_together() -> None:
    agency = [0, 1, 0, *([0] * 40)]
    edges = {(0, 1): 8.0, (1, 2): 5.0, (0, 2): 4.0}
    assert clusters_of(edges, 43, agency=agency).cluster_of.tolist()[:3] == [0, 0, 0]


def test_an_agency_with_many_duplicates_is_not_held_to_one_record() -> None:
    edges: Edges = {(record, record + 1): 5.0 for record in range(3, 23, 2)} | {(0, 1): 8.0, (1, 2): 5.0}
    agency = [0, 1, *([0] * 21)]
    assert clusters_of(edges, 23, agency=agency).cluster_of.tolist()[:3] == [0, 0, 0]


def test_links_that_nothing_tells_apart_are_taken_all_or_none() -> None:
    agency = [0, 1, 1, *([1] * 40)]
    twins = {(0, 1): 2.0, (0, 2): 2.0}
    assert clusters_of(twins, 43, agency=agency).cluster_of.tolist()[:3] == [0, 1, 2]
    assert clusters_of(crowd([0, 1, 2], 2.0), 43, agency=agency).cluster_of.tolist()[:3] == [0, 0, 0]


def test_records_decided_the_same_are_together_without_any_link() -> None:
    assert clusters_of({}, 3, decisions=[Decision(2, 0, True)]).cluster_of.tolist() == [0, 1, 0]


def test_records_decided_the_same_are_together_though_one_agency_holds_both() -> None:
    found = clusters_of({}, 40, agency=[0] * 40, decisions=[Decision(0, 1, True)])
    assert found.cluster_of.tolist()[:3] == [0, 0, 1]


def test_different_people_never_join_directly_or_through_others() -> None:
    edges = crowd([0, 1, 2, 3], 30.0)
    labels = clusters_of(edges, 4, decisions=[Decision(3, 0, False)]).cluster_of
    assert labels[0] != labels[3]


def test_different_people_stay_apart_however_their_clusters_were_decided() -> None:
    decisions = [Decision(0, 1, True), Decision(2, 3, True), Decision(0, 2, False)]
    found = clusters_of({(1, 3): 30.0}, 4, decisions=decisions)
    assert found.cluster_of.tolist() == [0, 0, 1, 1]
    assert found.conflicts == ()


def test_decisions_that_contradict_each_other_are_reported() -> None:
    decisions = [Decision(0, 1, True), Decision(1, 2, True), Decision(2, 0, False), Decision(3, 0, False)]
    found = clusters_of({}, 4, decisions=decisions)
    assert found.conflicts == (Decision(2, 0, False),)
    assert found.cluster_of.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.5, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(threshold: float) -> None:
    with pytest.raises(ModelParameterError, match="threshold"):
        clusters_of({}, 2, threshold=threshold)


@pytest.mark.parametrize(
    "decision",
    [
        pytest.param(Decision(0, 0, True), id="one record"),
        pytest.param(Decision(0, 2, True), id="beyond the records"),
        pytest.param(Decision(-1, 1, False), id="before the records"),
    ],
)
def test_a_decision_not_on_two_records_is_refused(decision: Decision) -> None:
    with pytest.raises(ModelParameterError, match="decision 0"):
        clusters_of({}, 2, decisions=[decision])


def test_agencies_of_another_number_of_records_are_refused() -> None:
    with pytest.raises(TokenFormatError, match="agency"):
        clusters_of({}, 2, agency=[0])


def test_implied_pairs_are_measured_against_the_truth() -> None:
    measure = measure_clusters(np.asarray([0, 0, 0, 1, 1]), np.asarray([7, 7, 8, 9, 9]), 4)
    assert (measure.precision, measure.recall, measure.f1) == (0.5, 0.5, 0.5)
    nothing = measure_clusters(np.arange(3), np.arange(3), 0)
    assert (nothing.precision, nothing.recall, nothing.f1) == (1.0, 1.0, 1.0)
