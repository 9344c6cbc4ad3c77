"""Who is signed in, in memory: whoever stops the server signs everybody out, and no session lies on a disk.

The cookie is a random token and nothing else. Everybody who opens a page has one, signed in or not, because
forms are tied to it; signing in gives a new one, so that a token known before is worth nothing after.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

TOKEN_BYTES = 32
# A desk left for a coffee, and a working day (NIST SP 800-63B section 4.2.3 permits 30 minutes and 12 hours).
IDLE_LIMIT = timedelta(minutes=20)
ABSOLUTE_LIMIT = timedelta(hours=8)


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """One person signed in at one browser."""

    staff: str
    started_at: datetime
    seen_at: datetime

    @property
    def ends_at(self) -> datetime:
        """When it ends if nothing more is opened."""
        return min(self.seen_at + IDLE_LIMIT, self.started_at + ABSOLUTE_LIMIT)


class Sessions:
    """All sessions of one server; may be used by several threads."""

    def __init__(self) -> None:
        self._sessions: dict[bytes, Session] = {}
        self._form_key = secrets.token_bytes(TOKEN_BYTES)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Sessions({len(self._sessions)})"

    @staticmethod
    def new_token() -> str:
        """A fresh cookie, of somebody who is not signed in."""
        return secrets.token_urlsafe(TOKEN_BYTES)

    def begin(self, staff: str, *, at: datetime) -> str:
        """Sign somebody in; returns their new cookie."""
        token = self.new_token()
        with self._lock:
            self._drop_ended(at)
            self._sessions[_digest(token)] = Session(staff, at, at)
        return token

    def find(self, token: str, *, at: datetime) -> Session | None:
        """Whose cookie it is, and that they were here just now; None where nobody's (any more)."""
        with self._lock:
            self._drop_ended(at)
            found = self._sessions.get(_digest(token))
            if found is not None:
                found = self._sessions[_digest(token)] = replace(found, seen_at=at)
            return found

    def end(self, token: str) -> None:
        """Sign out one browser."""
        with self._lock:
            self._sessions.pop(_digest(token), None)

    def end_all_of(self, staff: str) -> None:
        """Sign out one person everywhere."""
        with self._lock:
            self._sessions = {k: one for k, one in self._sessions.items() if one.staff != staff}

    def form_token(self, token: str) -> str:
        """What every form of this cookie's pages carries."""
        return hmac.new(self._form_key, token.encode(), sha256).hexdigest()

    def is_form_token(self, token: str, typed: str) -> bool:
        """Whether a form was one of this cookie's pages."""
        return hmac.compare_digest(self.form_token(token).encode(), typed.encode())

    def _drop_ended(self, at: datetime) -> None:
        self._sessions = {k: one for k, one in self._sessions.items() if at < one.ends_at}


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
