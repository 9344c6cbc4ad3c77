"""What is counted and what is asked: people cross-classified, and the groups that a table's cells are.

An *atom* is one combination of levels, one of every dimension, whether or not anybody is in it: who
subtracts tables knows which combinations are possible and not which are empty. Everything that is published
is a sum over atoms, so tables, cohorts and runs can be held against each other.

Cohorts are dimensions too. Two nested ones are one dimension of three levels (`inner`, `outer only`,
`neither`); two that may overlap are two dimensions of `in` and `out`. What a cohort was at a date never
changes, so `mcn@2026-01` and `mcn@2026-04` are two dimensions, and who joined is one more table over both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod

from hub.errors import MalformedError

Atom = tuple[str, ...]
Key = tuple[str, ...]
# Two levels, each with its dimension, that nobody can have together.
Pair = tuple[tuple[str, str], tuple[str, str]]
# Beyond this a table can no longer be checked in seconds; fewer dimensions have to be asked together.
MOST_ATOMS = 50_000


@dataclass(frozen=True, slots=True)
class Population:
    """The true counts of one dated snapshot. They never leave the hub.

    Attributes:
        snapshot: Its date, ISO 8601.
        dimensions: All possible levels of each dimension.
        counts: People by atom, levels in the order of `dimensions`; what is left out is 0.
        impossible: Pairs of levels that nobody can have together, as any reader can work out: without them
            an atom that cannot be would pass for somebody's place to hide.
    """

    snapshot: str
    dimensions: Mapping[str, tuple[str, ...]]
    counts: Mapping[Atom, int]
    impossible: frozenset[Pair] = frozenset()

    def __post_init__(self) -> None:
        """Refuse counts that no table could be made of."""
        if prod(len(levels) for levels in self.dimensions.values()) > MOST_ATOMS:
            raise MalformedError(f"dimensions: more than {MOST_ATOMS} combinations of levels")
        if any(len(set(levels)) != len(levels) for levels in self.dimensions.values()):
            raise MalformedError("dimensions: a level occurs twice")
        names = [set(levels) for levels in self.dimensions.values()]
        for atom, count in self.counts.items():
            if len(atom) != len(names) or any(
                level not in known for level, known in zip(atom, names, strict=True)
            ):
                raise MalformedError("counts: a combination is not of the dimensions' levels")
            if type(count) is not int or count < 0:
                raise MalformedError("counts: not a number from 0 on")
        if not self._are_possible(list(self.counts)):
            raise MalformedError("counts: somebody has two levels that nobody can have together")

    def atoms(self) -> list[Atom]:
        """Every possible combination, empty ones too."""
        return self._possible(product(*self.dimensions.values()))

    def _are_possible(self, atoms: list[Atom]) -> bool:
        return len(self._possible(atoms)) == len(atoms)

    def _possible(self, atoms: Iterable[Atom]) -> list[Atom]:
        place = {name: number for number, name in enumerate(self.dimensions)}
        never: dict[tuple[int, int], set[tuple[str, str]]] = {}
        for (first, level), (second, other) in self.impossible:
            never.setdefault((place[first], place[second]), set()).add((level, other))
        return [
            atom
            for atom in atoms
            if all((atom[first], atom[second]) not in pairs for (first, second), pairs in never.items())
        ]

    def count(self, atom: Atom) -> int:
        """People in one atom."""
        return self.counts.get(atom, 0)


@dataclass(frozen=True, slots=True)
class Question:
    """One table: counts by some dimensions, of the people at some levels of others.

    Attributes:
        by: The dimensions that make rows and columns; none asks for one number.
        where: The levels that count, by dimension; a dimension left out is not restricted.
    """

    by: tuple[str, ...]
    where: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 over the question, lower-case hex: the same for the same table under any order."""
        where = {name: sorted(levels) for name, levels in self.where.items()}
        text = json.dumps([sorted(self.by), where], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(b"knownto table/1\n" + text.encode()).hexdigest()


def restricted_truly(population: Population, question: Question) -> Question:
    """The same question without what restricts nobody: all of a dimension's levels are as good as none."""
    levels = {name: frozenset(levels) for name, levels in population.dimensions.items()}
    where = {name: kept for name, kept in question.where.items() if kept != levels.get(name)}
    return Question(question.by, where)


def cells_of(population: Population, question: Question) -> dict[Key, frozenset[Atom]]:
    """The atoms of every cell, empty cells too; the cells of one table share no atom.

    Raises:
        MalformedError: The question names a dimension or level that the population lacks.
    """
    names = list(population.dimensions)
    unknown = {*question.by, *question.where} - set(names)
    if unknown or len(set(question.by)) != len(question.by):
        raise MalformedError("by, where: a dimension is unknown or occurs twice")
    if any(not levels <= set(population.dimensions[name]) for name, levels in question.where.items()):
        raise MalformedError("where: a level is unknown")
    places = [names.index(name) for name in question.by]
    kept = [(names.index(name), levels) for name, levels in question.where.items()]
    cells: dict[Key, set[Atom]] = {}
    for atom in population.atoms():
        if all(atom[place] in levels for place, levels in kept):
            cells.setdefault(tuple(atom[place] for place in places), set()).add(atom)
    return {key: frozenset(atoms) for key, atoms in cells.items()}
