"""A partnership's ordinary month as facts of the log, and insiders who misuse it.

Sizes follow published partnerships: eight agencies, conferences of 12 to 15 cases every four to six weeks,
prepared once and brought up to date the day before, a panel every other week, referrals de-duplicated weekly,
and single look-ups as people present. How often officers ask is assumed. Nobody here exists.

    python -m tests.hub.partnership_month        the figures of docs/review.md
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from hub.alarm_facts import Event, Fact, Touch
from hub.alarms import Alarm, Limits, alarms_of_day
from hub.budgets import Budget
from hub.review_settings import ReviewSettings
from hub.working_days import is_working_day
from tests.hub.facts import agency_day

FIRST = date(2026, 9, 1)
DAYS = 28
AGENCIES = ("housing-a", "housing-b", "cgl", "hpft", "outreach", "primary-care", "probation", "social-care")
LIMITS = Limits(ReviewSettings(round_the_clock=("outreach",)), Budget(200, 5_000))
PEOPLE = 1_500
OFFICERS = 6
KNOWN = 0.3  # Chance that one other agency knows a person of the caseloads: 2.1 of 7 on average.
CONSENTED = 0.8
INSIDER = "insider"


@dataclass(frozen=True)
class Person:
    """Who knows them, and who of those may say so."""

    number: int
    told: frozenset[str]
    withheld: frozenset[str]


class Month:
    """The look-ups of a month, in order of time once finished."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.facts: list[Fact] = []
        self.people = [self._person(number) for number in range(PEOPLE)]

    def _person(self, number: int) -> Person:
        known = {agency for agency in AGENCIES if self.rng.random() < KNOWN}
        told = frozenset(agency for agency in known if self.rng.random() < CONSENTED)
        return Person(number, told, frozenset(known - told))

    def ask(
        self, at: datetime, agency: str, staff: str, people: Sequence[Person | None], **changes: object
    ) -> None:
        """One look-up; None is somebody whom no agency knows."""
        touched = {
            Touch(holder, f"{holder} {person.number}".encode().ljust(16)[:32], holder in person.told)
            for person in people
            if person is not None
            for holder in person.told | person.withheld
            if holder != agency
        }
        untold = sum(person is None or not person.told - {agency} for person in people)
        values = {"cases": len(people), "untold": untold, "touched": frozenset(touched)} | changes
        self.facts.append(Fact(0, at, Event.LOOKUP, agency, staff, **values))  # type: ignore[arg-type]

    def somebody(self, known: float) -> Person | None:
        """A person of the caseloads, or with the rest of the chance a stranger to all."""
        return self.rng.choice(self.people) if self.rng.random() < known else None

    def finished(self) -> list[Fact]:
        """All facts by time, numbered from 1."""
        ordered = sorted(self.facts, key=lambda fact: fact.at)
        return [replace(fact, index=number) for number, fact in enumerate(ordered, start=1)]


def ordinary_month(seed: int) -> Month:
    """What eight agencies ask in four weeks when nobody does wrong."""
    month = Month(seed)
    for day in (FIRST + timedelta(days=n) for n in range(DAYS)):
        if is_working_day(day, holidays=LIMITS.review.bank_holidays):
            for agency in AGENCIES:
                _officers(month, day, agency)
        elif month.rng.random() < 0.5:
            _officers(month, day, "outreach")  # Outreach works weekends.
    for agency, start in (("housing-a", 6), ("housing-b", 13), ("hpft", 20)):
        _conference(month, agency, FIRST + timedelta(days=start))
    for week in range(4):
        _referrals(month, "housing-a", FIRST + timedelta(days=7 * week + 2))
    for week in (0, 2):
        _panel(month, "social-care", FIRST + timedelta(days=7 * week + 1))
    return month


def _officers(month: Month, day: date, agency: str) -> None:
    """Single look-ups as people present; some are asked again in the days after, with better details."""
    rng = month.rng
    for number in range(OFFICERS):
        for _ in range(_poisson(rng, 1.0)):
            person, at = month.somebody(0.6), _moment(rng, day, early=agency == "outreach")
            staff = f"{agency}-officer-{number}"
            month.ask(at, agency, staff, [person])
            if rng.random() < 0.15:
                month.ask(at + timedelta(minutes=rng.randint(2, 40)), agency, staff, [person])
            if rng.random() < 0.02:
                month.ask(at + timedelta(seconds=5), agency, staff, [person], repeats=True)
            if rng.random() < 0.02:
                code = rng.choice(["malformed", "purpose_not_permitted", "approver_required"])
                month.facts.append(Fact(0, at, Event.REFUSAL, agency, staff, code=code))


def _conference(month: Month, agency: str, day: date) -> None:
    """A list of 12 to 15, prepared five days before, brought up to date the day before, two late cases."""
    cases = [month.somebody(0.9) for _ in range(month.rng.randint(12, 15))]
    staff = f"{agency}-coordinator"
    for before, people in ((5, cases), (1, cases), (0, [month.somebody(0.9), month.somebody(0.9)])):
        month.ask(
            _moment(month.rng, _open(day - timedelta(days=before))), agency, staff, people, conference=True
        )


def _referrals(month: Month, agency: str, day: date) -> None:
    """A week's referrals, looked at for duplicates."""
    people = [month.somebody(0.65) for _ in range(month.rng.randint(15, 30))]
    month.ask(_moment(month.rng, _open(day)), agency, f"{agency}-coordinator", people)


def _panel(month: Month, agency: str, day: date) -> None:
    """A safeguarding panel of five, by public task."""
    people = [month.somebody(0.9) for _ in range(5)]
    month.ask(
        _moment(month.rng, _open(day)), agency, f"{agency}-coordinator", people, conference=True, overrides=5
    )


def stalker(month: Month, *, every_days: int) -> None:
    """Asks about one person whom two agencies know, once a working day or more seldom."""
    target = next(p for p in month.people if len(p.told - {"housing-b"}) == 2)
    for n in range(0, DAYS, every_days):
        day = FIRST + timedelta(days=n)
        if is_working_day(day, holidays=()):
            month.ask(_moment(month.rng, day), "housing-b", INSIDER, [target])


def withheld_stalker(month: Month) -> None:
    """The same, but the only agency that knows the person may not say so."""
    target = next(p for p in month.people if len(p.withheld - {"housing-b"}) == 1 and not p.told)
    for n in range(10):
        day = FIRST + timedelta(days=n)
        if is_working_day(day, holidays=()):
            month.ask(_moment(month.rng, day), "housing-b", INSIDER, [target])


def date_fisher(month: Month, *, per_request: int) -> None:
    """Knows a name and tries birth dates: 60 a day for three days, hardly any of which hits anybody."""
    for n in range(3):
        start = _moment(month.rng, FIRST + timedelta(days=7 + n))
        for request in range(60 // per_request):
            people = [month.somebody(0.01) for _ in range(per_request)]
            # Dates of one month and year: any two differ in the day alone.
            near = per_request * (per_request - 1) // 2
            at = start + timedelta(minutes=request)
            month.ask(at, "housing-b", INSIDER, people, near=near)


def bulk_enumerator(month: Month) -> None:
    """Runs a register of 900 through in lists that name a conference, 150 a day; one in ten is known."""
    for n in range(6):
        start = _moment(month.rng, _open(FIRST + timedelta(days=10 + n)))
        for request in range(3):
            people = [month.somebody(0.1) for _ in range(50)]
            month.ask(start + timedelta(minutes=request), "housing-b", INSIDER, people, conference=True)


def slow_enumerator(month: Month) -> None:
    """The same register, eight single look-ups a day."""
    for n in range(DAYS):
        day = FIRST + timedelta(days=n)
        if is_working_day(day, holidays=()):
            for _ in range(8):
                month.ask(_moment(month.rng, day), "housing-b", INSIDER, [month.somebody(0.1)])


def alarms_of(facts: Sequence[Fact], *, limits: Limits = LIMITS) -> Iterator[tuple[date, Alarm]]:
    """The alarms of every agency's days, each day as it stood when it ended."""
    for agency, day in sorted({(fact.agency, fact.at.date()) for fact in facts}):
        for alarm in alarms_of_day(agency_day(facts, agency, day), limits):
            yield day, alarm


def caught(facts: Sequence[Fact]) -> tuple[int, date, set[str]] | None:
    """After how many look-ups of the insider, and on what day, alarms named them or them alone; the kinds."""
    mine = [fact for fact in facts if fact.staff == INSIDER]
    found: list[tuple[date, Alarm]] = [
        (day, alarm) for day, alarm in alarms_of(facts) if alarm.staff == INSIDER
    ]
    if not found:
        return None
    day = min(when for when, _ in found)
    asked = sum(fact.at.date() <= day for fact in mine)
    return asked, day, {str(alarm.kind) for _, alarm in found}


def _open(day: date) -> date:
    while not is_working_day(day, holidays=LIMITS.review.bank_holidays):
        day += timedelta(days=1)
    return day


def _moment(rng: random.Random, day: date, *, early: bool = False) -> datetime:
    """A time at work, UTC; one in 400 is late, as happens."""
    hour = rng.choice([4, 5, 8, 9, 20, 21]) if early else rng.randint(8, 15)
    if rng.random() < 1 / 400:
        hour = 20
    return datetime.combine(day, time(hour, rng.randint(0, 59), rng.randint(0, 59)), UTC)


def _poisson(rng: random.Random, mean: float) -> int:
    """How many events; by waiting times."""
    count, waited = 0, rng.expovariate(mean)
    while waited < 1:
        count, waited = count + 1, waited + rng.expovariate(mean)
    return count


def _report(seeds: Iterable[int]) -> None:
    kinds: Counter[str] = Counter()
    lookups = false_alarms = months = 0
    for seed in seeds:
        facts = ordinary_month(seed).finished()
        found = [alarm for _, alarm in alarms_of(facts)]
        months, lookups = months + 1, lookups + sum(fact.event is Event.LOOKUP for fact in facts)
        false_alarms += len(found)
        kinds += Counter(
            f"{alarm.kind} ({'asker' if alarm.audience == alarm.agency else 'holder'})" for alarm in found
        )
    each = lookups / months
    print(f"{months} ordinary months: {each:.0f} look-ups, {false_alarms / months:.2f} alarms a month")
    print({kind: round(count / months, 2) for kind, count in kinds.most_common()})
    for name, act in INSIDERS.items():
        results = []
        for seed in range(20):
            month = ordinary_month(seed)
            act(month)
            results.append(caught(month.finished()))
        seen = [result for result in results if result]
        asked = sorted(result[0] for result in seen)
        kinds_seen = Counter(kind for result in seen for kind in result[2])
        first = f"median look-ups before {asked[len(asked) // 2]}" if asked else ""
        print(f"{name}: {len(seen)} of {len(results)}, {first}, {dict(kinds_seen)}")


INSIDERS = {
    "stalker, every working day": lambda month: stalker(month, every_days=1),
    "stalker, every other day": lambda month: stalker(month, every_days=2),
    "stalker of somebody withheld": withheld_stalker,
    "date-fisher, one list": lambda month: date_fisher(month, per_request=30),
    "date-fisher, one case a request": lambda month: date_fisher(month, per_request=1),
    "bulk enumerator": bulk_enumerator,
    "slow enumerator": slow_enumerator,
    "stalker, once a week": lambda month: stalker(month, every_days=7),
}

if __name__ == "__main__":
    _report(range(50))
