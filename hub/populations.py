"""People as a population of `hub.suppression_tables`: by area, by services, by the cohorts they are in.

Every person stands in one cell of each dimension. `area` is where they were last seen. `services` are the
kinds of service that know them, all together: the columns of an UpSet plot. A cohort is a dimension of two
levels, and so is a cohort as a snapshot kept it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import combinations
from math import prod

from hub.cohort_members import Stay, can_be_member, must_be_member
from hub.cohort_rules import CohortRule
from hub.counted_people import CountedPeople
from hub.errors import UnavailableError
from hub.suppression_tables import MOST_ATOMS, Pair, Population

AREA, SERVICES = "area", "services"
UNKNOWN, NO_KIND = "unknown", "none"
IN, OUT = "in", "out"
TOGETHER = "+"

Members = Mapping[str, Collection[int]]


def area_of(stays: Iterable[Stay]) -> str:
    """Where somebody was last seen: of several, where they came last, and then the first by name."""
    placed = [stay for stay in stays if stay.area is not None]
    if not placed:
        return UNKNOWN
    latest = min(placed, key=lambda stay: (-(stay.last or 0), -(stay.first or 0), stay.area))
    return str(latest.area)


def services_level(kinds: Iterable[str | None]) -> str:
    """The kinds of service that know somebody, as one level."""
    named = sorted({kind for kind in kinds if kind is not None})
    return TOGETHER.join(named) or NO_KIND


def kinds_of_level(level: str) -> tuple[str, ...]:
    """The kinds that a level of `services` names."""
    return () if level == NO_KIND else tuple(level.split(TOGETHER))


def services_levels(people: CountedPeople) -> tuple[str, ...]:
    """Every combination of kinds there can be, in the order of their size."""
    kinds = sorted(people.kinds)
    together = [
        TOGETHER.join(some) for size in range(1, len(kinds) + 1) for some in combinations(kinds, size)
    ]
    return (*together, NO_KIND) if _may_be_without_kind(people) else tuple(together)


def count_people(
    people: CountedPeople,
    stays: Mapping[int, tuple[Stay, ...]],
    members: Members,
    *,
    snapshot: str,
    areas: Iterable[str] = (),
    impossible: Iterable[Pair] = (),
) -> Population:
    """Everybody cross-classified.

    Args:
        people: Who is counted.
        stays: Everybody's timeline.
        members: Who is in, by the name of a dimension of two levels.
        snapshot: The date, ISO 8601.
        areas: Areas that have a row even where nobody is left there, besides those of the records.
        impossible: What nobody can be, as `Population` has it.

    Raises:
        UnavailableError: More combinations than can be held against each other.
    """
    placed = {cluster: area_of(timeline) for cluster, timeline in stays.items()}
    dimensions: dict[str, tuple[str, ...]] = {
        AREA: tuple(sorted({*areas, *_all_areas(people), *placed.values()})),
        SERVICES: services_levels(people),
        **dict.fromkeys(members, (IN, OUT)),
    }
    if prod(map(len, dimensions.values())) > MOST_ATOMS:
        raise UnavailableError(
            "cohorts: together with areas and services more than can be held against each other; "
            "what is published already can still be asked for"
        )
    counts = Counter(
        (
            placed[cluster],
            services_level(stay.kind for stay in timeline),
            *(IN if cluster in inside else OUT for inside in members.values()),
        )
        for cluster, timeline in stays.items()
    )
    return Population(snapshot, dimensions, counts, frozenset(impossible))


def impossible_pairs(name: str, rule: CohortRule, levels: Iterable[str]) -> list[Pair]:
    """Which services exclude that somebody is in a cohort, or that they are not: anybody can read the rule.

    Args:
        name: The cohort's dimension.
        rule: Its rule.
        levels: Those of `services`.
    """
    pairs: list[Pair] = []
    for level in levels:
        kinds = kinds_of_level(level)
        if not can_be_member(rule, kinds):
            pairs.append(((SERVICES, level), (name, IN)))
        elif must_be_member(rule, kinds):
            pairs.append(((SERVICES, level), (name, OUT)))
    return pairs


def same(one: str, other: str) -> list[Pair]:
    """That nobody is in one of two cohorts and out of the other, as every reader knows."""
    return [((one, IN), (other, OUT)), ((one, OUT), (other, IN))]


def _all_areas(people: CountedPeople) -> set[str]:
    return {record.area for mine in people.records.values() for record in mine if record.area is not None}


def _may_be_without_kind(people: CountedPeople) -> bool:
    return any(record.kind is None for mine in people.records.values() for record in mine)
