"""The node's database: sealed rows, versions of its schema, all or nothing."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from cli.main import exit_code
from node.caseload import find_handle, reference_of, shareable_records
from node.errors import IntegrityError, NotInitialisedError, RecordFormatError, StoreError
from node.imports import import_records, plan_import
from node.settings import load_settings, make_settings, save_settings
from node.store import SCHEMA_VERSION, Store
from node.vault import Vault
from tests.federation import records_of
from tests.people import people, person

KEY = bytes(range(32))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "node.sqlite3", Vault(KEY))


def test_a_sealed_row_opens_where_it_belongs_and_nowhere_else() -> None:
    vault = Vault(KEY)
    sealed = vault.seal({"name": "words"}, table="caseload", handle="a")
    assert vault.open(sealed, table="caseload", handle="a") == {"name": "words"}
    for table, handle in (("caseload", "b"), ("person", "a")):
        with pytest.raises(IntegrityError):
            vault.open(sealed, table=table, handle=handle)
    with pytest.raises(IntegrityError):
        Vault(KEY[::-1]).open(sealed, table="caseload", handle="a")


def test_a_sealed_row_differs_each_time_and_hides_its_length() -> None:
    vault = Vault(KEY)
    short, longer = ({"name": "x" * n} for n in (2, 20))
    first = vault.seal(short, table="t", handle="h")
    assert first != vault.seal(short, table="t", handle="h")
    assert len(first) == len(vault.seal(longer, table="t", handle="h"))


def test_keyed_hashes_differ_by_label_and_by_key() -> None:
    tags = {Vault(KEY).tag("a", "x"), Vault(KEY).tag("b", "x"), Vault(KEY[::-1]).tag("a", "x")}
    assert len(tags) == 3
    assert Vault(KEY).tag("a", "x") in tags


def test_the_database_is_readable_by_its_owner_alone(tmp_path: Path, store: Store) -> None:
    store.put_setting("a", "b")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {0o600}


def test_a_new_file_has_the_newest_schema_and_opens_again(tmp_path: Path, store: Store) -> None:
    store.put_setting("kept", "yes")
    store.close()
    with Store.open(tmp_path / "node.sqlite3", Vault(KEY)) as again:
        assert again.setting("kept") == "yes"
        version = again.connection.execute("PRAGMA user_version").fetchone()[0]
        assert version == SCHEMA_VERSION


def test_a_file_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path, store: Store) -> None:
    store.connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    store.close()
    with pytest.raises(StoreError, match="this release knows"):
        Store.open(tmp_path / "node.sqlite3", Vault(KEY))


def test_a_file_that_is_no_database_is_named_a_fault_of_the_store(tmp_path: Path) -> None:
    path = tmp_path / "node.sqlite3"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="SQLITE_NOTADB") as refused:
        Store.open(path, Vault(KEY))
    assert exit_code(refused.value) == 6


def test_a_locked_database_is_named_and_nothing_is_changed(tmp_path: Path, store: Store) -> None:
    other = sqlite3.connect(tmp_path / "node.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.connection.execute("PRAGMA busy_timeout = 0")
    with pytest.raises(StoreError, match="SQLITE_BUSY"), store.transaction():
        store.put_setting("never", "kept")
    other.close()
    assert store.setting("never") is None


def test_a_database_that_is_full_is_named_and_rolled_back(store: Store) -> None:
    pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
    store.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="SQLITE_FULL") as refused, store.transaction() as connection:
        store.put_setting("first", "kept")
        connection.execute("INSERT INTO setting VALUES ('second', hex(zeroblob(1000000)))")
    assert "setting" not in str(refused.value)
    assert store.setting("first") is None
    store.put_setting("later", "kept")


def test_a_missing_database_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotInitialisedError, match="knownto init"):
        Store.open(tmp_path / "node.sqlite3", Vault(KEY))


def test_a_failed_migration_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "node.sqlite3"
    Store.create(path, Vault(KEY)).close()
    import node.store as module

    broken = (*module.MIGRATIONS, "CREATE TABLE extra (a TEXT);\nCREATE TABLE extra (b TEXT);\n")
    monkeypatch.setattr(module, "MIGRATIONS", broken)
    monkeypatch.setattr(module, "SCHEMA_VERSION", len(broken))
    with pytest.raises(StoreError):
        Store.open(path, Vault(KEY))
    connection = sqlite3.connect(path)
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert "extra" not in tables
    assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    connection.close()


def test_an_import_says_what_it_does_and_does_it(store: Store) -> None:
    first = import_records(store, records_of(people(5)), weak_rows=())
    assert (first.added, first.changed, first.removed, first.unchanged) == (5, 0, 0, 0)
    rows = [*people(3), person(4, forename="renamed"), person(9)]
    planned = plan_import(store, records_of(rows))
    assert planned == import_records(store, records_of(rows), weak_rows=())
    assert (planned.added, planned.changed, planned.removed, planned.unchanged) == (1, 1, 1, 3)


def test_an_import_that_fails_changes_nothing(store: Store) -> None:
    import_records(store, records_of(people(5)), weak_rows=())

    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_records(store, records_of(people(9, first=4)), weak_rows=(), advance=stop)
    kept = {row.record.local_id for row in shareable_records(store)}
    assert kept == {row["local_id"] for row in people(5)}


def test_a_handle_stays_with_its_local_id_when_the_row_leaves_and_returns(store: Store) -> None:
    import_records(store, records_of(people(3)), weak_rows=())
    handle = find_handle(store, "H00002")
    assert handle is not None and len(handle) == 32
    import_records(store, records_of(people(1)), weak_rows=())
    import_records(store, records_of(people(3)), weak_rows=())
    assert find_handle(store, "H00002") == handle
    assert reference_of(store, handle) == "H00002"
    assert reference_of(store, "0" * 32) is None


def test_a_record_comes_back_as_it_was(store: Store) -> None:
    row = person(1, former_surnames="before", chain="77", closed="2026-05-01", team="Desk", area="north")
    (record,) = records_of([row])
    import_records(store, [record], weak_rows=())
    (kept,) = shareable_records(store)
    assert kept.record.identifiers == record.identifiers
    assert (kept.record.closed, kept.record.team, kept.record.area) == (record.closed, "Desk", "north")


def test_settings_come_back_as_they_were_saved(tmp_path: Path) -> None:
    settings = make_settings(hub="https://hub.example/", agency="north", team='Team "Ö", 1', area="x")
    save_settings(tmp_path, settings)
    assert load_settings(tmp_path) == settings
    assert settings.hub == "https://hub.example"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"hub": "http://hub.example"}, id="not encrypted and not this machine"),
        pytest.param({"hub": "https://user:word@hub.example"}, id="a password in the address"),
        pytest.param({"hub": "hub"}, id="not an address"),
        pytest.param({"agency": "North Side"}, id="not an id"),
        pytest.param({"agency": "n" * 65}, id="id too long"),
        pytest.param({"result_days": 0}, id="results that never were"),
        pytest.param({"surprise": 1}, id="unknown setting"),
    ],
)
def test_a_setting_that_breaks_a_rule_is_named_without_its_value(changes: dict[str, object]) -> None:
    with pytest.raises(RecordFormatError) as caught:
        make_settings(**{"hub": "https://hub.example", "agency": "north", **changes})
    (name, value), *_ = changes.items()
    assert name in str(caught.value)
    assert str(value) not in str(caught.value) or value == 0 or value == 1 or value == "hub"


def test_a_home_without_settings_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotInitialisedError, match="knownto init"):
        load_settings(tmp_path)


def test_settings_that_are_not_toml_are_refused(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text("hub = ")
    with pytest.raises(RecordFormatError, match="TOML"):
        load_settings(tmp_path)
