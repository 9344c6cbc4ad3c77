"""What this node keeps of a look-up: what was asked, for the log; what was answered, for 28 days.

Both are sealed. The typed reasons and their salts stay with the question, so that a review can check them
against the promise in the log; the answers, cards and evidence go when the conference's cycle is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from keys.formats import encode_base64
from node.answers import AnswerWord
from node.bases import Basis, ConsentBasis
from node.identifiers import Case
from node.lookups import AgencyAnswer, Asking, CaseResult, LookupResult, coverage_of
from node.store import Store
from node.times import format_time, parse_time

NONE_PARKED: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, repr=False)
class KeptAnswers:
    """The stored answers about one case."""

    request: str
    answered_at: str
    expires_at: str
    case_ref: str
    answers: tuple[AgencyAnswer, ...]


@dataclass(frozen=True, slots=True, repr=False)
class KeptResult:
    """A whole stored look-up.

    Attributes:
        result: As it was answered.
        parked: The rules that parked cases, by case reference.
        expires_at: When it is deleted.
    """

    result: LookupResult
    parked: Mapping[str, str]
    expires_at: datetime


def keep_result(
    store: Store,
    result: LookupResult,
    cases: Sequence[tuple[Case, Basis]],
    asking: Asking,
    *,
    at: datetime,
    days: int,
    parked: Mapping[str, str] = NONE_PARKED,
) -> None:
    """Keep a look-up: the question for good; the answers, and the rules that parked cases, for `days`."""
    question = {
        "purpose": asking.purpose,
        "case_refs": [case.case_ref for case, _ in cases],
        "reasons": [_format_reason(basis) for _, basis in cases],
    }
    answers = {
        "cases": [_format_case(case) for case in result.cases],
        "parked": dict(parked),
        "log_index": result.log_index,
    }
    request = result.request
    with store.transaction() as connection:
        connection.execute(
            "INSERT OR IGNORE INTO question (request, asked_at, content) VALUES (?, ?, ?)",
            (request, format_time(at), store.vault.seal(question, table="question", handle=request)),
        )
        connection.execute(
            "INSERT OR IGNORE INTO result (request, answered_at, expires_at, content) VALUES (?, ?, ?, ?)",
            (
                request,
                format_time(result.answered_at),
                format_time(at + timedelta(days=days)),
                store.vault.seal(answers, table="result", handle=request),
            ),
        )
        if asking.conference is not None:
            connection.execute(
                "INSERT OR IGNORE INTO conference (conference, purpose, first_asked_at) VALUES (?, ?, ?)",
                (asking.conference, asking.purpose, format_time(at)),
            )


def drop_expired(store: Store, *, at: datetime) -> int:
    """Delete answers whose time is over; returns how many look-ups'.

    Every command does, so it is looked first: nobody waits for the write lock where there is nothing to do.
    """
    over = (format_time(at),)
    if store.connection.execute("SELECT 1 FROM result WHERE expires_at <= ?", over).fetchone() is None:
        return 0
    return store.connection.execute("DELETE FROM result WHERE expires_at <= ?", over).rowcount


def latest_answers(store: Store, case_ref: str, *, at: datetime) -> KeptAnswers | None:
    """The newest stored answers about a case, or None where there are none or they have expired."""
    drop_expired(store, at=at)
    for row in store.connection.execute("SELECT * FROM result ORDER BY answered_at DESC, rowid DESC"):
        content = store.vault.open(row["content"], table="result", handle=row["request"])
        for case in content["cases"]:
            if case["case_ref"] == case_ref:
                answers = tuple(map(_parse_answer, case["answers"]))
                return KeptAnswers(row["request"], row["answered_at"], row["expires_at"], case_ref, answers)
    return None


def read_result(store: Store, request: str, *, at: datetime) -> KeptResult | None:
    """A stored look-up by its id, or None where there is none or it has expired."""
    drop_expired(store, at=at)
    row = store.connection.execute("SELECT * FROM result WHERE request = ?", (request,)).fetchone()
    if row is None:
        return None
    content = store.vault.open(row["content"], table="result", handle=request)
    cases = tuple(
        CaseResult(case["case_ref"], case.get("row", number), tuple(map(_parse_answer, case["answers"])))
        for number, case in enumerate(content["cases"], start=2)  # Kept before rows were: as in a plain list.
    )
    index, answered_at = content.get("log_index", 0), parse_time(row["answered_at"])
    result = LookupResult(request, index, answered_at, cases, coverage_of(cases))
    return KeptResult(result, content.get("parked", {}), parse_time(row["expires_at"]))


def parked_rule(store: Store, case_ref: str) -> str | None:
    """The rule by which a case was parked in a look-up whose answers are still kept, or None."""
    for row in store.connection.execute("SELECT request, content FROM result ORDER BY answered_at DESC"):
        content = store.vault.open(row["content"], table="result", handle=row["request"])
        if case_ref in content.get("parked", {}):
            return str(content["parked"][case_ref])
    return None


def case_refs_of(store: Store, request: str) -> list[str]:
    """The case references of a look-up this node made, by case number; empty where it did not."""
    row = store.connection.execute("SELECT content FROM question WHERE request = ?", (request,)).fetchone()
    if row is None:
        return []
    content = store.vault.open(row["content"], table="question", handle=request)
    return [str(case_ref) for case_ref in content["case_refs"]]


def _format_reason(basis: Basis) -> dict[str, str] | None:
    if isinstance(basis, ConsentBasis):
        return None
    reason = basis.reason
    return {"text": reason.text, "salt": encode_base64(reason.salt), "commitment": reason.digest}


def _format_case(case: CaseResult) -> dict[str, Any]:
    return {
        "case_ref": case.case_ref,
        "row": case.row,
        "answers": [
            {
                "agency": answer.agency,
                "name": answer.name,
                "word": str(answer.word),
                "open": answer.open,
                "last_contact": answer.last_contact,
                "team": answer.team,
                "evidence": answer.evidence,
                "card_unreadable": answer.card_unreadable,
                "card_withheld": answer.card_withheld,
            }
            for answer in case.answers
        ],
    }


def _parse_answer(document: Mapping[str, Any]) -> AgencyAnswer:
    return AgencyAnswer(**{**document, "word": AnswerWord(document["word"])})
