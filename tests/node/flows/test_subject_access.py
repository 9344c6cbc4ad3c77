"""The subject access report: who looked, told to the person."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from hub.log_views import whole_entry
from keys.actors import Actor
from node.access_log import read_entries, sync_log
from node.consent import withdraw_consent
from node.errors import HubUnreachableError, PolicyError, RecordFormatError
from node.name_approvals import approve_names, find_request, request_names
from node.outbox import send_waiting
from node.reconcile import reconcile
from node.results import keep_result
from node.subject_access import Reporting, make_report
from tests.broken_transports import broken
from tests.federation import Asking, Federation, case_of, consent_basis
from tests.node.flows.kept_questions import ask_and_keep
from tests.people import person


def report(sharing: Federation, reference: str = "H00003", **changes: Any) -> Any:
    holder = sharing.acting("holder", "ig")
    sync_log(holder)
    return make_report(holder, reference, Reporting(**{"reporter": "holder-ig", **changes}))


def test_a_person_is_told_who_looked_without_names(sharing: Federation) -> None:
    index = ask_and_keep(sharing)
    sharing.ask("asker", person(4))
    made = report(sharing)
    (look,) = made.looks
    assert (look.index, look.organisation, look.role) == (index, "Asker service", "coordinator")
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
