"""`knownto consent`: what people agreed to, and that they no longer do; in force with the next look-up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from cli.output import CompletedWithWarnings, emit, format_option, say
from cli.terminal import open_node, read_line, staff_option
from keys.actors import Role

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
# Whoever keeps the caseload, and whoever reviews.
READING = (Role.RESPONDER, Role.IG)
SAID_NO = (
    "local_id: the person has withdrawn or objected, and no list ends that; left out. If they have changed "
    "their mind, record it by 'knownto consent record --lifts-objection'."
)
DAY = click.DateTime(["%Y-%m-%d", "%d/%m/%Y"])


@click.group()
def consent() -> None:
    """Record and withdraw people's consent."""


@consent.command()
@click.option("--file", "file", type=FILE, help="A list of consents (CSV or workbook) instead of one person.")
@click.option("--purposes", help="Comma-separated: case_conference, single_lookup, ...")
@click.option("--recipients", default="*", show_default=True, help="Agencies that may be told, or *.")
@click.option(
    "--data-classes",
    default="known_to,contact",
    show_default=True,
    help="What they may be told: known_to, and contact for the answer card.",
)
@click.option("--captured-at", type=DAY, help="Day the consent was given.  [default: now]")
@click.option("--method", type=click.Choice(("written", "verbal", "electronic")), help="How it was given.")
@click.option("--valid-from", type=DAY, help="First day it holds.  [default: when it was given]")
@click.option("--valid-until", type=DAY, help="Last day it holds.  [default: no end]")
@click.option("--notice-version", help="Version of the privacy notice the person was given.")
@click.option(
    "--capacity",
    type=click.Choice(("has_capacity", "lacks_capacity", "not_assessed")),
    default="not_assessed",
    show_default=True,
    help="Whether the person could decide this.",
)
@click.option(
    "--acted-by",
    type=click.Choice(("person", "attorney", "deputy", "best_interests", "parent")),
    default="person",
    show_default=True,
    help="Who decided.",
)
@click.option("--witnessed", is_flag=True, help="Somebody witnessed it: prompted for after the local id.")
@click.option(
    "--lifts-objection",
    is_flag=True,
    help="The person withdrew or objected, and this consent ends that; one person at a time.",
)
@click.option("--dry-run", is_flag=True, help="Check a list; keep and send nothing.")
@staff_option()
@click.pass_context
def record(ctx: click.Context, /, file: Path | None, dry_run: bool, **options: Any) -> None:
    """Record consent: of one person (local id prompted for, or one line of stdin) or of a list.

    Who witnessed it stays at this node; the hub learns only that somebody did. Of whoever has withdrawn or
    objected none is recorded without --lifts-objection, and from a list none at all.
    """

    node = open_node(ctx, Role.RESPONDER)
    remarks = 0
    if file is not None and options["lifts_objection"]:
        raise click.UsageError("--lifts-objection is for one person: a list never ends an objection")
    if file is not None:
        remarks = _record_list(node, file, dry_run)
    else:
        _record_one(node, options, dry_run)
    if not dry_run:
        _send(node)
    if remarks:
        raise CompletedWithWarnings(f"rows of the list to look at: {remarks}")


def _record_one(node: Any, options: Mapping[str, Any], dry_run: bool) -> None:
    from node.consent import record_consent
    from node.consent_terms import ConsentTerms

    missing = [name for name in ("purposes", "method", "notice_version") if not options[name]]
    if missing:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise click.UsageError(
            f"one person's consent needs --purposes, --method, --notice-version: no {named}"
        )
    local_id = read_line("Local id")
    captured = _utc(options["captured_at"]) or node.clock()
    last = _utc(options["valid_until"])
    terms = ConsentTerms(
        recipients=_words(options["recipients"]),
        purposes=_words(options["purposes"]),
        captured_at=captured,
        valid_from=_utc(options["valid_from"]) or captured,
        valid_until=None if last is None else last + timedelta(days=1),
        method=options["method"],
        notice_version=options["notice_version"],
        data_classes=_words(options["data_classes"]),
        capacity=options["capacity"],
        acted_by=options["acted_by"],
        witness=read_line("Witness (stays at this node)") if options["witnessed"] else None,
    )
    if not dry_run:
        _name_the_same(record_consent(node, local_id, terms, lifts_objection=options["lifts_objection"]))
        say("Consent recorded.")


@consent.command()
@staff_option()
@click.pass_context
def withdraw(ctx: click.Context) -> None:
    """Record that a person withdrew their consent: nothing is shown from the next look-up on."""
    from node.consent import withdraw_consent

    node = open_node(ctx, Role.RESPONDER)
    _name_the_same(withdraw_consent(node, read_line("Local id")))
    _send(node)
    say("Withdrawn. It holds from the next look-up on.")


@consent.command("object")
@staff_option()
@click.pass_context
def object_(ctx: click.Context) -> None:
    """Record that a person objects to being looked up, whatever the lawful basis."""
    from node.consent import record_objection

    node = open_node(ctx, Role.RESPONDER)
    _name_the_same(record_objection(node, read_line("Local id")))
    _send(node)
    say("Objection recorded. It holds from the next look-up on.")


@consent.command()
@format_option()
@staff_option()
@click.pass_context
def show(ctx: click.Context, output_format: str) -> None:
    """Show one person's consent in force (local id prompted for, or one line of stdin)."""
    from node.consent import find_consent
    from node.errors import RecordFormatError

    node = open_node(ctx, READING)
    document = find_consent(node.store, read_line("Local id"))
    if document is None:
        raise RecordFormatError("consent", "none is recorded for this person")
    shown: dict[str, Any] = dict(document)
    if output_format == "table":
        shown |= {name: " ".join(shown[name]) for name in ("recipients", "purposes", "data_classes")}
        # As in `list`: the last day it holds; the document has the moment after.
        shown = {
            ("last_day" if name == "valid_until" else name): _last_day(value)
            if name == "valid_until"
            else value
            for name, value in shown.items()
        }
    emit(shown, output_format)


@consent.command("list")
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def list_(ctx: click.Context, output_format: str) -> None:
    """List the newest consent of everybody, ended and withdrawn ones too, by this agency's own references."""
    from node.consent import list_consents

    node = open_node(ctx, READING)
    _emit_consents(list_consents(node.store), node.clock(), output_format)


@consent.command()
@click.option(
    "--within",
    default=30,
    show_default=True,
    type=click.IntRange(1, 3660),
    help="Days from now.",
)
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def expiring(ctx: click.Context, within: int, output_format: str) -> None:
    """List consents in force that end soon, the first to end first: whom to ask again."""
    from node.consent import expiring_consents

    node = open_node(ctx, READING)
    now = node.clock()
    _emit_consents(expiring_consents(node.store, at=now, days=within), now, output_format)


@consent.command()
@click.option(
    "--fhir", is_flag=True, required=True, help="As FHIR R4 Consent resources, one a line (NDJSON)."
)
@click.option("--history", is_flag=True, help="Every version, not the newest alone.")
@staff_option()
@click.pass_context
def export(ctx: click.Context, fhir: bool, history: bool) -> None:
    """Print this agency's consents for a clinical system; nothing of a consent is lost in it.

    They name people by this agency's own references, and witnesses as they were typed. The export is logged
    before it is printed.
    """
    from node.consent import list_consents
    from node.fhir_consent import format_consent
    from node.log_events import EXPORT_MADE, log_event

    node = open_node(ctx, READING)
    exported = list_consents(node.store, history=history)
    facts = {"consents": True, "entries": len(exported), "fhir": True, "references": True}
    log_event(node, EXPORT_MADE, facts=facts)
    for kept in exported:
        click.echo(json.dumps(format_consent(kept, agency=node.settings.agency), ensure_ascii=False))


@consent.command()
@staff_option()
@click.pass_context
def send(ctx: click.Context) -> None:
    """Send what is waiting for the hub, and what a hub put back from a backup has lost."""
    say(f"{_send(open_node(ctx, Role.RESPONDER))} changes sent.")


def _name_the_same(references: Sequence[str]) -> None:
    """The agency's own references are data: on stdout, for whoever has to see to them."""
    for reference in references:
        click.echo(f"Also on the record of {reference}, being the same person")


def _send(node: Any) -> int:
    """Bring the hub up to what is recorded here, and say what was not in step; returns how much went."""
    from node.in_step import send_or_say_so

    settled = send_or_say_so(node)
    for remark in settled.remarks():
        say(remark)
    return int(settled.sent)


def _emit_consents(consents: Sequence[Any], now: datetime, output_format: str) -> None:
    rows = [
        {
            "local_id": kept.local_id,
            "state": kept.state(now),
            "purposes": " ".join(kept.document["purposes"]),
            "recipients": " ".join(kept.document["recipients"]),
            "data_classes": " ".join(kept.document["data_classes"]),
            "last_day": _last_day(kept.document["valid_until"]),
            "hub_knows": kept.sent,
        }
        for kept in consents
    ]
    emit(rows, output_format, columns=tuple(rows[0]) if rows else ("local_id", "state"))


def _record_list(node: Any, file: Path, dry_run: bool) -> int:
    """Record a list; returns how many of its rows need a person's eye."""
    from node.consent_files import read_consents
    from node.consent_lists import check_list, record_list

    listed = read_consents(file, today=node.clock().date())
    if dry_run:
        remarks = check_list(node, listed)
        say(f"{len(listed)} consents can be recorded.")
    else:
        recorded = record_list(node, listed)
        _name_the_same(recorded.also)
        known = len(listed) - recorded.changed - len(recorded.outdated) - len(recorded.said_no)
        say(f"{recorded.changed} consents recorded, {known} were known already.")
        outdated = "older than what is recorded (a no, or a later consent); left out."
        remarks = (
            *recorded.remarks,
            *(f"Row {row}: {outdated}" for row in recorded.outdated),
            *(f"Row {row}: {SAID_NO}" for row in recorded.said_no),
        )
    for remark in remarks:
        say(remark)
    return len(remarks)


def _last_day(ends: str | None) -> str | None:
    """The last day on which a consent holds; it is kept as the moment after."""
    from node.times import parse_time

    return None if ends is None else (parse_time(ends) - timedelta(seconds=1)).date().isoformat()


def _utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip().lower() for word in text.split(",") if word.strip())
