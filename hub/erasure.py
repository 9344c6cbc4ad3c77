"""Erasing the texts of old entries: leaves, tree and proofs stay as they are.

Part and salt go together, because the salt alone would let a text that can be guessed be checked. What is
left of an entry is its leaf: when, what, which agency, and commitments that nobody can open any more.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry
from hub.clock import format_time
from hub.database import Database
from hub.errors import UnavailableError
from hub.log_models import LogEntry, LogPart, LogSubject

_PLAIN = {"synchronize_session": False}


def erase_texts(session: Session, *, before: datetime, at: datetime) -> int:
    """Erase the texts of the entries from before a time, and log that.

    Args:
        session: A writing session.
        before: Entries of this time and later keep their texts; whole seconds.
        at: Now.

    Returns:
        How many entries lost their texts; where there were none nothing is logged.
    """
    old = select(LogEntry.index).where(LogEntry.at < before)
    found = select(func.count(func.distinct(LogPart.index))).where(LogPart.index.in_(old))
    entries = session.scalar(found) or 0
    if not entries:
        return 0
    session.execute(delete(LogPart).where(LogPart.index.in_(old)), execution_options=_PLAIN)
    session.execute(
        update(LogSubject).where(LogSubject.index.in_(old)).values(handle=None), execution_options=_PLAIN
    )
    facts = {"before": format_time(before), "entries": entries}
    append_entry(session, Action.TEXTS_ERASED, agency=None, at=at, facts=facts)
    return entries


def forget_freed_pages(database: Database) -> None:
    """Have SQLite give up its write-ahead log, which still holds what was erased; PostgreSQL vacuums.

    Raises:
        UnavailableError: Somebody was reading, and so part of the write-ahead log is still there.
    """
    if database.engine.dialect.name != "sqlite":
        return
    raw = database.engine.raw_connection()  # Outside any transaction, which a checkpoint must be.
    try:
        busy = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    finally:
        raw.close()
    if busy:
        raise UnavailableError("texts are still in the write-ahead log: run it again")
