"""Work beside a served hub: a thread that does something every so often.

By the clock and not by look-ups, so that nothing it does can be told from how long an answer takes.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from types import TracebackType

logger = logging.getLogger("knownto.hub")


class BackgroundThread(ABC):
    """Works while the hub is served; several workers may, each with its own.

    Attributes:
        subject: What a message about a failure begins with.
        failure: What it says could not be done.
    """

    subject: str
    failure: str

    def __init__(self, *, seconds: float) -> None:
        """Prepare it; nothing runs yet.

        Args:
            seconds: From the end of one piece of work to the next.
        """
        self._seconds = seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"knownto-{self.subject}", daemon=True)

    @abstractmethod
    def work(self) -> None:
        """One piece of work; it may fail, and is tried again."""

    def __enter__(self) -> BackgroundThread:
        """Begin; the first piece of work is one interval away."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop after what is being done, if anything is."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            try:
                self.work()
            except Exception as error:
                # A message may quote what it choked on.
                logger.error("%s: %s (%s)", self.subject, self.failure, type(error).__name__)
