"""A consent as a form says it: read into `node.consent_terms` with an error for each field, said in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from node.consent_terms import ACTORS, CAPACITIES, DATA_CLASSES, EVERYONE, METHODS, PURPOSES, ConsentTerms
from node.errors import RecordFormatError
from node.times import start_of_day
from pages.forms import Form
from pages.templating import capitalise

TOLD = {
    "contact": "That we know them, whether their case is open, and the team to ring",
    "known_to": "That we know them, and nothing more",
}
RECIPIENTS = {"all": "Every agency of the agreements", "some": "Only those ticked here"}
CAPACITY_WORDS = {
    "has_capacity": "They can decide this",
    "lacks_capacity": "They cannot decide this now",
    "not_assessed": "Not assessed",
}
ACTOR_WORDS = {
    "person": "The person",
    "attorney": "An attorney",
    "deputy": "A deputy of the court",
    "best_interests": "Us, in their best interests",
    "parent": "A parent, for a child",
}
# Where a rule of the terms is about another field of the form.
FIELDS = {
    "captured_at": "captured",
    "valid_until": "until",
    "notice_version": "notice",
    "data_classes": "told",
}
TICKED = "yes"


def read_consent_form(form: Form, *, at: datetime) -> tuple[ConsentTerms | None, dict[str, str]]:
    """The terms a form gives, and what is wrong with it by field."""
    errors = _errors(form, at.date())
    if errors:
        return None, errors
    captured, until = form.day("captured"), form.day("until")
    assert captured is not None
    # A day of the past began before whatever else happened on it; of today, it is now.
    captured_at = at if captured == at.date() else start_of_day(captured)
    try:
        terms = ConsentTerms(
            recipients=(EVERYONE,) if form.get("recipients") == "all" else tuple(_ticked(form, "to")),
            purposes=tuple(_ticked(form, "purposes")),
            captured_at=captured_at,
            valid_from=captured_at,
            valid_until=None if until is None else start_of_day(until) + timedelta(days=1),
            method=form.get("method"),
            notice_version=form.get("notice"),
            data_classes=DATA_CLASSES if form.get("told") == "contact" else ("known_to",),
            capacity=form.get("capacity"),
            acted_by=form.get("acted_by"),
            witness=form.get("witness") or None,
        )
    except RecordFormatError as error:
        return None, {FIELDS.get(error.field or "", error.field or "notice"): capitalise(error.rule)}
    return terms, {}


def describe_terms(form: Form, names: Mapping[str, str], purposes: Mapping[str, str]) -> dict[str, str]:
    """The answers of a form, for checking before they are recorded."""
    to = [names.get(agency, agency) for agency in _ticked(form, "to")]
    described = {
        "Who may be told": RECIPIENTS["all"] if form.get("recipients") == "all" else ", ".join(to),
        "What for": ", ".join(purposes[purpose] for purpose in _ticked(form, "purposes")),
        "What": TOLD[form.get("told")],
        "Given": _day_words(form.day("captured")),
        "Until": _day_words(form.day("until")) or "No end",
        "How": form.get("method").capitalize(),
        "Privacy notice": form.get("notice"),
        "Able to decide": CAPACITY_WORDS[form.get("capacity")],
        "Who decided": ACTOR_WORDS[form.get("acted_by")],
        "Witness": form.get("witness"),
    }
    return {name: said for name, said in described.items() if said}


def _errors(form: Form, today: date) -> dict[str, str]:
    captured = form.day("captured")
    wrong: Sequence[tuple[str, bool, str]] = (
        ("recipients", form.get("recipients") not in RECIPIENTS, "Select who may be told"),
        ("recipients", form.get("recipients") == "some" and not _ticked(form, "to"), "Tick who may be told"),
        ("purposes", not set(_ticked(form, "purposes")) & set(PURPOSES), "Tick what for"),
        ("told", form.get("told") not in TOLD, "Select what they may be told"),
        ("captured", captured is None, "Enter the day the consent was given, such as 1 10 2026"),
        ("captured", captured is not None and captured > today, "The day must be today or in the past"),
        (
            "until",
            bool(form.day_text("until")) and form.day("until") is None,
            "Enter a day, or leave it empty",
        ),
        ("method", form.get("method") not in METHODS, "Select how it was given"),
        ("notice", not form.get("notice"), "Enter the version of the privacy notice they were given"),
        ("capacity", form.get("capacity") not in CAPACITIES, "Select whether they can decide this"),
        ("acted_by", form.get("acted_by") not in ACTORS, "Select who decided"),
    )
    return {field: says for field, is_wrong, says in reversed(wrong) if is_wrong}


def _ticked(form: Form, name: str) -> list[str]:
    """The values of ticked boxes, sorted."""
    begins = f"{name}-"
    return sorted(
        field.removeprefix(begins)
        for field, value in form.fields.items()
        if field.startswith(begins) and value == TICKED
    )


def _day_words(day: date | None) -> str:
    return "" if day is None else f"{day.day} {day:%B %Y}"
