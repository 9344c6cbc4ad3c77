"""A full run belongs to one process at a time.

Two things see to it, because neither is enough. A lock, of PostgreSQL or of the operating system, keeps a
second process out, and ends with the process that has it, however that ends: nobody waits for a clock. And
the run's row names its owner, which every transaction of the run asks for: a process that has lost its lock
and does not know (its connection was cut, its machine slept) writes nothing more.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub.database import Database
from hub.errors import ConflictError
from hub.linking_models import UNFINISHED, LinkRun

# Advisory locks of a PostgreSQL database have numbers; this is "knownto link" to whoever lists them.
ADVISORY_LOCK = int.from_bytes(b"ktlink", "big")
LOCK_SUFFIX = "-linking"


@dataclass(frozen=True, slots=True)
class Lease:
    """A run as far as this process owns it.

    Attributes:
        run: The run's number.
        owner: What stands in its row for as long as it is this process's.
    """

    run: int
    owner: str

    @staticmethod
    def take(row: LinkRun) -> Lease:
        """Make an unfinished run this process's, whoever had it before."""
        row.owner = secrets.token_hex(8)
        return Lease(row.run, row.owner)

    def require(self, session: Session) -> LinkRun:
        """The run's row, locked until the transaction ends.

        Raises:
            ConflictError: It is finished or given up, or another process has taken it over.
        """
        chosen = select(LinkRun).where(LinkRun.run == self.run).with_for_update()
        row = session.scalars(chosen, execution_options={"populate_existing": True}).one()
        if row.owner != self.owner or row.state not in UNFINISHED:
            raise ConflictError("linking: another process has taken this run over")
        return row


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """Keep every other process, and thread, from making a full run until the end.

    Raises:
        ConflictError: Another is making one.
    """
    hold = _file_locked if database.engine.dialect.name == "sqlite" else _advisory_locked
    with hold(database):
        yield


@contextmanager
def _file_locked(database: Database) -> Iterator[None]:
    """A lock beside the database file: the operating system gives it back when the process ends."""
    path = f"{database.engine.url.database}{LOCK_SUFFIX}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _under_way() from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _advisory_locked(database: Database) -> Iterator[None]:
    """A lock of the session: the server gives it back when the connection ends."""
    # In no transaction, which for minutes would keep the server from cleaning up.
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK}):
            raise _under_way()
        try:
            yield
        finally:
            # Not back to the pool, which would keep the lock.
            connection.detach()


def _under_way() -> ConflictError:
    return ConflictError("linking: another full run is under way")
