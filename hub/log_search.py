"""Searching the whole log at the hub, from the newest entry back, and the entry that each reading leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry
from hub.leaves import OWN, WHO
from hub.log_lines import CaseLine, HubLine, read_line
from hub.log_models import LogEntry
from hub.log_views import read_readable

# Outcomes of a case, by the code of its answer; and two that are no answer.
OUTCOMES = {
    "known": "K",
    "possibly_known": "P",
    "no_shared_match": "N",
    "no_reply_yet": "R",
    "not_asked": "A",
}
REFUSED, WITHHELD = "refused", "withheld"
# Reasons that are no decision to withhold: nothing was there to withhold, nobody asked, or it was answered.
NOTHING_WITHHELD = frozenset(
    {
        "no_match", "never_shared", "too_old", "not_in_request", "no_agreement", "permitted",
        "permitted_without_card",
    }
)  # fmt: skip
CHUNK = 200
# Entries that are read for one page, found or not: whoever searches for what is rare goes on from there.
MOST_READ = 5_000


@dataclass(frozen=True, slots=True, repr=False)
class LogSearch:
    """What an entry must be; "" and None ask for nothing.

    Attributes:
        subject: The action, or its beginning up to a colon, such as `lookup`.
        agency: Who did it.
        staff: Staff id, capitals or not.
        purpose: What for.
        conference: Reference of the conference.
        outcome: One of `OUTCOMES`, `REFUSED` or `WITHHELD`.
        since: First day (UTC).
        until: Last day (UTC).
    """

    subject: str = ""
    agency: str = ""
    staff: str = ""
    purpose: str = ""
    conference: str = ""
    outcome: str = ""
    since: date | None = None
    until: date | None = None

    def finds(self, line: HubLine) -> bool:
        """Whether a line is what is looked for; one that cannot be read might be."""
        return line.is_broken or (
            _same(self.staff, line.staff)
            and _same(self.purpose, line.purpose)
            and _same(self.conference, line.conference)
            and (not self.outcome or has_outcome(line, self.outcome))
        )

    def format(self) -> dict[str, str]:
        """What it asks for, as text."""
        return {name: str(value) for name, value in asdict(self).items() if value}


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """Some of what a search finds, newest first.

    Attributes:
        lines: At most as many as were asked for.
        before: Where to go on: entries from this index on were looked at; None where none is left.
    """

    lines: Sequence[HubLine]
    before: int | None


def search_log(
    session: Session, search: LogSearch, *, before: int | None, limit: int, most_read: int = MOST_READ
) -> Found:
    """Search from the newest entry back.

    Args:
        session: A reading session.
        search: What is looked for.
        before: Only entries before this index; None for all.
        limit: At most so many.
        most_read: Entries that are read at most.
    """
    lines: list[HubLine] = []
    read = 0
    for line in _newest_first(session, search, before):
        if read == most_read or len(lines) == limit:
            return Found(lines, before)
        read, before = read + 1, line.index
        if search.finds(line):
            lines.append(line)
    return Found(lines, None)


def log_reading(
    session: Session, search: LogSearch, lines: Sequence[HubLine], *, staff: str, role: str, at: datetime
) -> None:
    """Log that somebody of the hub's reads some lines: who, how many, behind which index, by which search.

    Args:
        session: A writing session; nothing is shown before it has committed.
        search: By which they were found.
        lines: What is to be shown.
        staff: Who reads.
        role: In which role.
        at: Now.
    """
    facts = {"after": min((line.index for line in lines), default=1) - 1, "entries": len(lines)}
    parts: dict[str, dict[str, Any]] = {
        WHO: {"staff": staff, "role": role, "request_signature": None},
        OWN: {"search": search.format()},
    }
    append_entry(session, Action.LOG_READ, agency=None, at=at, facts=facts, parts=parts)


def has_outcome(line: HubLine, outcome: str) -> bool:
    """Whether an entry has an outcome: some agency's answer is that, or it was refused or withheld."""
    if outcome == REFUSED:
        return line.is_refused
    if outcome == WITHHELD:
        return any(set(case.reasons.values()) - NOTHING_WITHHELD for case in line.cases)
    return any(OUTCOMES[outcome] in case.answers.values() for case in line.cases)


def cells_of(case: CaseLine) -> list[tuple[str, str, str]]:
    """Agency, answer code and reason of each cell of a case."""
    return [(agency, code, case.reasons.get(agency, "")) for agency, code in case.answers.items()]


def _newest_first(session: Session, search: LogSearch, before: int | None) -> Iterator[HubLine]:
    while True:
        indices = list(session.scalars(_indices(search, before).limit(CHUNK)))
        for entry in reversed(read_readable(session, indices)):
            yield read_line(entry)
        if len(indices) < CHUNK:
            return
        before = indices[-1]


def _indices(search: LogSearch, before: int | None) -> Select[int]:
    statement = select(LogEntry.index).order_by(LogEntry.index.desc())
    if before is not None:
        statement = statement.where(LogEntry.index < before)
    if search.subject:
        begins = LogEntry.action.startswith(f"{search.subject}:", autoescape=True)
        statement = statement.where(or_(LogEntry.action == search.subject, begins))
    if search.agency:
        statement = statement.where(LogEntry.agency == search.agency)
    if search.since is not None:
        statement = statement.where(LogEntry.at >= _midnight(search.since))
    if search.until is not None:
        statement = statement.where(LogEntry.at < _midnight(search.until) + timedelta(days=1))
    return statement


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _same(wanted: str, found: str | None) -> bool:
    return not wanted or (found is not None and wanted.casefold() == found.casefold())
