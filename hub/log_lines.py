"""Entries of the log as the hub's own officer reads them: all parts that are there, and no handle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.access_log import CALL_REFUSED_PREFIX, REFUSED_PREFIX
from hub.clock import parse_time
from hub.leaves import LEAF_FIELDS, QUESTION, REASONS, WHO
from hub.log_views import StoredEntry

REFUSALS = (REFUSED_PREFIX, CALL_REFUSED_PREFIX)
BROKEN = "(broken)"
# Leaf facts that have a place of their own in a line.
OWN_PLACE = LEAF_FIELDS | {"purpose"}


@dataclass(frozen=True, slots=True, repr=False)
class CaseLine:
    """One case of a look-up.

    Attributes:
        case: Its number in the look-up, from 0.
        basis: Kind of the lawful basis.
        approver: Who approved, or None.
        authority: Id of the override or emergency, or None.
        category: Of the reason, or None; its words stay at the node.
        answers: Answer codes by agency.
        reasons: Why, by agency.
    """

    case: int
    basis: str
    approver: str | None
    authority: str | None
    category: str | None
    answers: Mapping[str, str]
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class HubLine:
    """One entry.

    Attributes:
        index: Its number in the log.
        at: When; None for an entry that cannot be read.
        action: From the closed vocabulary of the protocol, or `BROKEN`.
        agency: Who did it; None for the hub's own.
        staff: Who of them, or None.
        role: In which role, or None.
        purpose: What for, or None.
        conference: Reference, or None.
        cases: Of a look-up.
        facts: What else the leaf says plainly.
        erased: Whether its texts were erased under retention.
    """

    index: int
    at: datetime | None
    action: str
    agency: str | None = None
    staff: str | None = None
    role: str | None = None
    purpose: str | None = None
    conference: str | None = None
    cases: tuple[CaseLine, ...] = ()
    facts: Mapping[str, Any] | None = None
    erased: bool = False

    @property
    def is_broken(self) -> bool:
        """Whether the entry cannot be read."""
        return self.action == BROKEN

    @property
    def is_refused(self) -> bool:
        """Whether a call was refused."""
        return self.action.startswith(REFUSALS)


def read_line(entry: StoredEntry | int) -> HubLine:
    """An entry as a line; one that cannot be read as that."""
    if isinstance(entry, int):
        return HubLine(entry, None, BROKEN)
    who, facts = entry.part(WHO), entry.facts
    return HubLine(
        index=entry.index,
        at=parse_time(facts["at"]),
        action=str(facts["action"]),
        agency=facts["agency"],
        staff=who.get("staff"),
        role=who.get("role"),
        purpose=facts.get("purpose"),
        conference=who.get("conference"),
        cases=_cases(entry),
        facts={name: value for name, value in facts.items() if name not in OWN_PLACE},
        erased=any(part is None for part in entry.parts.values()),
    )


def _cases(entry: StoredEntry) -> tuple[CaseLine, ...]:
    reasons = {case["case"]: case["reasons"] for case in entry.part(REASONS).get("cases", ())}
    found = []
    for case in entry.part(QUESTION).get("cases", ()):
        basis = case.get("basis") or {}
        found.append(
            CaseLine(
                case=int(case["case"]),
                basis=str(basis.get("kind")),
                approver=basis.get("approver"),
                authority=basis.get("override") or basis.get("emergency"),
                category=basis.get("reason_category"),
                answers=case["answers"],
                reasons=reasons.get(case["case"], {}),
            )
        )
    return tuple(found)
