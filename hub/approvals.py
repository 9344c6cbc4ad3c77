"""Approvals of overrides, as agencies have had them logged: a look-up rests on one that is there, or on none.

The hub cannot know that two people stand behind two staff ids. It can know that the approver a look-up names
has reported the approval, under the agency's signature, before it was used, and that it is not too old by the
hub's own clock (docs/protocol.md, section 9).
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


def note_approval(
    session: Session, agency: str, *, approver: str, own: Mapping[str, Any], at: datetime
) -> None:
    """Remember an approval that is logged in this transaction; given again, it is as old as the last one.

    Args:
        session: A writing session.
        agency: Whose override it is.
        approver: Who reported that they approve.
        own: What the report says; without an override's id it approves nothing.
        at: Now.
    """
    override = own.get("override")
    if not isinstance(override, str):
        return
    row = {"agency": agency, "override": override, "approver": approver.casefold(), "logged_at": at}
    statement = dialect_insert(session, OverrideApproval).values(row)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["agency", "override", "approver"],
            set_={"logged_at": statement.excluded.logged_at},
        )
    )


def require_approvals(session: Session, agency: str, bases: Sequence[Basis], *, at: datetime) -> None:
    """Refuse overrides that the approver they name has not approved, or too long ago.

    Raises:
        BasisNotPermittedError: One has no approval in the log that holds now.
    """
    named = {
        number: (basis.override, basis.approver)
        for number, basis in enumerate(bases)
        if isinstance(basis, PublicTaskBasis)
    }
    if not named:
        return
    found = session.execute(
        select(OverrideApproval.override, OverrideApproval.approver).where(
            OverrideApproval.agency == agency,
            OverrideApproval.override.in_(sorted({override for override, _ in named.values()})),
            OverrideApproval.logged_at > at - APPROVAL_LIFE,
        )
    )
    given = {(override, approver) for override, approver in found}
    for number, approval in named.items():
        if approval not in given:
            raise refused_basis(number)


def forget_approvals(session: Session, *, at: datetime) -> None:
    """Drop the approvals whose time is over; their entries in the log stay."""
    session.execute(delete(OverrideApproval).where(OverrideApproval.logged_at <= at - APPROVAL_LIFE))
