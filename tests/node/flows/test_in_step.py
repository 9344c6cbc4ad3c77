"""Consent and seals held in step: hubs and nodes put back from a backup lose no withdrawal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from sqlite3 import connect

import pytest
from sqlalchemy import delete, func, select

from hub.models import Consent, Record
from node.caseload import find_handle
from node.consent import find_consent, list_consents, record_consent, record_objection, withdraw_consent
from node.consent_versions import add_version, find_document
from node.errors import IntegrityError
from node.home import Node
from node.in_step import send_or_say_so, settle
from node.outbox import send_waiting
from node.pushing import push_caseload
from node.reconcile import Kind, reconcile
from node.sealing import seal_person
from tests.federation import Federation, terms
from tests.people import people, person

KNOWN, NOTHING = {"holder": "Known"}, {"holder": "No shared match"}


def forget_at_hub(federation: Federation, *, after: int) -> None:
    """What a restored backup does: versions after this one are not there."""
    with federation.hub.database.writing() as session:
        session.execute(delete(Consent).where(Consent.version > after))


@pytest.fixture
def holder(federation: Federation) -> Node:
    """Shares five people, of whom the third agreed."""
    federation.share("holder", people(5))
    federation.consent("holder", "H00003")
    return federation.nodes["holder"]


@pytest.mark.parametrize("end", [withdraw_consent, record_objection])
@pytest.mark.parametrize("kept_versions", [0, 1])
def test_a_restored_hub_learns_the_withdrawal_again_when_it_is_repeated(
    federation: Federation, holder: Node, end: Callable[[Node, str], None], kept_versions: int
) -> None:
    end(holder, "H00003")
    send_or_say_so(holder)
    forget_at_hub(federation, after=kept_versions)
    if kept_versions:
        assert federation.words("asker", person(3)) == KNOWN
    end(holder, "H00003")
    settled = send_or_say_so(holder)
    assert (settled.lost, settled.sent) == (("H00003",), 2 - kept_versions)
    assert "lost" in " ".join(settled.remarks())
    assert federation.words("asker", person(3)) == NOTHING
    assert settle(holder).remarks() == []


def test_a_version_recorded_after_the_restore_does_not_stop_at_the_gap(
    federation: Federation, holder: Node
) -> None:
    withdraw_consent(holder, "H00003")
    send_or_say_so(holder)
    forget_at_hub(federation, after=0)
    record_objection(holder, "H00003")
    assert send_waiting(holder) == 3
    with federation.hub.database.reading() as session:
        assert list(session.scalars(select(Consent.version).order_by(Consent.version))) == [1, 2, 3]


def test_a_restored_hub_learns_a_lifted_no_again(federation: Federation, holder: Node) -> None:
    record_objection(holder, "H00003")
    federation.clock.advance(seconds=1)
    record_consent(holder, "H00003", terms(captured_at=federation.clock()), lifts_objection=True)
    send_or_say_so(holder)
    for kept in (2, 1):
        forget_at_hub(federation, after=kept)
        assert settle(holder).lost == ("H00003",)
        assert federation.words("asker", person(3)) == KNOWN


def agree_as_before(node: Node, local_id: str) -> None:
    """A consent after a no, as a release of before recorded it: without saying that it ends one."""
    handle = str(find_handle(node.store, local_id))
    with node.store.transaction():
        add_version(node.store, handle, terms().document(), None)
        document = find_document(node.store, handle)
        assert document is not None and document.pop("lifts")
        content = node.store.vault.seal(
            {"document": document, "witness": None}, table="consent", handle=handle
        )
        node.store.connection.execute(
            "UPDATE consent SET content = ? WHERE handle = ? AND version = ?",
            (content, handle, document["version"]),
        )


@pytest.mark.parametrize("kept_versions", [0, 1, 2])
def test_an_old_consent_after_a_no_does_not_hold_up_those_behind_it(
    federation: Federation, holder: Node, kept_versions: int
) -> None:
    withdraw_consent(holder, "H00003")
    send_or_say_so(holder)
    forget_at_hub(federation, after=kept_versions)
    agree_as_before(holder, "H00003")
    record_consent(holder, "H00004", terms())
    settled = settle(holder)
    assert settled.cut == ("H00003",)
    assert "left out" in " ".join(settled.remarks()) and "H00003" in " ".join(settled.remarks())
    assert federation.words("asker", person(3)) == NOTHING
    assert federation.words("asker", person(4)) == KNOWN
    assert (settle(holder).remarks(), send_waiting(holder)) == ([], 0)
    federation.clock.advance(seconds=1)
    record_consent(holder, "H00003", terms(captured_at=federation.clock()), lifts_objection=True)
    send_or_say_so(holder)
    assert federation.words("asker", person(3)) == KNOWN


def test_a_no_after_such_a_consent_is_not_left_out_with_it(federation: Federation, holder: Node) -> None:
    withdraw_consent(holder, "H00003")
    send_or_say_so(holder)
    agree_as_before(holder, "H00003")
    record_objection(holder, "H00003")
    assert send_waiting(holder) == 1
    kept = find_consent(holder.store, "H00003")
    assert kept is not None and kept["objected_at"] is not None and kept["withdrawn_at"] is not None
    assert (kept["version"], settle(holder).remarks()) == (3, [])


def test_reconcile_reports_a_consent_that_is_not_at_the_hub(federation: Federation, holder: Node) -> None:
    withdraw_consent(holder, "H00003")
    send_or_say_so(holder)
    reviewing = federation.acting("holder", "ig")
    assert reconcile(reviewing).differences == ()
    forget_at_hub(federation, after=1)
    assert [one.kind for one in reconcile(reviewing).differences] == [Kind.CONSENT_LOST]
    settle(holder)
    assert Kind.CONSENT_LOST not in [one.kind for one in reconcile(reviewing).differences]


def put_back(node: Node, change: Callable[[], None]) -> None:
    """Do something, and put the node's own consents back to what they were before."""
    saved = node.store.connection.execute("SELECT handle, version, content, sent FROM consent").fetchall()
    change()
    with node.store.transaction() as connection:
        connection.execute("DELETE FROM consent")
        connection.executemany("INSERT INTO consent VALUES (?, ?, ?, ?)", [tuple(row) for row in saved])


def withdraw_and_send(node: Node) -> None:
    withdraw_consent(node, "H00003")
    send_or_say_so(node)


def test_a_restored_node_takes_over_the_withdrawal_the_hub_has(federation: Federation, holder: Node) -> None:
    put_back(holder, lambda: withdraw_and_send(holder))
    settled = settle(holder)
    assert settled.taken_over == ("H00003",) and "H00003" in " ".join(settled.remarks())
    (kept,) = list_consents(holder.store)
    assert kept.state(federation.clock()) == "withdrawn"
    assert settle(holder).remarks() == []


def test_a_restored_node_that_recorded_another_consent_does_not_lift_the_hubs_withdrawal(
    federation: Federation, holder: Node
) -> None:
    def change_and_withdraw() -> None:
        federation.consent("holder", "H00003", notice_version="8")
        withdraw_and_send(holder)

    put_back(holder, change_and_withdraw)
    record_consent(holder, "H00003", terms(notice_version="9"))
    assert settle(holder).taken_over == ("H00003",)
    assert federation.words("asker", person(3)) == NOTHING


def test_a_no_said_at_a_restored_node_follows_the_hubs_newest(federation: Federation, holder: Node) -> None:
    put_back(holder, lambda: federation.consent("holder", "H00003", notice_version="9"))
    record_objection(holder, "H00003")
    settle(holder)
    newest = find_consent(holder.store, "H00003")
    assert newest is not None and newest["objected_at"]
    assert (newest["version"], newest["notice_version"]) == (3, "9")
    assert federation.words("asker", person(3)) == NOTHING


def test_a_taken_over_consent_is_sent_again_to_a_hub_that_lost_what_was_before(
    federation: Federation, holder: Node
) -> None:
    def twice() -> None:
        federation.consent("holder", "H00003", notice_version="9")
        withdraw_and_send(holder)

    put_back(holder, twice)
    settle(holder)
    forget_at_hub(federation, after=1)
    settle(holder)
    assert federation.words("asker", person(3)) == NOTHING


def test_a_consent_the_hub_invented_is_a_difference_also_once_it_was_taken_over(
    federation: Federation, holder: Node
) -> None:
    put_back(holder, lambda: federation.consent("holder", "H00003", notice_version="9"))
    settle(holder)
    kinds = [one.kind for one in reconcile(federation.acting("holder", "ig")).differences]
    assert kinds == [Kind.CONSENT_UNKNOWN]


def test_consents_under_handles_of_which_this_node_knows_nothing_are_counted(
    federation: Federation, holder: Node
) -> None:
    with federation.hub.database.writing() as session:
        text = session.scalars(select(Consent.document)).one()
        session.add(Consent(agency="holder", handle="ab" * 16, version=1, document=text))
    settled = settle(holder)
    assert (settled.unknown, settled.sent) == (1, 0) and "handles" in " ".join(settled.remarks())


def test_a_hub_that_acknowledges_and_does_not_keep_is_not_believed(
    federation: Federation, holder: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.routes.consent.store_consent", lambda *_, **__: 2)
    withdraw_consent(holder, "H00003")
    with pytest.raises(IntegrityError, match="acknowledged"):
        send_or_say_so(holder)


def test_whoever_was_sealed_is_taken_off_a_restored_hub_again(federation: Federation, holder: Node) -> None:
    with closing(connect(federation.root / "backup.db")) as backup:
        url = federation.hub.database.engine.url.database
        with closing(connect(url)) as source:
            source.backup(backup)
        seal_person(holder, "H00003")
        with closing(connect(url)) as target:
            backup.backup(target)
    assert settle(holder).removed
    with federation.hub.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Record)) == 4
    assert settle(holder).remarks() == []


def test_a_caseload_that_is_not_what_was_shared_is_said_and_a_push_mends_it(
    federation: Federation, holder: Node
) -> None:
    with federation.hub.database.writing() as session:
        record = session.scalars(select(Record)).first()
        assert record is not None
        record.sha256 = b"\x00" * 32
    assert settle(holder).caseload_differs
    assert push_caseload(holder).resent_all
    assert not settle(holder).caseload_differs
