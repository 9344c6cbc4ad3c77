"""Who is a member of a cohort: a rule held against one person's timeline. Pure, and the reasons in words.

A timeline is what the records of one cluster say: stays of months, each with the kind of service, the area,
and whether it is open at the snapshot. Months are whole numbers (`hub.months`), so that a difference is a
number of months. "n months ago" counts from the month of the snapshot, which is 0.

Agencies may share no months, and records may name no area: None. What is not known meets nothing: such a
stay shows that a service knows the person, but neither since when, nor that it is open, nor that nobody saw
them between two others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hub.cohort_rules import CohortRule, Requirement
from hub.errors import MalformedError
from hub.service_kinds import KINDS_THAT_SEE_WOMEN, kind_words, plain_words


@dataclass(frozen=True, slots=True)
class Stay:
    """One agency saw the person.

    Attributes:
        kind: The agency's service kind; None where it is none that rules name.
        area: The record's area.
        first: The first month.
        last: The last month seen, that one too.
        open: Whether it is open at the snapshot.
    """

    kind: str | None
    area: str | None
    first: int | None
    last: int | None
    open: bool | None

    def __post_init__(self) -> None:
        """Refuse a stay that ends before it begins."""
        if self.first is not None and self.last is not None and self.last < self.first:
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
    seen = [stay for stay in stays if stay.first is None or stay.first <= at]
    if not seen:
        return Membership(False, (Reason(False, "not seen by any service"),))
    reasons = tuple(_CHECKS[needed.rule](needed, rule, seen, at) for needed in rule.requirements)
    return Membership(all(reason.met for reason in reasons), reasons)


def can_be_member(rule: CohortRule, kinds: Collection[str]) -> bool:
    """Whether somebody whom just these kinds of service know can be in a cohort, whenever they were seen."""
    return all(
        len(_counted_as(needed, rule, kinds)) >= (needed.at_least or 1)
        for needed in rule.requirements
        if needed.rule in ("kinds", "domains")
    )


def must_be_member(rule: CohortRule, kinds: Collection[str]) -> bool:
    """Whether somebody whom just these kinds know is in a cohort by that alone."""
    by_kinds_alone = all(
        needed.rule in ("kinds", "domains") and needed.within_months is None and needed.status is None
        for needed in rule.requirements
    )
    return by_kinds_alone and can_be_member(rule, kinds)


def _counted_as(needed: Requirement, rule: CohortRule, kinds: Collection[str]) -> set[str]:
    """What kinds of service count as, for a requirement on kinds or domains."""
    if needed.rule == "domains":
        return {name for name in needed.of if not set(kinds).isdisjoint(rule.domains[name])}
    return set(kinds) & set(needed.of or kinds)


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


def gaps(stays: Iterable[Stay], *, at: int) -> list[tuple[int, int]] | None:
    """The times nobody saw the person between two that somebody did: months, and the month of the return.

    None where a stay is without months: it could be in any gap.
    """
    dated = []
    for stay in stays:
        if stay.first is None or stay.last is None:
            return None
        dated.append((stay.first, stay.last))
    found = []
    last: int | None = None
    for first, end in sorted(dated):
        if last is not None and first > last + 1:
            found.append((first - last - 1, first))
        last = max(end if last is None else last, min(end, at))
    return found


def _counting(needed: Requirement, stays: Sequence[Stay], at: int) -> list[Stay]:
    """The stays that a requirement looks at."""
    return [
        stay
        for stay in stays
        if (needed.status is None or stay.open is (needed.status == "open"))
        and (
            needed.within_months is None or (stay.last is not None and at - stay.last <= needed.within_months)
        )
    ]


def _of(found: set[str | None], needed: Requirement, noun: str) -> Reason:
    known = {name for name in found if name is not None}
    counted = sorted(known & set(needed.of)) if needed.of else sorted(known)
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


def _first_seen(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    ago = [None if stay.first is None else at - stay.first for stay in stays]
    known = [months for months in ago if months is not None]
    # Somebody without months may have seen them before all others.
    unsure = None in ago and needed.at_most_months_ago is not None
    return _months_ago(None if unsure else max(known, default=None), needed, "first seen")


def _last_seen(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    ago = [None if stay.last is None else at - min(at, stay.last) for stay in stays]
    known = [months for months in ago if months is not None]
    unsure = None in ago and needed.at_least_months_ago is not None
    return _months_ago(None if unsure else min(known, default=None), needed, "last seen")


def _months_ago(ago: int | None, needed: Requirement, words: str) -> Reason:
    least, most = needed.at_least_months_ago, needed.at_most_months_ago
    asked = [f"at least {least}"] * (least is not None) + [f"at most {most}"] * (most is not None)
    if ago is None:
        return Reason(False, f"{words} at a time that is not known, {' and '.join(asked)} needed")
    met = (least is None or ago >= least) and (most is None or ago <= most)
    return Reason(met, f"{words} {ago} months ago, {' and '.join(asked)} needed")


def _longest_gap(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    least, most = needed.at_least, needed.at_most
    asked = [f"at least {least}"] * (least is not None) + [f"at most {most}"] * (most is not None)
    found = gaps(stays, at=at)
    if found is None:
        return Reason(False, f"longest away for a time that is not known, {' and '.join(asked)} needed")
    longest = max((length for length, _ in found), default=0)
    met = (least is None or longest >= least) and (most is None or longest <= most)
    return Reason(met, f"longest away {longest} months, {' and '.join(asked)} needed")


def _returns(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    after = f"after {needed.gap_months} months or more away, {needed.at_least} needed"
    found = gaps(stays, at=at)
    if found is None:
        return Reason(False, f"back a number of times that is not known {after}")
    count = sum(
        length >= (needed.gap_months or 1)
        and (needed.within_months is None or at - back <= needed.within_months)
        for length, back in found
    )
    return Reason(count >= (needed.at_least or 1), f"back {count} times {after}")


def _status(needed: Requirement, rule: CohortRule, stays: Sequence[Stay], at: int) -> Reason:
    number = sum(stay.open is True for stay in stays)
    wanted = "some" if needed.status == "open" else "none"
    # Nobody is open nowhere as long as one service does not say.
    sure = needed.status == "open" or all(stay.open is not None for stay in stays)
    return Reason(
        sure and (number > 0) == (needed.status == "open"), f"open at {number} services, {wanted} needed"
    )


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
