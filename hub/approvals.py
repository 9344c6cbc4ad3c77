"""Approvals of overrides, as agencies have had them logged: a look-up rests on one that is there, or on none.

The hub cannot know that two people stand behind two staff ids. It can know that the approver a look-up names
has reported the approval, under the agency's signature, before it was used, that it was for this purpose and
this reason, and that it is not too old by the hub's own clock (docs/protocol.md, section 9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.approval_models import OverrideApproval
from hub.database import dialect_insert
from hub.emergencies import refused_basis
from hub.purposes import APPROVAL_LIFE, Basis, PublicTaskBasis

SAID_IN_OWN = ("override", "reason_category", "reason_commitment")
APPROVED = ("purpose", "reason_category", "reason_commitment")


def note_approval(
    session: Session,
    agency: str,
    *,
    approver: str,
    facts: Mapping[str, Any],
    own: Mapping[str, Any],
    at: datetime,
) -> None:
    """Remember an approval that is logged in this transaction; given again, it is as old as the last one.

    Args:
        session: A writing session.
        agency: Whose override it is.
        approver: Who reported that they approve.
        facts: What the report says in the open: the purpose.
        own: What it says for the agency alone: the override's id, the kind of its reason, the promise of its
            words. Without any of these nothing is approved.
        at: Now.
    """
    said = {"purpose": facts.get("purpose"), **{name: own.get(name) for name in SAID_IN_OWN}}
    if not all(isinstance(one, str) for one in said.values()):
        return
    row = {"agency": agency, "approver": approver.casefold(), "logged_at": at} | said
    statement = dialect_insert(session, OverrideApproval).values(row)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["agency", "override", "approver"],
            set_={name: statement.excluded[name] for name in ("logged_at", *APPROVED)},
        )
    )


def require_approvals(
    session: Session, agency: str, bases: Sequence[Basis], *, purpose: str, at: datetime
) -> None:
    """Refuse overrides that the approver they name has not approved for this, or too long ago.

    Raises:
        BasisNotPermittedError: One has no approval in the log that holds now.
    """
    named = {
        number: (basis.override, basis.approver, purpose, basis.reason_category, basis.reason_commitment)
        for number, basis in enumerate(bases)
        if isinstance(basis, PublicTaskBasis)
    }
    if not named:
        return
    found = session.execute(
        select(
            OverrideApproval.override,
            OverrideApproval.approver,
            OverrideApproval.purpose,
            OverrideApproval.reason_category,
            OverrideApproval.reason_commitment,
        ).where(
            OverrideApproval.agency == agency,
            OverrideApproval.override.in_(sorted({override for override, *_ in named.values()})),
            OverrideApproval.logged_at > at - APPROVAL_LIFE,
        )
    )
    given = {tuple(row) for row in found}
    for number, approval in named.items():
        if approval not in given:
            raise refused_basis(number)


def forget_approvals(session: Session, *, at: datetime) -> None:
    """Drop the approvals whose time is over; their entries in the log stay."""
    session.execute(delete(OverrideApproval).where(OverrideApproval.logged_at <= at - APPROVAL_LIFE))
