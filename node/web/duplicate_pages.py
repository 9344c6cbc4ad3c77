"""Who may stand in the caseload twice: the pairs, the evidence in words, decisions and their undoing."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from node.answers import explain_evidence
from node.caseload import reference_of, sealed_handles
from node.consent_terms import noes
from node.consent_versions import find_document
from node.deciding import decide_pair
from node.duplicate_decisions import LONGEST_REASON, PairDecision, Verdict, decisions_of, handles_of
from node.duplicate_queue import QueuedPair
from node.errors import RecordFormatError
from node.status import describe_node
from node.web.visits import Visit
from pages.visits import NO_ERRORS, Errors, not_found

CERTAIN = "that the two records are one person"
MOST_SHOWN = 50
VERDICTS = {
    str(Verdict.SAME): "The same person",
    str(Verdict.DIFFERENT): "Different people",
    str(Verdict.NOT_SURE): "Not sure: ask again later",
}
DECIDED = {**VERDICTS, str(Verdict.NOT_SURE): "Not sure", str(Verdict.UNDONE): "Undone"}


@dataclass(frozen=True, slots=True, repr=False)
class PairedRecord:
    """One record of a pair.

    Attributes:
        handle: Its handle.
        reference: The agency's own reference.
        sealed: Whether it is sealed.
        said_no: Whether it has a withdrawal or an objection.
    """

    handle: str
    reference: str
    sealed: bool
    said_no: bool


def show_duplicates(visit: Visit) -> Response:
    """The pairs to decide, the likeliest first; on request those that are decided too."""
    everything = "all" in visit.request.query_params
    found = [one for one in visit.site.pairs.queue(visit.node.store) if everything or one.open]
    return visit.show(
        "duplicates.html", found=found[:MOST_SHOWN], more=max(0, len(found) - MOST_SHOWN),
        at_odds=sum(one.at_odds for one in found), everything=everything, verdicts=DECIDED,
    )  # fmt: skip


def show_pair(visit: Visit) -> Response:
    """One pair: the evidence, what was decided, and what holds for both records."""
    return _show_pair(visit)


def decision_sent(visit: Visit) -> Response:
    """Decide a pair, or undo what was decided."""
    verdict, reason = visit.form.get("verdict"), visit.form.get("reason")
    errors = {}
    if verdict not in DECIDED:
        errors["verdict"] = "Select what you decide"
    if not reason:
        errors["reason"] = "Say in words why"
    if not errors and visit.form.get("seen") != _seen(decisions_of(visit.node.store, visit.part("pair"))):
        errors["verdict"] = "It was decided after you opened this page: look at what stands now"
    if errors:
        return _show_pair(visit, errors=errors)
    decide_pair(visit.node, visit.part("pair"), verdict=Verdict(verdict), reason=reason)
    return visit.go(f"/duplicates/{visit.part('pair')}")


def _show_pair(visit: Visit, *, errors: Errors = NO_ERRORS) -> Response:
    store, pair = visit.node.store, visit.part("pair")
    queued = next((one for one in visit.site.pairs.queue(store) if one.pair == pair), None)
    try:
        records = [_record(visit, handle) for handle in handles_of(store, pair)]
    except RecordFormatError:
        raise not_found() from None
    history = decisions_of(store, pair)
    return visit.show(
        "duplicate.html",
        pair=pair,
        records=records,
        queued=queued,
        words=[] if queued is None else _words(queued),
        history=history,
        settled=bool(history) and history[-1].verdict in (Verdict.SAME, Verdict.DIFFERENT),
        seen=_seen(history),
        verdicts=VERDICTS,
        decided=DECIDED,
        waiting=describe_node(visit.node)["waiting"],
        longest=LONGEST_REASON,
        errors=errors,
    )


def _record(visit: Visit, handle: str) -> PairedRecord:
    store = visit.node.store
    said_no = bool(noes(find_document(store, handle)))
    return PairedRecord(handle, reference_of(store, handle) or "", handle in sealed_handles(store), said_no)


def _words(queued: QueuedPair) -> list[str]:
    """The evidence in sentences, and what to watch out for."""
    words: list[str] = list(explain_evidence(queued.found.evidence, certain=CERTAIN)["words"])
    if queued.found.may_be_twins:
        words.append("They may be twins: born on one day under one surname, with other forenames.")
    if queued.decision is not None and not queued.decision.holds:
        words.append("The data have changed since it was decided.")
    if queued.at_odds:
        words.append("Other decisions make these two one person: one of them must be wrong.")
    return words


def _seen(history: list[PairDecision]) -> str:
    """How many decisions a page showed: a second one must not be made without having seen the first."""
    return str(len(history))
