"""What `knownto node status` tells: this node's own state, and how current the agencies around it are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from node.caseload import count_caseload
from node.consent import count_waiting
from node.errors import NotInitialisedError
from node.home import Node
from node.membership import Agency, Agreement, fetch_agencies, fetch_agreements, live_partners
from node.seal_events import count_unreported
from node.times import format_time, parse_time


def describe_node(node: Node) -> dict[str, Any]:
    """The facts this node knows without asking the hub."""
    counts = count_caseload(node.store)
    return {
        "agency": node.settings.agency,
        "fingerprint": node.identity.public.fingerprint,
        "hub": node.settings.hub,
        "network": node.settings.network,
        "epoch": _epoch(node),
        "rows": counts.rows,
        "shared": counts.shared,
        "weak": counts.weak,
        "sealed": counts.sealed,
        "waiting": counts.removal_due + count_waiting(node.store) + count_unreported(node.store),
    }


def describe_partners(node: Node, facts: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Add what the hub knows: when this agency last shared, and one line for every other agency."""
    client = node.client()
    agencies = fetch_agencies(client, node.store)
    now = node.clock()
    partners = live_partners(fetch_agreements(client, agencies), node.settings.agency, at=now)
    own = agencies.get(node.settings.agency)
    lines = [
        _describe_agency(agency, partners.get(agency.agency, []), now=now)
        for agency in agencies.values()
        if agency.agency != node.settings.agency
    ]
    covered = [line for line in lines if line["agreement_until"] is not None]
    current = sum(line["up_to_date"] for line in covered)
    added = {
        "state": own.state if own else None,
        "as_of": format_time(own.as_of) if own and own.as_of else None,
        "agreements_until": min((line["agreement_until"] for line in covered), default=None),
        "coverage": f"{current} of {len(covered)} agencies up to date",
    }
    return {**facts, **added}, lines


def _describe_agency(agency: Agency, agreements: list[Agreement], *, now: Any) -> dict[str, Any]:
    until = max((parse_time(a.document["expires"]) for a in agreements), default=None)
    oldest = max((timedelta(days=int(a.document["maximum_age_days"])) for a in agreements), default=None)
    fresh = agency.as_of is not None and oldest is not None and now - agency.as_of <= oldest
    return {
        "agency": agency.agency,
        "name": agency.name,
        "service": agency.service,
        "state": agency.state,
        "as_of": format_time(agency.as_of) if agency.as_of else None,
        "up_to_date": fresh,
        "agreement_until": format_time(until) if until else None,
    }


def _epoch(node: Node) -> str | None:
    try:
        return node.epoch_key().epoch
    except NotInitialisedError:
        return None
