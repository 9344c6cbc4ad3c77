"""Both sides' copies of the log held against each other.

The node reads again all that the hub shows of the log and compares it with what it asked, with the receipts
it was given and with the entries it has seen. An entry in our name that nobody here asked for, one that says
something else, and one that is shown no longer are differences; so is, with another agency's export, a
question about our people that the hub has not shown us. The hub is told how many there were, whatever it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from node.access_log import fetch_pages, read_documents
from node.answers import DISCLOSED
from node.consent import was_recorded_here
from node.errors import HubRefusedError
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
EVENTS = ("log:export:", "log:subject_access:", "log:entries:reconciled", "override:")


class Kind(StrEnum):
    """What does not agree."""

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
    """One entry about which the two sides do not agree; a consent that is missing there has no index."""

    index: int | None
    kind: Kind


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What came of it.

    Attributes:
        entries: Entries the hub shows.
        receipts: Receipts this node keeps.
        answers_lost: Look-ups and events that were made and logged and whose answer never arrived; no
            difference.
        differences: By index; empty is good.
    """

    entries: int
    receipts: int
    answers_lost: tuple[int, ...]
    differences: tuple[Difference, ...]


def reconcile(node: Node, *, others: Iterable[Mapping[str, Any]] = ()) -> Reconciled:
    """Compare this node's copies with what the hub shows now, and log that it was done.

    Args:
        node: The node.
        others: Entries another agency exported for this one (`knownto log export --for`).

    Raises:
        IntegrityError: What the hub or the other agency shows does not verify at all.
    """
    store, shown = node.store, _read_again(node)
    witness_log(node)
    lost: list[int] = []
    differences = [
        *_gone(store, shown),
        *_own(node, shown.values(), lost),
        *_not_shown(node, shown, others),
        *_consents_lost(node),
    ]
    differences.sort(key=lambda difference: difference.index or 0)
    receipts = sum(1 for _ in read_receipts(store))
    facts = {"entries": len(shown), "receipts": receipts, "differences": len(differences)}
    indices = [one.index for one in differences if one.index is not None]
    log_event(node, RECONCILED, facts=facts, own={"indices": indices[:1000]})
    return Reconciled(len(shown), receipts, tuple(lost), tuple(differences))


def _read_again(node: Node) -> dict[int, Entry]:
    """All entries the hub shows this node, from the first on."""
    entries = (read_entry(document) for documents, _ in fetch_pages(node, after=0) for document in documents)
    return {entry.index: entry for entry in entries}


def _gone(store: Store, shown: Mapping[int, Entry]) -> Iterator[Difference]:
    """What was proved to this node, as a receipt or when it read the log, and is another thing now."""
    kept: dict[int, bytes] = {}
    for document in (*read_documents(store), *(receipt for _, receipt in read_receipts(store))):
        entry = read_entry(document)
        kept[entry.index] = entry.leaf
    for index, leaf in kept.items():
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
    node: Node, shown: Mapping[int, Entry], others: Iterable[Mapping[str, Any]]
) -> Iterator[Difference]:
    """Another agency's entries that concern this one, each proved, against what the hub shows here."""
    key, compared = log_key_of(node), False
    for document in others:
        receipt = open_receipt(document, key=key)
        entry, compared = receipt.entry, True
        keep_checkpoint(node.store, receipt.checkpoint, receipt.note, key=key, at=node.clock())
        if f"{HOLDER}{node.settings.agency}" in entry.promised and entry.index not in shown:
            yield Difference(entry.index, Kind.NOT_SHOWN)
    if compared:
        link_checkpoints(node.store, node.client(), key=key)


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
