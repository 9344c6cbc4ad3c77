"""The wire of pairs across agencies (docs/protocol.md, section 13)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hub.pair_decisions import ReasonCode
from hub.schemas import Base64, Hex32, Id, Time, Wire

Said = Literal["same", "different", "not_sure"]
Decided = Literal["same", "different", "not_sure", "undone"]
Group = Annotated[int, Field(ge=1, description="Pairs with one number hang together by their records.")]


class StandingView(Wire):
    """An agency's decision of a pair that stands, and whether both records' data are still the same."""

    verdict: Said
    reason: ReasonCode
    at: Time
    holds: bool


class PairView(Wire):
    """A pair as one of its agencies is shown it.

    `handle` is the own record, `agency` whose the other one is; `evidence` an `evidence/1` of 1,024 bytes
    (section 10); `decision` what stands of the own agency, `theirs` of the other.
    """

    pair: Hex32
    group: Group
    handle: Hex32
    agency: Id
    evidence: Base64
    may_be_twins: bool
    decision: StandingView | None
    theirs: StandingView | None
    at_odds: bool


class PairPage(Wire):
    """The first pairs of the own queue, and whether there are more."""

    format: Literal["pairs/1"] = "pairs/1"
    pairs: list[PairView]
    more: bool


class PairDecisionBody(Wire):
    """What was decided of a pair; `undone` takes back the own decision that stands."""

    format: Literal["pair-decision/1"]
    verdict: Decided
    reason: ReasonCode


class PairDecisionView(Wire):
    """One decision; `staff` is null where it is the other agency's."""

    agency: Id
    staff: Id | None
    verdict: Decided
    reason: ReasonCode
    at: Time
    holds: bool


class PairHistoryView(Wire):
    """What was decided of a pair, oldest first; `agency` is null where the pair is not shown any more."""

    format: Literal["pair-history/1"] = "pair-history/1"
    pair: Hex32
    handle: Hex32
    agency: Id | None
    decisions: list[PairDecisionView]
