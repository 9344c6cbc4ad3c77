"""Linking beside a served hub: soon after a push, its changes are linked by what the last full run found.

In a process of its own. Scoring takes seconds of one processor, and in this one look-ups would wait for it.
"""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from datetime import datetime

from hub.background import BackgroundThread
from hub.database import Database
from hub.errors import ConflictError
from hub.linking import have_changes, link_changes
from hub.service import Hub


class LinkingThread(BackgroundThread):
    """Looks for completed pushes; where a full run is needed it leaves that to `knownto hub link`."""

    subject, failure = "linking", "changes could not be linked"

    def __init__(self, hub: Hub) -> None:
        """Prepare it; nothing runs yet."""
        super().__init__(seconds=hub.settings.link_seconds)
        self._hub = hub

    def work(self) -> None:
        """Link what has changed, if anything has.

        Raises:
            RuntimeError: The process failed; it has said why on its own stderr, as any does.
        """
        with self._hub.database.reading() as session:
            if not have_changes(session):
                return
        settings = self._hub.settings
        # Begun afresh: a fork would take over this one's threads' locks and database connections.
        process = multiprocessing.get_context("spawn").Process(
            target=_link, args=(settings.url, settings.lock_timeout_seconds, self._hub.clock()), daemon=True
        )
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError("the process that links has failed")


def _link(url: str, lock_timeout_seconds: float, at: datetime) -> None:
    database = Database(url, lock_timeout_seconds=lock_timeout_seconds)
    try:
        with suppress(ConflictError):  # Another worker was quicker.
            link_changes(database, clock=lambda: at, report=lambda _: None)
    finally:
        database.close()
