"""Pairs of this agency's and other agencies' records that may be one person, as the hub tells of them.

The hub compares tokens and says which of the own records it means; whose record the other is stays with the
other agency (docs/protocol.md, section 13). A decision goes to the hub with a reason from a closed list,
because words carry names; it says nothing about duplicates inside this agency (`node.duplicate_queue`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from keys.errors import KeysError
from keys.formats import decode_base64
from node.answers import Evidence, parse_evidence
from node.caseload import reference_of, sealed_handles
from node.errors import IntegrityError, RecordFormatError
from node.home import Node
from node.store import Store

VERDICTS = ("same", "different", "not_sure", "undone")
# What each reason means, in words for whoever chooses one.
REASONS: Mapping[str, str] = {
    "files_compared": "the files were compared",
    "agency_asked": "the other agency was asked",
    "person_asked": "the person was asked",
    "document_seen": "a document was seen",
    "relatives": "they are twins or relatives",
    "too_little_known": "too little is known",
    "entered_by_mistake": "the decision was entered by mistake",
    "other": "another reason",
}
PAIR_ID = re.compile(r"[0-9a-f]{32}")
EVIDENCE_BYTES = 1024
MOST_PAIRS = 200


@dataclass(frozen=True, slots=True)
class SharedDecision:
    """One decision of a pair; `staff` is None where it is the other agency's."""

    agency: str
    staff: str | None
    verdict: str
    reason: str
    at: str
    holds: bool

    @property
    def words(self) -> str:
        """The reason in words."""
        return REASONS.get(self.reason, self.reason)


@dataclass(frozen=True, slots=True, repr=False)
class SharedPair:
    """A pair as it is listed.

    Attributes:
        pair: Its id, the same at both agencies.
        group: Pairs that hang together by their records have one number.
        reference: The own reference of the own record; None where this node has it no more.
        agency: Whose the other record is.
        evidence: What speaks for and against.
        may_be_twins: Born on one day under one surname, with another forename.
        decision: What stands of this agency, or None.
        theirs: What stands of the other agency, or None.
        at_odds: Decisions contradict each other about it.
    """

    pair: str
    group: int
    reference: str | None
    agency: str
    evidence: Evidence
    may_be_twins: bool
    decision: SharedDecision | None
    theirs: SharedDecision | None
    at_odds: bool

    @property
    def changed_since(self) -> bool:
        """Whether somebody decided it, on data that are no longer those."""
        return any(one is not None and not one.holds for one in (self.decision, self.theirs))


@dataclass(frozen=True, slots=True, repr=False)
class SharedHistory:
    """What was decided of a pair, oldest first; `agency` is None where the pair is not shown any more."""

    pair: str
    reference: str | None
    agency: str | None
    decisions: tuple[SharedDecision, ...]


def fetch_pairs(node: Node, *, everything: bool, limit: int) -> tuple[list[SharedPair], bool]:
    """The first pairs of this agency's queue at the hub, and whether there are more.

    Pairs of whoever was sealed here a moment ago are left out.

    Raises:
        IntegrityError: The hub's answer is not in its form.
        HubRefusedError: The hub refused it.
    """
    state = "all" if everything else "open"
    page = node.client().call("GET", f"/v1/pairs?state={state}&limit={min(limit, MOST_PAIRS)}")
    sealed = sealed_handles(node.store)
    with _checked():
        shown = [one for one in page["pairs"] if one["handle"] not in sealed]
        agency = node.settings.agency
        return [read_pair(node.store, one, agency=agency) for one in shown], bool(page["more"])


def decide_shared(node: Node, pair: str, *, verdict: str, reason: str) -> SharedHistory:
    """Decide a pair that was listed, as whoever acts; `undone` takes back what this agency decided.

    Raises:
        RecordFormatError: This is no pair's id.
        HubRefusedError: No such pair was shown, or there is nothing to undo.
    """
    path = f"/v1/pairs/{_require_id(pair)}/decisions"
    document = node.client().call("POST", path, decision_body(verdict=verdict, reason=reason))
    return read_history(node.store, document)


def fetch_history(node: Node, pair: str) -> SharedHistory:
    """What was decided of a pair.

    Raises:
        RecordFormatError: This is no pair's id.
        HubRefusedError: No such pair is shown, and none was decided here.
    """
    return read_history(node.store, node.client().call("GET", f"/v1/pairs/{_require_id(pair)}"))


def decision_body(*, verdict: str, reason: str) -> dict[str, Any]:
    """`pair-decision/1`."""
    return {"format": "pair-decision/1", "verdict": verdict, "reason": reason}


def read_history(store: Store, document: Mapping[str, Any]) -> SharedHistory:
    """Read a `pair-history/1`."""
    with _checked():
        decisions = tuple(
            SharedDecision(
                agency=str(one["agency"]),
                staff=None if one["staff"] is None else str(one["staff"]),
                verdict=_one_of(one["verdict"], VERDICTS),
                reason=str(one["reason"]),
                at=str(one["at"]),
                holds=bool(one["holds"]),
            )
            for one in document["decisions"]
        )
        reference = reference_of(store, str(document["handle"]))
        agency = None if document["agency"] is None else str(document["agency"])
        return SharedHistory(str(document["pair"]), reference, agency, decisions)


def read_pair(store: Store, document: Mapping[str, Any], *, agency: str) -> SharedPair:
    """Read a pair of a `pairs/1`, for the agency it was told to.

    Raises:
        IntegrityError: It is malformed.
    """
    with _checked():
        other = str(document["agency"])
        return SharedPair(
            pair=str(document["pair"]),
            group=int(document["group"]),
            reference=reference_of(store, str(document["handle"])),
            agency=other,
            evidence=_evidence(document["evidence"]),
            may_be_twins=bool(document["may_be_twins"]),
            decision=_standing(document["decision"], agency),
            theirs=_standing(document["theirs"], other),
            at_odds=bool(document["at_odds"]),
        )


def _standing(document: Mapping[str, Any] | None, agency: str) -> SharedDecision | None:
    if document is None:
        return None
    verdict = _one_of(document["verdict"], VERDICTS[:3])
    reason, at, holds = str(document["reason"]), str(document["at"]), bool(document["holds"])
    return SharedDecision(agency, None, verdict, reason, at, holds)


def _evidence(text: str) -> Evidence:
    padded = decode_base64(text, field="evidence")
    if len(padded) != EVIDENCE_BYTES:
        raise ValueError
    return parse_evidence(json.loads(padded))


def _one_of(word: object, words: Sequence[str]) -> str:
    if word not in words:
        raise ValueError
    return str(word)


def _require_id(pair: str) -> str:
    if PAIR_ID.fullmatch(pair) is None:
        raise RecordFormatError("pair", "must be 32 characters of 0-9 and a-f, as it was listed", field="id")
    return pair


@contextmanager
def _checked() -> Iterator[None]:
    """What the hub answers in another form than the protocol's is no answer."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, KeysError):
        raise IntegrityError("the hub's answer about pairs is not in its form") from None
