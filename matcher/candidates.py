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


def meetings_at_once(schema: LinkageSchema, tokens: TokenSet) -> Meetings:
    """All meetings by equal stored slots, found in one sort: for some thousand tokens, not for an index.

    Slots of different kinds are made with keys of their own, so equal values are of one kind.
    """
    searched = np.flatnonzero([slot.search for slot in schema.stored])
    left, right, _ = equal_pairs(tokens.slots[:, searched].ravel())
    width = max(len(searched), 1)
    return _between_records(tokens, left // width, right // width, -1)


class SlotIndex:
    """Stored slots sorted by value, to be searched for the slots of others and for probes."""

    def __init__(self, schema: LinkageSchema, tokens: TokenSet) -> None:
        """Sort every slot that candidate search looks at."""
        self.schema = schema
        self.tokens = tokens
        self._sorted: dict[str, tuple[UInt64Array, IntArray, BoolArray]] = {}
        for index, slot in enumerate(schema.stored):
            if slot.search:
                values = tokens.slots[:, index]
                rows = np.flatnonzero(values)
                order = rows[np.argsort(values[rows], kind="stable")]
                self._sorted[slot.slot_id] = values[order], order, _presence(values[order])

    def find(self, slot_id: str, rows: IntArray, values: UInt64Array) -> tuple[IntArray, IntArray]:
        """Stored tokens with one of some values.

        Args:
            slot_id: Which slot to search.
            rows: The asking token of each value, shape (m,).
            values: The values, shape (m,).

        Returns:
            Asking and stored token of every meeting.
        """
        stored, order, presence = self._sorted[slot_id]
        likely = np.flatnonzero(presence[_bucket(values)])
        rows, values = rows[likely], values[likely]
        first = np.searchsorted(stored, values, side="left")
        counts = np.searchsorted(stored, values, side="right") - first
        met = np.flatnonzero((counts > 0) & (counts <= LARGEST_GROUP))
        askers = np.repeat(rows[met], counts[met])
        offsets = np.arange(len(askers)) - np.repeat(np.cumsum(counts[met]) - counts[met], counts[met])
        return askers, order[np.repeat(first[met], counts[met]) + offsets]

    def meetings_of_probe(self, asked: int, rows: IntArray, variants: UInt64Array) -> Meetings:
        """Meetings of one probe's variants, asked by these same tokens, with the others."""
        askers, holders = self.find(self.schema.asked[asked].asks, rows, variants)
        left, right = np.minimum(askers, holders), np.maximum(askers, holders)
        return _between_records(self.tokens, left, right, asked)

    def meetings_of_slots(self, tokens: TokenSet) -> Meetings:
        """Meetings of other tokens (left) with these (right) by equal stored slots."""
        parts = []
        for index, slot in enumerate(self.schema.stored):
            if slot.search:
                rows = np.flatnonzero(tokens.slots[:, index])
                askers, holders = self.find(slot.slot_id, rows, tokens.slots[rows, index])
                parts.append(Meetings(askers, holders, np.full(len(askers), -1, np.int64)))
        return Meetings.concatenate(parts)


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
