"""Synthetic people: who lives in the county, what they are called, and which services they meet.

No record is made here; `mess` turns a person into what an agency typed. Shares are round figures in the range
of published evaluations of homelessness and multiple disadvantage services, and stand together here.
"""

import math
import random
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import accumulate

from nhs_number.validate import calculate_checksum

from cli.demo import names
from cli.demo.agencies import AREAS, HOUSING, PRACTICE

FIRST_BIRTH_YEAR, LAST_BIRTH_YEAR = 1940, 2008
MALE_SHARE = 0.63
TWIN_SHARE = 0.012  # of people have a twin who uses services too; about 3 % of people are twins
MARRIED_NAME_SHARES = {"F": 0.28, "M": 0.02}
KNOWN_AS_SHARE = 0.40  # of those whose forename has a usual short form go by it
MOVED_SHARE = 0.14  # of people in housing have been with a second borough

# Ages of adults in homelessness, treatment and probation services: most between 25 and 55, with a shoulder of
# older people who are with the practices. Two normal curves over the birth year: mean, standard deviation,
# share.
_BIRTH_YEARS = ((1984.0, 11.0, 0.8), (1968.0, 15.0, 0.2))

_SERVICES = ("housing", "practice", "hpft", "cgl", "probation")


@dataclass(frozen=True, slots=True)
class Profile:
    """A way of meeting services: how likely each of `_SERVICES` is, and how often such people slept rough."""

    share: float
    contact: tuple[float, ...]
    rough_sleeping: float


PROFILES = (
    Profile(0.72, (0.20, 0.42, 0.18, 0.10, 0.13), 0.03),
    Profile(0.20, (0.55, 0.55, 0.48, 0.40, 0.35), 0.20),
    Profile(0.08, (0.85, 0.45, 0.65, 0.70, 0.60), 0.70),
)


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic person as they are, before anybody typed anything. Printed by number only."""

    person_id: str
    sex: str = field(repr=False)
    birth_date: date = field(repr=False)
    forename: str = field(repr=False)
    surname: str = field(repr=False)
    area: str
    former_surname: str | None = field(default=None, repr=False)
    known_as: str | None = field(default=None, repr=False)
    chain: str | None = field(default=None, repr=False)
    nhs_number: str | None = field(default=None, repr=False)
    agencies: tuple[str, ...] = ()


@dataclass(slots=True)
class Numbers:
    """Hands out CHAIN and NHS numbers, none twice.

    CHAIN numbers have seven digits, some with a leading zero for a spreadsheet to lose. NHS numbers come from
    999 000 0000 to 999 999 9999, the range set aside for tests, with a valid check digit.
    """

    rng: random.Random
    used: set[str] = field(default_factory=set)

    def chain(self) -> str:
        """A CHAIN number nobody has yet."""
        return self._unused(lambda: f"{200_000 + int(self.rng.random() * 4_800_000):07d}")

    def nhs(self) -> str:
        """An NHS number of the test range nobody has yet."""
        return self._unused(self._test_number)

    def _test_number(self) -> str:
        while True:
            body = f"999{int(self.rng.random() * 1_000_000):06d}"
            check = calculate_checksum(body)
            if check != 10:  # a remainder that no digit can show: such numbers are never given out
                return f"{body}{check}"

    def _unused(self, draw: Callable[[], str]) -> str:
        while (number := draw()) in self.used:
            pass
        self.used.add(number)
        return number


def population(*, people: int, rng: random.Random, numbers: Numbers) -> Iterator[Person]:
    """Yield exactly `people` persons, twins next to each other."""
    made = 0
    while made < people:
        person = _person(f"P{made + 1:06d}", rng=rng, numbers=numbers)
        yield person
        made += 1
        if made < people and rng.random() < TWIN_SHARE:
            yield _twin(person, f"P{made + 1:06d}", rng=rng, numbers=numbers)
            made += 1


def _person(
    person_id: str,
    *,
    rng: random.Random,
    numbers: Numbers,
    born: date | None = None,
    family: str | None = None,
) -> Person:
    sex = "M" if rng.random() < MALE_SHARE else "F"
    born = born or draw_birth_date(rng)
    community = names.draw_community(rng)
    forename = names.draw_forename(rng, community=community, sex=sex, birth_year=born.year)
    surname = family or names.draw_surname(rng, community=community)
    former = None
    if rng.random() < MARRIED_NAME_SHARES[sex]:
        former, surname = surname, names.draw_surname(rng, community=community)
    elif rng.random() < 0.02:
        surname = f"{surname}-{names.draw_surname(rng, community=community)}"
    short = names.nicknames(forename)
    known_as = names.pick(short, rng) if short and rng.random() < KNOWN_AS_SHARE else None
    area = names.pick(AREAS, rng)
    profile = _profile(rng)
    agencies = _agencies(profile, area, rng)
    slept_rough = rng.random() < profile.rough_sleeping
    return Person(
        person_id=person_id,
        sex=sex,
        birth_date=born,
        forename=forename,
        surname=surname,
        area=area,
        former_surname=former,
        known_as=known_as,
        chain=numbers.chain() if slept_rough else None,
        nhs_number=numbers.nhs(),
        agencies=agencies,
    )


def _twin(person: Person, person_id: str, *, rng: random.Random, numbers: Numbers) -> Person:
    """A sibling born on the same day; in half the pairs the forenames begin alike where a draw allows it."""
    family = person.former_surname or person.surname.split("-")[0]
    alike = rng.random() < 0.5
    for _ in range(50):  # some letters begin one name only
        twin = _person(person_id, rng=rng, numbers=numbers, born=person.birth_date, family=family)
        if twin.forename != person.forename and (not alike or twin.forename[0] == person.forename[0]):
            break
    return twin


def draw_birth_date(rng: random.Random) -> date:
    """A birth date between 1 January 1940 and 31 December 2008, every day of a year as likely."""
    year = FIRST_BIRTH_YEAR + bisect(_YEARS, rng.random() * _YEARS[-1])
    start = date(year, 1, 1)
    return start + timedelta(days=int(rng.random() * (date(year + 1, 1, 1) - start).days))


def _cumulative_years() -> tuple[float, ...]:
    def density(year: int) -> float:
        return sum(
            share / sd * math.exp(-((year - mean) ** 2) / (2 * sd**2)) for mean, sd, share in _BIRTH_YEARS
        )

    # Rounded, so that a last bit of the processor's exp() cannot change who is drawn.
    return tuple(accumulate(round(density(year), 9) for year in range(FIRST_BIRTH_YEAR, LAST_BIRTH_YEAR + 1)))


_YEARS = _cumulative_years()


def _profile(rng: random.Random) -> Profile:
    draw = rng.random()
    for profile in PROFILES:
        draw -= profile.share
        if draw < 0:
            return profile
    return PROFILES[-1]


def _agencies(profile: Profile, area: str, rng: random.Random) -> tuple[str, ...]:
    """Ids of the agencies a person is with, at least one; the practices serve two of the three boroughs."""
    while True:
        found: list[str] = []
        for service, chance in zip(_SERVICES, profile.contact, strict=True):
            if rng.random() < chance:
                found.extend(_of_service(service, area, rng))
        if found:
            return tuple(sorted(found))


def _of_service(service: str, area: str, rng: random.Random) -> list[str]:
    if service == "housing":
        second = names.pick([other for other in AREAS if other != area], rng)
        moved = rng.random() < MOVED_SHARE
        return [HOUSING[place].agency_id for place in ([area, second] if moved else [area])]
    if service == "practice":
        return [PRACTICE[area].agency_id] if area in PRACTICE else []
    return [service]
