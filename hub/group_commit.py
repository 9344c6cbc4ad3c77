"""Several writers, one commit: what threads of a process want written at the same time shares a transaction.

Waiting for the disk is most of what a durable entry costs, and one wait can serve many entries. Nobody is
told of success before the commit that holds their work is durable. Each piece of work has a savepoint, so
that one that fails takes nothing of the others with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

# Pieces of work in one transaction: more would make the first wait long for the last.
MOST_TOGETHER = 32

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Job:
    """A piece of work, and what came of it once it is done."""

    work: Callable[[Session], Any]
    done: bool = False
    result: Any = None
    error: BaseException | None = None


class GroupCommit:
    """Writes for many threads; one of them at a time writes for all who wait."""

    def __init__(self, writing: Callable[[], AbstractContextManager[Session]]) -> None:
        """Take the way to begin a writing transaction that commits at its end."""
        self._writing = writing
        self._turn = threading.Lock()
        self._waiting_lock = threading.Lock()
        self._waiting: list[_Job] = []

    def run(self, work: Callable[[Session], T]) -> T:
        """Have a piece of work done in a transaction, and return when that is durable.

        Work that locks rows first locks the one row that all such work locks (the log's head), or
        transactions of several pieces would wait for each other in a circle.

        Raises:
            Whatever the work raises, none of it being written then; DBAPIError when nothing can be written.
        """
        job = _Job(work)
        with self._waiting_lock:
            self._waiting.append(job)
        with self._turn:
            while not job.done:  # Often the one whose turn it was before has taken it along.
                self._write_waiting()
        if job.error is not None:
            raise job.error
        result: T = job.result
        return result

    def _write_waiting(self) -> None:
        with self._waiting_lock:
            jobs, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
        try:
            self._write(jobs)
        except _BrokenError:
            self._write_one_by_one(jobs)
        finally:
            for job in jobs:
                job.done = True

    def _write_one_by_one(self, jobs: list[_Job]) -> None:
        """One has broken the transaction they shared: each for itself, it is the only one to fail.

        Where the second fails as well it is the database, and nobody is kept waiting for the same.
        """
        failures: list[DBAPIError] = []
        for job in jobs:
            if len(failures) < 2:
                self._write([job])
            else:
                job.error = failures[-1]
            if isinstance(job.error, DBAPIError) and not isinstance(job.error, IntegrityError):
                failures.append(job.error)

    def _write(self, jobs: list[_Job]) -> None:
        """Do some jobs in one transaction.

        Raises:
            _BrokenError: The transaction that several share came to nothing before it was to be committed.
        """
        for job in jobs:
            job.result = job.error = None
        try:
            with self._writing() as session:
                session.connection()  # A writer that is kept waiting waits here, once for all.
                if len(jobs) == 1:  # The transaction is its savepoint.
                    jobs[0].result = jobs[0].work(session)
                else:
                    for job in jobs:
                        _attempt(session, job)
        except _BrokenError:
            raise
        except BaseException as error:
            # At the commit, or before anything: none of it is durable, as far as anybody knows.
            for job in jobs:
                job.result, job.error = None, error


class _BrokenError(Exception):
    """The database gave up on a transaction halfway; SQLite then undoes all of it, savepoints or not."""

    def __init__(self, error: DBAPIError) -> None:
        super().__init__()
        self.error = error


def _attempt(session: Session, job: _Job) -> None:
    try:
        with session.begin_nested():
            job.result = job.work(session)
        session.expunge_all()  # The next sees what is stored, not what this one had read.
    except IntegrityError as error:
        job.error = error
    except DBAPIError as error:
        raise _BrokenError(error) from error
    except Exception as error:
        job.error = error
