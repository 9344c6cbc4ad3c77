"""A request that is sent again because its answer was lost: the first answer, never more.

A request is noted in the transaction of its answer, which has locked the log: it is answered once, in any
number of workers. What it was for is kept as a keyed digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from hub.clock import parse_time
from hub.errors import ConflictError
from hub.leaves import QUESTION, REASONS
from hub.log_models import LogEntry
from hub.log_views import whole_entry
from hub.models import LookupRequest
from hub.outcomes import NOT_ASKED, Outcome, cap_outcome

Cell = tuple[int, str]
# For longer, it would be a question that costs no budget and that no alarm about repeated questions counts.
REPEAT_LIFE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The first answer to a request that is repeated: its entry, and the codes given with their reasons."""

    log_index: int
    answers: Mapping[Cell, tuple[str, str]]

    def cap(self, outcomes: Mapping[Cell, Outcome]) -> dict[Cell, Outcome]:
        """The outcomes, none telling more than the first answer did."""
        capped: dict[Cell, Outcome] = {}
        for cell, outcome in outcomes.items():
            code, reason = self.answers.get(cell, (NOT_ASKED, ""))
            capped[cell] = cap_outcome(outcome, code=code, reason=reason)
        return capped


def was_answered(session: Session, agency: str, request: str, *, body_digest: bytes) -> bool:
    """Whether the request was answered before.

    Raises:
        ConflictError: It was, with another body.
    """
    known = session.get(LookupRequest, (agency, request))
    if known is not None:
        _require_same(known, body_digest)
    return known is not None


def read_earlier(
    session: Session, agency: str, request: str, *, body_digest: bytes, at: datetime
) -> Earlier | None:
    """What was answered when this request was answered before.

    The log is locked: a second worker with the same id waits until the first has committed.

    Raises:
        ConflictError: It was answered with another body, or too long ago.
    """
    known = session.get(LookupRequest, (agency, request))
    if known is None:
        return None
    _require_same(known, body_digest)
    assert known.log_index is not None
    first = whole_entry(session, known.log_index)
    if at - parse_time(first.facts["at"]) > REPEAT_LIFE:
        raise ConflictError("request: it was answered more than a day ago; ask anew, under another id")
    reasons = {case["case"]: case["reasons"] for case in first.part(REASONS).get("cases", ())}
    answers = {
        (case["case"], holder): (code, reasons[case["case"]][holder])
        for case in first.part(QUESTION).get("cases", ())
        for holder, code in case["answers"].items()
    }
    # Where the first entry's texts are erased nothing is known to have been told, and nothing is told again.
    return Earlier(known.log_index, answers if reasons else {})


def note_answered(session: Session, agency: str, request: str, *, body_digest: bytes, index: int) -> None:
    """Note which entry of the log answers a request; from then on, it is repeated."""
    row = {"agency": agency, "request": request, "body_digest": body_digest, "log_index": index}
    session.execute(insert(LookupRequest), row)


def _require_same(known: LookupRequest, body_digest: bytes) -> None:
    if known.body_digest != body_digest:
        raise ConflictError("request: this id was used with another body")


def forget_requests(session: Session, *, before: datetime) -> None:
    """Drop what was noted of requests that were answered before a time; none of them can be repeated."""
    old = select(LogEntry.index).where(LogEntry.at < before)
    session.execute(
        delete(LookupRequest).where(LookupRequest.log_index.in_(old)),
        execution_options={"synchronize_session": False},
    )
