"""`knownto init` and `knownto node`: an agency's node, its caseload, and what the hub holds of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli.output import CompletedWithWarnings, emit, format_option, progress, say
from cli.terminal import ANY_ROLE, confirm, open_node, read_line, read_passphrase, staff_option
from keys.actors import AUTOMATIC, Role

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
map_option = click.option("--map", "mapping_file", type=FILE, help="TOML file that names the file's columns.")
MOST_NAMED = 20
SEAL_REASONS = (
    "protected_identity",
    "risk_of_harm",
    "court_order",
    "own_request",
    "correction",
    "not_stated",
)
reason_option = click.option(
    "--reason-category",
    type=click.Choice(SEAL_REASONS),
    default="not_stated",
    show_default=True,
    help="What kind of reason; it stays at this node, and the hub logs a salted promise of it.",
)
children_option = click.option(
    "--children", is_flag=True, help="Dates of birth of the last 10 years are right: the file has children."
)


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
@children_option
@format_option("table", "json", "csv")
def check(file: Path, mapping_file: Path | None, children: bool, output_format: str) -> None:
    """Say what of a caseload file cannot be used or is weak, by row and rule; nothing is kept or sent.

    Needs no node and no network.
    """
    caseload = _read_caseload(file, mapping_file, children)
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
@children_option
@click.option("--replace", is_flag=True, help="Go on although most people would leave, or be other people.")
@click.option(
    "--same-person",
    "same_person",
    metavar="ROWS",
    help="Row numbers, comma-separated: these held rows are the person they were before.",
)
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@format_option()
@staff_option()
@click.pass_context
def import_(ctx: click.Context, /, file: Path, output_format: str, **options: Any) -> None:
    """Replace this node's caseload by a file.

    People missing from the file leave the caseload, and are taken off the hub by the next push. All or
    nothing: an error changes nothing.

    A row is held, and nobody shared under its reference, where a consent, refusal or seal hangs on it and
    birth date and names have become somebody else's. Where it is the same person, name it with --same-person.
    """
    from node.consent import Recorded, keep_consents, require_recipients
    from node.imports import import_records, plan_import, require_plausible

    same_person = _rows(options["same_person"])
    opened = open_node(ctx, Role.RESPONDER)
    caseload = _read_caseload(file, options["mapping_file"], options["children"])
    plan = plan_import(opened.store, caseload.records, same_person=same_person)
    if not options["replace"]:
        require_plausible(plan)
    require_recipients(opened, _recipients(caseload))
    recorded, consents = Recorded(0, ()), list(caseload.consents)

    def keep_what_it_says(plan: Any) -> None:
        nonlocal recorded, consents
        consents = [one for one in consents if one.row not in plan.held]
        recorded = keep_consents(opened, [(one.local_id, one.entry) for one in consents])

    if not options["dry_run"]:
        weak = {f.row for f in caseload.findings if f.severity == "weak"}
        with progress("Importing", len(caseload.records)) as advance:
            plan = import_records(
                opened.store, caseload.records, weak_rows=weak, parked=caseload.parked,
                same_person=same_person, advance=advance, with_it=keep_what_it_says,
            )  # fmt: skip
    emit(
        {
            "dry_run": options["dry_run"],
            "added": plan.added,
            "changed": plan.changed,
            "removed": plan.removed,
            "unchanged": plan.unchanged,
            "held": len(plan.held),
            "sealed": plan.sealed,
            "consents": len(caseload.consents),
            "rows": caseload.rows,
            "parked": caseload.summary.unusable,
        },
        output_format,
    )
    _send_consents(opened, recorded, consents)
    if plan.refused:
        say(f"{plan.refused} rows are people who withdrew or objected on another record: it holds there too.")
    _warn_of_held(plan.held)
    _warn_of_unusable(caseload, held=bool(plan.held), left_out=bool(recorded.outdated or recorded.said_no))


@node.command()
@click.option("--dry-run", is_flag=True, help="Say what would be sent; send nothing.")
@format_option()
@staff_option()
@click.pass_context
def push(ctx: click.Context, dry_run: bool, output_format: str) -> None:
    """Share the caseload: send what was added or changed since the last push, take off what was removed.

    A push that broke is repeated by pushing again.
    """
    from node.in_step import settle
    from node.membership import saying_why_no_agreement
    from node.pushing import plan_push, push_caseload
    from node.witnessing import witness_log

    opened = open_node(ctx, Role.RESPONDER)
    plan = plan_push(opened)
    planned = {"added": plan.added, "changed": plan.changed, "removed": len(plan.remove)}
    if dry_run:
        emit({"dry_run": True, **planned, "unchanged": plan.unchanged}, output_format)
        return
    with saying_why_no_agreement(opened):
        settled = settle(opened.acting(AUTOMATIC))
    for remark in replace(settled, caseload_differs=False).remarks():
        say(remark)
    with progress("Sharing", len(plan.send) + len(plan.remove)) as advance:
        outcome = push_caseload(opened, advance=advance)
    witness_log(opened)
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
@reason_option
@staff_option()
@click.pass_context
def seal(ctx: click.Context, reason_category: str) -> None:
    """Seal one person (protected identity): taken off the hub at once, never encoded again.

    Every row that is exactly the same person (CHAIN or NHS number, or birth date and names) is sealed too,
    and named. The log says that a seal was set, by whom and when, and not whose. The local id is prompted
    for, or one line of stdin.
    """
    from node.sealing import seal_person

    opened = open_node(ctx, Role.RESPONDER)
    sealed = seal_person(opened, read_line("Local id"), category=reason_category)
    _name_the_same(sealed.others, "Sealed too, being the same person")
    _say_unless_reported(sealed.reported)
    if not sealed.known:
        raise CompletedWithWarnings(
            "the caseload has no such reference, so nobody was taken off the hub: check the spelling. "
            "If it is right, nobody is shared under it from now on; else undo it with 'knownto node unseal'"
        )
    say("Sealed. The hub holds nothing of this person.")


@node.command()
@reason_option
@staff_option()
@click.pass_context
def unseal(ctx: click.Context, reason_category: str) -> None:
    """Unseal one person, with every row that is exactly the same: the next push shares them again."""
    from node.sealing import unseal_person

    opened = open_node(ctx, Role.RESPONDER)
    unsealed = unseal_person(opened, read_line("Local id"), category=reason_category)
    _name_the_same(unsealed.others, "Unsealed too, being the same person")
    _say_unless_reported(unsealed.reported)
    say("Unsealed. The next push shares this person.")


def _say_unless_reported(reported: bool) -> None:
    if not reported:
        say("The log does not say it yet; it will with the next command that reaches the hub.")


def _recipients(caseload: Any) -> set[str]:
    """Everybody a consent of the file names: looked at before anything of it is taken."""
    entries = [one.entry for one in caseload.consents]
    return {agency for entry in entries for agency in getattr(entry, "recipients", ())}


def _send_consents(opened: Any, recorded: Any, consents: Sequence[Any]) -> None:
    """Send what the file said of consent where the hub can be reached, for a no must not wait."""
    from cli.consent_commands import SAID_NO
    from node.errors import HubRefusedError, HubUnreachableError
    from node.in_step import send_or_say_so

    for number in recorded.outdated:
        say(f"Row {consents[number].row}: what it says of consent is older than what is recorded; left out.")
    for number in recorded.said_no:
        say(f"Row {consents[number].row}: {SAID_NO}")
    for reference in recorded.also:
        say(f"A no of the file is also on the record of {reference}, being the same person.")
    if not recorded.changed and not recorded.also:
        return
    say(f"{recorded.changed} consents or refusals recorded from the file.")
    if opened.settings.is_enrolled:
        try:
            for remark in send_or_say_so(opened).remarks():
                say(remark)
        except (HubUnreachableError, HubRefusedError) as error:
            say(str(error))


def _name_the_same(references: Sequence[str], words: str) -> None:
    """The agency's own references are data: on stdout, for whoever has to see to them."""
    for reference in references:
        click.echo(f"{words}: {reference}")


@node.command()
@click.option("--offline", is_flag=True, help="Do not ask the hub.")
@format_option()
@staff_option()
@click.pass_context
def status(ctx: click.Context, offline: bool, output_format: str) -> None:
    """Show this node: caseload, what is shared, epoch, agreements, how current the other agencies are."""
    from node.status import describe_node, describe_partners

    opened = open_node(ctx, ANY_ROLE)
    if not offline and opened.settings.is_enrolled:
        _settle_and_say(opened)
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


def _settle_and_say(opened: Any) -> None:
    """Hold node and hub in step as far as the hub takes anything of this node now."""
    from node.errors import HubRefusedError
    from node.in_step import settle

    try:
        remarks = settle(opened.acting(AUTOMATIC)).remarks()
    except HubRefusedError as error:
        remarks = [] if error.code in ("not_confirmed", "no_agreement") else [str(error)]
    for remark in remarks:
        say(remark)


def _rows(text: str | None) -> frozenset[int]:
    """Row numbers as typed: 12, or 12,15."""
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    if not all(word.isascii() and word.isdecimal() for word in words):
        raise click.BadParameter("takes row numbers of the file, comma-separated", param_hint="--same-person")
    return frozenset(map(int, words))


def _read_caseload(file: Path, mapping_file: Path | None, children: bool) -> Any:
    from node.mapping import load_mapping
    from node.records import read_caseload

    mapping = load_mapping(mapping_file) if mapping_file else None
    return read_caseload(file, mapping=mapping, today=datetime.now(UTC).date(), children=children)


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


def _warn_of_held(held: Sequence[int]) -> None:
    from node.quality import RULES

    for row in held[:MOST_NAMED]:
        say(f"Held: row {row}, local_id: {RULES['other_person'].sentence}")
    if held:
        say(
            "Nothing is shared under these references. The same person after all: import again with "
            f"--same-person {','.join(map(str, held[:MOST_NAMED]))}. Somebody else: give them a reference of "
            "their own."
        )


def _warn_of_unusable(caseload: Any, *, held: bool = False, left_out: bool = False) -> None:
    unusable: Sequence[int] = sorted({f.row for f in caseload.findings if f.severity == "unusable"})
    if unusable:
        shown = ", ".join(map(str, unusable[:MOST_NAMED])) + (" ..." if len(unusable) > MOST_NAMED else "")
        raise CompletedWithWarnings(f"rows that cannot be used: {shown}")
    if held:
        raise CompletedWithWarnings("rows are held and not shared")
    if left_out:
        raise CompletedWithWarnings("what rows say of consent was left out")


def _time(at: datetime) -> str:
    from node.times import format_time

    return format_time(at)
