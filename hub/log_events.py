"""What happened at a node and belongs in the log: reported by the node, logged once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from hub.access_log import NodeEvent, append_entry, who_called
from hub.approvals import note_approval
from hub.authentication import CallingNode
from hub.errors import ConflictError
from hub.leaves import OWN, WHO
from hub.log_bounds import Bound, take_place
from hub.log_models import LogEvent
from hub.log_tree import lock_head
from hub.roles import require_event_permitted

# Nobody waits with an emergency for tomorrow; however many there are, each is somebody's to answer for.
UNBOUNDED = frozenset({NodeEvent.EMERGENCY_DECLARED})


def log_event(
    session: Session,
    caller: CallingNode,
    event: str,
    action: NodeEvent,
    *,
    facts: Mapping[str, Any],
    own: Mapping[str, Any],
    body_digest: bytes,
    limit: int,
    at: datetime,
) -> int | None:
    """Log an event, unless it is logged already or too many were today.

    Args:
        session: A writing session.
        caller: Who reports it.
        event: The id the node gave it.
        action: What happened.
        facts: Plain fields.
        own: What is for the reporting agency alone.
        body_digest: Keyed digest of the whole report.
        limit: Events of an agency that are logged in a UTC day.
        at: Now.

    Returns:
        Its entry's index; None where the day's bound is met. An emergency is always logged.

    Raises:
        RoleNotPermittedError: Nobody in the caller's role does such a thing.
        ConflictError: The id was used for another report.
    """
    require_event_permitted(action, caller.role)
    lock_head(session)  # The same report at the same time waits here, and finds what the first has logged.
    known = session.get(LogEvent, (caller.agency, event))
    if known is not None:
        if known.body_digest != body_digest:
            raise ConflictError("event: this id was used with another body")
        return known.log_index
    bounded = action not in UNBOUNDED
    if bounded and not take_place(session, Bound.EVENTS, agency=caller.agency, limit=limit, at=at):
        return None
    parts = {WHO: who_called(caller), OWN: own}
    index = append_entry(session, action, agency=caller.agency, at=at, facts=facts, parts=parts).index
    if action is NodeEvent.OVERRIDE_APPROVED:
        note_approval(session, caller.agency, approver=caller.staff, facts=facts, own=own, at=at)
    row = LogEvent(agency=caller.agency, event=event, body_digest=body_digest, log_index=index)
    session.add(row)
    session.flush()
    return index
