"""Group commit: what many threads write together is durable for each, and one's failure is its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from hub.access_log import append_entry
from hub.database import Database, table_of
from hub.group_commit import GroupCommit
from hub.log_models import LogEntry, LogHead
from hub.log_verify import verify_log

AT = datetime(2026, 2, 3, tzinfo=UTC)


class Commits:
    """Counts the transactions of a database, and can hold one open until others wait behind it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.number = 0

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.database.writing() as session:
            yield session
        self.number += 1


def append(action: str) -> Callable[[Session], int]:
    return lambda session: append_entry(session, action, agency=None, at=AT).index


def together(group: GroupCommit, jobs: list[Callable[[Session], int]]) -> list[int | BaseException]:
    """Run the jobs so that all of them wait while a first transaction is held open."""
    running, go_on = threading.Event(), threading.Event()

    def hold(session: Session) -> int:
        running.set()
        assert go_on.wait(20)
        return 0

    def run(job: Callable[[Session], int]) -> int | BaseException:
        try:
            return group.run(job)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(jobs) + 1) as pool:
        first = pool.submit(group.run, hold)
        assert running.wait(20)
        waiting = [pool.submit(run, job) for job in jobs]
        while len(group._waiting) < len(jobs):
            pass
        go_on.set()
        assert first.result(20) == 0
        return [future.result(20) for future in waiting]


def actions(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(LogEntry.action).order_by(LogEntry.index)))


def test_what_waits_together_is_written_in_one_transaction(database: Database) -> None:
    commits = Commits(database)
    results = together(GroupCommit(commits.writing), [append(f"test:{n}:x") for n in range(20)])
    assert sorted(results, key=str) == sorted(range(1, 21), key=str)
    assert commits.number == 2
    assert set(actions(database)) == {f"test:{n}:x" for n in range(20)}
    with database.reading() as session:
        assert verify_log(session, network="x").findings == ()


def test_one_that_fails_leaves_nothing_and_harms_nobody(database: Database) -> None:
    def fail(session: Session) -> int:
        append_entry(session, "test:failed:x", agency=None, at=AT)
        raise InterruptedError

    def clash(session: Session) -> int:
        append_entry(session, "test:clashed:x", agency=None, at=AT)
        session.execute(insert(table_of(LogHead)), {"id": 1, "size": 0, "frontier": b""})
        return 0

    jobs = [append("test:1:x"), fail, append("test:2:x"), clash, append("test:3:x")]
    commits = Commits(database)
    results = together(GroupCommit(commits.writing), jobs)
    assert [type(result) for result in results] == [int, InterruptedError, int, IntegrityError, int]
    assert commits.number == 2
    assert sorted(actions(database)) == ["test:1:x", "test:2:x", "test:3:x"]
    with database.reading() as session:
        assert verify_log(session, network="x").findings == ()


def test_one_that_breaks_the_transaction_is_the_only_one_to_fail(database: Database) -> None:
    def break_it(session: Session) -> int:
        append_entry(session, "test:broken:x", agency=None, at=AT)
        raise OperationalError("", {}, Exception("disk I/O error"))

    jobs = [append("test:1:x"), break_it, append("test:2:x")]
    results = together(GroupCommit(database.writing), jobs)
    assert [type(result) for result in results] == [int, OperationalError, int]
    assert sorted(actions(database)) == ["test:1:x", "test:2:x"]
    with database.reading() as session:
        assert verify_log(session, network="x").findings == ()


def test_a_database_that_is_broken_fails_all_after_two_tries(database: Database) -> None:
    tries = []

    def break_it(session: Session) -> int:
        tries.append(1)
        raise OperationalError("", {}, Exception("disk I/O error"))

    results = together(GroupCommit(database.writing), [break_it] * 10)
    assert {type(result) for result in results} == {OperationalError}
    assert len(tries) == 3  # The group's, and two alone.


def test_nobody_is_told_of_success_when_the_commit_fails(database: Database) -> None:
    @contextmanager
    def failing() -> Iterator[Session]:
        with database.writing() as session:
            yield session
            raise OperationalError("COMMIT", {}, Exception("database or disk is full"))

    with pytest.raises(OperationalError):
        GroupCommit(failing).run(append("test:1:x"))
    assert actions(database) == []


def test_the_result_is_there_only_after_the_commit(database: Database) -> None:
    committed: list[int] = []
    event.listen(database.engine, "commit", lambda _connection: committed.append(1))
    database.write_grouped(append("test:1:x"))
    assert committed
    with database.reading() as session:
        assert session.execute(text("SELECT size FROM log_head")).scalar() == 1
