"""Who acts: the `knownto-actor` header of every signed call (docs/protocol.md, section 2).

The node vouches for the person and the role; its signature covers both. Which role may do what is the
hub's table (`hub.roles`), and who holds which role is the node's roster (`node.staff`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from keys.errors import KeyFormatError

ACTOR_HEADER = "Knownto-Actor"

_STAFF = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_ROLE = re.compile(r"[a-z][a-z_]{0,31}")
_HEADER = re.compile(rf"staff=({_STAFF.pattern});role=({_ROLE.pattern})")


class Role(StrEnum):
    """What somebody does at an agency; `NODE` is work that no person asked for at that moment."""

    OFFICER = "officer"
    COORDINATOR = "coordinator"
    RESPONDER = "responder"
    IG = "ig"
    ANALYST = "analyst"
    CUSTODIAN = "custodian"
    OPERATOR = "operator"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody in one of their roles.

    Attributes:
        staff: Staff id, unique within the agency.
        role: One of `Role`; another word is well formed, so that the hub can refuse it by name.

    Raises:
        KeyFormatError: One of them is not of the protocol's form.
    """

    staff: str
    role: str

    def __post_init__(self) -> None:
        if not _STAFF.fullmatch(self.staff) or not _ROLE.fullmatch(self.role):
            raise KeyFormatError("actor: a staff id or role is not of the protocol's form")
        if (self.staff == Role.NODE) != (self.role == Role.NODE):
            raise KeyFormatError("actor: no person is called node, and no person acts as one")


AUTOMATIC = Actor(Role.NODE, Role.NODE)  # What a node does by itself: send what waited, witness the log.


def format_actor(actor: Actor) -> str:
    """The header's value."""
    return f"staff={actor.staff};role={actor.role}"


def parse_actor(text: str) -> Actor:
    """Read the header's value: exactly one spelling, no blanks, nothing beside the two.

    Raises:
        KeyFormatError: It is anything else.
    """
    found = _HEADER.fullmatch(text)
    if found is None:
        raise KeyFormatError("knownto-actor: must be staff=ID;role=ROLE")
    return Actor(*found.groups())
