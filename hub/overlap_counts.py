"""Which services know the same people: everybody, or a cohort, by exactly the kinds that know them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hub.cohort_counts import (
    OF_RULE,
    TOTAL,
    Counted,
    Counting,
    population_of,
    services_table,
    warnings_of,
)
from hub.cohort_rules import CohortRule
from hub.count_tables import CountTable
from hub.counted_people import read_people
from hub.database import Database
from hub.populations import IN, SERVICES
from hub.publishing import Prepared, keep_rule, publish_counts
from hub.service_kinds import KINDS_THAT_SEE_WOMEN, kind_words
from hub.suppression_ledger import Ledger
from hub.suppression_tables import Question


def count_overlap(database: Database, rule: CohortRule | None, counting: Counting) -> Counted:
    """Count the people of a cohort, or everybody, by the services that know them: in all, by exactly which
    (`services`), and for every service by itself.

    Args:
        database: The hub's.
        rule: Of the cohort; None for everybody who is counted.
        counting: By whom and under what.

    Raises:
        BudgetExhaustedError, ConflictError, UnavailableError: As `hub.publishing.publish_counts`.
        AgreementMissingError, BasisNotPermittedError, MalformedError: As `hub.counting_rules.find_circle`.
        NotInitialisedError: No linking run has been completed.
    """
    warnings: list[str] = []
    asked = {} if rule is None else {OF_RULE + rule.digest: rule}
    cohorts = () if rule is None else (rule.digest,)

    def prepare(session: Session, ledger: Ledger) -> Prepared:
        people = read_people(session, counting.circle(session))
        missing = [kind for kind in KINDS_THAT_SEE_WOMEN if kind not in people.kinds]
        warnings[:] = [
            *(f"nobody from {kind_words(kind)} takes part: women are undercounted" for kind in missing),
            *warnings_of(people),
        ]
        population = population_of(session, people, ledger, asked, counting)
        inside = {name: frozenset({IN}) for name in asked}
        tables = [
            CountTable(TOTAL, {"": Question((), inside)}),
            CountTable(SERVICES, {"": Question((SERVICES,), inside)}),
            services_table(people, inside),
        ]
        facts = {} if rule is None else {"cohort": rule.rule_id, "cohort_digest": rule.digest}
        return Prepared(population, tables, {"counted": "overlap", **facts})

    if rule is not None:
        with database.writing() as session:
            keep_rule(session, rule.digest, rule.document)
    rows = publish_counts(database, counting.inquiry(*cohorts), prepare)
    return Counted(counting.day, tuple(rows), tuple(warnings))
