"""Both sides' copies of the log held against each other.

The node reads again all that the hub shows of the log and compares it with what it asked, with the receipts
it was given and with the entries it has seen. An entry in our name that nobody here asked for, one that says
something else, and one that is shown no longer are differences; so is, with another agency's export, a
question about our people that the hub has not shown us. The hub is told how many there were, whatever it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from node.access_log import fetch_pages, read_documents
from node.answers import DISCLOSED
from node.consent_versions import was_recorded_here
from node.errors import HubRefusedError, IntegrityError
from node.home import Node
from node.in_step import compare_consents
from node.kept_checkpoints import keep_checkpoint, link_checkpoints
from node.leaves import Entry, read_entry
from node.log_events import RECONCILED, log_event
from node.log_lines import HOLDER, REFUSED
from node.receipts import (
    ANSWERED,
    has_receipt,
    open_receipt,
    read_asked,
    read_receipt,
    read_receipts,
    says_what_was_asked,
)
from node.store import Store
from node.witnessing import log_key_of, witness_log

CONSENT = "consent:record:"
EVENTS = ("log:export:", "log:subject_access:", "log:entries:reconciled", "override:", "seal:")


class Kind(StrEnum):
    """What does not agree."""

    BROKEN = "does not verify as the hub shows it"
    EXPORT_BROKEN = "of the other agency's export does not verify"
    HISTORY = "the log as a whole"

    NEVER_ASKED = "in our name, and never asked here"
    OTHER_CONTENT = "says something else than was asked"
    CHANGED = "is not what it was when this node first saw it"
    SUPPRESSED = "was proved to this node and is shown no longer"
    NOT_SHOWN = "is about our people and was not shown to us"
    CONSENT_UNKNOWN = "is about a consent that is not recorded here"
    CONSENT_LOST = "a consent or withdrawal recorded here is not at the hub: 'knownto consent send' mends it"
    EVENT_UNKNOWN = "is an act of this agency that was not done at this node"
    ERASED_UNPROVED = "is a look-up in our name whose text is erased and of which there is no receipt here"


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry about which the two sides do not agree.

    Attributes:
        index: Of the entry, or None where it is about the log as a whole, or a consent missing there.
        kind: What does not agree.
        rule: What does not hold, where it does not verify.
    """

    index: int | None
    kind: Kind
    rule: str = ""

    def describe(self) -> str:
        """In words."""
        return f"{self.kind}: {self.rule}" if self.rule else str(self.kind)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What came of it.

    Attributes:
        entries: Entries the hub shows that verify.
        receipts: Receipts this node keeps.
        texts_erased: Entries whose texts this node keeps and the hub shows as erased; no difference where
            their retention is over.
        answers_lost: Look-ups and events that were made and logged and whose answer never arrived; no
            difference.
        differences: By index; empty is good.
    """

    entries: int
    receipts: int
    texts_erased: int
    answers_lost: tuple[int, ...]
    differences: tuple[Difference, ...]


def reconcile(node: Node, *, others: Iterable[Mapping[str, Any]] = ()) -> Reconciled:
    """Compare this node's copies with what the hub shows now, and log that it was done and what came of it.

    Args:
        node: The node.
        others: Entries another agency exported for this one (`knownto log export --for`).

    Raises:
        IntegrityError: Nothing differed, and the hub's receipt of the comparison does not verify.
    """
    done = compare(node, others=others, first=_witness(node))
    facts = {"entries": done.entries, "receipts": done.receipts, "differences": len(done.differences)}
    indices = [one.index for one in done.differences if one.index is not None]
    try:
        log_event(node, RECONCILED, facts=facts, own={"indices": indices[:1000]})
    except IntegrityError as error:
        # The hub was told; what it answered is one more difference to be shown with the others.
        if not done.differences:
            raise
        return replace(done, differences=(*done.differences, Difference(None, Kind.HISTORY, str(error))))
    return done


def compare(
    node: Node, *, others: Iterable[Mapping[str, Any]] = (), first: Iterable[Difference] = ()
) -> Reconciled:
    """Compare this node's copies with what the hub shows now: all of it, whatever does not verify.

    Args:
        node: The node.
        others: Entries another agency exported for this one.
        first: Differences that are known already.
    """
    store, lost = node.store, list[int]()
    shown, broken = _read_again(node)
    seen = shown.keys() | {one.index for one in broken}
    kept = _kept(store)
    differences = [
        *first,
        *broken,
        *_gone({index: one for index, one in kept.items() if index in shown or index not in seen}, shown),
        *_own(node, shown.values(), lost),
        *_not_shown(node, seen, others),
        *_consents_lost(node),
    ]
    differences.sort(key=lambda difference: (difference.index or 0, difference.kind))
    receipts = sum(1 for _ in read_receipts(store))
    erased = sum(1 for index, entry in shown.items() if entry.erased and index in kept and kept[index][1])
    return Reconciled(len(shown), receipts, erased, tuple(lost), tuple(differences))


def _witness(node: Node) -> Iterator[Difference]:
    try:
        witness_log(node)
    except IntegrityError as error:
        yield Difference(None, Kind.HISTORY, str(error))


def _read_again(node: Node) -> tuple[dict[int, Entry], list[Difference]]:
    """All entries the hub shows this node, from the first on, and those of them that do not verify."""
    shown: dict[int, Entry] = {}
    broken: list[Difference] = []

    def keep_broken(index: int | None, error: IntegrityError) -> None:
        broken.append(Difference(index, Kind.BROKEN, str(error)))

    try:
        for documents, _ in fetch_pages(node, after=0, broken=keep_broken):
            shown |= {entry.index: entry for entry in map(read_entry, documents)}
    except IntegrityError as error:
        broken.append(Difference(None, Kind.HISTORY, str(error)))
    return shown, broken


def _kept(store: Store) -> dict[int, tuple[bytes, bool]]:
    """What was proved to this node, as a receipt or when it read the log: leaf, and whether it has texts."""
    kept: dict[int, tuple[bytes, bool]] = {}
    for document in (*read_documents(store), *(receipt for _, receipt in read_receipts(store))):
        entry = read_entry(document)
        texts = not entry.erased or kept.get(entry.index, (b"", False))[1]
        kept[entry.index] = (entry.leaf, texts)
    return kept


def _gone(kept: Mapping[int, tuple[bytes, bool]], shown: Mapping[int, Entry]) -> Iterator[Difference]:
    """What was proved to this node and is another thing now, or is shown no longer."""
    for index, (leaf, _) in kept.items():
        if index not in shown:
            yield Difference(index, Kind.SUPPRESSED)
        elif shown[index].leaf != leaf:
            yield Difference(index, Kind.CHANGED)


def _own(node: Node, entries: Iterable[Entry], lost: list[int]) -> Iterator[Difference]:
    """Entries in this agency's name against what was really done here."""
    for entry in entries:
        if entry.agency != node.settings.agency:
            continue
        kind = _compare_erased(node.store, entry) if entry.erased else _compare(node.store, entry, lost)
        if kind is not None:
            yield Difference(entry.index, kind)


def _compare_erased(store: Store, entry: Entry) -> Kind | None:
    """What it said cannot be compared any more; but every look-up that was answered here left a receipt."""
    proved = entry.action != ANSWERED or read_receipt(store, entry.index) is not None
    return None if proved else Kind.ERASED_UNPROVED


def _compare(store: Store, entry: Entry, lost: list[int]) -> Kind | None:
    if entry.action == ANSWERED or entry.action.startswith(REFUSED):
        return _compare_lookup(store, entry, lost)
    own = entry.part("own")
    if entry.action.startswith(CONSENT):
        handle, version, digest = str(own.get("handle")), own.get("version"), str(own.get("digest"))
        made = isinstance(version, int) and was_recorded_here(store, handle, version, digest)
        return None if made else Kind.CONSENT_UNKNOWN
    return _compare_event(store, entry, lost) if entry.action.startswith(EVENTS) else None


def _compare_event(store: Store, entry: Entry, lost: list[int]) -> Kind | None:
    """An event stands in the log once, as it was reported; its receipt may have been lost."""
    event = str(entry.part("own").get("event"))
    if read_asked(store, event) != {"action": entry.action, "own": entry.part("own")}:
        return Kind.EVENT_UNKNOWN
    if read_receipt(store, entry.index) is None:
        if has_receipt(store, event):
            return Kind.EVENT_UNKNOWN
        lost.append(entry.index)
    return None


def _compare_lookup(store: Store, entry: Entry, lost: list[int]) -> Kind | None:
    request = entry.part("question").get("request")
    asked = None if request is None else read_asked(store, str(request))
    if asked is None:
        # A call that was refused before it was understood names no request.
        return None if request is None and entry.action != ANSWERED else Kind.NEVER_ASKED
    if entry.action != ANSWERED:
        return None
    if not says_what_was_asked(entry, asked):
        return Kind.OTHER_CONTENT
    if read_receipt(store, entry.index) is None:
        lost.append(entry.index)
    return None


def _not_shown(
    node: Node, seen: Collection[int | None], others: Iterable[Mapping[str, Any]]
) -> Iterator[Difference]:
    """Another agency's entries that concern this one, each proved, against what the hub shows here."""
    key, compared = log_key_of(node), False
    try:
        for document in others:
            compared = True
            yield from _compare_other(node, seen, document)
        if compared:
            link_checkpoints(node.store, node.client(), key=key)
    except IntegrityError as error:
        yield Difference(None, Kind.HISTORY, str(error))


def _compare_other(
    node: Node, seen: Collection[int | None], document: Mapping[str, Any]
) -> Iterator[Difference]:
    try:
        receipt = open_receipt(document, key=log_key_of(node))
    except IntegrityError as error:
        index = document.get("index")
        yield Difference(index if isinstance(index, int) else None, Kind.EXPORT_BROKEN, str(error))
        return
    entry = receipt.entry
    keep_checkpoint(node.store, receipt.checkpoint, receipt.note, key=log_key_of(node), at=node.clock())
    if f"{HOLDER}{node.settings.agency}" in entry.promised and entry.index not in seen:
        yield Difference(entry.index, Kind.NOT_SHOWN)


def _consents_lost(node: Node) -> Iterator[Difference]:
    """One for every person whose newest consent, once sent, is not the hub's newest."""
    try:
        found = compare_consents(node)
    except HubRefusedError as error:
        if error.code != "no_agreement":
            raise
        return  # The hub shows none then, and answers nothing either.
    for _ in found.lost if found else ():
        yield Difference(None, Kind.CONSENT_LOST)


def told_about(entry: Entry, agency: str) -> bool:
    """Whether a look-up of ours was told that an agency knows, or may know, somebody."""
    cases = entry.part("question").get("cases", ())
    return any(case["answers"].get(agency) in DISCLOSED for case in cases)
