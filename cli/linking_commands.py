"""`knownto hub link` and `hub decisions`: which records are one person, and what people say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.log_homes import hub_database
from cli.output import CompletedWithWarnings, emit, format_option, print_table, say

if TYPE_CHECKING:
    from hub.database import Database
    from matcher.evaluation import Share

COLUMNS = (
    "run", "kind", "state", "epoch", "model_digest", "started", "completed",
    "records", "tokens", "pairs", "links", "clusters", "conflicts",
)  # fmt: skip


@click.command()
@click.option("--changes", is_flag=True, help="Only what has changed, by what the last full run found.")
@click.option("--list", "listed", is_flag=True, help="List the runs so far instead, the newest first.")
@format_option("table", "json", "csv")
@click.pass_context
def link(ctx: click.Context, changes: bool, listed: bool, output_format: str) -> None:
    """Link all records of the current epoch: which of them are one person.

    It may run beside a served hub, whose readers go by the clusters of before until the new ones are whole.
    A run that was stopped goes on where it was when this is called again. A served hub links the changes of
    every push by itself; a full run estimates anew, and is needed once an epoch and for a new agency.
    """
    from hub.clock import system_clock
    from hub.linking import FullRunNeeded, link_all, link_changes

    if changes and listed:
        raise click.UsageError("--changes and --list do not go together")
    with hub_database(ctx) as (database, _):
        if not listed:
            done = (link_changes if changes else link_all)(database, clock=system_clock, report=say)
            if isinstance(done, FullRunNeeded):
                raise CompletedWithWarnings(
                    f"not linked: a full run (`knownto hub link`) is needed: {done.reason}"
                )
            if done is None:
                say("Nothing has changed since the last run.")
        runs = _shown(database)
    if listed or output_format == "csv":
        emit(runs if listed else runs[:1], output_format, columns=COLUMNS)
    else:
        emit(runs[0], output_format)


@click.command()
@format_option()
@click.pass_context
def decisions(ctx: click.Context, output_format: str) -> None:
    """Hold the last linking run against what agencies decided of pairs.

    Precision and recall with 95 % intervals. People decide the most uncertain pairs first, so figures are
    worse than linking is over all; the strata say how many pairs there are of each kind.
    """
    from hub.pair_labels import measure_decisions

    with hub_database(ctx) as (database, _), database.reading() as session:
        found = measure_decisions(session)
    counts = {name: getattr(found, name) for name in ("same", "different", "contradictory", "outdated")}
    thresholds = [
        {"threshold": one.threshold} | _share("precision", one.precision) | _share("recall", one.recall)
        for one in found.thresholds
    ]
    strata = [
        {"from": one.low, "to": one.high, "pairs": one.pairs} | _share("same", one.same)
        for one in found.strata
    ]
    if output_format == "json":
        emit(counts | {"thresholds": thresholds, "strata": strata}, output_format)
        return
    emit(counts, output_format)
    for rows in (thresholds, strata):
        print_table(rows, list(rows[0]))


def _share(name: str, share: Share) -> dict[str, Any]:
    """A share as scripts read it: value, interval, and the counts behind it."""
    value = None if share.value is None else round(share.value, 4)
    interval = {f"{name}_low": round(share.low, 4), f"{name}_high": round(share.high, 4)}
    return {name: value, **interval, f"{name}_found": share.found, f"{name}_of": share.of}


def _shown(database: Database) -> list[dict[str, Any]]:
    """Runs as they are printed, the newest first."""
    from hub.clock import format_time
    from hub.linking import list_runs

    with database.reading() as session:
        return [
            {name: getattr(row, name) for name in COLUMNS}
            | {
                "started": format_time(row.started),
                "completed": None if row.completed is None else format_time(row.completed),
            }
            for row in list_runs(session)
        ]
