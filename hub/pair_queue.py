"""The queue of an agency: its pairs with other agencies' records, as if those withheld did not exist.

Groups, their order, where the queue ends and what contradicts what are taken from the pairs that the reader
may be told of, and from nothing else. A pair is chosen by a snapshot, and decided on once more, by what is
recorded then, in the transaction that logs the reading (`hub.pair_reading`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy.orm import Session

from hub.linking_index import Reference
from hub.pair_decisions import Ends, Standing, order_ends, standing_decisions
from hub.pair_lists import PairList, read_pair_list
from hub.pair_telling import Pair
from matcher.clustering import components
from matcher.lookups import Explanation
from matcher.patterns import may_be_twins

CANDIDATES_AT_ONCE = 500
NOTHING = Standing({}, frozenset())

# Those of some pairs that may be told of.
Tell = Callable[[Sequence[Pair]], Iterable[Pair]]


@dataclass(frozen=True, slots=True, repr=False)
class QueuedPair:
    """A pair as it may be shown to one of its agencies.

    Attributes:
        own, other: Its records.
        group: Pairs that hang together by their records have one number, from 1 in the order of the queue.
        explanation: What speaks for and against.
        may_be_twins: Born on one day under one surname, with another forename.
        standing: What stands decided.
        at_odds: Decisions the reader may know of contradict each other about it.
    """

    own: Reference
    other: Reference
    group: int
    explanation: Explanation
    may_be_twins: bool
    standing: Standing
    at_odds: bool

    @property
    def pair(self) -> Pair:
        """Both records, the own one first."""
        return self.own, self.other

    @property
    def ends(self) -> Ends:
        """Both records in their order."""
        return order_ends(self.own, self.other)


def list_pairs(
    session: Session, agency: str, *, tell: Tell, limit: int, everything: bool
) -> list[QueuedPair]:
    """The first pairs of an agency's queue.

    Groups come in the order of the pair that is most worth deciding, the most uncertain one; so do the pairs
    of a group. What somebody was not sure of comes last.

    Args:
        session: A reading session.
        agency: Whose queue.
        tell: Of which pairs the agency may be told.
        limit: At most so many.
        everything: Also what is settled.
    """
    found = read_pair_list(session, agency)
    if found is None:
        return []
    candidates = _Candidates(found, agency, standing_decisions(session, agency), tell)
    odd = candidates.at_odds()
    chosen = candidates.choose(limit=limit, everything=everything, odd=odd)
    return number_groups([candidates.queued(row, odd) for row in chosen])


def number_groups(pairs: Sequence[QueuedPair]) -> list[QueuedPair]:
    """The pairs with their groups, numbered in the order in which they come."""
    code: dict[Reference, int] = {}
    ends = [(code.setdefault(p.own, len(code)), code.setdefault(p.other, len(code))) for p in pairs]
    columns = np.array(ends, np.int64).reshape(-1, 2)
    component = components(columns[:, 0], columns[:, 1], len(code))
    label = [int(component[left]) for left, _ in ends]
    number = {group: n for n, group in enumerate(dict.fromkeys(label), start=1)}
    return [replace(pair, group=number[at]) for at, pair in zip(label, pairs, strict=True)]


class _Candidates:
    """An agency's pairs; of each it is asked once whether it may be told of."""

    def __init__(self, found: PairList, agency: str, standing: Mapping[Ends, Standing], tell: Tell) -> None:
        self._found, self._tell = found, tell
        own = [(agency, handle) for handle in found.own_handles()]
        self._pairs: list[Pair] = list(zip(own, found.others(), strict=True))
        self._standing = {
            row: standing[ends]
            for row, ends in ((row, order_ends(*pair)) for row, pair in enumerate(self._pairs))
            if ends in standing
        }
        posterior = found.posteriors()
        self._value = 1 - np.abs(2 * posterior - 1)
        for row, one in self._standing.items():
            if not one.verdicts and one.holding:  # Somebody tried, and was not sure.
                self._value[row] -= 1
        self._told: dict[int, bool] = {}

    def queued(self, row: int, odd: frozenset[int]) -> QueuedPair:
        return QueuedPair(
            *self._pairs[row],
            group=0,
            explanation=self._found.explain(row),
            may_be_twins=may_be_twins(int(self._found.pairs["pattern"][row])),
            standing=self._standing.get(row, NOTHING),
            at_odds=row in odd,
        )

    def at_odds(self) -> frozenset[int]:
        """Rows that decisions contradict: its own, or `same` on others that join its two records."""
        rows = self._told_of([row for row, one in self._standing.items() if one.verdicts])
        joined = [row for row in rows if self._standing[row].same]
        code: dict[Reference, int] = {}
        ends = [[code.setdefault(end, len(code)) for end in self._pairs[row]] for row in rows]
        together = np.array([ends[n] for n, row in enumerate(rows) if row in joined], np.int64).reshape(-1, 2)
        component = components(together[:, 0], together[:, 1], len(code))
        odd = {
            row
            for row, (one, other) in zip(rows, ends, strict=True)
            if self._standing[row].same is False and component[one] == component[other]
        }
        return frozenset(odd | {row for row in rows if self._standing[row].contradicts})

    def choose(self, *, limit: int, everything: bool, odd: frozenset[int]) -> list[int]:
        """Rows in the order of the queue."""
        settled = {row for row, one in self._standing.items() if one.same is not None} - odd
        rows = [row for row in range(len(self._pairs)) if everything or row not in settled]
        # Equal values in the order of the own records, whatever was linked first.
        rows.sort(key=lambda row: (-self._value[row], self._pairs[row]))
        near = self._near(rows)
        chosen: dict[int, None] = {}
        for first in self._each_told(rows):
            if len(chosen) >= limit:
                break
            if first not in chosen:
                chosen |= dict.fromkeys(self._group_of(first, near, limit))
        return list(chosen)[:limit]

    def _group_of(self, first: int, near: Mapping[Reference, list[int]], limit: int) -> list[int]:
        """The rows that hang together with one, by what may be told of; no more than are wanted."""
        reached, waiting = {first}, [first]
        while waiting and len(reached) < limit:
            beside = {row for end in self._pairs[waiting.pop()] for row in near[end]} - reached
            more = self._told_of(sorted(beside))
            reached |= set(more)
            waiting += more
        return sorted(reached, key=lambda row: (-self._value[row], self._pairs[row]))

    def _near(self, rows: Iterable[int]) -> Mapping[Reference, list[int]]:
        near: dict[Reference, list[int]] = defaultdict(list)
        for row in rows:
            for end in self._pairs[row]:
                near[end].append(row)
        return near

    def _each_told(self, rows: Sequence[int]) -> Iterator[int]:
        for start in range(0, len(rows), CANDIDATES_AT_ONCE):
            yield from self._told_of(rows[start : start + CANDIDATES_AT_ONCE])

    def _told_of(self, rows: Sequence[int]) -> list[int]:
        """Those of some rows that may be told of, in their order."""
        new = [row for row in rows if row not in self._told]
        if new:
            permitted = set(self._tell([self._pairs[row] for row in new]))
            self._told |= {row: self._pairs[row] in permitted for row in new}
        return [row for row in rows if self._told[row]]
