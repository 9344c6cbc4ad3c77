"""People who must never be findable: sealed at the node, taken off the hub at once, never encoded again.

A seal reaches every row of the caseload that is exactly the same person (`node.duplicates`), and every such
row that an import brings later. It is kept here before the hub is called, so that a broken connection cannot
undo it: the removal then waits and goes first with the next command that reaches the hub. So does the log's
entry (`node.seal_events`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from node.caseload import (
    is_in_caseload,
    make_handle,
    mark_sealed,
    parked_row,
    reference_of,
    require_handle,
    sealed_handles,
)
from node.duplicates import same_people
from node.errors import HubUnreachableError
from node.home import Node
from node.pushing import remove_due
from node.seal_events import NOT_STATED, SEAL_LIFTED, SEAL_SET, note_seal, report_seals
from node.store import Store


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """What a seal, or its end, reached.

    Attributes:
        known: Whether the caseload has the reference, be the row parked or held.
        others: This agency's references of the same person that were sealed or unsealed too, sorted.
        reported: Whether the log says it; if not, it will with the next exchange that reaches the hub.
    """

    known: bool
    others: tuple[str, ...]
    reported: bool = True


def seal_person(node: Node, local_id: str, *, category: str = NOT_STATED) -> Sealed:
    """Seal a person and take them off the hub.

    A reference that is not in the caseload is sealed in advance: a later import will not share it.

    Args:
        node: The node.
        local_id: The agency's own reference.
        category: The kind of reason, one of `node.seal_events.CATEGORIES`.

    Raises:
        HubUnreachableError: Sealed here; the removal from the hub waits.
    """
    store = node.store
    with store.transaction():
        handle = make_handle(store, local_id)
        before = sealed_handles(store)
        others = same_people(store, [handle]) - before - {handle}
        for one in (handle, *others):
            mark_sealed(store, one, sealed=True)
        if others or handle not in before:
            note_seal(node, SEAL_SET, category=category)
    try:
        remove_due(node)
    except HubUnreachableError:
        raise HubUnreachableError(
            "sealed at this node, but the hub cannot be reached and may still hold the tokens. "
            "They are removed first with the next command that reaches the hub"
        ) from None
    return Sealed(_stands_in_file(store, handle), _references(store, others), _report(node))


def unseal_person(node: Node, local_id: str, *, category: str = NOT_STATED) -> Sealed:
    """Unseal a person, under all references that are exactly the same; the next push shares them again.

    Args:
        node: The node.
        local_id: The agency's own reference.
        category: The kind of reason, as in `seal_person`.

    Raises:
        RecordFormatError: This node has never seen the reference.
    """
    store = node.store
    with store.transaction():
        handle = require_handle(store, local_id)
        before = sealed_handles(store)
        others = same_people(store, [handle]) & before - {handle}
        for one in (handle, *others):
            mark_sealed(store, one, sealed=False)
        if others or handle in before:
            note_seal(node, SEAL_LIFTED, category=category)
    return Sealed(_stands_in_file(store, handle), _references(store, others), _report(node))


def spread_seals(store: Store) -> set[str]:
    """Seal whoever is the same person as somebody sealed, in a transaction of the caller's; whom, by handle.

    For rows that an import brings and for what somebody decides: before anybody can push them.
    """
    sealed = sealed_handles(store)
    others = same_people(store, sealed) - sealed if sealed else set()
    for handle in others:
        mark_sealed(store, handle, sealed=True)
    return others


def _report(node: Node) -> bool:
    """Have the log say it now, if the hub can be reached; what a seal does holds either way."""
    try:
        return report_seals(node)
    except HubUnreachableError:
        return False


def _stands_in_file(store: Store, handle: str) -> bool:
    """Whether the file last imported has the person, also where their row cannot be used yet."""
    return is_in_caseload(store, handle) or parked_row(store, handle) is not None


def _references(store: Store, handles: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(reference_of(store, handle) or "" for handle in handles))
