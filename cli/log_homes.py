"""Whose log a `knownto log` command reads: an agency's own copy, or all of it at the hub.

The hub's information governance sees every part and never an identifier, because there is none. Reading at
the hub is logged like any other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import say
from cli.terminal import open_node
from keys.actors import Role

if TYPE_CHECKING:
    from hub.database import Database
    from hub.log_views import StoredEntry
    from hub.settings import HubSettings
    from node.fhir_audit import Observer
    from node.home import Node
    from node.leaves import Entry
    from node.log_lines import LogLine
    from node.log_search import Search

# Who reads the log about the agency: whoever reviews, and whoever answers for the caseload.
READERS = (Role.IG, Role.RESPONDER)
HUB_PAGE = 500
BROKEN = "(broken)"
BROKEN_WORDS = "cannot be read; `knownto log verify` says what is wrong"
HUB_SEARCHES = "log-searches.json"


@dataclass(frozen=True, slots=True)
class OpenLog:
    """A log that can be read.

    Attributes:
        network: The network's id.
        agency: Whose copy it is; None for the hub's.
        documents: The entries behind an index, as the wire carries them.
        lines: The same as lines people read.
        shown: Those lines, with one for an entry that is broken, where `lines` stops.
        node: The node, or None at the hub.
        home: The home's folder.
    """

    network: str
    agency: str | None
    documents: Callable[[int], Iterator[dict[str, Any]]]
    lines: Callable[[int], Iterator[LogLine]]
    shown: Callable[[int], Iterator[LogLine]]
    node: Node | None
    home: Path

    def observer(self, *, references: bool) -> Observer:
        """Who exports from it."""
        from node.fhir_audit import Observer

        return Observer(self.network, self.agency, references)

    def save_search(self, name: str, search: Search) -> None:
        """Keep a search under a name."""
        from node import log_search

        if self.node is not None:
            log_search.save_search(self.node.store, name, search)
            return
        path = self.home / HUB_SEARCHES
        path.touch(mode=0o600)
        path.write_text(json.dumps(self._hub_searches() | {name: search.format()}, indent=1), "utf-8")

    def saved_search(self, name: str) -> Search:
        """A saved search."""
        from node import log_search
        from node.errors import RecordFormatError

        if self.node is not None:
            return log_search.saved_search(self.node.store, name)
        saved = self._hub_searches()
        if name not in saved:
            raise RecordFormatError("search", "none is saved under this name", field="saved")
        return log_search.parse_search(saved[name])

    def _hub_searches(self) -> dict[str, Any]:
        path = self.home / HUB_SEARCHES
        found: dict[str, Any] = json.loads(path.read_text("utf-8") or "{}") if path.exists() else {}
        return found


def is_hub(ctx: click.Context) -> bool:
    """Whether the home the command was given is a hub's."""
    home: Path = ctx.obj["home"]
    return (home / "hub.toml").exists() and not (home / "node.toml").exists()


def open_log(ctx: click.Context, *, offline: bool = False) -> OpenLog:
    """The log of the home the command was given; a node's copy is brought up to date first."""
    return _open_hub_log(ctx) if is_hub(ctx) else _open_node_log(ctx, offline)


def _open_node_log(ctx: click.Context, offline: bool) -> OpenLog:
    from node.access_log import describe_log, read_documents

    node = synced_node(ctx, offline=offline)
    return OpenLog(
        network=node.network,
        agency=node.settings.agency,
        documents=lambda after: read_documents(node.store, after=after),
        lines=lambda after: describe_log(node, after=after),
        shown=lambda after: describe_log(node, after=after),
        node=node,
        home=node.home,
    )


def synced_node(ctx: click.Context, *, offline: bool = False, roles: tuple[str, ...] = READERS) -> Node:
    """The node, with what waited sent and its copy of the log up to date and witnessed."""
    from node.access_log import sync_log
    from node.outbox import send_waiting

    node = open_node(ctx, roles)
    if not offline:
        send_waiting(node)
        say(f"{sync_log(node)} new entries.")
    return node


def _open_hub_log(ctx: click.Context) -> OpenLog:
    from hub.checkpoints import format_entry
    from node.errors import IntegrityError
    from node.leaves import read_entry
    from node.log_lines import Reader, describe_entries

    def documents(after: int) -> Iterator[dict[str, Any]]:
        with hub_database(ctx) as (database, _):
            for entry in _hub_entries(database, after, staff=ctx.obj.get("staff")):
                if isinstance(entry, int):
                    raise IntegrityError(f"log entry {entry}: {BROKEN_WORDS}")
                yield format_entry(entry.index, entry.leaf, entry.parts, ())

    def shown(after: int) -> Iterator[LogLine]:
        with hub_database(ctx) as (database, _):
            for entry in _hub_entries(database, after, staff=ctx.obj.get("staff")):
                yield from _lines_of(entry)

    def entries(after: int) -> Iterator[Entry]:
        return (read_entry(document) for document in documents(after))

    with hub_database(ctx) as (_, settings):
        network = settings.network
    return OpenLog(
        network=network,
        agency=None,
        documents=documents,
        lines=lambda after: describe_entries(entries(after), Reader()),
        shown=shown,
        node=None,
        home=ctx.obj["home"],
    )


@contextmanager
def hub_database(ctx: click.Context, *, outdated: bool = False) -> Iterator[tuple[Database, HubSettings]]:
    """The hub's database, of the newest layout unless said otherwise, and its settings."""
    from hub.database import Database
    from hub.settings import load_settings
    from hub.upgrades import require_current_layout

    settings = load_settings(ctx.obj["home"])
    database = Database(settings.url, lock_timeout_seconds=settings.lock_timeout_seconds)
    try:
        if not outdated:
            require_current_layout(database)
        yield database, settings
    finally:
        database.close()


def _lines_of(entry: StoredEntry | int) -> list[LogLine]:
    """The lines of an entry, or the one that says it is broken."""
    from hub.checkpoints import format_entry
    from node.errors import IntegrityError
    from node.leaves import read_entry
    from node.log_lines import LogLine, Reader, describe_entry

    index = entry if isinstance(entry, int) else entry.index
    try:
        if isinstance(entry, int):
            raise ValueError
        return list(describe_entry(read_entry(format_entry(index, entry.leaf, entry.parts, ())), Reader()))
    except (ValueError, IntegrityError):
        return [LogLine(index, "", BROKEN, "asked", None, outcome=BROKEN_WORDS)]


def _hub_entries(database: Database, after: int, *, staff: str | None) -> Iterator[StoredEntry | int]:
    """All entries with all their parts; the reading is logged before anything of it is shown."""
    from hub.access_log import Action, append_entry
    from hub.clock import system_clock
    from hub.leaves import WHO
    from hub.log_tree import read_head
    from hub.log_views import readable_entries

    with database.writing() as session:
        last = read_head(session).size
        facts = {"after": after, "entries": max(0, last - after)}
        # At the hub nobody signs for a person: the entry says whom the command was told.
        who = {WHO: {"staff": staff, "role": None, "request_signature": None}}
        append_entry(session, Action.LOG_READ, agency=None, at=system_clock(), facts=facts, parts=who)
    while after < last:
        with database.reading() as session:
            page = readable_entries(session, after=after, limit=min(HUB_PAGE, last - after))
        yield from page
        if not page:
            return
        after = page[-1] if isinstance(page[-1], int) else page[-1].index
