"""Alarms: pure rules over typed facts of the log. No database, no clock, no identifier, no handle.

An alarm says which kind, whose conduct, which log entries and how many; a person decides what it means. It is
put before the information governance officer of one agency, its audience. What the asking agency's officer is
shown may only rest on what that agency was told: an alarm that rested on a withheld match would say that
there is one. So every rule for the asker counts answers as they were given, and repeats of a withheld match
are shown to the holder and to the hub's own officer alone.

What they do not find: somebody who asks seldom, about people who are known, in office hours. The random
sample is for that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from hub.alarm_facts import AgencyDay, Asking, Event, Fact, Tally, tally_of
from hub.budgets import NODE, Budget
from hub.review_settings import ReviewSettings
from hub.working_days import is_out_of_hours

MOST_INDICES = 100
OLDER_ENTRIES = "older_entries"
HUB = ""  # The audience of an item for the hub's own officer alone; no agency's id is empty.


class Kind(StrEnum):
    """Why an item is in the review queue."""

    REPEATED_PERSON = "repeated_person"
    PERSON_BUDGET = "person_budget"
    NEAR_CASES = "near_cases"
    NO_MATCH_SHARE = "no_match_share"
    OFF_LIST = "off_list"
    OUT_OF_HOURS = "out_of_hours"
    VOLUME_OUTLIER = "volume_outlier"
    BUDGET_NEAR = "budget_near"
    BUDGET_EXHAUSTED = "budget_exhausted"
    REFUSALS = "refusals"
    REPLAYS = "replays"
    WITNESS_REFUSED = "witness_refused"
    LOG_BOUND = "log_bound"
    LOG_DIFFERENCE = "log_reconciled_difference"
    EMERGENCY = "emergency"
    OVERRIDE = "override"
    BREACH_FOUND = "breach_found"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Limits:
    """Where alarms begin: the partnership's settings, and its budgets."""

    review: ReviewSettings
    budget: Budget


@dataclass(frozen=True, slots=True)
class Alarm:
    """One reason to look, for one audience.

    Attributes:
        kind: Which rule.
        audience: The agency whose officer it is put before, or `HUB`; the hub's own officer sees all.
        agency: Whose conduct it is about.
        staff: Which staff id's; "" for the agency as a whole.
        occasion: What makes it one alarm and not two: the UTC day, or the log entry.
        indices: Of the log entries it rests on, ascending, the newest 100.
        numbers: Counts that say how far.
        involved: Staff ids who asked or approved; none of them may review it.
    """

    kind: Kind
    audience: str
    agency: str
    staff: str
    occasion: str
    indices: tuple[int, ...]
    numbers: Mapping[str, int]
    involved: frozenset[str]


Rule = Callable[[AgencyDay, Limits], Iterator[Alarm]]


def alarms_of_day(day: AgencyDay, limits: Limits) -> list[Alarm]:
    """All alarms of an agency's day as it stands; the same day gives the same alarms."""
    return [alarm for rule in RULES for alarm in rule(day, limits)]


def duties_of(fact: Fact) -> list[Alarm]:
    """What is always reviewed: look-ups by override or emergency, where they matched at the holders too.

    An override's holder is told of its own people's cases alone, not how many others were asked about.
    """
    found = []
    if fact.overrides:
        found.append(_of_entry(Kind.OVERRIDE, fact, fact.agency, {"cases": fact.overrides}))
        found += [
            _of_entry(Kind.OVERRIDE, fact, holder, {"cases": cases})
            for holder, cases in sorted(fact.overridden.items())
        ]
    if fact.emergencies:
        holders = sorted({touch.holder for touch in fact.touched})
        numbers = {"cases": fact.emergencies}
        found += [
            _of_entry(Kind.EMERGENCY, fact, audience, numbers)
            for audience in dict.fromkeys([fact.agency, *holders])
        ]
    return found


def sample_of(fact: Fact, *, block: int) -> Alarm:
    """A look-up that chance has chosen, of a block of so many."""
    return _of_entry(Kind.SAMPLE, fact, fact.agency, {"of": block})


def _repeated_person(day: AgencyDay, limits: Limits) -> Iterator[Alarm]:
    """One record asked about again and again: by one person, or by one agency."""
    review = limits.review
    for audience, known in _audiences(day.agency, day.askings):
        often = _since(known, day.day, review.repeat_days)
        lasting = _since(known, day.day, review.long_repeat_days)
        by_staff = {
            alarm.staff: alarm
            for askings, least in ((lasting, review.long_repeats_by_staff), (often, review.repeats_by_staff))
            for alarm in _worst(Kind.REPEATED_PERSON, day, audience, _by_staff(askings), least=least)
        }
        yield from by_staff.values()
        least = review.repeats_by_agency
        yield from _worst(Kind.REPEATED_PERSON, day, audience, _by_agency(often), least=least)


def _person_budget(day: AgencyDay, limits: Limits) -> Iterator[Alarm]:
    """More look-ups of one person in a day than their budget; they are answered like any other."""
    for audience, known in _audiences(day.agency, _since(day.askings, day.day, 1)):
        least = limits.review.person_requests_per_day + 1
        yield from _worst(Kind.PERSON_BUDGET, day, audience, _by_agency(known), least=least)


def _near_cases(day: AgencyDay, limits: Limits) -> Iterator[Alarm]:
    """A request full of date variants: somebody tries birth dates."""
    for staff, facts in _staff_of(_lookups(day)):
        found = [fact for fact in facts if fact.near >= limits.review.near_pairs]
        if found:
            numbers = {"requests": len(found), "pairs": max(fact.near for fact in found)}
            yield _of_day(Kind.NEAR_CASES, day, staff, found, numbers)


def _no_match_share(day: AgencyDay, limits: Limits) -> Iterator[Alarm]:
    """Nearly nobody asked about is known to anybody: lists of people this partnership does not serve."""
    for staff, facts, tally in _recent(day, limits):
        enough = tally.cases >= limits.review.no_match_cases
        if enough and tally.untold >= limits.review.no_match_share * tally.cases:
            found = [fact for fact in facts if fact.untold]
            if found:
                numbers = {"cases": tally.cases, "no_match": tally.untold}
                yield _of_day(Kind.NO_MATCH_SHARE, day, staff, found, numbers)


def _off_list(day: AgencyDay, limits: Limits) -> Iterator[Alarm]:
    """Many people nobody knows, outside any conference."""
    for staff, facts, tally in _recent(day, limits):
        found = [fact for fact in facts if fact.untold and not fact.conference]
        if tally.off_list >= limits.review.off_list_cases and found:
            yield _of_day(Kind.OFF_LIST, day, staff, found, {"cases": tally.off_list})


def _out_of_hours(day: AgencyDay, limits: Limits) -> Iterator[Alarm]:
    """Somebody asks when the office is closed."""
    review = limits.review
    if day.agency in review.round_the_clock:
        return
    zone = ZoneInfo(review.zone)
    for staff, facts in _staff_of(_lookups(day)):
        found = [
            fact
            for fact in facts
            if is_out_of_hours(
                fact.at, zone=zone, opens=review.opens, closes=review.closes, holidays=review.bank_holidays
            )
        ]
        if found:
            numbers = {"lookups": len(found), "cases": sum(fact.cases for fact in found)}
            yield _of_day(Kind.OUT_OF_HOURS, day, staff, found, numbers)


def _volume_outlier(day: AgencyDay, limits: Limits) -> Iterator[Alarm]:
    """Far more cases than on the busiest of the days before."""
    review = limits.review
    first = day.day - timedelta(days=review.volume_days)
    before: dict[tuple[str, date], int] = defaultdict(int)
    for tally in day.tallies:
        if first <= tally.day < day.day:
            before[tally.staff, tally.day] += tally.cases
            before[NODE, tally.day] += tally.cases
    for staff, facts in _staff_and_agency(_lookups(day)):
        cases = sum(fact.cases for fact in facts)
        busiest = max((count for (who, _), count in before.items() if who == staff), default=0)
        least = review.volume_agency_cases if staff == NODE else review.volume_staff_cases
        if cases > max(least, review.volume_factor * busiest):
            yield _of_day(Kind.VOLUME_OUTLIER, day, staff, facts, {"cases": cases, "busiest_before": busiest})


def _budget_near(day: AgencyDay, limits: Limits) -> Iterator[Alarm]:
    """Most of a day's budget is used."""
    for staff, facts in _staff_and_agency(_lookups(day)):
        cases = sum(
            fact.cases + fact.further for fact in facts if not fact.repeats
        )  # A repeat costs nothing.
        limit = limits.budget.node_cases if staff == NODE else limits.budget.staff_cases
        if cases >= limits.review.budget_share * limit:
            yield _of_day(Kind.BUDGET_NEAR, day, staff, facts, {"cases": cases, "budget": limit})


def _budget_exhausted(day: AgencyDay, limits: Limits) -> Iterator[Alarm]:
    """A look-up did not fit into what was left of the day's budget."""
    refused = [fact for fact in day.facts if fact.event is Event.REFUSAL and fact.code == "budget_exhausted"]
    for staff, facts in _staff_of(refused):
        yield _of_day(Kind.BUDGET_EXHAUSTED, day, staff, facts, {"refused": len(facts)})


def _refusals(day: AgencyDay, limits: Limits) -> Iterator[Alarm]:
    """Somebody tries what is not permitted, again and again."""
    refused = [fact for fact in day.facts if fact.event is Event.REFUSAL]
    for staff, facts in _staff_of(refused):
        if len(facts) >= limits.review.refusals_per_day:
            yield _of_day(Kind.REFUSALS, day, staff, facts, {"refused": len(facts)})


def _replays(day: AgencyDay, limits: Limits) -> Iterator[Alarm]:
    """Requests sent again: one that was answered, to watch for a change, or one that was overheard."""
    found = [fact for fact in day.facts if fact.repeats or fact.event is Event.REPLAY]
    if len(found) >= limits.review.replays_per_day:
        replayed = sum(fact.event is Event.REPLAY for fact in found)
        numbers = {"repeated": len(found) - replayed, "replayed": replayed}
        yield _of_day(Kind.REPLAYS, day, NODE, found, numbers)


def _log_checks(day: AgencyDay, limits: Limits) -> Iterator[Alarm]:
    """A node could not agree with the log, as a witness or over its own entries, or would have flooded it."""
    for event, kind in (
        (Event.WITNESS_REFUSED, Kind.WITNESS_REFUSED),
        (Event.BOUND_MET, Kind.LOG_BOUND),
        (Event.LOG_DIFFERENCE, Kind.LOG_DIFFERENCE),
    ):
        found = [fact for fact in day.facts if fact.event is event]
        if found:
            yield _of_day(kind, day, NODE, found, {"entries": len(found)})


RULES: tuple[Rule, ...] = (
    _repeated_person,
    _person_budget,
    _near_cases,
    _no_match_share,
    _off_list,
    _out_of_hours,
    _volume_outlier,
    _budget_near,
    _budget_exhausted,
    _refusals,
    _replays,
    _log_checks,
)


def _lookups(day: AgencyDay) -> list[Fact]:
    return [fact for fact in day.facts if fact.event is Event.LOOKUP]


def _staff_of(facts: Iterable[Fact]) -> list[tuple[str, list[Fact]]]:
    groups: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        groups[fact.staff].append(fact)
    return sorted(groups.items())


def _staff_and_agency(facts: Sequence[Fact]) -> list[tuple[str, list[Fact]]]:
    """By staff id, and all together."""
    return [*_staff_of(facts), *([(NODE, list(facts))] if facts else [])]


def _recent(day: AgencyDay, limits: Limits) -> Iterator[tuple[str, list[Fact], Tally]]:
    """Everybody who asked today, with what they asked in the days of repeats."""
    first = day.day - timedelta(days=limits.review.repeat_days - 1)
    for staff, facts in _staff_of(_lookups(day)):
        tallies = [tally_of(day.day, staff, facts)]
        tallies += [tally for tally in day.tallies if tally.staff == staff and first <= tally.day < day.day]
        yield (
            staff,
            facts,
            Tally(
                day.day,
                staff,
                cases=sum(tally.cases for tally in tallies),
                untold=sum(tally.untold for tally in tallies),
                off_list=sum(tally.off_list for tally in tallies),
            ),
        )


def _audiences(asker: str, askings: Sequence[Asking]) -> Iterator[tuple[str, list[Asking]]]:
    """Who may be told of which look-ups: the asker of what it was told, each holder of its own records."""
    yield asker, [asking for asking in askings if asking.touch.told]
    for holder in sorted({asking.touch.holder for asking in askings}):
        yield holder, [asking for asking in askings if asking.touch.holder == holder]


def _since(askings: Iterable[Asking], day: date, days: int) -> list[Asking]:
    """Those of so many days up to one."""
    return [asking for asking in askings if day - timedelta(days=days) < asking.day <= day]


def _by_staff(askings: Iterable[Asking]) -> dict[tuple[str, bytes], list[Asking]]:
    """By staff id and record."""
    groups: dict[tuple[str, bytes], list[Asking]] = defaultdict(list)
    for asking in askings:
        groups[asking.staff, asking.touch.record].append(asking)
    return groups


def _by_agency(askings: Iterable[Asking]) -> dict[tuple[str, bytes], list[Asking]]:
    """By record, whoever asked."""
    groups: dict[tuple[str, bytes], list[Asking]] = defaultdict(list)
    for asking in askings:
        groups[NODE, asking.touch.record].append(asking)
    return groups


def _worst(
    kind: Kind,
    day: AgencyDay,
    audience: str,
    counted: Mapping[tuple[str, bytes], Sequence[Asking]],
    *,
    least: int,
) -> Iterator[Alarm]:
    """One alarm a staff id: of the record asked about most often, saying how many are asked too often."""
    by_staff: dict[str, list[Sequence[Asking]]] = defaultdict(list)
    for (staff, _), askings in counted.items():
        lookups = {asking.index for asking in askings}
        if len(lookups) >= least and any(asking.day == day.day for asking in askings):
            by_staff[staff].append(askings)
    for staff, found in sorted(by_staff.items()):
        indices = {asking.index for askings in found for asking in askings}
        most = max(len({asking.index for asking in askings}) for askings in found)
        involved = frozenset(
            who for askings in found for asking in askings for who in (asking.staff, *asking.approvers)
        )
        numbers = {"lookups": most, "records": len(found)}
        yield _alarm(kind, audience, day.agency, staff, day.day.isoformat(), indices, numbers, involved)


def _of_day(
    kind: Kind, day: AgencyDay, staff: str, facts: Sequence[Fact], numbers: Mapping[str, int]
) -> Alarm:
    indices = {fact.index for fact in facts}
    involved = frozenset(who for fact in facts for who in (fact.staff, *fact.approvers))
    return _alarm(kind, day.agency, day.agency, staff, day.day.isoformat(), indices, numbers, involved)


def _of_entry(kind: Kind, fact: Fact, audience: str, numbers: Mapping[str, int]) -> Alarm:
    involved = frozenset({fact.staff, *fact.approvers})
    return _alarm(
        kind, audience, fact.agency, fact.staff, f"log:{fact.index}", {fact.index}, numbers, involved
    )


def _alarm(
    kind: Kind,
    audience: str,
    agency: str,
    staff: str,
    occasion: str,
    indices: set[int],
    numbers: Mapping[str, int],
    involved: frozenset[str],
) -> Alarm:
    newest = tuple(sorted(indices)[-MOST_INDICES:])
    counted = dict(numbers) | older_entries(len(indices))
    return Alarm(kind, audience, agency, staff, occasion, newest, counted, involved - {NODE})


def older_entries(entries: int) -> dict[str, int]:
    """How many entries an item rests on beyond the newest, which it names; nothing where it names all."""
    return {OLDER_ENTRIES: entries - MOST_INDICES} if entries > MOST_INDICES else {}
