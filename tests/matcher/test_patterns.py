"""What pairs of people show, in words: a table of cases, and a plain second opinion on random people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from matcher.patterns import (
    IDENTITY_COUNT,
    NUMBER_LEVELS,
    PATTERN_SHAPE,
    SEX_LEVELS,
    compare,
    identity_id,
    may_be_twins,
    pattern_levels,
)
from matcher.schema import DATE_LEVELS, FIELDS, INITIAL_LEVELS, LinkageSchema, shipped_schema
from node.identifiers import BirthDate, Identifiers
from tests.matcher.factories import all_meetings, pattern_of, person, tokens_of
from tests.strategies import pairs_of_people

INITIALS = shipped_schema(["dob", "initials", "chain", "nhs_number", "sex"])
NAMES = shipped_schema(FIELDS)
JS = person(initials="js")


def words(schema: LinkageSchema, one: Identifiers, other: Identifiers) -> dict[str, str]:
    """Levels by comparison; identity split into its parts."""
    shown = pattern_of(schema, one, other)
    if shown is None:
        return {}
    *parts, last = shown.pop("identity").split(" ")
    parts += [last] if "=" in last else [f"both_are={last}"]
    return shown | dict(part.split("=") for part in parts)


@pytest.mark.parametrize(
    ("one", "other", "date", "initials"),
    [
        pytest.param(JS, JS, "exact", "both", id="everything the same"),
        pytest.param(
            person("1980-03-07", initials="js"), person("1980-07-03", initials="js"), "swapped", "both",
            id="day and month changed round",
        ),
        pytest.param(JS, person(initials="sj"), "exact", "swapped", id="names changed round"),
        pytest.param(JS, person("1971-03-27", initials="js"), "year_differs", "both", id="another year"),
        pytest.param(JS, person("1980-08-27", initials="js"), "month_differs", "both", id="another month"),
        pytest.param(JS, person("1980-03-21", initials="js"), "day_differs", "both", id="another day"),
        pytest.param(JS, person(initials="jt"), "exact", "first", id="another surname initial"),
        pytest.param(JS, person(initials="ks"), "exact", "last", id="another forename initial"),
        pytest.param(JS, person(initials="-s"), "exact", "last", id="forename missing"),
        pytest.param(JS, person(initials="j-"), "exact", "first", id="surname missing"),
        pytest.param(person(initials="-s"), person(initials="-s"), "exact", "last", id="both lack it"),
        pytest.param(
            person(BirthDate(1980, 1, 1, weak=True), initials="js"),
            person(BirthDate(1980, 1, 1, weak=True), initials="js"), "year", "both",
            id="1 January on both sides",
        ),
        pytest.param(
            JS, person(BirthDate(1980, 3, None), initials="js"), "day_missing", "both", id="day missing"
        ),
        pytest.param(
            JS, person(BirthDate(1980, None, 27), initials="js"), "month_missing", "both", id="month missing"
        ),
        pytest.param(
            JS, person(BirthDate(None, 3, 27), initials="js"), "year_missing", "both", id="year missing"
        ),
    ],
)  # fmt: skip
def test_date_and_initials_show_what_happened(
    one: Identifiers, other: Identifiers, date: str, initials: str
) -> None:
    for shown in (words(INITIALS, one, other), words(INITIALS, other, one)):
        assert (shown["date"], shown["initials"]) == (date, initials)


def test_a_day_that_is_its_own_month_is_not_swapped_but_the_same() -> None:
    assert words(INITIALS, person("1980-05-05", initials="js"), person("1980-05-05", initials="js"))[
        "date"
    ] == "exact"  # fmt: skip


@pytest.mark.parametrize("year", [1970, 1980])
def test_two_placeholders_of_1_january_never_show_an_exact_date(year: int) -> None:
    weak = person(BirthDate(year, 1, 1, weak=True), chain="7")
    for schema in (INITIALS, NAMES):
        assert words(schema, weak, weak)["date"] == "year"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(person("1990-08-27", initials="js"), id="two parts of the date differ"),
        pytest.param(person(initials="kt"), id="both initials differ"),
        pytest.param(person("1981-03-27", initials="jt"), id="date and initial each off by one"),
        pytest.param(person(None, initials="js"), id="no date"),
        pytest.param(person(initials="--"), id="no initials"),
        pytest.param(person(BirthDate(1980, None, None), initials="js"), id="year and initials alone"),
        pytest.param(person(BirthDate(1980, 1, 1, weak=True), initials="js"), id="1 January and initials"),
        pytest.param(Identifiers(), id="nothing known"),
    ],
)
def test_strangers_do_not_meet(other: Identifiers) -> None:
    assert pattern_of(INITIALS, JS, other) is None


@pytest.mark.parametrize(
    ("comparison", "mine", "theirs", "level"),
    [
        pytest.param("chain", "123456", "123456", "agree", id="CHAIN agrees"),
        pytest.param("chain", "123456", "123465", "partial", id="CHAIN with two digits changed round"),
        pytest.param("chain", "123456", "123956", "partial", id="CHAIN with one digit wrong"),
        pytest.param("chain", "123456", "654321", "differ", id="CHAIN differs"),
        pytest.param("chain", "123456", None, "absent", id="CHAIN missing"),
        pytest.param("nhs_number", "9990000018", "9990000018", "agree", id="NHS number agrees"),
        pytest.param("nhs_number", "9990000018", "9990000026", "differ", id="NHS number differs"),
        pytest.param("nhs_number", None, None, "absent", id="NHS number missing"),
        pytest.param("sex", "f", "f", "agree", id="sex agrees"),
        pytest.param("sex", "f", "m", "differ", id="sex differs"),
        pytest.param("sex", "f", None, "absent", id="sex missing"),
    ],
)
def test_numbers_and_sex_show_their_level_beside_the_same_date_and_initials(
    comparison: str, mine: str | None, theirs: str | None, level: str
) -> None:
    one, other = (person(initials="js", **{comparison: value}) for value in (mine, theirs))
    others = {name: "absent" for name in ("chain", "nhs_number", "sex") if name != comparison}
    shown = words(INITIALS, one, other)
    assert {name: shown[name] for name in ("chain", "nhs_number", "sex")} == others | {comparison: level}
    assert (shown["date"], shown["initials"], shown["both_are"]) == ("exact", "both", "whole")


def test_sex_is_seen_only_where_date_and_initials_are_the_same() -> None:
    one, other = person(initials="js", sex="f"), person("1981-03-27", initials="js", sex="f")
    assert words(INITIALS, one, other)["sex"] == "absent"


@pytest.mark.parametrize("typed", ["100200", "100210"], ids=["the same", "mistyped"])
def test_a_chain_number_finds_people_whose_dates_and_names_have_nothing_in_common(typed: str) -> None:
    shown = words(INITIALS, person(initials="js", chain="100200"), person(None, initials="kt", chain=typed))
    assert (shown["date"], shown["initials"], shown["both_are"]) == ("none", "none", "incomplete")
    assert shown["chain"] == ("agree" if typed == "100200" else "partial")
    against = person("1990-05-05", initials="kt", chain=typed)
    assert words(INITIALS, person(initials="js", chain="100200"), against)["both_are"] == "whole"


@pytest.mark.parametrize(
    ("other", "names", "seen"),
    [
        pytest.param(person(), "same/same", "stored", id="the same names"),
        pytest.param(person(surname="smyth"), "same/alike", "stored", id="surname spelt by ear"),
        pytest.param(person(surname="jones"), "same/other", "asked", id="surname changed on marriage"),
        pytest.param(person(forename="jon"), "alike/same", "stored", id="forename spelt by ear"),
        pytest.param(
            person(forename="smith", surname="john"), "same/same", "stored", id="names changed round"
        ),
        pytest.param(person(forename="mary", surname="smith"), "other/same", "stored", id="another forename"),
        pytest.param(person(forename="jack"), "form/same", "stored", id="a short form of other letters"),
        pytest.param(person(forename="mary", surname="smyth"), "other/alike", "stored", id="surname alone"),
    ],
)
def test_names_beside_the_same_date_are_graded(other: Identifiers, names: str, seen: str) -> None:
    shown = words(NAMES, person(), other)
    assert (shown["date"], shown["names"], shown["seen"]) == ("exact", names, seen)


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        pytest.param("dan", "daniel", "form/same", id="a short form of like spelling"),
        pytest.param("bob", "robert", "form/same", id="a short form of other spelling"),
        pytest.param("martin", "mary", "begins/same", id="another name that begins alike"),
        pytest.param("alison", "alistair", "begins/same", id="another name of longer like spelling"),
        pytest.param("anna", "hannah", "distant/same", id="another name that ends alike"),
        pytest.param("james", "jean", "other/same", id="the same letter is not enough"),
        pytest.param("daniel", "danielle", "alike/same", id="spelled alike, whatever it sounds like"),
    ],
)
def test_a_form_of_the_same_forename_is_told_from_another_that_is_spelled_as_differently(
    one: str, other: str, names: str
) -> None:
    assert words(NAMES, person(forename=one), person(forename=other))["names"] == names


@pytest.mark.parametrize(
    ("dob", "date"),
    [
        pytest.param("1971-03-27", "year_differs", id="another year"),
        pytest.param("1980-08-27", "month_differs", id="another month"),
        pytest.param("1980-03-21", "day_differs", id="another day"),
    ],
)
def test_names_that_sound_the_same_bear_with_one_wrong_part_of_the_date(dob: str, date: str) -> None:
    shown = words(NAMES, person(forename="jon", surname="smyth"), person(dob))
    assert (shown["date"], shown["sounds"], shown["initials"]) == (date, "both", "both")


def test_names_that_sound_the_same_count_beside_a_year_alone() -> None:
    shown = words(NAMES, person(), person(BirthDate(1980, 1, 1, weak=True), "jon", "smyth"))
    assert (shown["date"], shown["sounds"], shown["both_are"]) == ("year", "both", "incomplete")


def test_names_that_do_not_sound_the_same_are_not_said_to() -> None:
    shown = words(NAMES, person("1971-03-27"), person("1980-03-27", "james", "sutton"))
    assert (shown["date"], shown["initials"]) == ("year_differs", "both")
    assert shown["sounds"] != "both"


def test_a_record_with_initials_alone_can_meet_one_with_names() -> None:
    shown = words(NAMES, person(), person(initials="js"))
    assert (shown["date"], shown["initials"], shown["both_are"]) == ("exact", "both", "whole")


def test_an_alias_shows_what_the_main_name_does_not() -> None:
    records = [[person(initials="js")], [person(initials="mw"), person(initials="js")]]
    tokens = tokens_of(INITIALS, records)
    pairs = compare(INITIALS, tokens, tokens, all_meetings(INITIALS, tokens, records))
    assert list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == [(0, 2)]
    assert pattern_levels(int(pairs.pattern[0]))["identity"].startswith("date=exact initials=both")


def test_pairs_come_once_each_in_ascending_order() -> None:
    records = [[person(initials="js", chain="12")] for _ in range(5)]
    tokens = tokens_of(INITIALS, records)
    pairs = compare(INITIALS, tokens, tokens, all_meetings(INITIALS, tokens, records))
    assert list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == [
        (i, j) for i in range(5) for j in range(i + 1, 5)
    ]


def test_nobody_compared_shows_nothing() -> None:
    tokens = tokens_of(INITIALS, [])
    assert not len(compare(INITIALS, tokens, tokens, all_meetings(INITIALS, tokens, [])))


def test_every_identity_level_has_an_id_of_its_own() -> None:
    assert len({identity_id(code) for code in range(IDENTITY_COUNT)}) == IDENTITY_COUNT


def test_every_pattern_is_told_apart_in_words() -> None:
    rng = np.random.default_rng(1)
    codes = np.unique(rng.integers(0, np.prod(PATTERN_SHAPE), 2000))
    assert len({tuple(pattern_levels(int(code)).values()) for code in codes}) == len(codes)


# A second implementation, on the plain identifiers: what slots and probes are meant to tell.
Shown = tuple[str, str]


def plain_levels(one: Identifiers, other: Identifiers) -> Shown | None:
    """The strongest level of date, and of initials, that any rule finds; None where none does."""
    found = _rules(_Plain(one), _Plain(other)) + _rules(_Plain(other), _Plain(one))
    if not found:
        return None
    dates, initials = [date for date, _ in found], [shown for _, shown in found]
    return min(dates, key=DATE_LEVELS.index), min(initials, key=INITIAL_LEVELS.index)


class _Plain:
    def __init__(self, entry: Identifiers) -> None:
        birth = entry.birth or BirthDate(None, None, None)
        if birth.weak:
            birth = replace(birth, month=None, day=None)
        self.parts = {"day": birth.day, "month": birth.month, "year": birth.year}
        self.whole = birth.complete
        self.first, self.last = entry.forename_initial, entry.surname_initial
        self.both = bool(self.first and self.last)

    def agrees(self, other: _Plain, *names: str) -> bool:
        return all(self.parts[name] == other.parts[name] is not None for name in names)


def _rules(a: _Plain, b: _Plain) -> list[Shown]:
    """What a, asking, finds out about b."""
    same_date = a.whole and b.whole and a.agrees(b, *a.parts)
    both = a.both and b.both
    same_initials = both and (a.first, a.last) == (b.first, b.last)
    swapped = a.whole and b.whole and a.agrees(b, "year") and (
        (a.parts["day"], a.parts["month"]) == (b.parts["month"], b.parts["day"])
    )  # fmt: skip
    found: list[Shown] = []
    if same_initials:
        if same_date:
            found.append(("exact", "both"))
        if swapped:
            found.append(("swapped", "both"))
        if a.agrees(b, "year") and not a.whole and not b.whole:
            found.append(("year", "both"))
        found += [(date, "both") for date in _off_by_one(a, b) + _supplied(a, b)]
    if same_date:
        if both and sorted((a.first, a.last)) == sorted((b.first, b.last)):  # type: ignore[type-var]
            found.append(("exact", "swapped"))
        if a.last and a.last == b.last and (not both or a.first != b.first):
            found.append(("exact", "last"))
        if a.first and a.first == b.first and (not both or a.last != b.last):
            found.append(("exact", "first"))
    return found


def _off_by_one(a: _Plain, b: _Plain) -> list[str]:
    differing = [name for name in a.parts if a.parts[name] != b.parts[name]]
    return [f"{differing[0]}_differs"] if a.whole and b.whole and len(differing) == 1 else []


def _supplied(a: _Plain, b: _Plain) -> list[str]:
    missing = [name for name in a.parts if a.parts[name] is None]
    there = [name for name in a.parts if a.parts[name] is not None]
    return [f"{missing[0]}_missing"] if b.whole and len(missing) == 1 and a.agrees(b, *there) else []


@settings(max_examples=300, deadline=None)
@given(pair=pairs_of_people(with_names=False))
def test_random_people_show_what_their_plain_identifiers_say(pair: tuple[Identifiers, Identifiers]) -> None:
    one, other = (replace(entry, chain=None, nhs_number=None) for entry in pair)
    shown = words(INITIALS, one, other)
    assert ((shown["date"], shown["initials"]) if shown else None) == plain_levels(one, other)


@settings(max_examples=100, deadline=None)
@given(pair=pairs_of_people())
def test_what_two_people_show_does_not_depend_on_who_comes_first(
    pair: tuple[Identifiers, Identifiers],
) -> None:
    one, other = pair
    assert pattern_of(NAMES, one, other) == pattern_of(NAMES, other, one)


def twin_like(identity: str, *, chain: str = "absent") -> bool:
    """Whether a pattern with this identity, as files spell it, looks like twins."""
    code = next(code for code in range(IDENTITY_COUNT) if identity_id(code) == identity)
    levels = (code, NUMBER_LEVELS.index(chain), NUMBER_LEVELS.index("absent"), SEX_LEVELS.index("agree"))
    return may_be_twins(int(np.ravel_multi_index(levels, PATTERN_SHAPE)))


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        ("date=exact names=other/same seen=stored", True),
        ("date=exact names=distant/close seen=asked", True),
        ("date=exact names=alike/same seen=stored", False),
        ("date=exact names=other/other seen=stored", False),
        ("date=exact names=same/other seen=stored", False),
        ("date=exact initials=last sounds=absent whole", True),
        ("date=exact initials=both sounds=absent whole", False),
        ("date=day_differs initials=last sounds=surname whole", False),
    ],
)
def test_one_birth_date_and_surname_with_another_forename_may_be_twins(identity: str, expected: bool) -> None:
    assert twin_like(identity) is expected


@pytest.mark.parametrize(("chain", "expected"), [("agree", False), ("partial", True), ("differ", True)])
def test_twins_do_not_share_a_number(chain: str, expected: bool) -> None:
    assert twin_like("date=exact names=other/same seen=stored", chain=chain) is expected
