"""`knownto hub overlap`: which services know the same people, as a table or an UpSet plot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.cohort_commands import read_rule_argument
from cli.count_output import (
    count_cells,
    counting_options,
    emit_counts,
    out_option,
    read_counting,
    say_warnings,
)
from cli.log_homes import hub_database
from cli.output import format_option, write_text

if TYPE_CHECKING:
    from hub.cohort_counts import Counted


@click.command()
@click.option("--cohort", "rule", help="Only who is in this cohort: a rule file, or the id of a shipped one.")
@counting_options
@format_option("table", "json", "csv", "xlsx", "svg")
@out_option
@click.pass_context
def overlap(
    ctx: click.Context, /, rule: str | None, output_format: str, out: Path | None, **counting: str | None
) -> None:
    """Count people by exactly the kinds of service that know them, and by each kind by itself.

    Of everybody who may be counted, or of a cohort. Small counts are hidden, others rounded, and every number
    is held against all that was published before; an SVG shows the numbers as an UpSet plot.
    """
    from hub.overlap_counts import count_overlap

    read = None if rule is None else read_rule_argument(rule)
    who = read_counting(**counting)  # type: ignore[arg-type]
    with hub_database(ctx) as (database, _):
        counted = count_overlap(database, read, who)
    people = "everybody" if read is None else read.rule_id
    if output_format == "svg":
        if out is None:
            raise click.UsageError("--format svg needs --out FILE")
        title = "Everybody counted" if read is None else read.title
        write_text(out, _chart(counted, f"{title}, {counted.snapshot}"))
        say_warnings(counted.warnings)
        return
    heading = {"people": people, "snapshot": counted.snapshot}
    emit_counts(heading, _rows(counted), counted.warnings, output_format=output_format, out=out)


def _rows(counted: Counted) -> list[dict[str, Any]]:
    """The largest combination first, and those without a number last."""
    rows = [
        {"dimension": row.dimension, "level": "+".join(row.levels), **count_cells(row)}
        for row in counted.rows
    ]
    order = {name: number for number, name in enumerate(dict.fromkeys(row["dimension"] for row in rows))}
    return sorted(rows, key=lambda row: (order[row["dimension"]], -(row["number"] or 0), row["level"]))


def _chart(counted: Counted, title: str) -> str:
    from cli.upset_chart import Intersection, upset_chart
    from hub.count_tables import Shown
    from hub.populations import SERVICES, kinds_of_level
    from hub.service_kinds import kind_words

    rows = [row for row in counted.rows if row.dimension == SERVICES]
    kinds = sorted({kind for row in rows for kind in kinds_of_level(row.levels[0]) if row.levels[0]})
    shown = [
        Intersection(tuple(kind_words(kind) for kind in kinds_of_level(row.levels[0])), int(row.count))
        for row in rows
        if row.shown is Shown.NUMBER
    ]
    return upset_chart(
        shown, [kind_words(kind) for kind in kinds], title=title, not_shown=len(rows) - len(shown)
    )
