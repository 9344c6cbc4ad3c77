"""How many different tables and cohorts one analyst may ask for in a period: a pure decision.

Suppression answers what was asked; it cannot know what else an analyst will put beside it. A budget keeps
them from asking for hundreds of slices until something shows. Asking the same again costs nothing: the
answer is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Spent(StrEnum):
    """Which part of the budget is used up."""

    TABLES = "tables"
    COHORTS = "cohorts"


@dataclass(frozen=True, slots=True)
class QueryBudget:
    """What an analyst may ask in a period.

    Attributes:
        tables: Different tables; one question about two snapshots is two tables.
        cohorts: Different cohort rules, by digest, of which anything is counted.
        period_days: Length of the period that ends now.
    """

    tables: int = 40
    cohorts: int = 8
    period_days: int = 28


@dataclass(frozen=True, slots=True)
class Asked:
    """One table an analyst asked for, answered or withheld: a withheld one costs as much.

    Attributes:
        analyst: Staff id.
        question: Digest of the question.
        snapshot: Date of the snapshot.
        cohorts: Digests of the cohort rules it counts.
        at: When.
    """

    analyst: str
    question: str
    snapshot: str
    cohorts: frozenset[str]
    at: datetime

    @property
    def table(self) -> tuple[str, str, frozenset[str]]:
        """What makes it the same table as another."""
        return self.question, self.snapshot, self.cohorts


@dataclass(frozen=True, slots=True)
class WithinBudget:
    """The table may be asked for; what is left after it."""

    tables_left: int
    cohorts_left: int


@dataclass(frozen=True, slots=True)
class OverBudget:
    """It may not; what is used up, and when the first of it becomes free again."""

    spent: Spent
    free_at: datetime


def decide_query(
    history: Iterable[Asked], asking: Asked, *, budget: QueryBudget
) -> WithinBudget | OverBudget:
    """Whether an analyst may ask for one more table.

    Args:
        history: What anybody asked before; other analysts' questions and those past the period do not count.
        asking: The table now asked for, `at` being now.
        budget: The limits.
    """
    period = timedelta(days=budget.period_days)
    mine = [
        old for old in history if old.analyst == asking.analyst and asking.at - period < old.at <= asking.at
    ]
    before = {old.table for old in mine}
    tables = before | {asking.table}
    cohorts = asking.cohorts.union(*(old.cohorts for old in mine))
    repeated = asking.table in before
    over_tables = len(tables) > budget.tables and not repeated
    if over_tables or (len(cohorts) > budget.cohorts and not repeated):
        free_at = min((old.at for old in mine), default=asking.at) + period
        return OverBudget(Spent.TABLES if over_tables else Spent.COHORTS, free_at)
    return WithinBudget(max(0, budget.tables - len(tables)), max(0, budget.cohorts - len(cohorts)))
