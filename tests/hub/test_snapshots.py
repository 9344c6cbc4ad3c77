"""Whoever reads the log while it grows sees one state of it: nothing that looks like tampering."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hub import log_views
from hub.access_log import append_entry
from hub.database import Database
from hub.log_tree import read_head
from hub.log_verify import verify_log

AT = datetime(2026, 2, 3, tzinfo=UTC)


def append(database: Database) -> None:
    with database.writing() as session:
        append_entry(session, "test:entry:made", agency="asker", at=AT)


def test_a_log_that_grows_while_it_is_verified_is_in_order(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(database)

    def then_grown(session: Any) -> Any:
        head = read_head(session)
        append(database)
        return head

    monkeypatch.setattr("hub.log_verify.read_head", then_grown)
    with database.reading() as session:
        found = verify_log(session, network="test-county")
    assert (found.entries, found.findings) == (1, ())


def test_a_page_of_the_log_ends_where_the_log_ended_when_it_was_asked_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(database)

    def then_grown(session: Any) -> Any:
        head = read_head(session)
        append(database)
        return head

    monkeypatch.setattr(log_views, "read_head", then_grown)
    with database.reading() as session:
        entries, complete_to = log_views.view_entries(session, "asker", after=0, limit=10)
    assert ([entry.index for entry in entries], complete_to) == ([1], 1)
