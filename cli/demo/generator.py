"""A synthetic county: eight agencies' caseloads, and which record is whom.

`generate` is a pure function of its arguments: the same people, seed and rates give the same rows on every
machine. Tests and benchmarks use it at other sizes; `files` writes it to disk.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from cli.demo.agencies import AGENCIES, BY_ID, Agency
from cli.demo.cast import Member, cast
from cli.demo.mess import CLEAN, TYPICAL, Rates, Row, as_initials, type_row
from cli.demo.people import Numbers, Person, population

DEFAULT_PEOPLE = 3000
DEFAULT_SEED = 20261101
DEFAULT_AS_OF = date(2026, 11, 1)  # fixed, because the same seed must give the same files on every day

# The test range of NHS numbers holds about 909,000; twins and numbers nobody writes down use some up.
MAXIMUM_PEOPLE = 500_000


@dataclass(frozen=True, slots=True)
class Truth:
    """Whose record it is."""

    agency: str
    local_id: str
    person_id: str


@dataclass(frozen=True, slots=True)
class Caseload:
    """One agency's rows, in the order of its file."""

    agency: Agency
    rows: tuple[Row, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Federation:
    """The caseloads of all agencies, the truth about them, and the people of the conference."""

    caseloads: tuple[Caseload, ...]
    truth: tuple[Truth, ...] = field(repr=False)
    conference: tuple[Member, ...] = ()

    @property
    def records(self) -> int:
        """Rows in all caseloads."""
        return sum(len(caseload.rows) for caseload in self.caseloads)

    def local_ids(self, person_id: str) -> Mapping[str, str]:
        """Agency id → local id of this person's first record there."""
        found: dict[str, str] = {}
        for entry in self.truth:
            if entry.person_id == person_id:
                found.setdefault(entry.agency, entry.local_id)
        return found


def generate(
    *,
    people: int = DEFAULT_PEOPLE,
    seed: int = DEFAULT_SEED,
    rates: Rates = TYPICAL,
    with_conference: bool = True,
    as_of: date = DEFAULT_AS_OF,
) -> Federation:
    """Make up a county.

    Args:
        people: How many persons, about 1.6 records each; the twelve of the conference come on top.
        seed: The same seed gives the same county.
        rates: How untidy the records are; `CLEAN` makes none.
        with_conference: Plant the people of the demonstration's conference.
        as_of: The day the caseloads were written; no date in them is later.

    Raises:
        ValueError: `people` is negative or more than `MAXIMUM_PEOPLE`.
    """
    if not 0 <= people <= MAXIMUM_PEOPLE:
        raise ValueError(f"people: expected 0 to {MAXIMUM_PEOPLE}")
    rng = random.Random(seed)
    numbers = Numbers(rng)
    members = cast(numbers) if with_conference else ()
    typed: dict[str, list[tuple[str, Row]]] = {agency.agency_id: [] for agency in AGENCIES}
    for member in members:
        for agency_id, changes in sorted(member.records.items()):
            row = _planted_row(member.person, BY_ID[agency_id], changes, rng=rng, as_of=as_of)
            typed[agency_id].append((member.person.person_id, row))
    for person in population(people=people, rng=rng, numbers=numbers):
        _type_everywhere(person, typed, rates=rates, rng=rng, as_of=as_of)
    return _number(typed, members)


def _planted_row(
    person: Person, agency: Agency, changes: Mapping[str, str], *, rng: random.Random, as_of: date
) -> Row:
    every_number = replace(
        agency, holds_chain=1.0, holds_nhs=1.0 if agency.holds_nhs else 0.0, initials_only=False
    )
    row = type_row(person, every_number, local_id="", rates=CLEAN, rng=rng, as_of=as_of)
    row = replace(row, **changes)
    return as_initials(row) if agency.initials_only else row


def _type_everywhere(
    person: Person,
    typed: Mapping[str, list[tuple[str, Row]]],
    *,
    rates: Rates,
    rng: random.Random,
    as_of: date,
) -> None:
    for agency_id in person.agencies:
        twice = rng.random() < rates.registered_twice
        for _ in range(2 if twice else 1):
            row = type_row(person, BY_ID[agency_id], local_id="", rates=rates, rng=rng, as_of=as_of)
            typed[agency_id].append((person.person_id, row))


def _number(typed: Mapping[str, list[tuple[str, Row]]], members: tuple[Member, ...]) -> Federation:
    """Give local ids in the order in which the cases were opened, as agencies do."""
    caseloads, truth = [], []
    for agency in AGENCIES:
        rows = []
        in_order = sorted(typed[agency.agency_id], key=lambda item: (item[1].opened, item[0]))
        for number, (person_id, row) in enumerate(in_order, start=1):
            # The borough that keeps a spreadsheet lost its leading zeros long ago.
            local_id = f"{agency.prefix}{number:06d}" if agency.file == "csv" else str(number)
            rows.append(replace(row, local_id=local_id))
            truth.append(Truth(agency.agency_id, local_id, person_id))
        caseloads.append(Caseload(agency, tuple(rows)))
    return Federation(tuple(caseloads), tuple(truth), members)
