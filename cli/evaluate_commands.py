"""`knownto evaluate`: how accurate and how honest matching is, on files whose truth is known.

Nothing leaves the machine: records are encoded under a fixed evaluation key and linked in process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click

from cli.model_commands import model
from cli.output import emit, format_option, progress, say

DIRECTORY = click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
FIELDS = click.option(
    "--fields", required=True, help="What is shared, such as dob,initials,chain or dob,names,sex,area."
)


def truth_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The `--truth` option; a bare name is looked for in the folder too."""
    return click.option(
        "--truth",
        type=click.Path(path_type=Path, dir_okay=False),
        default=Path("truth.csv"),
        show_default=True,
        help="Table agency, local_id, person_id; found in the folder, or a path.",
    )(command)


@click.group()
def evaluate() -> None:
    """Measure matching on files whose truth is known."""


evaluate.add_command(model)


@evaluate.command()
@DIRECTORY
@truth_option
@FIELDS
@click.option("--stored-only", is_flag=True, help="Compare stored slots alone, without asking probes.")
@format_option()
def pairs(directory: Path, truth: Path, fields: str, stored_only: bool, output_format: str) -> None:
    """Link all records of a folder (one table an agency) and compare with the truth."""
    from cli.evaluation_data import load_population, parse_fields
    from matcher import evaluation
    from matcher.clustering import cluster, connected_components, measure_clusters
    from matcher.linking import link
    from matcher.model import shipped_model

    schema = parse_fields(fields)
    with progress("reading", None) as advance:
        population = load_population(
            directory,
            find_file(truth, directory),
            schema,
            with_probes=not stored_only,
            today=date.today(),
            advance=advance,
        )
    started = time.perf_counter()
    run = link(
        schema,
        population.tokens,
        population.meetings,
        agency=population.agency,
        shipped=shipped_model(schema),
    )
    linked = time.perf_counter() - started + population.meet_seconds
    posterior = run.pairs.posterior
    is_match = population.is_match(run.pairs.left, run.pairs.right)
    best = evaluation.best_f1(posterior, is_match, population.true_pairs)

    def at(threshold: float) -> dict[str, float]:
        return asdict(evaluation.measure(posterior >= threshold, is_match, population.true_pairs))

    count = len(population.agency)
    clusters = cluster(run.pairs, record_count=count, agency=population.agency).cluster_of
    connected = connected_components(run.pairs, record_count=count)

    result = {
        "records": population.rows,
        "true_pairs": population.true_pairs,
        "candidate_pairs": len(posterior),
        "best_f1": best.measure.f1,
        "precision": best.measure.precision,
        "recall": best.measure.recall,
        "recall_at_precision_99": evaluation.recall_at_precision(
            posterior, is_match, population.true_pairs, 0.99
        ),
        "at_posterior_0.5": at(0.5),
        "at_posterior_0.95": at(0.95),
        "ece": evaluation.expected_calibration_error(posterior, is_match),
        "brier": evaluation.brier_score(posterior, is_match),
        "clusters": {
            "count": len(set(clusters.tolist())),
            "pairs": asdict(measure_clusters(clusters, population.person, population.true_pairs)),
            "connected_components": asdict(
                measure_clusters(connected, population.person, population.true_pairs)
            ),
        },
        "converged": run.fit.converged,
        "seconds": {
            "encode": population.encode_seconds,
            "link": linked,
            "total": population.encode_seconds + linked,
        },
    }
    emit(rounded(result), output_format)


@evaluate.command()
@DIRECTORY
@click.option(
    "--cases",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Case list with a person_id column; found in the folder, or a path.",
)
@truth_option
@FIELDS
@format_option()
def lookups(directory: Path, cases: Path, truth: Path, fields: str, output_format: str) -> None:
    """Look every case up at every agency of a folder and compare with the truth."""
    from cli.evaluation_data import load_cases, load_population, parse_fields
    from cli.evaluation_lookups import measure_lookups

    schema = parse_fields(fields)
    case_file = find_file(cases, directory)
    today = date.today()
    with progress("reading", None) as advance:
        population = load_population(
            directory,
            find_file(truth, directory),
            schema,
            with_probes=True,
            today=today,
            leave_out=[case_file],
            advance=advance,
        )
    asked, people, parked = load_cases(case_file, today=today)
    with progress("looking up", len(asked)) as advance:
        result = measure_lookups(population, asked, people, find_file(truth, directory), advance=advance)
    emit(rounded(result | {"parked": parked}), output_format)


@evaluate.command()
@DIRECTORY
@truth_option
@FIELDS
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="HTML file to write."
)
@click.option("--stored-only", is_flag=True, help="Compare stored slots alone, without asking probes.")
def report(directory: Path, truth: Path, fields: str, out: Path, stored_only: bool) -> None:
    """Write a report of linking all records: one HTML file with charts and tables."""
    from cli.evaluation_data import load_population, parse_fields
    from cli.evaluation_report import Measured, build_report
    from matcher.linking import link
    from matcher.model import shipped_model

    schema = parse_fields(fields)
    with progress("reading", None) as advance:
        population = load_population(
            directory,
            find_file(truth, directory),
            schema,
            with_probes=not stored_only,
            today=date.today(),
            advance=advance,
        )
    run = link(
        schema,
        population.tokens,
        population.meetings,
        agency=population.agency,
        shipped=shipped_model(schema),
    )
    is_match = population.is_match(run.pairs.left, run.pairs.right)
    out.write_text(build_report(Measured(population, run, is_match, not stored_only)), encoding="utf-8")
    say("The report is written. It names no record; counts in it are exact.")


def find_file(path: Path, directory: Path) -> Path:
    """A file by its path, or by its name in the folder.

    Raises:
        click.BadParameter: It is in neither place.
    """
    for candidate in (directory / path, path):
        if candidate.is_file():
            return candidate
    raise click.BadParameter("no such file, in the folder or as a path")


def rounded(value: Any) -> Any:
    """Floats of a document with six decimals."""
    if isinstance(value, float):
        return round(value, 6)
    return {key: rounded(item) for key, item in value.items()} if isinstance(value, dict) else value
