"""Names of staff in a report for a person who asks: requested by whoever reports, approved by somebody else.

Two steps, as for overrides: the request is kept here, sealed; the approval is made by a second person who
acts under their own staff id, stands in the hub's log before it counts, and is good for one report about this
person by whoever asked for it.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from keys.actors import Role
from node.errors import PolicyError, RecordFormatError
from node.home import Node
from node.log_events import ID_BYTES, NAMES_APPROVED, log_event
from node.store import Store
from node.times import format_time, parse_time

APPROVERS = (Role.IG, Role.COORDINATOR)  # Who approves overrides, approves names.
APPROVAL_LIFE = timedelta(days=28)


@dataclass(frozen=True, slots=True, repr=False)
class NamesRequest:
    """A request for names in a report.

    Attributes:
        request: Its id, 32 hex.
        reference: The person's local id; it never leaves the node.
        reporter: Staff id of whoever asked for it, and makes the report.
        requested_at: When.
        approved_by: Staff id of whoever approved it, or None.
        approved_at: When, or None.
        report: The report it was used for, or None.
    """

    request: str
    reference: str
    reporter: str
    requested_at: str
    approved_by: str | None = None
    approved_at: str | None = None
    report: str | None = None


def request_names(node: Node, reference: str) -> NamesRequest:
    """Ask for names in a report about a person, as whoever acts."""
    asked = NamesRequest(secrets.token_hex(ID_BYTES), reference, node.actor.staff, format_time(node.clock()))
    _keep(node.store, asked)
    return asked


def approve_names(node: Node, request: str) -> NamesRequest:
    """Approve a request, as whoever acts.

    Raises:
        PolicyError: It is approved already, or whoever acts asked for it or may not approve.
        RecordFormatError: This node has none of this id.
        HubUnreachableError: It could not be logged, and does not hold.
    """
    asked, approver = require_approvable(node, request), node.actor
    log_event(node, NAMES_APPROVED, own={"request": request, "reporter": asked.reporter})
    approved = replace(asked, approved_by=approver.staff, approved_at=format_time(node.clock()))
    _keep(node.store, approved)
    return approved


def require_approvable(node: Node, request: str) -> NamesRequest:
    """A request that whoever acts may approve.

    Raises:
        PolicyError: It is approved already, or whoever acts asked for it or may not approve.
        RecordFormatError: This node has none of this id.
    """
    asked, approver = find_request(node.store, request), node.actor
    if asked.approved_by is not None:
        raise PolicyError("the names are approved already")
    if approver.role not in APPROVERS:
        raise PolicyError(f"names are approved by {' or '.join(APPROVERS)}")
    if approver.staff.casefold() == asked.reporter.casefold():
        raise PolicyError(
            "whoever makes the report does not approve names in it: somebody else has to, with --staff"
        )
    return asked


def require_approved(node: Node, request: str, *, reference: str, reporter: str) -> str:
    """The staff id of whoever approved names in this very report.

    Raises:
        PolicyError: Nobody did, it was for another person or reporter, it was used, or it is over.
        RecordFormatError: This node has none of this id.
    """
    asked = find_request(node.store, request)
    if asked.approved_by is None or asked.approved_at is None:
        raise PolicyError("names of staff are shown only where somebody else approved it; nobody has yet")
    if asked.reference != reference or asked.reporter.casefold() != reporter.casefold():
        raise PolicyError("the names were approved for another person's report, or for another reporter")
    if asked.report is not None:
        raise PolicyError("the approval was used for a report already; each report needs its own")
    if node.clock() >= parse_time(asked.approved_at) + APPROVAL_LIFE:
        raise PolicyError(f"the approval is older than {APPROVAL_LIFE.days} days")
    return asked.approved_by


def mark_used(store: Store, request: str, report: str) -> None:
    """Write down for which report an approval was used."""
    _keep(store, replace(find_request(store, request), report=report))


def find_request(store: Store, request: str) -> NamesRequest:
    """One request.

    Raises:
        RecordFormatError: This node has none of this id.
    """
    row = store.connection.execute(
        "SELECT content FROM names_request WHERE request = ?", (request,)
    ).fetchone()
    if row is None:
        raise RecordFormatError("report", "no request for names has this id", field="approval")
    return NamesRequest(**store.vault.open(row["content"], table="names_request", handle=request))


def _keep(store: Store, asked: NamesRequest) -> None:
    sealed = store.vault.seal(asdict(asked), table="names_request", handle=asked.request)
    store.connection.execute(
        "INSERT INTO names_request (request, content) VALUES (?, ?) "
        "ON CONFLICT (request) DO UPDATE SET content = excluded.content",
        (asked.request, sealed),
    )
