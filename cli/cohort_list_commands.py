"""`knownto cohort`: this agency's own people in a cohort that the hub has counted and released."""

from __future__ import annotations

import click

from cli.output import CompletedWithWarnings, emit, format_option
from cli.terminal import open_node, staff_option
from keys.actors import Role

COHORT_COLUMNS = ("cohort", "title", "day", "released_at")
REFERENCE_COLUMNS = ("cohort", "local_id")


@click.group()
def cohort() -> None:
    """List this agency's own people in a cohort of the partnership."""


@cohort.command("list")
@click.argument("cohort", required=False)
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def list_(ctx: click.Context, cohort: str | None, output_format: str) -> None:
    """List the cohorts released to this agency, or its own references in one COHORT.

    The hub logs whose references were read, by whom, before it gives them. Other agencies' people are not in
    the list, and it does not say which services know somebody: ask that with a look-up.
    """
    from dataclasses import asdict

    from node.cohorts import fetch_cohorts, open_cohort

    node = open_node(ctx, Role.COORDINATOR)
    if cohort is None:
        rows = [asdict(one) for one in fetch_cohorts(node.client())]
        emit(rows, output_format, columns=COHORT_COLUMNS)
        return
    people = open_cohort(node, cohort)
    rows = [{"cohort": cohort, "local_id": reference} for reference in people.references]
    emit(rows, output_format, columns=REFERENCE_COLUMNS)
    if people.gone:
        raise CompletedWithWarnings(
            f"{people.gone} records that the hub named are sealed or not in the caseload any more: push again"
        )
