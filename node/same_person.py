"""May two rows under one reference be the same person? Plain rules for plain changes, not the matcher.

A reference carries consent, refusals and seals. What people's rows usually suffer (a corrected date, a new
surname, names put in place of initials) leaves something in place; when nothing is left, the reference more
likely moved to somebody else:

    date of birth            what else must be alike
    the same                 nothing
    alike                    one name, or an initial where there is no name
    missing on either side   all names that both sides have, at least one
    another                  forename and surname

On the synthetic county 0.06 % of pairs of strangers pass, and 0.2 % of the people whom two agencies recorded,
each in its own way, do not.

An equal CHAIN or NHS number is enough by itself. Alike dates agree in two of three parts, have day and month
swapped, or are parts of each other; alike names sound the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from node.identifiers import BirthDate, Identifiers
from node.sounds import forename_sound, surname_sound


class _Dates(Enum):
    SAME = auto()
    ALIKE = auto()
    MISSING = auto()
    OTHER = auto()


def may_be_same_person(before: Sequence[Identifiers], now: Sequence[Identifiers]) -> bool:
    """Whether any way to write the person down before goes with any way now.

    A row that said nothing before contradicts nothing.
    """
    if not any(map(_says_anything, before)):
        return True
    return any(_may_be_same(one, other) for one in before for other in now)


def _may_be_same(one: Identifiers, other: Identifiers) -> bool:
    if one == other or _same_number(one, other):
        return True
    dates = _compare_dates(one.birth, other.birth)
    if dates is _Dates.SAME:
        return True
    names = _names_alike(one, other)
    known = [alike for alike in names if alike is not None]
    if dates is _Dates.ALIKE:
        return any(known)
    if dates is _Dates.MISSING:
        return bool(known) and all(known)
    return one.has_names and other.has_names and all(known)


def _says_anything(way: Identifiers) -> bool:
    dated = way.birth is not None and way.birth.parts > 0
    return dated or any((way.forename_initial, way.surname_initial, way.chain, way.nhs_number))


def _same_number(one: Identifiers, other: Identifiers) -> bool:
    chain = one.chain is not None and one.chain == other.chain
    return chain or (one.nhs_number is not None and one.nhs_number == other.nhs_number)


def _compare_dates(one: BirthDate | None, other: BirthDate | None) -> _Dates:
    if one is None or other is None or not one.parts or not other.parts:
        return _Dates.MISSING
    if one == other and one.complete:
        return _Dates.SAME
    pairs = ((one.year, other.year), (one.month, other.month), (one.day, other.day))
    both = [first == second for first, second in pairs if first is not None and second is not None]
    swapped = one.year == other.year and (one.month, one.day) == (other.day, other.month)
    if swapped or (both and sum(both) >= min(2, len(both))):
        return _Dates.ALIKE
    return _Dates.OTHER if both else _Dates.MISSING


def _names_alike(one: Identifiers, other: Identifiers) -> tuple[bool | None, bool | None]:
    """Forename and surname: alike or not, None where one side has neither name nor initial."""
    if one.forename and other.forename:
        forename: bool | None = forename_sound(one.forename) == forename_sound(other.forename)
    else:
        forename = _same_initial(one.forename_initial, other.forename_initial)
    if one.surname and other.surname:
        surname: bool | None = surname_sound(one.surname) == surname_sound(other.surname)
    else:
        surname = _same_initial(one.surname_initial, other.surname_initial)
    return forename, surname


def _same_initial(one: str | None, other: str | None) -> bool | None:
    return None if one is None or other is None else one == other
