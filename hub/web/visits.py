"""What the shell of the pages stands around: a hub, and each request with it and its accounts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

import pages.visits
from hub.accounts import HubAccounts
from hub.errors import HubError
from hub.problems import kind_of
from hub.service import Hub
from pages.visits import Arrival, Place, Problem

UNUSABLE = (
    "The database cannot be written or read at this moment, so nothing is shown: whatever is shown here is "
    "logged first. Try again; if it stays so, tell whoever runs the hub."
)


@dataclass(frozen=True, slots=True, repr=False)
class Visit(pages.visits.Visit):
    """One request.

    Attributes:
        hub: The hub.
    """

    hub: Hub


@dataclass(frozen=True, slots=True)
class HubSite:
    """The pages of one hub (`pages.visits.Site`)."""

    hub: Hub
    accounts: HubAccounts

    @property
    def place(self) -> Place:
        """How the hub speaks of itself."""
        name = f"hub of {self.hub.settings.network}"
        cookie = f"knownto-hub-{self.hub.settings.network}"
        return Place(name=name, kind="hub", roster_command="knownto hub staff", cookie=cookie)

    def clock(self) -> datetime:
        """Now."""
        return self.hub.clock()

    @contextmanager
    def visit(self, arrival: Arrival) -> Iterator[Visit]:
        """A request with the hub."""
        yield Visit(**arrival, accounts=self.accounts, hub=self.hub)

    def explain(self, error: Exception) -> Problem | None:
        """What an error of ours, or of the database, means to people."""
        if isinstance(error, SQLAlchemyError):
            return Problem(503, "The hub cannot do this now", UNUSABLE)
        if isinstance(error, HubError):
            kind = kind_of(error)
            return Problem(kind.status, kind.title, str(error))
        return None
