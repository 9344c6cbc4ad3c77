"""The access log: what asker and holder see of it, and that nothing is answered without it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import OperationalError

from hub.access_log import Action
from hub.log_models import LogEntry, LogPart, LogSubject
from hub.models import BudgetUse, LookupRequest
from tests.hub.client import Answer, Node, codes
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import make_people

PEOPLE = make_people(20, seed=11)


def entries(node: Node, **query: int) -> list[dict[str, Any]]:
    return node.log(**query)


def lookups(node: Node) -> list[dict[str, Any]]:
    return [entry for entry in entries(node) if entry["action"] == "lookup:match:answered"]


def shown_parts(node: Node) -> list[list[str]]:
    """The names of the parts shown of every look-up."""
    page = node.call("GET", "/v1/log?limit=1000").document
    return [sorted(line["parts"]) for line in page["entries"] if "who" in line["parts"]]


def share(network: Network, agency: str, people: slice, *, consent: bool = True) -> list[str]:
    node = network.nodes[agency]
    records = [node.record([person], network.schema) for person in PEOPLE[people]]
    assert node.push(records, network.schema, epoch=EPOCH).status == 200
    for record in records if consent else ():
        node.consent(record["handle"])
    return [record["handle"] for record in records]


def ask(network: Network, *people: int) -> Answer:
    asker = network.nodes["asker"]
    return asker.look_up(asker.question([PEOPLE[n] for n in people], network.schema, epoch=EPOCH))


def test_the_asker_sees_what_it_was_told_and_no_reason(partnership: Network) -> None:
    share(partnership, "holder-1", slice(0, 5))
    share(partnership, "holder-2", slice(0, 5), consent=False)
    answer = ask(partnership, 0, 15)
    [entry] = lookups(partnership.nodes["asker"])
    assert entry["index"] == answer.document["log_index"]
    assert [case["answers"] for case in entry["cases"]] == [codes(answer, 0), codes(answer, 1)]
    assert all(set(case) == {"case", "basis", "answers"} for case in entry["cases"])
    assert (entry["scope"], entry["agencies"]) == (["holder-1", "holder-2"], None)
    assert "handle" not in str(entry)
    assert shown_parts(partnership.nodes["asker"])[-1] == ["question", "who"]


def test_withheld_and_unknown_look_the_same_in_the_askers_log(partnership: Network) -> None:
    share(partnership, "holder-1", slice(0, 5), consent=False)
    ask(partnership, 0, 15)
    [entry] = lookups(partnership.nodes["asker"])
    withheld, unknown = entry["cases"]
    assert withheld | {"case": 1} == unknown


def test_names_and_number_of_parts_are_the_same_whoever_matched(partnership: Network) -> None:
    ask(partnership, 0)
    share(partnership, "holder-1", slice(0, 5))
    ask(partnership, 0, 1, 15)
    with partnership.database.reading() as session:
        answered = select(LogEntry.index).where(LogEntry.action == Action.LOOKUP_ANSWERED)
        rows = session.execute(select(LogPart.index, LogPart.name).where(LogPart.index.in_(answered)))
        names: dict[int, set[str]] = {}
        for index, name in rows:
            names.setdefault(index, set()).add(name)
    assert list(names.values()) == [{"who", "question", "reasons", "holder:holder-1", "holder:holder-2"}] * 2


def test_a_holder_sees_who_asked_about_its_records_disclosed_or_withheld(partnership: Network) -> None:
    handles = share(partnership, "holder-1", slice(0, 5), consent=False)
    partnership.nodes["holder-1"].consent(handles[1])
    ask(partnership, 0, 1, 15)
    [entry] = lookups(partnership.nodes["holder-1"])
    shown = ("agency", "staff", "role", "purpose", "conference", "approvers")
    assert {name: entry[name] for name in shown} == {
        "agency": "asker",
        "staff": "worker-1",
        "role": "coordinator",
        "purpose": "case_conference",
        "conference": "2026-02",
        "approvers": [],
    }
    withheld, disclosed = entry["cases"]
    assert withheld == {
        "case": 0,
        "basis": {"kind": "consent", "consent": None, "version": None},
        "answer": "N",
        "reason": "consent_missing",
        "handle": handles[0],
    }
    consent = disclosed["basis"].pop("consent")
    assert len(consent) == 32
    assert disclosed == {
        "case": 1,
        "basis": {"kind": "consent", "version": 1},
        "answer": "K",
        "reason": "permitted",
        "handle": handles[1],
    }
    assert "holder-2" not in str(entry)
    assert shown_parts(partnership.nodes["holder-1"])[-1] == ["holder:holder-1", "who"]


def test_a_holder_that_matched_nobody_sees_nothing(partnership: Network) -> None:
    share(partnership, "holder-1", slice(0, 5))
    share(partnership, "holder-2", slice(10, 12))
    ask(partnership, 0, 15)
    assert lookups(partnership.nodes["holder-2"]) == []


def test_a_holder_that_was_not_asked_sees_nothing(partnership: Network) -> None:
    share(partnership, "holder-1", slice(0, 5))
    asker = partnership.nodes["asker"]
    question = asker.question(PEOPLE[:1], partnership.schema, epoch=EPOCH, agencies=["holder-2"])
    assert codes(asker.look_up(question))["holder-1"] == "A"
    assert lookups(partnership.nodes["holder-1"]) == []


def test_a_holder_is_not_told_by_the_log_whose_look_up_a_new_record_would_have_matched(
    partnership: Network,
) -> None:
    ask(partnership, 0)
    share(partnership, "holder-1", slice(0, 5))
    assert lookups(partnership.nodes["holder-1"]) == []


def test_own_consents_are_shown_with_their_handle(partnership: Network) -> None:
    [handle] = share(partnership, "holder-1", slice(0, 1))
    node = partnership.nodes["holder-1"]
    node.consent(handle, version=2, withdrawn_at="2026-02-03T09:00:00Z")
    found = [entry for entry in entries(node) if entry["action"].startswith("consent")]
    assert [(entry["action"], entry["handle"], entry["version"]) for entry in found] == [
        ("consent:record:stored", handle, 1),
        ("consent:record:withdrawn", handle, 2),
    ]


def test_every_event_leaves_its_entry(partnership: Network) -> None:
    share(partnership, "holder-1", slice(0, 1))
    partnership.nodes["holder-1"].call("DELETE", "/v1/caseload")
    ask(partnership, 0)
    entries(partnership.nodes["asker"])
    with partnership.database.reading() as session:
        actions = set(session.scalars(select(LogEntry.action)))
    elsewhere = {
        "consent:record:lifted",
        "consent:record:objected",
        "consent:record:withdrawn",
        "epoch:envelope:stored",
        "call:refused:replayed",
        "linking:run:completed",
        "cohort:count:published",
        "cohort:snapshot:kept",
        "cohort:snapshot:released",
        "cohort:list:read",
        "pairs:decision:made",
        "pairs:history:read",
        "pairs:queue:read",
        "log:texts:erased",
        "log:bound:met",
        "log:witness:refused",
        "review:item:decided",
    }
    assert actions == set(map(str, Action)) - elsewhere


def test_reading_to_the_end_comes_to_an_end(partnership: Network) -> None:
    share(partnership, "holder-1", slice(0, 5))
    node, after, seen = partnership.nodes["holder-1"], 0, []
    for _ in range(50):
        page = node.call("GET", f"/v1/log?after={after}&limit=3").document
        seen += [line["index"] for line in page["entries"]]
        after = page["last"]
        if len(page["entries"]) < 3:
            break
    assert seen == [entry["index"] for entry in entries(node)]
    assert node.call("GET", f"/v1/log?after={after}").document["entries"] == []


def test_leaves_name_nobody_and_carry_no_handle(partnership: Network) -> None:
    handles = share(partnership, "holder-1", slice(0, 3))
    ask(partnership, 0)
    with partnership.database.reading() as session:
        leaves = b"".join(session.scalars(select(LogEntry.leaf))).decode()
        assert {row.handle for row in session.scalars(select(LogSubject))} == {handles[0]}
    for personal in (*handles, "worker-1", "2026-02", "coordinator", "staff"):
        assert personal not in leaves.replace('"at":"2026-02', "")


def test_without_a_log_entry_nothing_is_answered_or_charged(
    partnership: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise OperationalError("", {}, Exception("no disk"))

    share(partnership, "holder-1", slice(0, 3))
    monkeypatch.setattr("hub.lookups.append_entry", fail)
    answer = ask(partnership, 0)
    assert (answer.status, answer.code) == (503, "log_unavailable")
    refused = partnership.nodes["asker"].call("POST", "/v1/lookups", {"format": "lookup/9"})
    assert (refused.status, refused.code) == (503, "log_unavailable")
    assert nothing_is_charged(partnership)


def nothing_is_charged(network: Network) -> bool:
    with network.database.reading() as session:
        return (
            not session.scalars(select(BudgetUse)).all() and not session.scalars(select(LookupRequest)).all()
        )


def test_a_log_that_cannot_be_written_answers_everybody_the_same(partnership: Network) -> None:
    """Read-only (PostgreSQL's and SQLite's own switches): known, unknown, malformed, and every other call."""
    share(partnership, "holder-1", slice(0, 3))
    make_read_only(partnership)
    asker = partnership.nodes["asker"]
    answers = [
        ask(partnership, 0),
        ask(partnership, 15),
        asker.call("POST", "/v1/lookups", {"format": "lookup/9"}),
        asker.call("GET", "/v1/log"),
        asker.call("GET", "/v1/agencies"),
    ]
    assert {(answer.status, answer.code, answer.body) for answer in answers} == {
        (503, "log_unavailable", answers[0].body)
    }
    assert nothing_is_charged(partnership)
    health = partnership.client.get("/v1/health")
    assert health.status_code == 503


def make_read_only(network: Network) -> None:
    engine = network.database.engine
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def forbid(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA query_only=ON")

    else:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            name = connection.execute(text("SELECT current_database()")).scalar()
            connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    engine.dispose()


def test_a_full_disk_answers_503_and_the_next_look_up_after_it_works(partnership: Network) -> None:
    engine = partnership.database.engine
    if engine.dialect.name != "sqlite":
        pytest.skip("only SQLite can be told that its disk is full")
    share(partnership, "holder-1", slice(0, 3))
    before = log_length(partnership)
    limit_pages(partnership, None)
    statuses = [ask(partnership, 0, *range(10, 20)).status for _ in range(40)]
    assert statuses[-1] == 503
    answered = statuses.index(503)
    assert log_length(partnership) == before + answered
    limit_pages(partnership, 2**30)
    assert ask(partnership, 0).status == 200
    assert log_length(partnership) == before + answered + 1


def limit_pages(network: Network, pages: int | None) -> None:
    """Let the database grow up to some pages; None: by a few from where it is."""
    engine = network.database.engine
    with engine.connect() as connection:
        now = connection.execute(text("PRAGMA page_count")).scalar_one()

    @event.listens_for(engine, "connect")
    def limit(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages or now + 4}")

    engine.dispose()


def log_length(network: Network) -> int:
    with network.database.reading() as session:
        return len(session.scalars(select(LogEntry.index)).all())
