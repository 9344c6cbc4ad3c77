"""The node's copy of the log: read, witnessed, verified from stored bytes, compared, and reported from."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from hub.access_log import append_entry
from hub.log_views import whole_entry
from keys.actors import Actor
from keys.documents import canonical_bytes
from keys.formats import decode_base64, encode_base64
from node.access_log import describe_log, read_documents, read_entries, sync_log
from node.client import HubClient
from node.consent import withdraw_consent
from node.errors import HubUnreachableError, IntegrityError, PolicyError, RecordFormatError
from node.home import Node
from node.kept_checkpoints import kept_checkpoints, newest_cosigned
from node.log_verify import verify_hub, verify_kept
from node.name_approvals import approve_names, find_request, request_names
from node.outbox import send_waiting
from node.receipts import read_receipts
from node.reconcile import reconcile
from node.results import keep_result
from node.subject_access import Reporting, make_report
from node.witnessing import log_key_of, witness_log
from tests.broken_transports import broken
from tests.federation import Asking, Federation, case_of, consent_basis
from tests.people import people, person

ASKING = Asking("asker-staff", "coordinator", "case_conference", conference="mdt-1")


@pytest.fixture
def sharing(federation: Federation) -> Federation:
    federation.share("holder", people(10))
    federation.consent("holder", "H00003")
    return federation


def ask_and_keep(sharing: Federation, number: int = 3) -> int:
    """Ask about a person, and keep what was asked as the command does; the entry's index."""
    asker, case = sharing.nodes["asker"], (case_of(person(number)), consent_basis())
    result = sharing.ask("asker", person(number), conference="mdt-1")
    keep_result(asker.store, result, [case], ASKING, at=sharing.clock(), days=28)
    return result.log_index


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


# Who looked?


def report(sharing: Federation, reference: str = "H00003", **changes: Any) -> Any:
    holder = sharing.acting("holder", "ig")
    sync_log(holder)
    return make_report(holder, reference, Reporting(**{"reporter": "holder-ig", **changes}))


def test_a_person_is_told_who_looked_without_names(sharing: Federation) -> None:
    index = ask_and_keep(sharing)
    sharing.ask("asker", person(4))
    made = report(sharing)
    (look,) = made.looks
    assert (look.index, look.organisation, look.role) == (index, "asker", "coordinator")
    assert (look.purpose, look.basis, look.told) == ("case_conference", "consent", "Known")
    assert "asker-staff" not in json.dumps(made.format()) and "H00003" not in json.dumps(made.format())
    assert report(sharing, "H00007").looks == ()


def test_what_was_withheld_then_shows_as_nothing_told(sharing: Federation) -> None:
    withdraw_consent(sharing.nodes["holder"], "H00003")
    send_waiting(sharing.nodes["holder"])
    ask_and_keep(sharing)
    (look,) = report(sharing).looks
    assert look.told == "nothing was shown"


def test_the_asking_agency_reports_its_own_looks_by_case_reference(sharing: Federation) -> None:
    index = ask_and_keep(sharing)
    asker = sharing.acting("asker", "ig")
    sync_log(asker)
    made = make_report(asker, "case-3", Reporting("asker-ig"))
    assert (made.looks, made.by_case_reference, made.has_record) == ((), (index,), False)
    made = make_report(asker, "case-3", Reporting("asker-ig", include=frozenset({index})))
    assert [(look.index, look.told) for look in made.looks] == [(index, "holder: Known")]
    assert made.by_case_reference == ()
    with pytest.raises(RecordFormatError, match="include"):
        make_report(asker, "case-3", Reporting("asker-ig", include=frozenset({index + 1})))


def test_a_case_reference_that_is_also_somebodys_local_id_discloses_nobody_elses_look(
    sharing: Federation,
) -> None:
    """The holder asks about someone else under the reference that is a person's of its caseload."""
    holder, row = sharing.nodes["holder"], {**person(7), "case_ref": "H00003"}
    result = sharing.ask("holder", row)
    asking = Asking("holder-staff", "coordinator", "case_conference")
    asked = [(case_of(row), consent_basis())]
    keep_result(holder.store, result, asked, asking, at=sharing.clock(), days=28)
    index = ask_and_keep(sharing)
    made = report(sharing)
    assert [look.index for look in made.looks] == [index]
    assert made.by_case_reference == (result.log_index,) and made.has_record


def test_a_reference_that_is_nobodys_is_refused(sharing: Federation) -> None:
    ask_and_keep(sharing)
    with pytest.raises(RecordFormatError, match="check the spelling"):
        report(sharing, "H0003")


def test_looks_whose_texts_were_erased_before_they_were_fetched_are_counted(sharing: Federation) -> None:
    from hub.erasure import erase_texts

    ask_and_keep(sharing)
    asked_on = sharing.clock().date()
    sharing.clock.advance(days=400)
    with sharing.hub.database.writing() as session:
        erase_texts(session, before=sharing.clock(), at=sharing.clock())
    made = report(sharing)
    assert (made.looks, made.unreadable, made.format()["unreadable"]) == ((), 1, 1)
    assert report(sharing, until=date(2020, 1, 1)).unreadable == 0
    assert report(sharing, since=asked_on, until=asked_on).unreadable == 1


def test_names_are_shown_once_a_second_person_has_approved_them_themselves(sharing: Federation) -> None:
    ask_and_keep(sharing)
    ig = sharing.acting("holder", "ig")
    request = request_names(ig, "H00003").request
    with pytest.raises(PolicyError, match="nobody has yet"):
        report(sharing, approval=request)
    for approver in (ig, ig.acting(Actor("holder-ig", "coordinator")), sharing.acting("holder", "officer")):
        with pytest.raises(PolicyError):
            approve_names(approver, request)
    approved = approve_names(sharing.acting("holder", "coordinator"), request)
    assert approved.approved_by == "holder-staff"
    with pytest.raises(PolicyError, match="another person's"):
        report(sharing, "H00004", approval=request)
    with pytest.raises(PolicyError, match="another reporter"):
        report(sharing, approval=request, reporter="other-ig")
    (look,) = report(sharing, approval=request).looks
    assert look.staff == "asker-staff"
    with pytest.raises(PolicyError, match="used for a report"):
        report(sharing, approval=request)
    with pytest.raises(PolicyError, match="approved already"):
        approve_names(sharing.acting("holder", "coordinator"), request)


def test_an_approval_of_names_is_an_entry_under_the_approvers_own_staff_id(sharing: Federation) -> None:
    ask_and_keep(sharing)
    request = request_names(sharing.acting("holder", "ig"), "H00003").request
    approve_names(sharing.acting("holder", "coordinator"), request)
    holder = sharing.acting("holder", "ig")
    sync_log(holder)
    (entry,) = [one for one in read_entries(holder.store) if one.action == "log:subject_access:approved"]
    assert (entry.part("who")["staff"], entry.part("own")["reporter"]) == ("holder-staff", "holder-ig")
    assert reconcile(holder).differences == ()
    sharing.clock.advance(days=28)
    with pytest.raises(PolicyError, match="older than 28 days"):
        report(sharing, approval=request)


def test_an_approval_that_cannot_be_logged_does_not_hold(sharing: Federation) -> None:
    ask_and_keep(sharing)
    request = request_names(sharing.acting("holder", "ig"), "H00003").request
    approver = sharing.acting("holder", "coordinator")
    with broken(approver, lambda one, _number: one.method == "POST"), pytest.raises(HubUnreachableError):
        approve_names(approver, request)
    assert find_request(approver.store, request).approved_by is None


def test_a_withheld_entry_is_counted_and_logged_with_its_reason(sharing: Federation) -> None:
    index = ask_and_keep(sharing)
    made = report(sharing, withhold={index: "crime"})
    assert (made.looks, made.withheld) == ((), 1)
    with sharing.hub.database.reading() as session:
        entry = whole_entry(session, made.log_index)
    assert entry.facts["action"] == "log:subject_access:made"
    assert (entry.facts["entries"], entry.facts["withheld"]) == (0, 1)
    own = entry.part("own")
    assert (own["withheld"], own["because"], own["reporter"]) == ([index], ["crime"], "holder-ig")
    assert "H00003" not in json.dumps(own)


@pytest.mark.parametrize(
    "withhold", [{99_999: "crime"}, {1: "crime"}], ids=["no entry", "an entry about something else"]
)
def test_only_entries_of_the_report_can_be_withheld(sharing: Federation, withhold: dict[int, str]) -> None:
    ask_and_keep(sharing)
    with pytest.raises(RecordFormatError):
        report(sharing, withhold=withhold)


def test_a_reason_for_withholding_is_one_of_the_list(sharing: Federation) -> None:
    index = ask_and_keep(sharing)
    with pytest.raises(RecordFormatError):
        report(sharing, withhold={index: "embarrassing"})


def test_a_report_covers_the_days_it_says(sharing: Federation) -> None:
    ask_and_keep(sharing)
    today = sharing.clock().date()
    assert len(report(sharing, since=today, until=today).looks) == 1
    assert report(sharing, until=date(2026, 11, 1)).looks == ()


def test_no_report_is_made_that_cannot_be_logged(sharing: Federation) -> None:
    ask_and_keep(sharing)
    holder = sharing.acting("holder", "ig")
    sync_log(holder)
    with (
        broken(holder, lambda request, _number: request.method == "POST"),
        pytest.raises(HubUnreachableError),
    ):
        make_report(holder, "H00003", Reporting("holder-ig"))
    assert holder.store.connection.execute("SELECT COUNT(*) FROM subject_report").fetchone()[0] == 0


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
