"""Case lists: look one person up, add a case, take one off, throw a list away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from starlette.responses import Response

from node.case_lists import (
    KeptList,
    add_row,
    begin_list,
    drop_list,
    find_list,
    find_open_list,
    keep_list,
    new_list,
)
from node.conferences import CONFERENCE_PURPOSE, find_conference
from node.errors import PolicyError
from node.quality import RULES, Finding
from node.web.basis_form import PURPOSE_WORDS, read_basis_form
from node.web.visits import ListBusyError, Visit
from pages.forms import Form
from pages.visits import not_found

SINGLE_PURPOSES = ("single_lookup", "referral_deduplication", "safeguarding_panel")
# A person looked up alone needs a reference only where the asker wants one.
ONE_CASE = "this person"
FIELDS = ("case_ref", "forename", "surname", "chain", "nhs_number", "sex", "area")
# Where a form can say it more plainly than a sentence about a row of a file.
PLAINER = {
    "missing_local_id": "Enter a reference, such as a CHAIN number or your own case number",
    "duplicate_local_id": "This reference is on the list already",
    "no_birth_date": "Enter a date of birth: no case can be asked about without one",
    "row_without_anything": "Enter a forename and a surname, or a CHAIN or NHS number",
}
# What the page that follows says, where another one came between.
CHANGED_NOTICE, ELSEWHERE_NOTICE = "?changed=1", "?elsewhere=1"
FIELD_OF_FINDING = {"local_id": "case_ref", "row": "forename"}


def show_look_up(visit: Visit) -> Response:
    """The form for one person."""
    return visit.show("look_up.html", purposes=_words_of(SINGLE_PURPOSES))


def look_up_sent(visit: Visit) -> Response:
    """Make a list of one; it is checked and sent as any other."""
    form, purpose = visit.form, visit.form.get("purpose")
    basis, errors = read_basis_form(form, today=visit.today)
    if purpose not in SINGLE_PURPOSES:
        errors = {"purpose": "Select what you ask for", **errors}
    begun = new_list(purpose, by=visit.staff, at=visit.at, basis=basis)
    row = {"case_ref": ONE_CASE, **_typed_row(form)}
    added = add_row(visit.node.home, begun, row, today=visit.today)
    if not isinstance(added, KeptList):
        errors = {**_errors_of(added), **errors}
    if errors or not isinstance(added, KeptList):
        return visit.show("look_up.html", purposes=_words_of(SINGLE_PURPOSES), errors=errors)
    begin_list(visit.node.store, added, days=visit.node.settings.result_days)
    return visit.go(f"/lists/{added.list_id}")


def show_add(visit: Visit) -> Response:
    """The form for one more case of a typed list."""
    return visit.show("list_add.html", kept=_typed_list(visit))


def add_sent(visit: Visit) -> Response:
    """Add a case; it is refused here as a row of a file would be parked.

    A case typed for a list that somebody has sent or thrown away meanwhile goes on another one of the same
    conference: it is not lost.
    """
    store = visit.node.store
    try:
        with visit.site.alone(visit.part("list")):
            kept = find_list(store, visit.part("list"), at=visit.at)
            if kept is not None and kept.request is None:
                notice = "" if visit.form.get("state") == kept.state else CHANGED_NOTICE
                keep = partial(keep_list, store, until=kept_until(visit))
                return _add(visit, _typed_list(visit), keep, notice=notice)
    except ListBusyError:
        pass
    return _add_elsewhere(visit)


def remove_row_sent(visit: Visit) -> Response:
    """Take one case off a typed list; a second click, or an old page, takes off nobody else."""
    with visit.site.alone(visit.part("list")):
        kept, number = _typed_list(visit), int(visit.part("number"))
        if visit.form.get("state") != kept.state:
            return visit.go(f"/lists/{kept.list_id}{CHANGED_NOTICE}")
        rows = tuple(row for at, row in enumerate(kept.typed) if at != number)
        if not rows:
            drop_list(visit.node.store, kept.list_id)
            return visit.go(_back(kept))
        keep_list(visit.node.store, replace(kept, typed=rows), until=kept_until(visit))
        return visit.go(f"/lists/{kept.list_id}")


def drop_sent(visit: Visit) -> Response:
    """Forget a list that was not sent, as whoever threw it away saw it."""
    with visit.site.alone(visit.part("list")):
        kept = find_open_own_list(visit)
        if visit.form.get("state") != kept.state:
            return visit.go(f"/lists/{kept.list_id}{CHANGED_NOTICE}")
        drop_list(visit.node.store, kept.list_id)
        return visit.go(_back(kept))


def find_own_list(visit: Visit) -> KeptList:
    """The list of the address. A single look-up is its asker's; a conference is everybody's who may ask.

    Raises:
        HTTPException: There is none, or it is somebody else's.
    """
    found = find_list(visit.node.store, visit.part("list"), at=visit.at)
    if found is None or (found.conference is None and found.made_by != visit.staff):
        raise not_found()
    return found


def _add(visit: Visit, kept: KeptList, keep: Callable[[KeptList], KeptList], *, notice: str) -> Response:
    """A list with the case of the form, kept; or the form again, and why not."""
    added = add_row(visit.node.home, kept, _typed_row(visit.form), today=visit.today)
    if not isinstance(added, KeptList):
        return visit.show("list_add.html", kept=kept, errors=_errors_of(added))
    then = "/add" if visit.form.get("then") == "another" else ""
    return visit.go(f"/lists/{keep(added).list_id}{then}{notice}")


def _add_elsewhere(visit: Visit) -> Response:
    """The case of the form on another open list of its conference, or on one that it begins.

    Raises:
        HTTPException: There is no such conference.
    """
    store, gone = visit.node.store, visit.part("list")
    conference = find_conference(store, visit.form.get("conference"))
    if conference is None:
        raise not_found()
    kept = find_open_list(store, conference.conference, at=visit.at, besides=gone)
    if kept is not None:
        return _add(visit, kept, partial(keep_list, store, until=kept_until(visit)), notice=ELSEWHERE_NOTICE)
    made = new_list(CONFERENCE_PURPOSE, by=visit.staff, at=visit.at, conference=conference.conference)
    begin = partial(begin_list, store, days=visit.node.settings.result_days)
    return _add(visit, made, begin, notice=ELSEWHERE_NOTICE)


def kept_until(visit: Visit) -> datetime:
    """When a list that is changed now is dropped."""
    return visit.at + timedelta(days=visit.node.settings.result_days)


def _typed_row(form: Form) -> Mapping[str, str]:
    typed = {name: form.get(name) for name in FIELDS if form.get(name)}
    return typed | ({"dob": form.day_text("dob")} if form.day_text("dob") else {})


def _errors_of(findings: Sequence[Finding]) -> dict[str, str]:
    """What stands against a typed case, by the form's fields; what only weakens it stands at the check."""
    return {
        FIELD_OF_FINDING.get(finding.field, finding.field): PLAINER.get(
            finding.rule, RULES[finding.rule].sentence.rstrip(".")
        )
        for finding in sorted(findings, key=lambda one: one.severity == "unusable")
    }


def _words_of(purposes: Sequence[str]) -> dict[str, str]:
    return {purpose: PURPOSE_WORDS[purpose] for purpose in purposes}


def find_open_own_list(visit: Visit) -> KeptList:
    """As `find_own_list`, of lists that were not sent: what was sent stays as it was.

    Raises:
        HTTPException: There is none, or it is somebody else's.
        PolicyError: It has been sent.
    """
    kept = find_own_list(visit)
    if kept.request is not None:
        raise PolicyError("this list has been sent: begin another one")
    return kept


def _typed_list(visit: Visit) -> KeptList:
    kept = find_open_own_list(visit)
    if kept.file:
        raise not_found()
    return kept


def _back(kept: KeptList) -> str:
    return f"/conferences/{kept.conference}" if kept.conference else "/look-up"
