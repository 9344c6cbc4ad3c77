"""Who signed in to the pages, or tried to: the audit, and the lock-out after too many tries.

Tries are counted for whatever was typed, known or not, so that being locked out tells nobody whether there is
such a person. What was typed is never kept unless it is somebody of this node: it may have been a password.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from node.store import Store
from node.times import format_time, parse_time

# NIST SP 800-63B section 5.2.2 permits at most 100; five leave room for a code that has just run out.
MOST_TRIES = 5
LOCKED_FOR = timedelta(minutes=15)


class SignInEvent(StrEnum):
    """What happened, in the words of the page that lists it."""

    SIGNED_IN = "signed in"
    SIGNED_OUT = "signed out"
    REFUSED = "refused: staff id, password or code"
    LOCKED = "refused: locked after too many tries"
    WITHOUT_ROLE = "refused: holds no role"
    LINK_MADE = "link made for setting up the account"
    SET_UP = "account set up"


@dataclass(frozen=True, slots=True)
class SignIn:
    """One line of the audit.

    Attributes:
        at: When.
        staff: Staff id, or None where what was typed is nobody of this node.
        event: What happened.
        by: Staff id of who did it for them, or None.
    """

    at: datetime
    staff: str | None
    event: SignInEvent
    by: str | None = None


def record_sign_in(
    store: Store, event: SignInEvent, *, staff: str | None, at: datetime, by: str | None = None
) -> None:
    """Write one line of the audit."""
    with store.transaction() as connection:
        row = connection.execute("SELECT coalesce(max(number), 0) + 1 AS next FROM sign_in").fetchone()
        number = int(row["next"])
        content = {"at": format_time(at), "staff": staff, "event": str(event), "by": by}
        sealed = store.vault.seal(content, table="sign_in", handle=str(number))
        connection.execute("INSERT INTO sign_in (number, content) VALUES (?, ?)", (number, sealed))


def read_sign_ins(store: Store, *, limit: int) -> list[SignIn]:
    """The newest lines of the audit, newest first.

    Raises:
        IntegrityError: A row was altered or moved.
    """
    rows = store.connection.execute("SELECT * FROM sign_in ORDER BY number DESC LIMIT ?", (limit,))
    found = []
    for row in rows:
        content = store.vault.open(row["content"], table="sign_in", handle=str(row["number"]))
        event = SignInEvent(content["event"])
        found.append(SignIn(parse_time(content["at"]), content["staff"], event, content["by"]))
    return found


def is_locked_out(store: Store, tag: bytes, *, at: datetime) -> bool:
    """Whether this account, or what was typed for one, has to wait."""
    row = store.connection.execute("SELECT * FROM sign_in_try WHERE tag = ?", (tag,)).fetchone()
    return row is not None and row["failures"] >= MOST_TRIES and at < parse_time(row["last_at"]) + LOCKED_FOR


def count_failure(store: Store, tag: bytes, *, at: datetime) -> None:
    """One more failed try; the last one that is permitted begins the lock, and so does each after it."""
    store.connection.execute(
        "INSERT INTO sign_in_try (tag, failures, last_at) VALUES (?, 1, ?) "
        "ON CONFLICT (tag) DO UPDATE SET failures = failures + 1, last_at = excluded.last_at",
        (tag, format_time(at)),
    )


def forget_failures(store: Store, tag: bytes) -> None:
    """Begin to count anew."""
    store.connection.execute("DELETE FROM sign_in_try WHERE tag = ?", (tag,))
