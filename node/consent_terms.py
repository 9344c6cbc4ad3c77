"""What a person agreed to, or said no to: the words, the rules they keep, and the `consent/2` document.

The vocabularies are those of docs/protocol.md, section 8; the two rules on capacity are those of the Mental
Capacity Act 2005: nobody without capacity consents alone (sections 1 to 3), and only for them do others
decide in their best interests (section 4).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from node.errors import RecordFormatError
from node.times import format_time

PURPOSES = (
    "case_conference",
    "single_lookup",
    "referral_deduplication",
    "cohort_identification",
    "statistics",
    "safeguarding_panel",
)
METHODS = ("written", "verbal", "electronic")
DATA_CLASSES = ("contact", "known_to")
CAPACITIES = ("has_capacity", "lacks_capacity", "not_assessed")
ACTORS = ("person", "attorney", "deputy", "best_interests", "parent")
EVERYONE = "*"
FORMAT = "consent/2"
LIFTS = "lifts"  # In a document where it ends a no of the version before, and in no other.
LONGEST_NOTICE_VERSION = 64
LONGEST_WITNESS = 200


class Refusal(StrEnum):
    """Ways to say no: both end what was agreed; an objection also answers every other lawful basis."""

    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"

    @property
    def field(self) -> str:
        """The field of the document that says since when."""
        return f"{self}_at"


@dataclass(frozen=True, slots=True, repr=False)
class ConsentTerms:
    """What a person consented to.

    Attributes:
        recipients: Agencies that may be told; `*` for every agency of the agreements.
        purposes: For which purposes.
        captured_at: When the consent was given.
        valid_from: From when it holds.
        valid_until: Until when, exclusive; None without an end.
        method: written, verbal or electronic.
        notice_version: The version of the privacy notice the person was given.
        data_classes: What may be told: `known_to`, and `contact` for the answer card.
        capacity: Whether the person could decide this: has_capacity, lacks_capacity or not_assessed.
        acted_by: Who decided: the person, or who acted for them.
        witness: Who witnessed it (a name or a staff id), or None; it never leaves this node.
    """

    recipients: tuple[str, ...]
    purposes: tuple[str, ...]
    captured_at: datetime
    valid_from: datetime
    valid_until: datetime | None
    method: str
    notice_version: str
    data_classes: tuple[str, ...] = DATA_CLASSES
    capacity: str = "not_assessed"
    acted_by: str = "person"
    witness: str | None = None

    def __post_init__(self) -> None:
        if not self.recipients:
            raise _broken("recipients", "names nobody who may be told")
        if not self.purposes:
            raise _broken("purposes", _among(PURPOSES))
        for field, given, known in (
            ("purposes", self.purposes, PURPOSES),
            ("data_classes", self.data_classes, DATA_CLASSES),
            ("method", (self.method,), METHODS),
            ("capacity", (self.capacity,), CAPACITIES),
            ("acted_by", (self.acted_by,), ACTORS),
        ):
            if not set(given) <= set(known):
                raise _broken(field, _among(known))
        if "known_to" not in self.data_classes:
            raise _broken("data_classes", "must hold known_to: without it nothing is shown to anybody")
        if not self.notice_version:
            raise _broken("notice_version", "is missing")
        if len(self.notice_version) > LONGEST_NOTICE_VERSION:
            raise _broken("notice_version", f"is longer than {LONGEST_NOTICE_VERSION} characters")
        if len(self.witness or "") > LONGEST_WITNESS:
            raise _broken("witness", f"is longer than {LONGEST_WITNESS} characters")
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise _broken("valid_until", "ends before it begins")
        if self.capacity == "lacks_capacity" and self.acted_by == "person":
            raise _broken("acted_by", "somebody without capacity cannot have consented alone")
        if self.capacity != "lacks_capacity" and self.acted_by == "best_interests":
            raise _broken("acted_by", "best_interests is for somebody who lacks_capacity")

    def document(self) -> dict[str, Any]:
        """The terms as `consent/2` has them; id, version and chain are added where it is kept."""
        return {
            "format": FORMAT,
            "recipients": sorted(set(self.recipients)),
            "purposes": sorted(set(self.purposes)),
            "data_classes": sorted(set(self.data_classes)),
            "captured_at": format_time(self.captured_at),
            "valid_from": format_time(self.valid_from),
            "valid_until": None if self.valid_until is None else format_time(self.valid_until),
            "method": self.method,
            "notice_version": self.notice_version,
            "capacity": self.capacity,
            "acted_by": self.acted_by,
            "witnessed": self.witness is not None,
            "withdrawn_at": None,
            "objected_at": None,
        }


@dataclass(frozen=True, slots=True)
class Ended:
    """A person's no: a withdrawal (also a refusal from the start) or an objection.

    Attributes:
        kind: Which of them.
        at: When it was said; None for now.
    """

    kind: Refusal
    at: datetime | None = None


ConsentEntry = ConsentTerms | Ended


def nothing_agreed(at: datetime) -> dict[str, Any]:
    """The terms of somebody who was never asked, or said no: nobody is told anything."""
    now = format_time(at)
    return {
        "format": FORMAT,
        "recipients": [],
        "purposes": [],
        "data_classes": [],
        "captured_at": now,
        "valid_from": now,
        "valid_until": None,
        "method": "verbal",
        "notice_version": "none",
        "capacity": "not_assessed",
        "acted_by": "person",
        "witnessed": False,
        "withdrawn_at": None,
        "objected_at": None,
    }


def noes(document: Mapping[str, Any] | None) -> frozenset[Refusal]:
    """The ways in which a version says no; none where there is no version."""
    return frozenset(kind for kind in Refusal if document is not None and document[kind.field] is not None)


def state_of(document: Mapping[str, Any], at: datetime) -> str:
    """In one word: given, not yet, ended, refused, withdrawn or objected."""
    now = format_time(at)
    if document["objected_at"] is not None:
        return "objected"
    if document["withdrawn_at"] is not None:
        return "withdrawn" if document["recipients"] else "refused"
    if now < document["valid_from"]:
        return "not yet"
    ended = document["valid_until"] is not None and now >= document["valid_until"]
    return "ended" if ended else "given"


def _among(known: Collection[str]) -> str:
    return f"must be among {', '.join(known)}"


def _broken(field: str, rule: str) -> RecordFormatError:
    return RecordFormatError("consent", rule, field=field)
