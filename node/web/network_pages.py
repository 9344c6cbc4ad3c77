"""Agreements and their dates, how current the agencies are, and which linkage key this node has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import Response

from node.errors import HubRefusedError, HubUnreachableError, NotInitialisedError
from node.membership import Agreement, fetch_agencies, fetch_agreements
from node.status import describe_node, describe_partners
from node.times import parse_time
from node.web.log_words import describe_purpose
from node.web.visits import Visit

# An agreement takes weeks to be signed again by everybody.
ENDS_SOON = timedelta(days=60)
STATE_TAGS = {
    "live": ("ready", "Live"),
    "live between those who signed": ("possibly", "Live between those who signed"),
    "not yet": ("waiting", "Not yet"),
    "waiting for signatures": ("waiting", "Waits for signatures"),
    "expired": ("stop", "Over"),
}


@dataclass(frozen=True, slots=True)
class ShownAgreement:
    """One agreement as the page shows it.

    Attributes:
        agreement: Its id.
        title: Its title.
        state: Tag and words.
        parties: Names of the parties.
        missing: Names of those that have not signed.
        purposes: What it is for, in words.
        begins_at, ends_at: When it holds.
        ends_soon: Whether it is live and ends within 60 days.
    """

    agreement: str
    title: str
    state: tuple[str, str]
    parties: tuple[str, ...]
    missing: tuple[str, ...]
    purposes: tuple[str, ...]
    begins_at: datetime
    ends_at: datetime
    ends_soon: bool


def show_network(visit: Visit) -> Response:
    """The page; without the hub, what this node knows by itself."""
    facts = describe_node(visit.node)
    try:
        facts, partners = describe_partners(visit.node, facts)
        agreements, current = _agreements(visit), _current_epoch(visit)
    except (HubUnreachableError, HubRefusedError, NotInitialisedError) as error:
        return visit.show("network.html", facts=facts, partners=None, agreements=[], key=None, why=str(error))
    return visit.show(
        "network.html", facts=facts, partners=partners, agreements=agreements, why=None,
        key=_describe_key(visit, current),
    )  # fmt: skip


def _agreements(visit: Visit) -> list[ShownAgreement]:
    client = visit.node.client()
    agencies = fetch_agencies(client, visit.node.store)
    names = {agency.agency: agency.name for agency in agencies.values()}
    found = fetch_agreements(client, agencies)
    return [_shown(one, names, visit.at) for one in found]


def _shown(found: Agreement, names: Mapping[str, str], at: datetime) -> ShownAgreement:
    ends_at = parse_time(found.document["expires"])
    state = found.state(at=at)
    return ShownAgreement(
        agreement=found.agreement,
        title=str(found.document["title"]),
        state=STATE_TAGS[state],
        parties=tuple(names.get(party, party) for party in found.parties),
        missing=tuple(names.get(one, one) for one in found.parties if one not in found.signed_by),
        purposes=tuple(map(describe_purpose, found.document["purposes"])),
        begins_at=parse_time(found.document["not_before"]),
        ends_at=ends_at,
        ends_soon=state.startswith("live") and ends_at - at <= ENDS_SOON,
    )


def _current_epoch(visit: Visit) -> dict[str, Any] | None:
    """The hub's current epoch, or None where there is none yet."""
    try:
        return visit.node.client().call("GET", "/v1/epochs/current")
    except HubRefusedError as error:
        if error.code != "not_found":
            raise
        return None


def _describe_key(visit: Visit, current: dict[str, Any] | None) -> dict[str, Any]:
    """Whether this node's linkage key is that of the hub's current epoch; nothing of the key itself."""
    held = visit.node.epoch_document()
    if current is None:
        state = "No linkage key has been made yet: the key custodian makes one with 'knownto keys make'"
    elif held is None:
        state = "This node has not received the linkage key: 'knownto keys receive'"
    elif held["epoch"] != current["epoch"]:
        state = (
            "The partnership has a newer linkage key: 'knownto keys receive', then share the caseload again"
        )
    else:
        state = "This node has the current linkage key"
    return {
        "state": state,
        "is_current": bool(held and current and held["epoch"] == current["epoch"]),
        "custodian": None if current is None else current.get("custodian"),
        "made_at": None if current is None else parse_time(current["created_at"]),
        "epoch": None if held is None else held["epoch"],
    }
