"""Who signed in to the pages, or tried to: the lines of the audit, and the lock-out after too many tries.

Tries are counted for whatever was typed, known or not, so that being locked out tells nobody whether there is
such a person. What was typed is never kept unless somebody of that name has an account: it may have been a
password.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

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
        staff: Staff id, or None where what was typed is nobody with an account.
        event: What happened.
        by: Staff id of who did it for them, or None.
    """

    at: datetime
    staff: str | None
    event: SignInEvent
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Tries:
    """Failed tries in a row under what was typed as a staff id, and when the last one was."""

    failures: int
    last_at: datetime

    def lock(self, *, at: datetime) -> bool:
        """Whether the next try has to wait: the last that is permitted begins the lock, and each after it."""
        return self.failures >= MOST_TRIES and at < self.last_at + LOCKED_FOR
