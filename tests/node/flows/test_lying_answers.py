"""A hub whose answers say something else than its log: nothing of them is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keys.documents import canonical_bytes
from keys.formats import decode_base64, encode_base64
from node.errors import IntegrityError
from tests.federation import Federation, consent_basis
from tests.node.flows.lies import Change, forge, lie, lie_in_turn
from tests.node.logs import MemoryLog, log_of
from tests.people import person


def _other_code(shown: Any) -> None:
    shown["parts"]["question"]["cases"][0]["answers"]["holder"] = "N"


def _other_case(shown: Any) -> None:
    shown["parts"]["question"]["cases"][0]["case"] = 1


def _other_basis(shown: Any) -> None:
    shown["parts"]["question"]["cases"][0]["basis"]["method"] = "verbal"


def _other_request(shown: Any) -> None:
    shown["parts"]["question"]["request"] = "ab" * 16


def _other_scope(shown: Any) -> None:
    shown["parts"]["question"]["scope"] = []


def _other_agencies(shown: Any) -> None:
    shown["parts"]["question"]["agencies"] = ["holder"]


def _other_staff(shown: Any) -> None:
    shown["parts"]["who"]["staff"] = "somebody-else"


def _other_conference(shown: Any) -> None:
    shown["parts"]["who"]["conference"] = "mdt-9"


def _other_signature(shown: Any) -> None:
    shown["parts"]["who"]["request_signature"] = encode_base64(bytes(64))


def _other_purpose(shown: Any) -> None:
    shown["facts"]["purpose"] = "single_lookup"


def _other_agency(shown: Any) -> None:
    shown["facts"]["agency"] = "holder"


def _other_action(shown: Any) -> None:
    shown["facts"]["action"] = "lookup:refused:no_agreement"


def _other_index(shown: Any) -> None:
    shown["facts"]["index"] += 1


def _a_part_less(shown: Any) -> None:
    del shown["facts"]["parts"]["reasons"]


def _a_part_more(shown: Any) -> None:
    shown["facts"]["parts"]["holder:nobody"] = "00" * 32


def _no_question(shown: Any) -> None:
    del shown["parts"]["question"]


def _cases_no_list(shown: Any) -> None:
    shown["parts"]["question"]["cases"] = [1]


SAID_OTHERWISE = (
    _other_code, _other_case, _other_basis, _other_request, _other_scope, _other_agencies, _other_staff,
    _other_conference, _other_signature, _other_purpose, _other_agency, _other_action, _other_index,
    _a_part_less, _a_part_more, _no_question, _cases_no_list,
)  # fmt: skip


def test_no_answer_is_shown_whose_entry_says_something_else(
    sharing: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    change: list[Change] = []
    lie(monkeypatch, "/v1/lookups", lambda answer: forge(sharing, answer, change[0]))
    for one in SAID_OTHERWISE:
        change[:] = [one]
        with pytest.raises(IntegrityError, match=r"log entry \d+: the receipt") as caught:
            sharing.ask("asker", person(3), basis=consent_basis())
        assert "somebody" not in str(caught.value), one.__name__


def _no_receipt(answer: Any) -> None:
    del answer["receipt"]


def _unsigned(answer: Any) -> None:
    answer["receipt"]["checkpoint"] = log_of(3).note(3)


def _of_another_log(answer: Any) -> None:
    answer["receipt"]["checkpoint"] = MemoryLog(network="elsewhere").note(0)


def _no_note(answer: Any) -> None:
    answer["receipt"]["checkpoint"] = None


def _no_proof(answer: Any) -> None:
    answer["receipt"]["inclusion"] = []


def _altered_proof(answer: Any) -> None:
    answer["receipt"]["inclusion"][0] = encode_base64(bytes(32))


def _altered_leaf(answer: Any) -> None:
    leaf = json.loads(decode_base64(answer["receipt"]["leaf"], field="leaf"))
    answer["receipt"]["leaf"] = encode_base64(canonical_bytes(leaf | {"policy": "00" * 32}))


UNPROVED = (_no_receipt, _unsigned, _of_another_log, _no_note, _no_proof, _altered_proof, _altered_leaf)


def test_no_answer_is_shown_that_is_not_proved(sharing: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in lie_in_turn(monkeypatch, "/v1/lookups", UNPROVED):
        with pytest.raises(IntegrityError):
            sharing.ask("asker", person(3))
