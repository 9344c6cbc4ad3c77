"""Lines of the log in the words of the pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from node.log_lines import LogLine
from node.times import parse_time
from node.web.basis_form import CATEGORY_WORDS, PURPOSE_WORDS

BASES = {"consent": "Consent", "public_task": "Public task", "emergency": "Emergency"}
MORE_PURPOSES = {
    "cohort_identification": "Finding a cohort",
    "statistics": "Statistics",
}
ACTIONS = {
    "lookup:match:answered": "Looked up",
    "call:refused": "Refused call",
    "consent:record:stored": "Consent recorded",
    "consent:record:withdrawn": "Consent withdrawn",
    "consent:record:objected": "Objection recorded",
    "consent:record:lifted": "Withdrawal or objection lifted",
    "override:request:made": "Override asked for",
    "override:approval:given": "Override approved",
    "override:approval:refused": "Override refused",
    "override:emergency:declared": "Emergency declared",
    "review:item:decided": "Review decided",
    "seal:person:set": "Seal set",
    "seal:person:lifted": "Seal lifted",
}
REFUSED_LOOKUP = "lookup:refused"


@dataclass(frozen=True, slots=True, repr=False)
class ShownLine:
    """One line of the log as a page shows it.

    Attributes:
        index: Its index in the log.
        at: When.
        did: What was done.
        who: Agency, member of staff and role.
        about: The reference it is about, or None.
        purpose: What for, or "".
        basis: By what right, and who approved, or "".
        told: What came of it.
    """

    index: int
    at: datetime
    did: str
    who: str
    about: str | None
    purpose: str
    basis: str
    told: str


def describe_line(line: LogLine) -> ShownLine:
    """A line in words; what has none is shown as the log has it."""
    who = ", ".join(filter(None, (line.agency or "the hub", line.staff, line.role)))
    return ShownLine(
        line.index, parse_time(line.at), _did(line.action), who, line.reference,
        describe_purpose(line.purpose), _basis(line), line.outcome,
    )  # fmt: skip


def describe_purpose(purpose: str | None) -> str:
    """A purpose in words."""
    return (PURPOSE_WORDS | MORE_PURPOSES).get(purpose or "", purpose or "")


def _did(action: str) -> str:
    if action.startswith(REFUSED_LOOKUP):
        return "Look-up refused"
    known = next((words for begins, words in ACTIONS.items() if action.startswith(begins)), None)
    return known or action.replace(":", ", ").replace("_", " ")


def _basis(line: LogLine) -> str:
    parts = [BASES.get(line.basis or "", line.basis or "")]
    if line.reason_category:
        parts.append(CATEGORY_WORDS.get(line.reason_category, line.reason_category).lower())
    if line.approver:
        parts.append(f"approved by {line.approver}")
    return ", ".join(filter(None, parts))
