"""Date variants within one request: counted where somebody tries dates, and hardly ever in a real list."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.near_cases import count_near_cases
from hub.questions import prepare_cases
from hub.schemas import WireToken
from hub.tags import Pepper
from matcher.schema import LinkageSchema, shipped_schema
from tests.hub.people import Person, encode_probes, encode_token, make_people

PEPPER = Pepper(b"p" * 32)
SOMEBODY = Person(year=1984, month=3, day=5, forename=41, surname=77, sex=1, chain=310_442)


class Asked:
    """What preparing reads of a case of the wire."""

    def __init__(self, person: Person, schema: LinkageSchema, *, probes: bool) -> None:
        from types import SimpleNamespace

        self.tokens = [WireToken.model_validate(encode_token(person, schema))]
        self.area = None
        found = encode_probes(person, schema) if probes else []
        self.probes = [SimpleNamespace(**probe) for probe in found]


def near(people: list[Person], schema: LinkageSchema, *, probes: bool = True) -> int:
    cases = [Asked(person, schema, probes=probes) for person in people]
    return count_near_cases(prepare_cases(cases, schema=schema, pepper=PEPPER), schema)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "pairs"),
    [
        pytest.param(replace(SOMEBODY, day=6), 1, id="another day"),
        pytest.param(replace(SOMEBODY, month=4), 1, id="another month"),
        pytest.param(replace(SOMEBODY, year=1985), 1, id="another year"),
        pytest.param(replace(SOMEBODY, day=3, month=5), 1, id="day and month swapped"),
        pytest.param(replace(SOMEBODY, day=6, month=4), 0, id="two parts differ"),
        pytest.param(SOMEBODY, 0, id="the same person twice"),
        pytest.param(replace(SOMEBODY, forename=42, chain=310_443), 0, id="a twin, with the next number"),
        pytest.param(replace(SOMEBODY, forename=42, surname=78, day=9), 0, id="a stranger"),
    ],
)
def test_two_cases_are_near_when_one_part_of_the_date_differs(
    schema: LinkageSchema, other: Person, pairs: int
) -> None:
    assert near([SOMEBODY, other], schema) == pairs
    assert near([other, SOMEBODY], schema) == pairs


def test_every_day_of_a_month_is_near_every_other(schema: LinkageSchema) -> None:
    days = [replace(SOMEBODY, day=day, chain=0) for day in range(1, 29)]
    assert near(days, schema) == 28 * 27 // 2


def test_leaving_out_the_probes_hides_nothing_where_names_are_shared(schema: LinkageSchema) -> None:
    days = [replace(SOMEBODY, day=day) for day in range(1, 11)]
    assert near(days, schema, probes=False) == 45


def test_without_names_the_probes_show_it() -> None:
    schema = shipped_schema(["dob", "initials"])
    days = [replace(SOMEBODY, day=day) for day in range(1, 11)]
    assert near(days, schema) == 45


def test_lists_of_different_people_are_hardly_ever_near(schema: LinkageSchema) -> None:
    """A hundred conference lists of 15 from one county: below the three pairs an alarm begins at."""
    people = make_people(1500, seed=11)
    counts = [near(people[start : start + 15], schema) for start in range(0, 1500, 15)]
    assert max(counts) < 3


def test_dates_tried_as_aliases_of_one_case_are_near_too(schema: LinkageSchema) -> None:
    dates = [replace(SOMEBODY, day=day, chain=0) for day in range(5, 13)]
    case = Asked(SOMEBODY, schema, probes=True)
    case.tokens = [WireToken.model_validate(encode_token(one, schema)) for one in dates]
    prepared = prepare_cases([case], schema=schema, pepper=PEPPER)  # type: ignore[list-item]
    assert count_near_cases(prepared, schema) == 8 * 7 // 2


def test_former_names_of_one_case_are_not_near(schema: LinkageSchema) -> None:
    case = Asked(SOMEBODY, schema, probes=True)
    names = [SOMEBODY, *(replace(SOMEBODY, surname=surname) for surname in (17, 37, 57))]
    case.tokens = [WireToken.model_validate(encode_token(one, schema)) for one in names]
    prepared = prepare_cases([case], schema=schema, pepper=PEPPER)  # type: ignore[list-item]
    assert count_near_cases(prepared, schema) == 0
