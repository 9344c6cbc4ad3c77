"""`knownto evaluate model`: fit a model to files without truth, read it, and compare two.

A model file is `model/1` JSON and carries the digest of the schema it was fitted for. It holds parameters
and counts, no record; fitted to a handful of people, its counts are still theirs.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.output import emit, format_option, progress, say

if TYPE_CHECKING:
    from matcher.model import Model
    from matcher.schema import LinkageSchema

MODEL_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
NOT_AGENCIES = ("truth.csv", "cases.csv")


@click.group()
def model() -> None:
    """Fit, read and compare models (model/1)."""


@model.command()
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--fields", required=True, help="What is shared, such as dob,initials,chain or dob,names,sex,area."
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where to write the model."
)
@click.option(
    "--leave-out",
    multiple=True,
    default=NOT_AGENCIES,
    show_default=True,
    help="Table of the folder that is no agency's; give it again for several.",
)
@click.option("--stored-only", is_flag=True, help="Compare stored slots alone, without asking probes.")
@format_option()
def train(
    directory: Path, fields: str, out: Path, leave_out: tuple[str, ...], stored_only: bool, output_format: str
) -> None:
    """Fit a model to the agencies of a folder, without truth."""
    from cli.evaluation_data import parse_fields
    from cli.evaluation_pairs import link_folder
    from matcher.model import format_model

    schema = parse_fields(fields)
    with progress("reading", None) as advance:
        linked = link_folder(
            directory,
            None,
            schema,
            with_probes=not stored_only,
            today=date.today(),
            leave_out=[directory / name for name in leave_out],
            advance=advance,
        )
    fit = linked.run.fit
    fitted = carrying_schema(fit.whole, schema)
    out.write_text(format_model(fitted), encoding="utf-8")
    summary = {
        "agencies": len(linked.population.agencies),
        "records": linked.population.rows,
        **fitted.notes,
        "patterns": len(fitted.joint),
        "schema_digest": fitted.schema_digest,
        "model_digest": fitted.digest,
    }
    emit(summary, output_format)
    if not fit.converged:
        say("EM reached its iteration limit: that is not convergence.")


@model.command()
@click.argument("file", type=MODEL_FILE)
@click.option("--fields", help="Refuse a model of another schema than that of these fields.")
@format_option("table", "json", "csv")
def show(file: Path, fields: str | None, output_format: str) -> None:
    """Show every level of a model: m, u, and weight in bits."""
    from matcher.model_tables import COLUMNS, model_rows, scalar_rows

    read = load_model(file, fields)
    rows = model_rows(read)
    if output_format == "json":
        heading = {"name": read.name, "schema_digest": read.schema_digest, "model_digest": read.digest}
        scalars = {row["name"]: row["value"] for row in scalar_rows(read)}
        emit(heading | {"parameters": scalars, "levels": rows, "notes": dict(read.notes)}, output_format)
        return
    emit(rows, output_format, columns=COLUMNS, title=f"Model: {read.name}")
    if output_format == "table":
        emit(scalar_rows(read), output_format, columns=("name", "value"))


@model.command()
@click.argument("first", type=MODEL_FILE)
@click.argument("second", type=MODEL_FILE)
@format_option("table", "json", "csv")
def compare(first: Path, second: Path, output_format: str) -> None:
    """Compare two models of one schema: differences in weight by level, largest first."""
    from matcher.model_tables import COMPARED_COLUMNS, compare_rows

    one, other = load_model(first, None), load_model(second, None)
    require_comparable(one, other)
    emit(compare_rows(one, other), output_format, columns=COMPARED_COLUMNS)


def carrying_schema(fitted: Model, schema: LinkageSchema) -> Model:
    """A fitted model with the digest of the schema it was fitted for."""
    from dataclasses import replace

    return replace(fitted, schema_digest=schema.digest)


def load_model(path: Path, fields: str | None) -> Model:
    """A model from a file.

    Raises:
        ModelParameterError: The file is no `model/1`, or the model is of another schema than the fields'.
    """
    from cli.evaluation_data import parse_fields
    from matcher.errors import ModelParameterError
    from matcher.model import parse_model

    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ModelParameterError("model: the file is not UTF-8 text") from None
    read = parse_model(text)
    if fields:
        read.require_schema(parse_fields(fields))
    return read


def require_comparable(first: Model, second: Model) -> None:
    """Refuse models of two schemas; one without a schema, as the shipped ones are, goes with any.

    Raises:
        ModelParameterError: They were fitted for two schemas.
    """
    from matcher.errors import ModelParameterError

    if first.schema_digest and second.schema_digest and first.schema_digest != second.schema_digest:
        raise ModelParameterError("model: the two were fitted for different linkage schemas")
    if first.with_names != second.with_names:
        raise ModelParameterError("model: one is of a partnership that shares names, the other is not")
