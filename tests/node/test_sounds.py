"""How names sound: spellings and nicknames that must meet, and strangers that must not."""

from __future__ import annotations

import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nicknames import NickNamer

from node.sounds import canonical_forename, forename_sound, surname_sound

TABLE = tomllib.loads(resources.files("node").joinpath("data/nicknames.toml").read_text("utf-8"))
USUAL = [
    ("bob", "robert"), ("liz", "elizabeth"), ("bill", "william"), ("mike", "michael"), ("jim", "james"),
    ("tony", "anthony"), ("kate", "katherine"), ("peggy", "margaret"), ("dick", "richard"),
    ("tom", "thomas"), ("joe", "joseph"), ("sue", "susan"), ("danny", "daniel"), ("andy", "andrew"),
    ("alex", "alexander"), ("kasia", "katarzyna"), ("md", "mohammed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("short", "formal"),
    [
        pytest.param("rob", "robert", id="Rob is Robert"),
        pytest.param("dan", "daniel", id="Dan is Daniel"),
        pytest.param("jimmy", "james", id="Jimmy is James"),
        *[pytest.param(short, formal, id=f"{short.title()} is {formal.title()}") for short, formal in USUAL],
        pytest.param("robert", "robert", id="a formal name stands for itself"),
        pytest.param("yusuf", "yusuf", id="an unknown name stands for itself"),
        pytest.param("rob james", "robert", id="of several forenames the first"),
    ],
)
def test_a_forename_is_brought_back_to_its_formal_name(short: str, formal: str) -> None:
    assert canonical_forename(short) == formal


@pytest.mark.parametrize("name", sorted(TABLE["short"]))
def test_no_short_form_of_the_table_stands_for_another_short_form(name: str) -> None:
    assert name.isascii() and name.isalpha() and name.islower()
    assert TABLE["short"][name] not in TABLE["short"]
    assert name not in TABLE["formal"]["names"]


@pytest.mark.parametrize(
    "name",
    ["john", "william", "neil", "mark", "lee", "leah", "ali", "maria", "elizabeth", "mohammed", "gareth"],
)
def test_a_name_of_its_own_is_never_turned_into_another(name: str) -> None:
    assert canonical_forename(name) == name


def test_the_library_answers_where_the_table_is_silent() -> None:
    for short, formal in (("malc", "malcolm"), ("cait", "caitlin"), ("gil", "gilbert"), ("tiff", "tiffany")):
        assert short not in TABLE["short"]
        assert canonical_forename(short) == formal


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("stephen", "steven", id="ph and v"),
        pytest.param("jon", "john", id="silent h"),
        pytest.param("dave", "david", id="nickname"),
        pytest.param("catherine", "katherine", id="C and K"),
        pytest.param("sara", "sarah", id="h at the end"),
    ],
)
def test_forenames_that_are_one_name_sound_the_same(one: str, other: str) -> None:
    assert forename_sound(one) == forename_sound(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("smith", "smyth", id="i and y"),
        pytest.param("brown", "braun", id="ow and au"),
        pytest.param("smith jones", "smithjones", id="hyphen or none"),
        pytest.param("muller", "mueller", id="umlaut as u or ue"),
    ],
)
def test_surnames_spelt_by_ear_sound_the_same(one: str, other: str) -> None:
    assert surname_sound(one) == surname_sound(other)


@pytest.mark.parametrize(("one", "other"), [("smith", "jones"), ("patel", "khan"), ("ng", "okafor")])
def test_surnames_that_are_not_alike_do_not(one: str, other: str) -> None:
    assert surname_sound(one) != surname_sound(other)


@given(name=st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12))
def test_every_name_sounds_like_something_and_always_the_same(name: str) -> None:
    assert forename_sound(name)
    assert surname_sound(name)
    assert surname_sound(name) == surname_sound(name)


KNOWN_NAMES = sorted(
    {*TABLE["short"], *TABLE["short"].values(), *TABLE["formal"]["names"]}
    | {*NickNamer().nickname_lookup, *NickNamer().canonical_lookup}
)


def test_the_formal_name_of_a_formal_name_is_itself() -> None:
    """For every name that the table or the library has ever heard of."""
    once = {name: canonical_forename(name) for name in KNOWN_NAMES}
    assert {name: canonical_forename(formal) for name, formal in once.items()} == once


@given(name=st.text("abcdefghijklmnopqrstuvwxyz ", max_size=12))
def test_the_formal_name_of_any_text_is_its_own_formal_name(name: str) -> None:
    assert canonical_forename(canonical_forename(name)) == canonical_forename(name)
