"""`knownto evaluate model`: fitted without truth, read back exactly, shown, compared; strangers refused."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cli.demo.files import write_contract
from cli.demo.generator import generate
from cli.evaluation_data import load_population, parse_fields
from cli.main import exit_code, knownto
from matcher.errors import ModelParameterError
from matcher.linking import link
from matcher.model import Model, format_model, parse_model, shipped_model
from matcher.model_tables import compare_rows

FIELDS = "dob,names,chain,sex"
TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight agencies of 400 made-up people, with a truth that must not be read."""
    directory = tmp_path_factory.mktemp("folder")
    write_contract(generate(people=400, seed=7, with_conference=False), directory)
    return directory


@pytest.fixture(scope="module")
def fitted(folder: Path) -> Model:
    """Fitted in process, for what a file must hold."""
    schema = parse_fields(FIELDS)
    aside = [folder / "truth.csv"]
    population = load_population(folder, None, schema, with_probes=True, today=TODAY, leave_out=aside)
    run = link(
        schema,
        population.tokens,
        population.meetings,
        agency=population.agency,
        shipped=shipped_model(schema),
        probes=True,
    )
    return replace(run.fit.model, schema_digest=schema.digest)


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "model.json"
    result = run("train", folder, "--fields", FIELDS, "--out", out)
    assert result.exit_code == 0, result.output
    return out


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(knownto, ["evaluate", "model", *map(str, arguments)])


def printed(*arguments: str | Path) -> Any:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def saved(model: Model, path: Path) -> Path:
    path.write_text(format_model(model), encoding="utf-8")
    return path


def test_training_writes_a_model_of_the_folders_schema(trained: Path) -> None:
    model = parse_model(trained.read_text("utf-8"))
    assert model.schema_digest == parse_fields(FIELDS).digest
    assert model.joint and model.notes["candidate_pairs"] > 0
    model.require_schema(parse_fields(FIELDS))


def test_training_does_not_read_the_truth(folder: Path, trained: Path, tmp_path: Path) -> None:
    for path in folder.glob("*.csv"):
        if path.name != "truth.csv":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    result = run("train", tmp_path, "--fields", FIELDS, "--out", tmp_path / "model.json")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "model.json").read_bytes() == trained.read_bytes()


def test_training_says_what_it_fitted_and_names_nobody(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.json"
    result = run("train", folder, "--fields", FIELDS, "--out", out, "--format", "json")
    summary = json.loads(result.stdout)
    assert summary["agencies"] == 8
    assert {"records", "candidate_pairs", "converged", "patterns", "model_digest"} <= set(summary)
    values = set()
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            values |= {
                v for row in rows for k in ("surname", "dob", "local_id") if len(v := row.get(k, "")) > 4
            }
    written = out.read_text("utf-8") + result.output
    assert values and not [value for value in values if value in written]


def test_a_fitted_model_is_read_back_to_six_significant_digits(fitted: Model) -> None:
    read = parse_model(format_model(fitted))
    np.testing.assert_allclose(read.identity, fitted.identity, rtol=6e-6)
    assert read.joint.keys() == fitted.joint.keys()
    for code, probabilities in fitted.joint.items():
        back = read.joint[code]
        assert (back.m, back.u) == pytest.approx((probabilities.m, probabilities.u), rel=6e-6)
    assert (read.schema_digest, dict(read.notes)) == (fitted.schema_digest, dict(fitted.notes))


def test_writing_again_what_was_read_gives_the_same_text_and_digest(fitted: Model) -> None:
    text = format_model(fitted)
    assert format_model(parse_model(text)) == text
    assert parse_model(text).digest == fitted.digest


@pytest.mark.parametrize("fields", ["dob,initials", "dob,names"])
def test_a_shipped_model_is_read_back_too(fields: str) -> None:
    shipped = shipped_model(parse_fields(fields))
    np.testing.assert_allclose(parse_model(format_model(shipped)).identity, shipped.identity, rtol=6e-6)


def test_showing_lists_levels_with_their_weight_in_bits(trained: Path) -> None:
    document = printed("show", trained)
    comparisons = {row["comparison"] for row in document["levels"]}
    assert {"identity", "chain", "nhs_number", "sex", "joint"} <= comparisons
    for row in document["levels"]:
        weight = np.log2(float(row["m"]) / float(row["u"]))
        assert row["weight_bits"] == pytest.approx(weight, abs=0.006)
    table = run("show", trained).stdout
    assert "weight bits" in table and "crowding_shape" in table


def test_a_model_of_another_schema_is_refused(trained: Path) -> None:
    result = run("show", trained, "--fields", "dob,names")
    assert isinstance(result.exception, ModelParameterError)
    assert exit_code(result.exception) == 7
    assert "another linkage schema" in str(result.exception)
    assert run("show", trained, "--fields", FIELDS).exit_code == 0


def test_models_of_two_schemas_are_not_compared(trained: Path, fitted: Model, tmp_path: Path) -> None:
    other = saved(replace(fitted, schema_digest="0" * 64), tmp_path / "other.json")
    result = run("compare", trained, other)
    assert isinstance(result.exception, ModelParameterError)


def test_a_model_without_names_is_not_compared_with_one_with_names(trained: Path, tmp_path: Path) -> None:
    initials = saved(shipped_model(parse_fields("dob,initials")), tmp_path / "initials.json")
    assert isinstance(run("compare", trained, initials).exception, ModelParameterError)


def test_comparing_a_model_with_itself_shows_no_difference(trained: Path) -> None:
    assert {row["difference_bits"] for row in printed("compare", trained, trained)} == {0.0}


def test_comparing_shows_the_largest_difference_first(trained: Path, tmp_path: Path) -> None:
    shipped = saved(shipped_model(parse_fields(FIELDS)), tmp_path / "shipped.json")
    rows = printed("compare", shipped, trained)
    sizes = [abs(row["difference_bits"]) for row in rows]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 0
    for row in rows:
        assert row["difference_bits"] == pytest.approx(row["second_bits"] - row["first_bits"], abs=0.011)


def test_one_changed_level_is_the_first_difference(fitted: Model) -> None:
    agree = fitted.levels["sex"]["agree"]
    changed = {**fitted.levels, "sex": {**fitted.levels["sex"], "agree": replace(agree, u=agree.u / 8)}}
    first = compare_rows(fitted, replace(fitted, levels=changed))[0]
    assert (first["comparison"], first["level"], first["difference_bits"]) == ("sex", "agree", 3.0)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty file"),
        pytest.param("not json", id="no JSON"),
        pytest.param('{"format": "model/2"}', id="another format"),
        pytest.param('{"format": "model/1"}', id="nothing in it"),
    ],
)
def test_a_file_that_is_no_model_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(text, encoding="utf-8")
    result = run("show", tmp_path / "model.json")
    assert isinstance(result.exception, ModelParameterError)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_bytes(b"\xff\xfe\x00")
    assert isinstance(run("show", tmp_path / "model.json").exception, ModelParameterError)
