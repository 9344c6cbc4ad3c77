"""Somebody with every published table, a solver, and more knowledge than any reader has.

Nothing of `hub` is used here but the shape of a published table: the attacker reads what was shown. They are
told besides which `*` are small counts, which combinations are possible, and which did not change between
runs. `interval` answers by linear programming, `values` by trying every solution of a small one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog

from hub.suppression import Published
from hub.suppression_tables import Population, Question

LARGEST_HIDDEN, BASE = 7, 5
Unknown = tuple[tuple[str, ...], int]


@dataclass
class Attacker:
    """Collects what is published.

    Attributes:
        truth: The true count of every unknown, for telling which groups are small; never used to solve.
        statements: Groups of unknowns and the bounds that were published for their sum.
        hidden: Groups that were shown as `*` and are small.
        numbers: Groups that were shown as a number.
    """

    truth: dict[Unknown, int] = field(default_factory=dict)
    statements: list[tuple[frozenset[Unknown], int, float]] = field(default_factory=list)
    hidden: set[frozenset[Unknown]] = field(default_factory=set)
    numbers: set[frozenset[Unknown]] = field(default_factory=set)
    _latest: dict[tuple[str, ...], Unknown] = field(default_factory=dict)
    _names: list[str] = field(default_factory=list)

    def see(self, population: Population, question: Question, table: Published) -> None:
        """Take in one published table."""
        names = list(population.dimensions)
        self._refine(population)
        for atom in population.atoms():
            self._meet(atom, population.counts.get(atom, 0))
        for key, shown in table.cells.items():
            wanted = {name: levels for name, levels in question.where.items()}
            wanted |= {name: frozenset([level]) for name, level in zip(table.by, key, strict=True)}
            group = frozenset(
                self._latest[atom]
                for atom in population.atoms()
                if all(atom[names.index(name)] in levels for name, levels in wanted.items())
            )
            self._state(group, shown)

    def _refine(self, population: Population) -> None:
        """Where there are dimensions more than before, what did not change is one unknown for each part."""
        names, old = list(population.dimensions), self._names
        self._names = names
        if names == old or not old:
            return
        parts: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        for atom in population.atoms():
            parts.setdefault(tuple(atom[names.index(name)] for name in old), []).append(atom)
        latest, self._latest = self._latest, {}
        for coarse, atoms in parts.items():
            unknown = latest.get(coarse)
            counts = [population.counts.get(atom, 0) for atom in atoms]
            if unknown is None or self.truth[unknown] != sum(counts):
                continue
            del self.truth[unknown]
            self._latest |= {atom: (atom, 0) for atom in atoms}
            self.truth |= {(atom, 0): count for atom, count in zip(atoms, counts, strict=True)}
            self._replace(unknown, frozenset((atom, 0) for atom in atoms))

    def _replace(self, old: Unknown, parts: frozenset[Unknown]) -> None:
        def refined(group: frozenset[Unknown]) -> frozenset[Unknown]:
            return (group - {old}) | parts if old in group else group

        self.statements = [(refined(group), low, high) for group, low, high in self.statements]
        self.hidden = {refined(group) for group in self.hidden}
        self.numbers = {refined(group) for group in self.numbers}

    def _meet(self, atom: tuple[str, ...], count: int) -> None:
        known = self._latest.get(atom)
        if known is None or self.truth[known] != count:
            self._latest[atom] = (atom, 0 if known is None else known[1] + 1)
            self.truth[self._latest[atom]] = count

    def _state(self, group: frozenset[Unknown], shown: int | None) -> None:
        if shown is not None:
            half = BASE // 2
            self.statements.append((group, max(shown - half, LARGEST_HIDDEN + 1), shown + half))
            self.numbers.add(group)
        elif self.count(group) <= LARGEST_HIDDEN:
            self.statements.append((group, 0, LARGEST_HIDDEN))
            self.hidden.add(group)

    def count(self, group: Iterable[Unknown]) -> int:
        """The truth, for the judge."""
        return sum(self.truth[unknown] for unknown in group)

    def targets(self) -> list[frozenset[Unknown]]:
        """What must not be narrowed: small hidden cells, and small differences of nested numbers."""
        nested = {outer - inner for inner in self.numbers for outer in self.numbers if inner < outer}
        return sorted(
            self.hidden | {group for group in nested if self.count(group) <= LARGEST_HIDDEN}, key=sorted
        )

    def interval(self, group: frozenset[Unknown]) -> tuple[int, int]:
        """Whole-number bounds of a group's count from the linear relaxation."""
        unknowns = list(self.truth)
        rows, limits = [], []
        for members, low, high in self.statements:
            row = [float(unknown in members) for unknown in unknowns]
            rows += [row, [-value for value in row]]
            limits += [high, -low]
        aim = np.array([float(unknown in group) for unknown in unknowns])
        found = []
        for sign in (1, -1):
            result = linprog(sign * aim, A_ub=rows or None, b_ub=limits or None, bounds=(0, None))
            assert result.status in (0, 3), "the published tables contradict each other"
            found.append(math.inf if result.status == 3 else sign * result.fun)
        return math.ceil(found[0] - 1e-6), math.floor(min(found[1], 10**6) + 1e-6)

    def values(self, group: frozenset[Unknown], *, largest: int) -> set[int]:
        """Every count the group can have, by trying all whole numbers up to `largest` for every unknown."""
        unknowns = list(self.truth)
        grids: Mapping[Unknown, np.ndarray] = dict(
            zip(unknowns, np.indices([largest + 1] * len(unknowns), dtype=np.int16), strict=True)
        )
        possible = np.ones([largest + 1] * len(unknowns), dtype=bool)
        for members, low, high in self.statements:
            total = sum(grids[unknown] for unknown in members)
            possible &= (total >= low) & (total <= high)
        return set(np.unique(sum(grids[unknown] for unknown in group)[possible]).tolist())
