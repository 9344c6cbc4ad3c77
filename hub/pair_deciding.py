"""Deciding a pair, and its history.

Only a pair that the agency was told of, and may be told of now, can be decided; any other is `not_found`,
whether it is withheld, gone, or was never there. Taking back an own decision needs neither: it depends on
nothing but what the agency itself has done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access_log import Action
from hub.authentication import CallingNode
from hub.errors import NotFoundError
from hub.linking_index import Reference
from hub.live_agreements import require_live
from hub.log_tree import lock_head
from hub.outcomes import POSSIBLY_KNOWN
from hub.pair_decisions import Ends, ReasonCode, Verdict, holds, order_ends, token_digests
from hub.pair_log import Shown, log_pairs
from hub.pair_models import PairDecision, PairTold
from hub.pair_telling import Told, tell_pairs


@dataclass(frozen=True, slots=True, repr=False)
class PairHistory:
    """A pair as one of its agencies may see what was decided of it.

    Attributes:
        pair: Its id.
        own: The caller's record.
        other: Whose the other one is; None where the caller may not be told of it now.
        decisions: Oldest first, each with whether it still holds; the caller's alone where `other` is None.
    """

    pair: str
    own: Reference
    other: str | None
    decisions: Sequence[tuple[PairDecision, bool]]


def decide_pair(
    session: Session,
    caller: CallingNode,
    pair: str,
    *,
    verdict: Verdict,
    reason: ReasonCode,
    policy: str,
    at: datetime,
) -> PairHistory:
    """Note what the caller decided of a pair, and log it; the same again changes nothing.

    Raises:
        NotFoundError: No pair of this id that the caller may decide, or no decision of its own to undo.
    """
    head = lock_head(session)
    ends = _ends_of_told(session, caller, pair)
    own, other = _sides(ends, caller)
    told = _tell(session, caller, own, other, at=at)
    before = _newest(session, caller, pair)
    if told is None and verdict is not Verdict.UNDONE:
        raise _not_found()
    if verdict is Verdict.UNDONE and (before is None or before.verdict == Verdict.UNDONE):
        raise NotFoundError("decision: there is none of this agency to undo")
    digests = token_digests(session, ends)
    if before is None or not _repeats(before, caller, verdict, reason) or not holds(before, digests):
        session.add(
            PairDecision(
                pair=pair,
                one_agency=ends[0][0],
                one_handle=ends[0][1],
                other_agency=ends[1][0],
                other_handle=ends[1][1],
                agency=caller.agency,
                staff=caller.staff,
                verdict=str(verdict),
                reason=str(reason),
                at=at,
                one_digest=digests.get(ends[0], b""),
                other_digest=digests.get(ends[1], b""),
            )
        )
        session.flush()
        said = {"pair": pair, "handle": own[1], "verdict": str(verdict), "reason": str(reason)}
        shown = [] if told is None else [Shown(pair, other, POSSIBLY_KNOWN, told.other)]
        log_pairs(
            session, caller, Action.PAIR_DECIDED, own=said, shown=shown, policy=policy, at=at, head=head
        )
    return _history(session, caller, pair, ends, told)


def read_history(
    session: Session, caller: CallingNode, pair: str, *, policy: str, at: datetime
) -> PairHistory:
    """What was decided of a pair, logged.

    Raises:
        NotFoundError: No pair of this id that the caller may be told of, and none it has decided itself.
    """
    head = lock_head(session)
    ends = _ends_of_told(session, caller, pair)
    own, other = _sides(ends, caller)
    told = _tell(session, caller, own, other, at=at)
    history = _history(session, caller, pair, ends, told)
    if told is None and not history.decisions:
        raise _not_found()
    shown = [] if told is None else [Shown(pair, other, POSSIBLY_KNOWN, told.other)]
    said = {"pair": pair, "handle": own[1]}
    log_pairs(session, caller, Action.PAIR_READ, own=said, shown=shown, policy=policy, at=at, head=head)
    return history


def _history(session: Session, caller: CallingNode, pair: str, ends: Ends, told: Told | None) -> PairHistory:
    own, other = _sides(ends, caller)
    chosen = select(PairDecision).where(PairDecision.pair == pair).order_by(PairDecision.number)
    if told is None:
        chosen = chosen.where(PairDecision.agency == caller.agency)
    now = token_digests(session, ends)
    decisions = [(row, holds(row, now)) for row in session.scalars(chosen)]
    return PairHistory(pair, own, None if told is None else other[0], decisions)


def _ends_of_told(session: Session, caller: CallingNode, pair: str) -> Ends:
    row = session.get(PairTold, (caller.agency, pair))
    if row is None:
        raise _not_found()
    return order_ends((row.one_agency, row.one_handle), (row.other_agency, row.other_handle))


def _sides(ends: Ends, caller: CallingNode) -> Ends:
    """The caller's record, then the other."""
    return ends if ends[0][0] == caller.agency else (ends[1], ends[0])


def _tell(
    session: Session, caller: CallingNode, own: Reference, other: Reference, *, at: datetime
) -> Told | None:
    agreements = require_live(session, caller.agency, at=at)
    return tell_pairs(session, [(own, other)], agreements=agreements, at=at).get((own, other))


def _newest(session: Session, caller: CallingNode, pair: str) -> PairDecision | None:
    chosen = select(PairDecision).where(PairDecision.pair == pair, PairDecision.agency == caller.agency)
    return session.scalars(chosen.order_by(PairDecision.number.desc()).limit(1)).first()


def _repeats(before: PairDecision, caller: CallingNode, verdict: Verdict, reason: ReasonCode) -> bool:
    return (before.staff, before.verdict, before.reason) == (caller.staff, str(verdict), str(reason))


def _not_found() -> NotFoundError:
    return NotFoundError("pair: none of this id that this agency may be told of")
