"""Entries of the log as lines people read: one line an entry, or one a case of a look-up.

The same lines at a node, with its own references, and at the hub, where there are none and every part can be
seen. An entry says in the protocol's words what happened; here it gets the answer's words and a direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from node.answers import WORDS
from node.caseload import reference_of
from node.leaves import Entry
from node.results import case_refs_of
from node.seal_events import category_of
from node.store import Store

LOOKUP = "lookup:"
REFUSED_LOOKUP, REFUSED_CALL = "lookup:refused:", "call:refused:"
REFUSED = (REFUSED_LOOKUP, REFUSED_CALL)
HOLDER = "holder:"
SEAL = "seal:"
ABOUT_US = "about us"
ERASED = "text erased"
# Facts every leaf has, which have a place of their own in a line.
HEADING = frozenset({"format", "index", "at", "action", "agency", "purpose", "parts"})


@dataclass(frozen=True, slots=True, repr=False)
class LogLine:
    """One line people read: one entry, or one case of a look-up.

    Attributes:
        index: The entry's index in the log.
        at: When.
        action: From the closed vocabulary of the protocol.
        direction: "asked" for what this agency did, "about us" for a question about its people; at the hub
            always "asked".
        agency: Who did it; None for the hub's operator.
        staff: Who of them, or None.
        role: In which role, or None.
        purpose: What for, or None.
        conference: Reference, or None.
        reference: Case reference (asked) or local reference (about us), or None.
        basis: Kind of the lawful basis, or None.
        consent: Id and version of the consent that decided, or None.
        approver: Who approved, or None.
        authority: Id of the override or emergency, or None.
        reason_category: The category of its reason, or None.
        outcome: The answers in words; for questions about our people also the reason where withheld.
        handle: The record it is about, for this program's own use; never printed.
        answers: Answer codes by agency, for this program's own use.
        reasons: The reasons that are not plain permission.
        withheld: Names of the parts that are for others.
    """

    index: int
    at: str
    action: str
    direction: str
    agency: str | None
    staff: str | None = None
    role: str | None = None
    purpose: str | None = None
    conference: str | None = None
    reference: str | None = None
    basis: str | None = None
    consent: str | None = None
    approver: str | None = None
    authority: str | None = None
    reason_category: str | None = None
    outcome: str = ""
    handle: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()


PRINTED = (
    "index", "at", "action", "direction", "agency", "staff", "role", "purpose", "conference", "reference",
    "basis", "consent", "approver", "outcome", "withheld",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: how an entry's cases and records are called there.

    Attributes:
        agency: The reading agency; None for the hub.
        case_refs: Case references of a look-up this agency made, by its request id.
        reference: This agency's own reference of a record, by handle.
        seal_category: The kind of reason of a seal set or lifted here, by event id.
    """

    agency: str | None = None
    case_refs: Callable[[str], Sequence[str]] = lambda _request: ()
    reference: Callable[[str], str | None] = lambda _handle: None
    seal_category: Callable[[str], str | None] = lambda _event: None


def reader_of(store: Store, agency: str) -> Reader:
    """An agency as the reader of its own copy."""
    return Reader(
        agency,
        lambda request: case_refs_of(store, request),
        lambda handle: reference_of(store, handle),
        lambda event: category_of(store, event),
    )


def describe_entries(entries: Iterable[Entry], reader: Reader) -> Iterator[LogLine]:
    """Entries as lines, in the order given."""
    for entry in entries:
        yield from describe_entry(entry, reader)


def describe_entry(entry: Entry, reader: Reader) -> Iterator[LogLine]:
    """One entry as lines: one for every case of a look-up, else one."""
    who = entry.part("who")
    own = reader.agency in (None, entry.agency)
    heading = LogLine(
        index=entry.index,
        at=entry.at,
        action=entry.action,
        direction="asked" if own else ABOUT_US,
        agency=entry.agency,
        staff=who.get("staff"),
        role=who.get("role"),
        purpose=entry.facts.get("purpose"),
        conference=who.get("conference"),
        withheld=entry.withheld,
    )
    cases = list(_own_cases(entry, reader) if own else _held_cases(entry, reader))
    for changes in cases:
        yield replace(heading, **changes)
    if not cases:
        yield replace(heading, **_about(entry, reader))


def _own_cases(entry: Entry, reader: Reader) -> Iterator[dict[str, Any]]:
    question = entry.part("question")
    case_refs = reader.case_refs(str(question.get("request")))
    reasons = {case["case"]: case["reasons"] for case in entry.part("reasons").get("cases", ())}
    for case in question.get("cases", ()):
        number, basis = int(case["case"]), case.get("basis") or {}
        why = reasons.get(number, {})
        outcome = "; ".join(
            f"{agency}: {_word(code)}{_in_brackets(_reasons([why.get(agency)]))}"
            for agency, code in case["answers"].items()
        )
        yield {
            "reference": case_refs[number] if number < len(case_refs) else None,
            "basis": basis.get("kind"),
            **_authority(basis),
            "answers": case["answers"],
            "outcome": outcome,
            "reasons": _reasons(why.values()),
        }


def _held_cases(entry: Entry, reader: Reader) -> Iterator[dict[str, Any]]:
    for case in entry.part(f"{HOLDER}{reader.agency}").get("cases", ()):
        basis, handle = case.get("basis") or {}, case.get("handle")
        consent, said = basis.get("consent"), _reasons([case.get("reason")])
        yield {
            "reference": None if handle is None else reader.reference(str(handle)),
            "handle": handle,
            "basis": basis.get("kind"),
            "consent": f"{consent} version {basis.get('version')}" if consent else None,
            **_authority(basis),
            "answers": {str(reader.agency): case["answer"]},
            "outcome": _word(case["answer"]) + _in_brackets(said),
            "reasons": said,
        }


def _authority(basis: Mapping[str, Any]) -> dict[str, Any]:
    """Who approved an override, which one it was or which emergency, and the category of the reason."""
    return {
        "approver": basis.get("approver"),
        "authority": basis.get("override") or basis.get("emergency"),
        "reason_category": basis.get("reason_category"),
    }


def _about(entry: Entry, reader: Reader) -> dict[str, Any]:
    """What an entry without cases says: the plain facts of the leaf, and the record it was about."""
    if entry.erased:
        return {"outcome": ERASED}
    handle = entry.part("own").get("handle")
    said = [f"{name}: {value}" for name, value in sorted(entry.facts.items()) if name not in HEADING]
    if entry.action.startswith(REFUSED_LOOKUP):
        said = [f"refused: {entry.action.removeprefix(REFUSED_LOOKUP)}"]
    if entry.action.startswith(REFUSED_CALL):
        said = [f"refused: {entry.action.removeprefix(REFUSED_CALL)}", *said]
    if entry.action.startswith(SEAL):
        return _seal(entry.part("own"), reader)
    return {
        "handle": handle,
        "reference": None if handle is None else reader.reference(str(handle)),
        "outcome": "; ".join(said),
    }


def _seal(own: Mapping[str, Any], reader: Reader) -> dict[str, Any]:
    """Who set or lifted a seal, and when: the node itself reports it where the hub was away."""
    said = {name: own.get(name) for name in ("done_by", "done_at")}
    said["reason"] = category = reader.seal_category(str(own.get("event")))
    return {
        "reason_category": category,
        "outcome": "; ".join(f"{name}: {value}" for name, value in said.items() if value is not None),
    }


def _word(code: object) -> str:
    return str(WORDS.get(str(code), code))


def _reasons(reasons: Iterable[object]) -> tuple[str, ...]:
    """The reasons that are worth a word, sorted: a permitted answer needs none."""
    return tuple(sorted({str(reason) for reason in reasons if reason and reason != "permitted"}))


def _in_brackets(reasons: Sequence[str]) -> str:
    return f" ({', '.join(reasons)})" if reasons else ""
