"""Answers and case lists whose time is over go with every command, and at the pages' server by the clock.

What a person was told about others is kept for `result_days` after it was answered, and not until somebody
happens to look.
"""

from __future__ import annotations

from datetime import datetime

from node.case_lists import drop_expired_lists
from node.results import drop_expired
from node.store import Store


def drop_what_is_over(store: Store, *, at: datetime) -> None:
    """Delete answers and case lists whose time is over."""
    drop_expired(store, at=at)
    drop_expired_lists(store, at=at)
