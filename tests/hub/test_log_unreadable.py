"""A log the database itself cannot read any more: that is found and named, and ends nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text

from hub.access_log import append_entry
from hub.database import Database
from hub.erasure import forget_freed_pages
from hub.log_models import LogPart
from hub.log_verify import verify_log

AT = datetime(2026, 2, 3, tzinfo=UTC)
ENTRIES = 60


@pytest.fixture
def log(database: Database) -> Database:
    with database.writing() as session:
        for _ in range(ENTRIES):
            parts = {"own": {"note": "a" * 1000}}
            append_entry(session, "test:entry:made", agency="asker", at=AT, parts=parts)
    return database


def unreadable(database: Database) -> set[int]:
    with database.reading() as session:
        found = verify_log(session, network="test-county")
    assert found.entries == ENTRIES
    return {one.index for one in found.findings if one.rule == "unreadable"}


def test_a_page_that_is_spoilt_on_the_disk_is_found_and_the_rest_is_verified(log: Database) -> None:
    if log.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL keeps its pages elsewhere")
    with log.reading() as session:
        salt = session.scalars(select(LogPart.salt).where(LogPart.index == ENTRIES // 2)).one()
        page_bytes = int(session.scalar(text("PRAGMA page_size")) or 0)
    forget_freed_pages(log)
    log.close()
    path = Path(log.engine.url.database or "")
    data = bytearray(path.read_bytes())
    begin = data.index(salt) // page_bytes * page_bytes
    data[begin : begin + page_bytes] = b"\xff" * page_bytes
    path.write_bytes(data)
    found = unreadable(log)
    assert ENTRIES // 2 in found and 1 not in found and len(found) < ENTRIES // 2


def test_a_table_that_is_gone_is_found_at_every_entry(log: Database) -> None:
    with log.connect_writing() as connection:
        connection.execute(text("ALTER TABLE log_parts RENAME TO log_parts_gone"))
    assert unreadable(log) == {*range(1, ENTRIES + 1)}


@pytest.mark.parametrize(
    ("table", "column"), [("log_entries", "leaf"), ("log_parts", "text"), ("log_parts", "salt")]
)
def test_bytes_that_were_made_text_of_are_found(log: Database, table: str, column: str) -> None:
    if log.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's columns hold bytes alone")
    with log.connect_writing() as connection:
        connection.execute(text(f'UPDATE {table} SET "{column}" = \'x\' WHERE "index" = 7'))
    assert unreadable(log) == {7}
