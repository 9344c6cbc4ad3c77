"""The linkage schema: what is data must load, cut and refuse like code."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.errors import SchemaError
from matcher.schema import (
    CONDITIONS,
    FIELDS,
    INPUTS,
    VARIATIONS,
    LinkageSchema,
    parse_schema,
    shipped_schema,
)
from node import slots, variants
from tests.matcher.factories import encoder_for, person, tokens_of

GOLDEN = json.loads((Path(__file__).parents[1] / "vectors" / "slots" / "schemas.json").read_text("utf-8"))


@pytest.mark.parametrize("entry", GOLDEN["schemas"], ids=lambda entry: ",".join(entry["fields"]))
def test_the_shipped_schema_of_each_set_of_fields_keeps_its_digest(entry: dict[str, Any]) -> None:
    """Tokens of another digest can never be compared: changing it makes every agency encode anew."""
    schema = shipped_schema(entry["fields"])
    assert schema.digest == entry["digest"]
    assert [slot.slot_id for slot in schema.stored] == entry["stored"]
    assert [probe.probe_id for probe in schema.asked] == entry["asked"]


def test_the_digest_does_not_depend_on_the_order_of_keys_or_of_the_fields_asked_for() -> None:
    schema = shipped_schema(["chain", "names", "dob"])
    document = dict(reversed(list(schema.document.items())))
    assert parse_schema(document).digest == schema.digest
    assert shipped_schema(["dob", "names", "chain"]).digest == schema.digest


def test_the_digest_changes_with_anything_in_the_document() -> None:
    schema = shipped_schema(["dob", "initials"])
    document = copy.deepcopy(schema.document)
    document["stored"][0]["shows"]["date"] = "swapped"
    assert parse_schema(document).digest != schema.digest


def test_names_imply_initials_and_bring_the_name_filter() -> None:
    schema = shipped_schema(["dob", "names"])
    assert schema.fields == ("dob", "initials", "names")
    assert schema.name_filter is not None
    assert schema.names_bits == 2 * schema.name_filter.half_bits


def test_without_names_there_is_no_name_filter_and_no_slot_of_sounds() -> None:
    schema = shipped_schema([field for field in FIELDS if field != "names"])
    assert schema.name_filter is None
    assert schema.names_bits == 0
    assert not [slot for slot in schema.stored if any("sound" in given for given in slot.inputs)]


@pytest.mark.parametrize("field", FIELDS)
def test_a_slot_is_kept_only_where_all_its_fields_are_shared(field: str) -> None:
    chosen = [other for other in FIELDS if other not in (field, "names")]
    schema = shipped_schema(chosen)
    for slot in schema.document["stored"]:
        assert set(slot["needs"]) <= set(schema.fields)
    assert field not in schema.fields


def test_a_probe_is_kept_only_where_the_slot_it_asks_is() -> None:
    schema = shipped_schema(["chain"])
    assert {probe.asks for probe in schema.asked} <= set(schema.slot_index)


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        (["dob"], "initials or names"),
        (["names"], "dob"),
        (["sex", "area"], "dob with initials"),
        ([], "dob with"),
    ],
    ids=["dob", "names", "sex and area", "none"],
)
def test_fields_from_which_no_slot_can_be_made_are_refused_with_what_is_missing(
    fields: list[str], missing: str
) -> None:
    with pytest.raises(SchemaError, match=f"nothing can be compared by these fields: add {missing}"):
        shipped_schema(fields)
    assert shipped_schema([*fields, "dob", "initials"]).stored


def test_an_unknown_field_is_refused_and_named() -> None:
    with pytest.raises(SchemaError, match="postcode"):
        shipped_schema(["dob", "initials", "postcode"])


def test_every_slot_and_probe_of_the_whole_schema_has_its_place() -> None:
    schema = shipped_schema(FIELDS)
    assert [schema.stored[index].slot_id for index in schema.slot_index.values()] == list(schema.slot_index)
    assert [schema.asked[index].probe_id for index in schema.probe_index.values()] == list(schema.probe_index)


def test_a_schema_prints_its_fields_and_the_beginning_of_its_digest() -> None:
    schema = shipped_schema(["dob", "initials"])
    assert repr(schema) == f"LinkageSchema(fields=dob,initials, digest={schema.digest[:12]})"


Defect = Callable[[dict[str, Any]], None]


def _set(key: str, value: object) -> Defect:
    return lambda document: document.__setitem__(key, value)


def _drop(key: str) -> Defect:
    return lambda document: document.__delitem__(key)


def _in_first(table: str, key: str, value: object) -> Defect:
    return lambda document: document[table][0].__setitem__(key, value)


def _not_in_first(table: str, key: str) -> Defect:
    return lambda document: document[table][0].__delitem__(key)


def _of_filter(key: str, value: object) -> Defect:
    return lambda document: document["name_filter"].__setitem__(key, value)


def nested(depth: int) -> object:
    """A list in a list, this deep."""
    value: object = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "defect",
    [
        pytest.param(_drop("format"), id="no format"),
        pytest.param(_set("format", "slots/2"), id="a later format"),
        pytest.param(_set("slot_bits", 128), id="slots of 128 bits"),
        pytest.param(_set("set_bits", 9), id="nine bits set"),
        pytest.param(_drop("set_bits"), id="no number of set bits"),
        pytest.param(_drop("fields"), id="no fields at all"),
        pytest.param(_set("fields", []), id="an empty list of fields"),
        pytest.param(_set("fields", None), id="fields null"),
        pytest.param(_set("fields", "dob"), id="fields a text"),
        pytest.param(_set("fields", ["dob", "postcode"]), id="an unknown field"),
        pytest.param(_drop("stored"), id="no stored slots"),
        pytest.param(_set("stored", None), id="stored slots null"),
        pytest.param(_set("stored", ["F"]), id="a stored slot that is a text"),
        pytest.param(_drop("asked"), id="no probes"),
        pytest.param(_set("asked", 3), id="probes a number"),
        pytest.param(_not_in_first("stored", "slot"), id="a slot without id"),
        pytest.param(_not_in_first("stored", "inputs"), id="a slot without inputs"),
        pytest.param(_not_in_first("stored", "search"), id="a slot that does not say if it is searched"),
        pytest.param(_not_in_first("stored", "shows"), id="a slot that shows nothing"),
        pytest.param(_in_first("stored", "shows", {"date": "almost"}), id="an unknown level"),
        pytest.param(_in_first("stored", "shows", {"postcode": "agree"}), id="an unknown comparison"),
        pytest.param(_in_first("stored", "slot", "A4"), id="a slot id twice"),
        pytest.param(_in_first("stored", "slot", "A1"), id="a slot with the id of a probe"),
        pytest.param(_not_in_first("asked", "varies"), id="a probe that varies nothing said"),
        pytest.param(_in_first("asked", "asks", "Z9"), id="a probe of a slot that is not stored"),
        pytest.param(_set("name_filter", "G"), id="a name filter that is a text"),
        pytest.param(_set("name_filter", {"slot": "G"}), id="a name filter without sizes"),
        pytest.param(_set("name_filter", []), id="a name filter that is a list"),
        pytest.param(_of_filter("half_bits", "x"), id="half_bits a text"),
        pytest.param(_of_filter("half_bits", 0), id="a half of no bits"),
        pytest.param(_of_filter("half_bits", -8), id="a half of fewer than no bits"),
        pytest.param(_of_filter("half_bits", 100), id="a half that is no multiple of 64 bits"),
        pytest.param(_of_filter("half_bits", 10**9), id="a half of a thousand million bits"),
        pytest.param(_of_filter("half_bits", 256.0), id="half_bits with a fraction"),
        pytest.param(_of_filter("set_bits_per_ngram", 99), id="99 set bits for a q-gram"),
        pytest.param(_of_filter("set_bits_per_ngram", True), id="set bits true"),
        pytest.param(_of_filter("ngram", 0), id="q-grams of no letter"),
        pytest.param(_of_filter("ngram", 4), id="q-grams of four letters"),
        pytest.param(_of_filter("slot", "F"), id="a name filter with the id of a stored slot"),
        pytest.param(_of_filter("slot", "A1"), id="a name filter with the id of a probe"),
        pytest.param(_of_filter("salt", "nothing"), id="a name filter salted with something else"),
        pytest.param(_in_first("stored", "shows", ["date"]), id="shows a list"),
        pytest.param(_in_first("stored", "shows", {}), id="shows nothing"),
        pytest.param(_in_first("stored", "shows", {"date": ["exact"]}), id="a level that is a list"),
        pytest.param(_in_first("stored", "slot", []), id="a slot id that is a list"),
        pytest.param(_in_first("stored", "slot", "F\n"), id="a slot id with a line end"),
        pytest.param(_in_first("stored", "slot", ""), id="an empty slot id"),
        pytest.param(_in_first("stored", "search", "no"), id="search a text"),
        pytest.param(_in_first("stored", "inputs", ["postcode"]), id="an unknown input"),
        pytest.param(_in_first("stored", "inputs", "date"), id="inputs a text"),
        pytest.param(_in_first("stored", "inputs", []), id="a slot of nothing"),
        pytest.param(_in_first("stored", "inputs", [["date"]]), id="an input that is a list"),
        pytest.param(_in_first("stored", "inputs", ["date", "year"]), id="two inputs of one place"),
        pytest.param(_in_first("stored", "inputs", ["chain"]), id="an input of a field not shared"),
        pytest.param(_in_first("stored", "when", "always"), id="an unknown condition"),
        pytest.param(_in_first("stored", "when", {}), id="a condition that is an object"),
        pytest.param(_in_first("stored", "beside", "Z9"), id="beside a slot that is not stored"),
        pytest.param(_in_first("stored", "beside", "F"), id="beside itself"),
        pytest.param(_in_first("asked", "asks", []), id="a probe of a list"),
        pytest.param(_in_first("asked", "varies", "everything"), id="an unknown variation"),
        pytest.param(_in_first("asked", "varies", None), id="a variation null"),
        pytest.param(_set("stored", []), id="an empty list of stored slots"),
        pytest.param(_set("stored", {}), id="stored slots an object"),
        pytest.param(_set("asked", [None]), id="a probe null"),
        pytest.param(_set("asked", [{}] * 65), id="more probes than anybody asks"),
        pytest.param(_set("fields", [[]]), id="a field that is a list"),
        pytest.param(_set("fields", {"dob": 1}), id="fields an object"),
        pytest.param(_set("name", "\ud800"), id="a text that no UTF-8 can carry"),
        pytest.param(_set("name", nested(100_000)), id="nesting without end"),
    ],
)
def test_a_malformed_schema_is_refused(defect: Defect) -> None:
    document = copy.deepcopy(dict(shipped_schema(["dob", "initials", "names"]).document))
    defect(document)
    with pytest.raises(SchemaError):
        LinkageSchema(document)


@pytest.mark.parametrize("document", [[], None, "slots/1", 3, True, {}], ids=repr)
def test_what_is_no_document_at_all_is_refused(document: Any) -> None:
    with pytest.raises(SchemaError):
        parse_schema(document)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data(), junk=JUNK)
def test_junk_anywhere_in_a_schema_is_refused_as_a_schema_or_does_no_harm(
    data: st.DataObject, junk: Any
) -> None:
    """Anything may be put in the place of any value: SchemaError, or a schema that still encodes."""
    document = copy.deepcopy(dict(shipped_schema(FIELDS).document))
    at: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], (dict, list)) or not at[key] or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = junk
    try:
        schema = parse_schema(document)
    except SchemaError:
        return
    assert len(tokens_of(schema, [[person(chain="1", sex="f")]]).slots[0]) == len(schema.stored)


def test_the_vocabularies_are_those_the_encoder_knows() -> None:
    assert set(INPUTS) == set(slots._PACKERS)
    assert set(VARIATIONS) == set(variants._RULES)
    for when in CONDITIONS:
        assert slots.condition(when, encoder_for(shipped_schema(["chain"])).columns([person()])).shape == (1,)


def test_no_refusal_repeats_what_was_sent() -> None:
    document = copy.deepcopy(dict(shipped_schema(["dob", "initials"]).document))
    document["stored"][0]["inputs"] = ["sentinel"]
    document["asked"][0]["probe"] = "sentinel too"
    with pytest.raises(SchemaError) as refused:
        parse_schema(document)
    assert "sentinel" not in str(refused.value)
