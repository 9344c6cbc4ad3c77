"""People made up by hypothesis: every part may be missing, weak, or shared with somebody else.

Values come from small pools, so that two people often agree in part; that is where matching is decided.
"""

from __future__ import annotations

from hypothesis import strategies as st

from node.identifiers import BirthDate, Identifiers

FORENAMES = ("john", "jon", "joan", "jane", "bob", "robert", "stephen", "steven", "anna maria", "oz", "yusuf")
SURNAMES = ("smith", "smyth", "jones", "johns", "brown", "braun", "smith jones", "ng", "okafor", "obrien")
CHAINS = ("7", "12", "21", "1009", "1090", "1900", "987654321", "123456789012")
# The test range: 999 with a valid check digit is given to nobody.
NHS_NUMBERS = ("9990000018", "9990000026", "9990000034")

initials = st.sampled_from("jsbmz")
months = st.integers(1, 12) | st.sampled_from([1, 2, 3])
days = st.integers(1, 31) | st.sampled_from([1, 2, 3])
years = st.integers(1978, 1981)


@st.composite
def birth_dates(draw: st.DrawFn) -> BirthDate:
    """Whole, partly missing, weak (year alone) and impossible birth dates."""
    if draw(st.integers(0, 9)) == 0:
        return BirthDate(draw(st.none() | years), None, None, weak=True)
    year, month, day = draw(years), draw(months), draw(days)
    missing = draw(st.sampled_from(["", "", "", "", "year", "month", "day", "month day"]))
    return BirthDate(
        None if "year" in missing else year,
        None if "month" in missing else month,
        None if "day" in missing else day,
    )


@st.composite
def people(draw: st.DrawFn, *, with_names: bool = True) -> Identifiers:
    """One way a person is written down."""
    forename = draw(st.none() | st.sampled_from(FORENAMES)) if with_names else None
    surname = draw(st.none() | st.sampled_from(SURNAMES)) if with_names else None
    return Identifiers(
        birth=draw(st.none() | birth_dates()),
        forename=forename,
        surname=surname,
        forename_initial=forename[0] if forename else draw(st.none() | initials),
        surname_initial=surname[0] if surname else draw(st.none() | initials),
        chain=draw(st.none() | st.sampled_from(CHAINS)),
        nhs_number=draw(st.none() | st.sampled_from(NHS_NUMBERS)),
        sex=draw(st.sampled_from([None, "f", "m"])),
    )
