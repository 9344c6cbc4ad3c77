"""`knownto log subject-access` and `approve-names`: who looked at a person, for the person who asks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from cli.log_homes import is_hub, synced_node
from cli.output import emit, format_option, say
from cli.terminal import confirm, open_node, read_line, staff_option
from keys.actors import Role

DAY = click.DateTime(["%Y-%m-%d"])
WITHHOLDING = ("third_party", "serious_harm", "crime", "child_abuse", "legal_privilege")
APPROVING = (Role.IG, Role.COORDINATOR)


@click.command("subject-access")
@click.option("--since", type=DAY, help="First day (UTC).")
@click.option("--until", type=DAY, help="Last day (UTC).")
@click.option("--names", is_flag=True, help="Ask for staff ids too: no report yet, somebody else approves.")
@click.option("--approval", metavar="ID", help="With staff ids, as somebody else approved under this id.")
@click.option(
    "--include", type=int, multiple=True, metavar="INDEX", help="Take in this entry found by case reference."
)
@click.option(
    "--withhold", type=int, multiple=True, metavar="INDEX", help="Leave out this entry, and count it."
)
@click.option(
    "--because", type=click.Choice(WITHHOLDING), multiple=True, help="Why; one for all, or one for each."
)
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def subject_access(ctx: click.Context, /, **options: Any) -> None:
    """Who looked? A report for a person who asks (local id prompted for, or one line of stdin).

    When, which organisation, in which role, what for, and what they were told. The report and every entry
    withheld from it are logged before it is printed. This agency's own look-ups under the same case reference
    are listed to be checked, because other lists use it for others.
    """
    withhold, because = options["withhold"], options["because"]
    if len(because) not in ({1, len(withhold)} if withhold else {0}):
        raise click.UsageError("--withhold needs --because: one reason for all, or one for each")
    if options["names"] and options["approval"]:
        raise click.UsageError("--names asks for an approval, --approval uses one: give one of them")
    if is_hub(ctx):
        raise click.UsageError("the hub knows nobody: this report is made at the agency's node")
    node = synced_node(ctx, roles=(Role.IG,))
    if options["names"]:
        _request_names(node, options["output_format"])
    else:
        _print_report(_make(node, options), options["output_format"])


@click.command("approve-names")
@click.argument("request")
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option()
@staff_option()
@click.pass_context
def approve_names(ctx: click.Context, request: str, yes: bool, output_format: str) -> None:
    """Approve staff ids in one report, as somebody who did not ask for them. Holds for 28 days."""
    from node.name_approvals import approve_names as approve
    from node.name_approvals import require_approvable

    if is_hub(ctx):
        raise click.UsageError("the hub knows nobody: this is approved at the agency's node")
    node = open_node(ctx, APPROVING)
    if not yes:
        emit(_row(require_approvable(node, request)), "table")
        confirm("Approve the names of staff in this report?", otherwise="--yes")
    emit(_row(approve(node, request)), output_format)
    say(f"Approved. Whoever asked makes the report: knownto log subject-access --approval {request}")


def _request_names(node: Any, output_format: str) -> None:
    from node.name_approvals import request_names
    from node.subject_access import Reporting, find_looks

    reference = read_line("Local id")
    find_looks(node, reference, Reporting(node.actor.staff))  # Nobody approves a misspelt reference.
    asked = request_names(node, reference)
    emit(_row(asked), output_format)
    say(f"Requested. Somebody else approves it: knownto log approve-names {asked.request} --staff THEM")


def _make(node: Any, options: Mapping[str, Any]) -> Any:
    from node.name_approvals import find_request
    from node.subject_access import Reporting, make_report

    withhold, because, approval = options["withhold"], options["because"], options["approval"]
    reporting = Reporting(
        reporter=node.actor.staff,
        approval=approval,
        withhold=dict(zip(withhold, because * len(withhold) if len(because) == 1 else because, strict=True)),
        include=frozenset(options["include"]),
        since=_day(options["since"]),
        until=_day(options["until"]),
    )
    reference = find_request(node.store, approval).reference if approval else read_line("Local id")
    return make_report(node, reference, reporting)


def _print_report(report: Any, output_format: str) -> None:
    """The looks, and in every format what is not among them: a count on stderr is lost when this is saved."""
    document = report.format()
    if output_format == "json":
        emit(document, "json")
        return
    names = any("staff" in look for look in document["looks"])
    columns = ["index", "at", "organisation", "role", "purpose", "basis", "told"]
    columns += ["staff"] if names else []
    counts: dict[str, Any] = {
        "report": report.report,
        "logged as entry": report.log_index,
        "entries withheld": report.withheld,
        "entries that can no longer be read": report.unreadable,
        "by case reference, check": " ".join(map(str, report.by_case_reference)) or "none",
    }
    if not report.has_record:
        counts["no record has this reference"] = "only look-ups under it as a case reference"
    if output_format == "csv":
        notes = [{"told": f"{name}: {value}"} for name, value in counts.items()]
        emit([*document["looks"], *notes], "csv", columns=columns)
        return
    emit(document["looks"], "table", columns=columns)
    emit(counts, "table")


def _row(asked: Any) -> dict[str, Any]:
    return {
        "request": asked.request,
        "state": "approved" if asked.approved_by else "requested",
        "local_id": asked.reference,
        "requested_by": asked.reporter,
        "requested_at": asked.requested_at,
        "approved_by": asked.approved_by,
        "approved_at": asked.approved_at,
    }


def _day(value: datetime | None) -> Any:
    return None if value is None else value.date()
