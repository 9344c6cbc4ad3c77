"""By what right a case is asked: consent, public task or emergency, as a case list or a command says it.

A case list's `basis` column says which; `basis_detail` says the rest in one cell:

    consent        2026-10-01 written                                (day it was given, method)
    public_task    safeguarding_adult; ig-lead; free text            (category; approver; words)
    public_task    0123456789abcdef0123456789abcdef                  (an approved override: `node.overrides`)
    emergency      0123456789abcdef0123456789abcdef                  (a declared emergency)

What a list says of an approval is no approval: it says which recorded one to look for (`node.settling`). Its
words are the asker's note; the reason that counts was typed with the request and stays at this node, and a
salted promise of it goes out (`node.commitments`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from node.caseload import find_handle
from node.commitments import Commitment
from node.consent import find_consent
from node.consent_terms import METHODS, state_of
from node.dates import parse_day
from node.errors import RecordFormatError
from node.store import Store
from node.times import format_time, parse_time, start_of_day

REASON_CATEGORIES = (
    "risk_to_life",
    "serious_harm",
    "safeguarding_adult",
    "safeguarding_child",
    "missing_person",
    "public_protection",
)
KINDS = ("consent", "public_task", "emergency")
OVERRIDE_ID = re.compile(r"[0-9a-f]{32}")
OVERRIDE_BYTES = 16


@dataclass(frozen=True, slots=True)
class ConsentBasis:
    """The asker holds the person's consent to ask."""

    captured_at: datetime
    method: str

    def format(self, purpose: str) -> dict[str, Any]:
        """As it travels; the scope is the purpose asked for."""
        return {
            "kind": "consent",
            "captured_at": format_time(self.captured_at),
            "method": self.method,
            "scope": [purpose],
        }


@dataclass(frozen=True, slots=True, repr=False)
class PublicTaskBasis:
    """An override: a public task with a safeguarding reason, approved by somebody other than the asker."""

    category: str
    approver: str
    reason: Commitment
    override: str
    approved_at: datetime

    def format(self, purpose: str) -> dict[str, Any]:
        """As it travels, without the reason's words."""
        return {
            "kind": "public_task",
            "reason_category": self.category,
            "reason_commitment": self.reason.digest,
            "approver": self.approver,
            "override": self.override,
            "approved_at": format_time(self.approved_at),
        }


@dataclass(frozen=True, slots=True, repr=False)
class EmergencyBasis:
    """A public task that could not wait for an approver: one person, one purpose, 15 minutes."""

    category: str
    reason: Commitment
    emergency: str
    declared_at: datetime

    def format(self, purpose: str) -> dict[str, Any]:
        """As it travels, without the reason's words."""
        return {
            "kind": "emergency",
            "reason_category": self.category,
            "reason_commitment": self.reason.digest,
            "emergency": self.emergency,
            "declared_at": format_time(self.declared_at),
        }


@dataclass(frozen=True, slots=True)
class OverrideReference:
    """What a list or a command says of a case asked under an override or emergency recorded here: its id."""

    override: str


@dataclass(frozen=True, slots=True)
class ApprovalSought:
    """What a list or a command says of a public task without an override's id.

    Attributes:
        category: The kind of reason the approval was asked for.
        approver: Whose approval it has to be, lower case, or None for anybody's.
    """

    category: str
    approver: str | None


Basis = ConsentBasis | PublicTaskBasis | EmergencyBasis


@dataclass(frozen=True, slots=True, repr=False)
class BasisDefaults:
    """What a command says for the rows that say nothing themselves.

    Raises:
        RecordFormatError: The override is not an override's id.
    """

    kind: str | None = None
    captured_at: date | None = None
    method: str | None = None
    category: str | None = None
    approver: str | None = None
    override: str | None = None

    def __post_init__(self) -> None:
        if self.override is not None and not OVERRIDE_ID.fullmatch(self.override):
            rule = "not an override's id, which is 32 of 0-9 and a-f; see 'knownto override list'"
            raise RecordFormatError("override", rule)


def read_basis(
    kind: str | None, detail: str | None, *, defaults: BasisDefaults, row: int | None, at: datetime
) -> ConsentBasis | OverrideReference | ApprovalSought:
    """The lawful basis of one case, or what `node.settling` has to find for it.

    Args:
        kind: The row's `basis`, or None.
        detail: The row's `basis_detail`, or None.
        defaults: What the command says.
        row: The row, for the error.
        at: Now: consent cannot be given later.

    Raises:
        RecordFormatError: Nothing says by what right, or something of it is missing or malformed.
    """
    chosen = kind or defaults.kind
    typed = (detail or "").strip().lower() or (defaults.override or "")
    if chosen in ("public_task", "emergency") and OVERRIDE_ID.fullmatch(typed):
        return OverrideReference(typed)
    if chosen == "consent":
        return _read_consent(detail, defaults, row, at.date())
    if chosen == "public_task":
        return _read_public_task(detail, defaults, row)
    if chosen == "emergency":
        rule = "must be the emergency's id; declare one first with 'knownto override emergency'"
        raise RecordFormatError("case list", rule, row=row, field="basis_detail")
    rule = "is missing: write" if chosen is None else "must be"
    raise RecordFormatError(
        "case list",
        f"{rule} {', '.join(KINDS)} in this column, or give --basis for all rows without one",
        row=row,
        field="basis",
    )


def with_own_consent(store: Store, case_ref: str, defaults: BasisDefaults, *, at: datetime) -> BasisDefaults:
    """The defaults for a case that is of this agency's own caseload, with consent in force here.

    A day given with the command comes first.
    """
    if defaults.captured_at is not None or find_handle(store, case_ref) is None:
        return defaults
    consent = find_consent(store, case_ref)
    if consent is None or state_of(consent, at) != "given":
        return defaults
    captured = parse_time(consent["captured_at"]).date()
    return replace(defaults, captured_at=captured, method=defaults.method or consent["method"])


def _read_consent(detail: str | None, defaults: BasisDefaults, row: int | None, today: date) -> ConsentBasis:
    words = (detail or "").replace(";", " ").split()
    method = words.pop().lower() if words and words[-1].lower() in METHODS else defaults.method
    captured = parse_day(" ".join(words), today=today) if words else defaults.captured_at
    if captured is None:
        rule = (
            "must begin with the day the consent was given, as in '2026-10-01 verbal'; "
            "or give --captured-at and --method for all rows without one"
        )
        raise RecordFormatError("case list", rule, row=row, field="basis_detail")
    if captured > today:
        raise RecordFormatError("case list", "the consent is from the future", row=row, field="basis_detail")
    if method not in METHODS:
        rule = f"must end with how it was given ({', '.join(METHODS)}), or give --method"
        raise RecordFormatError("case list", rule, row=row, field="basis_detail")
    return ConsentBasis(start_of_day(captured), method)


def _read_public_task(detail: str | None, defaults: BasisDefaults, row: int | None) -> ApprovalSought:
    category, approver, *_ = *(part.strip() for part in (detail or "").split(";", 2)), "", ""
    if category not in REASON_CATEGORIES and not approver:
        category = ""  # words alone; the rest comes with the command
    category, approver = category or defaults.category or "", approver or defaults.approver or ""
    if category not in REASON_CATEGORIES:
        rule = f"needs a reason category ({', '.join(REASON_CATEGORIES)}), or give --reason-category"
        raise RecordFormatError("case list", rule, row=row, field="basis_detail")
    return ApprovalSought(category, approver.lower() or None)
