"""Entries as lines, for the asker, a holder and the hub; searches over them; parts checked against leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from keys.documents import canonical_bytes
from keys.formats import encode_base64
from node.answers import WORDS
from node.errors import IntegrityError, RecordFormatError
from node.leaves import Entry, commit_part, read_entry
from node.log_lines import ERASED, PRINTED, LogLine, Reader, describe_entry
from node.log_search import (
    ACTIONS,
    OUTCOMES,
    Search,
    has_outcome,
    parse_search,
    require_agency,
    search_lines,
)

SALT = bytes(range(16))
HANDLE = "ab" * 16
WHO = {
    "staff": "officer-1",
    "role": "officer",
    "conference": "mdt-1",
    "approvers": [],
    "request_signature": "c2ln",
}
BASIS = {"kind": "consent", "captured_at": "2026-01-05T00:00:00Z", "method": "written", "scope": []}
QUESTION = {
    "request": "cd" * 16,
    "scope": ["holder", "other"],
    "agencies": None,
    "cases": [
        {"case": 0, "basis": BASIS, "answers": {"holder": "K", "other": "N"}},
        {"case": 1, "basis": BASIS, "answers": {"holder": "N", "other": "R"}},
    ],
    "repeats": None,
}
HELD = {
    "cases": [
        {
            "case": 0,
            "basis": {"kind": "consent", "consent": "ef" * 16, "version": 2},
            "answer": "K",
            "reason": "permitted",
            "handle": HANDLE,
        },
        {
            "case": 1,
            "basis": {"kind": "public_task", "reason_category": "serious_harm", "approver": "ig-1"},
            "answer": "N",
            "reason": "withdrawn",
            "handle": HANDLE,
        },
    ]
}
REASONS = {
    "cases": [
        {"case": 0, "reasons": {"holder": "permitted", "other": "no_match"}},
        {"case": 1, "reasons": {"holder": "withdrawn", "other": "too_old"}},
    ]
}
PARTS = {"who": WHO, "question": QUESTION, "holder:holder": HELD, "holder:other": {"cases": []}}
PARTS |= {"reasons": REASONS}
ASKER = Reader("asker", lambda request: ["CASE-1", "CASE-2"] if request == "cd" * 16 else [])
HOLDER = Reader("holder", reference=lambda handle: "LOCAL-1" if handle == HANDLE else None)
HUB = Reader()


def document(
    *shown: str,
    erased: tuple[str, ...] = (),
    action: str = "lookup:match:answered",
    parts: Mapping[str, Any] = PARTS,
    **facts: Any,
) -> dict[str, Any]:
    """An entry as the wire carries it."""
    leaf = {
        "format": "leaf/1",
        "index": 7,
        "at": "2026-11-23T09:00:00Z",
        "action": action,
        "agency": "asker",
        "purpose": "case_conference",
        "parts": {name: commit_part(name, text, salt=SALT) for name, text in parts.items()},
        **facts,
    }
    return {
        "index": 7,
        "leaf": encode_base64(canonical_bytes(leaf)),
        "parts": {name: {"salt": encode_base64(SALT), "text": parts[name]} for name in shown}
        | {name: None for name in erased},
    }


def lines(reader: Reader, *shown: str, **changes: Any) -> list[LogLine]:
    return list(describe_entry(read_entry(document(*shown, **changes)), reader))


def entry_of(*shown: str, **changes: Any) -> Entry:
    return read_entry(document(*shown, **changes))


def test_the_asker_reads_its_cases_by_its_own_references() -> None:
    one, two = lines(ASKER, "who", "question")
    assert (one.direction, one.reference, two.reference) == ("asked", "CASE-1", "CASE-2")
    assert one.outcome == "holder: Known; other: No shared match"
    assert (one.staff, one.role, one.purpose, one.conference) == (
        "officer-1",
        "officer",
        "case_conference",
        "mdt-1",
    )
    assert one.withheld == ("holder:holder", "holder:other", "reasons")


def test_a_holder_reads_whose_record_it_was_and_why_an_answer_was_withheld() -> None:
    told, withheld = lines(HOLDER, "who", "holder:holder")
    assert (told.direction, told.reference, told.outcome) == ("about us", "LOCAL-1", "Known")
    assert told.consent == f"{'ef' * 16} version 2"
    assert (withheld.basis, withheld.approver) == ("public_task", "ig-1")
    assert withheld.outcome == "No shared match (withdrawn)"


def test_the_hub_reads_every_reason_and_no_reference() -> None:
    one, two = lines(HUB, *PARTS)
    assert (one.reference, one.handle, one.withheld) == (None, None, ())
    assert one.outcome == "holder: Known; other: No shared match (no_match)"
    assert two.outcome == "holder: No shared match (withdrawn); other: No reply yet (too_old)"


def test_a_handle_is_never_printed() -> None:
    assert "handle" not in PRINTED and "answers" not in PRINTED
    assert HANDLE not in repr(lines(HOLDER, "who", "holder:holder"))


def test_an_erased_text_is_said_to_be_erased() -> None:
    (line,) = lines(ASKER, erased=("who", "question"))
    assert (line.outcome, line.staff, line.at) == (ERASED, None, "2026-11-23T09:00:00Z")


def test_other_actions_show_their_plain_facts() -> None:
    own = {"handle": HANDLE, "version": 3}
    parts = {"who": {"staff": "responder-1", "role": "responder", "request_signature": "c2ln"}, "own": own}
    reader = Reader("asker", reference=lambda handle: "LOCAL-1" if handle == HANDLE else None)
    (line,) = lines(reader, "who", "own", action="push:caseload:completed", parts=parts, records=12)
    assert (line.staff, line.reference, line.outcome) == ("responder-1", "LOCAL-1", "records: 12")


def test_a_refused_look_up_says_why() -> None:
    parts = {"who": WHO, "question": {"request": "cd" * 16, "cases_asked": 3}}
    (line,) = lines(ASKER, "who", "question", action="lookup:refused:no_agreement", parts=parts)
    assert line.outcome == "refused: no_agreement"
    assert has_outcome(line, "refused") and not has_outcome(replace(line, action="lookup"), "refused")


def test_any_other_refused_call_says_why_and_which() -> None:
    (line,) = lines(
        ASKER, "who", action="call:refused:conflict", parts={"who": WHO}, call="PUT /v1/consents/{handle}"
    )
    assert line.outcome == "refused: conflict; call: PUT /v1/consents/{handle}"
    assert has_outcome(line, "refused")


def _other_text(entry: dict[str, Any]) -> None:
    entry["parts"]["who"]["text"] = {**WHO, "staff": "officer-2"}


def _other_salt(entry: dict[str, Any]) -> None:
    entry["parts"]["who"]["salt"] = encode_base64(bytes(16))


def _short_salt(entry: dict[str, Any]) -> None:
    entry["parts"]["who"]["salt"] = encode_base64(SALT[:15])


def _swapped_parts(entry: dict[str, Any]) -> None:
    parts = entry["parts"]
    parts["who"], parts["question"] = parts["question"], parts["who"]


def _unpromised(entry: dict[str, Any]) -> None:
    entry["parts"]["own"] = {"salt": encode_base64(SALT), "text": {}}


def _other_index(entry: dict[str, Any]) -> None:
    entry["index"] = 8


def _not_canonical(entry: dict[str, Any]) -> None:
    entry["leaf"] = encode_base64(b" " + canonical_bytes({"format": "leaf/1"}))


def _not_a_leaf(entry: dict[str, Any]) -> None:
    entry["leaf"] = encode_base64(canonical_bytes({"format": "leaf/2", "parts": {}, "index": 7}))


def _no_object(entry: dict[str, Any]) -> None:
    entry["parts"]["who"] = []


@pytest.mark.parametrize(
    "spoil",
    [
        _other_text,
        _other_salt,
        _short_salt,
        _swapped_parts,
        _unpromised,
        _other_index,
        _not_canonical,
        _not_a_leaf,
        _no_object,
    ],
)
def test_a_spoiled_entry_is_refused_without_saying_what_it_holds(spoil: Any) -> None:
    entry = document("who", "question")
    spoil(entry)
    with pytest.raises(IntegrityError) as caught:
        read_entry(entry)
    assert "officer" not in str(caught.value)


def test_an_entry_is_formatted_as_it_was_read() -> None:
    shown = document("who", "question", erased=("reasons",))
    assert read_entry(shown).format() == shown


FOUND = {
    "staff, capitals or not": ({"staff": "Officer-1"}, 4),
    "other staff": ({"staff": "officer-2"}, 0),
    "agency": ({"agency": "asker"}, 4),
    "purpose": ({"purpose": "single_lookup"}, 0),
    "conference": ({"conference": "mdt-1"}, 4),
    "whole action": ({"action": "lookup:match:answered"}, 4),
    "beginning of an action": ({"action": "lookup"}, 4),
    "reference": ({"reference": "LOCAL-1"}, 2),
    "an answer": ({"outcome": "known"}, 2),
    "another answer": ({"outcome": "no_reply_yet"}, 1),
    "withheld": ({"outcome": "withheld"}, 1),
    "refused": ({"outcome": "refused"}, 0),
    "since that day": ({"since": "2026-11-23"}, 4),
    "since the day after": ({"since": "2026-11-24"}, 0),
    "until that day": ({"until": "2026-11-23"}, 4),
    "until the day before": ({"until": date(2026, 11, 22)}, 0),
    "two criteria": ({"outcome": "known", "reference": "LOCAL-1"}, 1),
    "nothing": ({}, 4),
}


@pytest.mark.parametrize("values, count", FOUND.values(), ids=FOUND)
def test_a_search_finds_what_holds_all_its_criteria(values: dict[str, Any], count: int) -> None:
    everything = [*lines(ASKER, "who", "question"), *lines(HOLDER, "who", "holder:holder")]
    search = parse_search(values)
    assert len(list(search_lines(everything, search))) == count
    assert parse_search(search.format()) == search


@pytest.mark.parametrize(
    "values", [{"surname": "x"}, {"since": "yesterday"}, {"outcome": "maybe"}], ids=["name", "day", "outcome"]
)
def test_a_search_that_cannot_be_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(RecordFormatError):
        parse_search(values)


@pytest.mark.parametrize(
    ("values", "listed"),
    [
        pytest.param({"purpose": "case_confrence"}, "single_lookup", id="purpose"),
        pytest.param({"action": "lokup"}, "consent:record:withdrawn", id="action"),
        pytest.param({"action": "look"}, "lookup:match:answered", id="half a word of an action"),
    ],
)
def test_an_unknown_word_is_refused_with_the_known_ones(values: dict[str, str], listed: str) -> None:
    with pytest.raises(RecordFormatError, match=listed):
        parse_search(values)


def test_every_action_of_the_log_can_be_searched_for() -> None:
    from hub.access_log import Action, NodeEvent

    assert set(ACTIONS) == {*map(str, Action), *map(str, NodeEvent), "lookup:refused", "call:refused"}
    for action in (*ACTIONS, "lookup:refused:no_agreement", "lookup:refused:", "override"):
        assert parse_search({"action": action}).action == action


def test_an_agency_that_did_nothing_is_refused_with_those_who_did() -> None:
    everything = [*lines(ASKER, "who", "question")]
    require_agency(parse_search({"agency": "Asker"}), everything)
    require_agency(parse_search({}), everything)
    with pytest.raises(RecordFormatError, match="entries by asker"):
        require_agency(parse_search({"agency": "askr"}), everything)


def test_an_answer_without_its_card_is_not_withheld() -> None:
    one = replace(lines(ASKER, "who", "question")[0], reasons=("no_match", "permitted_without_card"))
    assert not has_outcome(one, "withheld")
    assert has_outcome(replace(one, reasons=("withdrawn", "permitted_without_card")), "withheld")


def test_every_answer_word_can_be_searched_for() -> None:
    assert set(OUTCOMES.values()) == set(WORDS)


def test_a_search_shows_no_reference_in_its_repr() -> None:
    assert "LOCAL-1" not in repr(Search(reference="LOCAL-1"))
