"""The access log: what asker and holder see of it, and that nothing is answered without it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from hub.access_log import Action
from hub.models import LogEntry, LogSubject
from tests.hub.client import Answer, Node, codes
from tests.hub.conftest import EPOCH, Network
from tests.hub.people import make_people

PEOPLE = make_people(20, seed=11)


def entries(node: Node, **query: int) -> list[dict[str, Any]]:
    text = "&".join(f"{name}={value}" for name, value in ({"limit": 1000} | query).items())
    answer = node.call("GET", f"/v1/log?{text}")
    assert answer.status == 200, answer.document
    return [line["entry"] | {"index": line["index"]} for line in answer.document["entries"]]


def lookups(node: Node) -> list[dict[str, Any]]:
    return [entry for entry in entries(node) if entry["action"] == "lookup:match:answered"]


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
    assert entry["scope"] == ["holder-1", "holder-2"]
    assert "handle" not in str(entry)


def test_withheld_and_unknown_look_the_same_in_the_askers_log(partnership: Network) -> None:
    share(partnership, "holder-1", slice(0, 5), consent=False)
    ask(partnership, 0, 15)
    [entry] = lookups(partnership.nodes["asker"])
    withheld, unknown = entry["cases"]
    assert withheld | {"case": 1} == unknown


def test_a_holder_sees_who_asked_about_its_records_disclosed_or_withheld(partnership: Network) -> None:
    handles = share(partnership, "holder-1", slice(0, 5), consent=False)
    partnership.nodes["holder-1"].consent(handles[1])
    ask(partnership, 0, 1, 15)
    [entry] = lookups(partnership.nodes["holder-1"])
    assert {name: entry[name] for name in ("agency", "staff", "role", "purpose", "conference")} == {
        "agency": "asker",
        "staff": "worker-1",
        "role": "coordinator",
        "purpose": "case_conference",
        "conference": "2026-02",
    }
    assert entry["cases"] == [
        {
            "case": 0,
            "basis": {"kind": "consent"},
            "answers": {"holder-1": "N"},
            "reasons": {"holder-1": "consent_missing"},
            "handle": handles[0],
        },
        {
            "case": 1,
            "basis": {"kind": "consent"},
            "answers": {"holder-1": "K"},
            "reasons": {"holder-1": "permitted"},
            "handle": handles[1],
        },
    ]
    assert "holder-2" not in str(entry)


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
    assert actions == set(map(str, Action)) - {"consent:record:withdrawn", "epoch:envelope:stored"}


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


def test_indices_have_no_gap_and_hashes_are_of_the_stored_bytes(partnership: Network) -> None:
    share(partnership, "holder-1", slice(0, 3))
    ask(partnership, 0)
    with partnership.database.reading() as session:
        rows = list(session.scalars(select(LogEntry).order_by(LogEntry.index)))
        assert [row.index for row in rows] == list(range(1, len(rows) + 1))
        assert all(row.sha256 == hashlib.sha256(row.entry).digest() for row in rows)


def test_entries_name_nobody_and_carry_no_handle(partnership: Network) -> None:
    handles = share(partnership, "holder-1", slice(0, 3))
    ask(partnership, 0)
    with partnership.database.reading() as session:
        text = b"".join(session.scalars(select(LogEntry.entry))).decode()
        assert {row.handle for row in session.scalars(select(LogSubject))} == set(handles)
    assert not any(handle in text for handle in handles)


@pytest.fixture
def log_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> int:
        raise OperationalError("", {}, Exception("no disk"))

    monkeypatch.setattr("hub.lookups.append_entry", fail)


def test_without_a_log_entry_nothing_is_answered_or_charged(
    partnership: Network, request: pytest.FixtureRequest
) -> None:
    share(partnership, "holder-1", slice(0, 3))
    request.getfixturevalue("log_broken")
    answer = ask(partnership, 0)
    assert (answer.status, answer.code) == (503, "log_unavailable")
    refused = partnership.nodes["asker"].call("POST", "/v1/lookups", {"format": "lookup/9"})
    assert (refused.status, refused.code) == (503, "log_unavailable")
    with partnership.database.reading() as session:
        from hub.models import BudgetUse, LookupRequest

        assert list(session.scalars(select(BudgetUse))) == []
        assert list(session.scalars(select(LookupRequest))) == []
