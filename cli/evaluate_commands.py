"""`knownto evaluate`: how accurate and how honest matching is, on files whose truth is known.

Nothing leaves the machine: records are encoded under a fixed evaluation key and linked in process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.model_commands import NOT_AGENCIES, model
from cli.output import emit, format_option, progress, say

if TYPE_CHECKING:
    from cli.evaluation_data import Population
    from cli.evaluation_pairs import LinkedFiles

DIRECTORY = click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
FIELDS = click.option(
    "--fields", required=True, help="What is shared, such as dob,initials,chain or dob,names,sex,area."
)
STORED_ONLY = click.option(
    "--stored-only", is_flag=True, help="Compare stored slots alone, without asking probes."
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
@STORED_ONLY
@format_option()
def pairs(directory: Path, truth: Path, fields: str, stored_only: bool, output_format: str) -> None:
    """Link all records of a folder (one table an agency) and compare with the truth."""
    from cli.evaluation_pairs import measure_pairs

    linked = link_files(directory, find_file(truth, directory), fields, stored_only=stored_only)
    emit(rounded(measure_pairs(linked)), output_format)


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
    say_what_is_amiss(population)
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
@STORED_ONLY
def report(directory: Path, truth: Path, fields: str, out: Path, stored_only: bool) -> None:
    """Write a report of linking all records: one HTML file with charts and tables."""
    from cli.evaluation_report import build_report

    linked = link_files(directory, find_file(truth, directory), fields, stored_only=stored_only)
    out.write_text(build_report(linked), encoding="utf-8")
    say("The report is written. It names no record; counts in it are exact.")


@evaluate.command()
@DIRECTORY
@FIELDS
@click.option(
    "--pair-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Two lines, each agency:local id.  [default: prompted for, or from stdin]",
)
@click.option(
    "--leave-out",
    multiple=True,
    default=NOT_AGENCIES,
    show_default=True,
    help="Table of the folder that is no agency's; give it again for several.",
)
@STORED_ONLY
@click.option(
    "--svg", type=click.Path(path_type=Path, dir_okay=False), help="Draw the weights as a picture, here."
)
@format_option()
def why(
    directory: Path,
    fields: str,
    pair_file: Path | None,
    leave_out: tuple[str, ...],
    stored_only: bool,
    svg: Path | None,
    output_format: str,
) -> None:
    """Explain why two records are held to be one person, or not: in words, weights and a waterfall.

    The two records are prompted for or read from stdin, one line each; a local id may be a CHAIN number.
    """
    from cli.evaluation_why import CERTAIN, explain_records, find_record, pair_evidence, parse_reference

    asked = [parse_reference(line, row=row) for row, line in enumerate(_read_pair(pair_file), start=1)]
    aside = [directory / name for name in leave_out]
    linked = link_files(directory, None, fields, stored_only=stored_only, leave_out=aside)
    one, other = (find_record(linked, reference, row=row) for row, reference in enumerate(asked, start=1))
    evidence = pair_evidence(linked, one, other)
    explained = explain_records(linked, one, other, evidence)
    if output_format == "json":
        emit(explained, "json")
    else:
        decided = "Held to be one person" if explained["together"] else "Not held to be one person"
        click.echo(f"{decided}, {' and '.join(explained['agencies'])}.")
        for line in (*explained["words"], *explained["waterfall"]):
            click.echo(f"  {line}")
    if svg is not None:
        if evidence is None:
            say("Nothing is drawn: the two records were never compared.")
            return
        from node.waterfalls import draw_evidence

        picture = draw_evidence(evidence, title="Weights of a pair of records", certain=CERTAIN)
        svg.write_text(picture, encoding="utf-8")


def link_files(
    directory: Path,
    truth_file: Path | None,
    fields: str,
    *,
    stored_only: bool,
    leave_out: Sequence[Path] = (),
) -> LinkedFiles:
    """Read and link a folder, and say what of it could not be used."""
    from cli.evaluation_data import parse_fields
    from cli.evaluation_pairs import link_folder

    schema = parse_fields(fields)
    with progress("reading", None) as advance:
        linked = link_folder(
            directory,
            truth_file,
            schema,
            with_probes=not stored_only,
            today=date.today(),
            leave_out=leave_out,
            advance=advance,
        )
    say_what_is_amiss(linked.population)
    return linked


def say_what_is_amiss(population: Population) -> None:
    """Say what of the files and the truth could not be used; the figures stand all the same."""
    unusable = population.rows - len(population.agency)
    if unusable:
        say(f"Rows that cannot be used: {unusable:,} of {population.rows:,}. `knownto node check` says why.")
    if population.unmet_truth:
        say(f"Records of the truth in no usable row: {population.unmet_truth:,}. They count as missed.")
    if population.other_truth:
        say(f"Records of the truth at agencies without a table: {population.other_truth:,}, left out.")


def _read_pair(pair_file: Path | None) -> tuple[str, str]:
    from cli.evaluation_why import read_pair_file
    from cli.terminal import read_line

    if pair_file is not None:
        return read_pair_file(pair_file)
    return read_line("First record (agency:local id)"), read_line("Second record (agency:local id)")


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
