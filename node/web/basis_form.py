"""By what right, as a form says it: read into what `node.bases` takes, with an error for each field."""

from __future__ import annotations

from datetime import date

from node.bases import REASON_CATEGORIES, BasisDefaults
from node.consent_terms import METHODS
from pages.forms import Form

KINDS = {
    "consent": "The person consented to being asked about",
    "public_task": "A public task, for a safeguarding reason that somebody else has approved",
}
METHOD_WORDS = {"written": "in writing", "verbal": "spoken", "electronic": "electronically"}
CATEGORY_WORDS = {category: category.replace("_", " ").capitalize() for category in REASON_CATEGORIES}
PURPOSE_WORDS = {
    "single_lookup": "Support for one person",
    "case_conference": "Case conference",
    "referral_deduplication": "Finding double referrals",
    "safeguarding_panel": "Safeguarding panel",
}


def read_basis_form(form: Form, *, today: date) -> tuple[BasisDefaults, dict[str, str]]:
    """The basis a form gives, and what is wrong with it by field."""
    kind = form.get("basis")
    if kind == "consent":
        return _read_consent(form, today)
    if kind == "public_task":
        return _read_public_task(form)
    return BasisDefaults(), {"basis": "Select by what right you ask"}


def describe_basis(basis: BasisDefaults) -> str:
    """A basis in one line, for checking before it is sent."""
    if basis.kind == "consent" and basis.captured_at is not None:
        day = f"{basis.captured_at.day} {basis.captured_at:%B %Y}"
        return f"Consent, given {METHOD_WORDS[basis.method or METHODS[0]]} on {day}"
    if basis.kind == "public_task":
        approver = f", approved by {basis.approver}" if basis.approver else ""
        return f"Public task: {CATEGORY_WORDS[basis.category or REASON_CATEGORIES[0]]}{approver}"
    return "As each row of the list says"


def _read_consent(form: Form, today: date) -> tuple[BasisDefaults, dict[str, str]]:
    errors = {}
    captured, method = form.day("captured"), form.get("method")
    if captured is None:
        errors["captured"] = "Enter the day the consent was given, such as 1 10 2026"
    elif captured > today:
        errors["captured"] = "The day the consent was given must be today or in the past"
    if method not in METHODS:
        errors["method"] = "Select how the consent was given"
    if errors:
        return BasisDefaults(), errors
    return BasisDefaults(kind="consent", captured_at=captured, method=method), {}


def _read_public_task(form: Form) -> tuple[BasisDefaults, dict[str, str]]:
    category, approver = form.get("category"), form.get("approver").lower()
    if category not in REASON_CATEGORIES:
        return BasisDefaults(), {"category": "Select the kind of reason"}
    return BasisDefaults(kind="public_task", category=category, approver=approver or None), {}
