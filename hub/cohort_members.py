"""Who is a member of a cohort: a rule held against one person's timeline. Pure, and the reasons in words.

A timeline is what the linking run's snapshots say of one cluster: stays of months, each with the kind of
service, the area, and whether it is open at the snapshot. Months are whole numbers (`month_of`), so that a
difference is a number of months. "n months ago" counts from the month of the snapshot, which is 0.

What a snapshot never saw is not known: history begins with the partnership's first linking run, so "first
seen" is "first seen by the partnership".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hub.cohort_rules import CohortRule, Requirement
from hub.errors import MalformedError
from hub.service_kinds import KINDS_THAT_SEE_WOMEN, kind_words, plain_words

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def month_of(text: str) -> int:
    """`YYYY-MM` as a number of months.

    Raises:
        MalformedError: The text is no month.
    """
    found = _MONTH.fullmatch(text)
    if found is None:
        raise MalformedError("month: not YYYY-MM")
    return int(found[1]) * 12 + int(found[2]) - 1


@dataclass(frozen=True, slots=True)
class Stay:
    """One agency saw the person.

    Attributes:
        kind: The agency's service kind.
        area: The record's area.
        first: The first month.
        last: The last month seen, that one too.
        open: Whether it is open at the snapshot.
    """

    kind: str
    area: str
    first: int
    last: int
    open: bool

    def __post_init__(self) -> None:
        """Refuse a stay that ends before it begins."""
        if self.last < self.first:
            raise MalformedError("stay, last: before first")


@dataclass(frozen=True, slots=True)
class Reason:
    """One requirement held against a person, in words without any identifier."""

    met: bool
    words: str


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether a person belongs to a cohort, and why or why not."""

    member: bool
    reasons: tuple[Reason, ...]


def membership(rule: CohortRule, stays: Iterable[Stay], *, at: int) -> Membership:
    """Hold a rule against a person.

    Args:
        rule: The rule.
        stays: The person's timeline; what begins after `at` is left out.
        at: The month of the snapshot.
    """
    seen = [stay for stay in stays if stay.first <= at]
    if not seen:
        return Membership(False, (Reason(False, "not seen by any service"),))
    reasons = tuple(_CHECKS[needed.rule](needed, rule, seen, at) for needed in rule.requirements)
    return Membership(all(reason.met for reason in reasons), reasons)


def warnings_for(rule: CohortRule, present: Collection[str]) -> tuple[str, ...]:
    """What a count by this rule misses because kinds of service take no part, in words.

    Args:
        rule: The rule.
        present: Service kinds of the partnership's agencies.
    """
    here = set(present)
    found = [
        f"nobody from {kind_words(kind)} takes part: women are undercounted"
        for kind in KINDS_THAT_SEE_WOMEN
        if kind not in here
    ]
    used = {name for needed in rule.requirements if needed.rule == "domains" for name in needed.of}
    empty = {name for name in used if here.isdisjoint(rule.domains[name])}
    found += [
        f"nobody can be counted under {plain_words(name)}: no service of that kind takes part"
        for name in sorted(empty)
    ]
    for needed in rule.requirements:
        choice: set[str] = set()
        if needed.rule == "domains":
            choice = set(needed.of) - empty
        elif needed.rule == "kinds":
            choice = here & set(needed.of or here)
        else:
            continue
        if (needed.at_least or 0) > len(choice):
            found.append(
                f"nobody can be a member: {needed.at_least} {needed.rule} are needed, {len(choice)} take part"
            )
    return tuple(found)


def gaps(stays: Iterable[Stay], *, at: int) -> list[tuple[int, int]]:
    """The times nobody saw the person between two that somebody did: months, and the month of the return."""
    found = []
    last: int | None = None
    for stay in sorted(stays, key=lambda stay: stay.first):
        if last is not None and stay.first > last + 1:
            found.append((stay.first - last - 1, stay.first))
        last = max(stay.last if last is None else last, min(stay.last, at))
    return found


def _counting(needed: Requirement, stays: Sequence[Stay], at: int) -> list[Stay]:
    """The stays that a requirement looks at."""
    return [
        stay
        for stay in stays
        if (needed.status is None or stay.open == (needed.status == "open"))
        and (needed.within_months is None or at - stay.last <= needed.within_months)
    ]


def _of(found: set[str], needed: Requirement, noun: str) -> Reason:
    counted = sorted(found & set(needed.of)) if needed.of else sorted(found)
    of_all = f" of {len(needed.of)}" if needed.of else ""
    words = kind_words if needed.rule == "kinds" else plain_words
    names = f" ({', '.join(map(words, counted))})" if counted else ""
    least = needed.at_least or 1
    return Reason(len(counted) >= least, f"{len(counted)}{of_all} {noun}{names}, {least} needed")


def _kinds(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    return _of({stay.kind for stay in _counting(needed, stays, at)}, needed, "kinds of service")


def _domains(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    kinds = {stay.kind for stay in _counting(needed, stays, at)}
    return _of({name for name, listed in rule.domains.items() if kinds & set(listed)}, needed, "domains")


def _areas(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    return _of({stay.area for stay in _counting(needed, stays, at)}, needed, "areas")


def _sub_region(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    areas = {stay.area for stay in _counting(needed, stays, at)}
    return _of(
        {name for name, listed in rule.sub_regions.items() if areas & set(listed)}, needed, "sub-regions"
    )


def _months_ago(ago: int, needed: Requirement, words: str) -> Reason:
    least, most = needed.at_least_months_ago, needed.at_most_months_ago
    asked = [f"at least {least}"] * (least is not None) + [f"at most {most}"] * (most is not None)
    met = (least is None or ago >= least) and (most is None or ago <= most)
    return Reason(met, f"{words} {ago} months ago, {' and '.join(asked)} needed")


def _first_seen(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    return _months_ago(at - min(stay.first for stay in stays), needed, "first seen")


def _last_seen(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    return _months_ago(at - min(at, max(stay.last for stay in stays)), needed, "last seen")


def _longest_gap(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    longest = max((length for length, _ in gaps(stays, at=at)), default=0)
    least, most = needed.at_least, needed.at_most
    asked = [f"at least {least}"] * (least is not None) + [f"at most {most}"] * (most is not None)
    met = (least is None or longest >= least) and (most is None or longest <= most)
    return Reason(met, f"longest away {longest} months, {' and '.join(asked)} needed")


def _returns(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    count = sum(
        length >= (needed.gap_months or 1)
        and (needed.within_months is None or at - back <= needed.within_months)
        for length, back in gaps(stays, at=at)
    )
    words = f"back {count} times after {needed.gap_months} months or more away, {needed.at_least} needed"
    return Reason(count >= (needed.at_least or 1), words)


def _status(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    number = sum(stay.open for stay in stays)
    met = (number > 0) == (needed.status == "open")
    return Reason(met, f"open at {number} services, {'some' if needed.status == 'open' else 'none'} needed")


_CHECKS: Mapping[str, Callable[[Requirement, CohortRule, Sequence[Stay], int], Reason]] = {
    "kinds": _kinds,
    "domains": _domains,
    "areas": _areas,
    "sub_region": _sub_region,
    "first_seen": _first_seen,
    "last_seen": _last_seen,
    "longest_gap": _longest_gap,
    "returns": _returns,
    "status": _status,
}
