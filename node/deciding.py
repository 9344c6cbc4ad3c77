"""Deciding a pair of this caseload, and what that reaches: the seals and the noes of either record, at once.

What is decided to be the same person is the same for everything that must not be shown (`node.duplicates`),
so a seal, a withdrawal or an objection of one record is kept on the other in the transaction that keeps the
decision, and the hub is told straight away. Undoing, or deciding otherwise, takes back the decision and
nothing else: what protects somebody is never lifted in passing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from node.caseload import reference_of, sealed_handles
from node.consent import spread_noes
from node.consent_terms import noes
from node.consent_versions import find_document
from node.duplicate_decisions import PairDecision, Verdict, decisions_of, keep_decision
from node.duplicates import same_people
from node.errors import HubRefusedError, HubUnreachableError
from node.home import Node
from node.in_step import send_or_say_so
from node.seal_events import NOT_STATED, SEAL_SET, note_seal
from node.sealing import spread_seals
from node.store import Store


@dataclass(frozen=True, slots=True, repr=False)
class Decided:
    """A decision and what it reached, by this agency's own references, sorted.

    Attributes:
        decision: As it is kept.
        sealed: Sealed through it.
        said_no: Given a withdrawal or an objection through it.
        left_sealed: Where they are no longer held to be the same person: whoever stays sealed all the same.
        left_no: Likewise, whoever keeps a withdrawal or an objection.
        unsent: Why the hub does not know of it yet, where it has to; it is sent with the next exchange.
    """

    decision: PairDecision
    sealed: tuple[str, ...] = ()
    said_no: tuple[str, ...] = ()
    left_sealed: tuple[str, ...] = ()
    left_no: tuple[str, ...] = ()
    unsent: HubUnreachableError | HubRefusedError | None = None

    def remarks(self) -> list[str]:
        """What people have to know of it, in words."""
        return [
            *(f"Sealed too, being the same person: {one}" for one in self.sealed),
            *(f"Also withdrawn or objected, being the same person: {one}" for one in self.said_no),
            *(f"Not taken back: {one} stays sealed until somebody unseals it" for one in self.left_sealed),
            *(
                f"Not taken back: {one} keeps its withdrawal or objection until a consent lifts it"
                for one in self.left_no
            ),
        ]


def decide_pair(node: Node, pair: str, *, verdict: Verdict, reason: str) -> Decided:
    """Decide a pair that was listed or decided before, as whoever acts.

    Raises:
        RecordFormatError: There is no such pair, no reason, or nothing to undo.
        IntegrityError: It is kept, and the hub does not hold what it acknowledges.
    """
    store = node.store
    with store.transaction():
        before = decisions_of(store, pair)
        together = _people_of(store, before[-1]) if before and before[-1].verdict is Verdict.SAME else set()
        decision = keep_decision(node, pair, verdict=verdict, reason=reason)
        if verdict is not Verdict.SAME:
            return Decided(
                decision,
                left_sealed=_references(store, together & sealed_handles(store)),
                left_no=_references(store, {one for one in together if noes(find_document(store, one))}),
            )
        sealed, said_no = spread_seals(store), spread_noes(store)
        if sealed:
            note_seal(node, SEAL_SET, category=NOT_STATED)
    unsent = _tell_hub(node) if sealed or said_no else None
    return Decided(decision, _references(store, sealed), _references(store, said_no), unsent=unsent)


def _people_of(store: Store, decision: PairDecision) -> set[str]:
    return same_people(store, (decision.one, decision.other))


def _tell_hub(node: Node) -> HubUnreachableError | HubRefusedError | None:
    """Have it hold at the hub now; a node without a hub has nothing there that could be shown."""
    if not node.settings.is_enrolled:
        return None
    try:
        send_or_say_so(node)
    except (HubUnreachableError, HubRefusedError) as error:
        return error
    return None


def _references(store: Store, handles: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(reference_of(store, handle) or "" for handle in handles))
