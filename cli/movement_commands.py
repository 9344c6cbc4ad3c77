"""`knownto hub movement`: who moved between areas, as a matrix, rows or bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.count_output import (
    count_cells,
    counting_options,
    emit_counts,
    out_option,
    read_counting,
    say_warnings,
)
from cli.log_homes import hub_database
from cli.output import format_option, print_table, write_text

if TYPE_CHECKING:
    from hub.cohort_counts import Counted

NOBODY = ""  # Where a row and a column are the same area.


@click.command()
@click.option("--from", "first", required=True, metavar="YYYY-MM", help="First month of the period.")
@click.option("--to", "last", required=True, metavar="YYYY-MM", help="Last month of the period.")
@counting_options
@format_option("table", "json", "csv", "xlsx", "svg")
@out_option
@click.pass_context
def movement(
    ctx: click.Context,
    /,
    first: str,
    last: str,
    output_format: str,
    out: Path | None,
    **counting: str | None,
) -> None:
    """Count who was in one area in a month and in another in a later one: a matrix of flows.

    By the months that agencies share. Periods may follow each other and may not overlap with one that was
    counted before. Small counts are hidden and others rounded.
    """
    from hub.months import month_of
    from hub.movement import Period, count_movement

    period, who = Period(month_of(first), month_of(last)), read_counting(**counting)  # type: ignore[arg-type]
    if output_format == "svg" and out is None:
        raise click.UsageError("--format svg needs --out FILE")
    with hub_database(ctx) as (database, _):
        counted = count_movement(database, period, who)
    rows = _rows(counted)
    if output_format == "svg" and out is not None:
        write_text(out, _chart(rows, f"Moved from {first} to {last}"))
        say_warnings(counted.warnings)
    elif output_format == "table":
        _print_matrix(rows, title=f"Moved from {first} to {last}: {rows[0]['count']} people")
        say_warnings(counted.warnings)
    else:
        heading = {"first_month": first, "last_month": last, "snapshot": counted.snapshot}
        emit_counts(heading, rows, counted.warnings, output_format=output_format, out=out)


def _rows(counted: Counted) -> list[dict[str, Any]]:
    from hub.movement import areas_of_flow

    found = []
    for row in counted.rows:
        before, after = areas_of_flow(row.levels[0])
        found.append({"dimension": row.dimension, "from_area": before, "to_area": after, **count_cells(row)})
    return found


def _print_matrix(rows: Sequence[dict[str, Any]], *, title: str) -> None:
    flows = [row for row in rows if row["from_area"]]
    areas = sorted({row[end] for row in flows for end in ("from_area", "to_area")})
    cells = {(row["from_area"], row["to_area"]): row["count"] for row in flows}
    lines = [
        {"from": before} | {after: cells.get((before, after), NOBODY) for after in areas} for before in areas
    ]
    print_table(lines, ["from", *areas], title=title)


def _chart(rows: Sequence[dict[str, Any]], title: str) -> str:
    from node.charts import Bar, bar_chart, standalone

    shown = sorted(
        (row for row in rows if row["from_area"] and row["number"]),
        key=lambda row: (-row["number"], row["from_area"], row["to_area"]),
    )
    bars = [Bar(f"{row['from_area']} to {row['to_area']}", row["number"], row["count"]) for row in shown]
    hidden = sum(bool(row["from_area"]) for row in rows) - len(bars)
    said = "; ".join(f"{bar.label}: {bar.shown}" for bar in bars)
    description = f"{said}. {hidden} flows are small or hidden and not drawn."
    return standalone(bar_chart("movement", title=title, description=description, bars=bars))
