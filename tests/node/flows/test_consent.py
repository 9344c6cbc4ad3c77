"""Consent: kept here first, sent at once, waiting in order where the hub is away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.models import Consent, Record
from keys.documents import document_digest
from node.bases import PublicTaskBasis
from node.commitments import commit_reason
from node.consent import (
    Recorded,
    count_waiting,
    expiring_consents,
    find_consent,
    list_consents,
    record_consent,
    record_consents,
    record_objection,
    send_consents,
    withdraw_consent,
)
from node.consent_files import read_consents
from node.consent_lists import record_list
from node.consent_terms import Ended, Refusal
from node.errors import HubRefusedError, HubUnreachableError, PolicyError, RecordFormatError
from node.home import Node
from node.in_step import send_or_say_so
from node.known_to import as_flat_rows, as_grid_rows
from node.outbox import send_waiting
from node.pushing import push_caseload
from node.sealing import seal_person
from tests.broken_transports import always, broken
from tests.federation import Federation, terms
from tests.people import people, person

TODAY = date(2026, 11, 23)


HEADER = "local_id,captured_at,method,purposes,recipients,valid_from,valid_until,notice_version\n"


def test_withdrawal_while_the_hub_is_away_waits_and_holds_here(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    federation.consent("holder", "H00003")
    withdraw_consent(holder, "H00003")
    with broken(holder, always), pytest.raises(HubUnreachableError, match="waiting"):
        send_or_say_so(holder)
    (kept,) = list_consents(holder.store)
    assert (kept.state(federation.clock()), kept.sent, count_waiting(holder.store)) == ("withdrawn", False, 1)
    assert send_waiting(holder) == 1
    assert federation.words("asker", person(3)) == {"holder": "No shared match"}


def test_versions_go_in_order_even_if_the_first_did_not_arrive(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    for change in (
        lambda: record_consent(holder, "H00003", terms()),
        lambda: withdraw_consent(holder, "H00003"),
    ):
        change()
        with broken(holder, always), pytest.raises(HubUnreachableError):
            send_consents(holder)
    federation.clock.advance(seconds=1)
    later = federation.clock()
    record_consent(holder, "H00003", terms(captured_at=later, valid_from=later), lifts_objection=True)
    assert send_consents(holder) == 3
    assert federation.words("asker", person(3)) == {"holder": "Known"}


@pytest.mark.parametrize("end", [withdraw_consent, record_objection])
def test_an_old_consent_recorded_again_never_takes_back_a_withdrawal(
    federation: Federation, end: Callable[[Node, str], None]
) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    old = [(f"H0000{n}", terms()) for n in (3, 4)]
    assert record_consents(holder, old) == Recorded(2, ())
    end(holder, "H00003")
    assert record_consents(holder, old) == Recorded(0, (0,))
    with pytest.raises(PolicyError, match="withdrawn or objected"):
        record_consent(holder, "H00003", terms(notice_version="9"))
    send_or_say_so(holder)
    assert federation.words("asker", person(3)) == {"holder": "No shared match"}


def test_a_seal_that_waited_goes_with_the_next_consent(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    federation.consent("holder", "H00003")
    federation.consent("holder", "H00004")
    with broken(holder, always), pytest.raises(HubUnreachableError, match="sealed at this node"):
        seal_person(holder, "H00003")
    withdraw_consent(holder, "H00004")
    send_or_say_so(holder)
    # Whatever consent says: the tokens themselves have left the hub.
    with federation.hub.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Record)) == 4


def test_consent_sent_whose_answer_was_lost_is_sent_again_without_harm(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    record_consent(holder, "H00003", terms())
    with broken(holder, always, after_answer=True), pytest.raises(HubUnreachableError):
        send_consents(holder)
    assert send_consents(holder) == 1


def test_withdrawing_twice_changes_nothing(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    federation.consent("holder", "H00003")
    for _ in range(2):
        withdraw_consent(holder, "H00003")
    assert count_waiting(holder.store) == 1


def test_somebody_never_asked_can_still_refuse(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    record_objection(holder, "H00002")
    send_consents(holder)
    document = find_consent(holder.store, "H00002")
    assert document is not None and document["objected_at"] and document["recipients"] == []


def test_a_list_is_recorded_whole_or_not_at_all(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    with pytest.raises(RecordFormatError, match="no such reference"):
        record_consents(holder, [("H00001", terms()), ("H99999", terms())])
    assert list_consents(holder.store) == []


def test_a_list_recorded_again_makes_no_new_versions(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    entries = [("H00001", terms()), ("H00002", terms())]
    assert record_consents(holder, entries).changed == 2
    assert record_consents(holder, [*entries[:1], ("H00002", terms(method="verbal"))]).changed == 1


def test_withdrawal_after_the_agreement_ended_holds_when_others_sign_a_new_one(
    federation: Federation,
) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    federation.consent("holder", "H00003")
    federation.clock.advance(days=181)
    withdraw_consent(holder, "H00003")
    with pytest.raises(HubRefusedError) as refused:
        send_or_say_so(holder)
    assert refused.value.code == "no_agreement"
    federation.agree("asker", "holder", agreement="renewed")
    assert federation.words("asker", person(3)) == {"holder": "No reply yet"}
    send_waiting(holder)
    push_caseload(holder)
    assert federation.words("asker", person(3)) == {"holder": "No shared match"}


def test_a_withdrawal_holds_although_a_grant_waits_before_it_that_the_hub_refuses(
    federation: Federation,
) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    federation.consent("holder", "H00003")
    federation.clock.advance(days=181)
    record_consent(holder, "H00004", terms(captured_at=federation.clock()))
    withdraw_consent(holder, "H00003")
    with pytest.raises(HubRefusedError):
        send_or_say_so(holder)
    federation.agree("asker", "holder", agreement="renewed")
    assert federation.words("asker", person(3)) == {"holder": "No reply yet"}


@pytest.mark.parametrize("kind", list(Refusal))
def test_a_no_in_a_list_holds_on_the_day_of_a_consent_by_command(
    federation: Federation, kind: Refusal
) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    record_consent(holder, "H00003", terms(captured_at=federation.clock()))
    today = federation.clock().replace(hour=0, minute=0)
    day_before = Ended(kind, today - timedelta(days=1))
    assert record_consents(holder, [("H00003", day_before)]) == Recorded(0, (0,))
    assert record_consents(holder, [("H00003", Ended(kind, today))]) == Recorded(1, ())
    (kept,) = list_consents(holder.store)
    assert kept.state(federation.clock()) == str(kind)
    assert kept.document[kind.field] == kept.document["captured_at"]
    with pytest.raises(PolicyError):
        record_consent(holder, "H00003", terms(captured_at=federation.clock()))
    send_or_say_so(holder)
    assert federation.words("asker", person(3)) == {"holder": "No shared match"}


def test_withdrawal_and_end_hold_on_the_very_next_look_up(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    federation.consent("holder", "H00003", valid_until=federation.clock() + timedelta(minutes=1))
    federation.consent("holder", "H00004")
    assert federation.words("asker", person(3)) == federation.words("asker", person(4)) == {"holder": "Known"}
    federation.clock.advance(seconds=60)
    assert federation.words("asker", person(3)) == {"holder": "No shared match"}
    assert federation.words("asker", person(4)) == {"holder": "Known"}
    withdraw_consent(holder, "H00004")
    send_or_say_so(holder)
    assert federation.words("asker", person(4)) == {"holder": "No shared match"}


@pytest.mark.parametrize("end", [withdraw_consent, record_objection])
def test_consent_again_after_a_no_lifts_it_the_same_day_where_it_says_so(
    federation: Federation, end: Callable[[Node, str], None]
) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    end(holder, "H00003")
    federation.clock.advance(seconds=1)
    again = terms(captured_at=federation.clock())
    with pytest.raises(PolicyError, match=r"local_id.*--lifts-objection") as refused:
        record_consent(holder, "H00003", again)
    assert "H00003" not in str(refused.value)
    send_or_say_so(holder)
    assert federation.words("asker", person(3)) == {"holder": "No shared match"}
    record_consent(holder, "H00003", again, lifts_objection=True)
    send_or_say_so(holder)
    assert federation.words("asker", person(3)) == {"holder": "Known"}
    newest = find_consent(holder.store, "H00003")
    assert newest is not None and newest["lifts"] is True
    record_objection(holder, "H00003")
    send_or_say_so(holder)
    newest = find_consent(holder.store, "H00003")
    assert newest is not None and "lifts" not in newest
    assert federation.words("asker", person(3)) == {"holder": "No shared match"}


def test_lifting_where_nobody_said_no_is_refused_for_it_may_be_another_record(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    with pytest.raises(PolicyError, match="nothing to lift"):
        record_consent(holder, "H00003", terms(), lifts_objection=True)
    assert list_consents(holder.store) == []


@pytest.mark.parametrize("kind", list(Refusal))
def test_a_list_never_lifts_a_no_and_names_the_row(
    federation: Federation, tmp_path: Path, kind: Refusal
) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    said = Ended(kind, federation.clock() - timedelta(days=9))
    record_consents(holder, [("H00003", said)])
    file = tmp_path / "list.csv"
    file.write_text(
        HEADER + "".join(f"H0000{n},2026-11-20,written,case_conference,*,,,2\n" for n in (2, 3, 4))
    )
    recorded = record_list(holder, read_consents(file, today=TODAY))
    assert (recorded.changed, recorded.outdated, recorded.said_no) == (2, (), (3,))
    send_or_say_so(holder)
    assert federation.words("asker", person(3)) == {"holder": "No shared match"}
    assert federation.words("asker", person(4)) == {"holder": "Known"}


def test_consent_without_contact_gives_the_answer_without_the_card(federation: Federation) -> None:
    federation.share("holder", people(5))
    federation.consent("holder", "H00003", data_classes=("known_to",))
    federation.consent("holder", "H00004")
    result = federation.ask("asker", person(3), person(4))
    masked, whole = (case.answers[0] for case in result.cases)
    assert (str(masked.word), masked.team, masked.open, masked.card_unreadable) == (
        "Known",
        None,
        None,
        False,
    )
    assert (str(whole.word), whole.team) == ("Known", "Duty desk")
    assert masked.explain() is not None
    (first, second) = as_grid_rows(result, at=federation.clock())
    assert first[masked.name] == "Known\nask the agency; details withheld"
    assert "withheld" not in second[whole.name] and "ring " in second[whole.name]
    flat = as_flat_rows(result, at=federation.clock())[0]
    assert (flat["answer"], flat["open"], flat["last_contact"], flat["team"]) == ("Known", None, None, None)


@pytest.mark.parametrize(
    ("born", "refused"),
    [
        pytest.param("2008-01-05", True, id="eighteen on the day"),
        pytest.param("2008-01-06", False, id="seventeen on the day"),
        pytest.param("2015-07-09", False, id="a child"),
        pytest.param("1975-07-09", True, id="an adult"),
    ],
)
def test_a_parent_decides_for_a_child_and_for_nobody_else(
    federation: Federation, born: str, refused: bool
) -> None:
    federation.share("holder", [person(1, dob=born)])
    by_parent = terms(acted_by="parent", captured_at=datetime(2026, 1, 5, 12, tzinfo=UTC))
    holder = federation.nodes["holder"]
    if not refused:
        record_consent(holder, "H00001", by_parent)
        return
    with pytest.raises(RecordFormatError, match="attorney or a deputy") as caught:
        record_consent(holder, "H00001", by_parent)
    assert "acted_by" in str(caught.value) and born not in str(caught.value)
    assert list_consents(holder.store) == []


def test_the_versions_of_a_consent_are_one_chain(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    record_consent(holder, "H00003", terms())
    record_consent(holder, "H00003", terms(notice_version="3"))
    withdraw_consent(holder, "H00003")
    first, second, third = (kept.document for kept in list_consents(holder.store, history=True))
    assert first["consent"] == second["consent"] == third["consent"]
    assert [one["previous"] for one in (first, second, third)] == [
        None,
        document_digest(first),
        document_digest(second),
    ]


def test_consent_for_an_agency_that_is_not_there_is_refused_by_name_of_those_that_are(
    federation: Federation,
) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    with pytest.raises(RecordFormatError, match="it has asker, holder"):
        record_consent(holder, "H00003", terms(recipients=("asker", "somebody-else")))
    with pytest.raises(RecordFormatError, match="recipients"):
        record_consents(holder, [("H00003", terms()), ("H00004", terms(recipients=("somebody-else",)))])
    with broken(holder, always), pytest.raises(RecordFormatError, match="it has asker, holder"):
        record_consent(holder, "H00003", terms(recipients=("somebody-else",)))
    assert list_consents(holder.store) == []


def test_consents_that_end_soon_are_listed_in_the_order_of_their_ends(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(6))
    now = federation.clock()
    for local_id, days in (("H00001", 20), ("H00002", 10), ("H00003", 31), ("H00004", None)):
        until = None if days is None else now + timedelta(days=days)
        record_consent(holder, local_id, terms(valid_until=until))
    record_consent(holder, "H00005", terms(valid_until=now + timedelta(days=5)))
    withdraw_consent(holder, "H00005")
    record_consent(holder, "H00006", terms(valid_until=now - timedelta(days=1)))
    found = expiring_consents(holder.store, at=now, days=30)
    assert [kept.local_id for kept in found] == ["H00002", "H00001"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"capacity": "lacks_capacity"}, "acted_by", id="without capacity, alone"),
        pytest.param({"acted_by": "best_interests"}, "acted_by", id="best interests, with capacity"),
        pytest.param({"data_classes": ("contact",)}, "data_classes", id="contact alone"),
        pytest.param({"data_classes": ("known_to", "history")}, "data_classes", id="unknown data class"),
        pytest.param({"capacity": "unsure"}, "capacity", id="unknown capacity"),
        pytest.param({"notice_version": "9" * 65}, "notice_version", id="notice too long for the wire"),
    ],
)
def test_terms_that_cannot_be_are_named_by_their_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(RecordFormatError) as caught:
        terms(**changes)
    assert caught.value.field == field


def test_a_witness_stays_at_the_node(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    federation.consent("holder", "H00003", witness="Sentinel Neighbour")
    (kept,) = list_consents(holder.store)
    assert (kept.witness, kept.document["witnessed"]) == ("Sentinel Neighbour", True)
    with federation.hub.database.reading() as session:
        (stored,) = session.scalars(select(Consent.document))
    assert '"witnessed":true' in stored and "Sentinel" not in stored


def test_refusals_of_a_list_hold_and_older_ones_are_left_out(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    federation.consent("holder", "H00003", "H00004", captured_at=federation.clock() - timedelta(days=3))
    old = Ended(Refusal.WITHDRAWN, federation.clock() - timedelta(days=4))
    entries = [("H00003", old), ("H00004", Ended(Refusal.WITHDRAWN)), ("H00005", Ended(Refusal.OBJECTED))]
    assert record_consents(holder, entries) == Recorded(2, (0,))
    assert record_consents(holder, entries) == Recorded(0, (0,))
    now = federation.clock()
    assert [kept.state(now) for kept in list_consents(holder.store)] == ["given", "withdrawn", "objected"]


def test_a_refusal_from_the_start_is_a_refusal_and_holds_against_a_public_task(
    federation: Federation,
) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    record_consents(holder, [("H00003", Ended(Refusal.WITHDRAWN))])
    send_or_say_so(holder)
    (kept,) = list_consents(holder.store)
    assert kept.state(federation.clock()) == "refused"
    task = PublicTaskBasis("risk_to_life", "ig-lead", commit_reason("words"), "ab" * 16, federation.clock())
    assert federation.words("asker", person(3), basis=federation.approve("asker", task)) == {
        "holder": "No shared match"
    }


def test_an_old_list_never_widens_what_was_narrowed_since(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    federation.share("holder", people(5))
    wide = terms(captured_at=federation.clock() - timedelta(days=9))
    record_consent(holder, "H00003", wide)
    record_consent(holder, "H00003", terms(captured_at=federation.clock(), purposes=("single_lookup",)))
    assert record_consents(holder, [("H00003", wide)]) == Recorded(0, (0,))
    with pytest.raises(PolicyError, match="a later one"):
        record_consent(holder, "H00003", wide)
