"""Consent: kept here first, sent at once, waiting in order where the hub is away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.models import Record
from node.consent import (
    Recorded,
    count_waiting,
    find_consent,
    list_consents,
    record_consent,
    record_consents,
    record_objection,
    send_consents,
    send_or_say_so,
    withdraw_consent,
)
from node.consent_files import read_consents
from node.errors import HubRefusedError, HubUnreachableError, PolicyError, RecordFormatError
from node.home import Node
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
    later = federation.clock() + timedelta(seconds=1)
    record_consent(holder, "H00003", terms(captured_at=later, valid_from=federation.clock()))
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


def test_a_consent_list_reads_days_in_both_orders_and_several_purposes(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(HEADER + "A1,02/03/2026,Written,case_conference; single_lookup,*,,31/12/2026,2\n")
    ((local_id, found),) = read_consents(file, today=TODAY)
    assert local_id == "A1"
    assert (found.captured_at.date(), found.valid_from.date()) == (date(2026, 3, 2), date(2026, 3, 2))
    assert found.valid_until is not None and found.valid_until.date() == date(2027, 1, 1)
    assert found.purposes == ("case_conference", "single_lookup")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        pytest.param(
            ",2026-03-02,written,statistics,*,,,2", "row 2, local_id: is missing", id="no reference"
        ),
        pytest.param("A1,,written,statistics,*,,,2", "row 2, captured_at: is missing", id="no day"),
        pytest.param("A1,soon,written,statistics,*,,,2", "row 2, captured_at: cannot", id="unreadable day"),
        pytest.param("A1,2026-03-02,nodded,statistics,*,,,2", "row 2, method", id="unknown method"),
        pytest.param("A1,2026-03-02,written,gossip,*,,,2", "row 2, purposes", id="unknown purpose"),
        pytest.param("A1,2026-03-02,written,statistics,,,,2", "row 2, recipients", id="nobody may be told"),
        pytest.param("A1,2026-03-02,written,statistics,*,,,", "row 2, notice_version", id="no notice"),
        pytest.param(
            "A1,2026-03-02,written,statistics,*,2026-05-01,2026-04-01,2",
            "row 2, valid_until",
            id="ends first",
        ),
        pytest.param(
            "A1,2026-03-02,written,statistics,*,,,2\nA1,2026-03-02,verbal,statistics,*,,,2",
            "row 3, local_id: stands in an earlier row",
            id="same reference twice",
        ),
    ],
)
def test_a_bad_consent_list_is_named_by_row_and_rule(tmp_path: Path, row: str, says: str) -> None:
    file = tmp_path / "list.csv"
    file.write_text(HEADER + row + "\n")
    with pytest.raises(RecordFormatError, match=says):
        read_consents(file, today=TODAY)


def test_a_consent_list_without_a_column_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("local_id,method\nA1,written\n")
    with pytest.raises(RecordFormatError, match="captured_at: the column is missing"):
        read_consents(file, today=TODAY)


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
