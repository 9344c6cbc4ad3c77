"""The hub's side of being witnessed (C2SP tlog-witness, turned round: nodes fetch, judge and report).

A cosignature is kept when it verifies against the hub's own tree. Anything else a node reports is a sign that
the log is not what that node saw before; it becomes an entry, which raises an alarm.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry, who_called
from hub.authentication import CallingNode
from hub.checkpoints import LogSigner, format_hashes
from hub.database import insert_new
from hub.errors import MalformedError
from hub.log_models import LogCosignature
from hub.log_tree import prove_consistency, read_head, root_at
from hub.models import Agency
from hub.purposes import CLOCK_TOLERANCE
from keys.checkpoints import Note, verify_cosignature, witness_key
from keys.errors import KeysError

OK, CONFLICT = 200, 409
STORED, ASK_AGAIN, NOTED = "stored", "ask_again", "noted"

_SIZE_BODY = re.compile(r"(0|[1-9][0-9]{0,15})\n")


@dataclass(frozen=True, slots=True)
class Response:
    """What a witness answered to the request with `old` and the checkpoint of `size`."""

    old: int
    size: int | None
    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The newest checkpoint with a quorum, and the one that is gathering it; 0 where there is none."""

    size: int
    gathering: int


def quorum_of(session: Session, setting: int) -> int:
    """How many cosignatures make a checkpoint a witnessed one: the setting, or more than half of all nodes.

    Args:
        session: Any session.
        setting: 0 for the default.
    """
    return setting or len(_confirmed(session)) // 2 + 1


def format_request(session: Session, signer: LogSigner, agency: str, *, old: int, quorum: int) -> str:
    """The `add-checkpoint` request that an agency's node fetches.

    It is offered the checkpoint that is gathering its quorum, and the latest one if it is past that.
    """
    head = read_head(session)
    gathering = witnessed(session, quorum=quorum, beyond=agency).gathering
    size = gathering if old < gathering <= head.size else head.size
    root = head.root if size == head.size else root_at(session, size)
    proof = prove_consistency(session, old, size=size) if old <= size else []
    lines = [f"old {old}", *format_hashes(proof), "", ""]
    return "\n".join(lines) + signer.sign_root(size, root)


def take_response(
    session: Session, signer: LogSigner, caller: CallingNode, response: Response, *, at: datetime
) -> str:
    """Keep a cosignature, ask for another try, or note that a witness refuses this log.

    Raises:
        MalformedError: A cosignature that is not the caller's over this log.
    """
    size = read_head(session).size
    if response.status == OK:
        _store(session, signer, caller, response, size=size, at=at)
        return STORED
    recorded = _recorded(response)
    if recorded is not None and recorded != response.old and recorded <= size:
        return ASK_AGAIN
    facts = {
        "status": response.status, "old": response.old, "size": response.size, "recorded": recorded,
    }  # fmt: skip
    parts = {"who": who_called(caller)}
    append_entry(session, Action.WITNESS_REFUSED, agency=caller.agency, at=at, facts=facts, parts=parts)
    return NOTED


def witnessed(session: Session, *, quorum: int, beyond: str | None = None) -> Witnessed:
    """How far a quorum has witnessed the log.

    The checkpoint that is gathering is the one beyond it with the most cosignatures, the newest of them:
    witnesses come at different times to a log that grows, and would never meet on one size otherwise.

    Args:
        session: Any session.
        quorum: Cosignatures that are enough.
        beyond: An agency whose own cosignatures do not count as gathering for it.
    """
    # Counted in the database, along the sizes from the newest on: a cosignature costs a node nothing, and one
    # may have sent thousands.
    newest, signers = LogCosignature.size.desc(), _count(LogCosignature.agency.in_(_confirmed(session)))
    sizes = select(LogCosignature.size).group_by(LogCosignature.size).limit(1)
    size = session.scalar(sizes.having(signers >= quorum).order_by(newest)) or 0
    gathering = sizes.where(LogCosignature.size > size).having(
        signers > 0, _count(LogCosignature.agency == beyond) == 0
    )
    return Witnessed(size, session.scalar(gathering.order_by(signers.desc(), newest)) or 0)


def format_witnessed(session: Session, signer: LogSigner, *, quorum: int) -> str | None:
    """The newest checkpoint that a quorum has cosigned, with their signatures; None while there is none."""
    size = witnessed(session, quorum=quorum).size
    if size == 0:
        return None
    note = signer.sign_root(size, root_at(session, size))
    lines = session.scalars(
        select(LogCosignature.line)
        .where(LogCosignature.size == size, LogCosignature.agency.in_(_confirmed(session)))
        .order_by(LogCosignature.agency)
    )
    return str(Note.parse(note).with_signatures(lines))


def _store(
    session: Session, signer: LogSigner, caller: CallingNode, response: Response, *, size: int, at: datetime
) -> None:
    if response.size is None or not 0 < response.size <= size:
        raise MalformedError("size: the log has no such checkpoint")
    root = root_at(session, response.size)
    key = witness_key(signer.network, caller.agency, caller.identity)
    try:
        made = verify_cosignature(response.body, text=signer.checkpoint(response.size, root).text, key=key)
    except KeysError as error:
        raise MalformedError(f"body: {error}") from error
    if made > at + CLOCK_TOLERANCE:
        raise MalformedError("body: cosigned in the future")
    row = {
        "agency": caller.agency,
        "size": response.size,
        "root": root,
        "public_key": caller.identity.public_key_base64,
        "at": made,
        "line": response.body,
    }
    insert_new(session, LogCosignature, row)


def _recorded(response: Response) -> int | None:
    """The size that a 409 says the witness has recorded."""
    found = _SIZE_BODY.fullmatch(response.body) if response.status == CONFLICT else None
    return None if found is None else int(found[1])


def _confirmed(session: Session) -> Sequence[str]:
    return session.scalars(select(Agency.agency).where(Agency.state == "confirmed")).all()


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """How many rows of a group hold a condition."""
    return func.sum(case((condition, 1), else_=0))
