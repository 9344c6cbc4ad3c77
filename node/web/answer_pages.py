"""The known-to sheet as a grid, why an answer is what it is, and the sheet as a workbook."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from node.answers import name_weights
from node.asking import PARKED_WHEN_ASKED
from node.case_lists import READING_PREFIX, KeptList, lists_of, read_list
from node.conferences import find_conference
from node.known_to import CERTAIN, describe_answers, explain_answer, make_sheet
from node.list_overrides import overrides_of
from node.lookups import AgencyAnswer
from node.overrides import OverrideState
from node.records import ParkedCase
from node.results import KeptResult, read_result
from node.waterfalls import chart_evidence
from node.web.list_pages import find_own_list
from node.web.visits import Visit
from pages.visits import not_found

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True, repr=False)
class AnsweredList:
    """One list with its answers, as the grid shows it.

    Attributes:
        kept: The list.
        answered_at: When.
        expires_at: When the answers are deleted.
        coverage: How current the agencies were.
        late: Names of those that were not.
        agencies: Names of all, in the order of the columns.
        rows: Row number, case reference, and one answer for each agency.
        parked: Row number, case reference, and rule of what was not asked.
        emergency: Whether it was asked in an emergency.
    """

    kept: KeptList
    answered_at: datetime
    expires_at: datetime
    coverage: str
    late: tuple[str, ...]
    agencies: tuple[str, ...]
    rows: tuple[tuple[int, str, Sequence[dict[str, Any]]], ...]
    parked: tuple[tuple[int, str, str], ...]
    emergency: bool


def show_known_to(visit: Visit) -> Response:
    """The answers to one list."""
    kept = find_own_list(visit)
    return visit.show(
        "known_to.html", lists=[_answered(visit, kept)], conference=kept.conference, whole=False
    )


def show_conference_known_to(visit: Visit) -> Response:
    """The answers to all lists of a conference, for its table."""
    conference = find_conference(visit.node.store, visit.part("conference"))
    if conference is None:
        raise not_found()
    lists = lists_of(visit.node.store, conference.conference, at=visit.at)
    answered = [_answered(visit, kept) for kept in lists if kept.request is not None]
    if not answered:
        return visit.go(f"/conferences/{conference.conference}")
    return visit.show("known_to.html", lists=answered, conference=conference.conference, whole=True)


def show_why(visit: Visit) -> Response:
    """One answer: its words, its weights as a table and a picture, and whom to ring."""
    kept = find_own_list(visit)
    result = _result(visit, kept).result
    case = next((one for one in result.cases if one.row == int(visit.part("row"))), None)
    answers = case.answers if case else ()
    answer = next((one for one in answers if one.agency == visit.part("agency")), None)
    if case is None or answer is None:
        raise not_found()
    shown = next(one for one in describe_answers(case, at=visit.at) if one["agency"] == answer.agency)
    return visit.show(
        "why.html", kept=kept, case_ref=case.case_ref, answer=shown, why=explain_answer(answer),
        weights=_weights(answer), chart=_chart(answer),
    )  # fmt: skip


def download_known_to(visit: Visit) -> Response:
    """The list as it was given, with the answers as new columns."""
    kept = find_own_list(visit)
    found = _result(visit, kept)
    case_list = read_list(visit.node.home, kept, today=visit.today)
    parked = tuple(ParkedCase(*left) for left in _parked(visit, kept, found))
    sheet = make_sheet(
        found.result, replace(case_list, parked=parked), at=found.result.answered_at,
        destroy_by=found.expires_at.date(),
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=visit.node.home, prefix=READING_PREFIX) as folder:
        path = Path(folder) / "sheet"
        sheet.write_xlsx(path)
        content = path.read_bytes()
    name = f"known-to-{kept.conference or 'look-up'}.xlsx"
    return Response(
        content, media_type=WORKBOOK, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _answered(visit: Visit, kept: KeptList) -> AnsweredList:
    found = _result(visit, kept)
    result, names = found.result, found.result.agency_titles()
    return AnsweredList(
        kept=kept,
        answered_at=result.answered_at,
        expires_at=found.expires_at,
        coverage=result.coverage.words,
        late=tuple(names[agency] for agency in result.coverage.stale),
        agencies=tuple(names.values()),
        rows=tuple((one.row, one.case_ref, describe_answers(one, at=visit.at)) for one in result.cases),
        parked=_parked(visit, kept, found),
        emergency=any(
            one.state is OverrideState.EMERGENCY for one in overrides_of(visit.node.store, kept).values()
        ),
    )


def _parked(visit: Visit, kept: KeptList, found: KeptResult) -> tuple[tuple[int, str, str], ...]:
    """What of the list was not asked: rows that cannot be, and cases that waited for approval."""
    case_list = read_list(visit.node.home, kept, today=visit.today)
    left = {ref: rule for ref, rule in found.parked.items() if rule in PARKED_WHEN_ASKED}
    return (
        *((one.row, one.case_ref or "no reference", one.rule) for one in case_list.parked),
        *((one.row, one.case_ref, left[one.case_ref]) for one in case_list.cases if one.case_ref in left),
    )


def _result(visit: Visit, kept: KeptList) -> KeptResult:
    found = read_result(visit.node.store, kept.request, at=visit.at) if kept.request else None
    if found is None:
        raise not_found()
    return found


def _weights(answer: AgencyAnswer) -> list[tuple[str, str, float]]:
    """Comparison, what it says, and its weight in bits."""
    evidence = answer.explain()
    if evidence is None:
        return []
    words = ["how often the agency knows such a person at all", *(step.words for step in evidence.steps)]
    return [(name, said, weight) for (name, weight), said in zip(name_weights(evidence), words, strict=True)]


def _chart(answer: AgencyAnswer) -> Markup | None:
    evidence = answer.explain()
    if evidence is None:
        return None
    return Markup(chart_evidence(evidence, title=f"{answer.name}: {answer.word}", certain=CERTAIN))
