"""Who looked? The report for a person who asks what was looked up about them (UK GDPR Article 15).

By default it says when, which organisation, in which role, what for and by what right, and what they were
told; names of staff only where somebody else approved that (`node.name_approvals`). An entry can be withheld
for one of a closed list of reasons: it is counted in the report and logged. Every report is logged before it
is shown. The person is named by this agency's own reference, which never leaves the node. Look-ups this
agency made itself are known by a case reference alone, which other case lists use for others: they are
listed to be checked, and taken in one by one. What nobody can read any more is counted.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from node.access_log import describe_log
from node.answers import DISCLOSED
from node.caseload import find_handle
from node.errors import RecordFormatError
from node.home import Node
from node.log_events import ID_BYTES, REPORT_MADE, log_event
from node.log_lines import ABOUT_US, ERASED, LOOKUP, REFUSED, LogLine
from node.log_search import Search
from node.membership import fetch_agencies
from node.name_approvals import mark_used, require_approved
from node.times import format_time

# Exemptions of the Data Protection Act 2018, Schedules 2 and 3, as far as they can apply to a log.
WITHHOLDING: Mapping[str, str] = {
    "third_party": "it would disclose information about another person",
    "serious_harm": "it would be likely to cause serious harm to the person or to somebody else",
    "crime": "it would be likely to prejudice the prevention or detection of crime",
    "child_abuse": "it is child abuse data, and disclosing it is not in the child's best interests",
    "legal_privilege": "it is legally privileged",
}
NOTHING_TOLD = "nothing was shown"


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the person.

    Attributes:
        index: The entry's index in the log.
        at: When.
        organisation: Whose member of staff it was, by the name it has in the network.
        role: In which role.
        purpose: What for.
        basis: By what right.
        told: What they were told.
        staff: Staff id; None unless names were approved.
    """

    index: int
    at: str
    organisation: str | None
    role: str | None
    purpose: str | None
    basis: str | None
    told: str
    staff: str | None = None


@dataclass(frozen=True, slots=True)
class SubjectReport:
    """A report as it is handed out.

    Attributes:
        report: Its id.
        made_at: When.
        log_index: The entry that says it was made.
        looks: The looks, oldest first.
        withheld: How many entries were withheld.
        unreadable: How many look-ups of these days can no longer be read: their texts were erased before this
            node fetched them, so that nobody can say whether they were about the person.
        by_case_reference: Indices of look-ups this agency made under this reference as a case reference and
            that are not in the report: case lists number anybody, so a person must say whose they were.
        has_record: Whether the reference is that of a record this agency has, or had.
        since: First day it covers, or None.
        until: Last day it covers, or None.
    """

    report: str
    made_at: str
    log_index: int
    looks: tuple[Look, ...]
    withheld: int
    unreadable: int
    by_case_reference: tuple[int, ...]
    has_record: bool
    since: date | None = None
    until: date | None = None

    def format(self) -> dict[str, Any]:
        """As a JSON document."""
        return {
            "report": self.report,
            "made_at": self.made_at,
            "log_index": self.log_index,
            "since": None if self.since is None else self.since.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            "has_record": self.has_record,
            "looks": [_format_look(look) for look in self.looks],
            "withheld": self.withheld,
            "unreadable": self.unreadable,
            "by_case_reference": list(self.by_case_reference),
        }


@dataclass(frozen=True, slots=True)
class Reporting:
    """How a report is made.

    Attributes:
        reporter: Staff id of whoever makes it.
        approval: Id of the approved request for staff ids (`node.name_approvals`), or None: none are shown.
        withhold: Reason by index of the entries that are withheld.
        include: Indices of look-ups found by case reference that are about the person.
        since: First day, or None.
        until: Last day, or None.
    """

    reporter: str
    approval: str | None = None
    withhold: Mapping[int, str] = field(default_factory=dict)
    include: frozenset[int] = frozenset()
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """What the log has about a person, oldest first.

    Attributes:
        about: Look-ups that matched the person's record.
        by_case: This agency's own look-ups under the same case reference.
        unreadable: How many look-ups cannot be read any more.
        has_record: Whether the reference is a record's.
    """

    about: tuple[LogLine, ...]
    by_case: tuple[LogLine, ...]
    unreadable: int
    has_record: bool


def make_report(node: Node, reference: str, reporting: Reporting) -> SubjectReport:
    """Make, log and keep a report of who looked at a person.

    Args:
        node: The node, its copy of the log up to date.
        reference: The person's local id, or the case reference under which this agency looked.
        reporting: By whom, and what is shown.

    Raises:
        PolicyError: Names that nobody else approved.
        RecordFormatError: The reference is nobody's, an entry to be withheld or taken in is not about it, or
            a reason is not on the list.
        HubUnreachableError: It could not be logged; nothing is shown.
    """
    approver = _require_approval(node, reference, reporting)
    found = find_looks(node, reference, reporting)
    lines = _chosen(found, reporting)
    names = approver is not None
    agencies = fetch_agencies(node.client(), node.store)
    called = {agency.agency: agency.name for agency in agencies.values()}
    looks = tuple(_look(line, called, names=names) for line in lines if line.index not in reporting.withhold)
    report = secrets.token_hex(ID_BYTES)
    withheld = sorted(reporting.withhold)
    receipt = log_event(
        node,
        REPORT_MADE,
        facts={
            "entries": len(looks),
            "withheld": len(withheld),
            "unreadable": found.unreadable,
            "names": names,
        },
        own={
            "report": report,
            "reporter": reporting.reporter,
            "approver": approver,
            "approval": reporting.approval,
            "withheld": withheld,
            "because": [reporting.withhold[index] for index in withheld],
            "included": sorted(reporting.include),
        },
    )
    made = SubjectReport(
        report,
        format_time(node.clock()),
        receipt.entry.index,
        looks,
        len(withheld),
        found.unreadable,
        tuple(sorted({line.index for line in found.by_case} - reporting.include)),
        found.has_record,
        reporting.since,
        reporting.until,
    )
    _keep(node, made, reference, reporting, approver)
    return made


def find_looks(node: Node, reference: str, reporting: Reporting) -> Found:
    """The lines of the log that are looks at a person.

    Raises:
        RecordFormatError: No record has the reference, and no look-up was made under it.
    """
    handle = find_handle(node.store, reference)
    lines = list(_lookups(describe_log(node)))
    own = [line for line in lines if line.direction != ABOUT_US and line.reference == reference]
    if handle is None and not own:
        rule = "nobody has this reference, and nothing was asked under it: check the spelling"
        raise RecordFormatError("report", rule, field="local_id")
    days = Search(since=reporting.since, until=reporting.until)
    return Found(
        tuple(line for line in lines if _is_about(line, handle) and days.finds(line)),
        tuple(line for line in own if days.finds(line)),
        sum(line.outcome == ERASED and days.finds(line) for line in lines),
        handle is not None,
    )


def _lookups(lines: Iterable[LogLine]) -> Iterable[LogLine]:
    """A refused look-up looked at nobody."""
    return (line for line in lines if line.action.startswith(LOOKUP) and not line.action.startswith(REFUSED))


def _is_about(line: LogLine, handle: str | None) -> bool:
    return handle is not None and line.direction == ABOUT_US and line.handle == handle


def _chosen(found: Found, reporting: Reporting) -> list[LogLine]:
    """The lines the report is about, by index, before any is withheld."""
    included = [line for line in found.by_case if line.index in reporting.include]
    if reporting.include - {line.index for line in included}:
        rule = "an entry to be taken in is not among those found by case reference"
        raise RecordFormatError("report", rule, field="include")
    lines = sorted((*found.about, *included), key=lambda line: line.index)
    if set(reporting.withhold) - {line.index for line in lines}:
        raise RecordFormatError("report", "an entry to be withheld is not in it", field="withhold")
    if set(reporting.withhold.values()) - set(WITHHOLDING):
        raise RecordFormatError("report", f"the reasons are {', '.join(WITHHOLDING)}", field="because")
    return lines


def _require_approval(node: Node, reference: str, reporting: Reporting) -> str | None:
    """Who approved names, or None where none are to be shown."""
    if reporting.approval is None:
        return None
    return require_approved(node, reporting.approval, reference=reference, reporter=reporting.reporter)


def _look(line: LogLine, called: Mapping[str, str], *, names: bool) -> Look:
    told = line.outcome if DISCLOSED & set(line.answers.values()) else NOTHING_TOLD
    staff = line.staff if names else None
    organisation = None if line.agency is None else called.get(line.agency, line.agency)
    return Look(line.index, line.at, organisation, line.role, line.purpose, line.basis, told, staff)


def _keep(
    node: Node, made: SubjectReport, reference: str, reporting: Reporting, approver: str | None
) -> None:
    """Keep the report's facts, sealed: whoever asks again is answered from the log, not from here."""
    content = {
        "reference": reference,
        "made_at": made.made_at,
        "log_index": made.log_index,
        "reporter": reporting.reporter,
        "approver": approver,
        "withheld": {str(index): reason for index, reason in reporting.withhold.items()},
    }
    sealed = node.store.vault.seal(content, table="subject_report", handle=made.report)
    with node.store.transaction() as connection:
        connection.execute(
            "INSERT INTO subject_report (report, content) VALUES (?, ?)", (made.report, sealed)
        )
        if reporting.approval is not None:
            mark_used(node.store, reporting.approval, made.report)


def _format_look(look: Look) -> dict[str, Any]:
    columns: Sequence[str] = ("index", "at", "organisation", "role", "purpose", "basis", "told")
    shown = {name: getattr(look, name) for name in columns}
    return shown if look.staff is None else shown | {"staff": look.staff}
