"""Known To on tokens beside Splink 5 on plain text: the same files, the same fields, one run.

    .venv/bin/python -m benchmarks.splink_plain_text --county ../shared/data/county

prints a table in markdown. Ours is `knownto evaluate pairs`, with probes and with `--stored-only`; Splink's
set-up is in `benchmarks.splink_model` and needs an environment of its own, `.venv-splink`. One process runs
at a time, ours and Splink's alternately, so that what else the machine does falls on both.

Both are measured by `matcher.evaluation`: all pairs of records of one person count, those inside an agency
too; best F1 and recall at precision 0.99 have their threshold chosen with truth. Times are wall seconds
from reading the files to scored pairs, without the start of Python.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.febrl import write_febrl4
from matcher import evaluation

ROOT = Path(__file__).parents[1]
KNOWNTO = Path(sys.executable).with_name("knownto")
SPLINK_PYTHON = ROOT / ".venv-splink" / "bin" / "python"
FEBRL4_FIELDS = ("dob,initials", "dob,initials,chain", "dob,names", "dob,names,chain")
COUNTY_FIELDS = (
    "dob,initials,chain",
    "dob,initials,chain,sex,area",
    "dob,names,chain",
    "dob,names,sex,area",
    "dob,names,chain,nhs_number,sex,area",
)
HEADER = (
    "| data | fields | tokens: F1 | R99 | F1 at 0.5 | s | stored only: F1 | R99 | s "
    "| Splink 5: F1 | R99 | F1 at 0.5 | s | Splink s / ours |"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: best F1, recall at precision 0.99, F1 at posterior 0.5, seconds."""

    best_f1: float
    recall_at_precision_99: float
    f1_at_half: float
    seconds: float


def measure_ours(directory: Path, fields: str, *, stored_only: bool) -> Figures:
    """`knownto evaluate pairs` in a process of its own."""
    command = [str(KNOWNTO), "evaluate", "pairs", str(directory), "--truth", "truth.csv"]
    command += ["--fields", fields, "--format", "json"] + ["--stored-only"] * stored_only
    document = _json_of(command)
    return Figures(
        document["best_f1"],
        document["recall_at_precision_99"],
        document["at_posterior_0.5"]["f1"],
        document["seconds"]["total"],
    )


def measure_splink(directory: Path, fields: str) -> Figures:
    """Splink in its own environment, its weights measured as ours are."""
    with tempfile.TemporaryDirectory() as folder:
        scores = Path(folder) / "scores.csv"
        script = ROOT / "benchmarks" / "splink_model.py"
        command = [str(SPLINK_PYTHON), str(script), str(directory), "--fields", fields]
        document = _json_of([*command, "--scores", str(scores)])
        weights, is_match = _pairs(scores)
    matches = document["true_pairs"]
    return Figures(
        evaluation.best_f1(weights, is_match, matches).measure.f1,
        evaluation.recall_at_precision(weights, is_match, matches, 0.99),
        # A total match weight of 0 bits, the prior included, is a posterior of one half.
        evaluation.measure(weights >= 0, is_match, matches).f1,
        document["seconds"],
    )


def _pairs(scores: Path) -> tuple[Any, Any]:
    """Match weight of every pair, and whether it is true, from counts by weight."""
    weight, pairs, matches = np.loadtxt(scores, delimiter=",", skiprows=1, ndmin=2).T
    counts = np.stack([matches, pairs - matches], axis=1).astype(np.int64).ravel()
    return np.repeat(np.repeat(weight, 2), counts), np.repeat(np.tile([True, False], len(weight)), counts)


def _json_of(command: Sequence[str]) -> dict[str, Any]:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def rows(data: str, directory: Path, choices: Sequence[str]) -> Iterator[str]:
    """One row of the table for each choice of fields."""
    for fields in choices:
        tokens = measure_ours(directory, fields, stored_only=False)
        splink = measure_splink(directory, fields)
        stored = measure_ours(directory, fields, stored_only=True)
        yield (
            f"| {data} | `{fields}` | {_scores(tokens)} | {tokens.f1_at_half:.4f} | {tokens.seconds:.1f} "
            f"| {_scores(stored)} | {stored.seconds:.1f} "
            f"| {_scores(splink)} | {splink.f1_at_half:.4f} | {splink.seconds:.1f} "
            f"| {splink.seconds / tokens.seconds:.1f} |"
        )


def _scores(figures: Figures) -> str:
    return f"{figures.best_f1:.4f} | {figures.recall_at_precision_99:.4f}"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Known To on tokens beside Splink 5 on plain text.")
    parser.add_argument("--county", type=Path, help="folder of the county's caseloads and truth.csv")
    parser.add_argument("--only", help="measure this choice of fields alone")
    arguments = parser.parse_args()
    if not SPLINK_PYTHON.exists():
        print(
            'no Splink: python3 -m venv .venv-splink && .venv-splink/bin/pip install "splink>=5,<6"',
            file=sys.stderr,
        )
        return 2
    print(HEADER)
    print("|---|---|" + "---:|" * (HEADER.count("|") - 3))
    with tempfile.TemporaryDirectory() as folder:
        febrl4 = Path(folder)
        write_febrl4(febrl4)
        sets: list[tuple[str, Path, Sequence[str]]] = [("FEBRL4", febrl4, FEBRL4_FIELDS)]
        if arguments.county:
            sets.append(("county", arguments.county.resolve(), COUNTY_FIELDS))
        for data, directory, choices in sets:
            wanted = [fields for fields in choices if arguments.only in (None, fields)]
            for row in rows(data, directory, wanted):
                print(row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
