"""Bounds of what a node can add to the log for nothing: refusals, events it reports, lists it reads.

Answered look-ups cost budget, so the log they leave is bounded. A refusal, a report and a page of a cohort's
list (which the hub reads its whole index for) cost nothing, and a
node that sends them without end would fill the log for everybody. Within the bound each is logged; the first
beyond it logs that the bound is met, and the rest of the UTC day nothing more is logged or told of that kind.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry
from hub.budgets import day_of
from hub.database import dialect_insert
from hub.log_bound_models import LogBoundUse
from hub.log_tree import lock_head


class Bound(StrEnum):
    """What is counted."""

    REFUSALS = "refusals"
    EVENTS = "events"
    LISTS = "lists"


def take_place(session: Session, bound: Bound, *, agency: str, limit: int, at: datetime) -> bool:
    """Count one more entry of an agency's day, and log the first time that it is one too many.

    Args:
        session: A writing session; commit it whatever is returned.
        bound: What the entry counts as.
        agency: Whose node causes it.
        limit: Entries a UTC day, at least one.
        at: Now.

    Returns:
        Whether the entry may be logged.
    """
    lock_head(session)  # First, as everywhere: whoever logs locks the head and then other rows.
    row = {"agency": agency, "kind": str(bound), "day": day_of(at), "entries": 1}
    counted = dialect_insert(session, LogBoundUse).values(row)
    counted = counted.on_conflict_do_update(
        index_elements=["agency", "kind", "day"],
        set_={"entries": LogBoundUse.entries + 1},
        where=LogBoundUse.entries <= limit,
    )
    entries = session.execute(counted.returning(LogBoundUse.entries)).scalar()
    if entries == limit + 1:
        facts = {"bound": str(bound), "entries": limit}
        append_entry(session, Action.BOUND_MET, agency=agency, at=at, facts=facts)
    return entries is not None and entries <= limit
