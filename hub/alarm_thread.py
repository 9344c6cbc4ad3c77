"""The scanner beside a served hub: a thread that looks for new log entries every so often.

By the clock and not by look-ups, so that nothing it does can be told from how long an answer takes.
"""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from hub.alarm_scan import scan
from hub.service import Hub, limits_of

logger = logging.getLogger("knownto.hub")


class AlarmThread:
    """Scans while the hub is served; several workers may, each with its own."""

    def __init__(self, hub: Hub) -> None:
        """Prepare it; nothing runs yet."""
        self._hub = hub
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="knownto-alarms", daemon=True)

    def __enter__(self) -> AlarmThread:
        """Begin; the first scan is one interval away."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop after the scan that is running, if one is."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._hub.settings.review.scan_seconds):
            try:
                scan(self._hub.database, limits=limits_of(self._hub.settings), at=self._hub.clock())
            except Exception as error:
                # The next scan begins where the last whole page ended. A message may quote what it choked on.
                logger.error("alarms: the log could not be scanned (%s)", type(error).__name__)
