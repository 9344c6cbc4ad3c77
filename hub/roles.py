"""Which role may make which call, and from which state of the node on: one table, deny by default.

Asked before a body is parsed (`hub.routes.calls`). What is not in the table is refused, and a test holds the
table to the routes of the application. What a role may ask within a call, such as for which purpose, is the
subject of the call's own rules (`hub.purposes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from hub.access_log import NodeEvent
from hub.authentication import CallingNode, EnrollingNode
from hub.errors import AgreementMissingError, NodeNotConfirmedError, RoleNotPermittedError
from hub.live_agreements import NONE_LIVE
from keys.actors import Role

Endpoint = tuple[str, str]  # Method, and path as the route spells it.


class State(IntEnum):
    """How far a node has come; each state holds what the one before it does."""

    NOT_ENROLLED = 0  # Signs with keys of its own that no agency holds.
    PENDING = 1  # Enrolled, its fingerprint not yet compared.
    CONFIRMED = 2
    LIVE = 3  # A party of a live agreement that somebody else has signed too.


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may make a call, and the least state of the node.

    Attributes:
        roles: The roles.
        state: From this state on; only an enrolment begins before confirmation.
    """

    roles: frozenset[Role]
    state: State = State.CONFIRMED


def _by(*roles: Role, state: State = State.CONFIRMED) -> Permission:
    return Permission(frozenset(roles), state)


OFFICER, COORDINATOR, RESPONDER, IG = Role.OFFICER, Role.COORDINATOR, Role.RESPONDER, Role.IG
CUSTODIAN, OPERATOR, NODE = Role.CUSTODIAN, Role.OPERATOR, Role.NODE
EVERYBODY = tuple(Role)
LIVE = State.LIVE

# In the order of docs/protocol.md, which shows this table.
PERMISSIONS: Mapping[Endpoint, Permission] = {
    ("POST", "/v1/enrolments"): _by(OPERATOR, state=State.NOT_ENROLLED),
    # Public keys, and how current each agency is: every flow begins with them.
    ("GET", "/v1/agencies"): _by(*EVERYBODY),
    ("POST", "/v1/epochs"): _by(CUSTODIAN),
    ("GET", "/v1/epochs/current"): _by(*EVERYBODY),
    ("PUT", "/v1/epochs/{epoch}/envelopes/{agency}"): _by(CUSTODIAN),
    ("GET", "/v1/epochs/{epoch}/envelope"): _by(CUSTODIAN),
    ("POST", "/v1/agreements"): _by(COORDINATOR, IG),
    ("GET", "/v1/agreements"): _by(*EVERYBODY),
    ("PUT", "/v1/agreements/{agreement}/signatures"): _by(IG),
    # The node by itself takes off the hub whoever was sealed, or withdrew, while the hub was away.
    ("POST", "/v1/pushes/{push}/batches/{number}"): _by(RESPONDER, NODE, state=LIVE),
    ("POST", "/v1/pushes/{push}/complete"): _by(RESPONDER, state=LIVE),
    ("DELETE", "/v1/caseload"): _by(RESPONDER, NODE),
    ("PUT", "/v1/consents/{handle}"): _by(RESPONDER, NODE, state=LIVE),
    # The node by itself sees whether a hub that was put back has lost a withdrawal or a seal.
    ("GET", "/v1/consents"): _by(RESPONDER, IG, NODE, state=LIVE),
    ("GET", "/v1/holdings"): _by(RESPONDER, IG, NODE),
    ("POST", "/v1/lookups"): _by(OFFICER, COORDINATOR, state=LIVE),
    ("GET", "/v1/log"): _by(RESPONDER, IG),
    # Hashes and signatures, about nobody: whoever has a receipt may have it proved.
    ("GET", "/v1/log/checkpoint"): _by(*EVERYBODY),
    ("GET", "/v1/log/consistency"): _by(*EVERYBODY),
    ("GET", "/v1/log/inclusion"): _by(*EVERYBODY),
    ("GET", "/v1/log/witness-request"): _by(IG, NODE),
    ("POST", "/v1/log/cosignatures"): _by(IG, NODE),
    # Which of them may log what, says EVENT_ROLES.
    ("POST", "/v1/log/events"): _by(OFFICER, COORDINATOR, RESPONDER, IG, NODE),
    ("GET", "/v1/reviews"): _by(IG),
    ("GET", "/v1/reviews/summary"): _by(IG),
    ("GET", "/v1/reviews/{item}"): _by(IG),
    ("POST", "/v1/reviews/{item}/decision"): _by(IG),
    # Who knows the own people as well: for whoever may ask for referral de-duplication.
    ("GET", "/v1/pairs"): _by(COORDINATOR, state=LIVE),
    ("GET", "/v1/pairs/{pair}"): _by(COORDINATOR, state=LIVE),
    ("POST", "/v1/pairs/{pair}/decisions"): _by(COORDINATOR, state=LIVE),
    # Whoever prepares the case conference; an analyst counts, and lists nobody.
    ("GET", "/v1/cohorts"): _by(COORDINATOR, state=LIVE),
    ("GET", "/v1/cohorts/{cohort}/references"): _by(COORDINATOR, state=LIVE),
}

# Who can have done, at a node, what it reports.
EVENT_ROLES: Mapping[str, frozenset[Role]] = {
    NodeEvent.EXPORT_MADE: frozenset({RESPONDER, IG}),
    NodeEvent.SUBJECT_ACCESS_MADE: frozenset({IG}),
    NodeEvent.SUBJECT_ACCESS_APPROVED: frozenset({COORDINATOR, IG}),
    NodeEvent.ENTRIES_RECONCILED: frozenset({RESPONDER, IG}),
    NodeEvent.OVERRIDE_REQUESTED: frozenset({OFFICER, COORDINATOR}),
    NodeEvent.OVERRIDE_APPROVED: frozenset({COORDINATOR, IG}),
    NodeEvent.OVERRIDE_REFUSED: frozenset({COORDINATOR, IG}),
    NodeEvent.EMERGENCY_DECLARED: frozenset({OFFICER, COORDINATOR}),
    # By the node itself where the hub was away when it happened.
    NodeEvent.SEAL_SET: frozenset({RESPONDER, NODE}),
    NodeEvent.SEAL_LIFTED: frozenset({RESPONDER, NODE}),
}


def require_event_permitted(action: str, role: str) -> None:
    """Refuse a report of something that nobody in this role does.

    Raises:
        RoleNotPermittedError: It does not go with the role.
    """
    if role not in EVENT_ROLES.get(action, ()):
        raise RoleNotPermittedError("knownto-actor: this role does not do what is reported")


def require_permitted(endpoint: Endpoint, caller: CallingNode | EnrollingNode) -> None:
    """Refuse a caller whose state or role the table does not name for a call.

    Raises:
        NodeNotConfirmedError: The operator has not confirmed the node yet.
        RoleNotPermittedError: The role may not make this call, or nobody may.
        AgreementMissingError: The call needs a live agreement, and the caller has none.
    """
    permission = PERMISSIONS.get(endpoint)
    enrolling = permission is not None and permission.state == State.NOT_ENROLLED
    if not enrolling and not (isinstance(caller, CallingNode) and caller.confirmed):
        raise NodeNotConfirmedError("the hub's operator has not confirmed this node yet")
    if permission is None or caller.role not in permission.roles:
        raise RoleNotPermittedError("knownto-actor: this role may not make this call")
    if permission.state == State.LIVE and not (isinstance(caller, CallingNode) and caller.agreements):
        raise AgreementMissingError(NONE_LIVE)


def format_table() -> str:
    """The tables as Markdown, as docs/protocol.md shows them."""
    lines = ["| call | roles | from the state |", "|---|---|---|"]
    for (method, path), permission in PERMISSIONS.items():
        roles = ", ".join(role for role in Role if role in permission.roles)
        named = "every role" if permission.roles == set(Role) else roles
        lines.append(f"| `{method} {path}` | {named} | {permission.state.name.lower().replace('_', ' ')} |")
    lines += ["", "| event reported to `/v1/log/events` | roles |", "|---|---|"]
    for action, allowed in EVENT_ROLES.items():
        lines.append(f"| `{action}` | {', '.join(role for role in Role if role in allowed)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(format_table(), end="")
