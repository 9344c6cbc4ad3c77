"""The access log: every entry a leaf of a Merkle tree, appended in the transaction of what it records.

What an entry says plainly is in its leaf; whatever is personal is in parts beside it, cut by audience
(docs/protocol.md, section 11). `hub.log_views` reads it back, `hub.log_verify` re-derives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from hub.authentication import CallingNode
from hub.database import table_of
from hub.leaves import Leaf, make_leaf
from hub.log_models import LogEntry, LogPart, LogSubject
from hub.log_tree import TreeHead, add_leaf, lock_head, read_head

REFUSED_PREFIX = "lookup:refused:"
CALL_REFUSED_PREFIX = "call:refused:"


class Action(StrEnum):
    """What happened: source, subject, action. Refusals carry the problem's code after their prefix."""

    LOOKUP_ANSWERED = "lookup:match:answered"
    CONSENT_STORED = "consent:record:stored"
    CONSENT_WITHDRAWN = "consent:record:withdrawn"
    CONSENT_OBJECTED = "consent:record:objected"
    CONSENT_LIFTED = "consent:record:lifted"
    AGREEMENT_PROPOSED = "agreement:document:proposed"
    AGREEMENT_SIGNED = "agreement:document:signed"
    EPOCH_CREATED = "epoch:document:created"
    ENVELOPE_STORED = "epoch:envelope:stored"
    PUSH_COMPLETED = "push:caseload:completed"
    RECORDS_REMOVED = "caseload:records:removed"
    ENROLMENT_PENDING = "node:enrolment:pending"
    ENROLMENT_CONFIRMED = "node:enrolment:confirmed"
    LOG_READ = "log:entries:read"
    CALL_REPLAYED = "call:refused:replayed"
    TEXTS_ERASED = "log:texts:erased"
    BOUND_MET = "log:bound:met"
    WITNESS_REFUSED = "log:witness:refused"
    REVIEW_DECIDED = "review:item:decided"
    INDEX_LINKED = "linking:run:completed"
    PAIRS_READ = "pairs:queue:read"
    PAIR_READ = "pairs:history:read"
    PAIR_DECIDED = "pairs:decision:made"
    COUNTS_PUBLISHED = "cohort:count:published"
    SNAPSHOT_KEPT = "cohort:snapshot:kept"
    SNAPSHOT_RELEASED = "cohort:snapshot:released"
    LIST_READ = "cohort:list:read"


class NodeEvent(StrEnum):
    """What happens at a node and is logged when the node reports it."""

    EXPORT_MADE = "log:export:made"
    SUBJECT_ACCESS_MADE = "log:subject_access:made"
    SUBJECT_ACCESS_APPROVED = "log:subject_access:approved"
    ENTRIES_RECONCILED = "log:entries:reconciled"
    OVERRIDE_REQUESTED = "override:request:made"
    OVERRIDE_APPROVED = "override:approval:given"
    OVERRIDE_REFUSED = "override:approval:refused"
    EMERGENCY_DECLARED = "override:emergency:declared"
    SEAL_SET = "seal:person:set"
    SEAL_LIFTED = "seal:person:lifted"


@dataclass(frozen=True, slots=True)
class Subject:
    """A record an entry is about, and in which case of a look-up."""

    holder: str
    handle: str
    case: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Appended:
    """An entry that was added; durable when its transaction commits.

    Attributes:
        leaf: The leaf, with its parts and salts.
        head: The tree that ends with it.
        inclusion: The proof that the leaf is in that tree.
    """

    leaf: Leaf
    head: TreeHead
    inclusion: tuple[bytes, ...]

    @property
    def index(self) -> int:
        """The entry's number, from 1."""
        return self.leaf.index


def append_entry(
    session: Session,
    action: str,
    *,
    agency: str | None,
    at: datetime,
    facts: Mapping[str, Any] | None = None,
    parts: Mapping[str, Mapping[str, Any]] | None = None,
    subjects: Sequence[Subject] = (),
    head: TreeHead | None = None,
) -> Appended:
    """Append an entry in the current transaction; it is durable when that commits.

    Args:
        session: A writing session. The log stays locked until it ends, so append last.
        action: One of `Action` or `NodeEvent`, or a refusal's.
        agency: Whose doing it was; None for the hub's operator alone.
        at: Now.
        facts: Plain fields of the leaf, canonical JSON values only, nothing about a person.
        parts: Texts beside the leaf by name, each for one audience.
        subjects: The records it is about.
        head: The tree, where this transaction has locked it already.
    """
    head = lock_head(session) if head is None else head
    leaf = make_leaf(head.size + 1, str(action), agency=agency, at=at, facts=facts or {}, parts=parts or {})
    # To the second, as the leaf says it, so that a column that says anything else is found.
    second = at.replace(microsecond=0)
    row = {"index": leaf.index, "at": second, "action": str(action), "agency": agency, "leaf": leaf.data}
    connection = session.connection()
    connection.execute(insert(table_of(LogEntry)), row)
    grown, inclusion = add_leaf(session, head, leaf.data)
    if leaf.parts:
        connection.execute(insert(table_of(LogPart)), _part_rows(leaf))
    if subjects:
        connection.execute(insert(table_of(LogSubject)), _subject_rows(leaf.index, subjects))
    return Appended(leaf, grown, tuple(inclusion))


def who_called(caller: CallingNode, **more: Any) -> dict[str, Any]:
    """The part `who` of a call: the person as the node vouches, and the signature over the request."""
    return {"staff": caller.staff, "role": caller.role, "request_signature": caller.request_signature} | more


def log_size(session: Session) -> int:
    """How many entries the log has."""
    return read_head(session).size


def _part_rows(leaf: Leaf) -> list[dict[str, Any]]:
    return [
        {"index": leaf.index, "name": name, "salt": part.salt, "text": part.data}
        for name, part in leaf.parts.items()
    ]


def _subject_rows(index: int, subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    return [
        {"index": index, "number": number, "holder": one.holder, "case": one.case, "handle": one.handle}
        for number, one in enumerate(subjects)
    ]
