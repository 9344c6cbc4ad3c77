"""What a look-up leaves in the log: its leaf's facts, and its parts cut by audience.

The parts of one network's look-ups have the same names, whoever matched: a holder's part is there for every
agency, and empty where the agency has nothing to be told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.access_log import Subject, who_called
from hub.authentication import CallingNode
from hub.leaves import QUESTION, REASONS, WHO, holder_part
from hub.lookup_schemas import LookupBody, WireCase, WireConsentBasis, WireEmergencyBasis
from hub.models import Agency
from hub.outcomes import Outcome

Cell = tuple[int, str]
Text = dict[str, Any]


def answered_parts(
    caller: CallingNode,
    body: LookupBody,
    *,
    others: Sequence[Agency],
    outcomes: Mapping[Cell, Outcome],
    repeats: int | None,
    alarm_facts: Mapping[str, Any] | None = None,
) -> dict[str, Text]:
    """All parts of an answered look-up.

    Args:
        caller: Who asked.
        body: What.
        others: Every other agency of the network, in the answer's order.
        outcomes: What was decided, for each case and agency.
        repeats: The first entry of a request that is answered again.
        alarm_facts: Numbers for alarms, which neither asker nor holder is shown.
    """
    agencies = [row.agency for row in others]
    codes = {cell: outcome.code for cell, outcome in outcomes.items()}
    reasons = {cell: outcome.reason for cell, outcome in outcomes.items()}
    cases = [
        {
            "case": case.case,
            "basis": case.basis.model_dump(mode="json"),
            "answers": _by_agency(case, agencies, codes),
        }
        for case in body.cases
    ]
    parts: dict[str, Text] = {
        WHO: _who(caller, body),
        QUESTION: {
            "request": body.request,
            "scope": [agency for agency in agencies if body.agencies is None or agency in body.agencies],
            "agencies": None if body.agencies is None else list(body.agencies),
            "cases": cases,
            "repeats": repeats,
        },
        REASONS: {
            "cases": [
                {"case": case.case, "reasons": _by_agency(case, agencies, reasons)} for case in body.cases
            ]
        }
        | dict(alarm_facts or {}),
    }
    return parts | {holder_part(agency): _holder(agency, body, outcomes) for agency in agencies}


def refused_parts(caller: CallingNode, body: LookupBody | None) -> dict[str, Text]:
    """The parts of a look-up that was refused; of a body that could not be read nothing is kept."""
    if body is None:
        return {WHO: who_called(caller)}
    return {WHO: _who(caller, body), QUESTION: {"request": body.request, "cases_asked": len(body.cases)}}


def subjects_of(outcomes: Mapping[Cell, Outcome]) -> list[Subject]:
    """The records that were matched: of each cell the one answered about, then what is withheld beside it."""
    return [
        Subject(agency, one.match.handle, case)
        for (case, agency), outcome in outcomes.items()
        for one in _matched(outcome)
        if one.match is not None
    ]


def _matched(outcome: Outcome) -> list[Outcome]:
    """What was decided on a record: the answer, and what is withheld beside it."""
    return [one for one in (outcome, outcome.beside) if one is not None and one.match is not None]


def _who(caller: CallingNode, body: LookupBody) -> Text:
    approvers = {getattr(case.basis, "approver", None) for case in body.cases} - {None}
    return who_called(caller, conference=body.conference, approvers=sorted(map(str, approvers)))


def _by_agency(case: WireCase, agencies: Sequence[str], values: Mapping[Cell, str]) -> dict[str, str]:
    return {agency: values[case.case, agency] for agency in agencies}


def _holder(agency: str, body: LookupBody, outcomes: Mapping[Cell, Outcome]) -> Text:
    cases = []
    for case in body.cases:
        for outcome in _matched(outcomes[case.case, agency]):
            assert outcome.match is not None
            cases.append(
                {
                    "case": case.case,
                    "basis": _shown_basis(case, outcome),
                    "answer": outcome.code,
                    "reason": outcome.reason,
                    "handle": outcome.match.handle,
                }
            )
    return {"cases": cases}


def _shown_basis(case: WireCase, outcome: Outcome) -> Text:
    """The basis as the holder sees it: its own consent that decided, or who overrode and why."""
    basis = case.basis
    if isinstance(basis, WireConsentBasis):
        consent = outcome.consent
        named = (None, None) if consent is None else (consent.consent, consent.version)
        return {"kind": basis.kind, "consent": named[0], "version": named[1]}
    if isinstance(basis, WireEmergencyBasis):
        return {
            "kind": basis.kind, "reason_category": str(basis.reason_category), "emergency": basis.emergency,
        }  # fmt: skip
    return {
        "kind": basis.kind,
        "reason_category": str(basis.reason_category),
        "approver": basis.approver,
        "override": basis.override,
    }
