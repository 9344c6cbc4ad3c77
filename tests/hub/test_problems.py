"""Problems: one table, as docs/protocol.md, section 3, has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from hub import errors
from hub.errors import HubError
from hub.problems import KINDS, UNEXPECTED, kind_of, problem_of

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"
OPERATORS_ONLY = {
    errors.FingerprintMismatchError,
    errors.UnsafeSecretError,
    errors.RemoteBindingRefusedError,
    errors.NotInitialisedError,
    errors.AlreadyInitialisedError,
    errors.SettingsError,
}


def leaves(of: type[HubError]) -> set[type[HubError]]:
    below = of.__subclasses__()
    return set().union(*map(leaves, below)) if below else {of}


def codes_of_protocol() -> dict[str, int]:
    section = PROTOCOL.read_text().split("## 3.")[1].split("## 4.")[0]
    table = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[1].isdigit():
            table |= dict.fromkeys(re.findall(r"`([a-z_]+)`", cells[0]), int(cells[1]))
    return table


def test_codes_and_statuses_are_those_of_the_protocol() -> None:
    assert {kind.code: kind.status for kind in KINDS.values()} == codes_of_protocol()


@pytest.mark.parametrize("leaf", sorted(leaves(HubError) - OPERATORS_ONLY, key=lambda leaf: leaf.__name__))
def test_every_error_a_call_can_meet_has_its_own_kind(leaf: type[HubError]) -> None:
    assert kind_of(leaf("field: rule")) is not UNEXPECTED


def test_a_foreign_errors_message_is_not_shown() -> None:
    for error in (KeyError("sentinel"), OperationalError("sentinel", {}, Exception("sentinel"))):
        kind, document = problem_of(error)
        assert kind.status >= 500
        assert "sentinel" not in str(document)


def test_a_lost_race_is_a_conflict() -> None:
    assert problem_of(IntegrityError("", {}, Exception()))[0].code == "conflict"


def test_every_error_is_drawn_in_the_tree_at_the_top() -> None:
    drawn = set(re.findall(r"^ +([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE))
    defined = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert drawn == defined
