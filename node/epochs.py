"""Linkage keys at a node: made by the custodian, wrapped for a member, received from the custodian.

The hub relays epochs and envelopes and could replace either. So the custodian is known by a fingerprint
that was read out, not by what the hub says, and a member gets the key only under a fingerprint that the
custodian was read out in turn.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from keys.custody import unwrap_linkage_key, wrap_linkage_key
from keys.errors import KeyFormatError, KeyUnwrapError, SignatureInvalidError
from keys.identity import PublicIdentity, fingerprints_equal
from keys.linkage import LinkageKey
from matcher.schema import parse_schema, shipped_schema
from node.errors import IntegrityError
from node.home import Node
from node.membership import fetch_agencies, require_agency
from node.times import format_time, parse_time


def make_epoch(node: Node, fields: Iterable[str]) -> Mapping[str, Any]:
    """Make a new linkage key and put its epoch before the network; only the custodian can.

    The key is kept before the hub hears of the epoch: an epoch whose key is lost would be of no use.

    Raises:
        SchemaError: The fields do not make a schema.
        HubRefusedError: This agency is not the custodian.
    """
    schema = shipped_schema(fields)
    linkage_key = LinkageKey.generate()
    now = node.clock()
    document: dict[str, Any] = {
        "format": "epoch/1",
        "epoch": f"{now:%Y-%m-%d}-{secrets.token_hex(3)}",
        "network": node.network,
        "schema": schema.document,
        "schema_digest": schema.digest,
        "linkage_key_id": linkage_key.key_id,
        "created_at": format_time(now),
    }
    document["signature"] = node.identity.sign_document(document)
    node.keep_linkage_key(document["epoch"], linkage_key)
    node.client().call("POST", "/v1/epochs", document)
    node.keep_epoch(document, linkage_key)
    return document


def share_key(node: Node, agency: str, *, fingerprint: str) -> None:
    """Wrap the current linkage key for one member and hand it to the hub to relay.

    Args:
        node: The custodian's node.
        agency: The member.
        fingerprint: What the member read out.

    Raises:
        IntegrityError: The hub relays other keys for this member than those read out.
    """
    epoch = node.epoch_key()
    client = node.client()
    _, recipient = require_agency(fetch_agencies(client, node.store), agency)
    if not fingerprints_equal(recipient.fingerprint, fingerprint):
        raise IntegrityError(
            "the fingerprint read out is not that of the keys the hub relays; no key was handed out"
        )
    envelope = wrap_linkage_key(
        epoch.linkage_key,
        custodian=node.identity,
        recipient=recipient,
        network=node.network,
        epoch=epoch.epoch,
    )
    client.call("PUT", f"/v1/epochs/{epoch.epoch}/envelopes/{agency}", envelope)


def receive_key(node: Node, *, custodian_fingerprint: str) -> Mapping[str, Any]:
    """Fetch the current epoch and this node's envelope, check both, and keep the key.

    The custodian has no envelope: it takes its own key, where the answer to `make_epoch` was lost.

    Args:
        node: The member's node.
        custodian_fingerprint: What the custodian read out.

    Raises:
        IntegrityError: The epoch or the envelope is not the named custodian's, does not fit, or is older than
            what this node has.
        NotInitialisedError: This node is the custodian and has lost the key.
        HubRefusedError: There is no epoch, or no envelope for this node yet.
    """
    client = node.client()
    answer = client.call("GET", "/v1/epochs/current")
    document = {key: value for key, value in answer.items() if key != "custodian"}
    _, custodian = require_agency(fetch_agencies(client, node.store), str(answer.get("custodian")))
    if not fingerprints_equal(custodian.fingerprint, custodian_fingerprint):
        raise IntegrityError("the fingerprint read out is not that of the custodian the hub names")
    _require_epoch(document, custodian, network=node.network)
    _require_newer(document, node.epoch_document())
    if custodian.fingerprint == node.identity.public.fingerprint:
        linkage_key = node.linkage_key(str(document["epoch"]))
    else:
        envelope = client.call("GET", f"/v1/epochs/{document['epoch']}/envelope")
        linkage_key = _open_envelope(node, envelope, custodian, document)
    if linkage_key.key_id != document["linkage_key_id"]:
        raise IntegrityError("the key is another one than the epoch names")
    node.keep_epoch(document, linkage_key)
    return document


def _require_newer(document: Mapping[str, Any], kept: Mapping[str, Any] | None) -> None:
    """Refuse to go back: an old epoch is signed by the custodian too, and those who left have its key."""
    if kept is None or document["epoch"] == kept["epoch"]:
        return
    try:
        # Times are to the second; two made in one are both new.
        older = parse_time(document["created_at"]) < parse_time(kept["created_at"])
    except (KeyError, TypeError, ValueError):
        raise IntegrityError("the epoch does not say when it was made") from None
    if older:
        raise IntegrityError("the hub offers an epoch older than the one this node has; it is not taken")


def _open_envelope(
    node: Node, envelope: Mapping[str, Any], custodian: PublicIdentity, document: Mapping[str, Any]
) -> LinkageKey:
    try:
        return unwrap_linkage_key(
            envelope,
            exchange_key=node.exchange_key,
            own_fingerprint=node.identity.public.fingerprint,
            custodian=custodian,
            network=node.network,
            epoch=str(document["epoch"]),
        )
    except (SignatureInvalidError, KeyUnwrapError, KeyFormatError) as error:
        # A message of `keys` names field and rule, never a value.
        raise IntegrityError(f"the key envelope is refused: {error}") from None


def _require_epoch(document: Mapping[str, Any], custodian: PublicIdentity, *, network: str) -> None:
    try:
        custodian.verify_document(document, str(document.get("signature")))
    except (SignatureInvalidError, KeyFormatError):
        raise IntegrityError("the epoch is not signed by the custodian named") from None
    if document.get("format") != "epoch/1" or document.get("network") != network:
        raise IntegrityError("the epoch belongs to another network")
    if parse_schema(document["schema"]).digest != document["schema_digest"]:
        raise IntegrityError("the epoch's schema digest does not fit its schema")
