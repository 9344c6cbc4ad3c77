"""The bridge to recordlinkage: its indexer and features agree with the matcher, and its page runs."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import recordlinkage

from matcher.candidates import Meetings
from matcher.errors import ModelParameterError, SchemaError, TokenFormatError
from matcher.model import Model, shipped_model
from matcher.patterns import compare
from matcher.recordlinkage_bridge import (
    MatchWeight,
    NameDice,
    StoredSlots,
    token_columns,
    token_frame,
    tokens_of,
)
from matcher.schema import LinkageSchema, shipped_schema
from matcher.similarity import dice_coefficient
from matcher.tokens import TokenSet
from node.identifiers import Identifiers
from tests.matcher.factories import encoder_for, person

PAGE = Path(__file__).parents[2] / "docs" / "recordlinkage.md"
SCHEMA = shipped_schema(["dob", "names", "chain"])
LEFT = [
    person("1980-03-27", "john", "smith", chain="1234567"),
    person("1975-11-02", "mary", "jones"),
    person("1990-01-15", "anna", "brown", chain="7654321"),
    person(None, "peter", "green"),
]
RIGHT = [
    person("1990-01-15", "anna", "browne"),
    person("1980-03-27", "jon", "smith", chain="1234567"),
    person("1966-06-06", "carl", "young"),
    person(None, "peter", "green"),
]


def frame_of(people: list[Identifiers], labels: list[str], schema: LinkageSchema = SCHEMA) -> Any:
    return token_frame(schema, token_set(people, schema), labels)


def token_set(people: list[Identifiers], schema: LinkageSchema = SCHEMA) -> TokenSet:
    encoder = encoder_for(schema)
    columns = encoder.columns(people)
    return TokenSet(
        slots=encoder.slots(columns),
        names=encoder.names(people, columns),
        record=np.arange(len(people)),
        area=np.full(len(people), -1),
    )


@pytest.fixture
def left() -> Any:
    return frame_of(LEFT, ["a0", "a1", "a2", "a3"])


@pytest.fixture
def right() -> Any:
    return frame_of(RIGHT, ["b0", "b1", "b2", "b3"])


@pytest.fixture
def model() -> Model:
    return shipped_model(SCHEMA)


def all_pairs(left: Any, right: Any) -> Any:
    return pd.MultiIndex.from_product([left.index, right.index])


def test_a_frame_gives_back_the_tokens_it_was_made_from(left: Any) -> None:
    tokens, again = token_set(LEFT), tokens_of(SCHEMA, left)
    np.testing.assert_array_equal(again.slots, tokens.slots)
    np.testing.assert_array_equal(again.names, tokens.names)


def test_the_indexer_pairs_records_that_share_a_stored_slot(left: Any, right: Any) -> None:
    pairs = recordlinkage.Index([StoredSlots(SCHEMA)]).index(left, right)
    assert set(pairs) == {("a0", "b1"), ("a2", "b0")}
    assert pairs.is_unique


def test_the_indexer_agrees_with_comparing_every_slot_of_every_pair(left: Any, right: Any) -> None:
    searched = [slot.slot_id for slot in SCHEMA.stored if slot.search]
    plain = {
        (a, b)
        for a in left.index
        for b in right.index
        if any(left.at[a, s] == right.at[b, s] != 0 for s in searched)
    }
    assert set(recordlinkage.Index([StoredSlots(SCHEMA)]).index(left, right)) == plain


def test_within_one_frame_each_pair_comes_once_with_the_later_record_first(left: Any, right: Any) -> None:
    both = pd.concat([left, right])
    pairs = recordlinkage.Index([StoredSlots(SCHEMA)]).index(both)
    assert set(pairs) == {("b1", "a0"), ("b0", "a2")}


def test_the_indexer_stands_beside_the_toolkits_own(left: Any, right: Any) -> None:
    left["area"], right["area"] = ["n", "s", "n", "s"], ["s", "s", "w", "w"]
    index = recordlinkage.Index([StoredSlots(SCHEMA), recordlinkage.index.Block("area")])
    assert len(index.index(left, right)) == 2 + 4


def test_nothing_shared_gives_no_pairs(left: Any, right: Any) -> None:
    assert len(StoredSlots(SCHEMA).index(left[1:2], right[2:3])) == 0


def test_the_match_weight_is_the_models_weight_of_each_pairs_pattern(
    left: Any, right: Any, model: Model
) -> None:
    pairs = all_pairs(left, right)[::-1]
    features = recordlinkage.Compare([MatchWeight(SCHEMA, model)]).compute(pairs, left, right)
    rows = np.arange(4)
    a, b = np.repeat(rows, 4)[::-1], np.tile(rows, 4)[::-1]
    for position, (i, j) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        meeting = Meetings(np.asarray([i]), np.asarray([j]), np.asarray([-1]))
        pattern = compare(SCHEMA, token_set(LEFT), token_set(RIGHT), meeting).pattern
        assert features["match_weight"].iloc[position] == pytest.approx(model.weights(pattern)[0])


def test_the_same_person_weighs_for_and_a_stranger_against(left: Any, right: Any, model: Model) -> None:
    features = recordlinkage.Compare([MatchWeight(SCHEMA, model)]).compute(
        all_pairs(left, right), left, right
    )
    assert features.loc[("a0", "b1"), "match_weight"] > 20
    assert features.loc[("a1", "b2"), "match_weight"] < 0


def test_weights_do_not_depend_on_how_pairs_are_cut_into_jobs(left: Any, right: Any, model: Model) -> None:
    pairs = all_pairs(left, right)
    feature = MatchWeight(SCHEMA, model)
    one = recordlinkage.Compare([feature]).compute(pairs, left, right)
    halves = [recordlinkage.Compare([feature]).compute(part, left, right) for part in (pairs[:7], pairs[7:])]
    pd.testing.assert_frame_equal(one, pd.concat(halves))


@pytest.mark.parametrize(("part", "start", "stop"), [("both", 0, 2), ("forename", 0, 1), ("surname", 1, 2)])
def test_name_dice_is_the_plain_dice_coefficient_of_the_filters(
    left: Any, right: Any, part: Any, start: int, stop: int
) -> None:
    assert SCHEMA.name_filter is not None
    half = SCHEMA.name_filter.half_bits // 8
    pairs = all_pairs(left, right)
    features = recordlinkage.Compare([NameDice(SCHEMA, part=part)]).compute(pairs, left, right)
    for a, b in pairs:
        filters = [row[start * half : stop * half] for row in (left.at[a, "names"], right.at[b, "names"])]
        assert features.loc[(a, b), "name_dice"] == pytest.approx(dice_coefficient(*filters))


def test_a_pair_without_a_filter_gets_the_missing_value(left: Any, right: Any) -> None:
    feature = NameDice(SCHEMA, missing_value=float("nan"))
    features = recordlinkage.Compare([feature]).compute(all_pairs(left, right), left, right)
    assert np.isnan(features.loc[("a3", "b3"), "name_dice"])
    assert features.loc[("a0", "b1"), "name_dice"] > 0.5


def test_without_names_there_is_a_weight_and_no_name_dice() -> None:
    schema = shipped_schema(["dob", "initials"])
    left, right = frame_of(LEFT, list("abcd"), schema), frame_of(RIGHT, list("efgh"), schema)
    feature = MatchWeight(schema, shipped_model(schema))
    weights = recordlinkage.Compare([feature]).compute(all_pairs(left, right), left, right)
    assert weights["match_weight"].idxmax() in {("a", "f"), ("c", "e")}
    with pytest.raises(SchemaError, match="no name filter"):
        NameDice(schema)


def test_a_model_of_another_schema_is_refused(model: Model) -> None:
    with pytest.raises(ModelParameterError):
        MatchWeight(SCHEMA, replace(model, schema_digest="0" * 64))


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        pytest.param(lambda f: f.drop(columns=["F"]), "no column F", id="a slot's column missing"),
        pytest.param(lambda f: f.astype({"F": "int64"}), "uint64", id="slots of another type"),
        pytest.param(lambda f: f.assign(names=b"short"), "bytes a token", id="name filter too short"),
        pytest.param(lambda f: f.assign(names=None), "bytes a token", id="name filter not bytes"),
    ],
)
def test_a_frame_that_holds_no_tokens_is_refused(left: Any, spoil: Any, rule: str) -> None:
    with pytest.raises(TokenFormatError, match=rule):
        tokens_of(SCHEMA, spoil(left))


def test_labels_that_do_not_fit_the_tokens_are_refused() -> None:
    with pytest.raises(TokenFormatError, match="one label a token"):
        token_frame(SCHEMA, token_set(LEFT), ["a0"])


def test_the_columns_of_a_frame_are_the_stored_slots_and_the_names(left: Any) -> None:
    assert list(left.columns) == token_columns(SCHEMA)


def test_the_rest_of_the_matcher_does_not_import_recordlinkage() -> None:
    modules = "matcher.linking, matcher.lookups, matcher.evaluation, matcher.model"
    code = f"import sys, {modules}; sys.exit('recordlinkage' in sys.modules or 'pandas' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PAGE.parents[1])


def test_the_page_runs_and_links_as_well_as_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks, start=1):
        exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)
    assert capsys.readouterr().out.strip() in PAGE.read_text("utf-8")
    assert names["precision"] >= 0.995
    assert names["recall"] >= 0.96
    assert len(names["duplicates"]) == len(names["within"])
    assert len(names["duplicates"]) >= len(names["pairs"])
