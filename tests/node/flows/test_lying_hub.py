"""A hub that rewrites, forks, shortens or invents its log is found out by its nodes.

The hub is the real one with the real identity: what it says is signed and, where it can be, rehashed so that
it is in order within itself. Only that the nodes remember stands against it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from hub.access_log import Action, append_entry
from hub.log_models import LogEntry, LogPart, LogSubject
from hub.log_views import read_entries as read_facts_of_log
from hub.models import LookupRequest
from keys.documents import canonical_bytes
from keys.formats import encode_base64
from node.access_log import read_entries, sync_log
from node.errors import IntegrityError
from node.kept_checkpoints import count_evidence, link_checkpoints
from node.log_events import RECONCILED
from node.log_verify import verify_hub, verify_kept
from node.reconcile import Kind, compare, reconcile, told_about
from node.witnessing import log_key_of, witness_log
from tests.federation import Federation
from tests.node.flows.lies import forge, lie, lie_in_turn
from tests.node.logs import cut_log, log_of, rewrite_tree
from tests.people import person


def alter_oldest_look_up(federation: Federation) -> int:
    """Make the oldest look-up say another purpose, and rehash the whole log."""
    with federation.hub.database.writing() as session:
        row = session.scalars(
            select(LogEntry).where(LogEntry.action == Action.LOOKUP_ANSWERED).order_by(LogEntry.index)
        ).first()
        facts = json.loads(row.leaf) | {"purpose": "single_lookup"}
        index = int(row.index)
        row.leaf = canonical_bytes(facts)
        session.flush()
        rewrite_tree(session)
    return index


def refusals(federation: Federation) -> int:
    with federation.hub.database.reading() as session:
        rows = session.scalars(select(LogEntry).where(LogEntry.action == Action.WITNESS_REFUSED))
        return len(list(rows))


def test_a_rewritten_log_is_refused_by_a_witness_and_kept_as_evidence(sharing: Federation) -> None:
    sharing.ask("asker", person(3))
    asker = sharing.nodes["asker"]
    sync_log(asker)
    alter_oldest_look_up(sharing)
    with pytest.raises(IntegrityError, match="witnessed"):
        witness_log(asker)
    assert refusals(sharing) == 1
    assert count_evidence(asker.store) == 1
    with pytest.raises(IntegrityError):
        sharing.ask("asker", person(3))
    assert [failure.rule for failure in verify_kept(asker).failures] == [
        "contradictions signed by the hub are kept as evidence"
    ]


def test_a_log_put_back_to_an_older_one_is_refused(sharing: Federation) -> None:
    sharing.ask("asker", person(3))
    asker = sharing.nodes["asker"]
    size = witness_log(asker)
    with sharing.hub.database.writing() as session:
        cut_log(session, size - 2)
    with pytest.raises(IntegrityError, match="shorter than this node has witnessed"):
        witness_log(asker)
    assert refusals(sharing) == 1


def test_a_log_put_back_and_grown_again_is_refused(sharing: Federation) -> None:
    """The refusal itself and a new look-up make it longer than before: its content is still another."""
    sharing.ask("asker", person(3))
    asker = sharing.nodes["asker"]
    size = witness_log(asker)
    with sharing.hub.database.writing() as session:
        cut_log(session, size - 1)
        for _ in range(5):
            append_entry(session, Action.LOG_READ, agency="holder", at=sharing.clock())
    with pytest.raises(IntegrityError, match="cannot prove"):
        witness_log(asker)


def test_an_edited_text_is_refused_when_the_log_is_read(sharing: Federation) -> None:
    index = sharing.ask("asker", person(3)).log_index
    with sharing.hub.database.writing() as session:
        who = (LogPart.index == index) & (LogPart.name == "who")
        text = json.loads(session.scalars(select(LogPart.text).where(who)).one())
        other = canonical_bytes(text | {"staff": "somebody-else"})
        session.execute(update(LogPart).where(who).values(text=other))
    for agency in ("asker", "holder"):
        with pytest.raises(IntegrityError, match=f"log entry {index}: part who"):
            sync_log(sharing.nodes[agency])


def test_every_broken_entry_is_listed_and_the_hub_is_told_how_many(sharing: Federation) -> None:
    """A text and a leaf are edited and a row is deleted, the tree left as it was: all three are found."""
    text, leaf, row = (sharing.ask("asker", person(3)).log_index for _ in range(3))
    asker = sharing.nodes["asker"]
    sync_log(asker)
    with sharing.hub.database.writing() as session:
        who = (LogPart.index == text) & (LogPart.name == "who")
        session.execute(update(LogPart).where(who).values(text=b"{}"))
        entry = session.get(LogEntry, leaf)
        assert entry is not None
        entry.leaf = canonical_bytes(json.loads(entry.leaf) | {"purpose": "single_lookup"})
        session.execute(delete(LookupRequest))
        session.execute(delete(LogPart).where(LogPart.index == row))
        session.execute(delete(LogSubject).where(LogSubject.index == row))
        session.execute(delete(LogEntry).where(LogEntry.index == row))
    found = {(one.index, one.kind) for one in compare(asker).differences}
    assert found == {(text, Kind.BROKEN), (leaf, Kind.BROKEN), (row, Kind.SUPPRESSED)}
    assert verify_kept(asker).failures == ()  # What the node keeps is as it was: only asking shows it.
    assert {(one.index, one.kind) for one in reconcile(asker).differences} == found
    with sharing.hub.database.reading() as session:
        (last,) = [
            facts
            for _, facts in read_facts_of_log(session, after=0, limit=1000)
            if facts["action"] == RECONCILED
        ][-1:]
    assert last["differences"] == 3


def test_a_log_without_a_length_it_has_signed_is_called_shorter(sharing: Federation) -> None:
    """It goes beyond what was cosigned, and no longer to what the last answer was proved by."""
    index = sharing.ask("asker", person(3)).log_index
    asker = sharing.nodes["asker"]
    with sharing.hub.database.writing() as session:
        cut_log(session, index - 1)
    with pytest.raises(IntegrityError, match="shorter than this node has witnessed: it was put back or cut"):
        link_checkpoints(asker.store, asker.client(), key=log_key_of(asker))


def test_an_entry_in_our_name_that_nobody_asked_for_is_a_difference(sharing: Federation) -> None:
    result = sharing.ask("asker", person(3))
    asker = sharing.nodes["asker"]
    sync_log(asker)
    (real,) = [entry for entry in read_entries(asker.store) if entry.index == result.log_index]
    parts = {"who": real.part("who"), "question": {**real.part("question"), "request": "ab" * 16}}
    with sharing.hub.database.writing() as session:
        forged = append_entry(
            session,
            Action.LOOKUP_ANSWERED,
            agency="asker",
            at=sharing.clock(),
            facts={"purpose": "case_conference"},
            parts=parts,
        ).index
    done = reconcile(asker)
    assert [(one.index, one.kind) for one in done.differences] == [(forged, Kind.NEVER_ASKED)]


def test_an_invented_look_up_is_a_difference_when_its_text_is_erased_at_once_too(sharing: Federation) -> None:
    result = sharing.ask("asker", person(3))
    with sharing.hub.database.writing() as session:
        forged = append_entry(
            session,
            Action.LOOKUP_ANSWERED,
            agency="asker",
            at=sharing.clock(),
            facts={"purpose": "case_conference"},
            parts={"who": {"staff": "asker-1"}, "question": {"cases": []}},
        ).index
        real_and_forged = LogPart.index.in_([result.log_index, forged])
        session.execute(delete(LogPart).where(real_and_forged))
    done = reconcile(sharing.nodes["asker"])
    assert [(one.index, one.kind) for one in done.differences] == [(forged, Kind.ERASED_UNPROVED)]


def test_an_entry_that_says_another_reason_than_was_asked_is_a_difference(sharing: Federation) -> None:
    """The same request once more, as if it had been repeated, but for another purpose."""
    result = sharing.ask("asker", person(3))
    asker = sharing.nodes["asker"]
    sync_log(asker)
    (real,) = [entry for entry in read_entries(asker.store) if entry.index == result.log_index]
    with sharing.hub.database.writing() as session:
        forged = append_entry(
            session,
            Action.LOOKUP_ANSWERED,
            agency="asker",
            at=sharing.clock(),
            facts={"purpose": "safeguarding_panel"},
            parts={"who": real.part("who"), "question": real.part("question")},
        ).index
    done = reconcile(asker)
    assert [(one.index, one.kind) for one in done.differences] == [(forged, Kind.OTHER_CONTENT)]


@pytest.mark.parametrize(
    ("action", "own", "kind"),
    [
        pytest.param(
            "consent:record:stored", {"handle": "ab" * 16, "version": 1}, Kind.CONSENT_UNKNOWN, id="consent"
        ),
        pytest.param("log:export:made", {}, Kind.EVENT_UNKNOWN, id="export"),
        pytest.param("override:approval:given", {"override": "ab" * 16}, Kind.EVENT_UNKNOWN, id="override"),
    ],
)
def test_an_invented_act_of_this_agency_is_a_difference(
    sharing: Federation, action: str, own: dict[str, Any], kind: Kind
) -> None:
    who = {"staff": "asker-ig", "role": "ig", "request_signature": encode_base64(bytes(64))}
    with sharing.hub.database.writing() as session:
        at, parts = sharing.clock(), {"who": who, "own": own}
        forged = append_entry(session, action, agency="asker", at=at, parts=parts).index
    done = reconcile(sharing.nodes["asker"])
    assert [(one.index, one.kind) for one in done.differences] == [(forged, kind)]


def _not_a_page(page: Any) -> None:
    del page["last"]


def _out_of_order(page: Any) -> None:
    page["entries"].reverse()


def _one_twice(page: Any) -> None:
    page["entries"].append(page["entries"][-1])


def _beyond_last(page: Any) -> None:
    page["last"] = 1


def _beyond_signed(page: Any) -> None:
    page["last"] = 10_000


def _without_proof(page: Any) -> None:
    page["entries"][0]["inclusion"] = []


def _another_proof(page: Any) -> None:
    page["entries"][0]["inclusion"] = page["entries"][1]["inclusion"]


def _not_an_entry(page: Any) -> None:
    page["entries"][0] = {"index": 1}


PAGES = (
    _not_a_page, _out_of_order, _one_twice, _beyond_last, _beyond_signed, _without_proof, _another_proof,
    _not_an_entry,
)  # fmt: skip


def test_a_page_of_the_log_that_is_not_in_order_is_refused(
    sharing: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in lie_in_turn(monkeypatch, "/v1/log", PAGES):
        with pytest.raises(IntegrityError):
            sync_log(sharing.nodes["asker"])
    assert list(read_entries(sharing.nodes["asker"].store)) == []


def hide(monkeypatch: pytest.MonkeyPatch, index: int) -> None:
    """A hub that leaves an entry out of everything it shows."""

    def without(page: Any) -> Any:
        return {**page, "entries": [one for one in page["entries"] if one["index"] != index]}

    lie(monkeypatch, "/v1/log", without)


def test_an_entry_that_is_shown_no_longer_is_a_difference(
    sharing: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = sharing.ask("asker", person(3)).log_index
    holder = sharing.nodes["holder"]
    sync_log(holder)
    hide(monkeypatch, index)
    for agency in ("asker", "holder"):
        done = reconcile(sharing.nodes[agency])
        assert [(one.index, one.kind) for one in done.differences] == [(index, Kind.SUPPRESSED)]


def test_an_entry_never_shown_to_the_holder_is_found_with_the_askers_export(
    sharing: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from node.access_log import read_documents

    index = sharing.ask("asker", person(3)).log_index
    asker, holder = sharing.nodes["asker"], sharing.nodes["holder"]
    sync_log(asker)
    told = {entry.index for entry in read_entries(asker.store) if told_about(entry, "holder")}
    exported = [{**one, "parts": {}} for one in read_documents(asker.store) if one["index"] in told]
    assert reconcile(holder, others=exported).differences == ()
    hide(monkeypatch, index)
    holder.store.connection.execute("DELETE FROM log_entry")
    done = reconcile(holder, others=exported)
    assert [(one.index, one.kind) for one in done.differences] == [(index, Kind.NOT_SHOWN)]


@pytest.mark.parametrize(
    ("grown", "said"),
    [
        pytest.param(
            False, "of a length this node has witnessed has another content", id="of the same length"
        ),
        pytest.param(True, "not the one it witnessed", id="the log has grown meanwhile"),
    ],
)
def test_a_history_shown_with_answers_alone_is_found_at_the_next_exchange(
    sharing: Federation, monkeypatch: pytest.MonkeyPatch, grown: bool, said: str
) -> None:
    """A fork: everything in it is true and signed, only its witnesses are shown another log."""
    with monkeypatch.context() as forking:
        lie(forking, "/v1/lookups", lambda answer: forge(sharing, answer, lambda _shown: None, junk="fork"))
        assert sharing.ask("asker", person(3)).cases[0].answers
    if grown:
        with sharing.hub.database.writing() as session:
            append_entry(session, Action.LOG_READ, agency="holder", at=sharing.clock())
    with pytest.raises(IntegrityError, match=said):
        witness_log(sharing.nodes["asker"])


def test_two_roots_for_one_length_are_kept_as_evidence(
    sharing: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sharing.ask("asker", person(3)).log_index
    asker = sharing.nodes["asker"]
    sync_log(asker)

    def shown(page: Any) -> Any:
        log = log_of(first, identity=sharing.hub.identity, label="fork")
        return {"entries": [], "last": 0, "checkpoint": log.note(first)}

    lie(monkeypatch, "/v1/log", shown)
    with pytest.raises(IntegrityError, match="two different logs of one length"):
        sync_log(asker)
    assert count_evidence(asker.store) == 1


def test_a_published_head_must_have_the_cosignatures_it_says(
    sharing: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for agency in ("asker", "holder"):
        witness_log(sharing.nodes[agency])
    head = verify_hub(sharing.nodes["asker"])
    assert set(head.cosigned_by) == {"asker", "holder"} and head.quorum == 2

    def alone(answer: Any) -> Any:
        lines = [one for one in answer["witnessed"].splitlines(keepends=True) if "/holder " not in one]
        return {**answer, "witnessed": "".join(lines)}

    lie(monkeypatch, "/v1/log/checkpoint", alone)
    with pytest.raises(IntegrityError, match="fewer witnesses"):
        verify_hub(sharing.nodes["asker"])
