"""People who must never be findable: sealed at the node, taken off the hub at once, never encoded again.

Sealing is kept here before the hub is called, so that a broken connection cannot undo it: the removal then
waits and goes first with the next command that reaches the hub.
"""

from __future__ import annotations

from node.caseload import is_in_caseload, make_handle, require_handle, set_sealed
from node.errors import HubUnreachableError
from node.home import Node
from node.pushing import remove_due


def seal_person(node: Node, local_id: str) -> bool:
    """Seal a person and take them off the hub.

    A reference that is not in the caseload is sealed in advance: a later import will not share it.

    Returns:
        Whether the caseload has the reference.

    Raises:
        HubUnreachableError: Sealed here; the removal from the hub waits.
    """
    with node.store.transaction():
        handle = make_handle(node.store, local_id)
    set_sealed(node.store, handle, sealed=True)
    try:
        remove_due(node)
    except HubUnreachableError:
        raise HubUnreachableError(
            "sealed at this node, but the hub cannot be reached and may still hold the tokens. "
            "They are removed first with the next command that reaches the hub"
        ) from None
    return is_in_caseload(node.store, handle)


def unseal_person(node: Node, local_id: str) -> None:
    """Unseal a person; the next push shares them again.

    Raises:
        RecordFormatError: This node has never seen the reference.
    """
    set_sealed(node.store, require_handle(node.store, local_id), sealed=False)
