"""Pairs across agencies that may be one person (docs/protocol.md, section 13)."""

from __future__ import annotations

import binascii
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from hub.authentication import CallingNode
from hub.clock import format_time
from hub.evidence import format_evidence
from hub.pair_deciding import PairHistory, decide_pair, read_history
from hub.pair_decisions import Standing, Verdict
from hub.pair_queue import QueuedPair
from hub.pair_reading import read_pairs
from hub.pair_schemas import (
    PairDecisionBody,
    PairDecisionView,
    PairHistoryView,
    PairPage,
    PairView,
    StandingView,
)
from hub.routes.calls import PROBLEMS, Caller, LoggedReadsRoute, RunningHub
from matcher.decisions import Designation, Thresholds, decide

router = APIRouter(prefix="/v1/pairs", tags=["pairs"], responses=PROBLEMS, route_class=LoggedReadsRoute)

PairId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="A pair's id.")]
Limit = Annotated[int, Query(ge=1, le=200, description="At most so many pairs.")]
Which = Annotated[Literal["open", "all"], Query(description="Leave out what is settled, or not.")]


@router.get("", summary="List pairs of own and other agencies' records")
def get_pairs(hub: RunningHub, caller: Caller, state: Which = "open", limit: Limit = 50) -> PairPage:
    """The caller's records that may be another agency's person too, what is most worth deciding first."""
    page = read_pairs(
        hub.database,
        caller,
        limit=limit,
        everything=state == "all",
        pepper=hub.pepper,
        rules=hub.rules,
        at=hub.clock(),
    )
    views = [_view(name, one, caller, hub.rules.thresholds) for name, one in page.pairs]
    return PairPage(pairs=views, more=page.more)


@router.get("/{pair}", summary="Read what was decided of a pair")
def get_pair(pair: PairId, hub: RunningHub, caller: Caller) -> PairHistoryView:
    """Every decision of a pair, oldest first; the other agency's where the pair may be shown now."""
    with hub.database.writing() as session:
        found = read_history(session, caller, pair, policy=hub.rules.policy, at=hub.clock())
        return _history(found, caller)


@router.post("/{pair}/decisions", summary="Decide a pair")
def post_decision(pair: PairId, body: PairDecisionBody, hub: RunningHub, caller: Caller) -> PairHistoryView:
    """Notes same, different or not sure, or takes back what the caller decided; the next linking obeys."""
    with hub.database.writing() as session:
        decided = decide_pair(
            session,
            caller,
            pair,
            verdict=Verdict(body.verdict),
            reason=body.reason,
            policy=hub.rules.policy,
            at=hub.clock(),
        )
        return _history(decided, caller)


def _view(name: str, one: QueuedPair, caller: CallingNode, thresholds: Thresholds) -> PairView:
    designation = decide(one.explanation.posterior, thresholds)
    if designation is Designation.NON_LINK:  # It is asked, so it is possible.
        designation = Designation.POSSIBLE_LINK
    evidence = format_evidence(one.explanation, designation)
    return PairView(
        pair=name,
        group=one.group,
        handle=one.own[1],
        agency=one.other[0],
        evidence=binascii.b2a_base64(evidence, newline=False).decode(),
        may_be_twins=one.may_be_twins,
        decision=_standing(one.standing, caller.agency),
        theirs=_standing(one.standing, one.other[0]),
        at_odds=one.at_odds,
    )


def _standing(standing: Standing, agency: str) -> StandingView | None:
    row = standing.by_agency.get(agency)
    if row is None:
        return None
    values = {"verdict": row.verdict, "reason": row.reason, "at": format_time(row.at)}
    return StandingView.model_validate(values | {"holds": agency in standing.holding})


def _history(history: PairHistory, caller: CallingNode) -> PairHistoryView:
    decisions = [
        PairDecisionView.model_validate(
            {
                "agency": row.agency,
                "staff": row.staff if row.agency == caller.agency else None,
                "verdict": row.verdict,
                "reason": row.reason,
                "at": format_time(row.at),
                "holds": holding,
            }
        )
        for row, holding in history.decisions
    ]
    return PairHistoryView(
        pair=history.pair, handle=history.own[1], agency=history.other, decisions=decisions
    )
