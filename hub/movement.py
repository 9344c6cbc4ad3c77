"""Movement between areas: where people were in one month and in a later one, counted for a period.

Somebody is in an area in a month if a record that may be counted is known to have been open there then; of
several, where they came last. Whoever is seen in two areas, in the first month of a period and in its last,
has moved. Those who stayed, came or went are not counted here: what is published of a period is its flows
alone, so that no table of people can be subtracted from them.

Each period is a population of its own. Periods may follow each other and may not overlap: a month more or
less at one end would show the few who moved in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.cohort_counts import TOTAL, Counted, Counting, warnings_of
from hub.count_models import CountLedger
from hub.count_tables import CountTable
from hub.counted_people import CountedPeople, SeenRecord, read_people
from hub.database import Database
from hub.errors import ConflictError, MalformedError
from hub.months import format_month, month_at, month_of
from hub.publishing import Inquiry, Prepared, publish_counts
from hub.purposes import Purpose
from hub.suppression_ledger import Ledger
from hub.suppression_tables import Atom, Population, Question

FLOW, TO = "flow", ">"
_LEDGER = re.compile(r"movement (\d{4}-\d{2}) (\d{4}-\d{2})")


@dataclass(frozen=True, slots=True)
class Period:
    """From one month to a later one."""

    first: int
    last: int

    @property
    def ledger(self) -> str:
        """What the ledger of its flows is called."""
        return f"movement {format_month(self.first)} {format_month(self.last)}"

    def overlaps(self, other: Period) -> bool:
        """Whether a month lies between the ends of both; one's end may be the other's beginning."""
        return self != other and self.first < other.last and other.first < self.last


def count_movement(database: Database, period: Period, counting: Counting) -> Counted:
    """Count who moved between areas: in all, and from where to where.

    Raises:
        MalformedError: The period ends before it begins, or in the future.
        ConflictError: It overlaps with one that was published; or as `hub.publishing.publish_counts`.
        BudgetExhaustedError, UnavailableError, AgreementMissingError, BasisNotPermittedError,
        NotInitialisedError: As `hub.cohort_counts.count_cohort`.
    """
    if not period.first < period.last <= month_at(counting.at):
        raise MalformedError("period: ends before it begins, or in the future")
    counting = replace(counting, purpose=Purpose.STATISTICS)
    warnings: list[str] = []

    def prepare(session: Session, ledger: Ledger) -> Prepared:
        _require_apart(session, period)
        people = read_people(session, counting.circle(session))
        warnings[:] = warnings_of(people)
        population = _population(people, period, ledger, day=counting.day)
        tables = [CountTable(TOTAL, {"": Question(())}), CountTable(FLOW, {"": Question((FLOW,))})]
        return Prepared(population, tables, {"counted": "movement", "period": period.ledger})

    inquiry = Inquiry(counting.analyst, period.ledger, frozenset(), counting.profile, counting.at)
    rows = publish_counts(database, inquiry, prepare)
    return Counted(counting.day, tuple(rows), tuple(warnings))


def flow_of(records: Iterable[SeenRecord], period: Period) -> str | None:
    """From where to where a person moved in a period, as a level; None where they did not."""
    records = list(records)
    before, after = area_in(records, period.first), area_in(records, period.last)
    return None if before is None or after is None or before == after else f"{before}{TO}{after}"


def area_in(records: Iterable[SeenRecord], month: int) -> str | None:
    """Where a person was in a month: of several areas where they came last, and then the first by name."""
    seen = [
        (-(record.opened or 0), record.area) for record in records if record.is_seen(month) and record.area
    ]
    return min(seen)[1] if seen else None


def areas_of_flow(level: str) -> tuple[str, str]:
    """From where, to where."""
    before, _, after = level.partition(TO)
    return before, after


def _population(people: CountedPeople, period: Period, ledger: Ledger, *, day: str) -> Population:
    flows = (flow_of(records, period) for records in people.records.values())
    counts = Counter[Atom]((flow,) for flow in flows if flow is not None)
    areas = {record.area for mine in people.records.values() for record in mine if record.area}
    levels = {f"{before}{TO}{after}" for before in areas for after in areas if before != after}
    levels |= set(ledger.dimensions.get(FLOW, ()))
    return Population(day, {FLOW: tuple(sorted(levels))}, counts)


def _require_apart(session: Session, period: Period) -> None:
    """Refuse a period that shares months with another that was published."""
    for name in session.scalars(select(CountLedger.ledger)):
        found = _LEDGER.fullmatch(name)
        if found is not None and period.overlaps(Period(month_of(found[1]), month_of(found[2]))):
            raise ConflictError(
                f"period: overlaps with {found[1]} to {found[2]}, which was published; "
                "periods may follow each other"
            )
