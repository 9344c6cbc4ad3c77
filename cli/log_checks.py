"""`knownto log verify`, `reconcile`, `subject-access`: what information governance can prove and answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from cli.log_homes import hub_database, is_hub, synced_node
from cli.output import emit, format_option, say
from cli.terminal import open_node, read_line, staff_option
from keys.actors import Role

DAY = click.DateTime(["%Y-%m-%d"])
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
WITHHOLDING = ("third_party", "serious_harm", "crime", "child_abuse", "legal_privilege")


@click.command()
@click.option("--offline", is_flag=True, help="Verify what the node keeps without asking the hub.")
@format_option()
@staff_option()
@click.pass_context
def verify(ctx: click.Context, offline: bool, output_format: str) -> None:
    """Work the log out again from stored bytes; exit code 8 with index and rule where it fails."""
    report = _verify_hub_home(ctx) if is_hub(ctx) else _verify_node_home(ctx, offline)
    failures = report.pop("failures")
    if output_format == "json":
        emit({**report, "failures": failures}, "json")
    else:
        emit(report, output_format)
        if failures:
            emit(failures, output_format, columns=("index", "rule"))
    _fail_on(len(failures), "the log does not verify")


@click.command()
@click.option("--with", "file", type=FILE, help="What another agency exported with 'log export --for'.")
@format_option()
@staff_option()
@click.pass_context
def reconcile(ctx: click.Context, file: Path | None, output_format: str) -> None:
    """Compare what this node asked and was shown with what the hub shows now; exit code 8 if they differ."""
    from node.reconcile import reconcile as compare

    if is_hub(ctx):
        raise click.UsageError("a hub has nothing to compare its log with: this is done at an agency's node")
    node = synced_node(ctx)
    done = compare(node, others=_read_lines(file) if file else ())
    differences = [{"index": one.index, "difference": str(one.kind)} for one in done.differences]
    report = {
        "entries": done.entries,
        "receipts": done.receipts,
        "answers_lost": list(done.answers_lost),
        "differences": differences,
    }
    if output_format == "json":
        emit(report, "json")
    else:
        emit(
            {**report, "differences": len(differences), "answers_lost": len(done.answers_lost)}, output_format
        )
        if differences:
            emit(differences, output_format)
    _fail_on(len(differences), "the hub's log and this node's copies differ")


@click.command("subject-access")
@click.option("--since", type=DAY, help="First day (UTC).")
@click.option("--until", type=DAY, help="Last day (UTC).")
@click.option("--names", is_flag=True, help="With the staff ids of who looked; needs --approved-by.")
@click.option("--approved-by", metavar="STAFF", help="Who approved the names; not who makes the report.")
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
    withheld from it are logged before it is printed.
    """
    from node.subject_access import Reporting, make_report

    withhold, because = options["withhold"], options["because"]
    if len(because) not in ({1, len(withhold)} if withhold else {0}):
        raise click.UsageError("--withhold needs --because: one reason for all, or one for each")
    if is_hub(ctx):
        raise click.UsageError("the hub knows nobody: this report is made at the agency's node")
    node = synced_node(ctx, roles=(Role.IG,))
    reasons = because * len(withhold) if len(because) == 1 else because
    reporting = Reporting(
        reporter=node.actor.staff,
        names=options["names"],
        approved_by=options["approved_by"],
        withhold=dict(zip(withhold, reasons, strict=True)),
        since=_day(options["since"]),
        until=_day(options["until"]),
    )
    report = make_report(node, read_line("Local id"), reporting)
    document = report.format()
    if options["output_format"] == "json":
        emit(document, "json")
        return
    columns = ["index", "at", "organisation", "role", "purpose", "basis", "told"]
    emit(
        document["looks"],
        options["output_format"],
        columns=[*columns, *(["staff"] if reporting.names else [])],
    )
    say(f"Report {report.report}, logged as entry {report.log_index}; {report.withheld} entries withheld.")


def _verify_hub_home(ctx: click.Context) -> dict[str, Any]:
    from hub.log_verify import verify_log

    with hub_database(ctx) as (database, settings), database.reading() as session:
        found = verify_log(session, network=settings.network)
    return {
        "entries": found.entries,
        "parts": found.parts,
        "erased": found.erased,
        "subtrees": found.subtrees,
        "cosignatures": found.cosignatures,
        "root": found.root.hex(),
        "failures": [{"index": one.index, "rule": one.rule} for one in found.findings],
    }


def _verify_node_home(ctx: click.Context, offline: bool) -> dict[str, Any]:
    from node.errors import IntegrityError
    from node.log_verify import verify_hub, verify_kept

    node = open_node(ctx, (Role.IG, Role.RESPONDER))
    report: dict[str, Any] = {}
    failures: list[dict[str, Any]] = []
    if not offline:
        try:
            head = verify_hub(node)
            report = {
                "hub_entries": head.size,
                "hub_entries_cosigned": head.cosigned_size,
                "cosigned_by": list(head.cosigned_by),
                "quorum": head.quorum,
            }
        except IntegrityError as error:
            failures.append({"index": None, "rule": str(error)})
    kept = verify_kept(node)
    failures += [{"index": one.index, "rule": one.rule} for one in kept.failures]
    return {
        "entries": kept.entries,
        "receipts": kept.receipts,
        "checkpoints": kept.checkpoints,
        "witnessed_entries": kept.witnessed_size,
        **report,
        "failures": failures,
    }


def _read_lines(file: Path) -> Iterable[dict[str, Any]]:
    from node.errors import RecordFormatError

    for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1):
        try:
            document = json.loads(line)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise RecordFormatError("export", "must be one JSON object a line", row=number)
        yield document


def _fail_on(failures: int, sentence: str) -> None:
    from node.errors import IntegrityError

    if failures:
        raise IntegrityError(f"{sentence}: {failures} findings, listed above by index and rule")


def _day(value: datetime | None) -> Any:
    return None if value is None else value.date()
