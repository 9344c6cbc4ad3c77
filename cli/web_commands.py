"""`knownto web`: the node's pages, served on this machine alone."""

from __future__ import annotations

import click

from cli.serving import name_option, new_link_option, port_option, print_link, serve_pages
from cli.terminal import open_node, staff_option
from keys.actors import Role

PORT = 8410


@click.command()
@port_option(PORT)
@name_option
@new_link_option
@staff_option()
@click.pass_context
def web(ctx: click.Context, port: int, names: tuple[str, ...], new_link: bool) -> None:
    """Serve this node's pages on 127.0.0.1 until it is stopped; takes an operator.

    The first time, a link is printed with which the operator sets up their account. It works once, for a day;
    everybody else of the roster gets a link from the operator's page of accounts.
    """
    from node.accounts import NodeAccounts
    from node.web.application import create_app

    node = open_node(ctx, Role.OPERATOR)
    app, accounts = create_app(node, names=names), NodeAccounts(node.store)
    if new_link or not accounts.has_accounts():
        print_link(accounts, node.actor.staff, port=port, at=node.clock())
    serve_pages(app, whose=node.settings.agency, port=port)
