"""Ids of clusters that survive: which cluster of today is which of yesterday, by the records they share.

Nothing here knows a person: an id says only that these records were held to be one before.
"""

from __future__ import annotations

import numpy as np

from matcher.errors import TokenFormatError
from matcher.tokens import IntArray

NO_CLUSTER = -1


def carry_over(before: IntArray, after: IntArray, *, first_free: int) -> tuple[IntArray, int]:
    """Give every cluster the id of the earlier one it shares most records with, or a new id.

    An earlier id goes to one cluster at most: of the parts of a split the largest keeps it, and of clusters
    that were joined the largest gives its id. Equal shares go to the smallest earlier id, then to the cluster
    whose first record comes first; new ids are given in the order of first records.

    Args:
        before: Earlier id of each record, `NO_CLUSTER` for none, shape (records,).
        after: Cluster of each record now, any labels, shape (records,).
        first_free: The smallest id never used; above all of `before`.

    Returns:
        Id of each record's cluster, shape (records,), and the smallest id that is free now.

    Raises:
        TokenFormatError: The shapes differ, or an earlier id is not below the first free one.
    """
    if before.shape != after.shape or before.max(initial=NO_CLUSTER) >= first_free:
        raise TokenFormatError("clusters: one earlier id a record is needed, all below the first free one")
    cluster_of, clusters = _in_order_of_first_records(after)
    ids = np.full(clusters, NO_CLUSTER, np.int64)
    kept: set[int] = set()
    for old, new in _overlaps(before, cluster_of, clusters):
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


def _overlaps(before: IntArray, cluster_of: IntArray, clusters: int) -> list[tuple[int, int]]:
    """Earlier ids and clusters that share records, the largest shares first."""
    had = before != NO_CLUSTER
    keys, shared = np.unique(before[had] * clusters + cluster_of[had], return_counts=True)
    # Keys ascend by earlier id, then by cluster; a stable sort keeps that among equal shares.
    keys = keys[np.argsort(-shared, kind="stable")]
    return list(zip((keys // clusters).tolist(), (keys % clusters).tolist(), strict=True)) if clusters else []
