"""Budgets: how many cases a person and a node may ask about in a UTC day.

Whoever holds a linkage key can only be limited by what they may ask. A case is one person in up to eight
tokens, and nothing shows that they are one person: a former name shares no slot with the name of today. So
each token is charged as a case: somebody with an alias costs two, and so do two people in one case. Charges
are one statement that either fits below the limit or changes nothing, so that no two workers can spend the
same case.

The budget of one person, how often an agency may ask about the same record, is not charged here: a refusal
would say that there is a record. What goes beyond it is answered alike and alarmed (`hub.alarms`, ADR 0012).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from hub.database import dialect_insert, table_of
from hub.errors import BudgetExhaustedError
from hub.models import BudgetUse

NODE = ""  # An agency's node as a whole; no staff id is empty.


@dataclass(frozen=True, slots=True)
class Budget:
    """Cases a day: of one staff id, and of an agency's whole node."""

    staff_cases: int
    node_cases: int


def cases_charged(tokens: Iterable[int]) -> int:
    """How many cases a look-up is charged as, from the number of tokens of each of its cases."""
    return sum(tokens)


def require_budget(
    session: Session, budget: Budget, *, agency: str, staff: str, cases: int, at: datetime
) -> None:
    """Refuse before any work is done; the charge itself comes later and decides.

    Raises:
        BudgetExhaustedError: The cases do not fit into what is left of today.
    """
    statement = select(BudgetUse.staff, BudgetUse.cases).where(
        BudgetUse.agency == agency, BudgetUse.day == day_of(at), BudgetUse.staff.in_([NODE, staff])
    )
    used = dict(session.execute(statement).all())
    for who, limit in _limits(budget, staff):
        if used.get(who, 0) + cases > limit:
            raise _exhausted(who)


def charge(session: Session, budget: Budget, *, agency: str, staff: str, cases: int, at: datetime) -> None:
    """Charge the cases to staff id and node in the current transaction.

    Raises:
        BudgetExhaustedError: They do not fit; roll the transaction back.
    """
    limits = _limits(budget, staff)
    for who, limit in limits:
        if cases > limit:
            raise _exhausted(who)
    statement, kept = dialect_insert(session, BudgetUse), table_of(BudgetUse).c
    total = kept.cases + statement.excluded.cases
    bounded = statement.on_conflict_do_update(
        index_elements=["agency", "staff", "day"],
        set_={"cases": total},
        where=total <= case(dict(limits), value=statement.excluded.staff),
    ).returning(kept.staff)
    rows = [{"agency": agency, "staff": who, "day": day_of(at), "cases": cases} for who, _ in limits]
    charged = set(session.scalars(bounded, rows))
    for who, _ in limits:
        if who not in charged:
            raise _exhausted(who)


def _limits(budget: Budget, staff: str) -> tuple[tuple[str, int], tuple[str, int]]:
    # The node first, everywhere: two workers then take their row locks in the same order.
    return ((NODE, budget.node_cases), (staff, budget.staff_cases))


def _exhausted(who: str) -> BudgetExhaustedError:
    whose = "this node" if who == NODE else "this staff id"
    return BudgetExhaustedError(f"cases: today's budget of {whose} is used up")


def day_of(at: datetime) -> str:
    """The UTC day that is charged, ISO 8601."""
    return at.astimezone(UTC).date().isoformat()
