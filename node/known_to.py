"""A look-up's answer in the shapes people and scripts read: document, rows, sheet, explanation.

The JSON keys are a contract (docs/cli.md). Cases are named by reference and never by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from node.answers import DISCLOSED, WORDS, AnswerWord, explain_evidence
from node.lookups import AgencyAnswer, CaseResult, LookupResult
from node.records import CaseList
from node.sheets import AnswerCell, CaseAnswers, KnownToSheet, last_contact_band
from node.times import format_time

SHOWN = frozenset(WORDS[code] for code in DISCLOSED)
NO_EVIDENCE: Mapping[AnswerWord, str] = {
    AnswerWord.NO_SHARED_MATCH: (
        "Nothing that may be shared was found: unknown there, or not to be shared. "
        "The two are not told apart."
    ),
    AnswerWord.NO_REPLY_YET: (
        "The agency has not shared its caseload, or too long ago. It says nothing of the person."
    ),
    AnswerWord.NOT_ASKED: "No agreement or purpose covers this agency, or it was left out of the question.",
}


# What an answer's posterior is the probability of.
CERTAIN = "that the agency knows the person"


def as_document(
    result: LookupResult | None, parked: Sequence[Mapping[str, Any]], *, at: datetime
) -> dict[str, Any]:
    """The JSON document of a look-up; without any case to ask, request and index are null."""
    if result is None:
        empty = {"up_to_date": 0, "agencies": 0, "stale": []}
        return {
            "request": None, "log_index": None, "answered_at": None,
            "coverage": empty, "parked": list(parked), "cases": [],
        }  # fmt: skip
    return {
        "request": result.request,
        "log_index": result.log_index,
        "answered_at": format_time(result.answered_at),
        "coverage": {
            "up_to_date": result.coverage.up_to_date,
            "agencies": result.coverage.agencies,
            "stale": list(result.coverage.stale),
        },
        "parked": list(parked),
        "cases": [
            {"case_ref": case.case_ref, "answers": [_flat(answer, at) for answer in case.answers]}
            for case in result.cases
        ],
    }


def describe_answers(case: CaseResult, *, at: datetime) -> list[dict[str, Any]]:
    """A case's answers as the document has them, and why nothing is said of a contact where it is known."""
    return [_flat(answer, at) | {"details": _details(answer)} for answer in case.answers]


def as_flat_rows(result: LookupResult | None, *, at: datetime) -> list[dict[str, Any]]:
    """One row for every case and agency."""
    cases = result.cases if result else ()
    return [{"case_ref": case.case_ref, **_flat(a, at)} for case in cases for a in case.answers]


def as_grid_rows(result: LookupResult, *, at: datetime) -> list[dict[str, str]]:
    """Cases down, agencies across, as the known-to sheet is read."""
    rows, titles = [], result.agency_titles()
    for case in result.cases:
        row = {"case": case.case_ref}
        for answer in case.answers:
            cell = _cell(answer, at)
            row[titles[answer.agency]] = f"{cell.word}\n{cell.detail}" if cell.detail else str(cell.word)
        rows.append(row)
    return rows


def make_sheet(
    result: LookupResult | None, case_list: CaseList, *, at: datetime, destroy_by: date
) -> KnownToSheet:
    """The known-to sheet: the case list with answers as new columns.

    Args:
        result: The answers; None where no case could be asked about.
        case_list: The list, with everything that was not asked about among its parked rows.
        at: When it was answered.
        destroy_by: The day on which the node deletes the answers, and so everybody their copies.
    """
    cases = result.cases if result else ()
    answers = [
        CaseAnswers(case.case_ref, case.row, {a.agency: _cell(a, at) for a in case.answers}) for case in cases
    ]
    notes = [] if result is None else [f"{result.coverage.words}, {format_time(result.answered_at)}"]
    notes.append(f"Destroy this sheet by {destroy_by.day} {destroy_by:%B %Y}")
    titles = {} if result is None else result.agency_titles()
    return KnownToSheet(cases=case_list, agencies=titles, answers=answers, at=at.date(), notes=notes)


def explain_answer(answer: AgencyAnswer) -> dict[str, Any]:
    """Why an agency's answer is what it is: words, weights in bits, and a waterfall of text."""
    evidence = answer.explain()
    explained: dict[str, Any] = {
        "agency": answer.agency,
        "name": answer.name,
        "answer": str(answer.word),
        "words": [],
        "posterior": None,
        "prior_bits": None,
        "steps": [],
        "waterfall": [],
    }
    if evidence is None:
        return explained | {"words": [NO_EVIDENCE.get(answer.word, "No evidence came with this answer.")]}
    return explained | explain_evidence(evidence, certain=CERTAIN)


def _flat(answer: AgencyAnswer, at: datetime) -> dict[str, Any]:
    cell = _cell(answer, at)
    return {
        "agency": answer.agency,
        "name": answer.name,
        "answer": str(cell.word),
        "open": cell.open,
        "last_contact": cell.last_contact_band,
        "team": cell.team,
    }


def _details(answer: AgencyAnswer) -> str | None:
    """Why nothing is said of contact and team, where it is not that nothing was recorded."""
    if answer.card_withheld:
        return "withheld"
    return "unreadable" if answer.card_unreadable else None


def _cell(answer: AgencyAnswer, at: datetime) -> AnswerCell:
    if answer.word not in SHOWN:
        return AnswerCell(answer.word)
    if details := _details(answer):
        return AnswerCell(answer.word, lacks_details=details)
    return AnswerCell(
        answer.word, answer.open, last_contact_band(answer.last_contact, at.date()), answer.team
    )
