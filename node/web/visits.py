"""What the shell of the pages stands around: a node, and each request with it over its own connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pages.visits
from keys.actors import AUTOMATIC, Actor
from keys.errors import KeysError
from matcher.errors import MatcherError
from node.accounts import NodeAccounts
from node.errors import HubUnreachableError, NodeError, PolicyError, RecordFormatError
from node.home import Node
from node.web.pair_memory import PairMemory
from pages.visits import Arrival, Place, Problem

OURS = (NodeError, KeysError, MatcherError)
# Adding a case takes some hundredths of a second, and asking up to the hub's time-out.
LONGEST_WAIT_SECONDS = 2.0


class ListBusyError(PolicyError):
    """Somebody is asking about the list at this moment."""


@dataclass(frozen=True, slots=True, repr=False)
class Visit(pages.visits.Visit):
    """One request.

    Attributes:
        node: The node, for whoever is signed in.
        site: What all requests to this node's pages share.
    """

    node: Node
    site: NodeSite

    def act_as(self, role: str) -> None:
        """From here on the node calls the hub for whoever is signed in."""
        self.node.actor = Actor(self.staff, role)


@dataclass(frozen=True, slots=True)
class NodeSite:
    """The pages of one node (`pages.visits.Site`).

    Attributes:
        node: The opened node; each request gets it over a connection of its own.
        held: Ids of the case lists that somebody changes or asks about at this moment.
        freed: Told when one is let go; it guards `held`.
        pairs: The pairs of the caseload that may be one person, as last compared.
    """

    node: Node
    held: set[str] = field(default_factory=set)
    freed: threading.Condition = field(default_factory=threading.Condition)
    pairs: PairMemory = field(default_factory=PairMemory)

    @property
    def place(self) -> Place:
        """How the node speaks of itself."""
        agency = self.node.settings.agency
        return Place(name=agency, kind="node", roster_command="knownto staff", cookie=f"knownto-{agency}")

    def clock(self) -> datetime:
        """Now."""
        return self.node.clock()

    @contextmanager
    def visit(self, arrival: Arrival) -> Iterator[Visit]:
        """A request with the node over a connection of its own."""
        with self.node.in_own_thread(AUTOMATIC) as node:
            yield Visit(**arrival, accounts=NodeAccounts(node.store), node=node, site=self)

    def explain(self, error: Exception) -> Problem | None:
        """What an error of ours means to people."""
        if isinstance(error, HubUnreachableError):
            return Problem(503, "The hub cannot be reached", str(error))
        if isinstance(error, RecordFormatError):
            return Problem(422, "This cannot be done", str(error))
        if isinstance(error, OURS):
            return Problem(409, "This cannot be done", str(error))
        return None

    @contextmanager
    def alone(self, list_id: str) -> Iterator[None]:
        """Hold a case list while it is changed or asked about: one after the other, whoever does it.

        Raises:
            ListBusyError: It is being asked about, which takes longer than anybody should wait for.
        """
        with self.freed:
            if not self.freed.wait_for(lambda: list_id not in self.held, timeout=LONGEST_WAIT_SECONDS):
                raise ListBusyError("this list is being asked about at this moment: wait, and open it again")
            self.held.add(list_id)
        try:
            yield
        finally:
            with self.freed:
                self.held.discard(list_id)
                self.freed.notify_all()
