"""`knownto hub cohort`: rules of cohorts, checked and put into words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

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
    from hub.membership import list_agencies
    from hub.service_kinds import kind_of_service

    read = _read(rule)
    with hub_database(ctx) as (database, _), database.reading() as session:
        confirmed = [row.service for row in list_agencies(session) if row.state == "confirmed"]
    present = {kind for service in confirmed if (kind := kind_of_service(service)) is not None}
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


def _read(rule: str) -> CohortRule:
    """A shipped rule by its id, else a file."""
    from hub.cohort_rules import SHIPPED, load_rule, shipped_rule

    return shipped_rule(rule) if rule in SHIPPED else load_rule(Path(rule))
