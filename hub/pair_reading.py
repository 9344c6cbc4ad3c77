"""Reading the queue: chosen on a snapshot, decided once more and logged in one transaction, then shown.

Whoever is told of a pair for the first time pays for it as for a look-up. Else an agency could make people
up, share them, and read in its queue who is known where, past every budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from hub.access_log import Action
from hub.authentication import CallingNode
from hub.budgets import Budget, charge
from hub.database import Database
from hub.errors import LogUnavailableError
from hub.live_agreements import require_live
from hub.log_tree import lock_head
from hub.lookups import LookupRules
from hub.outcomes import KNOWN, POSSIBLY_KNOWN
from hub.pair_decisions import Ends
from hub.pair_log import Shown, log_pairs
from hub.pair_models import PairTold
from hub.pair_queue import QueuedPair, list_pairs, number_groups
from hub.pair_telling import Pair, Told, tell_pairs
from hub.tags import Pepper
from keys.documents import canonical_bytes
from matcher.decisions import Thresholds

PAIR_BYTES = 16


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """What may now leave the hub: pairs with their ids, and whether there are more."""

    pairs: Sequence[tuple[str, QueuedPair]]
    more: bool


def read_pairs(
    database: Database,
    caller: CallingNode,
    *,
    limit: int,
    everything: bool,
    pepper: Pepper,
    rules: LookupRules,
    at: datetime,
) -> Page:
    """The first pairs of the caller's queue; the log entry is durable when this returns.

    Raises:
        BudgetExhaustedError: Those that are new to the caller do not fit into today's budget.
        LogUnavailableError: The log entry could not be written.
    """
    with database.reading() as session:

        def tell(pairs: Sequence[Pair]) -> Mapping[Pair, Told]:
            return tell_pairs(session, pairs, agreements=caller.agreements, at=at)

        chosen = list_pairs(session, caller.agency, tell=tell, limit=limit + 1, everything=everything)
    try:
        shown = database.write_grouped(
            lambda session: _settle(session, caller, chosen[:limit], pepper=pepper, rules=rules, at=at)
        )
    except (DBAPIError, PoolTimeoutError) as error:
        raise LogUnavailableError("the access log cannot be written; nothing is answered") from error
    return Page(shown, more=len(chosen) > limit)


def pair_id(pepper: Pepper, ends: Ends) -> str:
    """What a pair is called by both its agencies; whoever has one record of it cannot make it up."""
    return pepper.digest(b"pair", canonical_bytes({"ends": [list(end) for end in ends]}))[:PAIR_BYTES].hex()


def _settle(
    session: Session,
    caller: CallingNode,
    chosen: Sequence[QueuedPair],
    *,
    pepper: Pepper,
    rules: LookupRules,
    at: datetime,
) -> list[tuple[str, QueuedPair]]:
    """Decide once more, charge and log, in one transaction."""
    head = lock_head(session)
    agreements = require_live(session, caller.agency, at=at)
    told = tell_pairs(session, [one.pair for one in chosen], agreements=agreements, at=at)
    left = number_groups([one for one in chosen if one.pair in told])
    named = [(pair_id(pepper, one.ends), one) for one in left]
    _note_told(session, caller, named, budget=rules.budget, at=at)
    shown = [
        Shown(name, one.other, code_of(one.explanation.posterior, rules.thresholds), told[one.pair].other)
        for name, one in named
    ]
    own = {"pairs": [name for name, _ in named]}
    log_pairs(session, caller, Action.PAIRS_READ, own=own, shown=shown, policy=rules.policy, at=at, head=head)
    return named


def code_of(posterior: float, thresholds: Thresholds) -> str:
    """The answer a holder's log says was given."""
    return KNOWN if posterior >= thresholds.known else POSSIBLY_KNOWN


def _note_told(
    session: Session,
    caller: CallingNode,
    named: Sequence[tuple[str, QueuedPair]],
    *,
    budget: Budget,
    at: datetime,
) -> None:
    """Charge each own record of which something new is told, and remember what was told."""
    names = [name for name, _ in named]
    before = select(PairTold.pair).where(PairTold.agency == caller.agency, PairTold.pair.in_(names))
    known = set(session.scalars(before))
    new = [(name, one) for name, one in named if name not in known]
    if not new:
        return
    people = len({one.own for _, one in new})
    charge(session, budget, agency=caller.agency, staff=caller.staff, cases=people, at=at)
    rows = [
        {"agency": caller.agency, "pair": name, "at": at}
        | dict(zip(("one_agency", "one_handle"), one.ends[0], strict=True))
        | dict(zip(("other_agency", "other_handle"), one.ends[1], strict=True))
        for name, one in new
    ]
    session.execute(insert(PairTold), rows)
