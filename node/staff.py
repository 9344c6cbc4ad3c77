"""The roster: who works with this node, and in which roles.

Every command asks it at the moment of the call, so a change counts from the next command on. It is kept as
the list of its changes, each sealed under the node key at its own place: who gave whom which roles stays
readable, and no row can be forged, altered or moved without the key.

What it does not protect against: a node knows people by what they say. Whoever has the passphrase can act
under any staff id of the roster; the roster and the log then say for whom, and the agency must see to who
knows the passphrase.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from keys.actors import Actor, Role
from node.errors import PolicyError, RecordFormatError
from node.settings import ID_PATTERN
from node.store import Store
from node.times import format_time, parse_time

PERSONAL_ROLES = tuple(role for role in Role if role is not Role.NODE)
# Whoever makes a node: everything it takes to begin, except to review what was done.
FIRST_ROLES = frozenset({Role.OPERATOR, Role.CUSTODIAN, Role.RESPONDER, Role.COORDINATOR, Role.OFFICER})
# Information governance reviews what these do. The operator is among them, because whoever keeps the roster
# could otherwise give themselves every other role and then review its use (docs/adr/0011).
NOT_WITH_IG = frozenset({Role.OFFICER, Role.COORDINATOR, Role.CUSTODIAN, Role.OPERATOR})


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the roster.

    Attributes:
        staff: Staff id.
        roles: The roles they hold; none once they were removed.
        changed_at: When that was last changed.
        changed_by: Staff id of whoever changed it.
    """

    staff: str
    roles: frozenset[Role]
    changed_at: datetime
    changed_by: str


def read_changes(store: Store) -> list[Member]:
    """Every change of the roster, oldest first: what somebody held from then on.

    Raises:
        IntegrityError: A row was altered or moved.
    """
    rows = store.connection.execute("SELECT number, content FROM staff_change ORDER BY number")
    return [_open(store, row["number"], row["content"]) for row in rows]


def read_roster(store: Store) -> dict[str, Member]:
    """Everybody who holds a role now, by staff id."""
    newest = {member.staff: member for member in read_changes(store)}
    return {staff: newest[staff] for staff in sorted(newest) if newest[staff].roles}


def begin_roster(store: Store, staff: str, *, at: datetime) -> Member:
    """Enter the first person, with every role but those of reviewing.

    Raises:
        PolicyError: The roster has somebody already.
    """
    with store.transaction():
        if read_changes(store):
            raise PolicyError("staff: the roster has begun already")
        return _append(store, Member(require_staff_id(staff), FIRST_ROLES, at, staff))


def add_roles(store: Store, staff: str, roles: Iterable[str], *, by: str, at: datetime) -> Member:
    """Give somebody roles, beside those they hold.

    Raises:
        RecordFormatError: The staff id is malformed, or a role unknown.
        PolicyError: The roles exclude each other in one person.
    """
    require_staff_id(staff)
    given = frozenset(_read_role(role) for role in roles)
    with store.transaction():
        held = _held(read_roster(store), staff) | given
        if Role.IG in held and held & NOT_WITH_IG:
            raise PolicyError(
                "staff: whoever reviews (ig) must not be officer, coordinator, custodian or operator"
            )
        return _append(store, Member(staff, held, at, by))


def remove_roles(
    store: Store, staff: str, roles: Iterable[str] | None = None, *, by: str, at: datetime
) -> Member:
    """Take roles from somebody, by default all.

    Raises:
        RecordFormatError: A role is unknown, or nobody of this staff id holds any.
        PolicyError: Nobody would be left who may keep the roster.
    """
    with store.transaction():
        roster = read_roster(store)
        held = _held(roster, staff)
        if not held:
            raise RecordFormatError("staff", "nobody of this staff id is on the roster")
        kept = held - (held if roles is None else {_read_role(role) for role in roles})
        others = {role for member in roster.values() if member.staff != staff for role in member.roles}
        if Role.OPERATOR not in others | kept:
            raise PolicyError("staff: the last operator stays, or nobody could keep the roster")
        return _append(store, Member(staff, kept, at, by))


def require_actor(store: Store, staff: str, roles: Iterable[str]) -> Actor:
    """Somebody in the first of some roles that they hold now.

    Raises:
        PolicyError: They hold none of them.
    """
    roster = read_roster(store)
    wanted = tuple(roles)
    held = _held(roster, staff)
    found = next((role for role in wanted if role in held), None)
    if found is None:
        raise PolicyError(
            f"staff: this person does not hold the role this takes ({' or '.join(map(str, wanted))}); "
            "see 'knownto staff list', and name who acts with --staff"
        )
    return Actor(staff, found)


def _held(roster: Mapping[str, Member], staff: str) -> frozenset[Role]:
    return roster[staff].roles if staff in roster else frozenset()


def require_staff_id(staff: str) -> str:
    """Refuse what no person can be called.

    Raises:
        RecordFormatError: It is no id, or the one under which the node acts by itself.
    """
    if not re.fullmatch(ID_PATTERN, staff) or staff == Role.NODE:
        raise RecordFormatError("staff", "must be lower-case letters, digits and hyphens, and not node")
    return staff


def _read_role(role: str) -> Role:
    if role not in PERSONAL_ROLES:
        raise RecordFormatError("staff", f"a role must be one of {', '.join(PERSONAL_ROLES)}")
    return Role(role)


def _append(store: Store, member: Member) -> Member:
    last = store.connection.execute("SELECT coalesce(max(number), 0) AS last FROM staff_change").fetchone()
    number = int(last["last"]) + 1
    content = {
        "staff": member.staff,
        "roles": sorted(member.roles),
        "at": format_time(member.changed_at),
        "by": member.changed_by,
    }
    sealed = store.vault.seal(content, table="staff_change", handle=str(number))
    store.connection.execute("INSERT INTO staff_change (number, content) VALUES (?, ?)", (number, sealed))
    return member


def _open(store: Store, number: int, sealed: bytes) -> Member:
    content = store.vault.open(sealed, table="staff_change", handle=str(number))
    roles = frozenset(Role(role) for role in content["roles"])
    return Member(content["staff"], roles, parse_time(content["at"]), content["by"])
