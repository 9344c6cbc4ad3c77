"""Checking a list before anybody is asked, and asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.responses import Response

from node.asking import ASKING, ask_cases
from node.bases import BasisDefaults
from node.case_lists import (
    KeptList,
    count_parked,
    keep_list,
    parked_by_reference,
    read_list,
)
from node.errors import HeaderNotFoundError, PolicyError, RecordFormatError
from node.list_overrides import overrides_of, waiting_rows, with_overrides
from node.listed_twice import find_listed_twice, sentences
from node.lookups import MOST_CASES, Asking
from node.overrides import Override
from node.quality import RULES
from node.records import CaseList
from node.results import read_result
from node.staff import require_actor
from node.web.basis_form import PURPOSE_WORDS, describe_basis, read_basis_form
from node.web.list_pages import find_own_list, kept_until
from node.web.visits import Visit
from pages.visits import NO_ERRORS, Errors

CHANGED = (
    "This list was changed after you opened it, by somebody else or in another window of yours. "
    "Here it is as it is now: check it again"
)


@dataclass(frozen=True, slots=True, repr=False)
class CheckedRow:
    """One row of a list as the check shows it.

    Attributes:
        row: Row number.
        reference: Its reference, or words for there being none.
        rule: The rule that leaves it out, or None.
        notes: What else there is to know of it.
        waits: Whether it would wait for approval if it were asked now.
        approvable: Whether an approval would help.
        override: The override or emergency of its case, or None.
    """

    row: int
    reference: str
    rule: str | None
    notes: Sequence[str]
    waits: bool = False
    approvable: bool = False
    override: Override | None = None


def show_check(visit: Visit) -> Response:
    """Check before sending; a list that was sent shows its answers instead."""
    kept = find_own_list(visit)
    if kept.request is not None:
        return visit.go(f"/lists/{kept.list_id}/known-to")
    if not kept.typed and not kept.file:
        return visit.go(f"/lists/{kept.list_id}/add")
    try:
        case_list = read_list(visit.node.home, kept, today=visit.today)
    except HeaderNotFoundError:
        return visit.go(f"/lists/{kept.list_id}/columns")
    return _show_check(visit, kept, case_list)


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
        if _without_basis(visit, kept, case_list):
            basis, errors = read_basis_form(visit.form, today=visit.today)
        if errors:
            return _show_check(visit, kept, case_list, errors=errors)
        return _ask(visit, kept, case_list, basis)


def _ask(visit: Visit, kept: KeptList, case_list: CaseList, basis: BasisDefaults) -> Response:
    # A list is a conference's, one person is an officer's own question: as `knownto lookup` has it.
    usual = ASKING[::-1] if kept.conference else ASKING
    actor = require_actor(visit.node.store, visit.staff, usual)
    asking = Asking(actor.staff, actor.role, kept.purpose, conference=kept.conference)
    try:
        cases = with_overrides(visit.node, kept, case_list.cases)
        asked = ask_cases(visit.node, cases, basis, asking, parked=parked_by_reference(case_list))
    except (RecordFormatError, PolicyError) as error:
        return _show_check(visit, kept, case_list, errors={"send": str(error)})
    if asked.result is None:
        says = "Nothing was asked: no case can be, or all wait for approval by somebody else"
        return _show_check(visit, kept, case_list, errors={"send": says})
    store, request = visit.node.store, asked.result.request
    answers = read_result(store, request, at=visit.at)
    until = kept_until(visit) if answers is None else answers.expires_at
    keep_list(store, replace(kept, basis=basis, request=request), until=until)
    return visit.go(f"/lists/{kept.list_id}/known-to")


def _show_check(visit: Visit, kept: KeptList, case_list: CaseList, *, errors: Errors = NO_ERRORS) -> Response:
    rows = _rows(visit, kept, case_list)
    # A list that is too long to be asked about has to be split first.
    compared = case_list.cases if 1 < len(case_list.cases) <= MOST_CASES else ()
    return visit.show(
        "list_check.html",
        kept=kept,
        twice=sentences(find_listed_twice(compared)) if compared else (),
        rows=rows,
        cases=len(case_list.cases),
        waiting=sum(row.waits for row in rows),
        parked_words=[_words_of_parked(rule, count) for rule, count in count_parked(case_list)],
        without_basis=_without_basis(visit, kept, case_list),
        basis=describe_basis(kept.basis),
        purpose=PURPOSE_WORDS[kept.purpose],
        most=MOST_CASES,
        usual=visit.node.settings.case_warning,
        errors=errors,
    )


def _rows(visit: Visit, kept: KeptList, case_list: CaseList) -> list[CheckedRow]:
    parked = {one.row: one.rule for one in case_list.parked}
    notes: dict[int, list[str]] = {}
    for finding in case_list.findings:
        if finding.rule != parked.get(finding.row):
            notes.setdefault(finding.row, []).append(RULES[finding.rule].sentence)
    overrides = overrides_of(visit.node.store, kept)
    waiting = waiting_rows(visit.node, kept, case_list.cases)
    unsaid = {case.row for case in case_list.cases if case.basis is None and kept.basis.kind is None}
    rows = [
        CheckedRow(
            case.row, case.case_ref, None, notes.get(case.row, []), case.row in waiting,
            case.row in waiting | unsaid, overrides.get(case.case_ref),
        )
        for case in case_list.cases
    ]  # fmt: skip
    rows += [
        CheckedRow(one.row, one.case_ref or "no reference", one.rule, notes.get(one.row, []))
        for one in case_list.parked
    ]
    return sorted(rows, key=lambda row: row.row)


def _words_of_parked(rule: str, count: int) -> str:
    if rule == "no_birth_date":
        return "1 row needs a date of birth" if count == 1 else f"{count} rows need a date of birth"
    return f"{count} {'row' if count == 1 else 'rows'}: {RULES[rule].sentence}"


def _without_basis(visit: Visit, kept: KeptList, case_list: CaseList) -> int:
    """How many cases the form has to give a basis: their rows do not, nor has one been given before."""
    if kept.basis.kind is not None:
        return 0
    return sum(case.basis is None for case in with_overrides(visit.node, kept, case_list.cases))
