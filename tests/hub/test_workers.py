"""Several workers at once: processes that share only the database."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import select

from hub.access_log import append_entry
from hub.database import Database
from hub.log_models import LogEntry
from hub.nonces import remember_nonce

AT = datetime(2026, 2, 3, tzinfo=UTC)
SPAWN = multiprocessing.get_context("spawn")


def append_many(url: str, worker: int) -> list[int]:
    """Append entries, every third in a transaction that fails after it."""
    database = Database(url, lock_timeout_seconds=30)
    indices = []
    for number in range(30):
        try:
            with database.writing() as session:
                index = append_entry(session, f"test:{worker}:{number}", agency=None, at=AT).index
                if number % 3 == 2:
                    raise InterruptedError
            indices.append(index)
        except InterruptedError:
            continue
    database.close()
    return indices


def claim_nonces(url: str, _worker: int) -> list[str]:
    """Try to be the one who uses each nonce."""
    database = Database(url, lock_timeout_seconds=30)
    won = []
    for number in range(30):
        with database.by_statement() as session:
            if remember_nonce(session, fingerprint="f", nonce=str(number), expires=AT):
                won.append(str(number))
    database.close()
    return won


def test_indices_stay_without_gap_across_processes(database_url: str) -> None:
    with ProcessPoolExecutor(3, mp_context=SPAWN) as pool:
        results = list(pool.map(append_many, [database_url] * 3, range(3)))
    database = Database(database_url)
    with database.reading() as session:
        rows = list(session.scalars(select(LogEntry.index).order_by(LogEntry.index)))
    database.close()
    assert rows == list(range(1, 61))
    assert sorted(index for indices in results for index in indices) == rows


def test_a_nonce_is_used_once_across_processes(database_url: str) -> None:
    with ProcessPoolExecutor(3, mp_context=SPAWN) as pool:
        results = list(pool.map(claim_nonces, [database_url] * 3, range(3)))
    assert sorted(nonce for won in results for nonce in won) == sorted(map(str, range(30)))
