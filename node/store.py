"""The node's database: one SQLite file (0600), whose rows are sealed by `node.vault`.

Standard library `sqlite3` and not SQLAlchemy with Alembic, which the hub uses: a node's store is always
SQLite, has a few small tables and one writer, and is opened by every command, so the half second of
importing an object-relational mapper would be paid each time for nothing. The schema is versioned all the
same: `MIGRATIONS` is an ordered list of scripts, `PRAGMA user_version` says how many have run, each runs
in one transaction, and a file written by a newer release is refused.

This module knows tables and transactions; what a row means is said by the flow that owns it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node.errors import NotInitialisedError, StoreError
from node.vault import Vault

MIGRATIONS: tuple[str, ...] = (
    """
    -- Everybody this node has ever given a handle: it stays the same for a local id.
    CREATE TABLE person (
        handle TEXT PRIMARY KEY,
        local_tag BLOB NOT NULL UNIQUE,
        reference BLOB NOT NULL,          -- sealed: the local id
        sealed INTEGER NOT NULL DEFAULT 0,
        removal_due INTEGER NOT NULL DEFAULT 0  -- sealed or removed, and the hub has not yet confirmed it
    ) STRICT;
    -- The caseload as last imported, one row a person, aliases inside.
    CREATE TABLE caseload (
        handle TEXT PRIMARY KEY REFERENCES person (handle),
        content BLOB NOT NULL,            -- sealed: the records
        content_tag BLOB NOT NULL,        -- keyed hash of the content, to see a change without opening it
        weak INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    -- What the hub holds, or may hold: written before a batch leaves, confirmed when it is answered.
    CREATE TABLE shared (
        handle TEXT PRIMARY KEY REFERENCES person (handle),
        epoch TEXT NOT NULL,
        content_tag BLOB NOT NULL,
        record_digest BLOB NOT NULL,      -- SHA-256 of the record's canonical JSON, as sent
        confirmed INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE consent (
        handle TEXT NOT NULL REFERENCES person (handle),
        version INTEGER NOT NULL,
        content BLOB NOT NULL,            -- sealed: the consent/2 document and who witnessed it
        sent INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (handle, version)
    ) STRICT;
    -- What was asked stays for the log; what was answered goes after 28 days.
    CREATE TABLE question (
        request TEXT PRIMARY KEY,
        asked_at TEXT NOT NULL,
        content BLOB NOT NULL             -- sealed: case references, typed reasons and their salts
    ) STRICT;
    CREATE TABLE result (
        request TEXT PRIMARY KEY REFERENCES question (request),
        answered_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        content BLOB NOT NULL             -- sealed: answers, cards and evidence
    ) STRICT;
    CREATE INDEX result_expires_at ON result (expires_at);
    CREATE TABLE conference (
        conference TEXT PRIMARY KEY,
        purpose TEXT NOT NULL,
        first_asked_at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE log_entry (
        log_index INTEGER PRIMARY KEY,
        content BLOB NOT NULL             -- sealed: the entry as the hub cut it for this agency
    ) STRICT;
    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    """,
    """
    -- The roster, as the list of its changes: what somebody holds from then on.
    CREATE TABLE staff_change (
        number INTEGER PRIMARY KEY,
        content BLOB NOT NULL             -- sealed: staff id, roles, when, by whom
    ) STRICT;
    """,
    """
    -- The log in leaves and parts: what was kept before cannot be proved and is read again.
    DELETE FROM log_entry;
    DELETE FROM setting WHERE name = 'log:last';
    -- What the hub proved to have logged, for every answer and event of this node.
    CREATE TABLE log_receipt (
        log_index INTEGER PRIMARY KEY,
        request TEXT NOT NULL,            -- id of the look-up or the event
        content BLOB NOT NULL             -- sealed: the receipt
    ) STRICT;
    -- What was asked, written down before it leaves: answers can be lost.
    CREATE TABLE asked (
        request TEXT PRIMARY KEY,
        content BLOB NOT NULL             -- sealed: purpose, agencies, bases; no token
    ) STRICT;
    -- The log's checkpoints as signed by the hub: public statements, about no person.
    CREATE TABLE log_checkpoint (
        size INTEGER PRIMARY KEY,
        note TEXT NOT NULL,
        cosigned INTEGER NOT NULL DEFAULT 0,
        next_size INTEGER,                -- the later checkpoint this one is proved to lead to
        proof TEXT                        -- and the proof, base64 in JSON
    ) STRICT;
    CREATE INDEX log_checkpoint_unlinked ON log_checkpoint (size) WHERE next_size IS NULL;
    -- Contradictions the hub has signed.
    CREATE TABLE log_evidence (statements TEXT PRIMARY KEY, found_at TEXT NOT NULL) STRICT;
    CREATE TABLE saved_search (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT;
    CREATE TABLE subject_report (
        report TEXT PRIMARY KEY,
        content BLOB NOT NULL             -- sealed: whose, when, by whom, what was withheld
    ) STRICT;
    """,
    """
    -- Overrides and emergencies of this agency, in the order in which they were asked for.
    CREATE TABLE override (
        number INTEGER PRIMARY KEY,
        override TEXT NOT NULL UNIQUE,
        content BLOB NOT NULL             -- sealed: case, reason and its salt, who asked, who decided
    ) STRICT;
    """,
    """
    -- Who stood last under a reference that is not in the caseload, where a consent or a seal hangs on it.
    ALTER TABLE person ADD COLUMN known_as BLOB;      -- sealed: identifiers
    -- Where somebody stands in the file last imported whose row is not used.
    ALTER TABLE person ADD COLUMN parked_row INTEGER;
    """,
    """
    -- The words of reviews; the hub has a promise of each.
    CREATE TABLE review_note (
        item TEXT NOT NULL,
        commitment TEXT NOT NULL,
        content BLOB NOT NULL,            -- sealed: outcome, words and salt
        PRIMARY KEY (item, commitment)
    ) STRICT;
    """,
    """
    -- Requests for names of staff in a report for a person who asks.
    CREATE TABLE names_request (
        request TEXT PRIMARY KEY,
        content BLOB NOT NULL             -- sealed: about whom, who asked, who approved, the report
    ) STRICT;
    """,
    """
    -- Seals set and lifted, for the log: the hub may be away when it happens.
    CREATE TABLE seal_event (
        event TEXT PRIMARY KEY,
        content BLOB NOT NULL,            -- sealed: action, who and when, category of the reason and its salt
        sent INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    """,
    """
    -- Pairs of the own caseload that may be one person, as last listed; `pair` says nothing of either.
    CREATE TABLE duplicate_pair (
        pair TEXT PRIMARY KEY,
        one TEXT NOT NULL REFERENCES person (handle),
        other TEXT NOT NULL REFERENCES person (handle)
    ) STRICT;
    -- What was decided of them, each decision kept; the last one of a pair counts.
    CREATE TABLE duplicate_decision (
        number INTEGER PRIMARY KEY,
        pair TEXT NOT NULL,
        one TEXT NOT NULL REFERENCES person (handle),
        other TEXT NOT NULL REFERENCES person (handle),
        content BLOB NOT NULL             -- sealed: verdict, reason, who, when, hashes of both as they were
    ) STRICT;
    """,
    """
    -- Who signs in to the pages; accounts and tries are found by a keyed hash of the staff id.
    CREATE TABLE account (
        tag BLOB PRIMARY KEY,
        content BLOB NOT NULL             -- sealed: staff id, password (argon2id), key of the one-time codes
    ) STRICT;
    CREATE TABLE account_link (
        tag BLOB PRIMARY KEY,             -- keyed hash of the link's secret
        content BLOB NOT NULL             -- sealed: for whom, until when, key of the one-time codes
    ) STRICT;
    CREATE TABLE sign_in_try (
        tag BLOB PRIMARY KEY,
        failures INTEGER NOT NULL,
        last_at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE sign_in (
        number INTEGER PRIMARY KEY,
        content BLOB NOT NULL             -- sealed: who, when, how it ended
    ) STRICT;
    -- Conferences as planned, and case lists that were typed or uploaded for them or for one look-up.
    CREATE TABLE planned_conference (
        conference TEXT PRIMARY KEY,
        held_on TEXT NOT NULL,
        made_by TEXT NOT NULL
    ) STRICT;
    CREATE TABLE case_list (
        list TEXT PRIMARY KEY,
        conference TEXT REFERENCES planned_conference (conference),
        expires_at TEXT NOT NULL,
        content BLOB NOT NULL             -- sealed: file or typed rows, purpose, basis, by whom, the look-up
    ) STRICT;
    CREATE INDEX case_list_expires_at ON case_list (expires_at);
    """,
    """
    -- Two people may have one list open: whoever changes it says which one they saw.
    ALTER TABLE case_list ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
    """,
)
SCHEMA_VERSION = len(MIGRATIONS)
# Another command of the same node may hold the write lock for the length of an import.
BUSY_TIMEOUT_SECONDS = 30.0


class Store:
    """One open node database and the vault that seals its rows."""

    def __init__(self, connection: sqlite3.Connection, vault: Vault) -> None:
        self.connection = connection
        self.vault = vault

    @classmethod
    def create(cls, path: Path, vault: Vault) -> Store:
        """Make a new database file, readable by its owner alone."""
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return cls.open(path, vault)

    @classmethod
    def open(cls, path: Path, vault: Vault) -> Store:
        """Open the database and bring its schema up to date.

        Raises:
            NotInitialisedError: There is no database here.
            StoreError: A newer release wrote it, or it cannot be used.
        """
        if not path.exists():
            raise NotInitialisedError("this home has no node database; run 'knownto init' first")
        with _named_errors():
            connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
            connection.row_factory = sqlite3.Row
            try:
                for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                    connection.execute(f"PRAGMA {pragma}")
                _migrate(connection)
            except BaseException:
                connection.close()
                raise
        return cls(connection, vault)

    def close(self) -> None:
        """Close the database file."""
        self.connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: commit at the end, roll back on any error.

        Raises:
            StoreError: The database cannot be used; nothing was changed.
        """
        with _named_errors():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                # A full disk has rolled back by itself.
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def setting(self, name: str) -> str | None:
        """A small fact the node keeps about itself, such as the last log index it has seen."""
        row = self.connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def put_setting(self, name: str, value: str) -> None:
        """Keep a small fact."""
        self.connection.execute(
            "INSERT INTO setting (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )


@contextmanager
def _named_errors() -> Iterator[None]:
    """SQLite's errors as ours, by kind: its texts may quote what it choked on."""
    try:
        yield
    except sqlite3.Error as error:
        kind = getattr(error, "sqlite_errorname", type(error).__name__)
        raise StoreError(
            f"the node database cannot be used ({kind}); nothing was changed: is another command at work, "
            "the disk full, or the file damaged?"
        ) from error


def _migrate(connection: sqlite3.Connection) -> None:
    """Run the scripts this file has not seen, each in one transaction with its version number."""
    if _version(connection) == SCHEMA_VERSION:
        return
    # The version is read again under the write lock: two commands may start after an upgrade.
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        if version > SCHEMA_VERSION:
            raise StoreError(f"the node database has schema {version}; this release knows {SCHEMA_VERSION}")
        for script in MIGRATIONS[version:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """Split a script: `executescript` would commit the transaction it stands in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if statement.strip() and sqlite3.complete_statement(statement):
            yield statement
            statement = ""
