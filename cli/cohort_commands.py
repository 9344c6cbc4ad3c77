"""`knownto hub cohort`: rules of cohorts in words, and who is in them: counts, snapshots, comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.count_output import count_cells, counting_options, emit_counts, out_option, read_counting
from cli.log_homes import hub_database
from cli.output import CompletedWithWarnings, emit, format_option, say

if TYPE_CHECKING:
    from hub.cohort_rules import CohortRule


@click.group()
def cohort() -> None:
    """Cohorts: who is counted, by rule files that people can agree on."""


@cohort.command()
@click.argument("rule")
@format_option("text", "json")
@click.pass_context
def check(ctx: click.Context, rule: str, output_format: str) -> None:
    """Check a RULE, a file or the id of a shipped one, and say in words whom it counts.

    Warns (exit code 3) of what a count would miss because kinds of service take no part in this network.
    """
    from hub.cohort_members import warnings_for
    from hub.cohort_words import explain_rule
    from hub.membership import kinds_present

    read = read_rule_argument(rule)
    with hub_database(ctx) as (database, _), database.reading() as session:
        present = kinds_present(session)
    warnings = warnings_for(read, present)
    if output_format == "json":
        emit(
            {
                "id": read.rule_id,
                "version": read.version,
                "digest": read.digest,
                "words": explain_rule(read).splitlines(),
                "warnings": list(warnings),
            },
            output_format,
        )
    else:
        click.echo(explain_rule(read))
        click.echo(f"Digest: {read.digest}")
        for warning in warnings:
            say(f"Warning: {warning}.")
    if warnings:
        raise CompletedWithWarnings(f"what a count by this rule would miss: {len(warnings)} warnings")


@cohort.command()
@click.argument("rule")
@counting_options
@click.option("--snapshot", is_flag=True, help="Keep who is in it today, to compare with and to release.")
@format_option("table", "json", "csv", "xlsx")
@out_option
@click.pass_context
def run(
    ctx: click.Context,
    /,
    rule: str,
    snapshot: bool,
    output_format: str,
    out: Path | None,
    **counting: str | None,
) -> None:
    """Count who is in a cohort today, by a RULE: in all, by sub-region, area and kind of service.

    Counted are the people of the last linking run, by the records that the agreement lets be counted. Small
    counts are hidden, others rounded, and every number is held against all that was published before. Exit
    code 3 says what the counts miss.
    """
    from hub.cohort_counts import count_cohort
    from hub.cohort_snapshots import keep_snapshot

    read, who = read_rule_argument(rule), read_counting(**counting)  # type: ignore[arg-type]
    with hub_database(ctx) as (database, _):
        counted = count_cohort(database, read, who)
        if snapshot:
            say(f"Kept as {keep_snapshot(database, read, who)}.")
    heading = {"cohort": read.rule_id, "version": read.version, "snapshot": counted.snapshot}
    rows = [
        {"dimension": row.dimension, "level": "+".join(row.levels), **count_cells(row)}
        for row in counted.rows
    ]
    emit_counts(heading, rows, counted.warnings, output_format=output_format, out=out)


@cohort.command()
@click.argument("earlier")
@click.argument("later")
@counting_options
@format_option("table", "json", "csv", "xlsx")
@out_option
@click.pass_context
def compare(
    ctx: click.Context,
    /,
    earlier: str,
    later: str,
    output_format: str,
    out: Path | None,
    **counting: str | None,
) -> None:
    """Count who joined, left and stayed in a cohort between an EARLIER and a LATER snapshot.

    Of the people who are counted today: whoever is not any more, for whatever reason, is in no number.
    """
    from hub.cohort_counts import compare_snapshots
    from hub.cohort_snapshots import find_snapshot

    who = read_counting(**counting)  # type: ignore[arg-type]
    with hub_database(ctx) as (database, _):
        with database.reading() as session:
            first, second = find_snapshot(session, earlier), find_snapshot(session, later)
        if first.digest != second.digest or first.day >= second.day:
            raise click.UsageError("compare two snapshots of one rule, the earlier first")
        counted = compare_snapshots(database, earlier, later, first.digest, who)
    heading = {"earlier": earlier, "later": later, "snapshot": counted.snapshot}
    rows = [{"change": row.dimension, **count_cells(row)} for row in counted.rows]
    emit_counts(heading, rows, counted.warnings, output_format=output_format, out=out)


@cohort.command()
@format_option("table", "json", "csv")
@click.pass_context
def snapshots(ctx: click.Context, output_format: str) -> None:
    """List the snapshots that were kept, the newest first."""
    from hub.clock import format_time
    from hub.cohort_snapshots import list_snapshots

    with hub_database(ctx) as (database, _), database.reading() as session:
        rows = [
            {
                "snapshot": row.snapshot,
                "digest": row.digest,
                "day": row.day,
                "agreement": row.agreement,
                "basis": row.basis,
                "taken_by": row.taken_by,
                "released_at": None if row.released_at is None else format_time(row.released_at),
                "released_by": row.released_by,
            }
            for row in list_snapshots(session)
        ]
    columns = "snapshot digest day agreement basis taken_by released_at released_by".split()
    emit(rows, output_format, columns=columns)


@cohort.command()
@click.argument("snapshot")
@click.option(
    "--staff",
    required=True,
    envvar="KNOWNTO_STAFF",
    show_envvar=True,
    help="Staff id of whoever releases it.",
)
@click.pass_context
def release(ctx: click.Context, snapshot: str, staff: str) -> None:
    """Let the agencies of its agreement read their own references in a SNAPSHOT.

    Whoever reads such a list learns of their own people that they are in the cohort: release what the
    partnership has agreed to. Both the release and every reading are logged.
    """
    from hub.clock import system_clock
    from hub.cohort_snapshots import release_snapshot
    from node.staff import require_staff_id

    require_staff_id(staff)
    with hub_database(ctx) as (database, _), database.writing() as session:
        release_snapshot(session, snapshot, staff=staff, at=system_clock())
    say(f"Released: 'knownto cohort list {snapshot}' at each agency.")


def read_rule_argument(rule: str) -> CohortRule:
    """A shipped rule by its id, else a file."""
    from hub.cohort_rules import SHIPPED, load_rule, shipped_rule

    return shipped_rule(rule) if rule in SHIPPED else load_rule(Path(rule))
