"""Overrides and emergencies of this agency: asked for with a reason, decided by somebody else, or declared.

An override is a public task for one case and one purpose: requested, then approved or refused by somebody
other than who asked. An emergency waits for nobody; it is for one case, one purpose and 15 minutes, and
information governance is alerted at both sides. Each step stands in the hub's log before it counts here, so a
hub that is away stops the step. What the reason says, and whom it is about, stays here under the node key:
the log has a salted promise of the words (docs/protocol.md, sections 9 and 11).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from keys.actors import Role
from keys.formats import decode_base64, encode_base64
from node.bases import OVERRIDE_BYTES, REASON_CATEGORIES
from node.caseload import find_handle, identifiers_under
from node.commitments import Commitment, commit_reason
from node.errors import PolicyError, RecordFormatError
from node.home import Node
from node.identifiers import Identifiers
from node.log_events import log_event
from node.staff import require_actor
from node.store import Store
from node.times import format_time, parse_time

DECIDING = (Role.IG, Role.COORDINATOR)
LONGEST_REASON = 2_000


class OverrideState(StrEnum):
    """Where an override stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
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
        person: Keyed hash of whom an override is about, hex; None for an emergency, which the hub binds.
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
    person: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None

    def __repr__(self) -> str:
        """Shows nothing of the case."""
        return f"Override(state={self.state})"


def request_override(
    node: Node, *, case_ref: str, purpose: str, category: str, reason: str, person: Sequence[Identifiers] = ()
) -> Override:
    """Ask for an override, as whoever acts.

    Args:
        node: The asking node.
        case_ref: The case it is for.
        purpose: What the answer is for.
        category: The kind of reason.
        reason: The words.
        person: Whom it is about, as the look-up will have them; by default whoever the caseload has under
            the case reference. Only a keyed hash of it is kept.

    Raises:
        RecordFormatError: Something of it is missing or malformed, or nobody is named.
        HubUnreachableError: The hub could not log it; nothing is kept.
    """
    made = _new(node, OverrideState.REQUESTED, case_ref, purpose, category, reason)
    made = replace(made, person=tag_person(node.store, _require_person(node.store, case_ref, person)))
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
        PolicyError: It is decided already, or whoever acts asked for it or may not decide now.
    """
    decided = _decide(node, override, OverrideState.APPROVED)
    return _log_and_keep(node, decided, "override:approval:given")


def refuse_override(node: Node, override: str) -> Override:
    """Refuse a request, as whoever acts.

    Raises:
        PolicyError: It is decided already, or whoever acts asked for it or may not decide now.
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


def tag_person(store: Store, person: Sequence[Identifiers]) -> str:
    """A keyed hash of everything that says who somebody is, hex; the area is no part of it."""
    text = json.dumps([asdict(way) for way in person], sort_keys=True, ensure_ascii=False)
    return store.vault.tag("override person", text).hex()


def _require_person(store: Store, case_ref: str, typed: Sequence[Identifiers]) -> Sequence[Identifiers]:
    handle = find_handle(store, case_ref)
    person = typed or (identifiers_under(store, handle) if handle else None) or ()
    if not any(way.usable for way in person):
        rule = "nobody is named: type whom it is about, or a case reference of the own caseload"
        raise RecordFormatError("override", rule, field="person")
    return person


def _decide(node: Node, override: str, state: OverrideState) -> Override:
    found = find_override(node.store, override)
    if found.state is not OverrideState.REQUESTED:
        raise PolicyError(f"override: it is {found.state} already; only a request can be decided")
    if is_same_person(found.staff, node.actor.staff):
        raise PolicyError(
            "override: whoever asks for it cannot decide it; somebody else has to, with --staff"
        )
    require_actor(node.store, node.actor.staff, DECIDING)
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


def is_same_person(one: str | None, other: str) -> bool:
    """Whether two staff ids are one person's, capitals or not; None is nobody."""
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
        "person": made.person,
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
        state=_read_state(content["state"]),
        case_ref=content["case_ref"],
        purpose=content["purpose"],
        category=content["category"],
        reason=Commitment(content["reason"], salt, content["commitment"]),
        staff=content["staff"],
        at=parse_time(content["at"]),
        person=content.get("person"),
        decided_by=content["decided_by"],
        decided_at=None if content["decided_at"] is None else parse_time(content["decided_at"]),
    )


def _read_state(kept: str) -> OverrideState:
    """A store of before may hold approvals that a case list stated: nobody gave them, nothing uses them."""
    return OverrideState.REFUSED if kept == "stated" else OverrideState(kept)
