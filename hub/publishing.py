"""Publishing counts: through the query budget, the ledger, and the log, in this order, or not at all.

Suppression takes up to seconds, and every look-up needs the same database to be answered. So it is worked
out beside, on the ledger as it was read, and stored only if nobody has published meanwhile; otherwise it is
worked out again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry
from hub.clock import format_time
from hub.count_models import CohortRuleText, CountLedger, CountQuestion
from hub.count_tables import CountRow, CountTable, number_withheld, rows_of
from hub.database import Database, insert_new
from hub.errors import BudgetExhaustedError, ConflictError, UnavailableError
from hub.leaves import WHO
from hub.query_budget import Asked, OverBudget, QueryBudget, decide_query
from hub.suppression import publish
from hub.suppression_ledger import Ledger, ledger_document, parse_ledger
from hub.suppression_profiles import shipped_profile
from hub.suppression_tables import Population

ATTEMPTS = 3
PEOPLE = "people"
CHANGED_SINCE = (
    "snapshot: this day was counted before, and the data have changed since; "
    "two counts of one day would show by whom: count again on another day"
)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Who asks the hub for counts.

    Attributes:
        analyst: Staff id.
        ledger: Of which kind of people: whatever counts the same people belongs into one.
        cohorts: Digests of the cohort rules that are counted.
        profile: Name of the disclosure profile.
        at: Now.
        budget: What the analyst may ask.
    """

    analyst: str
    ledger: str
    cohorts: frozenset[str]
    profile: str
    at: datetime
    budget: QueryBudget = field(default_factory=QueryBudget)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be published: the people, the tables, and facts for the log beside their number."""

    population: Population
    tables: Sequence[CountTable]
    facts: Mapping[str, Any]


# Reads what is counted, given the ledger: its dimensions have to be counted again.
Prepare = Callable[[Session, Ledger], Prepared]


def publish_counts(database: Database, inquiry: Inquiry, prepare: Prepare) -> list[CountRow]:
    """Publish tables as far as everything before allows.

    Raises:
        BudgetExhaustedError: The analyst has asked for too many tables or cohorts.
        ConflictError: The snapshot's day was counted before, and the data have changed since.
        UnavailableError: Somebody else published at the same time, again and again.
    """
    for _ in range(ATTEMPTS):
        with database.reading() as session:
            ledger, version = read_ledger(session, inquiry.ledger)
            prepared = prepare(session, ledger)
            require_budget(session, inquiry, prepared)
        ledger, rows = _work_out(ledger, prepared, inquiry.profile)
        with database.writing() as session:
            if _store(session, inquiry.ledger, ledger, version):
                _note(session, inquiry, prepared, rows)
                return rows
    raise UnavailableError("counts: others are publishing at the same time; ask again")


def read_ledger(session: Session, name: str) -> tuple[Ledger, int]:
    """What was published of these people, and how often it has changed."""
    row = session.get(CountLedger, name)
    return (Ledger(), 0) if row is None else (parse_ledger(json.loads(row.document)), row.version)


def keep_rule(session: Session, digest: str, document: Mapping[str, Any]) -> None:
    """Keep a rule by which something is counted: every later population has to be counted by it too."""
    insert_new(session, CohortRuleText, {"digest": digest, "document": json.dumps(document)})


def require_budget(session: Session, inquiry: Inquiry, prepared: Prepared) -> None:
    """Refuse what goes beyond the analyst's budget; of several tables the first that does refuses all.

    Raises:
        BudgetExhaustedError: Tables or cohorts are used up.
    """
    history = _history(session, inquiry)
    for asked in _asked(inquiry, prepared):
        decision = decide_query(history, asked, budget=inquiry.budget)
        if isinstance(decision, OverBudget):
            free = format_time(decision.free_at)
            raise BudgetExhaustedError(f"{decision.spent}: this analyst's are used up until {free}")
        history.append(asked)


def _history(session: Session, inquiry: Inquiry) -> list[Asked]:
    since = inquiry.at - timedelta(days=inquiry.budget.period_days)
    chosen = select(CountQuestion).where(CountQuestion.analyst == inquiry.analyst, CountQuestion.at > since)
    return [
        Asked(row.analyst, row.question, row.snapshot, frozenset(json.loads(row.cohorts)), row.at)
        for row in session.scalars(chosen)
    ]


def _asked(inquiry: Inquiry, prepared: Prepared) -> list[Asked]:
    snapshot = prepared.population.snapshot
    return [
        Asked(inquiry.analyst, f"{inquiry.ledger} {table.digest}", snapshot, inquiry.cohorts, inquiry.at)
        for table in prepared.tables
    ]


def _work_out(ledger: Ledger, prepared: Prepared, profile: str) -> tuple[Ledger, list[CountRow]]:
    rows: list[CountRow] = []
    rules = shipped_profile(profile)
    for table in prepared.tables:
        answers = {}
        for level, question in table.questions.items():
            try:
                ledger, answers[level] = publish(ledger, prepared.population, question, profile=rules)
            except ConflictError:
                raise ConflictError(CHANGED_SINCE) from None
        rows += rows_of(table, answers)
    return ledger, rows


def _store(session: Session, name: str, ledger: Ledger, version: int) -> bool:
    """Put a ledger in the place of the one that was read; whether that one still stands."""
    document = json.dumps(ledger_document(ledger), separators=(",", ":"))
    if version == 0:
        return insert_new(session, CountLedger, {"ledger": name, "version": 1, "document": document})
    changed = session.execute(
        update(CountLedger)
        .where(CountLedger.ledger == name, CountLedger.version == version)
        .values(version=version + 1, document=document)
        .returning(CountLedger.version)
    )
    return changed.first() is not None


def _note(session: Session, inquiry: Inquiry, prepared: Prepared, rows: Sequence[CountRow]) -> None:
    asked = _asked(inquiry, prepared)
    session.execute(
        insert(CountQuestion),
        [
            {
                "analyst": one.analyst,
                "question": one.question,
                "snapshot": one.snapshot,
                "cohorts": json.dumps(sorted(one.cohorts)),
                "at": one.at,
            }
            for one in asked
        ],
    )
    facts = {
        "snapshot": prepared.population.snapshot,
        "profile": inquiry.profile,
        "tables": len(asked),
        "withheld": number_withheld(rows),
        **prepared.facts,
    }
    append_entry(
        session,
        Action.COUNTS_PUBLISHED,
        agency=None,
        at=inquiry.at,
        facts=facts,
        parts={WHO: at_the_hub(inquiry.analyst)},
    )


def at_the_hub(staff: str | None) -> dict[str, Any]:
    """The part `who` of what is done at the hub itself, where nobody signs for a person."""
    return {"staff": staff, "role": None, "request_signature": None}
