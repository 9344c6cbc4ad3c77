"""The node's copy of the log: read, witnessed, verified from stored bytes, compared, and reported from."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hub.access_log import append_entry
from keys.documents import canonical_bytes
from keys.formats import decode_base64, encode_base64
from node.access_log import describe_log, read_documents, read_entries, sync_log
from node.client import HubClient
from node.consent import withdraw_consent
from node.errors import HubUnreachableError, IntegrityError
from node.home import Node
from node.kept_checkpoints import kept_checkpoints, newest_cosigned
from node.log_verify import verify_hub, verify_kept
from node.outbox import send_waiting
from node.receipts import read_receipts
from node.reconcile import reconcile
from node.witnessing import log_key_of, witness_log
from tests.broken_transports import broken
from tests.federation import Federation
from tests.node.flows.kept_questions import ask_and_keep
from tests.people import person


def recorded(node: Node) -> int:
    return newest_cosigned(node.store, key=log_key_of(node)).size


def test_every_exchange_witnesses_the_log(sharing: Federation) -> None:
    asker = sharing.nodes["asker"]
    assert recorded(asker) == 0
    index = ask_and_keep(sharing)
    before = recorded(asker)
    assert 0 < before < index
    sync_log(asker)
    assert recorded(asker) > index
    assert verify_kept(asker).failures == ()
    checkpoints = kept_checkpoints(asker.store, key=log_key_of(asker))
    unlinked = [one.checkpoint.size for one in checkpoints if one.next_size is None]
    assert all(size >= recorded(asker) for size in unlinked)


def test_the_state_is_written_down_before_the_cosignature_leaves(sharing: Federation) -> None:
    asker = sharing.nodes["asker"]

    def on_report(request: Any, _number: int) -> bool:
        return str(request.url.path) == "/v1/log/cosignatures"

    with broken(asker, on_report), pytest.raises(HubUnreachableError):
        witness_log(asker)
    size = recorded(asker)
    assert size > 0
    with broken(asker, on_report, after_answer=True), pytest.raises(HubUnreachableError):
        witness_log(asker)
    assert witness_log(asker) >= size


def test_a_command_that_was_overtaken_asks_again_once(
    sharing: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker, call = sharing.nodes["asker"], HubClient.call
    answered: list[Any] = []

    def overtaken(self: HubClient, method: str, path: str, body: Any = None) -> Any:
        answer = call(self, method, path, body)
        if path.startswith("/v1/log/witness-request") and not answered:
            answered.append(None)
            witness_log(asker)
        if path == "/v1/log/cosignatures":
            answered.append((body["status"], answer["status"]))
        return answer

    monkeypatch.setattr(HubClient, "call", overtaken)
    assert witness_log(asker) == recorded(asker)
    assert answered[1:] == [(200, "stored"), (409, "ask_again"), (200, "stored")]


def test_what_is_kept_verifies_and_stays_sealed(sharing: Federation) -> None:
    index = ask_and_keep(sharing)
    for node in sharing.nodes.values():
        sync_log(node)
        verified = verify_kept(node)
        assert verified.failures == () and verified.entries > 0
    asker = sharing.nodes["asker"]
    assert [receipt["index"] for _, receipt in read_receipts(asker.store)] == [index]
    database = b"".join(path.read_bytes() for path in asker.home.glob("node.sqlite3*"))
    assert b"asker-staff" not in database  # The conference and request ids are plain columns.
    assert b"request_signature" not in database


def reseal(node: Node, table: str, index: int, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a kept row as somebody who has the node key could."""
    store = node.store
    row = store.connection.execute(f"SELECT content FROM {table} WHERE log_index = ?", (index,)).fetchone()
    document = store.vault.open(row["content"], table=table, handle=str(index))
    change(document)
    content = store.vault.seal(document, table=table, handle=str(index))
    store.connection.execute(f"UPDATE {table} SET content = ? WHERE log_index = ?", (content, index))


def _other_leaf(document: dict[str, Any]) -> None:
    leaf = json.loads(decode_base64(document["leaf"], field="leaf"))
    document["leaf"] = encode_base64(canonical_bytes(leaf | {"purpose": "single_lookup"}))


def _other_part(document: dict[str, Any]) -> None:
    document["parts"]["who"]["text"]["staff"] = "somebody-else"


def _other_index(document: dict[str, Any]) -> None:
    document["index"] += 1


def _other_note(document: dict[str, Any]) -> None:
    document["checkpoint"] = document["checkpoint"].replace("\n", "\n1", 1)


SPOILED = (_other_leaf, _other_part, _other_index, _other_note)


@pytest.mark.parametrize("table", ["log_entry", "log_receipt"])
def test_a_kept_row_that_was_changed_is_named_by_index_and_rule(sharing: Federation, table: str) -> None:
    index = ask_and_keep(sharing)
    asker = sharing.nodes["asker"]
    sync_log(asker)
    select = f"SELECT content FROM {table} WHERE log_index = ?"
    original = asker.store.connection.execute(select, (index,)).fetchone()["content"]
    for spoil in SPOILED:
        reseal(asker, table, index, spoil)
        failures = verify_kept(asker).failures
        assert failures and all(failure.index in (index, index + 1) for failure in failures), spoil.__name__
        assert "somebody" not in str(failures)
        asker.store.connection.execute(
            f"UPDATE {table} SET content = ? WHERE log_index = ?", (original, index)
        )
    assert verify_kept(asker).failures == ()
    asker.store.connection.execute(f"UPDATE {table} SET content = zeroblob(99) WHERE log_index = ?", (index,))
    assert verify_kept(asker).failures


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM log_checkpoint WHERE next_size IS NOT NULL",
        "UPDATE log_checkpoint SET proof = '[]' WHERE proof <> '[]'",
        "UPDATE log_checkpoint SET next_size = NULL",
        "UPDATE log_checkpoint SET next_size = size WHERE next_size IS NOT NULL",
        "UPDATE log_checkpoint SET size = size + 1000",
    ],
    ids=["removed", "without proof", "unlinked", "linked to itself", "of another size"],
)
def test_a_broken_chain_of_checkpoints_is_found(sharing: Federation, statement: str) -> None:
    ask_and_keep(sharing)
    asker = sharing.nodes["asker"]
    sync_log(asker)
    ask_and_keep(sharing, 4)
    sync_log(asker)
    assert verify_kept(asker).failures == ()
    assert asker.store.connection.execute(statement).rowcount > 0
    assert verify_kept(asker).failures


def test_a_node_stopped_between_witnessing_and_linking_accuses_nobody(sharing: Federation) -> None:
    asker = sharing.nodes["asker"]
    ask_and_keep(sharing)
    sharing.consent("holder", "H00005")  # The log grows behind the answer's checkpoint.

    def on_link(request: Any, _number: int) -> bool:
        return str(request.url.path) in ("/v1/log/cosignatures", "/v1/log/consistency")

    with broken(asker, on_link), pytest.raises(HubUnreachableError):
        witness_log(asker)
    failures = verify_kept(asker).failures
    assert failures and all(one.unproved and "not yet proved" in one.rule for one in failures)
    verify_hub(asker)
    assert verify_kept(asker).failures == ()


def test_an_honest_hub_and_its_nodes_agree(sharing: Federation) -> None:
    ask_and_keep(sharing)
    with pytest.raises(Exception, match="role_not_permitted"):
        sharing.ask("asker", person(3), role="responder")
    withdraw_consent(sharing.nodes["holder"], "H00003")
    send_waiting(sharing.nodes["holder"])
    for node in sharing.nodes.values():
        for _ in range(2):
            done = reconcile(node)
            assert (done.differences, done.answers_lost) == ((), ())


def test_a_lost_answer_is_told_from_an_invented_question(sharing: Federation) -> None:
    lost = {"/v1/lookups"}

    def once(request: Any, _number: int) -> bool:
        return request.url.path in lost and not lost.discard(request.url.path)

    asker = sharing.nodes["asker"]
    with broken(asker, once, after_answer=True):
        index = ask_and_keep(sharing)
    done = reconcile(asker)
    assert (done.differences, done.answers_lost) == ((), (index - 1,))


def test_a_lost_receipt_of_an_event_is_told_from_an_invented_event(sharing: Federation) -> None:
    asker = sharing.nodes["asker"]
    with broken(asker, lambda request, _number: request.url.path == "/v1/log/events", after_answer=True):
        with pytest.raises(HubUnreachableError):
            reconcile(asker)
    done = reconcile(asker)
    assert (done.differences, len(done.answers_lost)) == ((), 1)


def test_an_event_that_is_logged_twice_is_a_difference(sharing: Federation) -> None:
    asker = sharing.nodes["asker"]
    reconcile(asker)
    sync_log(asker)
    (entry,) = [entry for entry in read_entries(asker.store) if entry.action == "log:entries:reconciled"]
    with sharing.hub.database.writing() as session:
        parts = {name: dict(entry.part(name)) for name in ("who", "own")}
        again = append_entry(session, entry.action, agency="asker", at=sharing.clock(), parts=parts).index
    assert [one.index for one in reconcile(asker).differences] == [again]


def test_a_comparison_is_an_entry_of_its_own(sharing: Federation) -> None:
    ask_and_keep(sharing)
    asker = sharing.nodes["asker"]
    reconcile(asker)
    sync_log(asker)
    (entry,) = [entry for entry in read_entries(asker.store) if entry.action == "log:entries:reconciled"]
    assert entry.facts["differences"] == 0 and entry.facts["receipts"] == 1


def test_erased_texts_leave_the_copy_and_the_proofs_as_they_were(sharing: Federation) -> None:
    from hub.erasure import erase_texts

    index = ask_and_keep(sharing)
    asker, holder = sharing.nodes["asker"], sharing.nodes["holder"]
    sync_log(asker)
    sharing.clock.advance(days=400)
    with sharing.hub.database.writing() as session:
        erase_texts(session, before=sharing.clock(), at=sharing.clock())
    sync_log(holder)
    assert verify_kept(holder).failures == () == reconcile(asker).differences
    erased = [line for line in describe_log(holder) if line.index == index]
    assert [(line.outcome, line.staff) for line in erased] == [("text erased", None)]
    kept = [line for line in describe_log(asker) if line.index == index]
    assert [line.outcome for line in kept] == ["holder: Known"]


def test_a_hub_that_logs_another_event_than_was_reported_is_not_believed(
    sharing: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = ask_and_keep(sharing)
    call = HubClient.call
    asker = sharing.nodes["asker"]
    (kept,) = [document for _, document in read_receipts(asker.store)]

    def lying(self: HubClient, method: str, path: str, body: Any = None) -> Any:
        answer = call(self, method, path, body)
        return {"index": index, "receipt": kept} if path == "/v1/log/events" else answer

    monkeypatch.setattr(HubClient, "call", lying)
    with pytest.raises(IntegrityError, match="another event"):
        reconcile(asker)
    assert list(read_documents(asker.store)) == []
