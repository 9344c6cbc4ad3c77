"""Help: the frame of it, which says what is the same at every site; a site's `help.html` says the rest."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from pages.sessions import ABSOLUTE_LIMIT, IDLE_LIMIT
from pages.visits import Visit

MINUTE, HOUR = 60, 3600


def show_help(visit: Visit, **facts: Any) -> Response:
    """The page behind every Help link."""
    return visit.show(
        "help.html",
        idle_minutes=int(IDLE_LIMIT.total_seconds()) // MINUTE,
        absolute_hours=int(ABSOLUTE_LIMIT.total_seconds()) // HOUR,
        **facts,
    )
