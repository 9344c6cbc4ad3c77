"""Differential privacy, for tables that must stand against readers who know almost everybody: optional.

Every count gets noise of the geometric mechanism (Ghosh, Roughgarden and Sundararajan 2009) from OpenDP, and
only then is hidden or rounded. The library is an optional extra: randomness that can be predicted, or noise
that leaks through floating point, is what own mechanisms get wrong.

The noise is frozen: one draw for a group of people and a snapshot, kept and used again by whoever asks,
for noise drawn anew for each asking averages away. A person stands in one cell of a table, so a table
costs one epsilon and tables of one snapshot add up; `epsilon_spent` says how much. Two tables of which one
can be summed from the other each cost their own.

Use it for a population of its own: a count published with rounding alone beside the noisy one undoes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.errors import SettingsError, UnavailableError
from hub.suppression import Published, selection_of
from hub.suppression_profiles import Profile
from hub.suppression_tables import Key, Population, Question, cells_of, restricted_truly

Mechanism = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class FrozenCounts:
    """All noisy counts drawn so far; keep the one returned.

    Attributes:
        noisy: Count with noise by snapshot and selection.
        tables: The tables answered, by snapshot and question digest; each cost one epsilon.
    """

    noisy: Mapping[tuple[str, str], int]
    tables: frozenset[tuple[str, str]] = frozenset()

    def epsilon_spent(self, snapshot: str, *, epsilon: float) -> float:
        """What the tables of a snapshot cost together, an upper bound."""
        return epsilon * sum(dated == snapshot for dated, _ in self.tables)


def geometric_mechanism(epsilon: float) -> Mechanism:
    """Noise for counts that one person changes by one at most.

    Raises:
        SettingsError: Epsilon is not above 0 and at most 10.
        UnavailableError: OpenDP is not installed.
    """
    if not 0 < epsilon <= 10:
        raise SettingsError("epsilon: not above 0 and at most 10")
    try:
        import opendp.prelude as dp  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise UnavailableError("differential privacy needs the package opendp") from None
    dp.enable_features("contrib")
    measurement = dp.m.make_geometric(dp.atom_domain(T=int), dp.absolute_distance(T=int), scale=1 / epsilon)
    if measurement.map(1) > epsilon * (1 + 1e-9):
        raise UnavailableError("differential privacy: the mechanism costs more than the epsilon asked for")
    return lambda count: int(measurement(count))


def publish_noisy(
    frozen: FrozenCounts,
    population: Population,
    question: Question,
    *,
    profile: Profile,
    mechanism: Mechanism,
) -> tuple[FrozenCounts, Published]:
    """A table whose every count carries frozen noise, hidden and rounded as the profile says.

    What is shown depends on the noisy count alone: a true 5 may show as 10, a true 9 as `*`.
    """
    noisy, shown = dict(frozen.noisy), dict[Key, int | None]()
    question = restricted_truly(population, question)
    for key, atoms in cells_of(population, question).items():
        place = (population.snapshot, selection_of(question, key))
        if place not in noisy:
            noisy[place] = mechanism(sum(population.count(atom) for atom in atoms))
        shown[key] = None if profile.hides(noisy[place]) else profile.rounded(noisy[place])
    tables = frozen.tables | {(population.snapshot, question.digest)}
    return FrozenCounts(noisy, tables), Published(population.snapshot, question.by, shown)
