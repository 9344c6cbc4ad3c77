"""What an asker varies: every plausible slip once, and never the value itself."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.schema import FIELDS, shipped_schema
from node.columns import Columns, columns_of
from node.identifiers import BirthDate, Identifiers
from node.variants import YEARS, vary
from tests.matcher.factories import person


def columns(*everybody: Identifiers) -> Columns:
    return columns_of(everybody, len)


def varied(everybody: Columns, what: str, field: str, *, chunk_rows: int = 1000) -> list[list[int]]:
    """The values of a field asked for, by row."""
    found: list[list[int]] = [[] for _ in range(len(everybody))]
    for rows, variants in vary(everybody, what, chunk_rows=chunk_rows):
        for row, value in zip(rows.tolist(), getattr(variants, field).tolist(), strict=True):
            found[row].append(value)
    return found


@pytest.mark.parametrize(
    ("what", "field", "own", "count"),
    [
        pytest.param("year", "year", 1980, len(YEARS) - 1, id="year"),
        pytest.param("month", "month", 3, 11, id="month"),
        pytest.param("day", "day", 27, 30, id="day"),
        pytest.param("forename_initial", "forename_initial", 10, 25, id="forename initial"),
        pytest.param("surname_initial", "surname_initial", 19, 25, id="surname initial"),
    ],
)
def test_every_other_value_is_asked_for_once(what: str, field: str, own: int, count: int) -> None:
    (values,) = varied(columns(person()), what, field)
    assert len(values) == len(set(values)) == count
    assert own not in values


@pytest.mark.parametrize("what", ["year", "month", "day"])
def test_parts_of_a_date_that_is_not_whole_are_not_varied(what: str) -> None:
    incomplete = columns(
        person(None), person(BirthDate(1980, 2, 31)), person(BirthDate(1980, 1, 1, weak=True))
    )
    assert varied(incomplete, what, what) == [[], [], []]


def test_only_the_missing_part_of_a_date_is_supplied_and_makes_it_whole() -> None:
    lacking = columns(
        person(BirthDate(None, 3, 27)), person(BirthDate(1980, None, 27)), person(BirthDate(1980, 3, None))
    )
    asked = {what: varied(lacking, f"missing_{what}", what) for what in ("year", "month", "day")}
    assert [[len(values) for values in rows] for rows in asked.values()] == [
        [len(YEARS), 0, 0], [0, 12, 0], [0, 0, 31],
    ]  # fmt: skip
    for _, variants in vary(lacking, "missing_day", chunk_rows=1000):
        assert variants.complete.all()


def test_a_weak_date_is_asked_for_by_month_of_its_year_alone() -> None:
    weak = columns(person(BirthDate(1980, 1, 1, weak=True)), person(), person(BirthDate(1980, 3, None)))
    assert [len(values) for values in varied(weak, "month_of_known_year", "month")] == [12, 0, 0]


def test_a_missing_initial_is_asked_for_in_every_letter_and_a_present_one_not_at_all() -> None:
    both = columns(person(initials="-s"), person(initials="js"))
    assert [len(values) for values in varied(both, "missing_forename_initial", "forename_initial")] == [26, 0]
    assert [len(values) for values in varied(both, "forename_initial", "forename_initial")] == [0, 25]


@given(number=st.integers(1, 10**12 - 1))
def test_a_chain_number_is_asked_for_with_every_single_slip_and_never_as_it_is(number: int) -> None:
    text = str(number)
    wrong = {
        int(text[:place] + digit + text[place + 1 :]) for place in range(len(text)) for digit in "0123456789"
    }
    round_about = {
        int(text[:place] + text[place + 1] + text[place] + text[place + 2 :])
        for place in range(len(text) - 1)
    }
    (values,) = varied(columns(person(chain=text)), "chain_typing_error", "chain")
    assert len(values) == len(set(values))
    assert set(values) == (wrong | round_about) - {number}


def test_chain_numbers_of_different_lengths_are_varied_side_by_side() -> None:
    rows = varied(
        columns(person(chain="7"), person(), person(chain="1234")),
        "chain_typing_error",
        "chain",
        chunk_rows=90,
    )
    assert [len(values) for values in rows] == [9, 0, 39]
    assert max(rows[0]) < 10


def test_chunks_bound_the_number_of_variants_made_at_a_time() -> None:
    everybody = columns(*[person(f"19{n:02}-03-27") for n in range(40, 60)])
    sizes = [len(rows) for rows, _ in vary(everybody, "day", chunk_rows=100)]
    assert max(sizes) <= 100
    assert sum(sizes) == 20 * 30


def test_the_rows_of_variants_point_at_those_who_ask() -> None:
    everybody = columns(person(None), person("1980-03-27"), person(None), person("1981-04-28"))
    rows = np.concatenate([rows for rows, _ in vary(everybody, "month", chunk_rows=5)])
    assert np.bincount(rows, minlength=4).tolist() == [0, 11, 0, 11]


def test_every_variation_of_the_shipped_schema_is_known() -> None:
    whole = json.loads(resources.files("matcher").joinpath("data/slots-1.json").read_text("utf-8"))
    assert len(whole["asked"]) == len(shipped_schema(FIELDS).asked)
    for probe in whole["asked"]:
        assert list(vary(columns(person(chain="12")), probe["varies"], chunk_rows=1000)) is not None


def test_an_unknown_variation_is_refused() -> None:
    with pytest.raises(ValueError, match="shoe_size"):
        list(vary(columns(person()), "shoe_size", chunk_rows=1000))
