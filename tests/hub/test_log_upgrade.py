"""The log of the release before becomes leaves and parts, entry for entry; broken, it stops the upgrade."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, DateTime, column, insert, table, text

from hub.database import Database
from hub.log_verify import verify_log
from hub.log_views import read_entries, view_entries
from hub.upgrades import _config, differences, upgrade
from keys.documents import canonical_bytes
from tests.postgres import PostgresServer

AT = datetime(2026, 2, 3, 9, 30, 15, tzinfo=UTC)
HANDLE = "0a" * 16
CONSENT = {"kind": "consent", "captured_at": "2026-01-05T10:00:00Z", "method": "verbal", "scope": ["x"]}
TASK = {
    "kind": "public_task",
    "reason_category": "risk_to_life",
    "reason_commitment": "cd" * 32,
    "approver": "m-1",
}
HEADING = {
    "staff": "worker-1", "role": "coordinator", "purpose": "case_conference", "conference": "c-1",
    "request": "0b" * 16,
}  # fmt: skip
DIGESTS = {"schema_digest": "ab" * 32, "model_digest": "bc" * 32, "policy": "cd" * 32}
ENTRIES: list[tuple[str, str | None, dict[str, Any]]] = [
    ("node:enrolment:pending", "asker", {"fingerprint": "x"}),
    ("consent:record:stored", "holder-1", {"version": 1}),
    ("lookup:refused:malformed", "asker", {"request_signature": "c2ln"}),
    ("lookup:refused:no_agreement", "asker", {"request_signature": "c2ln", **HEADING, "cases_asked": 2}),
    (
        "lookup:match:answered",
        "asker",
        {
            **HEADING,
            **DIGESTS,
            "scope": ["holder-1", "holder-2"],
            "request_signature": "c2ln",
            "cases": [
                {
                    "case": 0, "basis": CONSENT, "answers": {"holder-1": "N", "holder-2": "N"},
                    "reasons": {"holder-1": "withdrawn", "holder-2": "no_match"},
                },
                {
                    "case": 1, "basis": TASK, "answers": {"holder-1": "K", "holder-2": "N"},
                    "reasons": {"holder-1": "permitted", "holder-2": "no_match"},
                },
            ],
        },
    ),
    ("log:entries:read", None, {"after": 0, "entries": 5, "role": "operator"}),
]  # fmt: skip
SUBJECTS = [(2, "holder-1", 0, None, HANDLE), (5, "holder-1", 0, 0, HANDLE), (5, "holder-1", 1, 1, "0c" * 16)]


def to_revision(database: Database, revision: str) -> None:
    with database.connect_writing() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@pytest.fixture(params=["sqlite", "postgresql"])
def old_hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database as the release before left it, with a log of six entries."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = Database(server.url(server.create_database()))
    to_revision(database, "0002")
    with database.connect_writing() as connection:
        fill(connection)
    yield database
    database.close()


def fill(connection: Connection) -> None:
    for agency in ("asker", "holder-1", "holder-2"):
        connection.execute(
            text(
                "INSERT INTO agencies"
                " (agency, name, service, custodian, state, invitation_used, shared_records)"
                " VALUES (:agency, :agency, 'housing', false, 'confirmed', true, 0)"
            ),
            {"agency": agency},
        )
    entries = table(
        "log_entries", column("index"), column("at", DateTime(timezone=True)),
        *map(column, ("action", "agency", "entry", "sha256")),
    )  # fmt: skip
    for number, (action, agency, details) in enumerate(ENTRIES):
        at = AT + timedelta(seconds=number, microseconds=7)
        stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        heading = {"format": "entry/1", "action": action, "at": stamp, "agency": agency}
        data = canonical_bytes(heading | details)
        row = {"index": number + 1, "at": at, "action": action, "agency": agency, "entry": data}
        connection.execute(insert(entries), row | {"sha256": hashlib.sha256(data).digest()})
    subjects = table("log_subjects", *map(column, ("index", "holder", "number", "case", "handle")))
    for index, holder, number, case, handle in SUBJECTS:
        row = {"index": index, "holder": holder, "number": number, "case": case, "handle": handle}
        connection.execute(insert(subjects), row)
    connection.execute(text(f"UPDATE log_head SET size = {len(ENTRIES)}"))


def test_an_earlier_log_is_carried_over_whole(old_hub: Database) -> None:
    upgrade(old_hub)
    assert differences(old_hub) == []
    with old_hub.reading() as session:
        found = verify_log(session, network="test")
        entries = [entry for _, entry in read_entries(session, after=0, limit=100)]
    assert (found.findings, found.entries) == ((), len(ENTRIES))
    for (action, agency, details), entry in zip(ENTRIES, entries, strict=True):
        assert entry["converted"] == "entry/1"
        for name, value in ({"action": action, "agency": agency} | details).items():
            assert entry[name] == value, (action, name)
    assert entries[1]["handle"] == HANDLE


def test_asker_and_holder_see_their_side_of_an_earlier_log(old_hub: Database) -> None:
    upgrade(old_hub)
    with old_hub.reading() as session:
        asked, _ = view_entries(session, "asker", after=4, limit=10)
        held, _ = view_entries(session, "holder-1", after=4, limit=10)
        bystander, _ = view_entries(session, "holder-2", after=0, limit=10)
    assert [set(entry.parts) for entry in asked] == [{"who", "question"}]
    assert "withdrawn" not in json.dumps(asked[0].part("question"))
    assert [entry.part("holder:holder-1")["cases"] for entry in held] == [
        [
            {
                "case": 0,
                "basis": {"kind": "consent", "consent": None, "version": None},
                "answer": "N",
                "reason": "withdrawn",
                "handle": HANDLE,
            },
            {
                "case": 1,
                "basis": {
                    "kind": "public_task",
                    "reason_category": "risk_to_life",
                    "approver": "m-1",
                    "override": None,
                },
                "answer": "K",
                "reason": "permitted",
                "handle": "0c" * 16,
            },
        ]
    ]  # fmt: skip
    assert bystander == []


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        pytest.param("UPDATE log_entries SET action = action, entry = sha256 WHERE \"index\" = 3",
                     "entry 3: not what its digest says", id="other bytes"),
        pytest.param("DELETE FROM log_entries WHERE \"index\" = 4", "entry 4: missing", id="a gap"),
        pytest.param("DELETE FROM log_entries WHERE \"index\" = 6", "missing at its end", id="cut off"),
    ],
)  # fmt: skip
def test_an_earlier_log_that_is_broken_stops_the_upgrade(old_hub: Database, tamper: str, told: str) -> None:
    with old_hub.connect_writing() as connection:
        connection.execute(text(tamper))
    with pytest.raises(ValueError, match=told):
        upgrade(old_hub)
    with old_hub.connect_writing() as connection:
        assert connection.execute(text("SELECT count(entry) FROM log_entries")).scalar()
