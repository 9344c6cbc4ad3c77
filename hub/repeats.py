"""A request that is sent again because its answer was lost: the first answer, never more.

A request id is claimed in the transaction of its answer, so that it is answered once, in any number of
workers; what it was for is kept as a keyed digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from hub.clock import parse_time
from hub.database import insert_new
from hub.errors import ConflictError
from hub.leaves import QUESTION, REASONS
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


def is_claimed(session: Session, agency: str, request: str, *, body_digest: bytes) -> bool:
    """Whether the request was answered before.

    Raises:
        ConflictError: It was, with another body.
    """
    known = session.get(LookupRequest, (agency, request))
    if known is not None:
        _require_same(known, body_digest)
    return known is not None


def claim(session: Session, agency: str, request: str, *, body_digest: bytes, at: datetime) -> Earlier | None:
    """Claim a request id; what was answered when it was claimed before.

    A second worker with the same id waits here until the first has committed.

    Raises:
        ConflictError: It was claimed with another body, or too long ago.
    """
    row = {"agency": agency, "request": request, "body_digest": body_digest, "log_index": None}
    if insert_new(session, LookupRequest, row):
        return None
    known = session.get_one(LookupRequest, (agency, request))
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


def note_index(session: Session, agency: str, request: str, index: int) -> None:
    """Note which entry of the log answers a request that was claimed."""
    claimed = (LookupRequest.agency == agency) & (LookupRequest.request == request)
    session.execute(update(LookupRequest).where(claimed).values(log_index=index))


def _require_same(known: LookupRequest, body_digest: bytes) -> None:
    if known.body_digest != body_digest:
        raise ConflictError("request: this id was used with another body")
