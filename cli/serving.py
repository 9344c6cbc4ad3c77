"""Serving pages on this machine, and the link that sets up the first account."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli.output import say

if TYPE_CHECKING:
    from datetime import datetime

    from pages.accounts import AccountStore

HOST = "127.0.0.1"


def port_option(default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--port`: where on this machine."""
    return click.option(
        "--port", default=default, show_default=True, type=click.IntRange(1, 65535), help="Port."
    )


name_option = click.option(
    "--name",
    "names",
    multiple=True,
    help="A host name under which a proxy that ends TLS serves the pages to other machines.",
)
new_link_option = click.option(
    "--new-link", is_flag=True, help="Print a link for setting up the operator's account anew."
)


def print_link(accounts: AccountStore, staff: str, *, port: int, at: datetime) -> None:
    """Print a link for setting up an account; it is shown this once."""
    from pages.accounts import make_link

    secret = make_link(accounts, staff, at=at, by=staff)
    say(f"Set up the account of {staff} here, within a day; this link is shown once:")
    click.echo(f"http://{HOST}:{port}/set-up/{secret}")


def serve_pages(app: Any, *, whose: str, port: int) -> None:
    """Serve until it is stopped, on this machine alone."""
    import uvicorn

    say(f"Serving the pages of {whose} at http://{HOST}:{port}/. Stop with Ctrl-C.")
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
