"""Enrolling with a hub: compare its fingerprint, pin it, prove possession of this node's keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keys.errors import KeyFormatError
from keys.identity import PublicIdentity, fingerprints_equal
from node.client import HubClient, fetch_hub
from node.errors import AuthenticationError, IntegrityError, PolicyError
from node.home import Node


@dataclass(frozen=True, slots=True)
class FoundHub:
    """What a hub says of itself, before anybody has compared its fingerprint."""

    network: str
    version: str
    identity: PublicIdentity

    @property
    def fingerprint(self) -> str:
        """The fingerprint of its key, computed here."""
        return self.identity.fingerprint


def find_hub(node: Node) -> FoundHub:
    """Ask the hub at the configured address who it is.

    Raises:
        HubUnreachableError: No answer.
        IntegrityError: Not a hub, or not the one this node has pinned.
    """
    document = fetch_hub(node.open_http())
    try:
        identity = PublicIdentity.from_base64(document["public_key"])
        network = str(document["network"])
    except (KeyError, KeyFormatError):
        raise IntegrityError("this address does not answer as a Known To hub") from None
    pinned = node.settings.hub_fingerprint
    if pinned is not None and not fingerprints_equal(pinned, identity.fingerprint):
        raise IntegrityError("the hub at this address has another key than the one this node has pinned")
    return FoundHub(network, str(document.get("version", "")), identity)


def enrol(node: Node, found: FoundHub, *, token: str, hub_fingerprint: str) -> dict[str, Any]:
    """Enrol with a hub whose fingerprint was compared, and pin it once it has answered with that key.

    Args:
        node: The node.
        found: From `find_hub`.
        token: The one-time token the hub's operator gave.
        hub_fingerprint: What the hub's operator read out.

    Raises:
        AuthenticationError: The fingerprint read out is not the hub's.
        HubRefusedError: The token is unknown, used or expired.
    """
    if not fingerprints_equal(found.fingerprint, hub_fingerprint):
        raise AuthenticationError("the fingerprint read out is not that of the hub at this address")
    if node.settings.network not in (None, found.network):
        raise PolicyError("this node belongs to another network")
    public = node.identity.public
    body = {
        "format": "enrolment/1",
        "token": token,
        "agency": node.settings.agency,
        "public_key": public.public_key_base64,
        "exchange_key": public.exchange_key_base64,
    }
    client = HubClient(
        node.open_http(), identity=node.identity, actor=node.actor, hub=found.identity, clock=node.clock
    )
    answer = client.call("POST", "/v1/enrolments", body)
    if not fingerprints_equal(str(answer.get("fingerprint")), public.fingerprint):
        raise IntegrityError("the hub enrolled other keys than this node's")
    node.pin_hub(network=found.network, hub=found.identity)
    return answer
