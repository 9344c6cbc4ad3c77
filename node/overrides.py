"""Overrides and emergencies of this agency: asked for with a reason, decided by somebody else, or declared.

An override is a public task for one case and one purpose: requested, then approved or refused by somebody
other than who asked. An emergency waits for nobody; it is for one case, one purpose and 15 minutes, and
information governance is alerted at both sides. Each step stands in the hub's log before it counts here, so a
hub that is away stops the step. What the reason says, and whom it is about, stays here under the node key:
the log has a salted promise of the words (docs/protocol.md, sections 9 and 11).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from keys.formats import decode_base64, encode_base64
from node.bases import (
    OVERRIDE_BYTES,
    REASON_CATEGORIES,
    Basis,
    BasisDefaults,
    EmergencyBasis,
    OverrideReference,
    PublicTaskBasis,
    read_basis,
    with_own_consent,
)
from node.commitments import Commitment, commit_reason
from node.errors import PolicyError, RecordFormatError
from node.home import Node
from node.identifiers import Case
from node.log_events import log_event
from node.store import Store
from node.times import format_time, parse_time

# docs/protocol.md, section 9: the hub holds nodes to both.
APPROVAL_LIFE = timedelta(days=28)
EMERGENCY_LIFE = timedelta(minutes=15)
LONGEST_REASON = 2_000


class OverrideState(StrEnum):
    """Where an override stands. One stated in a case list was approved outside this program, as it says."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    STATED = "stated"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True, repr=False)
class Override:
    """One override or emergency.

    Attributes:
        override: Its id, 32 hex.
        state: Where it stands.
        case_ref: The asking agency's own reference of the case; it never leaves the node.
        purpose: What it is for.
        category: The kind of reason.
        reason: The words, their salt, and the promise of both.
        staff: Who asked for it, or declared it.
        at: When.
        decided_by: Who approved or refused it, or None.
        decided_at: When, or None.
    """

    override: str
    state: OverrideState
    case_ref: str
    purpose: str
    category: str
    reason: Commitment
    staff: str
    at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None

    def __repr__(self) -> str:
        """Shows nothing of the case."""
        return f"Override(state={self.state})"


def request_override(node: Node, *, case_ref: str, purpose: str, category: str, reason: str) -> Override:
    """Ask for an override, as whoever acts.

    Raises:
        RecordFormatError: Something of it is missing or malformed.
        HubUnreachableError: The hub could not log it; nothing is kept.
    """
    made = _new(node, OverrideState.REQUESTED, case_ref, purpose, category, reason)
    return _log_and_keep(node, made, "override:request:made")


def declare_emergency(node: Node, *, case_ref: str, purpose: str, category: str, reason: str) -> Override:
    """Declare an emergency, as whoever acts: it holds for 15 minutes and is reviewed afterwards.

    Raises:
        RecordFormatError: Something of it is missing or malformed.
        HubUnreachableError: The hub could not log it; nothing is kept.
    """
    made = _new(node, OverrideState.EMERGENCY, case_ref, purpose, category, reason)
    return _log_and_keep(node, made, "override:emergency:declared")


def approve_override(node: Node, override: str) -> Override:
    """Approve a request, as whoever acts.

    Raises:
        PolicyError: It is decided already, or whoever acts asked for it.
    """
    decided = _decide(node, override, OverrideState.APPROVED)
    return _log_and_keep(node, decided, "override:approval:given")


def refuse_override(node: Node, override: str) -> Override:
    """Refuse a request, as whoever acts.

    Raises:
        PolicyError: It is decided already, or whoever acts asked for it.
    """
    decided = _decide(node, override, OverrideState.REFUSED)
    return _log_and_keep(node, decided, "override:approval:refused")


def list_overrides(store: Store) -> list[Override]:
    """Every override and emergency of this agency, oldest first."""
    rows = store.connection.execute("SELECT override, content FROM override ORDER BY number").fetchall()
    return [_open(store, row["override"], row["content"]) for row in rows]


def find_override(store: Store, override: str) -> Override:
    """One override or emergency.

    Raises:
        RecordFormatError: This node has none of this id.
    """
    row = store.connection.execute("SELECT content FROM override WHERE override = ?", (override,)).fetchone()
    if row is None:
        raise RecordFormatError("override", "this node has none of this id; see 'knownto override list'")
    return _open(store, override, row["content"])


def reason_of(store: Store, override: str) -> str | None:
    """The words of a reason that this node keeps; None where another agency's keeps them."""
    row = store.connection.execute("SELECT content FROM override WHERE override = ?", (override,)).fetchone()
    return None if row is None else _open(store, override, row["content"]).reason.text


def settle_bases(
    node: Node, cases: Sequence[Case], defaults: BasisDefaults, *, purpose: str
) -> list[tuple[Case, Basis]]:
    """The lawful basis of every case of a look-up, its overrides found or, where the list states them, kept.

    Raises:
        RecordFormatError: A row's basis is missing or malformed.
        PolicyError: An override is not approved, is for something else, or is past its time; or an emergency
            is asked about together with other cases.
    """
    at = node.clock()
    settled = [(case, _settle(node, case, defaults, purpose, at)) for case in cases]
    if len(settled) > 1 and any(isinstance(basis, EmergencyBasis) for _, basis in settled):
        raise PolicyError("an emergency is asked about alone: one case in the look-up")
    _keep_stated(node, settled, purpose, at)
    return settled


def _settle(node: Node, case: Case, defaults: BasisDefaults, purpose: str, at: datetime) -> Basis:
    known = with_own_consent(node.store, case.case_ref, defaults, at=at)
    basis = read_basis(case.basis, case.basis_detail, defaults=known, row=case.row, at=at)
    if not isinstance(basis, OverrideReference):
        return basis
    found = find_override(node.store, basis.override)
    _require_usable(found, case, purpose=purpose, staff=node.actor.staff, at=at)
    if found.state is OverrideState.EMERGENCY:
        return EmergencyBasis(found.category, found.reason, found.override, found.at)
    assert found.decided_by is not None and found.decided_at is not None
    return PublicTaskBasis(found.category, found.decided_by, found.reason, found.override, found.decided_at)


def _require_usable(found: Override, case: Case, *, purpose: str, staff: str, at: datetime) -> None:
    """Refuse what the hub would refuse, and what only this node can know: whom the override is about."""
    emergency = found.state is OverrideState.EMERGENCY
    rules = {
        "it is for another case: type the case reference it was asked for": found.case_ref == case.case_ref,
        f"it is for {found.purpose}": found.purpose == purpose,
        "it is not approved yet: somebody else does that with 'knownto override approve'": (
            found.state is not OverrideState.REQUESTED
        ),
        "it was refused": found.state is not OverrideState.REFUSED,
        "an approval stated in a case list holds for that look-up only": found.state
        is not OverrideState.STATED,
        "whoever approved it cannot use it": not _same(found.decided_by, staff),
        "only who declared the emergency asks under it": not emergency or _same(found.staff, staff),
        "its time is over; ask for a new one": at - (found.decided_at or found.at) < _life(found),
    }
    for rule, holds in rules.items():
        if not holds:
            raise PolicyError(f"row {case.row}, override: {rule}")


def _life(found: Override) -> timedelta:
    return EMERGENCY_LIFE if found.state is OverrideState.EMERGENCY else APPROVAL_LIFE


def _keep_stated(node: Node, settled: Iterable[tuple[Case, Basis]], purpose: str, at: datetime) -> None:
    """Keep approvals that a case list states, before the hub hears of them."""
    known = {found.override for found in list_overrides(node.store)}
    for case, basis in settled:
        if isinstance(basis, PublicTaskBasis) and basis.override not in known:
            made = Override(
                basis.override,
                OverrideState.STATED,
                case.case_ref,
                purpose,
                basis.category,
                basis.reason,
                node.actor.staff,
                at,
                basis.approver,
                basis.approved_at,
            )
            _keep(node.store, made)


def _new(
    node: Node, state: OverrideState, case_ref: str, purpose: str, category: str, reason: str
) -> Override:
    for field, rule, holds in (
        ("case_ref", "is missing: the reference of the one case it is for", bool(case_ref)),
        ("category", f"must be among {', '.join(REASON_CATEGORIES)}", category in REASON_CATEGORIES),
        ("reason", f"must be 1 to {LONGEST_REASON} characters", 0 < len(reason) <= LONGEST_REASON),
    ):
        if not holds:
            raise RecordFormatError("override", rule, field=field)
    return Override(
        secrets.token_hex(OVERRIDE_BYTES),
        state,
        case_ref,
        purpose,
        category,
        commit_reason(reason),
        node.actor.staff,
        node.clock(),
    )


def _decide(node: Node, override: str, state: OverrideState) -> Override:
    found = find_override(node.store, override)
    if found.state is not OverrideState.REQUESTED:
        raise PolicyError(f"override: it is {found.state} already; only a request can be decided")
    if _same(found.staff, node.actor.staff):
        raise PolicyError(
            "override: whoever asks for it cannot decide it; somebody else has to, with --staff"
        )
    return replace(found, state=state, decided_by=node.actor.staff, decided_at=node.clock())


def _log_and_keep(node: Node, made: Override, action: str) -> Override:
    log_event(
        node,
        action,
        facts={"purpose": made.purpose},
        own={
            "override": made.override,
            "reason_category": made.category,
            "reason_commitment": made.reason.digest,
            "requested_by": made.staff,
            "decided_by": made.decided_by,
        },
    )
    _keep(node.store, made)
    return made


def _same(one: str | None, other: str) -> bool:
    return one is not None and one.casefold() == other.casefold()


def _keep(store: Store, made: Override) -> None:
    content = {
        "state": str(made.state),
        "case_ref": made.case_ref,
        "purpose": made.purpose,
        "category": made.category,
        "reason": made.reason.text,
        "salt": encode_base64(made.reason.salt),
        "commitment": made.reason.digest,
        "staff": made.staff,
        "at": format_time(made.at),
        "decided_by": made.decided_by,
        "decided_at": None if made.decided_at is None else format_time(made.decided_at),
    }
    sealed = store.vault.seal(content, table="override", handle=made.override)
    store.connection.execute(
        "INSERT INTO override (override, content) VALUES (?, ?) "
        "ON CONFLICT (override) DO UPDATE SET content = excluded.content",
        (made.override, sealed),
    )


def _open(store: Store, override: str, sealed: bytes) -> Override:
    content: dict[str, Any] = store.vault.open(sealed, table="override", handle=override)
    salt = decode_base64(content["salt"], field="salt")
    return Override(
        override=override,
        state=OverrideState(content["state"]),
        case_ref=content["case_ref"],
        purpose=content["purpose"],
        category=content["category"],
        reason=Commitment(content["reason"], salt, content["commitment"]),
        staff=content["staff"],
        at=parse_time(content["at"]),
        decided_by=content["decided_by"],
        decided_at=None if content["decided_at"] is None else parse_time(content["decided_at"]),
    )
