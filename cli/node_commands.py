"""`knownto init` and `knownto node`: an agency's node, its caseload, and what the hub holds of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli.output import CompletedWithWarnings, emit, format_option, progress, say
from cli.terminal import ANY_ROLE, confirm, open_node, read_line, read_passphrase, staff_option
from keys.actors import Role

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
map_option = click.option("--map", "mapping_file", type=FILE, help="TOML file that names the file's columns.")


@click.command()
@click.option("--hub", required=True, help="Address of the hub, such as https://hub.example.")
@click.option("--agency", required=True, help="This agency's id, as the hub's operator gave it.")
@click.option("--team", default="", help="The team to ring, shown on answers unless a row names its own.")
@click.option("--area", default=None, help="This agency's own area, for rows that name none.")
@click.option(
    "--staff",
    default="staff-1",
    show_default=True,
    help="Staff id of the node's first person, who also acts where a command names nobody.",
)
@format_option()
@click.pass_context
def init(
    ctx: click.Context, hub: str, agency: str, team: str, area: str | None, staff: str, output_format: str
) -> None:
    """Make this agency's node: its home, its keys, its settings.

    The first person holds every role but information governance, which somebody else must be given: see
    'knownto staff'. Asks for a passphrase that protects the keys. Prints the node's fingerprint: read it out
    to the hub's operator, who confirms it, and to the key custodian.
    """
    from node.home import create_home
    from node.settings import make_settings

    settings = make_settings(hub=hub, agency=agency, team=team, area=area, staff=staff)
    with create_home(ctx.obj["home"], settings, read_passphrase(new=True)) as node:
        made = {"agency": agency, "hub": settings.hub, "fingerprint": node.identity.public.fingerprint}
    emit(made, output_format)
    say("Next: knownto node enrol")


@click.group()
def node() -> None:
    """Check, import and share this agency's caseload."""


@node.command()
@click.option("--hub-fingerprint", help="The hub's fingerprint, as its operator read it out.")
@format_option()
@staff_option()
@click.pass_context
def enrol(ctx: click.Context, hub_fingerprint: str | None, output_format: str) -> None:
    """Enrol with the hub, by the one-time token its operator gave (prompted for, or one line of stdin)."""
    from node.enrolment import enrol as enrol_node
    from node.enrolment import find_hub

    opened = open_node(ctx, Role.OPERATOR)
    found = find_hub(opened)
    if hub_fingerprint is None:
        say(f"The hub of network {found.network} shows the fingerprint\n\n    {found.fingerprint}\n")
        confirm("Is this what its operator read out?", otherwise="--hub-fingerprint")
        hub_fingerprint = found.fingerprint
    token = read_line("Enrolment token", hidden=True)
    answer = enrol_node(opened, found, token=token, hub_fingerprint=hub_fingerprint)
    emit(
        {
            "agency": answer["agency"],
            "network": found.network,
            "fingerprint": answer["fingerprint"],
            "state": answer["state"],
        },
        output_format,
    )
    if answer["state"] != "confirmed":
        say("Now read this fingerprint out to the hub's operator, who confirms it.")


@node.command()
@click.argument("file", type=FILE)
@map_option
@format_option("table", "json", "csv")
def check(file: Path, mapping_file: Path | None, output_format: str) -> None:
    """Say what of a caseload file cannot be used or is weak, by row and rule; nothing is kept or sent.

    Needs no node and no network.
    """
    caseload = _read_caseload(file, mapping_file)
    findings = [
        {"row": f.row, "field": f.field, "severity": f.severity, "rule": f.rule, "meaning": f.sentence}
        for f in caseload.findings
    ]
    if output_format == "json":
        emit({"summary": _summary(caseload), "findings": findings}, "json")
    else:
        emit(findings, output_format, columns=("row", "field", "severity", "rule", "meaning"))
    _say_summary(caseload)
    _warn_of_unusable(caseload)


@node.command("import")
@click.argument("file", type=FILE)
@map_option
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@format_option()
@staff_option()
@click.pass_context
def import_(
    ctx: click.Context, file: Path, mapping_file: Path | None, dry_run: bool, output_format: str
) -> None:
    """Replace this node's caseload by a file.

    People missing from the file leave the caseload, and are taken off the hub by the next push. All or
    nothing: an error changes nothing.
    """
    from node.caseload import import_records, plan_import

    opened = open_node(ctx, Role.RESPONDER)
    caseload = _read_caseload(file, mapping_file)
    if dry_run:
        plan = plan_import(opened.store, caseload.records)
    else:
        weak = {f.row for f in caseload.findings if f.severity == "weak"}
        with progress("Importing", len(caseload.records)) as advance:
            plan = import_records(opened.store, caseload.records, weak_rows=weak, advance=advance)
    emit(
        {
            "dry_run": dry_run,
            "added": plan.added,
            "changed": plan.changed,
            "removed": plan.removed,
            "unchanged": plan.unchanged,
            "rows": caseload.rows,
            "parked": caseload.summary.unusable,
        },
        output_format,
    )
    _warn_of_unusable(caseload)


@node.command()
@click.option("--dry-run", is_flag=True, help="Say what would be sent; send nothing.")
@format_option()
@staff_option()
@click.pass_context
def push(ctx: click.Context, dry_run: bool, output_format: str) -> None:
    """Share the caseload: send what was added or changed since the last push, take off what was removed.

    A push that broke is repeated by pushing again.
    """
    from node.outbox import send_waiting
    from node.pushing import plan_push, push_caseload

    opened = open_node(ctx, Role.RESPONDER)
    plan = plan_push(opened)
    planned = {"added": plan.added, "changed": plan.changed, "removed": len(plan.remove)}
    if dry_run:
        emit({"dry_run": True, **planned, "unchanged": plan.unchanged}, output_format)
        return
    send_waiting(opened)
    with progress("Sharing", len(plan.send) + len(plan.remove)) as advance:
        outcome = push_caseload(opened, advance=advance)
    if outcome.resent_all:
        say("The hub's count differed, so everything was sent again.")
    emit(
        {
            "as_of": _time(outcome.as_of),
            "shared": outcome.records,
            "sent": outcome.sent,
            **planned,
            "not_comparable": outcome.not_comparable,
        },
        output_format,
    )


@node.command()
@staff_option()
@click.pass_context
def seal(ctx: click.Context) -> None:
    """Seal one person (protected identity): taken off the hub at once, never encoded again.

    The local id is prompted for, or one line of stdin.
    """
    from node.sealing import seal_person

    opened = open_node(ctx, Role.RESPONDER)
    known = seal_person(opened, read_line("Local id"))
    say("Sealed. The hub holds nothing of this person.")
    if not known:
        raise CompletedWithWarnings(
            "the caseload has no such reference: sealed in advance, check the spelling"
        )


@node.command()
@staff_option()
@click.pass_context
def unseal(ctx: click.Context) -> None:
    """Unseal one person: the next push shares them again."""
    from node.sealing import unseal_person

    unseal_person(open_node(ctx, Role.RESPONDER), read_line("Local id"))
    say("Unsealed. The next push shares this person.")


@node.command()
@click.option("--offline", is_flag=True, help="Do not ask the hub.")
@format_option()
@staff_option()
@click.pass_context
def status(ctx: click.Context, offline: bool, output_format: str) -> None:
    """Show this node: caseload, what is shared, epoch, agreements, how current the other agencies are."""
    from node.status import describe_node, describe_partners

    opened = open_node(ctx, ANY_ROLE)
    facts = describe_node(opened)
    partners: list[dict[str, Any]] = []
    if not offline and opened.settings.is_enrolled:
        facts, partners = describe_partners(opened, facts)
    if output_format == "json":
        emit({**facts, "agencies": partners}, "json")
        return
    emit(facts, output_format)
    if partners:
        emit(partners, output_format)


def _read_caseload(file: Path, mapping_file: Path | None) -> Any:
    from node.mapping import load_mapping
    from node.records import read_caseload

    mapping = load_mapping(mapping_file) if mapping_file else None
    return read_caseload(file, mapping=mapping, today=datetime.now(UTC).date())


def _summary(caseload: Any) -> dict[str, Any]:
    found = caseload.summary
    return {
        "rows": found.rows,
        "used": found.used,
        "weak": found.weak,
        "unusable": found.unusable,
        "by_rule": dict(found.by_rule),
    }


def _say_summary(caseload: Any) -> None:
    found = caseload.summary
    say(
        f"{found.used} of {found.rows} rows will be used, {found.weak} of them weakly; "
        f"{found.unusable} cannot be."
    )


def _warn_of_unusable(caseload: Any) -> None:
    unusable: Sequence[int] = sorted({f.row for f in caseload.findings if f.severity == "unusable"})
    if unusable:
        shown = ", ".join(map(str, unusable[:20])) + (" ..." if len(unusable) > 20 else "")
        raise CompletedWithWarnings(f"rows that cannot be used: {shown}")


def _time(at: datetime) -> str:
    from node.times import format_time

    return format_time(at)
