"""Counts as they are printed: one shape for all of them, with column names that stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import CompletedWithWarnings, emit, say, write_xlsx

if TYPE_CHECKING:
    from hub.cohort_counts import Counting
    from hub.count_tables import CountRow

out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the result here; --format xlsx and svg need it.",
)


def counting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Who counts, and under what."""
    for option in reversed(
        (
            click.option(
                "--staff",
                required=True,
                envvar="KNOWNTO_STAFF",
                show_envvar=True,
                help="Staff id of the analyst: the log names it, and its budget is charged.",
            ),
            click.option("--agreement", help="Id of the agreement to count under, where several allow it."),
            click.option(
                "--basis",
                type=click.Choice(("consent", "public_task")),
                help="Lawful basis of the agreement.  [default: consent, where it relies on that]",
            ),
            click.option(
                "--profile", default="county-default", show_default=True, help="Disclosure profile."
            ),
        )
    ):
        command = option(command)
    return command


def read_counting(staff: str, agreement: str | None, basis: str | None, profile: str) -> Counting:
    """The options as the hub reads them."""
    from hub.clock import system_clock
    from hub.cohort_counts import Counting
    from hub.purposes import LawfulBasis
    from node.staff import require_staff_id

    require_staff_id(staff)
    chosen = None if basis is None else LawfulBasis(basis)
    return Counting(staff, system_clock(), profile=profile, agreement=agreement, basis=chosen)


def count_cells(row: CountRow) -> dict[str, Any]:
    """How every count is written: what is shown, the number where it is one, and how it is shown."""
    number = int(row.count) if row.shown == "number" else None
    return {"count": row.count, "number": number, "shown": str(row.shown)}


def emit_counts(
    heading: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    warnings: Sequence[str],
    *,
    output_format: str,
    out: Path | None,
) -> None:
    """Print counts, or write them to a workbook, and then say what they miss.

    Args:
        heading: What all rows have in common; in JSON it stands once.
        rows: Each with a count.
        warnings: What the counts miss.
        output_format: `table`, `json`, `csv` or `xlsx`.
        out: The workbook's path.

    Raises:
        CompletedWithWarnings: Something is missing.
    """
    if (output_format == "xlsx") != (out is not None):
        raise click.UsageError("--format xlsx and --out FILE go together")
    whole = [dict(heading) | dict(row) for row in rows]
    columns = list(whole[0]) if whole else list(heading)
    if output_format == "json":
        emit(dict(heading) | {"counts": [dict(row) for row in rows], "warnings": list(warnings)}, "json")
    elif out is not None:
        write_xlsx(out, whole, columns)
    else:
        emit(whole, output_format, columns=columns)
    say_warnings(warnings)


def say_warnings(warnings: Sequence[str]) -> None:
    """Say what counts miss.

    Raises:
        CompletedWithWarnings: They miss something.
    """
    for warning in warnings:
        say(f"Warning: {warning}.")
    if warnings:
        raise CompletedWithWarnings(f"what these counts miss: {len(warnings)} warnings")
