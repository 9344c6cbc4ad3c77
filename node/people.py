"""From the cells of one row to a person's identifiers, with a finding for everything that was wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from node import names, normalise
from node.dates import BirthDateReading, is_missing_date, parse_day, read_birth_date
from node.identifiers import BirthDate, Identifiers
from node.names import NamePart, NameReading
from node.normalise import Reading
from node.quality import Finding
from node.texts import fold, text_of
from node.written_dates import Cell

# The wire takes 1 to 8 tokens a record (docs/protocol.md section 7).
MAX_WAYS_TO_WRITE = 8

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, repr=False)
class _OtherName:
    """What differs in a further way to write the name; None stays as in the main one."""

    forename: str | None = None
    surname: str | None = None

    def of(self, main: Identifiers) -> Identifiers:
        """The person under this name."""
        other = main
        if self.forename:
            other = replace(other, forename=self.forename, forename_initial=self.forename[0])
        if self.surname:
            other = replace(other, surname=self.surname, surname_initial=self.surname[0])
        return other

    def __repr__(self) -> str:
        return "_OtherName(hidden)"


class RowReader:
    """Reads row after row of one file.

    Values repeat (dates, forenames, areas), so each distinct text is normalised once. What it remembers are
    identifiers in the clear: a reader lives as long as the reading of one file.
    """

    def __init__(
        self,
        *,
        today: date,
        day_first: bool = True,
        areas: Mapping[str, str] | None = None,
        children: bool = False,
    ) -> None:
        """Take what the file as a whole says.

        Args:
            today: The day of reading.
            day_first: Day before month where the year comes last.
            areas: Area ids by the file's own words (as header keys).
            children: Dates of birth of the last years are right.
        """
        self._today = today
        self._children = children
        self._day_first = day_first
        self._areas = areas or {}
        self._remembered: dict[tuple[str, str], object] = {}

    def __repr__(self) -> str:
        """Shows nothing of what was read."""
        return "RowReader()"

    def identifiers(
        self, fields: Mapping[str, Cell], row: int
    ) -> tuple[tuple[Identifiers, ...], tuple[Finding, ...]]:
        """All ways the row writes a person down, the main one first.

        Args:
            fields: Cells by the contract's names; missing ones are empty.
            row: Row of the file, for the findings.
        """
        found: list[Finding] = []
        named, further = self._names(fields, row, found)
        main = replace(
            named,
            birth=self._birth(fields.get("dob"), row, found),
            chain=self._value("chain", fields, normalise.read_chain, row, found),
            nhs_number=self._value("nhs_number", fields, normalise.read_nhs_number, row, found),
            sex=self._value("sex", fields, normalise.read_sex, row, found),
        )
        ways = [main]
        ways.extend(other.of(main) for other in further)
        ways.extend(self._other_chains(main, fields, row, found))
        distinct = tuple(dict.fromkeys(ways))
        if len(distinct) > MAX_WAYS_TO_WRITE:
            found.append(Finding(row, "aliases", "too_many_names"))
        return distinct[:MAX_WAYS_TO_WRITE], tuple(found)

    def area(self, fields: Mapping[str, Cell], row: int, found: list[Finding]) -> str | None:
        """The area id: by the mapping file where it knows the word."""
        cell = fields.get("area")
        if self._areas:
            # Keys are compared as headers are: lower case, letters and digits only.
            key = " ".join(re.sub(r"[^a-z0-9]+", " ", fold(text_of(cell))).split())
            if key in self._areas:
                return self._areas[key]
        return self._value("area", fields, normalise.read_area, row, found)

    def day(self, name: str, fields: Mapping[str, Cell], row: int, found: list[Finding]) -> date | None:
        """A day of the case."""
        cell = fields.get(name)
        day = self._once(
            f"day {name}", cell, lambda value: parse_day(value, today=self._today, day_first=self._day_first)
        )
        if day is None and not is_missing_date(cell):
            found.append(Finding(row, name, "unreadable_day"))
        return day

    def _birth(self, cell: Cell, row: int, found: list[Finding]) -> BirthDate | None:
        def read(value: Cell) -> BirthDateReading:
            return read_birth_date(value, today=self._today, day_first=self._day_first)

        reading = self._once("dob", cell, read)
        if reading.birth is None and not reading.rules:
            found.append(Finding(row, "dob", "missing_birth_date"))
        found.extend(
            Finding(row, "dob", rule)
            for rule in reading.rules
            if not (rule == "too_young" and self._children)
        )
        return reading.birth

    def _names(
        self, fields: Mapping[str, Cell], row: int, found: list[Finding]
    ) -> tuple[Identifiers, list[_OtherName]]:
        """Names and initials, and what differs in each further way to write the name."""
        forename = self._name("forename", fields.get("forename"), row, found)
        surname = self._name("surname", fields.get("surname"), row, found)
        first, last, rules = names.read_initials(text_of(fields.get("initials")))
        found.extend(Finding(row, "initials", rule) for rule in rules)
        if _differ(forename.initial, first) or _differ(surname.initial, last):
            found.append(Finding(row, "initials", "initials_differ"))
        named = Identifiers(
            forename=forename.name,
            surname=surname.name,
            forename_initial=forename.initial or first,
            surname_initial=surname.initial or last,
        )
        if named.forename_initial is None or named.surname_initial is None:
            neither = named.forename_initial is None and named.surname_initial is None
            found.append(Finding(row, "forename, surname", "no_names" if neither else "one_name_missing"))
        return named, [
            *(_OtherName(forename=other) for other in forename.others),
            *(_OtherName(surname=other) for other in surname.others),
            *self._aliases(text_of(fields.get("aliases")), row, found),
            *self._former_surnames(text_of(fields.get("former_surnames")), row, found),
        ]

    def _name(self, part: NamePart, cell: Cell, row: int, found: list[Finding]) -> NameReading:
        reading = self._once(part, cell, lambda value: names.read_name(text_of(value), part=part))
        found.extend(Finding(row, part, rule) for rule in reading.rules)
        return reading

    def _aliases(self, text: str, row: int, found: list[Finding]) -> list[_OtherName]:
        """ "forename surname; forename surname"; the last word is the surname, one word is a forename."""
        aliases: list[_OtherName] = []
        for alias in filter(None, map(str.strip, text.split(";"))):
            before, _, last = alias.rpartition(" ")
            forename = names.read_name(before or last, part="forename")
            surname = names.read_name(last, part="surname") if before else NameReading()
            found.extend(Finding(row, "aliases", rule) for rule in {*forename.rules, *surname.rules})
            if forename.name or surname.name:
                aliases.append(_OtherName(forename.name, surname.name))
        return aliases

    def _former_surnames(self, text: str, row: int, found: list[Finding]) -> list[_OtherName]:
        former: list[_OtherName] = []
        for surname in filter(None, map(str.strip, text.split(";"))):
            reading = names.read_name(surname, part="surname")
            found.extend(Finding(row, "former_surnames", rule) for rule in reading.rules)
            former.extend(_OtherName(surname=name) for name in (reading.name, *reading.others) if name)
        return former

    def _other_chains(
        self, main: Identifiers, fields: Mapping[str, Cell], row: int, found: list[Finding]
    ) -> list[Identifiers]:
        readings = [normalise.read_chain(part) for part in text_of(fields.get("other_chain")).split(";")]
        found.extend(Finding(row, "other_chain", rule) for reading in readings for rule in reading.rules)
        return [replace(main, chain=reading.value) for reading in readings if reading.value]

    def _value(
        self,
        name: str,
        fields: Mapping[str, Cell],
        read: Callable[[Cell], Reading],
        row: int,
        found: list[Finding],
    ) -> str | None:
        reading = self._once(name, fields.get(name), read)
        found.extend(Finding(row, name, rule) for rule in reading.rules)
        return reading.value

    def _once(self, name: str, cell: Cell, read: Callable[[Cell], Answer]) -> Answer:
        """Read each distinct text of a field once; numbers and dates of a workbook are read each time."""
        if not isinstance(cell, str):
            return read(cell)
        key = (name, cell)
        if key not in self._remembered:
            self._remembered[key] = read(cell)
        return self._remembered[key]  # type: ignore[return-value]


def _differ(of_name: str | None, given: str | None) -> bool:
    return of_name is not None and given is not None and of_name != given
