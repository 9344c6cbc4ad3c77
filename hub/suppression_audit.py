"""What can somebody work out who holds every published table?

Every published cell says that a sum of unknown whole numbers lies between two bounds: a number shown as 45
that it is 43 to 47, a `*` that is small that it is 0 to 7. What follows for one group of people is the
smallest and the largest sum that any solution has (Hundepool et al., Statistical Disclosure Control, 2012).
Solutions come from HiGHS through `scipy.optimize.milp`; each is checked before it counts, so that a group is
passed only on solutions that are there, and what is not found in time costs a cell, never somebody's secret.

The reader is assumed to know more than they are told: which `*` are small counts, and which only protect
others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from hub.errors import UnavailableError

if TYPE_CHECKING:
    from numpy import ndarray

    Numbers = ndarray[Any, Any]

Group = frozenset[int]
# For one programme. Nodes are counted the same on every machine; the seconds are for what has gone wrong.
MOST_NODES = 50
# People by whom a whole solution may differ from the relaxed one, in every unknown.
REACHES = (0, 1, 3)
TIME_LIMIT_SECONDS = 60.0
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Bounded:
    """A published fact: the people in these atoms are at least `low` and, where known, at most `high`."""

    group: Group
    low: int
    high: int | None


class Audit:
    """All published facts, asked what they say about groups of people.

    Every solution found is kept as a *witness*: it shows a possible count of all groups at once, so that most
    groups need no programme of their own. The truth is the first. Facts may be taken back, which leaves
    every witness good.
    """

    def __init__(
        self,
        facts: Sequence[Bounded],
        groups: Sequence[Group],
        *,
        truth: Sequence[int],
        at_most: int,
        protection: int,
    ) -> None:
        """Set up the unknowns: atoms that no fact and no group tells apart are one.

        Args:
            facts: What was published.
            groups: The groups to ask about.
            truth: The true count of every atom.
            at_most: Where their counts are cut; no true count of a group may be larger.
            protection: What the counts a group can have must span, so cut.
        """
        import numpy as np

        self.facts = facts
        self.at_most, self.protection = at_most, protection
        rows: dict[int, list[int]] = defaultdict(list)
        for index, members in enumerate([*(fact.group for fact in facts), *groups]):
            for atom in members:
                rows[atom].append(index)
        columns: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for atom, signature in rows.items():
            columns[tuple(signature)].append(atom)
        self._rows_of_atom = rows
        self._matrix = _incidence(list(columns), height=len(facts) + len(groups))
        self._low = np.array([fact.low for fact in facts], dtype=float)
        self._high = np.array([np.inf if fact.high is None else fact.high for fact in facts], dtype=float)
        true = np.array([sum(truth[atom] for atom in atoms) for atoms in columns.values()], dtype=float)
        self._least = self._most = self._counts(true)

    def take_back(self, index: int) -> None:
        """A cell is hidden after all: its fact says nothing any more."""
        self._low[index], self._high[index] = 0, float("inf")

    def by_distance(self, group: Group) -> Iterator[list[int]]:
        """The facts that bear on a group, by index: those that share an atom with it, then those beyond."""
        seen: set[int] = set()
        ahead = self._touching(group)
        while ahead:
            seen |= ahead
            yield sorted(ahead)
            ahead = {near for index in ahead for near in self._touching(self.facts[index].group)} - seen

    def _touching(self, group: Group) -> set[int]:
        rows = {row for atom in group for row in self._rows_of_atom.get(atom, ())}
        return {row for row in rows if row < len(self.facts) and self._says_something(row)}

    def _says_something(self, row: int) -> bool:
        return bool(self._low[row] > 0 or self._high[row] < float("inf"))

    def is_exposed(self, group: int) -> bool:
        """Whether the counts a group can have, of those up to `at_most`, span less than `protection`.

        Args:
            group: Which of `groups`.

        Raises:
            UnavailableError: The solver found no answer in its time.
        """
        for sign in (1, -1):
            open_ends = self._open_ends(sign)
            if open_ends[group]:
                # All at once first: one solution often settles many groups.
                for solution in islice(self._solutions(open_ends, sign=sign), 1):
                    self._witness(solution)
            if self._open_ends(sign)[group]:
                alone = open_ends & False
                alone[group] = True
                for solution in self._solutions(alone, sign=sign):
                    self._witness(solution)
                    if not self._open_ends(sign)[group]:
                        break
        return bool(min(self._most[group], self.at_most) - self._least[group] < self.protection)

    def _open_ends(self, sign: int) -> Numbers:
        """The groups no witness of which has yet reached 0 (sign 1), or `at_most` (-1)."""
        ends: Numbers = self._least > 0 if sign == 1 else self._most < self.at_most
        return ends

    def _witness(self, solution: Numbers) -> None:
        """Take in what a solution shows of all groups, after checking it: the solver need not be trusted."""
        import numpy as np

        said = self._matrix[: len(self.facts)] @ solution
        if (solution < 0).any() or (said < self._low).any() or (said > self._high).any():
            return
        counts = self._counts(solution)
        self._least = np.minimum(self._least, counts)
        self._most = np.maximum(self._most, counts)

    def _counts(self, solution: Numbers) -> Numbers:
        counts: Numbers = self._matrix[len(self.facts) :] @ solution
        return counts

    def _solutions(self, wanted: Numbers, *, sign: int) -> Iterator[Numbers]:
        """Whole solutions, each better and dearer, in which some groups are small (sign 1) or large (-1).

        A corner of the relaxation is often whole already, and mostly has a whole neighbour near by. Farther
        than `REACHES` nobody looks: a group is then taken as narrower than it may be, which hides a cell
        more than had to be, and never one less.
        """
        import numpy as np

        aim = sign * (self._matrix[len(self.facts) :].T @ wanted.astype(float))
        caps = np.where(wanted & (sign == -1), float(self.at_most), np.inf)
        relaxed = self._programme(aim, caps, whole=False)
        if relaxed is None:
            raise UnavailableError("disclosure check: no answer from the solver in its time")
        if np.abs(relaxed - np.round(relaxed)).max() < TOLERANCE:
            yield np.round(relaxed)
            return
        if wanted.sum() == 1 and self._is_settled(self._counts(relaxed)[wanted][0], sign=sign):
            return
        for reach in REACHES:
            near = (
                np.maximum(0, np.floor(relaxed + TOLERANCE) - reach),
                np.ceil(relaxed - TOLERANCE) + reach,
            )
            solution = self._programme(aim, caps, whole=True, within=near)
            if solution is not None:
                yield np.round(solution)

    def _is_settled(self, relaxed: float, *, sign: int) -> bool:
        """Whether an end that not even fractions of people reach exposes the group already."""
        missed = relaxed if sign == 1 else self.at_most - relaxed
        return missed - TOLERANCE > self.at_most - self.protection

    def _programme(
        self, aim: Numbers, caps: Numbers, *, whole: bool, within: tuple[Any, Any] = (0.0, float("inf"))
    ) -> Numbers | None:
        """The best solution found, or None: least `aim` under all facts, groups capped, unknowns `within`."""
        import numpy as np
        from scipy.optimize import Bounds, LinearConstraint, milp  # type: ignore[import-untyped,unused-ignore]

        low = np.concatenate([self._low, np.zeros(len(caps))])
        result = milp(
            aim,
            constraints=LinearConstraint(self._matrix, low, np.concatenate([self._high, caps])),
            integrality=np.full(len(aim), int(whole)),
            bounds=Bounds(*within),
            options={"time_limit": TIME_LIMIT_SECONDS, "node_limit": MOST_NODES},
        )
        return None if result.x is None else np.asarray(result.x)


def _incidence(columns: Sequence[tuple[int, ...]], *, height: int) -> Any:
    """Which unknown is in which fact or group, as a sparse matrix of ones."""
    import numpy as np
    from scipy.sparse import csr_array  # type: ignore[import-untyped,unused-ignore]

    rows = [row for column in columns for row in column]
    places = [place for place, column in enumerate(columns) for _ in column]
    return csr_array((np.ones(len(rows)), (rows, places)), shape=(height, len(columns)))
