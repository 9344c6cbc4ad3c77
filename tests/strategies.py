"""People made up by hypothesis: every part may be missing, weak, or shared with somebody else.

Values come from small pools, so that two people often agree in part; that is where matching is decided.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from hypothesis import strategies as st

from node.identifiers import BirthDate, Identifiers

T = TypeVar("T")

FORENAMES = ("john", "jon", "joan", "jane", "bob", "robert", "stephen", "steven", "anna maria", "oz", "yusuf")
SURNAMES = ("smith", "smyth", "jones", "johns", "brown", "braun", "smith jones", "ng", "okafor", "obrien")
CHAINS = ("7", "12", "21", "1009", "1090", "1900", "987654321", "123456789012")
# The test range: 999 with a valid check digit is given to nobody.
NHS_NUMBERS = ("9990000018", "9990000026", "9990000034")

initials = st.sampled_from("jsbmz")
months = st.integers(1, 12) | st.sampled_from([1, 2, 3])
days = st.integers(1, 31) | st.sampled_from([1, 2, 3])
years = st.integers(1978, 1981)


def mostly(values: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """These values, and now and then nothing."""
    return st.one_of(*[values] * 6, st.none())


@st.composite
def birth_dates(draw: st.DrawFn) -> BirthDate:
    """Whole, partly missing, weak (year alone) and impossible birth dates."""
    if draw(st.integers(0, 9)) == 0:
        return BirthDate(draw(st.none() | years), None, None, weak=True)
    year, month, day = draw(years), draw(months), draw(days)
    missing = draw(st.sampled_from([""] * 8 + ["year", "month", "day", "month day"]))
    return BirthDate(
        None if "year" in missing else year,
        None if "month" in missing else month,
        None if "day" in missing else day,
    )


@st.composite
def people(draw: st.DrawFn, *, with_names: bool = True) -> Identifiers:
    """One way a person is written down."""
    forename = draw(mostly(st.sampled_from(FORENAMES))) if with_names else None
    surname = draw(mostly(st.sampled_from(SURNAMES))) if with_names else None
    return Identifiers(
        birth=draw(mostly(birth_dates())),
        forename=forename,
        surname=surname,
        forename_initial=forename[0] if forename else draw(mostly(initials)),
        surname_initial=surname[0] if surname else draw(mostly(initials)),
        chain=draw(st.none() | st.sampled_from(CHAINS)),
        nhs_number=draw(st.none() | st.sampled_from(NHS_NUMBERS)),
        sex=draw(st.sampled_from([None, "f", "m"])),
    )


@st.composite
def whole_people(draw: st.DrawFn, *, with_names: bool = True) -> Identifiers:
    """Somebody of whom date, names, sex and CHAIN number are all known."""
    entry = draw(people(with_names=with_names))
    forename = entry.forename or "john" if with_names else None
    surname = entry.surname or "smith" if with_names else None
    return replace(
        entry,
        birth=BirthDate(draw(years), draw(months), draw(days.map(lambda day: min(day, 28)))),
        forename=forename,
        surname=surname,
        forename_initial=forename[0] if forename else draw(initials),
        surname_initial=surname[0] if surname else draw(initials),
        chain=draw(st.sampled_from(CHAINS)),
        sex=draw(st.sampled_from("fm")),
    )


SLIPS = (
    "year", "month", "day", "day and month", "forename", "surname", "both names", "chain", "nhs_number",
    "sex", "no year", "no month", "no day", "weak", "no forename", "no surname", "no chain",
)  # fmt: skip


@st.composite
def pairs_of_people(draw: st.DrawFn, *, with_names: bool = True) -> tuple[Identifiers, Identifiers]:
    """One person written down twice, with up to two slips, or two people who have nothing to do."""
    one = draw(st.one_of(*[whole_people(with_names=with_names)] * 4, people(with_names=with_names)))
    other = draw(whole_people(with_names=with_names))
    slips = draw(st.lists(st.sampled_from(SLIPS), max_size=2))
    again = one
    for slip in slips:
        again = _slipped(again, slip, other)
    return (one, again) if draw(st.integers(0, 9)) else (one, other)


def _slipped(entry: Identifiers, slip: str, other: Identifiers) -> Identifiers:
    """The entry with one slip; what is mistyped is taken from somebody else."""
    if slip in ("chain", "nhs_number", "sex"):
        return replace(entry, **{slip: getattr(other, slip)})
    if slip == "no chain":
        return replace(entry, chain=None)
    if slip == "both names":
        return replace(
            entry,
            forename=entry.surname, forename_initial=entry.surname_initial,
            surname=entry.forename, surname_initial=entry.forename_initial,
        )  # fmt: skip
    name = slip.removeprefix("no ")
    if name in ("forename", "surname"):
        source = Identifiers() if slip.startswith("no ") else other
        return replace(
            entry, **{name: getattr(source, name), f"{name}_initial": getattr(source, f"{name}_initial")}
        )
    return replace(entry, birth=_slipped_date(entry.birth, slip, other.birth)) if entry.birth else entry


def _slipped_date(birth: BirthDate, slip: str, other: BirthDate | None) -> BirthDate:
    if slip == "weak":
        return BirthDate(birth.year, 1, 1, weak=True)
    if slip == "day and month":
        changed = replace(birth, month=birth.day, day=birth.month)
        return changed if birth.day is not None and birth.day <= 12 else birth
    part = slip.removeprefix("no ")
    return replace(birth, **{part: None if slip.startswith("no ") else getattr(other, part)})
