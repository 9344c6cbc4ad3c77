"""The access log: appended in the transaction of what it records, and read back cut to the reader.

An entry is kept as the canonical bytes that were logged, under an index without gaps: 1, 2, 3 ... A one-row
counter is locked while an entry is added, so indices follow the order of commits in any number of workers.
Whose record an entry is about stands beside it, and never in the asker's view (docs/protocol.md, section 11).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from hub.clock import format_time
from hub.models import LogEntry, LogHead, LogSubject
from keys.documents import canonical_bytes

NOT_ASKED = "A"
REFUSED_PREFIX = "lookup:refused:"


class Action(StrEnum):
    """What happened: source, subject, action. Refused look-ups carry the problem's code after the prefix."""

    LOOKUP_ANSWERED = "lookup:match:answered"
    CONSENT_STORED = "consent:record:stored"
    CONSENT_WITHDRAWN = "consent:record:withdrawn"
    AGREEMENT_PROPOSED = "agreement:document:proposed"
    AGREEMENT_SIGNED = "agreement:document:signed"
    EPOCH_CREATED = "epoch:document:created"
    ENVELOPE_STORED = "epoch:envelope:stored"
    PUSH_COMPLETED = "push:caseload:completed"
    RECORDS_REMOVED = "caseload:records:removed"
    ENROLMENT_PENDING = "node:enrolment:pending"
    ENROLMENT_CONFIRMED = "node:enrolment:confirmed"
    LOG_READ = "log:entries:read"
    REVIEW_DECIDED = "review:item:decided"
    CALL_REPLAYED = "call:refused:replayed"


@dataclass(frozen=True, slots=True)
class Subject:
    """A record an entry is about, and in which case of a look-up."""

    holder: str
    handle: str
    case: int | None = None


@dataclass(frozen=True, slots=True)
class LogView:
    """One entry as far as it concerns the reader."""

    index: int
    entry: dict[str, Any]


def append_entry(
    session: Session,
    action: str,
    *,
    agency: str | None,
    at: datetime,
    details: Mapping[str, Any] | None = None,
    subjects: Sequence[Subject] = (),
) -> int:
    """Append an entry in the current transaction; it is durable when that commits.

    Args:
        session: A writing session. The log stays locked until it ends, so append last.
        action: One of `Action`, or a refusal's.
        agency: Whose doing it was; None for the hub's operator alone.
        at: Now.
        details: Further fields, canonical JSON values only.
        subjects: The records it is about.

    Returns:
        The entry's index.
    """
    entry = {"format": "entry/1", "action": str(action), "at": format_time(at), "agency": agency}
    text = canonical_bytes(entry | dict(details or {}))
    index = session.scalars(
        update(LogHead).where(LogHead.id == 1).values(size=LogHead.size + 1).returning(LogHead.size)
    ).one()
    row = {"index": index, "at": at, "action": str(action), "agency": agency, "entry": text}
    session.execute(insert(LogEntry).values(**row, sha256=hashlib.sha256(text).digest()))
    if subjects:
        session.execute(
            insert(LogSubject),
            [
                {"index": index, "number": n, "holder": s.holder, "case": s.case, "handle": s.handle}
                for n, s in enumerate(subjects)
            ],
        )
    return index


def log_size(session: Session) -> int:
    """How many entries the log has."""
    return session.scalars(select(LogHead.size).where(LogHead.id == 1)).one()


def view_entries(session: Session, agency: str, *, after: int, limit: int) -> tuple[list[LogView], int]:
    """The entries an agency may see, oldest first: its own, and those about its records.

    Its own readings of the log are logged and left out here, so that reading to the end comes to an end.

    Returns:
        At most `limit` entries, and the index up to which the agency has now seen everything.
    """
    size = log_size(session)
    own = select(LogEntry.index).where(
        LogEntry.agency == agency, LogEntry.index > after, LogEntry.action != Action.LOG_READ
    )
    about = select(LogSubject.index).where(LogSubject.holder == agency, LogSubject.index > after)
    indices = list(session.scalars(own.union(about).order_by("index").limit(limit)))
    entries = session.execute(
        select(LogEntry.index, LogEntry.agency, LogEntry.entry)
        .where(LogEntry.index.in_(indices))
        .order_by(LogEntry.index)
    ).all()
    subjects = _subjects_of(session, agency, indices)
    views = []
    for index, author, text in entries:
        entry = json.loads(text)
        cut = _own_view if author == agency else _holder_view
        views.append(LogView(index, cut(entry, agency, subjects.get(index, []))))
    return views, indices[-1] if len(indices) == limit else max(size, after)


def read_entries(session: Session, *, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
    """Whole entries, oldest first, for the hub's operator; handles are not in them."""
    rows = session.execute(
        select(LogEntry.index, LogEntry.entry)
        .where(LogEntry.index > after)
        .order_by(LogEntry.index)
        .limit(limit)
    )
    return [(index, json.loads(text)) for index, text in rows]


def _subjects_of(session: Session, holder: str, indices: Sequence[int]) -> dict[int, list[Subject]]:
    rows = session.execute(
        select(LogSubject.index, LogSubject.handle, LogSubject.case)
        .where(LogSubject.holder == holder, LogSubject.index.in_(indices))
        .order_by(LogSubject.index, LogSubject.number)
    )
    found: dict[int, list[Subject]] = {}
    for index, handle, case in rows:
        found.setdefault(index, []).append(Subject(holder, handle, case))
    return found


def _own_view(entry: dict[str, Any], agency: str, subjects: Sequence[Subject]) -> dict[str, Any]:
    """An asker's own entry: what it sent and what it was told, not why."""
    if "cases" in entry:
        cases = [{key: case[key] for key in case if key != "reasons"} for case in entry["cases"]]
        return entry | {"cases": cases}
    if subjects:
        return entry | {"handle": subjects[0].handle}
    return entry


def _holder_view(entry: dict[str, Any], holder: str, subjects: Sequence[Subject]) -> dict[str, Any]:
    """A look-up that matched a holder's record: who asked and why, and this holder's own answer only."""
    kept = ("format", "action", "at", "agency", "staff", "role", "purpose", "conference")
    view = {key: entry[key] for key in kept if key in entry}
    by_case = {case["case"]: case for case in entry.get("cases", ())}
    cases = []
    for subject in subjects:
        case = by_case.get(subject.case)
        if case is not None:
            cases.append(
                {
                    "case": subject.case,
                    "basis": {"kind": case["basis"]["kind"]},
                    "answers": {holder: case["answers"][holder]},
                    "reasons": {holder: case["reasons"][holder]},
                    "handle": subject.handle,
                }
            )
    return view | {"cases": cases}
