"""The linkage schema: what is data must load, cut and refuse like code."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from matcher.errors import SchemaError
from matcher.schema import FIELDS, LinkageSchema, parse_schema, shipped_schema

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


@pytest.mark.parametrize("fields", [["dob"], ["area"], ["sex", "area"], []], ids=",".join)
def test_fields_from_which_no_slot_can_be_made_are_refused(fields: list[str]) -> None:
    with pytest.raises(SchemaError, match="no slot"):
        shipped_schema(fields)


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
    ],
)
def test_a_malformed_schema_is_refused(defect: Defect) -> None:
    document = copy.deepcopy(dict(shipped_schema(["dob", "initials", "names"]).document))
    defect(document)
    with pytest.raises(SchemaError):
        LinkageSchema(document)
