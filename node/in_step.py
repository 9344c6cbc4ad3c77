"""Consent and seals at node and hub held in step, whichever of the two was put back from a backup.

A hub from a backup has forgotten withdrawals and seals, although it once confirmed them; a node from a backup
has forgotten what it recorded since. So nothing that was once sent is taken for held: two digests are
compared (docs/protocol.md section 8), and where they differ the consents themselves. What the hub lacks is
sent again, oldest first; where the hub has more, its newest is what the next version follows. A no that
either side has stays a no: it shows nobody, and somebody who agreed again can be recorded again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from keys.actors import AUTOMATIC
from keys.documents import document_digest
from node.caseload import reference_of, sealed_handles
from node.consent import send_consents
from node.consent_terms import Refusal
from node.consent_versions import add_version, cut_chain, document_of, put_version
from node.errors import HubRefusedError, HubUnreachableError, IntegrityError
from node.home import Node
from node.pushing import remove_due, remove_sealed, shared_digest
from node.seal_events import report_seals
from node.store import Store

ROUNDS = 3  # Another command of this node may record a consent meanwhile; more rounds are no accident.
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Compared:
    """Where consent at node and hub differs.

    Attributes:
        lost: By handle, the version the hub still has of those here (0: none); it lacks what follows.
        newer: By handle, the hub's newest, which is no version this node has.
        unknown: How many handles of this agency at the hub this node has never given.
    """

    lost: Mapping[str, int]
    newer: Mapping[str, Document]
    unknown: int


@dataclass(frozen=True, slots=True, repr=False)
class Settled:
    """What was needed until both sides were in step.

    Attributes:
        sent: Consent versions that went to the hub, waiting ones and lost ones.
        lost: References whose consent, or its newest version, the hub had lost; it has it again.
        taken_over: References whose consent was newer at the hub; it is the base of the next one here.
        cut: References of whom a consent ended a no without saying so; the no stays.
        unknown: Consents at the hub under handles this node does not have.
        removed: Whether the sealed were taken off the hub again.
        caseload_differs: Whether the hub holds another caseload than was shared last; a push mends it.
    """

    sent: int = 0
    lost: tuple[str, ...] = ()
    taken_over: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    unknown: int = 0
    removed: bool = False
    caseload_differs: bool = False

    def remarks(self) -> list[str]:
        """What people have to know of it, in words."""
        said = []
        if self.lost:
            said.append(
                f"The hub had lost consents or withdrawals of {len(self.lost)} people (was it put back from "
                "a backup?); they were sent again and are in force. Tell the hub's operator."
            )
        if self.taken_over:
            said.append(
                "This node lacked what the hub has of some consents (was the node put back from a backup?). "
                "The hub's are taken over, and whoever withdrew or objected on either side stays so. "
                f"Look at each with 'knownto consent show': {', '.join(self.taken_over)}"
            )
        if self.cut:
            said.append(
                "A consent of before, which the hub does not take, would have ended a withdrawal or an "
                "objection in passing. It is left out, and the person is shown to nobody; if they have "
                f"changed their mind, record it with --lifts-objection: {', '.join(self.cut)}"
            )
        if self.unknown:
            said.append(
                f"The hub has consents of {self.unknown} people under handles this node does not have (was "
                "the node put back from a backup?): nothing here can withdraw them; tell the hub's operator."
            )
        if self.removed:
            said.append("The hub's caseload was not what was shared: whoever is sealed was removed again.")
        if self.caseload_differs:
            said.append("The hub's caseload is not what this node shared last: run 'knownto node push'.")
        return said


def send_in_step(node: Node) -> int:
    """Send the consents that wait, also to a hub that has lost versions before them; returns how many went.

    Raises:
        HubUnreachableError: The hub gave no answer; what has not gone waits.
        HubRefusedError: The hub refused one; it and those after it wait.
    """
    sent, in_order = _send(node)
    return sent if in_order else _settle_consents(node).sent


def settle(node: Node) -> Settled:
    """Send what waits, then hold node and hub in step: consents, and that nobody sealed is at the hub.

    Raises:
        HubUnreachableError: The hub gave no answer; what has not gone waits.
        HubRefusedError: The hub refused something.
        IntegrityError: The hub does not hold what it acknowledges.
    """
    # Sealed people first: what may hurt most is never behind anything else.
    remove_due(node)
    sent, _ = _send(node)
    settled = _settle_consents(node)
    settled = _settle_seals(node, replace(settled, sent=sent + settled.sent))
    report_seals(node.acting(AUTOMATIC))
    return settled


def send_or_say_so(node: Node) -> Settled:
    """`settle`, and if that fails say what still holds.

    Raises:
        HubUnreachableError: Kept here, in force at this node, and sent first with the next command.
        HubRefusedError: Kept here; the hub refused to take it.
        IntegrityError: The hub does not hold what it acknowledges.
    """
    try:
        return settle(node)
    except HubUnreachableError:
        raise HubUnreachableError(
            "kept at this node and waiting: the hub cannot be reached, so it does not know yet. "
            "It is sent first with the next command that reaches the hub, or by 'knownto consent send'"
        ) from None
    except HubRefusedError as error:
        raise HubRefusedError(
            error.code, status=error.status, detail=f"kept at this node and waiting; {error.detail}"
        ) from None


def compare_consents(node: Node) -> Compared | None:
    """Hold the newest consent of everybody against the hub's; None where all are the same.

    Raises:
        HubRefusedError: Without a live agreement the hub shows no consents.
    """
    own, client = _newest(node.store), node.client(AUTOMATIC)
    if client.call("GET", "/v1/holdings").get("consents_digest") == _digest(own):
        return None
    views = client.call("GET", "/v1/consents")["consents"]
    theirs = {view["handle"]: {k: view[k] for k in view if k != "handle"} for view in views}
    lost = {handle: 0 for handle in own.keys() - theirs.keys()}
    newer: dict[str, Document] = {}
    unknown = 0
    for handle, document in theirs.items():
        if document_of(node.store, handle, document["version"]) != document:
            known = reference_of(node.store, handle) is not None
            newer |= {handle: document} if known else {}
            unknown += not known
        elif own[handle] != document:
            lost[handle] = document["version"]
    return Compared(lost, newer, unknown)


def _send(node: Node) -> tuple[int, bool]:
    """Send what waits; how many went, and whether the hub found them in order."""
    try:
        return send_consents(node), True
    except HubRefusedError as error:
        if error.code != "conflict":
            raise
        return 0, False


def _settle_consents(node: Node) -> Settled:
    lost: set[str] = set()
    taken: set[str] = set()
    cut: set[str] = set()
    sent = 0
    for _ in range(ROUNDS):
        found = compare_consents(node)
        if found is None or not (found.lost or found.newer):
            unknown = 0 if found is None else found.unknown
            lost_ones, taken_ones, cut_ones = (_references(node.store, some) for some in (lost, taken, cut))
            return Settled(sent, lost_ones, taken_ones, cut_ones, unknown)
        with node.store.transaction():
            for handle, version in found.lost.items():
                _unsend(node.store, handle, after=version)
                cut |= {handle} if cut_chain(node.store, handle, after=version) else set()
            for handle, document in found.newer.items():
                _take_over(node.store, handle, document)
        lost, taken = lost | (found.lost.keys() - cut), taken | found.newer.keys()
        # Nobody asked for this: it is the node that holds both in step.
        sent += send_consents(node.acting(AUTOMATIC))
    raise IntegrityError("the hub does not hold the consents it acknowledged: no withdrawal is sure to hold")


def _unsend(store: Store, handle: str, *, after: int) -> None:
    """Have every version after one sent again; where one is missing here, the newest follows it at once."""
    store.connection.execute("UPDATE consent SET sent = 0 WHERE handle = ? AND version > ?", (handle, after))
    (kept,) = store.connection.execute(
        "SELECT count(*) FROM consent WHERE handle = ? AND version > ?", (handle, after)
    ).fetchone()
    newest = _newest(store)[handle]
    if newest["version"] != after + kept:
        store.connection.execute("DELETE FROM consent WHERE handle = ? AND version > ?", (handle, after))
        add_version(store, handle, newest, None)


def _take_over(store: Store, handle: str, theirs: Document) -> None:
    """Make the hub's newest the one the next version here follows, and say a no that only this side has.

    Versions here that the hub has otherwise were never in force anywhere else.
    """
    ours = _newest(store).get(handle)
    put_version(store, handle, theirs)
    noes = {} if ours is None else {k.field: ours[k.field] for k in Refusal if ours[k.field] is not None}
    missing = {field: at for field, at in noes.items() if theirs[field] is None}
    if missing:
        add_version(store, handle, {**theirs, **missing}, None)


def _settle_seals(node: Node, settled: Settled) -> Settled:
    """Sealed people are taken off again where the hub holds another caseload than was shared."""
    if _same_caseload(node):
        return settled
    if not sealed_handles(node.store):
        return replace(settled, caseload_differs=True)
    remove_sealed(node.acting(AUTOMATIC))
    return replace(settled, removed=True, caseload_differs=not _same_caseload(node))


def _same_caseload(node: Node) -> bool:
    held = node.client(AUTOMATIC).call("GET", "/v1/holdings")
    return bool((held.get("records"), held.get("caseload_digest")) == shared_digest(node.store))


def _newest(store: Store) -> dict[str, dict[str, Any]]:
    """The newest document of every handle that has one."""
    rows = store.connection.execute("SELECT handle, max(version) AS version FROM consent GROUP BY handle")
    found = {row["handle"]: document_of(store, row["handle"], row["version"]) for row in rows.fetchall()}
    return {handle: document for handle, document in found.items() if document is not None}


def _digest(newest: Mapping[str, Document]) -> str:
    parts = (bytes.fromhex(handle + document_digest(dict(newest[handle]))) for handle in sorted(newest))
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _references(store: Store, handles: set[str]) -> tuple[str, ...]:
    return tuple(sorted(reference_of(store, handle) or "" for handle in handles))
