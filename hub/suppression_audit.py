"""What can somebody work out who holds every published table? The bounds, exactly.

Every published cell says that a sum of unknown whole numbers lies between two bounds: a number shown as 45
that it is 43 to 47, a `*` that is small that it is 0 to 7. What follows for one group of people is the
smallest and the largest sum that any solution has: two integer programmes, solved by HiGHS through
`scipy.optimize.milp` (Huangfu and Hall 2018). Audits of this kind are in Hundepool et al., Statistical
Disclosure Control (2012), chapter 4.

The reader is assumed to know more than they are told: which `*` are small counts, and which only protect
others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hub.errors import UnavailableError

Group = frozenset[int]
# Seconds for one bound; a table that takes longer is not published.
TIME_LIMIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Bounded:
    """A published fact: the people in these atoms are at least `low` and, where known, at most `high`."""

    group: Group
    low: int
    high: int | None


class Audit:
    """All published facts, ready to be asked what they say about a group."""

    def __init__(self, facts: Iterable[Bounded]) -> None:
        """Take the facts; what says nothing (0 or more) is left out."""
        self.facts = tuple(dict.fromkeys(fact for fact in facts if fact.low > 0 or fact.high is not None))
        self._of_atom: dict[int, list[int]] = defaultdict(list)
        for index, fact in enumerate(self.facts):
            for atom in fact.group:
                self._of_atom[atom].append(index)

    def touching(self, group: Group) -> set[int]:
        """The facts that share an atom with the group, by index."""
        return {index for atom in group for index in self._of_atom.get(atom, ())}

    def by_distance(self, group: Group) -> Iterator[list[Bounded]]:
        """The facts that bear on the group: those that share an atom with it, then those beyond."""
        seen: set[int] = set()
        ahead = self.touching(group)
        while ahead:
            seen |= ahead
            yield [self.facts[index] for index in sorted(ahead)]
            ahead = {near for index in ahead for near in self.touching(self.facts[index].group)} - seen

    def bounds(self, group: Group, *, at_most: int) -> tuple[int, int]:
        """The smallest and the largest count of the group, of those up to `at_most`.

        Args:
            group: Atoms of the group.
            at_most: Where to cut; the true count must not be larger.

        Raises:
            UnavailableError: The solver found no answer in its time.
        """
        facts = [fact for near in self.by_distance(group) for fact in near]
        if all(fact.group == group for fact in facts):
            highs = [fact.high for fact in facts if fact.high is not None]
            return max((fact.low for fact in facts), default=0), min([at_most, *highs])
        return _solve(group, [*facts, Bounded(group, 0, at_most)])


def _solve(group: Group, facts: Sequence[Bounded]) -> tuple[int, int]:
    """Minimise and maximise the sum over the group; atoms that no fact tells apart are one variable."""
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp  # type: ignore[import-untyped,unused-ignore]
    from scipy.sparse import csc_array  # type: ignore[import-untyped,unused-ignore]

    signatures: dict[int, list[int]] = defaultdict(list)
    for index, fact in enumerate(facts):
        for atom in fact.group:
            signatures[atom].append(index)
    columns = sorted({tuple(rows) for rows in signatures.values()})
    rows = [row for column in columns for row in column]
    places = [place for place, column in enumerate(columns) for _ in column]
    matrix = csc_array((np.ones(len(rows)), (rows, places)), shape=(len(facts), len(columns)))
    low = [fact.low for fact in facts]
    high = [np.inf if fact.high is None else fact.high for fact in facts]
    # The group itself is the last fact.
    aim = np.array([float(column[-1] == len(facts) - 1) for column in columns])
    found = []
    for sign in (1.0, -1.0):
        result = milp(
            sign * aim,
            constraints=LinearConstraint(matrix, low, high),
            integrality=np.ones(len(columns)),
            bounds=Bounds(0, np.inf),
            options={"time_limit": TIME_LIMIT_SECONDS},
        )
        if result.status != 0:
            raise UnavailableError("disclosure check: no answer from the solver in its time")
        found.append(round(sign * result.fun))
    return found[0], found[1]
