"""`knownto hub web` and `knownto hub staff`: the hub's pages, and who works with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli.log_homes import hub_database
from cli.output import emit, format_option
from cli.serving import name_option, new_link_option, port_option, print_link, serve_pages

if TYPE_CHECKING:
    from hub.staff import Member

PORT = 8420
COLUMNS = ("staff", "roles", "changed_at", "changed_by")
ROLES = "ig, analyst, operator"


def operator_option() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--staff`: the operator who acts; at the hub nobody is one by default."""
    return click.option(
        "--staff",
        "operator",
        envvar="KNOWNTO_STAFF",
        show_envvar=True,
        required=True,
        help="Staff id of the operator who acts; the first who is ever named becomes one.",
    )


@click.command()
@port_option(PORT)
@name_option
@new_link_option
@operator_option()
@click.pass_context
def web(ctx: click.Context, port: int, names: tuple[str, ...], new_link: bool, operator: str) -> None:
    """Serve the hub's pages on 127.0.0.1 until it is stopped; takes an operator.

    A server of its own, beside `knownto hub serve`. The first time, a link is printed with which the operator
    sets up their account. It works once, for a day; everybody else gets a link from the operator's page of
    accounts.
    """
    from hub.accounts import accounts_of
    from hub.clock import system_clock
    from hub.service import open_hub
    from hub.settings import load_settings
    from hub.staff import require_operator
    from hub.web.application import create_app

    hub = open_hub(load_settings(ctx.obj["home"]), clock=system_clock)
    ctx.call_on_close(hub.database.close)
    app, accounts = create_app(hub, names=names), accounts_of(hub)
    with hub.database.writing() as session:
        require_operator(session, operator, at=system_clock())
    if new_link or accounts.find_account(operator) is None:
        print_link(accounts, operator, port=port, at=system_clock())
    serve_pages(app, whose=f"the hub of {hub.settings.network}", port=port)


@click.group()
def staff() -> None:
    """Say who works with the hub's pages, and in which roles."""


@staff.command()
@click.argument("staff_id", metavar="ID")
@click.option("--roles", required=True, help=f"Comma-separated: {ROLES}.")
@format_option()
@operator_option()
@click.pass_context
def add(ctx: click.Context, staff_id: str, roles: str, output_format: str, operator: str) -> None:
    """Give a person roles, beside those they hold; takes an operator.

    Whoever reviews (ig) must not be analyst or operator.
    """
    from hub.clock import system_clock
    from hub.staff import add_roles, require_operator

    at = system_clock()
    with hub_database(ctx) as (database, _), database.writing() as session:
        require_operator(session, operator, at=at)
        member = add_roles(session, staff_id, _words(roles), by=operator, at=at)
    emit(_row(member), output_format)


@staff.command()
@click.argument("staff_id", metavar="ID")
@click.option("--roles", help="Only these, comma-separated.  [default: all]")
@format_option()
@operator_option()
@click.pass_context
def remove(ctx: click.Context, staff_id: str, roles: str | None, output_format: str, operator: str) -> None:
    """Take roles from a person, by default all; takes an operator. It counts from their next page on."""
    from hub.clock import system_clock
    from hub.staff import remove_roles, require_operator

    at, named = system_clock(), None if roles is None else _words(roles)
    with hub_database(ctx) as (database, _), database.writing() as session:
        require_operator(session, operator, at=at)
        member = remove_roles(session, staff_id, named, by=operator, at=at)
    emit(_row(member), output_format)


@staff.command("list")
@click.option("--history", is_flag=True, help="Every change instead: what a person held from then on.")
@format_option("table", "json", "csv")
@click.pass_context
def list_(ctx: click.Context, history: bool, output_format: str) -> None:
    """List who works with the hub's pages, and in which roles."""
    from hub.staff import read_changes, read_roster

    with hub_database(ctx) as (database, _), database.reading() as session:
        members = read_changes(session) if history else list(read_roster(session).values())
    emit([_row(member) for member in members], output_format, columns=COLUMNS)


def _words(text: str) -> list[str]:
    return [word.strip().lower() for word in text.split(",") if word.strip()]


def _row(member: Member) -> dict[str, Any]:
    from hub.clock import format_time
    from hub.staff import HUB_ROLES

    return {
        "staff": member.staff,
        "roles": " ".join(role for role in HUB_ROLES if role in member.roles),
        "changed_at": format_time(member.changed_at),
        "changed_by": member.changed_by,
    }
