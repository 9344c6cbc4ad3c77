"""The database: one engine, read and write transactions, SQLite or PostgreSQL.

SQLite runs in WAL mode with `synchronous=FULL`, so that a committed log entry survives a power cut.
pysqlite's own transaction handling is switched off (it begins too late and cannot begin IMMEDIATE): a writer
takes the write lock at once, and so waits in `busy_timeout` instead of failing halfway
(https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#serializable-isolation-savepoints-transactional-ddl).
PostgreSQL writes at READ COMMITTED with `synchronous_commit=on`, where writers that must be serial lock one
row, and reads at REPEATABLE READ: whoever reads sees one state of the log, on either database.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry

from hub.big_arrays import adapt_big_arrays
from hub.group_commit import GroupCommit

WRITING, BY_STATEMENT = "knownto_writing", "knownto_by_statement"
LAST_USED, IDLE_SECONDS = "knownto_last_used", 1.0

T = TypeVar("T")


class Database:
    """An engine with the two kinds of transaction the hub uses."""

    def __init__(self, url: str, *, lock_timeout_seconds: float = 10.0) -> None:
        """Prepare the engine; nothing connects yet.

        Args:
            url: SQLAlchemy URL, `sqlite:///...` or `postgresql+psycopg://...`.
            lock_timeout_seconds: How long a writer waits for another.
        """
        self.engine = make_engine(url, lock_timeout_seconds=lock_timeout_seconds)
        self._lock_timeout_seconds = lock_timeout_seconds
        self._writer = self.engine.execution_options(**{WRITING: True})
        self._reader = _one_snapshot(self.engine)
        self._by_statement = _by_statement(self.engine)
        self._group = GroupCommit(self.writing)

    @property
    def folder(self) -> Path | None:
        """Where SQLite's file is; None for PostgreSQL."""
        if self.engine.dialect.name != "sqlite" or self.engine.url.database is None:
            return None
        return Path(self.engine.url.database).parent

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads, all of it from one snapshot."""
        with Session(self._reader) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that writes: committed at the end, rolled back when anything is raised."""
        with Session(self._writer) as session, session.begin():
            yield session

    @contextmanager
    def by_statement(self) -> Iterator[Session]:
        """Statements of which each is a transaction: one round trip instead of three to PostgreSQL."""
        with Session(self._by_statement) as session:
            yield session

    @contextmanager
    def trying(self, *, wait_seconds: float) -> Iterator[Session]:
        """A writing transaction that is taken back at its end, and waits for other writers only so long.

        Args:
            wait_seconds: On SQLite for whoever writes at all, on PostgreSQL for whoever holds the same row.
        """
        sqlite = self.engine.dialect.name == "sqlite"
        with self._writer.connect() as connection:
            if sqlite:  # Before it begins, for beginning is what waits.
                _set_busy_timeout(connection, wait_seconds)
            try:
                with Session(connection) as session:
                    if not sqlite:
                        session.execute(text(f"SET LOCAL lock_timeout = {int(wait_seconds * 1000)}"))
                    yield session
            finally:
                if sqlite:
                    _set_busy_timeout(connection, self._lock_timeout_seconds)

    def write_grouped(self, work: Callable[[Session], T]) -> T:
        """Have something written together with what other threads write now; durable when this returns.

        The session is the work's for as long as it runs; whatever it returns must not need it afterwards.
        """
        return self._group.run(work)

    @contextmanager
    def connect_writing(self) -> Iterator[Connection]:
        """A connection in one writing transaction, for changes of the layout."""
        with self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give up all connections."""
        self.engine.dispose()

    def __repr__(self) -> str:
        """The kind of database; a URL can carry a password."""
        return f"Database({self.engine.dialect.name})"


def _set_busy_timeout(connection: Connection, seconds: float) -> None:
    connection.connection.cursor().execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")


def _one_snapshot(engine: Engine) -> Engine:
    """The engine with transactions that read one snapshot; any of SQLite's does."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _by_statement(engine: Engine) -> Engine:
    """The engine without transactions around statements."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{BY_STATEMENT: True})
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def make_engine(url: str, *, lock_timeout_seconds: float) -> Engine:
    """An engine whose transactions begin as the module says."""
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite_engine(url, lock_timeout_seconds)
    milliseconds = int(lock_timeout_seconds * 1000)
    # No statement here runs long enough for compiling it to pay.
    options = f"-c synchronous_commit=on -c lock_timeout={milliseconds} -c timezone=UTC -c jit=off"
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=10,
        max_overflow=30,
        pool_use_lifo=True,  # Idle connections are then few, and are asked whether they still stand.
        connect_args={"options": options},
    )
    _ping_idle(engine)

    @event.listens_for(engine, "connect")
    def adapt(connection: Any, _record: Any) -> None:
        adapt_big_arrays(connection)

    return engine


def _ping_idle(engine: Engine) -> None:
    """Replace connections that the server has closed, by asking those that were not used for a while.

    SQLAlchemy's own `pool_pre_ping` asks each time, and a look-up takes four from the pool.
    """

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[LAST_USED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if time.monotonic() - record.info.get(LAST_USED, math.inf) < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # The pool then connects anew.


def _sqlite_engine(url: str, lock_timeout_seconds: float) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=10,
        max_overflow=30,  # As many as the server's thread pool can use.
        pool_use_lifo=True,  # The connection used last has the warmest cache.
        connect_args={"timeout": lock_timeout_seconds},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")  # Destroyed tags must not survive in free pages.
        cursor.execute(f"PRAGMA busy_timeout={int(lock_timeout_seconds * 1000)}")
        # A connection forgets its own page cache whenever another one has written, which here is before every
        # look-up; mapped pages come from the system's cache without a copy.
        cursor.execute(f"PRAGMA mmap_size={1 << 30}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get(BY_STATEMENT, False):
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(WRITING, False) else "BEGIN")

    return engine


def table_of(model: type[DeclarativeBase]) -> Table:
    """The table behind a model: where rows are added at every look-up, the ORM's own way costs the most."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


def dialect_insert(session: Session, model: type[DeclarativeBase]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT into a model's table that knows ON CONFLICT; both databases spell it alike."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table_of(model))
    return postgresql.insert(table_of(model))


def insert_new(session: Session, table: type[DeclarativeBase], row: Mapping[str, Any]) -> bool:
    """Insert a row unless its key is there already; whether it was inserted. Safe across processes."""
    keys = list(table_of(table).primary_key)
    statement = dialect_insert(session, table).values(**row).on_conflict_do_nothing().returning(*keys)
    return session.execute(statement).first() is not None
