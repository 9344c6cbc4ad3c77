"""Help: what the words mean, what is kept, and how accessible the pages are."""

from __future__ import annotations

from starlette.responses import Response

from node.web.sessions import ABSOLUTE_LIMIT, IDLE_LIMIT
from node.web.visits import Visit

MINUTE, HOUR = 60, 3600


def show_help(visit: Visit) -> Response:
    """The page behind every Help link."""
    return visit.show(
        "help.html",
        idle_minutes=int(IDLE_LIMIT.total_seconds()) // MINUTE,
        absolute_hours=int(ABSOLUTE_LIMIT.total_seconds()) // HOUR,
        result_days=visit.node.settings.result_days,
    )
