"""Home: how the hub is, before anything else."""

from __future__ import annotations

from starlette.responses import Response

import pages.help_pages
from hub.status import describe_status
from hub.web.visits import Visit


def show_home(visit: Visit) -> Response:
    """Health, and what is waiting for whoever is signed in."""
    settings = visit.hub.settings
    health = describe_status(visit.hub.database, quorum=settings.witness_quorum, at=visit.at)
    return visit.show("home.html", health=health)


def show_help(visit: Visit) -> Response:
    """The page behind every Help link."""
    return pages.help_pages.show_help(visit, retention_days=visit.hub.settings.retention_days)
