"""The model file: written, read, refused; and what a pattern weighs by it."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from matcher.counts import CLASSES, PatternCounts
from matcher.errors import ModelParameterError
from matcher.estimation import fit
from matcher.model import SMALLEST_M, Model, Probabilities, format_model, parse_model, shipped_model
from matcher.patterns import (
    IDENTITY_COUNT,
    NUMBER_LEVELS,
    PATTERN_SHAPE,
    SEX_LEVELS,
    identity_id,
    pattern_levels,
)
from matcher.schema import FIELDS, shipped_schema
from matcher.views import View

WHOLE = shipped_schema(FIELDS)
INITIALS = shipped_schema(["dob", "initials", "chain"])
SHIPPED = pytest.mark.parametrize(
    "model", [shipped_model(WHOLE), shipped_model(INITIALS)], ids=["names", "initials"]
)


def code_of(identity: str, chain: str = "absent", nhs_number: str = "absent", sex: str = "absent") -> int:
    """The pattern with these levels; identity is the beginning of its id."""
    found = next(code for code in range(IDENTITY_COUNT) if identity_id(code).startswith(identity))
    levels = (found, NUMBER_LEVELS.index(chain), NUMBER_LEVELS.index(nhs_number), SEX_LEVELS.index(sex))
    return int(np.ravel_multi_index(levels, PATTERN_SHAPE))


def fitted(model: Model) -> Model:
    """A model as estimation leaves it, with two joint patterns of its own."""
    joint = {
        code_of("date=exact initials=both", "agree"): Probabilities(0.9, 1e-9),
        code_of("date=swapped initials=both", "differ", sex="agree"): Probabilities(0.001, 2e-7),
    }
    return replace(
        model, name="fitted", joint=joint, crowding_shape=1.25, schema_digest=INITIALS.digest,
        notes={"converged": True, "iterations": 12, "candidate_pairs": 1000, "expected_matches": [0.0, 12.5]},
    )  # fmt: skip


@SHIPPED
def test_a_model_survives_its_file(model: Model) -> None:
    for written in (model, fitted(model)):
        text = format_model(written)
        assert format_model(parse_model(text)) == text
        assert parse_model(text).digest == written.digest


def rescaled(model: Model) -> Model:
    """A model whose chance of agreement is another, as estimation leaves it: u of every level moves."""
    identity = model.identity.copy()
    rng = np.random.default_rng(8)
    identity[1] = np.minimum(1.0, identity[1] * rng.uniform(0.3, 3.0, IDENTITY_COUNT))
    never_met = identity[0] == SMALLEST_M
    identity[0, never_met] *= rng.uniform(0.5, 1.0, int(never_met.sum()))
    return replace(
        fitted(model), identity=identity, same_year=model.same_year / 3, same_initials=math.pi / 1000
    )


@SHIPPED
def test_a_model_read_back_weighs_the_same_on_every_identity_level_and_joint_pattern(model: Model) -> None:
    codes = np.arange(int(np.prod(PATTERN_SHAPE)))
    for written in (model, fitted(model), rescaled(model)):
        read = parse_model(format_model(written))
        assert np.allclose(read.weights(codes), written.weights(codes), rtol=0, atol=1e-5)
        assert format_model(parse_model(format_model(read))) == format_model(written)


def test_a_model_fitted_to_data_is_the_same_read_back() -> None:
    """u of every level is rescaled by estimation, those that nobody showed too."""
    shipped = shipped_model(WHOLE)
    near_miss = np.asarray([code_of("date=year_differs initials=both sounds=differ whole", "differ")])
    counts = PatternCounts(near_miss, np.asarray([[30.0], [900.0]]), np.full((2, CLASSES), 1e7))
    model = fit(counts, shipped, View.of(WHOLE, probes=True)).model
    assert (model.identity != shipped.identity).any()
    codes = np.arange(int(np.prod(PATTERN_SHAPE)))
    assert np.allclose(
        parse_model(format_model(model)).weights(codes), model.weights(codes), rtol=0, atol=1e-5
    )


def test_the_digest_changes_with_every_number() -> None:
    model = shipped_model(INITIALS)
    others = [
        replace(model, area_odds=model.area_odds * 1.01),
        replace(model, known_rate=model.known_rate * 1.01),
        fitted(model),
    ]
    assert len({one.digest for one in (model, *others)}) == 4


@SHIPPED
def test_the_weight_of_a_pattern_is_log2_of_m_over_u(model: Model) -> None:
    level = next(iter(model.document()["identity"]))
    m, u = model.document()["identity"][level]
    chain, sex = model.levels["chain"]["agree"], model.levels["sex"]["differ"]
    alone, beside = code_of(level), code_of(level, "agree", sex="differ")
    found = model.weights(np.asarray([alone, beside]))
    assert found[0] == pytest.approx(math.log2(m / u), abs=1e-4)
    product = (m * chain.m * sex.m) / (u * chain.u * sex.u)
    assert found[1] == pytest.approx(math.log2(product), abs=1e-4)


@SHIPPED
def test_an_absent_comparison_weighs_nothing(model: Model) -> None:
    """Whatever identity shows: a missing CHAIN number, NHS number or sex leaves its weight alone."""
    of_one_identity = int(np.prod(PATTERN_SHAPE[1:]))
    # Absent is the last level of each of the others.
    m, u = model.product(np.arange(IDENTITY_COUNT) * of_one_identity + of_one_identity - 1)
    assert (m == model.identity[0]).all() and (u == model.identity[1]).all()


def test_a_fitted_joint_pattern_goes_before_the_product() -> None:
    model = fitted(shipped_model(INITIALS))
    code = code_of("date=exact initials=both", "agree")
    assert model.weights(np.asarray([code]))[0] == pytest.approx(math.log2(0.9 / 1e-9))
    assert model.weights(np.asarray([code, code])).tolist() == [model.weights(np.asarray([code]))[0]] * 2


@SHIPPED
def test_two_weak_dates_share_year_and_initials_as_often_as_the_two_chances_make_it(model: Model) -> None:
    """Within a quarter: the level is counted among pairs that can show it, which are two weak dates."""
    alone = code_of("date=year initials=both sounds=absent incomplete")
    beside = code_of("date=year initials=both sounds=absent incomplete", "agree")
    _, u = model.probabilities(np.asarray([alone, beside]))
    assert u[0] == pytest.approx(model.same_year * model.same_initials, rel=0.25)
    assert u[1] == pytest.approx(u[0] * model.levels["chain"]["agree"].u)


@SHIPPED
@pytest.mark.parametrize(
    "level",
    [
        "date=year_missing initials=both sounds=absent incomplete",
        "date=month_missing initials=both sounds=absent incomplete",
        "date=day_missing initials=both sounds=absent incomplete",
        "date=exact initials=first sounds=absent incomplete",
        "date=exact initials=last sounds=absent incomplete",
    ],
)
def test_a_part_that_one_record_lacks_weighs_nothing_and_the_others_weigh(model: Model, level: str) -> None:
    """A missing value is no disagreement: nearly as much evidence as the parts that agree make alone."""
    assert model.weights(np.asarray([code_of(level)]))[0] > 12


@SHIPPED
def test_agreement_speaks_for_a_match_and_disagreement_against(model: Model) -> None:
    for comparison, levels in model.levels.items():
        assert levels["agree"].m > levels["agree"].u, comparison
        assert levels["differ"].m < levels["differ"].u, comparison
    best = model.weights(np.asarray([code_of("date=exact initials=both", "agree")]))[0]
    assert best > 30


@SHIPPED
def test_every_level_has_m_and_u_above_zero_so_that_none_is_a_veto(model: Model) -> None:
    assert (model.identity > 0).all() and (model.identity <= 1).all()
    weights = model.weights(np.arange(0, int(np.prod(PATTERN_SHAPE)), 7))
    assert np.isfinite(weights).all()


def test_the_shipped_model_is_of_no_schema_and_a_fitted_one_of_its_own_only() -> None:
    shipped_model(INITIALS).require_schema(INITIALS)
    shipped_model(INITIALS).require_schema(WHOLE)
    model = fitted(shipped_model(INITIALS))
    model.require_schema(INITIALS)
    with pytest.raises(ModelParameterError, match="another linkage schema"):
        model.require_schema(WHOLE)


def test_a_model_file_names_levels_in_words() -> None:
    (first, *_) = fitted(shipped_model(INITIALS)).document()["joint"]
    assert {key: first[key] for key in ("chain", "nhs_number", "sex")} == {
        "chain": "agree", "nhs_number": "absent", "sex": "absent",
    }  # fmt: skip
    assert first["identity"] == pattern_levels(code_of("date=exact initials=both"))["identity"]


Defect = Callable[[dict[str, Any]], None]


def _set(key: str, value: object) -> Defect:
    return lambda document: document.__setitem__(key, value)


def _drop(key: str) -> Defect:
    return lambda document: document.__delitem__(key)


def _joint(mu: object, *, times: int = 1) -> Defect:
    pattern = pattern_levels(code_of("date=exact initials=both", "agree"))
    return lambda document: document.__setitem__("joint", [{**pattern, "mu": mu}] * times)


def _of_first_level(value: object) -> Defect:
    return lambda document: document["identity"].__setitem__(next(iter(document["identity"])), value)


@pytest.mark.parametrize(
    "defect",
    [
        pytest.param(_drop("format"), id="no format"),
        pytest.param(_set("format", "model/2"), id="a later format"),
        pytest.param(_drop("identity"), id="no identity levels"),
        pytest.param(_drop("chain"), id="no levels of CHAIN"),
        pytest.param(_drop("area_odds"), id="no odds of area"),
        pytest.param(_drop("joint"), id="no joint patterns"),
        pytest.param(_drop("notes"), id="no notes"),
        pytest.param(_drop("schema_digest"), id="no schema digest"),
        pytest.param(_set("identity", {"date=tomorrow": [0.5, 0.5]}), id="an unknown identity level"),
        pytest.param(_of_first_level([0.0, 0.5]), id="m of zero"),
        pytest.param(_of_first_level([0.5, 1.5]), id="u above one"),
        pytest.param(_of_first_level([0.5, -0.1]), id="u below zero"),
        pytest.param(_of_first_level([float("nan"), 0.5]), id="m not a number"),
        pytest.param(_of_first_level([0.5]), id="m without u"),
        pytest.param(_of_first_level("0.5 0.5"), id="m and u as a text"),
        pytest.param(_set("chain", {"agree": [2.0, 0.1]}), id="m of CHAIN above one"),
        pytest.param(_set("area_odds", "many"), id="odds of area a text"),
        pytest.param(
            _set("joint", [{"identity": "nobody", "mu": [0.5, 0.5]}]), id="an unknown joint pattern"
        ),
        pytest.param(_set("joint", [[]]), id="a joint pattern that is a list"),
        pytest.param(_joint([-1, 0.5]), id="a joint m below zero"),
        pytest.param(_joint([0.5, 0]), id="a joint u of zero"),
        pytest.param(_joint(["a", "b"]), id="a joint m that is a text"),
        pytest.param(_joint(["0.5", "0.5"]), id="a joint m that is a number in quotes"),
        pytest.param(_joint([True, True]), id="a joint m that is true"),
        pytest.param(_joint([0.5, 0.5, 0.5]), id="a joint pattern of three numbers"),
        pytest.param(_joint([0.5, 0.5], times=2), id="a joint pattern twice"),
        pytest.param(_set("area_odds", -1), id="odds of area below zero"),
        pytest.param(_set("area_odds", 0), id="odds of area zero"),
        pytest.param(_set("area_odds", float("nan")), id="odds of area not a number"),
        pytest.param(_set("area_odds", 10**400), id="odds of area beyond any number"),
        pytest.param(_set("same_year", 0), id="no year the same"),
        pytest.param(_set("same_year", 2), id="more than every year the same"),
        pytest.param(_set("same_initials", True), id="a chance that is true"),
        pytest.param(_set("same_initials", 1), id="all initials the same"),
        pytest.param(_set("known_rate", -1), id="a known rate below zero"),
        pytest.param(_set("known_rate", float("nan")), id="a known rate not a number"),
        pytest.param(_set("crowding_shape", -1), id="a crowding shape below zero"),
        pytest.param(_set("crowding_shape", float("inf")), id="a crowding shape without end"),
        pytest.param(_set("duplicate_rate", 5), id="a duplicate rate above one"),
        pytest.param(_set("duplicate_rate", -0.1), id="a duplicate rate below zero"),
        pytest.param(_set("chain", {"agre": [0.5, 0.5]}), id="an unknown level of CHAIN"),
        pytest.param(_set("chain", {}), id="CHAIN without levels"),
        pytest.param(_set("sex", {"agree": [0.9, 0.5], "partial": [0.1, 0.5]}), id="a sex that half agrees"),
        pytest.param(_set("notes", "x"), id="notes a text"),
        pytest.param(_set("notes", {"iterations": float("nan")}), id="a note that is not a number"),
        pytest.param(_set("names", "no"), id="names a text"),
        pytest.param(_set("name", ["x"]), id="a name that is a list"),
        pytest.param(_set("schema_digest", "x"), id="a digest that is none"),
        pytest.param(_set("schema_digest", None), id="a digest null"),
        pytest.param(_set("identity", []), id="identity levels a list"),
    ],
)
def test_a_malformed_model_is_refused(defect: Defect) -> None:
    document = copy.deepcopy(shipped_model(INITIALS).document())
    defect(document)
    with pytest.raises(ModelParameterError):
        parse_model(json.dumps(document))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "7", '"model/1"', "[" * 100_000],
    ids=["nothing", "a brace", "a list", "null", "a number", "a text", "nesting without end"],
)
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(ModelParameterError):
        parse_model(text)
