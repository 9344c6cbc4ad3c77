"""What a file's rows are found to lack: a closed vocabulary of rules, and the counts of them.

A finding names row, field and rule, and never the value: the person who keeps the caseload looks the row
up in their own file.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from node.errors import RecordFormatError
from node.identifiers import BirthDate, Record

Severity = Literal["unusable", "weak", "note"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: how much it costs, and what it says to the person who keeps the file."""

    severity: Severity
    sentence: str


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        # The row is parked: nothing of it is encoded.
        "missing_local_id": Rule("unusable", "The row has no reference of its own."),
        "local_id_format": Rule(
            "unusable", "The reference is longer than 64 characters or holds control characters."
        ),
        "duplicate_local_id": Rule("unusable", "The same reference stands in an earlier row."),
        "no_birth_date": Rule(
            "unusable", "There is no date of birth, and a case cannot be asked without one."
        ),
        "check_birth_date": Rule(
            "unusable", "The date of birth is impossible or implausible: check it, and ask again."
        ),
        "waits_for_approval": Rule(
            "unusable", "It waits for approval: 'knownto override request', then somebody else approves it."
        ),
        "other_person": Rule(
            "unusable", "Under this reference stood somebody else, who has a consent, a refusal or a seal."
        ),
        "row_too_long": Rule("unusable", "The row has more cells than the header: its columns have shifted."),
        "row_without_anything": Rule("unusable", "Nothing in the row can be compared with another agency."),
        # The row is used for less than it could be.
        "missing_birth_date": Rule("weak", "There is no date of birth."),
        "unreadable_birth_date": Rule("weak", "The date of birth cannot be read as a date."),
        "incomplete_birth_date": Rule("weak", "Only a part of the date of birth is given."),
        "weak_birth_date": Rule(
            "weak", "1 January is often typed for an unknown birthday: the year alone is used."
        ),
        "placeholder_birth_date": Rule(
            "weak", "The date of birth is a filler, such as 1900 or Excel's zero."
        ),
        "impossible_date": Rule("weak", "The calendar has no such day: its plausible parts are used."),
        "future_date": Rule("weak", "The date lies in the future: its other parts are used."),
        "too_long_ago": Rule("weak", "The date is more than 115 years ago; a year before 1900 is left out."),
        "too_young": Rule("weak", "The date is less than 10 years ago: check that it is a date of birth."),
        "repeated_birth_date": Rule(
            "weak", "The same date of birth stands in many rows: check that it is no filler."
        ),
        "no_names": Rule("weak", "There is neither a name nor an initial."),
        "one_name_missing": Rule("weak", "Forename or surname is missing, initial included."),
        "placeholder_name": Rule("weak", "A filler such as Unknown or Refused stands in place of a name."),
        "name_not_latin": Rule("weak", "The name is not in Latin letters and cannot be compared."),
        "initials_format": Rule("weak", "The initials are not letters, first name first."),
        "nhs_check_digit": Rule("weak", "The NHS number does not agree with its check digit."),
        "nhs_format": Rule("weak", "The NHS number is not ten digits."),
        "chain_format": Rule("weak", "The CHAIN number is not 1 to 12 digits."),
        "unreadable_day": Rule("weak", "The day cannot be read as a date and is left out."),
        "closed_before_opened": Rule(
            "weak", "The case was closed before it was opened: neither day is used."
        ),
        # Worth knowing; the row is used as it should be.
        "consent_unusable": Rule(
            "note",
            "The consent is incomplete or cannot be read: it is not recorded, so nothing is shown by it.",
        ),
        "excel_serial": Rule("note", "The date is Excel's day number; it was read as the day it stands for."),
        "day_month_swapped": Rule(
            "note", "Day and month look swapped; the date was read with them swapped back."
        ),
        "digit_in_name": Rule(
            "note", "A name holds digits: 0, 1 and 5 were read as o, l and s, others left out."
        ),
        "initials_differ": Rule(
            "note", "The initials are not those of the names; those of the names are used."
        ),
        "unknown_sex": Rule("note", "The sex is neither male nor female and is not compared."),
        "area_format": Rule("note", "The area cannot be written as an area id and is left out."),
        "too_many_names": Rule("note", "More than 8 ways to write the person: the last ones are left out."),
        "same_number": Rule(
            "note", "Another row has the same CHAIN or NHS number: possibly the same person."
        ),
        "same_birth_date_and_initials": Rule(
            "note", "Another row has the same date of birth and initials: the same person, or twins."
        ),
    }
)

# What a date of birth may break without being right by accident: nobody is asked about under such a one.
DOUBTFUL_BIRTH_DATES = frozenset(
    {"unreadable_birth_date", "impossible_date", "future_date", "too_long_ago", "too_young"}
)
# Rules that dates break in the wrong column: opened, planned, or one day for everybody.
WRONG_COLUMN_RULES = frozenset({"future_date", "too_young", "repeated_birth_date"})
FEWEST_WRONG_ROWS = 3
# The days of 55 years, over which birth dates spread at least: ten times the rows that chance gives is no
# chance. Up to five rows are twins and families.
BIRTH_DAYS = 20_000
TIMES_CHANCE = 10
FEWEST_REPEATED = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that one row breaks. It holds no value of the file."""

    row: int
    field: str
    rule: str

    @property
    def severity(self) -> Severity:
        """How much it costs: the row, its strength, or nothing."""
        return RULES[self.rule].severity

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return RULES[self.rule].sentence


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts that `node check` prints.

    Attributes:
        rows: Rows that hold anything.
        used: Rows from which at least one token can be made.
        weak: Used rows with a weak finding.
        unusable: Rows that are parked.
        by_rule: Number of findings by rule, most frequent first.
    """

    rows: int
    used: int
    weak: int
    unusable: int
    by_rule: Mapping[str, int]


def summarise(rows: int, used_rows: Iterable[int], findings: Iterable[Finding]) -> Summary:
    """Count a file's findings.

    Args:
        rows: Rows that hold anything.
        used_rows: The row numbers of the records or cases taken.
        findings: Everything found.
    """
    used = frozenset(used_rows)
    listed = tuple(findings)
    weak = {finding.row for finding in listed if finding.severity == "weak"} & used
    by_rule = dict(Counter(finding.rule for finding in listed).most_common())
    return Summary(rows=rows, used=len(used), weak=len(weak), unusable=rows - len(used), by_rule=by_rule)


def is_birth_date_doubtful(findings: Iterable[Finding]) -> bool:
    """Whether one row's date of birth cannot be believed, so that an answer to it would mislead."""
    return any(finding.field == "dob" and finding.rule in DOUBTFUL_BIRTH_DATES for finding in findings)


def repeated_birth_dates(births: Mapping[int, BirthDate | None]) -> Iterator[Finding]:
    """Rows whose date of birth stands in more rows than chance, families and twins explain.

    Args:
        births: The main date of birth by row. Weak ones are left out: they have a rule of their own.
    """
    rows_by_date: defaultdict[BirthDate, list[int]] = defaultdict(list)
    for row, birth in births.items():
        if birth is not None and birth.complete and not birth.weak:
            rows_by_date[birth].append(row)
    most = FEWEST_REPEATED + TIMES_CHANCE * len(births) / BIRTH_DAYS
    for rows in rows_by_date.values():
        if len(rows) > most:
            yield from (Finding(row, "dob", "repeated_birth_date") for row in rows)


def require_dates_of_birth(
    kind: str, births: Mapping[int, BirthDate | None], found: Iterable[Finding]
) -> None:
    """Refuse a file whose `dob` column is another date: most rows would be somebody who is not.

    Raises:
        RecordFormatError: Most dates lie in the future or the last years, or repeat one another.
    """
    dated = {row for row, birth in births.items() if birth is not None and birth.parts}
    wrong = {one.row for one in found if one.field == "dob" and one.rule in WRONG_COLUMN_RULES} & dated
    if len(wrong) >= FEWEST_WRONG_ROWS and 2 * len(wrong) > len(dated):
        raise RecordFormatError(
            kind,
            "the column does not look like dates of birth: "
            f"{len(wrong)} of {len(dated)} lie in the future, in the last 10 years, or repeat one another. "
            "Name the right column in a mapping file (--map); if so many are children, say --children",
            field="dob",
        )


def look_alikes(records: Sequence[Record]) -> Iterator[Finding]:
    """Rows of one file that may be the same person, or twins."""
    by_date: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    by_number: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for record in records:
        main = record.identifiers[0]
        if main.birth is not None and main.birth.complete and main.has_initials:
            by_date[(main.birth, main.forename_initial, main.surname_initial)].append(record.row)
        for way in record.identifiers:
            for name, value in (("chain", way.chain), ("nhs_number", way.nhs_number)):
                if value is not None:
                    by_number[(name, value)].add(record.row)
    for rows in by_date.values():
        if len(rows) > 1:
            yield from (Finding(row, "dob", "same_birth_date_and_initials") for row in rows)
    for (name, _), numbered in by_number.items():
        if len(numbered) > 1:
            yield from (Finding(row, name, "same_number") for row in numbered)
