"""Help: what the words mean, what is kept, and how accessible the pages are."""

from __future__ import annotations

from starlette.responses import Response

import pages.help_pages
from node.web.visits import Visit


def show_help(visit: Visit) -> Response:
    """The page behind every Help link."""
    return pages.help_pages.show_help(visit, result_days=visit.node.settings.result_days)
