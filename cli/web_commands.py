"""`knownto web`: the node's pages, served on this machine alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.output import say
from cli.terminal import open_node, staff_option
from keys.actors import Role

if TYPE_CHECKING:
    from node.home import Node

HOST = "127.0.0.1"


@click.command()
@click.option("--port", default=8410, show_default=True, type=click.IntRange(1, 65535), help="Port.")
@click.option(
    "--name",
    "names",
    multiple=True,
    help="A host name under which a proxy that ends TLS serves the pages to other machines.",
)
@click.option("--new-link", is_flag=True, help="Print a link for setting up the operator's account anew.")
@staff_option()
@click.pass_context
def web(ctx: click.Context, port: int, names: tuple[str, ...], new_link: bool) -> None:
    """Serve this node's pages on 127.0.0.1 until it is stopped; takes an operator.

    The first time, a link is printed with which the operator sets up their account. It works once, for a day;
    everybody else of the roster gets a link from the operator's page of accounts.
    """
    import uvicorn

    from node.accounts import NodeAccounts
    from node.web.application import create_app

    node = open_node(ctx, Role.OPERATOR)
    app = create_app(node, names=names)
    if new_link or not NodeAccounts(node.store).has_accounts():
        _print_link(node, port)
    say(f"Serving the pages of {node.settings.agency} at http://{HOST}:{port}/. Stop with Ctrl-C.")
    # A web server's own log would hold addresses and browsers, which nobody needs; sign-ins are kept apart.
    uvicorn.run(
        app,
        host=HOST,
        port=port,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
    )


def _print_link(node: Node, port: int) -> None:
    from node.accounts import NodeAccounts
    from pages.accounts import make_link

    staff = node.actor.staff
    secret = make_link(NodeAccounts(node.store), staff, at=node.clock(), by=staff)
    say(f"Set up the account of {staff} here, within a day; this link is shown once:")
    click.echo(f"http://{HOST}:{port}/set-up/{secret}")
