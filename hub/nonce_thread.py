"""Forgetting nonces beside a served hub, so that no call waits for it."""

from __future__ import annotations

from hub.background import BackgroundThread
from hub.clock import Clock
from hub.database import Database
from hub.nonces import forget_nonces

FORGET_SECONDS = 60.0


class NonceThread(BackgroundThread):
    """Drops the nonces that can no longer be used, every minute."""

    subject, failure = "nonces", "those that have expired could not be dropped"

    def __init__(self, database: Database, *, clock: Clock) -> None:
        """Prepare it; nothing runs yet."""
        super().__init__(seconds=FORGET_SECONDS)
        self._database = database
        self._clock = clock

    def work(self) -> None:
        """Drop them once."""
        with self._database.writing() as session:
            forget_nonces(session, at=self._clock())
