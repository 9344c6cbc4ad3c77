"""The people of the demonstration's conference: twelve cases, each with a difficulty of real ones.

They are made up like everybody else, and planted in the caseloads with known errors, so that the known-to
sheet shows every answer word for a reason that can be told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from cli.demo.people import Numbers, Person

CONSENT = "consent"
PUBLIC_TASK = "public_task"


@dataclass(frozen=True, slots=True)
class Member:
    """One person of the conference.

    Attributes:
        case_ref: The reference of the conference list.
        what: What this case shows, for the documentation and for the tests.
        person: The person as they are.
        records: Agency id → what that agency has down differently from the truth (fields of `mess.Row`).
        listed: What the conference list has down differently.
        basis: Lawful basis of the case.
        consented: The holders have recorded consent.
    """

    case_ref: str
    what: str
    person: Person = field(repr=False)
    records: Mapping[str, Mapping[str, str]] = field(repr=False)
    listed: Mapping[str, str] = field(default_factory=dict, repr=False)
    basis: str = CONSENT
    consented: bool = True


@dataclass(slots=True)
class _Casting:
    numbers: Numbers
    members: list[Member] = field(default_factory=list)

    def add(
        self,
        what: str,
        *,
        born: str,
        name: str,
        sex: str,
        area: str,
        records: Mapping[str, Mapping[str, str]],
        listed: Mapping[str, str] | None = None,
        rough: bool = False,
        basis: str = CONSENT,
        consented: bool = True,
    ) -> None:
        number = len(self.members) + 1
        forename, surname = name.split(" ")
        person = Person(
            person_id=f"CASE-{number:02d}",
            sex=sex,
            birth_date=date.fromisoformat(born),
            forename=forename,
            surname=surname,
            area=area,
            chain=self.numbers.chain() if rough else None,
            nhs_number=self.numbers.nhs(),
            agencies=tuple(sorted(records)),
        )
        self.members.append(
            Member(f"MDT-{number:02d}", what, person, records, listed or {}, basis, consented)
        )


def cast(numbers: Numbers) -> tuple[Member, ...]:
    """The twelve, in the order of the conference list."""
    casting = _Casting(numbers)
    _plain_cases(casting)
    _twins(casting)
    _protected_cases(casting)
    _untidy_cases(casting)
    return tuple(casting.members)


def _plain_cases(casting: _Casting) -> None:
    casting.add(
        "known to several services",
        born="1979-06-14", name="Kevin Doyle", sex="M", area="stevenage", rough=True,
        records={"cgl": {}, "hpft": {}, "housing-stevenage": {}, "practice-park-street": {}, "probation": {}},
    )  # fmt: skip
    casting.add(
        "no birth date on the list",
        born="1988-02-20", name="Donna Marsh", sex="F", area="stevenage",
        records={"hpft": {}}, listed={"dob": ""},
    )  # fmt: skip
    casting.add(
        "1 January on the list: the year alone counts, and the CHAIN number",
        born="1985-09-23", name="Yusuf Warsame", sex="M", area="stevenage", rough=True,
        records={"cgl": {"dob": "1985-01-01"}, "hpft": {}, "housing-watford": {}},
        listed={"dob": "1985-01-01"},
    )  # fmt: skip
    casting.add(
        "seen in two boroughs",
        born="1971-11-05", name="Robert Thornton", sex="M", area="watford", rough=True,
        records={"housing-watford": {"forename": "Bob"}, "housing-dacorum": {}, "practice-mill-lane": {}},
    )  # fmt: skip


def _twins(casting: _Casting) -> None:
    casting.add(
        "twin: the same birth date and initials as the next case",
        born="1992-03-08", name="Kieran Flynn", sex="M", area="stevenage",
        records={"hpft": {}, "practice-park-street": {}},
    )  # fmt: skip
    casting.add(
        "twin: the same birth date and initials as the case before",
        born="1992-03-08", name="Kyle Flynn", sex="M", area="stevenage",
        records={"hpft": {}, "cgl": {}},
    )  # fmt: skip


def _protected_cases(casting: _Casting) -> None:
    casting.add(
        "consent withdrawn at one agency, another surname and spelling at the practice",
        born="1983-07-30", name="Lisa Garner", sex="F", area="stevenage",
        records={
            "cgl": {}, "hpft": {}, "practice-park-street": {"forename": "Liza", "surname": "Hobbs"},
        },
    )  # fmt: skip
    casting.add(
        "sealed at one agency (protected identity)",
        born="1990-12-17", name="Hannah Lowe", sex="F", area="dacorum",
        records={"hpft": {}, "housing-dacorum": {}},
    )  # fmt: skip
    casting.add(
        "known to nobody",
        born="2001-04-26", name="Filmon Tekle", sex="M", area="stevenage",
        records={},
    )  # fmt: skip


def _untidy_cases(casting: _Casting) -> None:
    casting.add(
        "day and month swapped on the list; a former surname, a short name and 1 January at the agencies",
        born="1968-04-09", name="Susan Pritchard", sex="F", area="stevenage",
        records={
            "cgl": {"dob": "1968-01-01"}, "hpft": {"surname": "BARTON"},
            "practice-park-street": {"forename": "Sue"},
        },
        listed={"dob": "1968-09-04", "former_surnames": "Barton"},
    )  # fmt: skip
    casting.add(
        "initials only and another month of birth at one agency, a short name at another",
        born="1995-10-12", name="Olivia Vaughan", sex="F", area="stevenage",
        records={"cgl": {"dob": "1995-11-12"}, "housing-watford": {"forename": "Liv"}},
    )  # fmt: skip
    casting.add(
        "safeguarding as a public task, no consent recorded",
        born="1976-01-22", name="Piotr Nowak", sex="M", area="dacorum",
        records={"housing-dacorum": {}, "hpft": {}},
        basis=PUBLIC_TASK, consented=False,
    )  # fmt: skip
