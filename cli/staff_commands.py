"""`knownto staff`: who works with this node, and in which roles; in force with the next command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.output import emit, format_option
from cli.terminal import ANY_ROLE, open_node, staff_option
from keys.actors import Role

if TYPE_CHECKING:
    from node.staff import Member

ROLES = ", ".join(ANY_ROLE)
COLUMNS = ("staff", "roles", "changed_at", "changed_by")


@click.group()
def staff() -> None:
    """Say who works with this node, and in which roles."""


@staff.command()
@click.argument("staff_id", metavar="ID")
@click.option("--roles", required=True, help=f"Comma-separated: {ROLES}.")
@format_option()
@staff_option()
@click.pass_context
def add(ctx: click.Context, staff_id: str, roles: str, output_format: str) -> None:
    """Give a person roles, beside those they hold; takes an operator.

    Whoever reviews (ig) must not be officer, coordinator, custodian or operator.
    """
    from node.staff import add_roles

    node = open_node(ctx, Role.OPERATOR)
    member = add_roles(node.store, staff_id, _words(roles), by=node.actor.staff, at=node.clock())
    emit(_row(member), output_format)


@staff.command()
@click.argument("staff_id", metavar="ID")
@click.option("--roles", help="Only these, comma-separated.  [default: all]")
@format_option()
@staff_option()
@click.pass_context
def remove(ctx: click.Context, staff_id: str, roles: str | None, output_format: str) -> None:
    """Take roles from a person, by default all; takes an operator. It counts from the next command on."""
    from node.staff import remove_roles

    node = open_node(ctx, Role.OPERATOR)
    named = None if roles is None else _words(roles)
    member = remove_roles(node.store, staff_id, named, by=node.actor.staff, at=node.clock())
    emit(_row(member), output_format)


@staff.command("list")
@click.option("--history", is_flag=True, help="Every change instead: what a person held from then on.")
@format_option("table", "json", "csv")
@staff_option()
@click.pass_context
def list_(ctx: click.Context, history: bool, output_format: str) -> None:
    """List who works with this node, and in which roles."""
    from node.staff import read_changes, read_roster

    store = open_node(ctx, ANY_ROLE).store
    members = read_changes(store) if history else list(read_roster(store).values())
    emit([_row(member) for member in members], output_format, columns=COLUMNS)


def _words(text: str) -> list[str]:
    return [word.strip().lower() for word in text.split(",") if word.strip()]


def _row(member: Member) -> dict[str, Any]:
    from node.times import format_time

    return {
        "staff": member.staff,
        "roles": " ".join(role for role in Role if role in member.roles),
        "changed_at": format_time(member.changed_at),
        "changed_by": member.changed_by,
    }
