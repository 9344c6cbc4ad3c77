"""Migrations: they make what the models say, on both databases, and an old layout is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from hub.database import Database
from hub.errors import DatabaseOutdatedError
from hub.models import Base
from hub.upgrades import differences, layout_of, newest_layout, require_current_layout, upgrade


def test_migrations_make_exactly_the_tables_of_the_models(database: Database) -> None:
    assert differences(database) == []
    assert layout_of(database) == newest_layout()


def test_upgrading_again_changes_nothing(database: Database) -> None:
    upgrade(database)
    require_current_layout(database)


def test_an_empty_database_is_refused_until_it_is_upgraded(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new.sqlite3'}")
    with pytest.raises(DatabaseOutdatedError, match="knownto hub upgrade"):
        require_current_layout(database)
    upgrade(database)
    require_current_layout(database)
    database.close()


def test_sqlite_is_durable_and_enforces_keys(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new.sqlite3'}")
    with database.engine.connect() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    database.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


def test_postgresql_commits_before_it_answers(postgres_server: object, postgres_template: str) -> None:
    database = Database(postgres_server.url(postgres_template))  # type: ignore[attr-defined]
    with database.engine.connect() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
    database.close()


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.writing() as session:
        session.execute(text("UPDATE log_head SET size = 7"))
        raise ZeroDivisionError
    with database.reading() as session:
        assert session.execute(text("SELECT size FROM log_head")).scalar() == 0


def test_no_column_is_named_for_an_identifier() -> None:
    forbidden = {
        "forename",
        "surname",
        "dob",
        "birth_date",
        "initials",
        "chain",
        "nhs_number",
        "sex",
        "case_ref",
    }
    columns = {column.name for table in Base.metadata.tables.values() for column in table.columns}
    assert not columns & forbidden


def test_a_database_prints_no_url(tmp_path: Path) -> None:
    assert repr(Database("postgresql+psycopg://hub:secret@localhost/x")) == "Database(postgresql)"
