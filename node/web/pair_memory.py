"""The pairs of a caseload as they were last compared: it takes seconds, and seldom does anything change.

They are kept in the memory of the server alone, by reference and without a name or a date, and compared again
as soon as a record, a seal or a decision is another than it was.
"""

from __future__ import annotations

import threading

from node.duplicate_queue import QueuedPair, list_duplicates, queue_state
from node.store import Store


class PairMemory:
    """Every pair of one node's caseload, decided ones too; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state: str | None = None
        self._queue: list[QueuedPair] = []

    def __repr__(self) -> str:
        return f"PairMemory({len(self._queue)})"

    def queue(self, store: Store) -> list[QueuedPair]:
        """The pairs as they are now, the likeliest first; whoever asks meanwhile waits and has the same."""
        with self._lock:
            state = queue_state(store)
            if state != self._state:
                self._queue, self._state = list_duplicates(store, decided=True), state
            return self._queue
