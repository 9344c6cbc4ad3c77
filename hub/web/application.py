"""`create_app(hub)`: the pages of one hub, wired. Nothing exists before it is called.

A server of its own beside the one that nodes call, on this machine alone: nothing of the pages, no form and
no session, is reachable where tokens arrive.
"""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette

import pages.application
from hub.accounts import accounts_of
from hub.service import Hub
from hub.upgrades import require_current_layout
from hub.web.routes import PAGES
from hub.web.visits import HubSite
from hub.web.words import NAMING

TEMPLATES = Path(__file__).parent / "templates"


def create_app(hub: Hub, *, names: tuple[str, ...] = ()) -> Starlette:
    """The pages of an opened hub.

    Args:
        hub: The hub; its database stays open for as long as the pages are served.
        names: Host names, beside this machine's own, under which a proxy serves the pages.

    Raises:
        DatabaseOutdatedError: The database needs `knownto hub upgrade`.
    """
    require_current_layout(hub.database)
    site = HubSite(hub, accounts_of(hub))
    return pages.application.create_app(site, PAGES, templates=TEMPLATES, naming=NAMING, names=names)
