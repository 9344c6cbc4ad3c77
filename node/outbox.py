"""What had to wait for the hub: sealed people off first, then consent, then the log of seals."""

from __future__ import annotations

from keys.actors import AUTOMATIC
from node.home import Node
from node.in_step import send_in_step
from node.pushing import remove_due
from node.seal_events import report_seals


def send_waiting(node: Node) -> int:
    """Send everything that waits; returns how many removals and consents went.

    Raises:
        HubUnreachableError: The hub gave no answer; what has not gone waits on.
        HubRefusedError: The hub refused one.
    """
    itself = node.acting(AUTOMATIC)  # Whoever runs the command that happens to come first did not ask for it.
    sent = remove_due(itself) + send_in_step(itself)
    report_seals(itself)
    return sent
