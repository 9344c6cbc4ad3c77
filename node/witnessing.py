"""The witness round: fetch what the log would have posted to a witness, judge it, report the verdict.

The new state is written down in the transaction that read the old one, before the cosignature leaves, so two
commands of one node at the same time cannot cosign two histories (docs/protocol.md section 11).
"""

from __future__ import annotations

from typing import Any

from keys.actors import AUTOMATIC
from keys.checkpoints import NoteKey, log_key, witness_key
from keys.identity import PublicIdentity
from node.client import HubClient
from node.errors import IntegrityError
from node.home import Node
from node.kept_checkpoints import (
    SHORTER,
    contradicting_note,
    keep_cosigned,
    keep_evidence,
    link_checkpoints,
    newest_cosigned,
)
from node.witness import (
    BAD_REQUEST,
    CONFLICT,
    OK,
    SIZE_TEXT,
    UNPROCESSABLE,
    Witness,
    WitnessAnswer,
    add_checkpoint,
)

REFUSALS = {
    400: "the hub's request for a witness is malformed",
    403: "the hub's log is not signed by the hub this node has pinned",
    404: "the hub's log says it is another network's",
    409: "the hub's log of a length this node has witnessed has another content now",
    422: "the hub cannot prove that its log still begins as this node has witnessed it",
}
# The hub signed these and must not have: its own words prove what it did.
SIGNED_REFUSALS = frozenset({BAD_REQUEST, CONFLICT, UNPROCESSABLE})
ADVICE = "Its history may have been rewritten: tell information governance, and trust no answer meanwhile."


def witness_log(node: Node) -> int:
    """Cosign the hub's log as far as it is provably the one witnessed before; returns its size.

    Raises:
        IntegrityError: The log was rewritten, forked or shortened, or is another one.
        HubUnreachableError: No answer; whatever was written down holds.
    """
    client, key = node.client(AUTOMATIC), log_key_of(node)
    old = newest_cosigned(node.store, key=key).size
    answer = _exchange(node, client, old=old)
    recorded = newest_cosigned(node.store, key=key).size
    if answer.status == CONFLICT and recorded != old:
        # Another command of this node has witnessed meanwhile. Once: a hub must not keep us asking.
        answer = _exchange(node, client, old=recorded)
    if answer.status != OK:
        raise IntegrityError(_describe(answer))
    link_checkpoints(node.store, client, key=key)
    return answer.state.size


def log_key_of(node: Node) -> NoteKey:
    """The key that signs the log this node belongs to: its name is the log's origin."""
    node.client()  # Says so where no hub is pinned.
    assert node.settings.hub_public_key is not None
    return log_key(node.network, PublicIdentity.from_base64(node.settings.hub_public_key))


def witness_of(node: Node) -> Witness:
    """This node as a witness of its hub's log."""
    key = witness_key(node.network, node.settings.agency, node.identity.public)
    return Witness(key.name, node.identity, log_key_of(node))


def _describe(answer: WitnessAnswer) -> str:
    request = answer.request
    if answer.status == BAD_REQUEST and request is not None and request.checkpoint.size < request.old:
        return SHORTER
    return f"{REFUSALS[answer.status]}. {ADVICE}"


def _exchange(node: Node, client: HubClient, *, old: int) -> WitnessAnswer:
    offered = client.call("GET", f"/v1/log/witness-request?old={old}")
    request = offered.get("request")
    if offered.get("format") != "witness-request/1" or not isinstance(request, str):
        raise IntegrityError("the hub's answer is not of the form witness-request/1")
    answer = _judge(node, request)
    client.call("POST", "/v1/log/cosignatures", _format_response(answer, old))
    return answer


def _judge(node: Node, request_text: str) -> WitnessAnswer:
    """Answer the request and, where it is cosigned, have it written down before anything leaves."""
    store, key, at = node.store, log_key_of(node), node.clock()
    with store.transaction():
        state = newest_cosigned(store, key=key)
        answer = add_checkpoint(state, request_text, witness=witness_of(node), at=at)
        request = answer.request
        if request is None:
            return answer
        other = contradicting_note(store, request.checkpoint, key=key) if answer.status == OK else None
        if other is not None:
            # It extends what was cosigned, and contradicts what was shown with an answer.
            answer = WitnessAnswer(CONFLICT, f"{state.size}\n", SIZE_TEXT, request)
        if answer.status == OK:
            keep_cosigned(store, request.checkpoint, str(request.note), old=request.old, proof=request.proof)
        elif answer.status in SIGNED_REFUSALS and request.old == state.size:
            keep_evidence(store, (request_text,) if other is None else (other, request_text), at=at)
    return answer


def _format_response(answer: WitnessAnswer, old: int) -> dict[str, Any]:
    return {
        "format": "witness-response/1",
        "old": old,
        "size": None if answer.request is None else answer.request.checkpoint.size,
        "status": answer.status,
        "body": answer.body,
    }
