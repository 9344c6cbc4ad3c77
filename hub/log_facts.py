"""Log entries → typed facts: the one place where alarms know what an entry looks like."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access_log import CALL_REFUSED_PREFIX, REFUSED_PREFIX, Action, NodeEvent, Subject
from hub.alarm_facts import Event, Fact, Touch
from hub.budgets import NODE
from hub.clock import parse_time
from hub.log_models import LogSubject
from hub.log_views import read_entries
from hub.outcomes import DISCLOSED

RECORD_BYTES = 16
REFUSALS = (REFUSED_PREFIX, CALL_REFUSED_PREFIX)
EVENTS = {
    str(Action.LOOKUP_ANSWERED): Event.LOOKUP,
    str(Action.CALL_REPLAYED): Event.REPLAY,
    str(Action.WITNESS_REFUSED): Event.WITNESS_REFUSED,
    str(Action.BOUND_MET): Event.BOUND_MET,
    str(NodeEvent.ENTRIES_RECONCILED): Event.LOG_DIFFERENCE,
}


def read_facts(session: Session, *, after: int, limit: int) -> tuple[list[Fact], int]:
    """The facts of the next entries of the log.

    Returns:
        Facts, oldest first, and the index of the last entry read (`after` where there was none).
    """
    entries = read_entries(session, after=after, limit=limit)
    if not entries:
        return [], after
    subjects = _subjects(session, [index for index, _ in entries])
    facts = (fact_of(index, entry, subjects.get(index, ())) for index, entry in entries)
    return [fact for fact in facts if fact is not None], entries[-1][0]


def fact_of(index: int, entry: Mapping[str, Any], subjects: Iterable[Subject]) -> Fact | None:
    """What an entry means for alarms; None where it means nothing.

    Args:
        index: Of the entry.
        entry: Its fields, flattened.
        subjects: The records it is about, as they were logged.
    """
    action, agency = str(entry["action"]), entry["agency"]
    event = EVENTS.get(action) or (Event.REFUSAL if action.startswith(REFUSALS) else None)
    if event is None or agency is None or (event is Event.LOG_DIFFERENCE and not entry.get("differences")):
        return None
    at, staff = parse_time(entry["at"]), str(entry.get("staff") or NODE).casefold()
    if event is not Event.LOOKUP:
        code = action.rpartition(":")[2] if event is Event.REFUSAL else ""
        return Fact(index, at, event, agency, staff, code=code)
    return _lookup(index, at, agency, staff, entry, subjects)


def _lookup(
    index: int, at: datetime, agency: str, staff: str, entry: Mapping[str, Any], subjects: Iterable[Subject]
) -> Fact:
    cases: Sequence[Mapping[str, Any]] = entry["cases"]
    answers = {case["case"]: case["answers"] for case in cases}
    kinds = [case["basis"]["kind"] for case in cases]
    told: dict[tuple[str, bytes], bool] = {}
    answered: set[tuple[int | None, str]] = set()
    by_task = {case["case"] for case in cases if case["basis"]["kind"] == "public_task"}
    overridden: dict[str, set[int | None]] = {}
    for subject in subjects:
        if subject.case in by_task:
            overridden.setdefault(subject.holder, set()).add(subject.case)
        key = (subject.holder, record_digest(subject.holder, subject.handle))
        # The first record of a cell is the one that was answered about; what stands beside it is withheld.
        cell = (subject.case, subject.holder)
        code = None if cell in answered else answers.get(subject.case, {}).get(subject.holder)
        answered.add(cell)
        told[key] = told.get(key, False) or code in DISCLOSED
    return Fact(
        index,
        at,
        Event.LOOKUP,
        agency,
        staff,
        cases=len(cases),
        untold=sum(not DISCLOSED.keys() & set(given.values()) for given in answers.values()),
        conference=entry.get("conference") is not None,
        further=int(entry.get("further_charged", 0)),
        near=int(entry.get("near_cases", 0)),
        overrides=kinds.count("public_task"),
        emergencies=kinds.count("emergency"),
        repeats=entry.get("repeats") is not None,
        approvers=frozenset(
            str(case["basis"]["approver"]).casefold() for case in cases if case["basis"].get("approver")
        ),
        touched=frozenset(Touch(holder, record, was_told) for (holder, record), was_told in told.items()),
        overridden={holder: len(found) for holder, found in overridden.items()},
    )


def record_digest(holder: str, handle: str) -> bytes:
    """What stands for a record where only sameness counts; handles are random, so nothing is guessed."""
    return hashlib.sha256(f"{holder}\n{handle}".encode()).digest()[:RECORD_BYTES]


def _subjects(session: Session, indices: Sequence[int]) -> dict[int, list[Subject]]:
    rows = session.execute(
        select(LogSubject.index, LogSubject.holder, LogSubject.handle, LogSubject.case)
        .where(LogSubject.index.in_(indices), LogSubject.handle.is_not(None))
        .order_by(LogSubject.index, LogSubject.number)
    )
    found: dict[int, list[Subject]] = {}
    for index, holder, handle, case in rows:
        assert handle is not None
        found.setdefault(index, []).append(Subject(holder, handle, case))
    return found
