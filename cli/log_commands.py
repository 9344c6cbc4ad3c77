"""`knownto log`: what was asked and by whom, in an agency's home and in a hub's."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import click

from cli.log_checks import reconcile, verify
from cli.log_homes import BROKEN, OpenLog, open_log
from cli.log_subjects import approve_names, subject_access
from cli.output import emit, format_option
from cli.terminal import read_line, staff_option

DAY = click.DateTime(["%Y-%m-%d"])
COLUMNS = ("index", "at", "direction", "agency", "staff", "purpose", "reference", "basis", "outcome")
OUTCOMES = (
    "known", "possibly_known", "no_shared_match", "no_reply_yet", "not_asked", "refused", "withheld",
)  # fmt: skip
after_option = click.option(
    "--after", type=click.IntRange(min=0), default=0, help="Only entries after this index."
)
offline_option = click.option("--offline", is_flag=True, help="Show the node's copy without asking the hub.")
everything_option = click.option(
    "--all", "everything", is_flag=True, help="Also pushes, consents, agreements and keys."
)


@click.group()
def log() -> None:
    """Read the access log: what was asked, and by whom."""


@log.command()
@after_option
@offline_option
@everything_option
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def show(ctx: click.Context, after: int, offline: bool, everything: bool, output_format: str) -> None:
    """Show look-ups: what this agency asked, and who asked about its people, by its own references.

    In a hub's home: all look-ups, with every reason and without any reference.
    """
    opened = open_log(ctx, offline=offline)
    wanted = ("lookup:", BROKEN)
    lines = [line for line in opened.shown(after) if everything or line.action.startswith(wanted)]
    _print(lines, output_format, everything=everything)
    _require_whole(lines)


def _criteria(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what is looked for; each stands for one field of `node.log_search.Search`."""
    for option in reversed(
        (
            click.option("--by", "searched_staff", metavar="STAFF", help="Staff id of whoever did it."),
            click.option("--agency", help="Agency that did it."),
            click.option("--purpose", help="What for, such as case_conference."),
            click.option("--action", help="Action or its beginning, such as lookup:refused or consent."),
            click.option("--outcome", type=click.Choice(OUTCOMES), help="An answer, or what became of it."),
            click.option("--since", type=DAY, help="First day (UTC)."),
            click.option("--until", type=DAY, help="Last day (UTC)."),
            click.option("--conference", help="Reference of the conference."),
            click.option(
                "--reference", is_flag=True, help="A case or local reference: prompted for, or from stdin."
            ),
        )
    ):
        command = option(command)
    return command


@log.command()
@_criteria
@click.option("--save", metavar="NAME", help="Keep this search under a name.")
@click.option("--saved", metavar="NAME", help="Search as kept under a name, narrowed by what else is named.")
@offline_option
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def search(ctx: click.Context, /, **options: Any) -> None:
    """Search the log; all that is named must hold."""
    from node.log_search import require_agency

    save, saved, output_format = (options.pop(name) for name in ("save", "saved", "output_format"))
    opened = open_log(ctx, offline=options.pop("offline"))
    wanted = _read_search(options)
    if saved:
        wanted = opened.saved_search(saved).narrow(wanted)
    if save:
        opened.save_search(save, wanted)
    every = list(opened.shown(0))
    require_agency(wanted, every)
    # What cannot be read might be what is looked for.
    lines = [line for line in every if line.action == BROKEN or wanted.finds(line)]
    _print(lines, output_format, everything=True)
    _require_whole(lines)


@log.command()
@after_option
@offline_option
@click.option("--fhir", is_flag=True, help="FHIR R4 AuditEvents in the IHE BALP shapes, one a line.")
@click.option("--with-references", is_flag=True, help="Name people by this agency's own references.")
@click.option("--for", "agency", help="Only what another agency needs to compare its copy with.")
@format_option("lines", "json")
@staff_option()
@click.pass_context
def export(
    ctx: click.Context,
    after: int,
    offline: bool,
    fhir: bool,
    with_references: bool,
    agency: str | None,
    output_format: str,
) -> None:
    """Print the log as JSON lines: leaves, parts and proofs as they were given, or FHIR AuditEvents.

    No line names anybody unless --with-references is given. The export is logged before it is printed.
    """
    if agency and (fhir or with_references):
        raise click.UsageError("--for goes without --fhir and --with-references")
    opened = open_log(ctx, offline=offline)
    rows = _export_rows(opened, after, fhir=fhir, references=with_references, agency=agency)
    _log_export(ctx, opened, len(rows), fhir=fhir, references=with_references)
    if output_format == "json":
        emit(rows, "json")
        return
    for row in rows:
        click.echo(json.dumps(row, ensure_ascii=False))


def _export_rows(
    opened: OpenLog, after: int, *, fhir: bool, references: bool, agency: str | None
) -> list[dict[str, Any]]:
    from node.fhir_audit import format_events
    from node.leaves import read_entry
    from node.reconcile import told_about

    if fhir:
        return list(format_events(opened.lines(after), opened.observer(references=references)))
    documents = opened.documents(after)
    if agency is None:
        return list(documents)
    # Who asked the holder is shown too; the parts of others, and what others answered, stay here.
    return [{**shown, "parts": {}} for shown in documents if told_about(read_entry(shown), agency)]


def _log_export(ctx: click.Context, opened: OpenLog, entries: int, *, fhir: bool, references: bool) -> None:
    """No export without its entry; at the hub the reading has been logged already."""
    from node.log_events import EXPORT_MADE, log_event

    if opened.node is not None:
        facts = {"entries": entries, "fhir": fhir, "references": references}
        log_event(opened.node, EXPORT_MADE, facts=facts)


def _read_search(criteria: dict[str, Any]) -> Any:
    from node.log_search import parse_search

    given = {name: _day(value) for name, value in criteria.items() if value}
    if "searched_staff" in given:
        given["staff"] = given.pop("searched_staff")
    if given.pop("reference", False):
        given["reference"] = read_line("Reference")
    return parse_search(given)


def _day(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value


def _require_whole(lines: Sequence[Any]) -> None:
    """End with the exit code of broken integrity, once everything else is shown."""
    from node.errors import IntegrityError

    broken = sum(line.action == BROKEN for line in lines)
    if broken:
        raise IntegrityError(f"log: entries that cannot be read: {broken}; `knownto log verify` says more")


def _print(lines: Sequence[Any], output_format: str, *, everything: bool) -> None:
    from node.log_lines import PRINTED

    rows = [{name: getattr(line, name) for name in PRINTED} for line in lines]
    if output_format != "json":
        rows = [{**row, "withheld": " ".join(row["withheld"])} for row in rows]
    columns = list(COLUMNS)
    if any(line.approver for line in lines):
        columns.insert(columns.index("outcome"), "approver")
    if everything or output_format != "table":
        columns.insert(2, "action")
    if output_format == "csv":
        columns = list(PRINTED)
    emit(rows, output_format, columns=columns)


log.add_command(verify)
log.add_command(reconcile)
log.add_command(subject_access)
log.add_command(approve_names)
