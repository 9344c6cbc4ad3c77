"""What agencies type: the errors, habits and gaps between a person and a record of them.

Rates are per record and stand in `Rates`; they follow what practitioners report of their data.
Every function takes the generator of random numbers and uses only its `random()`, so that a seed means the
same on every Python.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from cli.demo import names
from cli.demo.agencies import Agency
from cli.demo.people import Person

NEIGHBOURS = {
    "a": "qsz", "b": "vgn", "c": "xvd", "d": "sfe", "e": "wrd", "f": "dgr", "g": "fht", "h": "gjy",
    "i": "uok", "j": "hku", "k": "jli", "l": "kop", "m": "n", "n": "bm", "o": "ipl", "p": "ol",
    "q": "wa", "r": "etf", "s": "adw", "t": "ryg", "u": "yij", "v": "cbf", "w": "qes", "x": "zcs",
    "y": "tuh", "z": "xa",
}  # fmt: skip
PLACEHOLDER_NAMES = ("Unknown", "Refused", "Not known", "N/K")
PLACEHOLDER_DATES = ("1900-01-01", "1970-01-01")


@dataclass(frozen=True, slots=True)
class Rates:
    """Chances per record, unless said otherwise."""

    known_as: float = 0.35  # of people who go by a short name are down under it
    former_surname: float = 0.25  # of people with a former surname are down under that
    spelling: float = 0.06  # of names with several spellings in use are spelled the other way
    forename_typo: float = 0.015
    surname_typo: float = 0.025
    names_swapped: float = 0.006
    placeholder_name: float = 0.003
    date_missing: float = 0.008
    date_first_january: float = 0.022
    date_placeholder: float = 0.003
    date_swapped: float = 0.012  # where the day can be a month
    date_digit: float = 0.012
    date_impossible: float = 0.001
    chain_typo: float = 0.03  # of CHAIN numbers
    nhs_typo: float = 0.006  # of NHS numbers
    sex_missing: float = 0.03
    sex_wrong: float = 0.004
    area_missing: float = 0.02
    registered_twice: float = 0.012


TYPICAL = Rates()
CLEAN = Rates(**dict.fromkeys(Rates.__dataclass_fields__, 0.0))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a caseload, as typed. `dob` is ISO-shaped text or empty, and may be an impossible date."""

    local_id: str
    dob: str = field(repr=False)
    forename: str = field(repr=False)
    surname: str = field(repr=False)
    initials: str = field(repr=False)
    chain: str = field(repr=False)
    nhs_number: str = field(repr=False)
    sex: str = field(repr=False)
    area: str
    opened: str
    closed: str
    last_contact: str
    team: str


def type_row(
    person: Person, agency: Agency, *, local_id: str, rates: Rates, rng: random.Random, as_of: date
) -> Row:
    """What this agency has on file about this person."""
    forename, surname = _typed_names(person, rates, rng)
    opened, closed, last_contact = _period(rng, as_of)
    chain = person.chain if person.chain and rng.random() < agency.holds_chain else ""
    nhs = person.nhs_number if person.nhs_number and rng.random() < agency.holds_nhs else ""
    row = Row(
        local_id=local_id,
        dob=_typed_date(person.birth_date, rates, rng),
        forename=forename,
        surname=surname.upper() if agency.capitals else surname,
        initials="",
        chain=mistyped_digits(chain, rng) if chain and rng.random() < rates.chain_typo else chain,
        nhs_number=mistyped_digits(nhs, rng) if nhs and rng.random() < rates.nhs_typo else nhs,
        sex=_typed_sex(person.sex, rates, rng),
        area="" if rng.random() < rates.area_missing else agency.area or person.area,
        opened=opened,
        closed=closed,
        last_contact=last_contact,
        team=names.pick(agency.teams, rng),
    )
    return as_initials(row) if agency.initials_only else row


def as_initials(row: Row) -> Row:
    """The same row with initials in place of the names; a placeholder name gives none."""
    if row.forename in PLACEHOLDER_NAMES or not row.forename or not row.surname:
        return replace(row, forename="", surname="", initials="")
    return replace(row, forename="", surname="", initials=(row.forename[0] + row.surname[0]).upper())


def is_identified(row: Row) -> bool:
    """Whether the row has a birth date and names or initials, so that no node parks it."""
    named = bool(row.initials or row.surname) and row.forename not in PLACEHOLDER_NAMES
    return named and bool(row.dob) and row.dob not in PLACEHOLDER_DATES


def _typed_names(person: Person, rates: Rates, rng: random.Random) -> tuple[str, str]:
    forename, surname = person.forename, person.surname
    if person.known_as and rng.random() < rates.known_as:
        forename = person.known_as
    if person.former_surname and rng.random() < rates.former_surname:
        surname = person.former_surname
    forename = _respelled(forename, "forename", rates, rng)
    surname = _respelled(surname, "surname", rates, rng)
    if rng.random() < rates.forename_typo:
        forename = mistyped_name(forename, rng)
    if rng.random() < rates.surname_typo:
        surname = mistyped_name(surname, rng)
    if rng.random() < rates.names_swapped:
        forename, surname = surname, forename
    if rng.random() < rates.placeholder_name:
        forename = names.pick(PLACEHOLDER_NAMES, rng)
    return forename, surname


def _respelled(name: str, kind: str, rates: Rates, rng: random.Random) -> str:
    others = names.spellings(name, kind=kind)
    if others and rng.random() < rates.spelling:
        return names.pick(others, rng)
    if rng.random() < rates.spelling and not name.isalpha():  # O'Brien, Smith-Jones: written in two ways
        return name.replace("'", "").replace("-", " ")
    return name


def mistyped_name(name: str, rng: random.Random) -> str:
    """One slip of the keyboard, after the first letter in nine cases of ten."""
    if len(name) < 2:
        return name
    at = 0 if rng.random() < 0.1 else 1 + int(rng.random() * (len(name) - 1))
    letter = name[at]
    neighbour = names.pick(NEIGHBOURS.get(letter.lower(), "e"), rng)
    neighbour = neighbour.upper() if letter.isupper() else neighbour
    edits: tuple[Callable[[], str], ...] = (
        lambda: name[:at] + neighbour + name[at + 1 :],
        lambda: name[:at] + name[at + 1 :] if at else name,
        lambda: name[: at + 1] + name[at:].lower(),
        lambda: name[:at] + name[at + 1 : at + 2] + letter + name[at + 2 :] if at else name,
    )
    return names.pick(edits, rng)()


def mistyped_digits(number: str, rng: random.Random) -> str:
    """One wrong digit, or two neighbours the other way round."""
    at = int(rng.random() * (len(number) - 1))
    if rng.random() < 0.5 and number[at] != number[at + 1]:
        return number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    wrong = (int(number[at]) + 1 + int(rng.random() * 9)) % 10
    return f"{number[:at]}{wrong}{number[at + 1 :]}"


def _typed_date(born: date, rates: Rates, rng: random.Random) -> str:
    """The birth date as typed: at most one thing goes wrong with it."""
    outcomes: tuple[tuple[float, Callable[[], str]], ...] = (
        (rates.date_missing, lambda: ""),
        (rates.date_first_january, lambda: f"{born.year}-01-01"),
        (rates.date_placeholder, lambda: names.pick(PLACEHOLDER_DATES, rng)),
        (rates.date_swapped, lambda: swapped_day_month(born)),
        (rates.date_digit, lambda: _wrong_part(born, rng)),
        (rates.date_impossible, lambda: f"{born.year}-02-{30 + born.day % 2}"),
    )
    draw = rng.random()
    for chance, outcome in outcomes:
        draw -= chance
        if draw < 0:
            return outcome()
    return born.isoformat()


def swapped_day_month(born: date) -> str:
    """Day and month the other way round, where that is a date."""
    return f"{born.year}-{born.day:02d}-{born.month:02d}" if born.day <= 12 else born.isoformat()


def _wrong_part(born: date, rng: random.Random) -> str:
    """A year, month or day one or ten off, as one wrong key gives; always a real date."""
    part = int(rng.random() * 3)
    if part == 0:
        step = names.pick((-10, -1, 1, 10), rng)
        return born.replace(year=born.year + step, day=min(born.day, 28)).isoformat()
    if part == 1:
        return born.replace(month=born.month % 12 + 1, day=min(born.day, 28)).isoformat()
    day = born.day - 10 if born.day > 10 else born.day + 10
    return born.replace(day=day).isoformat()


def _typed_sex(sex: str, rates: Rates, rng: random.Random) -> str:
    draw = rng.random()
    if draw < rates.sex_missing:
        return ""
    if draw < rates.sex_missing + rates.sex_wrong:
        return "F" if sex == "M" else "M"
    return sex


def _period(rng: random.Random, as_of: date) -> tuple[str, str, str]:
    """Opened within the last six years; half the cases are closed, most of them within two years.

    The last contact lies before the end of the case, mostly by weeks; one service in ten did not note it.
    """
    opened = as_of - timedelta(days=1 + int(rng.random() ** 1.5 * 2190))
    is_open = rng.random() < 0.5
    lasted = 1 + int(rng.random() * min(730, (as_of - opened).days))
    ended = as_of if is_open else min(opened + timedelta(days=lasted), as_of)
    seen = ended - timedelta(days=int(rng.random() ** 3 * min(240, (ended - opened).days)))
    noted = rng.random() < 0.9
    return opened.isoformat(), "" if is_open else ended.isoformat(), seen.isoformat() if noted else ""
