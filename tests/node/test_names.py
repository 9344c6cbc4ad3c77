"""Names and initials as people type them."""

from __future__ import annotations

import re

import jellyfish
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.names import NamePart, initials_from, normalise_name, read_initials, read_name
from node.quality import RULES


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("SMITH", "smith", id="capitals"),
        pytest.param("  Ann \u00a0 Marie ", "ann marie", id="blanks"),
        pytest.param("Ann\u200bMarie", "annmarie", id="invisible blank"),
        pytest.param("Smith-Jones", "smith jones", id="hyphen"),
        pytest.param("Smith–Jones", "smith jones", id="dash"),
        pytest.param("O'Brien", "obrien", id="apostrophe"),
        pytest.param("O’Brien", "obrien", id="typographical apostrophe"),
        pytest.param("O Brien", "obrien", id="apostrophe as blank"),
        pytest.param("Mc Donald", "mcdonald", id="Mc apart"),
        pytest.param("Mac Donald", "macdonald", id="Mac apart"),
        pytest.param("St. John", "saint john", id="saint"),
        pytest.param("de la Cruz", "de la cruz", id="particles"),
        pytest.param("Müller", "muller", id="umlaut"),
        pytest.param("MÃ¼ller", "muller", id="umlaut misread as Windows-1252"),
        pytest.param("Groß", "gross", id="sharp s"),
        pytest.param("Łukasiewicz", "lukasiewicz", id="barred l"),
        pytest.param("Sørensen", "sorensen", id="slashed o"),
        pytest.param("João", "joao", id="tilde"),
        pytest.param("İpek", "ipek", id="dotted capital i"),
        pytest.param("ﬁsher", "fisher", id="ligature"),
        pytest.param("Smith Jr.", "smith", id="suffix"),
        pytest.param("Mr Smith", "smith", id="title"),
        pytest.param("Dr. Mrs Smith", "smith", id="titles"),
        pytest.param("Lord", "lord", id="a title that is a surname"),
        pytest.param("Senior", "senior", id="a suffix that is a surname"),
        pytest.param("Person", "person", id="a filler that is a surname"),
        pytest.param("Smith née Jones", "smith", id="former name beside it"),
        pytest.param("Nee", "nee", id="a surname that means formerly"),
        pytest.param("Sm1th", "smlth", id="one for l"),
        pytest.param("5mith", "smith", id="five for s"),
        pytest.param("Smi7th", "smith", id="stray digit"),
    ],
)
def test_a_surname_is_brought_to_one_spelling(text: str, name: str) -> None:
    assert normalise_name(text, part="surname") == name


@pytest.mark.parametrize(
    "text",
    [
        "Unknown", "unknown male", "UNK", "Not known", "N/K", "NK", "n/a", "N.A.", "None", "Nil", "Refused",
        "Declined", "Anon", "TBC", "tbc.", "Test", "test test", "Baby", "Baby girl", "-", "--", "?", "???",
        "xxx", "XX", "x", "zzzz", "Mr", "Ms.", "(unknown)", "not given", "Withheld", "no name", ".", "0",
        "123",
    ],
)  # fmt: skip
def test_a_filler_counts_as_missing_and_is_reported(text: str) -> None:
    reading = read_name(text)
    assert (reading.name, reading.initial) == (None, None)
    assert reading.rules == ("placeholder_name",)


@pytest.mark.parametrize("text", ["", " ", "\u00a0"])
def test_an_empty_name_is_missing_without_a_finding_of_its_own(text: str) -> None:
    assert read_name(text).rules == ()


@pytest.mark.parametrize("text", ["Иван", "محمد", "李"])
def test_a_name_in_other_letters_is_reported_as_such(text: str) -> None:
    assert read_name(text).rules == ("name_not_latin",)


@pytest.mark.parametrize(
    ("text", "part", "name", "others"),
    [
        pytest.param("Robert (Bob)", "forename", "robert", ("bob",), id="brackets"),
        pytest.param('William "Bill"', "forename", "william", ("bill",), id="quotes"),
        pytest.param("Robert (known as Bob)", "forename", "robert", ("bob",), id="brackets with words"),
        pytest.param("Robert (deceased)", "forename", "robert", (), id="a remark"),
        pytest.param("Robert (do not ring at home)", "forename", "robert", (), id="a long remark"),
        pytest.param("Jones nee Smith", "surname", "jones", ("smith",), id="née"),
        pytest.param("Jones aka Smith", "surname", "jones", ("smith",), id="aka"),
        pytest.param("(Bob)", "forename", "bob", (), id="brackets alone"),
    ],
)
def test_a_name_beside_the_name_is_kept_as_a_further_one(
    text: str, part: NamePart, name: str, others: tuple[str, ...]
) -> None:
    reading = read_name(text, part=part)
    assert (reading.name, reading.others) == (name, others)


@pytest.mark.parametrize("text", ["J", "j.", "J.P.", "J P"])
def test_a_single_letter_is_an_initial_and_no_name(text: str) -> None:
    reading = read_name(text)
    assert (reading.name, reading.initial) == (None, "j")


def test_the_three_spellings_of_an_umlaut_are_equal_or_sound_equal() -> None:
    plain, dotted, spelled = (
        normalise_name(text, part="surname") for text in ("Muller", "Müller", "Mueller")
    )
    assert plain == dotted
    assert plain is not None and spelled is not None
    assert jellyfish.metaphone(plain) == jellyfish.metaphone(spelled)


@pytest.mark.parametrize(
    ("text", "initials"),
    [
        ("J.S.", ("j", "s")), ("JS", ("j", "s")), ("j s", ("j", "s")), ("J/S", ("j", "s")),
        ("JAS", ("j", "s")), ("J A S", ("j", "s")), ("J", ("j", None)), ("Ö.Ş.", ("o", "s")),
        ("John Smith", ("j", "s")),
        ("NA", ("n", "a")), ("N/A", (None, None)), ("", (None, None)), ("??", (None, None)),
        ("Johnny", (None, None)),
    ],
)  # fmt: skip
def test_initials_are_read_first_name_first(text: str, initials: tuple[str | None, str | None]) -> None:
    assert initials_from(text) == initials


def test_what_cannot_be_initials_is_reported() -> None:
    assert read_initials("Johnny")[2] == ("initials_format",)
    assert read_initials("N/A")[2] == ()


NAME_LIKE = st.text(alphabet="aeojrsmcn'’-. ()\"015ßüÅ\u00a0née", max_size=30)
PARTS = st.sampled_from(["forename", "surname"])


@given(st.one_of(st.text(max_size=80), NAME_LIKE), PARTS)
def test_a_name_is_lower_case_letters_and_single_spaces(text: str, part: NamePart) -> None:
    reading = read_name(text, part=part)
    for name in (reading.name, *reading.others):
        assert name is None or re.fullmatch(r"[a-z]+( [a-z]+)*", name)
    assert reading.initial is None or re.fullmatch("[a-z]", reading.initial)
    assert reading.name is None or reading.initial == reading.name[0]
    assert set(reading.rules) <= set(RULES)


@given(st.one_of(st.text(max_size=80), NAME_LIKE), PARTS)
def test_a_normalised_name_stays_as_it_is(text: str, part: NamePart) -> None:
    name = normalise_name(text, part=part)
    if name is not None:
        assert normalise_name(name, part=part) == name


@given(st.text(max_size=30))
def test_initials_are_letters_or_missing(text: str) -> None:
    first, last = initials_from(text)
    assert first is not None or last is None
    assert all(letter is None or re.fullmatch("[a-z]", letter) for letter in (first, last))


def test_a_very_long_name_is_cut() -> None:
    assert len(normalise_name("ab" * 200) or "") == 100


def test_a_reading_prints_nothing_of_the_name() -> None:
    assert "zebedee" not in repr(read_name("Zebedee")).lower()
