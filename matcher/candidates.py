"""Candidate search: equality joins on slots. There is no all-pairs scan and no index to keep in step.

Pairs are between records; each keeps the tokens that met, because an alias may meet where the main
token does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from matcher.schema import LinkageSchema
from matcher.tokens import BoolArray, IntArray, TokenSet, UInt64Array

# A slot value shared by more tokens than this is no evidence of anybody, and its pairs grow with the
# square: it is left out of the search (never out of the comparison) and counted.
LARGEST_GROUP = 500


@dataclass(frozen=True, slots=True)
class Meetings:
    """Pairs of tokens that share something: `left` < `right` (token indexes), shape (n,) each.

    `asked` is the index of the probe that met, or -1 for an equal stored slot.
    """

    left: IntArray
    right: IntArray
    asked: IntArray

    @staticmethod
    def concatenate(parts: Iterable[Meetings]) -> Meetings:
        """All meetings in one."""
        found = list(parts)
        if not found:
            nothing = np.zeros(0, np.int64)
            return Meetings(nothing, nothing, nothing)
        return Meetings(
            *(np.concatenate([getattr(part, name) for part in found]) for name in ("left", "right", "asked"))
        )


def equal_pairs(values: UInt64Array, *, largest_group: int = LARGEST_GROUP) -> tuple[IntArray, IntArray, int]:
    """All pairs of rows with equal, non-zero values.

    Args:
        values: Shape (n,), uint64; 0 = absent.
        largest_group: Values shared by more rows than this are left out.

    Returns:
        Rows `left` < `right`, and how many values were left out.
    """
    rows = np.flatnonzero(values)
    order = rows[np.argsort(values[rows], kind="stable")]
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(order) else np.zeros(0, np.int64)
    sizes = np.diff(np.r_[starts, len(order)])
    lefts, rights = [], []
    for size in np.unique(sizes[(sizes > 1) & (sizes <= largest_group)]):
        members = order[starts[sizes == size][:, None] + np.arange(size)]
        first, second = np.triu_indices(int(size), k=1)
        lefts.append(members[:, first].ravel())
        rights.append(members[:, second].ravel())
    left = np.concatenate(lefts) if lefts else np.zeros(0, np.int64)
    right = np.concatenate(rights) if rights else np.zeros(0, np.int64)
    return left, right, int((sizes > largest_group).sum())


def stored_meetings(schema: LinkageSchema, tokens: TokenSet) -> Iterator[Meetings]:
    """Meetings by equal stored slots, one slot at a time."""
    for index, slot in enumerate(schema.stored):
        if slot.search:
            left, right, _ = equal_pairs(tokens.slots[:, index])
            yield _between_records(tokens, left, right, -1)


class ProbeIndex:
    """Stored slots sorted for the probes that ask for them."""

    def __init__(self, schema: LinkageSchema, tokens: TokenSet) -> None:
        """Sort every slot that a probe asks for."""
        self._tokens = tokens
        self._sorted: dict[str, tuple[UInt64Array, IntArray, BoolArray]] = {}
        for slot_id in {probe.asks for probe in schema.asked}:
            values = tokens.slots[:, schema.slot_index[slot_id]]
            rows = np.flatnonzero(values)
            order = rows[np.argsort(values[rows], kind="stable")]
            self._sorted[slot_id] = values[order], order, _presence(values[order])
        self._schema = schema

    def meetings(self, asked: int, rows: IntArray, variants: UInt64Array) -> Meetings:
        """Meetings of one probe's variants with the stored tokens.

        Args:
            asked: Index of the probe in the schema.
            rows: The asking token of each variant, shape (m,).
            variants: The variants, shape (m,).
        """
        values, order, presence = self._sorted[self._schema.asked[asked].asks]
        likely = np.flatnonzero(presence[_bucket(variants)])
        rows, variants = rows[likely], variants[likely]
        first = np.searchsorted(values, variants, side="left")
        counts = np.searchsorted(values, variants, side="right") - first
        met = np.flatnonzero((counts > 0) & (counts <= LARGEST_GROUP))
        askers = np.repeat(rows[met], counts[met])
        offsets = np.arange(len(askers)) - np.repeat(np.cumsum(counts[met]) - counts[met], counts[met])
        holders = order[np.repeat(first[met], counts[met]) + offsets]
        left, right = np.minimum(askers, holders), np.maximum(askers, holders)
        return _between_records(self._tokens, left, right, asked)


def _between_records(tokens: TokenSet, left: IntArray, right: IntArray, asked: int) -> Meetings:
    """Drop meetings of a record's own tokens."""
    different = tokens.record[left] != tokens.record[right]
    left, right = left[different], right[different]
    return Meetings(left, right, np.full(len(left), asked, np.int64))


_BUCKET_BITS = 22


def _bucket(values: UInt64Array) -> IntArray:
    """A small hash of slots (Fibonacci hashing, Knuth 6.4)."""
    return ((values * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - _BUCKET_BITS)).astype(np.int64)


def _presence(values: UInt64Array) -> BoolArray:
    """Which buckets hold a value: most variants ask for nobody and are dropped by one look here."""
    presence = np.zeros(1 << _BUCKET_BITS, np.bool_)
    presence[_bucket(values)] = True
    return presence
