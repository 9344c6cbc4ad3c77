"""Times on the wire: RFC 3339 in UTC with a `Z`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from node.errors import IntegrityError


def format_time(at: datetime) -> str:
    """An aware time as RFC 3339 in UTC, whole seconds, with a `Z`."""
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def parse_time(text: str) -> datetime:
    """Read a time of the protocol.

    Raises:
        IntegrityError: It is not RFC 3339 with a zone.
    """
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise IntegrityError("the hub's answer holds a malformed time") from None
    if at.tzinfo is None:
        raise IntegrityError("the hub's answer holds a time without a zone")
    return at.astimezone(UTC)


def start_of_day(day: date) -> datetime:
    """Midnight UTC of a date that people typed."""
    return datetime.combine(day, time.min, UTC)
