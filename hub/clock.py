"""Times: the protocol's text form, and the one place where the hub reads the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Now, aware and in UTC. Only the edge (the app and the command line) calls it."""
    return datetime.now(UTC)


def format_time(at: datetime) -> str:
    """RFC 3339 in UTC with a `Z`, whole seconds: every time has the same length."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """Read a time of the protocol; whoever stored it has checked its form.

    Raises:
        ValueError: Not RFC 3339 in UTC.
    """
    if not text.endswith("Z"):
        raise ValueError("a time in UTC ends in Z")
    return datetime.fromisoformat(text).astimezone(UTC)
