"""Slots, probes and name filters: golden vectors, a plain second implementation, what must hold of any."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.linkage import LinkageKey
from matcher.schema import FIELDS, LinkageSchema, shipped_schema
from matcher.similarity import dice_coefficient
from node.identifiers import BirthDate, Identifiers
from node.slots import Encoder, LinkageKeyProvider, condition, ngrams, pack
from node.sounds import forename_sound, surname_sound
from tests.matcher.factories import KEY, encoder_for, person
from tests.node.plain_slots import PlainEncoder, Written, written
from tests.strategies import people

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "slots" / "tokens.json").read_text("utf-8"))
WHOLE = shipped_schema(FIELDS)
SCHEMAS = [WHOLE, shipped_schema(["dob", "initials", "chain", "sex"])]


def identifiers_of(values: dict[str, Any]) -> Identifiers:
    parts = {name: values[name] for name in ("year", "month", "day") if name in values}
    birth = (
        BirthDate(parts.get("year"), parts.get("month"), parts.get("day"), weak=bool(values.get("weak")))
        if parts
        else None
    )
    rest = {name: value for name, value in values.items() if name not in (*parts, "weak")}
    return Identifiers(birth=birth, **rest)


def plain_of(entry: Identifiers) -> Written:
    birth = entry.birth or BirthDate(None, None, None)
    return written(
        {"year": birth.year, "month": birth.month, "day": birth.day, "weak": birth.weak}
        | {
            name: getattr(entry, name)
            for name in ("forename", "surname", "forename_initial", "surname_initial", "chain", "nhs_number")
        }
        | {"sex": entry.sex},
        forename_sound=forename_sound(entry.forename) if entry.forename else "",
        surname_sound=surname_sound(entry.surname) if entry.surname else "",
    )


def probes_of(encoder: Encoder, asking: Sequence[Identifiers]) -> dict[str, list[list[int]]]:
    """Variants of every probe of every person, sorted."""
    columns = encoder.columns(asking)
    found: dict[str, list[list[int]]] = {}
    for probe in encoder.schema.asked:
        mine: list[list[int]] = [[] for _ in asking]
        for rows, slots in encoder.probes(columns, probe):
            for row, slot in zip(rows.tolist(), slots.tolist(), strict=True):
                mine[row].append(slot)
        found[probe.probe_id] = [sorted(variants) for variants in mine]
    return found


def slots_of(encoder: Encoder, entry: Identifiers) -> dict[str, int]:
    row = encoder.slots(encoder.columns([entry]))[0]
    return {slot.slot_id: int(value) for slot, value in zip(encoder.schema.stored, row, strict=True)}


@pytest.mark.parametrize(
    "case", VECTORS["cases"], ids=lambda case: f"{case['person']} ({len(case['fields'])} fields)"
)
def test_golden_vectors_are_met(case: dict[str, Any]) -> None:
    encoder = encoder_for(
        shipped_schema(case["fields"]), LinkageKey.from_bytes(bytes.fromhex(VECTORS["linkage_key"]))
    )
    entry = identifiers_of(case["identifiers"])
    assert {slot: f"{value:016x}" for slot, value in slots_of(encoder, entry).items()} == case["slots"]
    asked = {probe: rows[0] for probe, rows in probes_of(encoder, [entry]).items()}
    assert {
        probe: [f"{value:016x}" for value in values] for probe, values in asked.items() if values
    } == case["probes"]
    assert encoder.names([entry], encoder.columns([entry])).tobytes().hex() == case["names"]


@pytest.mark.parametrize("schema", SCHEMAS, ids=["all fields", "without names"])
@settings(max_examples=25, deadline=None)
@given(everybody=st.lists(people(), min_size=1, max_size=4))
def test_columns_of_people_encode_like_the_plain_implementation_person_by_person(
    schema: LinkageSchema, everybody: list[Identifiers]
) -> None:
    encoder, plain = encoder_for(schema), PlainEncoder(schema.document, KEY.to_bytes())
    columns = encoder.columns(everybody)
    slots, filters, asked = (
        encoder.slots(columns), encoder.names(everybody, columns), probes_of(encoder, everybody)
    )  # fmt: skip
    for row, entry in enumerate(everybody):
        expected = plain_of(entry)
        assert slots[row].tolist() == list(plain.slots(expected).values())
        assert filters[row].tobytes() == plain.names(expected)
        assert {probe: rows[row] for probe, rows in asked.items()} == {
            probe: sorted(values) for probe, values in plain.probes(expected).items()
        }


@settings(max_examples=50, deadline=None)
@given(entry=people())
def test_a_slot_is_absent_or_has_exactly_eight_bits_set(entry: Identifiers) -> None:
    assert {value.bit_count() for value in slots_of(encoder_for(WHOLE), entry).values()} <= {0, 8}


@pytest.mark.parametrize(
    ("entry", "present"),
    [
        pytest.param(Identifiers(), "", id="nothing known"),
        pytest.param(person(initials="js"), "F A4 B3", id="date and initials"),
        pytest.param(person(initials="js", sex="f"), "F A4 B3 S", id="sex beside date and initials"),
        pytest.param(person(None, initials="js", chain="7"), "C1", id="CHAIN number alone"),
        pytest.param(person(None, initials="js", nhs_number="9990000018"), "C2", id="NHS number alone"),
        pytest.param(person(), "F A4 B3 N1 N8 N4 N5 N6", id="date and names"),
        pytest.param(person(surname=None), "IF", id="surname missing"),
        pytest.param(person(forename=None), "N1 IL", id="forename missing"),
        pytest.param(person(BirthDate(1980, None, None)), "WN WI", id="year alone"),
        pytest.param(person(BirthDate(1980, 1, 1, weak=True)), "WN WI", id="1 January as placeholder"),
        pytest.param(person(BirthDate(None, 3, 27)), "N4", id="year missing"),
        pytest.param(person(BirthDate(1980, None, 27)), "N6 WN WI", id="month missing"),
        pytest.param(person(BirthDate(1980, 3, None)), "N5 WN WI", id="day missing"),
        pytest.param(person(BirthDate(1980, 2, 31)), "N4 N5 N6 WN WI", id="31 February"),
        pytest.param(person(None), "", id="names without a date"),
    ],
)
def test_a_slot_is_there_exactly_where_its_inputs_are(entry: Identifiers, present: str) -> None:
    found = {slot for slot, value in slots_of(encoder_for(WHOLE), entry).items() if value}
    assert found == set(present.split())


def test_the_same_person_under_another_key_schema_or_slot_has_unrelated_bits() -> None:
    """8 of 64 bits drawn anew share one on average, and hardly ever five."""
    entry = person(initials="js", sex="f")
    small = shipped_schema(["dob", "initials"])
    of_key = slots_of(encoder_for(small), entry)
    other_key = slots_of(encoder_for(small, LinkageKey.from_bytes(bytes(range(1, 33)))), entry)
    other_schema = slots_of(encoder_for(SCHEMAS[1]), entry)
    alike = [of_key["F"] & other_key["F"], of_key["F"] & other_schema["F"]]
    # The same block goes into both: only the slot's own key tells them apart.
    same_block = person("1980-05-27", initials="ab")
    slots = slots_of(encoder_for(small), same_block)
    alike += [slots["F"] & slots["A4"], slots["F"] & slots["B3"], slots["A4"] & slots["B3"]]
    assert max(value.bit_count() for value in alike) < 5


def test_bits_of_unrelated_values_are_spread_evenly() -> None:
    """Every position is set in 1/8 of the slots, within five standard errors."""
    everybody = [person(BirthDate(1950, 1 + n % 12, 1 + n % 28), initials="js") for n in range(0, 336)]
    everybody += [
        person(BirthDate(1900 + n % 100, 5, 5), initials=f"{'abcdefgh'[n % 8]}s") for n in range(400)
    ]
    encoder = encoder_for(shipped_schema(["dob", "initials"]))
    slots = np.unique(encoder.slots(encoder.columns(everybody))[:, 0])
    share = np.asarray([((slots >> np.uint64(bit)) & np.uint64(1)).mean() for bit in range(64)])
    assert np.abs(share - 1 / 8).max() < 5 * (0.125 * 0.875 / len(slots)) ** 0.5


VARIANT_COUNTS = {"A1": 129, "A2": 11, "A3": 30, "B1": 25, "B2": 25}


@pytest.mark.parametrize(("probe", "count"), VARIANT_COUNTS.items())
def test_a_probe_asks_for_every_other_value_and_never_for_its_own(probe: str, count: int) -> None:
    encoder, entry = encoder_for(WHOLE), person()
    variants = probes_of(encoder, [entry])[probe][0]
    assert len(variants) == len(set(variants)) == count
    assert slots_of(encoder, entry)["F"] not in variants


@pytest.mark.parametrize(
    ("probe", "slot", "held"),
    [
        pytest.param("A1", "F", person("1970-03-27"), id="year mistyped"),
        pytest.param("A2", "F", person("1980-08-27"), id="month mistyped"),
        pytest.param("A3", "F", person("1980-03-21"), id="day mistyped"),
        pytest.param("B1", "F", person(surname="mith"), id="surname begins with another letter"),
        pytest.param("B2", "F", person(forename="ohn"), id="forename begins with another letter"),
        pytest.param("C3", "C1", person(chain="123156"), id="one digit of the CHAIN number wrong"),
        pytest.param("C3", "C1", person(chain="124356"), id="two digits of the CHAIN number changed round"),
        pytest.param("Q3", "IL", person(forename=None), id="forename missing there"),
        pytest.param("Q4", "IF", person(surname=None), id="surname missing there"),
        pytest.param("W1", "WN", person(BirthDate(1980, 1, 1, weak=True)), id="1 January there"),
    ],
)
def test_a_probe_meets_the_record_with_exactly_the_slip_it_is_for(
    probe: str, slot: str, held: Identifiers
) -> None:
    encoder, asking = encoder_for(WHOLE), person(chain="123456")
    asked = probes_of(encoder, [asking])
    value = slots_of(encoder, held)[slot]
    assert value in asked[probe][0]
    assert [name for name, rows in asked.items() if value in rows[0]] == [probe]


@pytest.mark.parametrize(
    ("probe", "asking"),
    [
        pytest.param("P1", person(BirthDate(None, 3, 27)), id="year missing here"),
        pytest.param("P2", person(BirthDate(1980, None, 27)), id="month missing here"),
        pytest.param("P3", person(BirthDate(1980, 3, None)), id="day missing here"),
        pytest.param("Q1", person(forename=None), id="forename missing here"),
        pytest.param("Q2", person(surname=None), id="surname missing here"),
    ],
)
def test_a_missing_part_is_asked_for_in_all_its_values(probe: str, asking: Identifiers) -> None:
    encoder = encoder_for(WHOLE)
    asked = probes_of(encoder, [asking])
    whole = slots_of(encoder, person())["F"]
    assert [name for name, rows in asked.items() if whole in rows[0]] == [probe]


def test_probes_come_in_chunks_that_together_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = encoder_for(WHOLE)
    everybody = [person(f"19{n:02}-03-27", chain=str(1000 + n)) for n in range(40, 60)]
    at_once = probes_of(encoder, everybody)
    monkeypatch.setattr("node.slots.PROBE_CHUNK_ROWS", 200)
    assert probes_of(encoder, everybody) == at_once


def test_the_name_filter_needs_a_whole_date() -> None:
    encoder = encoder_for(WHOLE)
    without = [person(None), person(BirthDate(1980, 1, 1, weak=True)), person(BirthDate(1980, 3, None))]
    assert not encoder.names(without, encoder.columns(without)).any()
    whole = [person()]
    assert encoder.names(whole, encoder.columns(whole)).any()


def test_the_name_filter_leaves_the_half_of_a_missing_name_empty() -> None:
    encoder = encoder_for(WHOLE)
    halves = WHOLE.names_bits // 16
    without = [person(forename=None), person(surname=None)]
    filters = encoder.names(without, encoder.columns(without))
    assert not filters[0, :halves].any() and filters[0, halves:].any()
    assert filters[1, :halves].any() and not filters[1, halves:].any()


def test_the_name_filter_is_salted_by_the_date_so_that_names_alone_link_nobody() -> None:
    encoder = encoder_for(WHOLE)
    days = [person(f"1980-03-{day:02}") for day in range(1, 29)]
    filters = encoder.names(days, encoder.columns(days))
    same = [dice_coefficient(a.tobytes(), b.tobytes()) for a, b in pairwise(filters)]
    assert max(same) < 0.5
    twice = [person(), person(sex="f", chain="12")]
    first, second = encoder.names(twice, encoder.columns(twice))
    assert dice_coefficient(first.tobytes(), second.tobytes()) == 1.0


def test_swapped_names_agree_crosswise() -> None:
    encoder = encoder_for(WHOLE)
    both = [person(forename="smith", surname="john"), person()]
    swapped, straight = encoder.names(both, encoder.columns(both))
    half = len(straight) // 2
    assert (swapped[:half] == straight[half:]).all() and (swapped[half:] == straight[:half]).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("", set(), id="empty name"),
        pytest.param("a", {b" a", b"a "}, id="one letter"),
        pytest.param("anna", {b" a", b"an", b"nn", b"na", b"a "}, id="padded at both ends"),
        pytest.param("an an", {b" a", b"an", b"n "}, id="each once, over a blank too"),
    ],
)
def test_qgrams_of_a_name(name: str, expected: set[bytes]) -> None:
    assert ngrams(name, 2) == expected


def test_nobody_encodes_to_nothing() -> None:
    encoder = encoder_for(WHOLE)
    columns = encoder.columns([])
    assert encoder.slots(columns).shape == (0, len(WHOLE.stored))
    assert encoder.names([], columns).shape == (0, WHOLE.names_bits // 8)
    assert not [rows for probe in WHOLE.asked for rows, _ in encoder.probes(columns, probe) if len(rows)]


def test_every_input_of_the_shipped_schema_can_be_packed_and_every_condition_is_known() -> None:
    columns = encoder_for(WHOLE).columns([person(sex="m", chain="7", nhs_number="9990000018")])
    for slot in WHOLE.stored:
        assert pack(slot.inputs, columns)[1].all()
        assert slot.when is None or condition(slot.when, columns).shape == (1,)


def test_an_unknown_condition_is_refused() -> None:
    with pytest.raises(ValueError, match="full_moon"):
        condition("full_moon", encoder_for(WHOLE).columns([person()]))


def test_equal_blocks_mean_equal_inputs() -> None:
    """Every input has its own place, so a month never passes for a day, nor one initial for the other."""
    encoder = encoder_for(WHOLE)
    pairs = [
        (["month"], person(BirthDate(None, 3, None)), ["day"], person(BirthDate(None, None, 3))),
        (["forename_initial"], person(initials="j-"), ["surname_initial"], person(initials="-j")),
    ]
    for here, one, there, other in pairs:
        block, _ = pack(here, encoder.columns([one]))
        against, _ = pack(there, encoder.columns([other]))
        assert (block != against).any()


def test_a_reduction_is_keyed_and_never_zero() -> None:
    provider = LinkageKeyProvider(KEY, WHOLE.digest)
    other = LinkageKeyProvider(LinkageKey.from_bytes(bytes(32)), WHOLE.digest)
    assert provider.reduce(b"surname\0SM0") == provider.reduce(b"surname\0SM0") > 0
    assert provider.reduce(b"surname\0SM0") != other.reduce(b"surname\0SM0")
