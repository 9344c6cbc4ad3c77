"""Events of nodes: logged once, with a receipt, and without room for free text."""

from __future__ import annotations

from typing import Any

import pytest

from hub.alarm_scan import scan
from hub.log_views import read_entries
from hub.service import limits_of
from tests.hub.conftest import Network
from tests.hub.test_log_proofs import verify_line

EVENT: dict[str, Any] = {
    "format": "log-event/1",
    "event": "0f" * 16,
    "action": "log:export:made",
    "facts": {"entries": 12, "fhir": True, "until": "2026-02-01T00:00:00Z", "conference": None},
    "parts": {"own": {"indices": [1, 2, 3], "digest": "ab" * 32}},
}


def test_an_event_is_logged_with_a_receipt(partnership: Network) -> None:
    holder = partnership.nodes["holder-1"]
    answer = holder.call("POST", "/v1/log/events", EVENT)
    assert answer.status == 201, answer.document
    receipt = answer.document["receipt"]
    entry = verify_line(partnership, receipt, receipt["checkpoint"])
    assert (entry["action"], entry["agency"], entry["entries"]) == ("log:export:made", "holder-1", 12)
    assert entry["indices"] == [1, 2, 3]
    assert [one for one in holder.log() if one["action"] == EVENT["action"]] == [entry]


def test_the_same_event_is_logged_once_and_gets_the_same_receipt(partnership: Network) -> None:
    holder = partnership.nodes["holder-1"]
    first = holder.call("POST", "/v1/log/events", EVENT)
    assert partnership.nodes["holder-2"].call("POST", "/v1/log/events", EVENT).status == 201
    again = holder.call("POST", "/v1/log/events", EVENT)
    assert again.document == first.document
    changed = EVENT | {"facts": {"entries": 13}}
    assert holder.call("POST", "/v1/log/events", changed).code == "conflict"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"action": "lookup:match:answered"}, id="an action of the hub"),
        pytest.param({"action": "log:export:faked"}, id="unknown action"),
        pytest.param({"facts": {"index": 1}}, id="a field of the leaf"),
        pytest.param({"facts": {"note": "Anna Smith"}}, id="free text in a fact"),
        pytest.param({"facts": {"Note": 1}}, id="a name in capitals"),
        pytest.param({"facts": {"note": 1.5}}, id="a float"),
        pytest.param({"facts": {"Anna 1980": 1}}, id="a fact named in free text"),
        pytest.param({"parts": {"own": {"Anna 1980": 1}}}, id="a text named in free text"),
        pytest.param({"parts": {"own": {"anna_smith": [[1]]}}}, id="a list in a list of a text with a name"),
        pytest.param({"facts": {"note": ["a"]}}, id="a list as a fact"),
        pytest.param({"facts": {"note": "a" * 129}}, id="a long word"),
        pytest.param({"facts": {f"n{chr(97 + n)}": n for n in range(17)}}, id="too many facts"),
        pytest.param({"parts": {"own": {"reason": "she told me so"}}}, id="free text in a part"),
        pytest.param({"parts": {"own": {"deep": [["a"]]}}}, id="a list in a list"),
        pytest.param(
            {"parts": {"own": {f"n{chr(97 + n)}": ["a" * 128] * 101 for n in range(5)}}},
            id="a part above 64 kB",
        ),
        pytest.param({"parts": {"who": {"staff": "x"}}}, id="another part"),
        pytest.param({"parts": {}}, id="no part"),
        pytest.param({"event": "1"}, id="no event id"),
    ],
)
def test_an_event_that_is_not_of_the_form_is_malformed(partnership: Network, changes: dict[str, Any]) -> None:
    node = partnership.nodes["holder-1"]
    before = len(node.log())
    answer = node.call("POST", "/v1/log/events", EVENT | changes)
    assert (answer.status, answer.code) == (422, "malformed"), answer.document
    assert "anna" not in answer.document["detail"].lower()
    assert [entry["action"] for entry in node.log()[before:]] == ["call:refused:malformed"]


def test_an_event_cannot_say_of_itself_who_did_what_when(partnership: Network) -> None:
    """The parts of an event are the node's own words; what is read from them must not pass for the leaf."""
    forged = {"at": 5, "agency": "holder-2", "staff": "somebody", "action": "lookup:match:answered"}
    event = EVENT | {"action": "log:entries:reconciled", "parts": {"own": forged}}
    event |= {"facts": {"differences": 3, "staff": "somebody-else"}}
    assert partnership.nodes["holder-1"].call("POST", "/v1/log/events", event).status == 201
    with partnership.database.reading() as session:
        _, entry = read_entries(session, after=0, limit=1000)[-1]
    assert (entry["action"], entry["agency"], entry["staff"]) == (event["action"], "holder-1", "worker-1")
    limits = limits_of(partnership.client.app.state.hub.settings)  # type: ignore[attr-defined]
    scan(partnership.database, limits=limits, at=partnership.clock())
    kinds = [
        one["kind"] for one in partnership.nodes["holder-1"].call("GET", "/v1/reviews").document["reviews"]
    ]
    assert kinds == ["log_reconciled_difference"]
