"""Ids of clusters that survive: which cluster of today is which of yesterday, by the records they share.

Nothing here knows a person: an id says only that these records were held to be one before.
"""

from __future__ import annotations

import numpy as np

from matcher.errors import TokenFormatError
from matcher.tokens import BoolArray, IntArray

NO_CLUSTER = -1


def carry_over(
    before: IntArray, after: IntArray, *, first_free: int, former: IntArray | None = None
) -> tuple[IntArray, int]:
    """Give every cluster the id of the earlier one it shares most records with, or a new id.

    An earlier id goes to one cluster at most: of the parts of a split the largest keeps it, and of clusters
    that were joined the largest gives its id. Equal shares go to the smallest earlier id, then to the cluster
    whose first record comes first; new ids are given in the order of first records.

    A cluster that would need a new id takes up again, by the same rule, the id its records had before they
    were with others, if no cluster has it now: joined and parted again, records are what they were.

    Args:
        before: Earlier id of each record, `NO_CLUSTER` for none, shape (records,).
        after: Cluster of each record now, any labels, shape (records,).
        first_free: The smallest id never used; above all of `before` and `former`.
        former: The id each record had before the one of `before`, shape (records,).

    Returns:
        Id of each record's cluster, shape (records,), and the smallest id that is free now.

    Raises:
        TokenFormatError: The shapes differ, or an earlier id is not below the first free one.
    """
    former = np.full(before.shape, NO_CLUSTER) if former is None else former
    highest = max(before.max(initial=NO_CLUSTER), former.max(initial=NO_CLUSTER))
    if not before.shape == after.shape == former.shape or highest >= first_free:
        raise TokenFormatError("clusters: one earlier id a record is needed, all below the first free one")
    cluster_of, clusters = _in_order_of_first_records(after)
    ids = np.full(clusters, NO_CLUSTER, np.int64)
    kept: set[int] = set()
    for earlier in (before, former):
        for old, new in _overlaps(earlier, former != NO_CLUSTER, cluster_of, clusters):
            if ids[new] == NO_CLUSTER and old not in kept:
                ids[new] = old
                kept.add(old)
    fresh = np.flatnonzero(ids == NO_CLUSTER)
    ids[fresh] = first_free + np.arange(len(fresh))
    return ids[cluster_of], first_free + len(fresh)


def _in_order_of_first_records(labels: IntArray) -> tuple[IntArray, int]:
    """Labels made dense, numbered by the first record that has them, and how many there are."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse], len(first)


def _overlaps(
    before: IntArray, came: BoolArray, cluster_of: IntArray, clusters: int
) -> list[tuple[int, int]]:
    """Earlier ids and clusters that share records: the largest shares first, of equal ones the smallest id.

    Of equal shares in one id that comes first of which fewer records once came from another.
    """
    had = before != NO_CLUSTER
    keys, inverse, shared = np.unique(
        before[had] * clusters + cluster_of[had], return_inverse=True, return_counts=True
    )
    strange = np.bincount(inverse, weights=came[had], minlength=len(keys))
    old, new = np.divmod(keys, max(clusters, 1))
    order = np.lexsort((new, strange, old, -shared))
    return list(zip(old[order].tolist(), new[order].tolist(), strict=True))
