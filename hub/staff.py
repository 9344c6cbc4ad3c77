"""Who works at the hub, and in which roles: kept as the list of its changes, asked at every request.

What it does not protect against: whoever runs as the hub's own user can enter anybody, as they can do
everything else there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.account_models import StaffChange
from hub.errors import MalformedError, NotFoundError, PolicyError
from hub.settings import ID_PATTERN
from keys.actors import Role

HUB_ROLES = (Role.IG, Role.ANALYST, Role.OPERATOR)
# Whoever reviews does nothing else (docs/adr/0011): an operator could otherwise enter themselves as reviewer.
NOT_WITH_IG = frozenset({Role.ANALYST, Role.OPERATOR})


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who works at the hub.

    Attributes:
        staff: Staff id.
        roles: The roles they hold; none once they left.
        changed_at: When that was last changed.
        changed_by: Staff id of whoever changed it.
    """

    staff: str
    roles: frozenset[Role]
    changed_at: datetime
    changed_by: str


def read_changes(session: Session) -> list[Member]:
    """Every change, oldest first: what somebody held from then on."""
    rows = session.scalars(select(StaffChange).order_by(StaffChange.number))
    return [Member(row.staff, frozenset(map(Role, row.roles.split())), row.at, row.by) for row in rows]


def read_roster(session: Session) -> dict[str, Member]:
    """Everybody who holds a role now, by staff id."""
    newest = {member.staff: member for member in read_changes(session)}
    return {staff: newest[staff] for staff in sorted(newest) if newest[staff].roles}


def require_operator(session: Session, staff: str, *, at: datetime) -> Member:
    """Somebody who keeps the roster; where it is empty they become its first operator.

    Args:
        session: A writing session.
        staff: Who acts.
        at: Now.

    Raises:
        MalformedError: Nobody can be called so.
        PolicyError: There is a roster, and they are no operator of it.
    """
    roster = read_roster(session)
    if not roster:
        return _append(session, Member(require_staff_id(staff), frozenset({Role.OPERATOR}), at, staff))
    if staff not in roster or Role.OPERATOR not in roster[staff].roles:
        raise PolicyError("staff: this takes an operator of the hub; see `knownto hub staff list`")
    return roster[staff]


def add_roles(session: Session, staff: str, roles: Iterable[str], *, by: str, at: datetime) -> Member:
    """Give somebody roles, beside those they hold.

    Raises:
        MalformedError: The staff id is malformed, or a role is none of the hub's.
        PolicyError: The roles exclude each other in one person.
    """
    roster = read_roster(session)
    held = roster[staff].roles if staff in roster else frozenset()
    held |= frozenset(map(_read_role, roles))
    if Role.IG in held and held & NOT_WITH_IG:
        raise PolicyError("staff: whoever reviews (ig) must not be analyst or operator")
    return _append(session, Member(require_staff_id(staff), held, at, by))


def remove_roles(
    session: Session, staff: str, roles: Iterable[str] | None = None, *, by: str, at: datetime
) -> Member:
    """Take roles from somebody, by default all.

    Raises:
        MalformedError: A role is none of the hub's.
        NotFoundError: Nobody of this staff id holds any.
        PolicyError: Nobody would be left who may keep the roster.
    """
    roster = read_roster(session)
    if staff not in roster:
        raise NotFoundError("staff: nobody of this staff id works here")
    held = roster[staff].roles
    kept = held - (held if roles is None else frozenset(map(_read_role, roles)))
    others = {role for member in roster.values() if member.staff != staff for role in member.roles}
    if Role.OPERATOR not in others | kept:
        raise PolicyError("staff: the last operator stays, or nobody could keep the roster")
    return _append(session, Member(staff, kept, at, by))


def require_staff_id(staff: str) -> str:
    """Refuse what no person can be called.

    Raises:
        MalformedError: It is no id, or the one under which a node acts by itself.
    """
    if not re.fullmatch(ID_PATTERN, staff) or staff == Role.NODE:
        raise MalformedError("staff: must be lower-case letters, digits and hyphens, and not node")
    return staff


def _read_role(role: str) -> Role:
    if role not in HUB_ROLES:
        raise MalformedError(f"roles: at the hub one is {', '.join(HUB_ROLES)}")
    return Role(role)


def _append(session: Session, member: Member) -> Member:
    """The number is the key: of two changes at the same moment one fails, instead of being overlooked."""
    last = session.scalar(select(func.max(StaffChange.number))) or 0
    roles = " ".join(role for role in Role if role in member.roles)
    session.add(
        StaffChange(
            number=last + 1, staff=member.staff, roles=roles, at=member.changed_at, by=member.changed_by
        )
    )
    session.flush()
    return member
