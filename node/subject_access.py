"""Who looked? The report for a person who asks what was looked up about them (UK GDPR Article 15).

By default it says when, which organisation, in which role, what for and by what right, and what they were
told; names of staff only where somebody other than the reporter approved that. An entry can be withheld for
one of a closed list of reasons: it is counted in the report and logged. Every report is logged before it is
shown. The person is named by this agency's own reference, which never leaves the node.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from keys.actors import Role
from node.access_log import describe_log
from node.answers import DISCLOSED
from node.caseload import find_handle
from node.errors import PolicyError, RecordFormatError
from node.home import Node
from node.log_events import ID_BYTES, REPORT_MADE, log_event
from node.log_lines import LOOKUP, REFUSED, LogLine
from node.log_search import Search
from node.staff import require_actor
from node.times import format_time

# Exemptions of the Data Protection Act 2018, Schedules 2 and 3, as far as they can apply to a log.
WITHHOLDING: Mapping[str, str] = {
    "third_party": "it would disclose information about another person",
    "serious_harm": "it would be likely to cause serious harm to the person or to somebody else",
    "crime": "it would be likely to prejudice the prevention or detection of crime",
    "child_abuse": "it is child abuse data, and disclosing it is not in the child's best interests",
    "legal_privilege": "it is legally privileged",
}
APPROVERS = (Role.IG, Role.COORDINATOR)  # Who approves overrides, approves names.
NOTHING_TOLD = "nothing was shown"


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the person.

    Attributes:
        index: The entry's index in the log.
        at: When.
        organisation: Whose member of staff it was.
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
        since: First day it covers, or None.
        until: Last day it covers, or None.
    """

    report: str
    made_at: str
    log_index: int
    looks: tuple[Look, ...]
    withheld: int
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
            "looks": [_format_look(look) for look in self.looks],
            "withheld": self.withheld,
        }


@dataclass(frozen=True, slots=True)
class Reporting:
    """How a report is made.

    Attributes:
        reporter: Staff id of whoever makes it.
        names: Whether staff ids are shown.
        approved_by: Staff id of whoever approved that, or None.
        withhold: Reason by index of the entries that are withheld.
        since: First day, or None.
        until: Last day, or None.
    """

    reporter: str
    names: bool = False
    approved_by: str | None = None
    withhold: Mapping[int, str] | None = None
    since: date | None = None
    until: date | None = None


def make_report(node: Node, reference: str, reporting: Reporting) -> SubjectReport:
    """Make, log and keep a report of who looked at a person.

    Args:
        node: The node, its copy of the log up to date.
        reference: The person's local id; also found are looks this agency made under it as case reference.
        reporting: By whom, and what is shown.

    Raises:
        PolicyError: Names without an approver, or one who makes the report.
        RecordFormatError: An entry to be withheld is not about this person, or the reason is not on the list.
        HubUnreachableError: It could not be logged; nothing is shown.
    """
    _require_approval(node, reporting)
    withhold = dict(reporting.withhold or {})
    lines = find_looks(node, reference, reporting)
    if set(withhold) - {line.index for line in lines}:
        raise RecordFormatError("report", "an entry to be withheld is not in it", field="withhold")
    if set(withhold.values()) - set(WITHHOLDING):
        raise RecordFormatError("report", f"the reasons are {', '.join(WITHHOLDING)}", field="because")
    looks = tuple(_look(line, names=reporting.names) for line in lines if line.index not in withhold)
    report = secrets.token_hex(ID_BYTES)
    receipt = log_event(
        node,
        REPORT_MADE,
        facts={"entries": len(looks), "withheld": len(withhold), "names": reporting.names},
        own={
            "report": report,
            "reporter": reporting.reporter,
            "approver": reporting.approved_by,
            "withheld": sorted(withhold),
            "because": [withhold[index] for index in sorted(withhold)],
        },
    )
    made = SubjectReport(
        report,
        format_time(node.clock()),
        receipt.entry.index,
        looks,
        len(withhold),
        reporting.since,
        reporting.until,
    )
    _keep(node, made, reference, reporting, withhold)
    return made


def find_looks(node: Node, reference: str, reporting: Reporting) -> list[LogLine]:
    """The lines of the log that are looks at a person, oldest first."""
    handle = find_handle(node.store, reference)
    days = Search(since=reporting.since, until=reporting.until)
    return [
        line
        for line in _lookups(describe_log(node))
        if _is_about(line, reference, handle) and days.finds(line)
    ]


def _lookups(lines: Iterable[LogLine]) -> Iterable[LogLine]:
    """A refused look-up looked at nobody."""
    return (line for line in lines if line.action.startswith(LOOKUP) and not line.action.startswith(REFUSED))


def _is_about(line: LogLine, reference: str, handle: str | None) -> bool:
    if line.direction == "about us":
        return handle is not None and line.handle == handle
    return line.reference == reference


def _require_approval(node: Node, reporting: Reporting) -> None:
    approver = reporting.approved_by
    if reporting.names and not approver:
        raise PolicyError("names of staff are shown only where somebody approved it")
    if approver and approver.casefold() == reporting.reporter.casefold():
        raise PolicyError("whoever makes the report does not approve names in it")
    if approver:
        require_actor(node.store, approver, APPROVERS)


def _look(line: LogLine, *, names: bool) -> Look:
    told = line.outcome if DISCLOSED & set(line.answers.values()) else NOTHING_TOLD
    staff = line.staff if names else None
    return Look(line.index, line.at, line.agency, line.role, line.purpose, line.basis, told, staff)


def _keep(
    node: Node,
    made: SubjectReport,
    reference: str,
    reporting: Reporting,
    withhold: Mapping[int, str],
) -> None:
    """Keep the report's facts, sealed: whoever asks again is answered from the log, not from here."""
    content = {
        "reference": reference,
        "made_at": made.made_at,
        "log_index": made.log_index,
        "reporter": reporting.reporter,
        "approver": reporting.approved_by,
        "withheld": {str(index): reason for index, reason in withhold.items()},
    }
    sealed = node.store.vault.seal(content, table="subject_report", handle=made.report)
    node.store.connection.execute(
        "INSERT INTO subject_report (report, content) VALUES (?, ?)", (made.report, sealed)
    )


def _format_look(look: Look) -> dict[str, Any]:
    columns: Sequence[str] = ("index", "at", "organisation", "role", "purpose", "basis", "told")
    shown = {name: getattr(look, name) for name in columns}
    return shown if look.staff is None else shown | {"staff": look.staff}
