"""`knownto evaluate why`: a pair of records in words, weights and a waterfall, without naming it anywhere."""

from __future__ import annotations

import csv
import json
import math
import xml.etree.ElementTree as ElementTree
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cli.demo.files import write_contract
from cli.demo.generator import generate
from cli.evaluation_data import parse_fields
from cli.evaluation_pairs import LinkedFiles, link_folder
from cli.evaluation_why import pair_evidence
from cli.main import exit_code, knownto
from node.answers import COMPARISON_WORDS

FIELDS = "dob,names,chain,sex,area"
SAME = {"dob": "1947-11-29", "forename": "Zyxquorn", "surname": "Vlimpfast", "chain": "98761234", "sex": "F"}
ALONE = {"dob": "1966-05-17", "forename": "Quentilla", "surname": "Brastow", "chain": "55512399", "sex": "M"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A county, and two agencies that know one person both, and one person each."""
    directory = tmp_path_factory.mktemp("folder")
    write_contract(generate(people=400, seed=3, with_conference=False), directory)
    rows = {"secretplace": [("98761234", SAME), ("2", ALONE)], "otherplace": [("loc-77123", SAME)]}
    for agency, people in rows.items():
        with (directory / f"{agency}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ("local_id", *SAME))
            writer.writeheader()
            writer.writerows({"local_id": local_id, **person} for local_id, person in people)
    return directory


def run(folder: Path, *more: str, stdin: str = "") -> Result:
    return CliRunner().invoke(
        knownto, ["evaluate", "why", str(folder), "--fields", FIELDS, *more], input=stdin
    )


def explained(folder: Path, stdin: str, *more: str) -> dict[str, Any]:
    result = run(folder, "--format", "json", *more, stdin=stdin)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


PAIR = "secretplace:98761234\notherplace: loc-77123\n"
STRANGERS = "secretplace:2\notherplace:loc-77123\n"


def test_a_pair_is_explained_in_words_weights_and_a_waterfall(folder: Path) -> None:
    document = explained(folder, PAIR)
    assert document["agencies"] == ["secretplace", "otherplace"]
    assert document["compared"] and document["together"] and document["posterior"] > 0.95
    assert document["words"][0] == (
        "The date of birth agrees, the forename is spelled the same, the surname is spelled the same."
    )
    assert "The CHAIN number agrees." in document["words"]
    assert [step["comparison"] for step in document["steps"]][:3] == ["identity", "chain", "sex"]
    assert document["waterfall"][0].startswith("before comparing")
    assert len(document["waterfall"]) == len(document["steps"]) + 3
    assert "that the two records are one person" in document["waterfall"][-1]


def test_prior_and_steps_add_up_to_the_posterior(folder: Path) -> None:
    document = explained(folder, PAIR)
    bits = document["prior_bits"] + sum(step["weight_bits"] for step in document["steps"])
    assert 1 / (1 + 2**-bits) == pytest.approx(document["posterior"], abs=1e-6)


@pytest.fixture(scope="module")
def linked(folder: Path) -> LinkedFiles:
    aside = [folder / "truth.csv"]
    return link_folder(
        folder, None, parse_fields(FIELDS), with_probes=True, today=date(2026, 11, 23), leave_out=aside
    )


def test_every_pair_of_a_run_adds_up_and_has_words(linked: LinkedFiles) -> None:
    """Also where rivals, areas and numbers that differ have their part."""
    pairs, seen = linked.run.pairs, set()
    chosen = np.random.default_rng(4).choice(len(pairs.left), size=60, replace=False)
    for row in chosen.tolist():
        evidence = pair_evidence(linked, int(pairs.right[row]), int(pairs.left[row]))
        assert evidence is not None
        bits = evidence.prior + evidence.total_weight
        posterior = float(pairs.posterior[row])
        # Steps below 0.005 bits are left out: three of them at most.
        assert 1 / (1 + 2**-bits) == pytest.approx(posterior, abs=0.01)
        if 1e-6 < posterior < 1 - 1e-6:
            assert bits == pytest.approx(math.log2(posterior / (1 - posterior)), abs=0.015)
        seen |= {(step.comparison, step.level) for step in evidence.steps}
        assert all(
            step.level in COMPARISON_WORDS[step.comparison]
            for step in evidence.steps
            if step.comparison != "identity"
        )
    assert {"identity", "area", "rivals", "sex"} <= {comparison for comparison, _ in seen}
    assert {("rivals", "others"), ("rivals", "alone"), ("area", "differ")} <= seen


def test_records_that_were_never_compared_are_said_to_be_so(folder: Path, tmp_path: Path) -> None:
    document = explained(folder, STRANGERS)
    assert not document["compared"] and not document["together"]
    assert document["posterior"] is None and document["steps"] == document["waterfall"] == []
    assert "never compared" in document["words"][0]
    picture = tmp_path / "never.svg"
    result = run(folder, "--svg", str(picture), stdin=STRANGERS)
    assert result.exit_code == 0 and not picture.exists()
    assert "Nothing is drawn" in result.stderr


def test_the_picture_holds_every_weight(folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "pair.svg"
    document = explained(folder, PAIR, "--svg", str(picture))
    root = ElementTree.fromstring(picture.read_bytes())
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {f"{step['weight_bits']:+.2f}" for step in document["steps"]} <= texts


def test_a_file_may_name_the_pair(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "pair"
    file.write_text(PAIR, "utf-8")
    assert explained(folder, "", "--pair-file", str(file)) == explained(folder, PAIR)


def test_tables_are_for_people(folder: Path) -> None:
    result = run(folder, stdin=PAIR)
    assert result.exit_code == 0
    assert result.stdout.startswith("Held to be one person, secretplace and otherplace.\n")
    assert "  The CHAIN number agrees.\n" in result.stdout


def test_neither_output_nor_picture_names_the_records(folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "pair.svg"
    result = run(folder, "--svg", str(picture), stdin=PAIR)
    written = (result.output + picture.read_text("utf-8")).lower()
    hidden = [*SAME.values(), "loc-77123", str(folder)]
    assert not [value for value in hidden if len(value) > 1 and value.lower() in written]


@pytest.mark.parametrize(
    ("stdin", "named"),
    [
        pytest.param("secretplace\notherplace:loc-77123\n", "row 1", id="no local id"),
        pytest.param("secretplace:98761234\n:loc-77123\n", "row 2", id="no agency"),
        pytest.param("nowhere:98761234\notherplace:loc-77123\n", "no table", id="an unknown agency"),
        pytest.param("secretplace:98761234\notherplace:loc-77124\n", "row 2", id="an unknown record"),
        pytest.param("secretplace:98761234\nsecretplace:98761234\n", "one record", id="one record twice"),
    ],
)
def test_a_pair_that_is_none_is_invalid_and_not_repeated(folder: Path, stdin: str, named: str) -> None:
    result = run(folder, stdin=stdin)
    assert result.exception is not None and exit_code(result.exception) == 7
    assert named in str(result.exception)
    assert "98761234" not in str(result.exception) and "loc-7712" not in str(result.exception)
    assert result.stdout == ""


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"secretplace:98761234\n", id="one line"),
        pytest.param(b"a:1\nb:2\nc:3\n", id="three lines"),
        pytest.param(b"\xff\xfe\x00", id="no text"),
    ],
)
def test_a_pair_file_has_two_lines(folder: Path, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "pair"
    file.write_bytes(content)
    result = run(folder, "--pair-file", str(file))
    assert result.exception is not None and exit_code(result.exception) == 7


def test_nothing_on_stdin_is_a_mistake_in_usage(folder: Path) -> None:
    assert run(folder).exit_code == 2
