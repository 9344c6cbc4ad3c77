"""Whoever reads the log while it grows sees one state of it: nothing that looks like tampering."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from hub import log_views
from hub.access_log import append_entry
from hub.database import Database
from hub.log_tree import TreeHead, read_head
from hub.log_verify import verify_log

AT = datetime(2026, 2, 3, tzinfo=UTC)


def append(database: Database) -> None:
    with database.writing() as session:
        append_entry(session, "test:entry:made", agency="asker", at=AT)


@pytest.fixture
def read_then_grown(database: Database) -> Callable[[Session], TreeHead]:
    """What reads the head of the log, which has grown before anything else of it is read."""

    def read(session: Session) -> TreeHead:
        head = read_head(session)
        append(database)
        return head

    return read


def test_a_log_that_grows_while_it_is_verified_is_in_order(
    database: Database, read_then_grown: Callable[[Session], TreeHead], monkeypatch: pytest.MonkeyPatch
) -> None:
    append(database)
    monkeypatch.setattr("hub.log_verify.read_head", read_then_grown)
    with database.reading() as session:
        found = verify_log(session, network="test-county")
    assert (found.entries, found.findings) == (1, ())


def test_a_page_of_the_log_ends_where_the_log_ended_when_it_was_asked_for(
    database: Database, read_then_grown: Callable[[Session], TreeHead], monkeypatch: pytest.MonkeyPatch
) -> None:
    append(database)
    monkeypatch.setattr(log_views, "read_head", read_then_grown)
    with database.reading() as session:
        entries, complete_to = log_views.view_entries(session, "asker", after=0, limit=10)
    assert ([entry.index for entry in entries], complete_to) == ([1], 1)
