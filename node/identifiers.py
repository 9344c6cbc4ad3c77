"""What a node knows about one row once it is normalised: identifiers, a record, a case.

Values only: parsing is in `node.dates` and `node.normalise`, reading files in `node.records`. Nothing
here prints an identifier: every repr shows the row number at most, so that a traceback, a log line or a
failed assertion cannot carry a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, repr=False)
class BirthDate:
    """A birth date of which any part may be missing because it could not be used.

    Attributes:
        year: Calendar year, or None.
        month: 1 to 12, or None.
        day: 1 to 31, or None.
        weak: A placeholder (1 January, Excel's zero). Only a plausible year is then kept; a weak date with
            a year therefore stands for 1 January of that year, and never counts as an exact birth date.
    """

    year: int | None
    month: int | None
    day: int | None
    weak: bool = False

    @property
    def complete(self) -> bool:
        """All three parts are there and are a day of the calendar."""
        if self.year is None or self.month is None or self.day is None:
            return False
        return is_calendar_day(self.year, self.month, self.day)

    @property
    def parts(self) -> int:
        """How many of the three parts are there."""
        return sum(part is not None for part in (self.year, self.month, self.day))

    def __repr__(self) -> str:
        """Shows nothing of the date."""
        return "BirthDate(hidden)"


@dataclass(frozen=True, slots=True, repr=False)
class Identifiers:
    """One way a person is written down; a person with aliases has several.

    Attributes:
        birth: The birth date, or None.
        forename: Forenames: lower-case ASCII letters, single spaces between words, or None.
        surname: Surname, in the same alphabet, or None.
        forename_initial: First letter of the forename, also where only initials were given.
        surname_initial: First letter of the surname.
        chain: CHAIN number: digits without leading zeros.
        nhs_number: Ten digits with a valid check digit.
        sex: "m", "f" or None.
    """

    birth: BirthDate | None = None
    forename: str | None = None
    surname: str | None = None
    forename_initial: str | None = None
    surname_initial: str | None = None
    chain: str | None = None
    nhs_number: str | None = None
    sex: str | None = None

    @property
    def has_initials(self) -> bool:
        """Both initials are there."""
        return self.forename_initial is not None and self.surname_initial is not None

    @property
    def has_names(self) -> bool:
        """Both names are there, not initials alone."""
        return self.forename is not None and self.surname is not None

    @property
    def usable(self) -> bool:
        """At least one stored slot can be made from it (`matcher/data/slots-1.json`).

        A CHAIN or NHS number; or a whole birth date with an initial; or a year with both initials; or day
        and month with both names.
        """
        if self.chain is not None or self.nhs_number is not None:
            return True
        if self.birth is None:
            return False
        if self.birth.complete and not self.birth.weak:
            return self.forename_initial is not None or self.surname_initial is not None
        if self.birth.year is not None:
            return self.has_initials
        return self.birth.parts == 2 and self.has_names

    def __repr__(self) -> str:
        """Shows nothing of the person."""
        return "Identifiers(hidden)"


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """One row of an agency's caseload.

    Attributes:
        row: Row of the file, counted from 1 as a spreadsheet shows it.
        local_id: The agency's own reference. It never leaves the node.
        identifiers: The main identifiers first; then aliases, former surnames, further CHAIN numbers.
        area: Area id, or None for the agency's own.
        opened: Day the case was opened, or None.
        closed: Day it was closed, or None while it is open or unknown.
        last_contact: Day of the last contact, or None.
        team: The team to ring, or None.
    """

    row: int
    local_id: str
    identifiers: tuple[Identifiers, ...]
    area: str | None = None
    opened: date | None = None
    closed: date | None = None
    last_contact: date | None = None
    team: str | None = None

    def __repr__(self) -> str:
        """Shows the row only: a local id can be a CHAIN number."""
        return f"Record(row={self.row})"


@dataclass(frozen=True, slots=True, repr=False)
class Case:
    """One row of a case list, to be asked about.

    Attributes:
        row: Row of the file, counted from 1 as a spreadsheet shows it.
        case_ref: The asking agency's reference, the only name a case has in any output.
        identifiers: As in Record.
        area: Area id, or None.
        basis: The lawful basis as typed ("consent", "public_task"), slugged, or None.
        basis_detail: What goes with it, as typed. Free text may carry names: it never leaves the node.
    """

    row: int
    case_ref: str
    identifiers: tuple[Identifiers, ...]
    area: str | None = None
    basis: str | None = None
    basis_detail: str | None = None

    def __repr__(self) -> str:
        """Shows the row only."""
        return f"Case(row={self.row})"


def is_calendar_day(year: int, month: int, day: int) -> bool:
    """Whether the three parts are a day of the Gregorian calendar."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
