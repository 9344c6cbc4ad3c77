"""Attacks on stored slots by whoever has the index and a register, and no key: plain functions on arrays.

A slot's value is opaque, but equal inputs give equal values. Rank alignment uses how often values occur
(frequency analysis, as Naveed, Kamara and Wright 2015 on encrypted columns); percolation uses which records
share values, starting from people the attacker knows (Narayanan and Shmatikov 2009 on graphs).

Values and inputs are numbered alike here, so that an answer can be checked: input n has value n. The attacks
never use that; they only count, compare values with values and inputs with inputs.

They are lower bounds: an attacker with side knowledge (areas, dates of pushes, the caseload of one agency)
does better, and whoever has the linkage key needs none of this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from matcher.tokens import BoolArray, FloatArray, IntArray, UInt64Array

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Opened:
    """What percolation found out.

    Attributes:
        right: Share of the records of people not known at the start that are given their true person.
        wrong: Share of them that are given another person.
        rounds: Rounds until nothing new was found.
    """

    right: float
    wrong: float
    rounds: int


def rank_alignment(values: UInt64Array, register: UInt64Array, *, rng: np.random.Generator) -> float:
    """Align the ranks of a slot's values with the ranks of the same inputs in a register.

    The most frequent value is taken for the most frequent input, and so on; ties are broken at random.

    Args:
        values: The slot of every record, shape (records,); 0 = absent.
        register: The inputs of everybody, numbered as values are, shape (people,); 0 = absent.
        rng: Breaks ties.

    Returns:
        Share of the records that have the slot whose inputs are guessed rightly; 0.0 where none has it.
    """
    seen, counts = _by_rank(values, rng)
    expected, _ = _by_rank(register, rng)
    both = min(len(seen), len(expected))
    right = counts[:both][seen[:both] == expected[:both]].sum()
    return float(right / max(counts.sum(), 1))


def _by_rank(values: UInt64Array, rng: np.random.Generator) -> tuple[UInt64Array, IntArray]:
    """Distinct values, the most frequent first, and their frequencies."""
    distinct, counts = np.unique(values[values != 0], return_counts=True)
    order = rng.permutation(len(distinct))
    order = order[np.argsort(-counts[order], kind="stable")]
    return distinct[order], counts[order]


class Percolation:
    """Opens an index step by step from known people, with a register of everybody.

    A record is opened when exactly one person of the register fits all that is known of it: its opened
    values must be that person's inputs, and its other values must not be inputs already opened as another
    value. All values of an opened record are then opened as that person's inputs.
    """

    def __init__(self, values: UInt64Array, register: UInt64Array) -> None:
        """Prepare.

        Args:
            values: Slots of every record, shape (records, slots); 0 = absent.
            register: Inputs of everybody, numbered as values are, shape (people, slots); 0 = absent.
        """
        self._values, self._register = _numbered(values, register)
        width = int(max(self._values.max(initial=0), self._register.max(initial=0))) + 1
        slots = self._values.shape[1]
        self._input_of = np.zeros((slots, width), np.int64)
        self._is_opened = np.zeros((slots, width), np.bool_)
        self._sorted = [np.argsort(self._register[:, s], kind="stable") for s in range(slots)]
        self._keys = [self._register[order, s] for s, order in enumerate(self._sorted)]

    def run(self, person: IntArray, known: BoolArray) -> Opened:
        """Open what can be opened.

        Args:
            person: True person of every record, a row of the register, shape (records,).
            known: Which people's records are known at the start, shape (people,).
        """
        of_known = known[person]
        found = np.where(of_known, person, NOBODY)
        for record in np.flatnonzero(of_known).tolist():
            self._open(record, int(found[record]))
        rounds = 0
        news = bool(of_known.any())
        while news:
            rounds += 1
            news = False
            for record in self._reached(found).tolist():
                candidate = self._only_candidate(record)
                if candidate != NOBODY:
                    found[record] = candidate
                    self._open(record, candidate)
                    news = True
        rest = ~of_known
        size = max(int(rest.sum()), 1)
        right = float((found == person)[rest].sum()) / size
        return Opened(right, float((found != NOBODY)[rest].sum()) / size - right, rounds)

    def _open(self, record: int, person: int) -> None:
        """Write down which inputs the record's values stand for; the first word on a value stands."""
        for slot in np.flatnonzero(self._values[record]).tolist():
            value, entry = self._values[record, slot], self._register[person, slot]
            if entry and not self._input_of[slot, value] and not self._is_opened[slot, entry]:
                self._input_of[slot, value] = entry
                self._is_opened[slot, entry] = True

    def _reached(self, found: IntArray) -> IntArray:
        """Records not opened yet that share a value with an opened one."""
        reached = np.zeros(len(found), np.bool_)
        for slot in range(self._values.shape[1]):
            reached |= self._input_of[slot, self._values[:, slot]] != 0
        return np.flatnonzero(reached & (found == NOBODY))

    def _only_candidate(self, record: int) -> int:
        """The one person of the register who fits, or NOBODY."""
        row = self._values[record]
        slots = np.flatnonzero(row)
        inputs = self._input_of[slots, row[slots]]
        candidates = self._fewest(slots[inputs != 0].tolist(), inputs[inputs != 0].tolist())
        theirs = self._register[np.ix_(candidates, slots)]
        fits = np.where(inputs != 0, theirs == inputs, ~self._is_opened[slots, theirs]).all(axis=1)
        return int(candidates[fits][0]) if fits.sum() == 1 else NOBODY

    def _fewest(self, slots: Iterable[int], inputs: Iterable[int]) -> IntArray:
        """People who have the rarest of some inputs."""
        ranges = [
            (slot, *np.searchsorted(self._keys[slot], (entry, entry + 1)).tolist())
            for slot, entry in zip(slots, inputs, strict=True)
        ]
        slot, start, end = min(ranges, key=lambda found: found[2] - found[1])
        return np.asarray(self._sorted[slot][start:end], dtype=np.int64)


def _numbered(values: UInt64Array, register: UInt64Array) -> tuple[IntArray, IntArray]:
    """Values and inputs of every slot as small numbers; 0 stays 0."""
    columns = []
    for slot in range(values.shape[1]):
        together = np.concatenate([np.zeros(1, np.uint64), values[:, slot], register[:, slot]])
        columns.append(np.unique(together, return_inverse=True)[1][1:])
    table = np.stack(columns, axis=1).astype(np.int64)
    return table[: len(values)], table[len(values) :]


def register_of(values: UInt64Array, person: IntArray) -> UInt64Array:
    """A perfect register: of every person the commonest input of their records, slot by slot.

    Args:
        values: Slots of every record, conditions of storing left aside, shape (records, slots).
        person: Person of every record, dense, shape (records,).

    Returns:
        Shape (people, slots); 0 where no record of the person has the input.
    """
    register = np.zeros((int(person.max(initial=-1)) + 1, values.shape[1]), np.uint64)
    for slot in range(values.shape[1]):
        rows = np.flatnonzero(values[:, slot])
        who, what = person[rows], values[rows, slot]
        keys = np.stack([who.astype(np.uint64), what], axis=1)
        distinct, first, counts = np.unique(keys, axis=0, return_index=True, return_counts=True)
        # The commonest first; of equally common ones the first record's, so that slots go together.
        order = np.lexsort((first, -counts, distinct[:, 0]))
        people, chosen = np.unique(distinct[order, 0], return_index=True)
        register[people.astype(np.int64), slot] = distinct[order[chosen], 1]
    return register


def shares(values: UInt64Array, person: IntArray) -> tuple[float, float, FloatArray]:
    """How many strangers share a slot's value.

    Args:
        values: The slot of every record, shape (records,); 0 = absent.
        person: Person of every record, shape (records,).

    Returns:
        Mean number of records of other people with the same value, over all records and over those that
        have the slot; and that number of each record, shape (records,).
    """
    rows = np.flatnonzero(values)
    strangers = np.zeros(len(values))
    if not len(rows):
        return 0.0, 0.0, strangers
    value = np.unique(values[rows], return_inverse=True)[1].astype(np.int64)
    who = np.unique(person[rows], return_inverse=True)[1].astype(np.int64)
    own = np.unique(value * (int(who.max()) + 1) + who, return_inverse=True, return_counts=True)
    strangers[rows] = np.bincount(value)[value] - own[2][own[1]]
    return float(strangers.mean()), float(strangers[rows].mean()), strangers
