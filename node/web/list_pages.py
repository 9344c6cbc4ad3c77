"""Case lists: add a case, look one person up, check the answers, send."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from starlette.responses import Response

from node.asking import ASKING, ask_cases
from node.bases import BasisDefaults
from node.case_lists import (
    KeptList,
    add_row,
    begin_list,
    count_parked,
    drop_list,
    find_list,
    find_open_list,
    keep_list,
    new_list,
    parked_by_reference,
    read_list,
    rows_without_basis,
)
from node.conferences import CONFERENCE_PURPOSE, find_conference
from node.errors import PolicyError, RecordFormatError
from node.lookups import MOST_CASES, Asking
from node.quality import RULES, Finding
from node.records import CaseList
from node.results import read_result
from node.staff import require_actor
from node.web.basis_form import PURPOSE_WORDS, describe_basis, read_basis_form
from node.web.visits import ListBusyError, Visit
from pages.forms import Form
from pages.visits import NO_ERRORS, Errors, not_found

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
CHANGED = (
    "This list was changed after you opened it, by somebody else or in another window of yours. "
    "Here it is as it is now: check it again"
)
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
                keep = partial(keep_list, store, until=_until(visit))
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
        keep_list(visit.node.store, replace(kept, typed=rows), until=_until(visit))
        return visit.go(f"/lists/{kept.list_id}")


def drop_sent(visit: Visit) -> Response:
    """Forget a list that was not sent, as whoever threw it away saw it."""
    with visit.site.alone(visit.part("list")):
        kept = _open_list(visit)
        if visit.form.get("state") != kept.state:
            return visit.go(f"/lists/{kept.list_id}{CHANGED_NOTICE}")
        drop_list(visit.node.store, kept.list_id)
        return visit.go(_back(kept))


def show_check(visit: Visit) -> Response:
    """Check before sending; a list that was sent shows its answers instead."""
    kept = find_own_list(visit)
    if kept.request is not None:
        return visit.go(f"/lists/{kept.list_id}/known-to")
    if not kept.typed and not kept.file:
        return visit.go(f"/lists/{kept.list_id}/add")
    return _show_check(visit, kept, read_list(visit.node.home, kept, today=visit.today))


def send_sent(visit: Visit) -> Response:
    """Ask about the list that was checked; a second click finds the answers of the first."""
    with visit.site.alone(visit.part("list")):
        kept = find_own_list(visit)
        if kept.request is not None:
            return visit.go(f"/lists/{kept.list_id}/known-to")
        case_list = read_list(visit.node.home, kept, today=visit.today)
        if visit.form.get("state") != kept.state:
            return _show_check(visit, kept, case_list, errors={"send": CHANGED})
        basis = kept.basis
        errors: Errors = NO_ERRORS
        if _needs_basis(kept, case_list):
            basis, errors = read_basis_form(visit.form, today=visit.today)
        return _show_check(visit, kept, case_list, errors=errors) if errors else _ask(
            visit, kept, case_list, basis
        )  # fmt: skip


def find_own_list(visit: Visit) -> KeptList:
    """The list of the address. A single look-up is its asker's; a conference is everybody's who may ask.

    Raises:
        HTTPException: There is none, or it is somebody else's.
    """
    found = find_list(visit.node.store, visit.part("list"), at=visit.at)
    if found is None or (found.conference is None and found.made_by != visit.staff):
        raise not_found()
    return found


def _ask(visit: Visit, kept: KeptList, case_list: CaseList, basis: BasisDefaults) -> Response:
    # A list is a conference's, one person is an officer's own question: as `knownto lookup` has it.
    usual = ASKING[::-1] if kept.conference else ASKING
    actor = require_actor(visit.node.store, visit.staff, usual)
    asking = Asking(actor.staff, actor.role, kept.purpose, conference=kept.conference)
    try:
        asked = ask_cases(visit.node, case_list.cases, basis, asking, parked=parked_by_reference(case_list))
    except (RecordFormatError, PolicyError) as error:
        return _show_check(visit, kept, case_list, errors={"send": str(error)})
    if asked.result is None:
        says = "Nothing was asked: no case can be, or all wait for approval by somebody else"
        return _show_check(visit, kept, case_list, errors={"send": says})
    store, request = visit.node.store, asked.result.request
    answers = read_result(store, request, at=visit.at)
    until = _until(visit) if answers is None else answers.expires_at
    keep_list(store, replace(kept, basis=basis, request=request), until=until)
    return visit.go(f"/lists/{kept.list_id}/known-to")


def _show_check(visit: Visit, kept: KeptList, case_list: CaseList, *, errors: Errors = NO_ERRORS) -> Response:
    references = {case.row: case.case_ref for case in case_list.cases}
    references |= {parked.row: parked.case_ref or "no reference" for parked in case_list.parked}
    parked = {parked.row: parked.rule for parked in case_list.parked}
    notes: dict[int, list[str]] = {}
    for finding in case_list.findings:
        if finding.rule != parked.get(finding.row):
            notes.setdefault(finding.row, []).append(RULES[finding.rule].sentence)
    return visit.show(
        "list_check.html",
        kept=kept,
        rows=[(row, references[row], parked.get(row), notes.get(row, [])) for row in sorted(references)],
        ready=len(case_list.cases),
        parked_words=[_words_of_parked(rule, count) for rule, count in count_parked(case_list)],
        needs_basis=_needs_basis(kept, case_list),
        without_basis=rows_without_basis(case_list),
        basis=describe_basis(kept.basis),
        purpose=PURPOSE_WORDS[kept.purpose],
        most=MOST_CASES,
        usual=visit.node.settings.case_warning,
        errors=errors,
    )


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
        return _add(visit, kept, partial(keep_list, store, until=_until(visit)), notice=ELSEWHERE_NOTICE)
    made = new_list(CONFERENCE_PURPOSE, by=visit.staff, at=visit.at, conference=conference.conference)
    begin = partial(begin_list, store, days=visit.node.settings.result_days)
    return _add(visit, made, begin, notice=ELSEWHERE_NOTICE)


def _until(visit: Visit) -> datetime:
    """When a list that is changed now is dropped."""
    return visit.at + timedelta(days=visit.node.settings.result_days)


def _words_of_parked(rule: str, count: int) -> str:
    if rule == "no_birth_date":
        return "1 row needs a date of birth" if count == 1 else f"{count} rows need a date of birth"
    return f"{count} {'row' if count == 1 else 'rows'}: {RULES[rule].sentence}"


def _needs_basis(kept: KeptList, case_list: CaseList) -> bool:
    return kept.basis.kind is None and rows_without_basis(case_list) > 0


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


def _open_list(visit: Visit) -> KeptList:
    """A list that was not sent: what was sent stays as it was."""
    kept = find_own_list(visit)
    if kept.request is not None:
        raise PolicyError("this list has been sent: begin another one")
    return kept


def _typed_list(visit: Visit) -> KeptList:
    kept = _open_list(visit)
    if kept.file:
        raise not_found()
    return kept


def _back(kept: KeptList) -> str:
    return f"/conferences/{kept.conference}" if kept.conference else "/look-up"
