"""`knownto override`: a public task that needs an approver, and the emergency that cannot wait for one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from cli.lookup_commands import PURPOSES, REASON_CATEGORIES
from cli.output import emit, format_option, say
from cli.terminal import confirm, open_node, read_line, staff_option
from cli.typed_people import PERSON_FIELDS, parse_fields, prompt_fields
from keys.actors import Role

ASKING = (Role.OFFICER, Role.COORDINATOR)
DECIDING = (Role.IG, Role.COORDINATOR)
READING = (Role.IG, Role.COORDINATOR, Role.OFFICER)


@click.group()
def override() -> None:
    """Ask for a public task to be approved, decide such requests, declare an emergency."""


def _asking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        format_option(),
        staff_option(),
        click.option(
            "--reason-category", required=True, type=click.Choice(REASON_CATEGORIES), help="Kind of reason."
        ),
        click.option("--purpose", required=True, type=click.Choice(PURPOSES), help="What the answer is for."),
    ):
        command = option(command)
    return command


@override.command()
@_asking_options
@click.option(
    "--children", is_flag=True, help="A date of birth of the last 10 years is right: it is about a child."
)
@click.pass_context
def request(
    ctx: click.Context, purpose: str, reason_category: str, children: bool, output_format: str
) -> None:
    """Ask for an override for one case and one person; whoever asks is who may use it.

    Case reference and reason are prompted for, or lines of stdin; then the person as for a single look-up,
    unless the case reference is of the own caseload. All of it stays at this node; the log gets a salted
    promise of the reason.
    """
    from node.overrides import request_override

    node = open_node(ctx, ASKING)
    typed = _typed()
    person = _read_person(node, typed["case_ref"], children=children)
    made = request_override(node, **typed, person=person, purpose=purpose, category=reason_category)
    emit(_row(made), output_format)
    say("Requested. Somebody else decides it: knownto override approve ID --staff THEM")


@override.command()
@_asking_options
@click.pass_context
def emergency(ctx: click.Context, purpose: str, reason_category: str, output_format: str) -> None:
    """Declare an emergency for one case: one person, one purpose, 15 minutes, no approver.

    Information governance is alerted here and at every agency that is found to know the person. Case
    reference and reason are prompted for, or lines of stdin, and stay at this node.
    """
    from node.overrides import declare_emergency

    node = open_node(ctx, ASKING)
    made = declare_emergency(node, **_typed(), purpose=purpose, category=reason_category)
    emit(_row(made), output_format)
    say(
        f"Declared. Within 15 minutes: knownto lookup --purpose {purpose} --override ID, "
        "with the same case reference. It will be reviewed."
    )


@override.command()
@click.argument("override_id")
@click.option("--yes", is_flag=True, help="The reason has been read.")
@format_option()
@staff_option()
@click.pass_context
def approve(ctx: click.Context, override_id: str, yes: bool, output_format: str) -> None:
    """Approve a request, as somebody who did not make it. The approval holds for 28 days."""
    from node.overrides import approve_override, find_override

    node = open_node(ctx, DECIDING)
    if not yes:
        asked = find_override(node.store, override_id)
        emit({**_row(asked), "reason": asked.reason.text}, "table")
        confirm("Approve it?", otherwise="--yes")
    emit(_row(approve_override(node, override_id)), output_format)
    say("Approved. It is used with: knownto lookup --override ID, or the id as the case's basis_detail")


@override.command()
@click.argument("override_id")
@format_option()
@staff_option()
@click.pass_context
def refuse(ctx: click.Context, override_id: str, output_format: str) -> None:
    """Refuse a request, as somebody who did not make it."""
    from node.overrides import refuse_override

    emit(_row(refuse_override(open_node(ctx, DECIDING), override_id)), output_format)


@override.command()
@click.argument("override_id")
@format_option()
@staff_option()
@click.pass_context
def show(ctx: click.Context, override_id: str, output_format: str) -> None:
    """Show one override or emergency with its typed reason."""
    from node.overrides import find_override

    found = find_override(open_node(ctx, READING).store, override_id)
    emit(
        {**_row(found), "reason": found.reason.text, "reason_commitment": found.reason.digest}, output_format
    )


@override.command("list")
@click.option("--open", "only_open", is_flag=True, help="Only requests that wait for a decision.")
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def list_(ctx: click.Context, only_open: bool, output_format: str) -> None:
    """List this agency's overrides and emergencies, oldest first."""
    from node.overrides import OverrideState, list_overrides

    found = list_overrides(open_node(ctx, READING).store)
    rows = [_row(one) for one in found if not only_open or one.state is OverrideState.REQUESTED]
    emit(rows, output_format, columns=tuple(rows[0]) if rows else ("override", "state"))


def _typed() -> dict[str, str]:
    return {
        "case_ref": read_line("Case reference"),
        "reason": read_line("Reason (stays at this node)"),
    }


def _read_person(node: Any, case_ref: str, *, children: bool) -> Sequence[Any]:
    """Whom it is about, or nobody where nothing is typed."""
    from node.caseload import find_handle
    from node.errors import RecordFormatError
    from node.quality import is_birth_date_doubtful
    from node.records import read_person

    if not sys.stdin.isatty():
        fields = parse_fields(sys.stdin.read())
    else:
        fields = {} if find_handle(node.store, case_ref) else prompt_fields(*PERSON_FIELDS)
    if not fields:
        return ()
    person, _, findings = read_person(fields, today=node.clock().date(), children=children)
    if is_birth_date_doubtful(findings):
        raise RecordFormatError("person", "is impossible or implausible: check it", field="dob")
    return person


def _row(found: Any) -> dict[str, Any]:
    from node.times import format_time

    return {
        "override": found.override,
        "state": str(found.state),
        "case_ref": found.case_ref,
        "purpose": found.purpose,
        "reason_category": found.category,
        "requested_by": found.staff,
        "requested_at": format_time(found.at),
        "decided_by": found.decided_by,
        "decided_at": None if found.decided_at is None else format_time(found.decided_at),
    }
