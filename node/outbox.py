"""What had to wait for the hub: removals of sealed people first, then consent, before anything else goes."""

from __future__ import annotations

from keys.actors import AUTOMATIC
from node.home import Node
from node.in_step import send_in_step
from node.pushing import remove_due


def send_waiting(node: Node) -> int:
    """Send everything that waits; returns how many changes went.

    Raises:
        HubUnreachableError: The hub gave no answer; what has not gone waits on.
        HubRefusedError: The hub refused one.
    """
    itself = node.acting(AUTOMATIC)  # Whoever runs the command that happens to come first did not ask for it.
    return remove_due(itself) + send_in_step(itself)
