"""What alarms read out of an entry, whatever is missing from it."""

from __future__ import annotations

from typing import Any

import pytest

from hub.access_log import Subject
from hub.alarm_facts import Event
from hub.log_facts import fact_of, record_digest

CONSENT = {"kind": "consent"}
OVERRIDE = {"kind": "public_task", "approver": "Team-Lead"}


def entry(action: str = "lookup:match:answered", **fields: Any) -> dict[str, Any]:
    heading = {"action": action, "at": "2026-02-03T09:30:00Z", "agency": "asker", "staff": "Worker-1"}
    return heading | {"cases": []} | fields


def case(number: int, answers: dict[str, str], basis: dict[str, str] = CONSENT) -> dict[str, Any]:
    return {"case": number, "basis": basis, "answers": answers, "reasons": {}}


def test_a_look_up_is_counted_by_what_was_answered() -> None:
    cases = [
        case(0, {"holder-1": "K", "holder-2": "N"}),
        case(1, {"holder-1": "N", "holder-2": "R"}),
        case(2, {"holder-1": "P", "holder-2": "A"}, OVERRIDE),
    ]
    subjects = [Subject("holder-1", "a" * 32, 0), Subject("holder-2", "b" * 32, 0)]
    fact = fact_of(7, entry(cases=cases, conference="mdt-1", near_cases=2, further_charged=4), subjects)
    assert fact is not None
    assert (fact.staff, fact.cases, fact.untold, fact.near, fact.overrides) == ("worker-1", 3, 1, 2, 1)
    assert fact.further == 4
    assert fact.conference and not fact.repeats and fact.approvers == {"team-lead"}
    told = {(touch.holder, touch.told) for touch in fact.touched}
    assert told == {("holder-1", True), ("holder-2", False)}


def test_a_record_in_two_cases_is_told_when_one_of_them_tells_it() -> None:
    cases = [case(0, {"holder-1": "N"}), case(1, {"holder-1": "K"})]
    subjects = [Subject("holder-1", "a" * 32, 0), Subject("holder-1", "a" * 32, 1)]
    fact = fact_of(7, entry(cases=cases), subjects)
    assert fact is not None and [touch.told for touch in fact.touched] == [True]


def test_what_stands_withheld_beside_an_answer_was_not_told() -> None:
    subjects = [Subject("holder-1", "a" * 32, 0), Subject("holder-1", "b" * 32, 0)]
    fact = fact_of(7, entry(cases=[case(0, {"holder-1": "K"})]), subjects)
    assert fact is not None
    told = {touch.record: touch.told for touch in fact.touched}
    assert told == {record_digest("holder-1", "a" * 32): True, record_digest("holder-1", "b" * 32): False}


def test_digests_of_records_are_no_handles_and_differ_by_holder() -> None:
    digest = record_digest("holder-1", "a" * 32)
    assert len(digest) == 16 and digest.hex() != "a" * 32
    assert digest != record_digest("holder-2", "a" * 32)


def test_an_entry_whose_texts_are_erased_still_counts_as_a_look_up() -> None:
    fact = fact_of(7, {k: v for k, v in entry().items() if k != "staff"}, ())
    assert fact is not None and (fact.event, fact.staff, fact.cases) == (Event.LOOKUP, "", 0)


@pytest.mark.parametrize(
    ("fields", "event"),
    [
        pytest.param({"action": "lookup:refused:no_agreement"}, Event.REFUSAL, id="a refusal"),
        pytest.param({"action": "call:refused:conflict"}, Event.REFUSAL, id="a refused call"),
        pytest.param({"action": "call:refused:replayed"}, Event.REPLAY, id="a replay"),
        pytest.param({"action": "log:witness:refused"}, Event.WITNESS_REFUSED, id="a witness"),
        pytest.param({"action": "log:bound:met"}, Event.BOUND_MET, id="a bound"),
        pytest.param(
            {"action": "log:entries:reconciled", "differences": 2}, Event.LOG_DIFFERENCE, id="differences"
        ),
        pytest.param({"action": "log:entries:reconciled", "differences": 0}, None, id="no difference"),
        pytest.param({"action": "push:caseload:completed"}, None, id="nothing for alarms"),
        pytest.param({"action": "log:witness:refused", "agency": None}, None, id="the hub's own doing"),
    ],
)
def test_other_entries_are_what_their_action_says(fields: dict[str, Any], event: Event | None) -> None:
    fact = fact_of(7, entry() | fields, ())
    assert (None if fact is None else fact.event) == event


def test_a_refusal_keeps_its_code() -> None:
    fact = fact_of(7, entry("lookup:refused:budget_exhausted", staff=None), ())
    assert fact is not None and (fact.code, fact.staff) == ("budget_exhausted", "")
