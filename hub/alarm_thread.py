"""The scanner beside a served hub: looks for new log entries every so often."""

from __future__ import annotations

from hub.alarm_scan import scan
from hub.background import BackgroundThread
from hub.service import Hub, limits_of


class AlarmThread(BackgroundThread):
    """Scans the log; after a failure the next scan begins where the last whole page ended."""

    subject, failure = "alarms", "the log could not be scanned"

    def __init__(self, hub: Hub) -> None:
        """Prepare it; nothing runs yet."""
        super().__init__(seconds=hub.settings.review.scan_seconds)
        self._hub = hub

    def work(self) -> None:
        """One scan."""
        scan(self._hub.database, limits=limits_of(self._hub.settings), at=self._hub.clock())
