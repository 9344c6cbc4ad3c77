"""The measures and attacks of `benchmarks.exposure`, on data small enough to work out by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from benchmarks.attacks import Percolation, rank_alignment, register_of, shares
from benchmarks.exposure import (
    cut,
    f1_under,
    filter_values,
    loose_schema,
    markdown,
    measure,
    recall_alone,
    unconditional,
    without_slot,
)
from benchmarks.positions import measure as measure_positions
from cli.demo.files import write_contract
from cli.demo.generator import generate
from cli.evaluation_data import load_population, parse_fields
from matcher.schema import shipped_schema
from matcher.tokens import BoolArray, IntArray, UInt64Array

EVERYTHING = "dob,names,chain,nhs_number,sex,area"


def values(*numbers: int) -> UInt64Array:
    return np.asarray(numbers, dtype=np.uint64)


def people(*numbers: int) -> IntArray:
    return np.asarray(numbers, dtype=np.int64)


def table(*rows: tuple[int, ...]) -> UInt64Array:
    return np.asarray(rows, dtype=np.uint64)


def knows(count: int, *known: int) -> BoolArray:
    return np.isin(np.arange(count), known)


def test_strangers_are_records_of_other_people_with_the_same_value() -> None:
    # Person 0 twice and person 1 share value 7; person 2 is alone; person 3 lacks the slot.
    of_all, of_holders, each = shares(values(7, 7, 7, 8, 0), people(0, 0, 1, 2, 3))
    assert each.tolist() == [1, 1, 2, 0, 0]
    assert of_all == pytest.approx(4 / 5)
    assert of_holders == pytest.approx(4 / 4)


def test_a_slot_nobody_has_exposes_nobody() -> None:
    assert shares(values(0, 0), people(0, 1))[:2] == (0.0, 0.0)


def test_recall_alone_counts_each_true_pair_once_whatever_its_aliases() -> None:
    # Record 0 has two tokens, both equal to record 1's; records 2 and 3 are one person and share nothing.
    found = recall_alone(values(5, 5, 5, 6, 9), people(0, 0, 1, 2, 3), people(4, 4, 8, 8), 2)
    assert found == pytest.approx(0.5)


def test_recall_alone_counts_no_stranger_and_no_absent_slot() -> None:
    assert recall_alone(values(5, 5, 0, 0), people(0, 1, 2, 3), people(1, 2, 3, 3), 1) == 0.0


def test_ranks_of_different_frequencies_open_everything() -> None:
    column, register = values(3, 3, 3, 2, 2, 1), values(3, 3, 3, 3, 2, 2, 1)
    assert rank_alignment(column, register, rng=np.random.default_rng(1)) == 1.0


def test_ranks_that_the_register_has_otherwise_open_nothing() -> None:
    column, register = values(3, 3, 2), values(2, 2, 3)
    assert rank_alignment(column, register, rng=np.random.default_rng(1)) == 0.0


def test_ranks_of_equal_frequency_are_guesses() -> None:
    column = np.arange(1, 1001, dtype=np.uint64)
    assert rank_alignment(column, column, rng=np.random.default_rng(1)) < 0.01


def test_absent_slots_are_no_rank() -> None:
    assert rank_alignment(values(0, 0, 0, 4), values(4), rng=np.random.default_rng(1)) == 1.0
    assert rank_alignment(values(0), values(0), rng=np.random.default_rng(1)) == 0.0


# Three people in a chain: 0 and 1 share slot 0, 1 and 2 share slot 1. Nobody else shares anything.
CHAIN_OF_THREE = table((1, 10), (1, 11), (2, 11))


def test_a_chain_of_people_is_opened_from_its_end() -> None:
    opened = Percolation(CHAIN_OF_THREE, CHAIN_OF_THREE).run(people(0, 1, 2), knows(3, 0))
    assert opened.right == 1.0
    assert opened.wrong == 0.0


def test_who_shares_nothing_with_the_known_stays_closed() -> None:
    apart = table((1, 10), (2, 11), (3, 12))
    assert Percolation(apart, apart).run(people(0, 1, 2), knows(3, 0)).right == 0.0


def test_with_nobody_known_nothing_is_opened() -> None:
    opened = Percolation(CHAIN_OF_THREE, CHAIN_OF_THREE).run(people(0, 1, 2), knows(3))
    assert (opened.right, opened.wrong, opened.rounds) == (0.0, 0.0, 0)


def test_two_who_fit_alike_are_not_guessed() -> None:
    # 1 and 2 both share slot 0 with the known person and differ in a slot that nothing has opened.
    register = table((1, 10), (1, 11), (1, 12))
    assert Percolation(register, register).run(people(0, 1, 2), knows(3, 0)).right == 0.0


def test_a_value_not_shared_with_a_known_person_rules_that_person_out() -> None:
    # The stranger shares slot 0 with the known person and not slot 1: it is the other one who fits.
    register = table((1, 10), (1, 11))
    assert Percolation(register, register).run(people(0, 1), knows(2, 0)).right == 1.0


def test_a_record_with_a_slip_can_be_taken_for_another_person() -> None:
    # The last record is person 2's with person 1's value in slot 0, which is known.
    stored = table((1, 10), (2, 11), (2, 0))
    opened = Percolation(stored, table((1, 10), (2, 11), (3, 12))).run(people(0, 1, 2), knows(3, 1))
    assert opened.right == 0.0
    assert opened.wrong == pytest.approx(1 / 2)


def test_a_known_person_opens_their_other_records_only_as_far_as_one_fits() -> None:
    # Both records of person 1 are known and count for nothing; person 0's is not reached.
    opened = Percolation(table((1,), (2,), (2,)), table((1,), (2,))).run(people(0, 1, 1), knows(2, 1))
    assert opened.right == 0.0


def test_the_register_has_the_commonest_input_of_each_person() -> None:
    stored = table((5, 1), (5, 2), (6, 0), (7, 3))
    assert register_of(stored, people(0, 0, 0, 1)).tolist() == [[5, 1], [7, 3]]


def test_without_a_slot_go_the_probes_that_ask_it_and_the_slots_beside_it() -> None:
    schema = shipped_schema(EVERYTHING.split(","))
    smaller = without_slot(schema, "F")
    assert set(schema.slot_index) - set(smaller.slot_index) == {"F", "S"}
    assert {probe.asks for probe in smaller.asked} == {probe.asks for probe in schema.asked} - {"F"}
    assert smaller.name_filter == schema.name_filter


def test_the_name_filter_can_be_left_out_alone() -> None:
    schema = shipped_schema(EVERYTHING.split(","))
    smaller = without_slot(schema, "G")
    assert smaller.name_filter is None
    assert len(smaller.stored) == len(schema.stored)


def test_the_loose_schema_stores_three_more_slots_and_the_register_has_no_conditions() -> None:
    schema = shipped_schema(["dob", "initials"])
    assert len(loose_schema(schema).stored) == len(schema.stored) + 3
    assert all(slot.when is None for slot in unconditional(schema).stored)


def test_empty_name_filters_are_absent_and_equal_ones_equal() -> None:
    found = filter_values(np.asarray([[0, 0], [1, 2], [1, 2], [2, 1]], dtype=np.uint8))
    assert found[0] == 0
    assert found[1] == found[2] != found[3]


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("county")
    write_contract(generate(people=300, seed=3, with_conference=False), directory)
    return directory


def test_a_schema_cut_to_itself_changes_nothing(county: Path) -> None:
    schema = parse_fields(EVERYTHING)
    population = load_population(
        county, county / "truth.csv", schema, with_probes=True, today=date(2026, 11, 1)
    )
    tokens, meetings = cut(schema, schema, population.tokens, population.meetings)
    assert np.array_equal(tokens.slots, population.tokens.slots)
    order = np.lexsort((meetings.asked, meetings.right, meetings.left))
    whole = population.meetings
    whole_order = np.lexsort((whole.asked, whole.right, whole.left))
    for name in ("left", "right", "asked"):
        assert np.array_equal(getattr(meetings, name)[order], getattr(whole, name)[whole_order])
    assert f1_under(population, schema) > 0.9


def test_a_small_county_is_measured_whole(county: Path) -> None:
    found = measure("small", county, "dob,initials,chain", with_f1=True)
    assert [slot.slot for slot in found.slots] == ["F", "A4", "B3", "C1", "WI", "IL", "IF"]
    assert all(slot.f1_without is not None and slot.strangers < 0.1 for slot in found.slots)
    assert [slot.slot for slot in found.asked_if_stored] == ["L1", "L2", "L3", "I"]
    assert list(found.percolation) == ["shipped slots", "loose slots"]
    assert "| not stored: L1 |" in markdown(found)


def test_the_halves_of_the_name_filter_are_measured_where_names_are_shared(county: Path) -> None:
    found = measure("small", county, "dob,names", with_f1=False)
    assert [slot.slot for slot in found.slots][-3:] == ["G", "G, forename half", "G, surname half"]
    assert len(found.percolation) == 3


def test_positions_are_timed_both_ways() -> None:
    assert len(measure_positions(50)) == 8
