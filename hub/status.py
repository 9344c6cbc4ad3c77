"""How the hub is: whether it can write, how far its log is witnessed, how current the agencies are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.database import Database
from hub.epochs import current_epoch_id
from hub.errors import UnavailableError
from hub.health import require_writable
from hub.live_agreements import live_agreements
from hub.log_models import LogEntry
from hub.log_tree import read_head
from hub.membership import list_agencies
from hub.models import Agency, Record, Token
from hub.witnesses import quorum_of, witnessed


class Currency(StrEnum):
    """How current an agency is, in the words of the pages."""

    NOT_ENROLLED = "not enrolled yet"
    NOT_CONFIRMED = "waits to be confirmed"
    NO_AGREEMENT = "no live agreement"
    NEVER_SHARED = "has shared nothing yet"
    TOO_OLD = "shared too long ago"
    UP_TO_DATE = "up to date"


@dataclass(frozen=True, slots=True)
class AgencyState:
    """One agency, as far as anybody at the hub needs to know it.

    Attributes:
        agency: Its id.
        name: What people call it.
        service: Kind of service.
        area: The area it serves, or None for all.
        custodian: Whether it keeps the linkage keys.
        fingerprint: Of its keys, or None.
        as_of: When it last shared, or None.
        records: How many records it has shared.
        currency: How current it is.
    """

    agency: str
    name: str
    service: str
    area: str | None
    custodian: bool
    fingerprint: str | None
    as_of: datetime | None
    records: int
    currency: Currency


@dataclass(frozen=True, slots=True)
class Status:
    """How the hub is.

    Attributes:
        writable: Whether the log, and all else, can be written.
        epoch: The current epoch, or None before the first.
        entries: Of the log.
        last_entry: When the last of them was written, or None.
        witnessed: How many of them a quorum of nodes has cosigned.
        witnesses: How many nodes there are to cosign.
        quorum: How many of them it takes.
        records: In the index.
        tokens: In the index.
        agencies: Every agency, by id.
    """

    writable: bool
    epoch: str | None
    entries: int
    last_entry: datetime | None
    witnessed: int
    witnesses: int
    quorum: int
    records: int
    tokens: int
    agencies: Sequence[AgencyState]

    @property
    def up_to_date(self) -> int:
        """How many agencies are."""
        return sum(one.currency is Currency.UP_TO_DATE for one in self.agencies)


def describe_status(database: Database, *, quorum: int, at: datetime) -> Status:
    """How the hub is now.

    Args:
        database: The hub's.
        quorum: The setting `witness_quorum`.
        at: Now.
    """
    writable = is_writable(database, at)
    with database.reading() as session:
        head, needed = read_head(session), quorum_of(session, quorum)
        return Status(
            writable=writable,
            epoch=current_epoch_id(session),
            entries=head.size,
            last_entry=session.scalar(select(LogEntry.at).where(LogEntry.index == head.size)),
            witnessed=witnessed(session, quorum=needed).size,
            witnesses=sum(row.state == "confirmed" for row in list_agencies(session)),
            quorum=needed,
            records=_count(session, Record),
            tokens=_count(session, Token),
            agencies=describe_agencies(session, at=at),
        )


def describe_agencies(session: Session, *, at: datetime) -> list[AgencyState]:
    """Every agency of the network, sorted by id."""
    return [
        AgencyState(
            agency=row.agency,
            name=row.name,
            service=row.service,
            area=row.area,
            custodian=row.custodian,
            fingerprint=row.fingerprint,
            as_of=row.as_of,
            records=row.shared_records,
            currency=currency_of(session, row, at=at),
        )
        for row in list_agencies(session)
    ]


def currency_of(session: Session, row: Agency, *, at: datetime) -> Currency:
    """How current an agency is: by the longest age that any of its live agreements permits."""
    if row.state != "confirmed":
        return Currency.NOT_ENROLLED if row.fingerprint is None else Currency.NOT_CONFIRMED
    agreements = live_agreements(session, row.agency, at=at)
    if not agreements:
        return Currency.NO_AGREEMENT
    if row.as_of is None:
        return Currency.NEVER_SHARED
    oldest = at - timedelta(days=max(agreement.maximum_age_days for agreement in agreements))
    return Currency.TOO_OLD if row.as_of < oldest else Currency.UP_TO_DATE


def is_writable(database: Database, at: datetime) -> bool:
    """Whether the database can be written now."""
    try:
        require_writable(database, at=at)
    except UnavailableError:
        return False
    return True


def _count(session: Session, table: type[Record] | type[Token]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0
