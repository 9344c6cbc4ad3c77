"""Home: how the hub is, before anything else."""

from __future__ import annotations

from starlette.responses import Response

import pages.help_pages
from hub.review_views import view_items
from hub.reviews import PAGE, list_items
from hub.status import describe_status
from hub.web.visits import Visit
from keys.actors import Role


def show_home(visit: Visit) -> Response:
    """How the hub is, and what is waiting for whoever is signed in."""
    settings = visit.hub.settings
    state = describe_status(visit.hub.database, quorum=settings.witness_quorum, at=visit.at)
    waiting = _waiting(visit) if Role.IG in visit.roles else None
    return visit.show("home.html", state=state, waiting=waiting, most=PAGE)


def show_help(visit: Visit) -> Response:
    """The page behind every Help link."""
    return pages.help_pages.show_help(visit, retention_days=visit.hub.settings.retention_days)


def _waiting(visit: Visit) -> tuple[int, int]:
    """Items of the review queue that wait, and how many of them are overdue; as many as one page has."""
    settings = visit.hub.settings.review
    with visit.hub.database.reading() as session:
        views = view_items(session, list_items(session, None, open_only=True), at=visit.at, settings=settings)
    return len(views), sum(view.overdue for view in views)
