"""Records and cases as they travel: bytes that the hub can check and an asker can count."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.schema import FIELDS, LinkageSchema, shipped_schema
from matcher.tokens import decode_slots, require_set_bits
from node.encoding import EncodedCase, EncodedToken, encode_cases, encode_records
from node.identifiers import BirthDate, Case, Identifiers, Record
from node.slots import LinkageKeyProvider
from tests.matcher.factories import KEY, encoder_for, person

WHOLE = shipped_schema(FIELDS)
INITIALS = shipped_schema(["dob", "initials", "sex"])


def records(schema: LinkageSchema, *everybody: tuple[Identifiers, ...]) -> list[tuple[EncodedToken, ...]]:
    listed = [Record(row, str(row), identities) for row, identities in enumerate(everybody, start=2)]
    return encode_records(schema, LinkageKeyProvider(KEY, schema.digest), listed)


def cases(schema: LinkageSchema, *everybody: tuple[Identifiers, ...]) -> list[EncodedCase]:
    listed = [Case(row, str(row), identities) for row, identities in enumerate(everybody, start=2)]
    return encode_cases(schema, LinkageKeyProvider(KEY, schema.digest), listed)


def test_a_token_travels_as_its_stored_slots_in_order_eight_bytes_each_big_endian() -> None:
    ((token,),) = records(WHOLE, (person(chain="7"),))
    encoder = encoder_for(WHOLE)
    slots = encoder.slots(encoder.columns([person(chain="7")]))
    assert token.slots == b"".join(int(value).to_bytes(8, "big") for value in slots[0])
    decoded = decode_slots([token.slots], len(WHOLE.stored))
    require_set_bits(decoded)
    assert (decoded == slots).all()


def test_the_name_filter_travels_whole_or_not_at_all() -> None:
    (with_date,), (without,) = records(WHOLE, (person(),), (person(BirthDate(1980, None, None)),))
    assert len(with_date.names) == WHOLE.names_bits // 8
    assert without.names == b""
    ((no_names,),) = records(INITIALS, (person(),))
    assert no_names.names == b""


def test_an_alias_is_a_further_token_and_a_repeated_one_is_sent_once() -> None:
    ((main, alias),) = records(WHOLE, (person(), person(surname="jones"), person()))
    assert main != alias


@pytest.mark.parametrize(
    "nothing",
    [
        pytest.param((), id="no identity"),
        pytest.param((Identifiers(),), id="an empty identity"),
        pytest.param((person(None),), id="names without a date"),
        pytest.param((person(None, chain="7"),), id="a number that is not shared"),
    ],
)
def test_a_record_with_nothing_to_compare_has_no_token_and_keeps_its_place(
    nothing: tuple[Identifiers, ...],
) -> None:
    schema = shipped_schema(["dob", "initials"])
    before, empty, after = records(schema, (person(),), nothing, (person(surname="jones"),))
    assert len(before) == len(after) == 1
    assert empty == ()


@pytest.mark.parametrize(
    "nothing",
    [
        pytest.param(person(BirthDate(1980, None, None, weak=True), initials="j-", chain="7"), id="a year"),
        pytest.param(person(None, initials="--", chain="7"), id="a number that is not shared"),
        pytest.param(Identifiers(), id="an empty identity"),
    ],
)
def test_a_case_of_which_nothing_can_be_asked_has_no_token_and_keeps_its_place(nothing: Identifiers) -> None:
    before, empty, after = cases(shipped_schema(["dob", "initials"]), (person(),), (nothing,), (person(),))
    assert empty == EncodedCase(tokens=(), probes=())
    assert before == after and before.tokens


def test_a_case_that_asks_by_probes_alone_is_asked() -> None:
    without_year = person(BirthDate(None, 3, 27))
    (case,) = cases(INITIALS, (person(None, initials="--"), without_year))
    assert len(case.tokens) == 1 and not any(case.tokens[0].slots)
    assert {probe.token for probe in case.probes} == {0}


def test_an_alias_with_nothing_to_compare_is_left_out() -> None:
    (tokens,) = records(WHOLE, (person(), person(None, surname="jones")))
    assert len(tokens) == 1


def test_nobody_encodes_to_nothing() -> None:
    assert records(WHOLE) == []
    assert cases(WHOLE) == []


def test_a_case_carries_a_token_for_each_identity_and_its_probes_by_that_number() -> None:
    first, second = cases(WHOLE, (person(), person(surname="jones")), (person("1990-05-05"),))
    assert len(first.tokens) == 2
    assert {probe.token for probe in first.probes} == {0, 1}
    assert {probe.token for probe in second.probes} == {0}


def test_the_probes_of_a_case_are_those_of_the_encoder_and_well_formed() -> None:
    entry = person(chain="123456")
    (case,) = cases(WHOLE, (entry,))
    encoder = encoder_for(WHOLE)
    columns = encoder.columns([entry])
    expected = {
        probe.probe_id: np.concatenate([slots for _, slots in encoder.probes(columns, probe)] or [[]])
        for probe in WHOLE.asked
    }
    sent = {
        probe.probe_id: decode_slots([probe.variants], len(probe.variants) // 8)[0] for probe in case.probes
    }
    assert {name: values.tolist() for name, values in sent.items()} == {
        name: values.tolist() for name, values in expected.items() if len(values)
    }
    for values in sent.values():
        require_set_bits(values)


def test_one_case_asks_about_three_hundred_questions() -> None:
    (case,) = cases(WHOLE, (person(chain="123456", nhs_number="9990000018", sex="m"),))
    assert 200 <= sum(len(probe.variants) // 8 for probe in case.probes) <= 400


def test_probes_of_cases_asked_together_are_those_of_each_asked_alone() -> None:
    both = (person(chain="12"), person(None, chain="13")), (person("1990-05-05", chain="99"),)
    assert cases(WHOLE, *both) == [cases(WHOLE, one)[0] for one in both]


def test_tokens_cases_and_probes_print_nothing_of_a_person() -> None:
    (case,) = cases(WHOLE, (person(),))
    for value in (case, case.tokens[0], case.probes[0]):
        assert "slots" not in repr(value) and "variants" not in repr(value)
