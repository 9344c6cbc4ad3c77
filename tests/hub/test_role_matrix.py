"""Every role, at every call, in every state of a node: tried on the real application with real signatures.

The table here is written by hand from docs/protocol.md, section 2, and shares nothing with `hub.roles`: a
right that slips into the code without standing here fails, and so does one that is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.access_log import NodeEvent
from hub.api import ROUTERS, new_api
from hub.roles import EVENT_ROLES, PERMISSIONS, format_table
from hub.signed_calls import UNSIGNED
from keys.actors import Actor, Role
from tests.hub.client import Answer, Node
from tests.hub.conftest import Network

ROLES = ("officer", "coordinator", "responder", "ig", "analyst", "custodian", "operator", "node")
# One column a role, in the order above; + may, . may not; then the state from which the call is answered.
MATRIX = """
    off coo res ig  ana cus ope nod
    .   .   .   .   .   .   +   .    not-enrolled  POST   /v1/enrolments
    +   +   +   +   +   +   +   +    confirmed     GET    /v1/agencies
    .   .   .   .   .   +   .   .    confirmed     POST   /v1/epochs
    +   +   +   +   +   +   +   +    confirmed     GET    /v1/epochs/current
    .   .   .   .   .   +   .   .    confirmed     PUT    /v1/epochs/{epoch}/envelopes/{agency}
    .   .   .   .   .   +   .   .    confirmed     GET    /v1/epochs/{epoch}/envelope
    .   +   .   +   .   .   .   .    confirmed     POST   /v1/agreements
    +   +   +   +   +   +   +   +    confirmed     GET    /v1/agreements
    .   .   .   +   .   .   .   .    confirmed     PUT    /v1/agreements/{agreement}/signatures
    .   .   +   .   .   .   .   +    live          POST   /v1/pushes/{push}/batches/{number}
    .   .   +   .   .   .   .   .    live          POST   /v1/pushes/{push}/complete
    .   .   +   .   .   .   .   +    confirmed     DELETE /v1/caseload
    .   .   +   .   .   .   .   +    live          PUT    /v1/consents/{handle}
    .   .   +   +   .   .   .   +    live          GET    /v1/consents
    .   .   +   +   .   .   .   +    confirmed     GET    /v1/holdings
    +   +   .   .   .   .   .   .    live          POST   /v1/lookups
    .   .   +   +   .   .   .   .    confirmed     GET    /v1/log
    +   +   +   +   +   +   +   +    confirmed     GET    /v1/log/checkpoint
    +   +   +   +   +   +   +   +    confirmed     GET    /v1/log/consistency
    +   +   +   +   +   +   +   +    confirmed     GET    /v1/log/inclusion
    .   .   .   +   .   .   .   +    confirmed     GET    /v1/log/witness-request
    .   .   .   +   .   .   .   +    confirmed     POST   /v1/log/cosignatures
    +   +   +   +   .   .   .   +    confirmed     POST   /v1/log/events
    .   .   .   +   .   .   .   .    confirmed     GET    /v1/reviews
    .   .   .   +   .   .   .   .    confirmed     GET    /v1/reviews/summary
    .   .   .   +   .   .   .   .    confirmed     GET    /v1/reviews/{item}
    .   .   .   +   .   .   .   .    confirmed     POST   /v1/reviews/{item}/decision
    .   +   .   .   .   .   .   .    live          GET    /v1/pairs
    .   +   .   .   .   .   .   .    live          GET    /v1/pairs/{pair}
    .   +   .   .   .   .   .   .    live          POST   /v1/pairs/{pair}/decisions
    .   +   .   .   .   .   .   .    live          GET    /v1/cohorts
    .   +   .   .   .   .   .   .    live          GET    /v1/cohorts/{cohort}/references
"""
STATES = ("not-enrolled", "pending", "confirmed", "agreement-over", "live")
DENIALS = frozenset({"unknown_key", "not_confirmed", "role_not_permitted", "no_agreement"})
VALUES = {
    "{epoch}": "2026-1",
    "{agency}": "other",
    "{agreement}": "isa-1",
    "{push}": "push-1",
    "{number}": "0",
    "{handle}": "ab" * 16,
    "{item}": "1",
    "{pair}": "ab" * 16,
    "{cohort}": "mcn-1-2026-02-03",
}


def rows() -> Iterator[tuple[str, str, str, frozenset[str]]]:
    """Method, path, state from which on, roles."""
    for line in MATRIX.strip().splitlines()[1:]:
        *marks, state, method, path = line.split()
        assert len(marks) == len(ROLES) and set(marks) <= {"+", "."} and state in STATES
        allowed = {role for role, mark in zip(ROLES, marks, strict=True) if mark == "+"}
        yield method, path, state, frozenset(allowed)


TABLE = list(rows())


def served() -> set[tuple[str, str]]:
    """Every signed call of the application, also one that its description would hide."""
    routes = [route for router in ROUTERS for route in router.routes]
    found = {(method, route.path) for route in routes for method in route.methods or ()}  # type: ignore[attr-defined]
    described = new_api().openapi()["paths"].items()
    found |= {(method.upper(), path) for path, methods in described for method in methods}
    return found - UNSIGNED


def test_every_call_of_the_application_is_in_both_tables_and_nothing_else_is() -> None:
    written = {(method, path) for method, path, _, _ in TABLE}
    assert len(TABLE) == len(written)
    assert served() == written == set(PERMISSIONS)
    assert set(ROLES) == set(Role)


def expected_denial(state: str, method: str, path: str, role: str) -> str | None:
    """The code of a cell's refusal, or None where the call is let through."""
    needed, allowed = next((n, a) for m, p, n, a in TABLE if (m, p) == (method, path))
    if needed == "not-enrolled":
        return None if role in allowed else "role_not_permitted"
    if state == "not-enrolled":
        return "unknown_key"
    if state == "pending":
        return "not_confirmed"
    if role not in allowed:
        return "role_not_permitted"
    return "no_agreement" if needed == "live" and state != "live" else None


def in_state(network: Network, state: str) -> Node:
    """A node in a state; another agency is there to agree with."""
    node = network.add("node-of-test", custodian=True)
    network.join("other")
    if state == "not-enrolled":
        return node
    assert node.enrol(network.invite("node-of-test")).status == 201
    if state != "pending":
        network.confirm(node)
    if state in ("live", "agreement-over"):
        network.agree("node-of-test", "other")
    if state == "agreement-over":
        network.clock.move(days=400)
    return node


def actor_of(role: str) -> Actor:
    return Actor("node" if role == "node" else "j-doe", role)


@pytest.mark.parametrize("state", STATES)
def test_every_cell_is_let_through_or_refused_as_the_table_says(network: Network, state: str) -> None:
    node, wrong, tried = in_state(network, state), [], 0
    for method, path in sorted(served()):
        filled = path
        for name, value in VALUES.items():
            filled = filled.replace(name, value)
        for role in ROLES:
            # An enrolment is signed with the keys it brings, so it needs a body that brings them.
            if path == "/v1/enrolments":
                answer = enrol_as(node, role)
            else:
                # Whoever is refused is refused before anything of this is read.
                answer = node.call(method, filled, body=b"not even json", actor=actor_of(role))
            expected = expected_denial(state, method, path, role)
            given = answer.code if answer.code in DENIALS else None
            if given != expected:
                wrong.append((role, method, path, expected, given))
            tried += 1
    assert not wrong
    assert tried == len(served()) * len(ROLES)


def enrol_as(node: Node, role: str) -> Answer:
    public = node.identity.public
    body = {
        "format": "enrolment/1",
        "token": "x" * 32,
        "agency": node.agency,
        "public_key": public.public_key_base64,
        "exchange_key": public.exchange_key_base64,
    }
    return node.call("POST", "/v1/enrolments", body, actor=actor_of(role))


# Who reports what, one column a role as above.
EVENTS = """
    .   .   +   +   .   .   .   .    log:export:made
    .   .   .   +   .   .   .   .    log:subject_access:made
    .   +   .   +   .   .   .   .    log:subject_access:approved
    .   .   +   +   .   .   .   .    log:entries:reconciled
    +   +   .   .   .   .   .   .    override:request:made
    .   +   .   +   .   .   .   .    override:approval:given
    .   +   .   +   .   .   .   .    override:approval:refused
    +   +   .   .   .   .   .   .    override:emergency:declared
    .   .   +   .   .   .   .   +    seal:person:set
    .   .   +   .   .   .   .   +    seal:person:lifted
"""


@pytest.mark.parametrize("line", EVENTS.strip().splitlines(), ids=lambda line: line.split()[-1])
def test_an_event_is_taken_from_those_who_do_such_things(network: Network, line: str) -> None:
    *marks, action = line.split()
    node = in_state(network, "confirmed")
    for role, mark in zip(ROLES, marks, strict=True):
        body = {"format": "log-event/1", "event": node.new_id(), "action": action, "facts": {}}
        answer = node.call("POST", "/v1/log/events", body | {"parts": {"own": {}}}, actor=actor_of(role))
        assert (answer.status, answer.code) == ((201, None) if mark == "+" else (403, "role_not_permitted"))


def test_every_event_of_a_node_is_in_both_tables() -> None:
    written = {line.split()[-1] for line in EVENTS.strip().splitlines()}
    assert written == set(EVENT_ROLES) == set(NodeEvent)


@pytest.mark.parametrize("role", ["auditor", "administrator", "root", "ig_", "officers"])
def test_a_role_nobody_has_heard_of_may_do_nothing(network: Network, role: str) -> None:
    node = in_state(network, "live")
    for method, path in served():
        for name, value in VALUES.items():
            path = path.replace(name, value)
        if path != "/v1/enrolments":
            assert node.call(method, path, body=b"", actor=Actor("j-doe", role)).code == "role_not_permitted"


def test_a_call_missing_from_the_table_is_refused_to_everybody(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = in_state(network, "live")
    others = {call: permission for call, permission in PERMISSIONS.items() if call[1] != "/v1/agencies"}
    monkeypatch.setattr("hub.roles.PERMISSIONS", others)
    for role in ROLES:
        assert node.call("GET", "/v1/agencies", actor=actor_of(role)).code == "role_not_permitted"


def test_what_changes_counts_from_the_next_request_on(network: Network) -> None:
    node = in_state(network, "pending")
    network.join("third")

    def ask(role: str) -> str | None:
        return node.call("GET", "/v1/consents", actor=actor_of(role)).code

    assert ask("ig") == "not_confirmed"
    network.confirm(node)
    assert ask("officer") == "role_not_permitted"
    assert ask("ig") == "no_agreement"
    document = network.agreement("node-of-test", "third")
    assert node.call("POST", "/v1/agreements", document).status == 201
    assert node.sign_agreement(document).status == 200
    assert ask("ig") == "no_agreement"
    assert network.nodes["third"].sign_agreement(document).status == 200
    assert ask("ig") is None
    assert ask("officer") == "role_not_permitted"
    network.clock.move(days=400)
    assert ask("ig") == "no_agreement"


def test_the_protocol_shows_the_table_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
    _, shown, _ = page.split("<!-- roles: from hub/roles.py -->")
    assert shown.strip() == format_table().strip(), "rebuild it with python -m hub.roles"
