"""Searching the log: criteria over lines, and searches kept under a name for the next review.

Pure but for the store of saved searches, whose rows are sealed: a search can hold a staff id or a reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from node.consent_terms import PURPOSES
from node.errors import RecordFormatError
from node.log_lines import REFUSED, LogLine
from node.store import Store
from node.times import parse_time

OUTCOMES: Mapping[str, str] = {
    "known": "K",
    "possibly_known": "P",
    "no_shared_match": "N",
    "no_reply_yet": "R",
    "not_asked": "A",
}
# Outcomes that are no answer: a call was refused, or an answer was withheld though a record matched.
REFUSED_OUTCOME, WITHHELD_OUTCOME = "refused", "withheld"
ALL_OUTCOMES = (*OUTCOMES, REFUSED_OUTCOME, WITHHELD_OUTCOME)
# Reasons that are no decision to withhold: nothing was there to withhold, nobody asked, or it was answered.
NOTHING_WITHHELD = frozenset(
    {"no_match", "never_shared", "too_old", "not_in_request", "no_agreement", "permitted_without_card"}
)
# The closed vocabulary of docs/protocol.md, sections 11 to 14; a refused look-up's ends in its code.
ACTIONS = (
    "lookup:match:answered", "lookup:refused", "call:refused", "call:refused:replayed",
    "linking:run:completed", "pairs:queue:read", "pairs:history:read", "pairs:decision:made",
    "cohort:count:published", "cohort:snapshot:kept", "cohort:snapshot:released", "cohort:list:read",
    "consent:record:stored", "consent:record:withdrawn", "consent:record:objected", "consent:record:lifted",
    "agreement:document:proposed", "agreement:document:signed",
    "epoch:document:created", "epoch:envelope:stored",
    "push:caseload:completed", "caseload:records:removed",
    "node:enrolment:pending", "node:enrolment:confirmed",
    "review:item:decided", "seal:person:set", "seal:person:lifted",
    "log:entries:read", "log:texts:erased", "log:bound:met", "log:witness:refused",
    "log:export:made", "log:subject_access:made", "log:subject_access:approved", "log:entries:reconciled",
    "override:request:made", "override:approval:given", "override:approval:refused",
    "override:emergency:declared",
)  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Search:
    """What a line must be; None asks for nothing.

    Attributes:
        staff: Staff id, capitals or not.
        agency: Who did it.
        purpose: What for.
        action: The action, or its beginning up to a colon, such as `lookup` or `lookup:refused`.
        outcome: One of `ALL_OUTCOMES`.
        since: First day (UTC).
        until: Last day (UTC).
        conference: Reference of the conference.
        reference: Case reference or local reference.
    """

    staff: str | None = None
    agency: str | None = None
    purpose: str | None = None
    action: str | None = None
    outcome: str | None = None
    since: date | None = None
    until: date | None = None
    conference: str | None = None
    reference: str | None = None

    def finds(self, line: LogLine) -> bool:
        """Whether a line is what is looked for."""
        return (
            _same(self.staff, line.staff)
            and _same(self.agency, line.agency)
            and _same(self.purpose, line.purpose)
            and _same(self.conference, line.conference)
            and _same(self.reference, line.reference)
            and _begins(self.action, line.action)
            and _in_days(self, line.at)
            and (self.outcome is None or has_outcome(line, self.outcome))
        )

    def narrow(self, other: Search) -> Search:
        """Both searches in one.

        Raises:
            RecordFormatError: They ask for different things of one criterion.
        """
        mine, others = self.format(), other.format()
        for name in mine.keys() & others.keys():
            if mine[name] != others[name]:
                raise RecordFormatError("search", "the saved search asks for another one", field=name)
        return parse_search(mine | others)

    def format(self) -> dict[str, str]:
        """As it is saved: what it asks for."""
        return {name: str(value) for name, value in asdict(self).items() if value is not None}


def search_lines(lines: Iterable[LogLine], search: Search) -> Iterator[LogLine]:
    """The lines a search finds, in their order."""
    return (line for line in lines if search.finds(line))


def has_outcome(line: LogLine, outcome: str) -> bool:
    """Whether a line has an outcome: some agency's answer is that word, or it was refused or withheld."""
    if outcome == REFUSED_OUTCOME:
        return line.action.startswith(REFUSED)
    if outcome == WITHHELD_OUTCOME:
        return bool(set(line.reasons) - NOTHING_WITHHELD)
    return OUTCOMES[outcome] in line.answers.values()


def parse_search(values: Mapping[str, Any]) -> Search:
    """Read a search from what was typed or saved.

    Raises:
        RecordFormatError: A criterion is not known, not a day, or not one of its words.
    """
    known = {field.name for field in fields(Search)}
    given = {name: value for name, value in values.items() if value is not None}
    if set(given) - known:
        raise RecordFormatError("search", f"the criteria are {', '.join(sorted(known))}")
    for name in {"since", "until"} & set(given):
        given[name] = _day(given[name], name)
    if "since" in given and "until" in given and given["since"] > given["until"]:
        raise RecordFormatError("search", "lies after the last day", field="since")
    if given.get("outcome") not in (None, *ALL_OUTCOMES):
        raise RecordFormatError("search", f"must be one of {', '.join(ALL_OUTCOMES)}", field="outcome")
    if given.get("purpose") is not None and str(given["purpose"]).casefold() not in PURPOSES:
        raise RecordFormatError("search", f"must be one of {', '.join(PURPOSES)}", field="purpose")
    if given.get("action") is not None and not _is_action(str(given["action"])):
        rule = f"must be one of these, or its beginning up to a colon: {', '.join(ACTIONS)}"
        raise RecordFormatError("search", rule, field="action")
    return Search(**given)


def require_agency(search: Search, lines: Iterable[LogLine]) -> None:
    """Refuse an agency that did nothing this log shows: nothing found would read like nothing done.

    Raises:
        RecordFormatError: No line is by it; the message says whose there are.
    """
    if search.agency is None:
        return
    known = sorted({line.agency for line in lines if line.agency is not None})
    if search.agency.casefold() not in known:
        rule = f"did nothing that this log shows; there are entries by {', '.join(known) or 'nobody'}"
        raise RecordFormatError("search", rule, field="agency")


def save_search(store: Store, name: str, search: Search) -> None:
    """Keep a search under a name; one of that name is replaced."""
    content = store.vault.seal(search.format(), table="saved_search", handle=name)
    store.connection.execute(
        "INSERT INTO saved_search (name, content) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET content = excluded.content",
        (name, content),
    )


def saved_search(store: Store, name: str) -> Search:
    """A saved search.

    Raises:
        RecordFormatError: None has this name.
    """
    row = store.connection.execute("SELECT content FROM saved_search WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise RecordFormatError("search", "none is saved under this name", field="saved")
    return parse_search(store.vault.open(row["content"], table="saved_search", handle=name))


def _same(wanted: str | None, found: str | None) -> bool:
    return wanted is None or (found is not None and wanted.casefold() == found.casefold())


def _begins(wanted: str | None, action: str) -> bool:
    return wanted is None or f"{action}:".startswith(f"{wanted.rstrip(':')}:")


def _is_action(wanted: str) -> bool:
    return _begins("lookup:refused", wanted) or any(_begins(wanted, action) for action in ACTIONS)


def _in_days(search: Search, at: str) -> bool:
    if search.since is None and search.until is None:
        return True
    day = parse_time(at).date()
    return (search.since or day) <= day <= (search.until or day)


def _day(value: Any, field: str) -> date:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise RecordFormatError("search", "must be a day, YYYY-MM-DD", field=field) from None
