"""The months of a record that may go to the hub: when a case was opened and closed, never the day.

They go only where this agency's settings say so (`share_months`): the hub can read them, unlike an answer
card, because cohorts and movement are told from them (docs/adr/0021). A day in the future is none yet, as on
the card; where neither day is known, nothing goes, because "open" would be a guess.
"""

from __future__ import annotations

from datetime import date

from node.identifiers import Record


def months_of(record: Record, *, today: date) -> dict[str, str | None] | None:
    """`opened` and `closed` as `YYYY-MM`, each None where it is not known or has not come; None for neither.

    A record that names no day of closing is open: so the caseload file says (docs/caseloads.md).
    """
    opened, closed = _past(record.opened, today), _past(record.closed, today)
    if opened is None and closed is None:
        return None
    return {"opened": opened, "closed": closed}


def _past(day: date | None, today: date) -> str | None:
    return None if day is None or day > today else day.strftime("%Y-%m")
