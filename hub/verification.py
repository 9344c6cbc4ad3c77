"""How far the log can be proved: its checkpoint, who has cosigned what, and who refused to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access_log import Action
from hub.checkpoints import LogSigner
from hub.log_models import LogCosignature, LogEntry
from hub.log_tree import read_head
from hub.membership import list_agencies
from hub.witnesses import format_witnessed, quorum_of, witnessed

REFUSALS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class WitnessState:
    """One node as a witness.

    Attributes:
        agency: Whose it is.
        name: What people call the agency.
        size: How many entries its newest cosignature covers; 0 where there is none.
        at: When it made that, by its own clock; None where there is none.
    """

    agency: str
    name: str
    size: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A witness could not agree with the log: the entry that says so."""

    index: int
    agency: str
    at: datetime


@dataclass(frozen=True, slots=True)
class VerificationState:
    """How far the log can be proved now.

    Attributes:
        entries: Of the log.
        checkpoint: The signed checkpoint of all of it (C2SP tlog-checkpoint).
        witnessed: How many entries a quorum has cosigned.
        cosigned: That checkpoint with its cosignatures, or None.
        quorum: How many cosignatures it takes.
        witnesses: Every confirmed agency's node, by agency.
        refusals: The newest refusals, newest first.
    """

    entries: int
    checkpoint: str
    witnessed: int
    cosigned: str | None
    quorum: int
    witnesses: Sequence[WitnessState]
    refusals: Sequence[Refusal]


def describe_verification(session: Session, signer: LogSigner, *, quorum: int) -> VerificationState:
    """How far the log can be proved.

    Args:
        session: A reading session.
        signer: The hub as the operator of the log.
        quorum: The setting `witness_quorum`.
    """
    head, needed = read_head(session), quorum_of(session, quorum)
    return VerificationState(
        entries=head.size,
        checkpoint=signer.sign(head),
        witnessed=witnessed(session, quorum=needed).size,
        cosigned=format_witnessed(session, signer, quorum=needed),
        quorum=needed,
        witnesses=_witnesses(session),
        refusals=_refusals(session),
    )


def _witnesses(session: Session) -> list[WitnessState]:
    found = []
    for row in list_agencies(session):
        if row.state == "confirmed":
            newest = session.execute(
                select(LogCosignature.size, LogCosignature.at)
                .where(LogCosignature.agency == row.agency)
                .order_by(LogCosignature.size.desc())
                .limit(1)
            ).first()
            size, at = newest or (0, None)
            found.append(WitnessState(row.agency, row.name, size, at))
    return found


def _refusals(session: Session) -> list[Refusal]:
    rows = session.execute(
        select(LogEntry.index, LogEntry.agency, LogEntry.at)
        .where(LogEntry.action == str(Action.WITNESS_REFUSED))
        .order_by(LogEntry.index.desc())
        .limit(REFUSALS_SHOWN)
    )
    return [Refusal(index, agency or "", at) for index, agency, at in rows]
