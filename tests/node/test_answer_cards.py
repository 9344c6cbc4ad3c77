"""Answer cards of other agencies: shown as they are meant, or not at all."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from node.answer_cards import AnswerCard, read_card
from node.identifiers import Record
from node.pushing import card_text

WHOLE = {"open": True, "last_contact": "2026-10", "team": "Duty desk"}


@pytest.mark.parametrize(
    ("record", "card"),
    [
        pytest.param(
            Record(2, "A1", (), opened=date(2026, 1, 5), last_contact=date(2026, 10, 3)),
            AnswerCard(True, "2026-10", "Duty desk"),
            id="open",
        ),
        pytest.param(
            Record(2, "A1", (), closed=date(2026, 9, 1), team="Zoë’s team"),
            AnswerCard(False, "2026-09", "Zoë’s team"),
            id="closed",
        ),
        pytest.param(Record(2, "A1", ()), AnswerCard(None, None, "Duty desk"), id="nothing recorded"),
    ],
)
def test_a_card_reads_as_it_was_written(record: Record, card: AnswerCard) -> None:
    assert read_card(card_text(record, team="Duty desk", today=date(2026, 11, 23))) == card


def test_a_card_without_a_team_has_none() -> None:
    assert read_card(card_text(Record(2, "A1", ()), team="", today=date(2026, 11, 23))).team is None


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"open": 1}, id="open is a number"),
        pytest.param({"open": "yes"}, id="open is a word"),
        pytest.param({"open": []}, id="open is a list"),
        pytest.param({"last_contact": 202610}, id="month is a number"),
        pytest.param({"last_contact": "2026-13"}, id="no such month"),
        pytest.param({"last_contact": "2026-10\n"}, id="month and a line break"),
        pytest.param({"last_contact": ["2026-10"]}, id="month in a list"),
        pytest.param({"team": 7}, id="team is a number"),
        pytest.param({"team": {"name": "Duty desk"}}, id="team is an object"),
    ],
)
def test_a_card_that_says_something_else_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="card"):
        read_card(json.dumps(WHOLE | changes).encode())


@pytest.mark.parametrize("plain", [b"", b"[]", b"7", b"null", b"\xff", b"{"], ids=repr)
def test_what_is_no_object_is_refused(plain: bytes) -> None:
    with pytest.raises(ValueError):
        read_card(plain)


@pytest.mark.parametrize(
    "team",
    [
        pytest.param("\x1b[2JDuty\x07 desk", id="what a terminal obeys"),
        pytest.param("Duty \u202edesk", id="written backwards"),
        pytest.param("Duty\ud800 desk", id="half a character"),
        pytest.param("\u200bDuty desk\r\n", id="what is not seen"),
    ],
)
def test_a_team_holds_nothing_but_what_is_seen(team: str) -> None:
    shown = read_card(json.dumps(WHOLE | {"team": team}).encode()).team
    assert shown in ("Duty desk", "[2JDuty desk")
