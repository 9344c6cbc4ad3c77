"""Who belongs, under which agreement, with which key: agencies, agreements, epochs.

The hub relays all of it and is believed in none of it: every signature is checked here, and an agency's
keys are remembered when first seen, so that a hub that later hands out other keys for it is noticed. First
sight itself proves nothing, which is why the linkage key is only given to and taken from an agency whose
fingerprint people have compared out of band.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keys.documents import document_digest
from keys.errors import KeyFormatError, SignatureInvalidError
from keys.identity import PublicIdentity, fingerprints_equal
from node.client import HubClient
from node.errors import (
    HubRefusedError,
    HubUnreachableError,
    IntegrityError,
    NotInitialisedError,
    PolicyError,
    RecordFormatError,
)
from node.home import Node
from node.store import Store
from node.times import parse_time

# The ids last listed, for checks that must work while the hub is away.
AGENCIES_SETTING = "agencies"
# An agreement holds between any two who have signed it.
FEWEST_SIGNATURES = 2


@dataclass(frozen=True, slots=True)
class Agency:
    """One agency of the network, as the hub lists it and this node has checked it."""

    agency: str
    name: str
    service: str
    area: str | None
    custodian: bool
    state: str
    identity: PublicIdentity | None
    as_of: datetime | None

    @property
    def fingerprint(self) -> str:
        """The fingerprint of its keys, computed here; empty where it has not enrolled."""
        return self.identity.fingerprint if self.identity else ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One agreement this agency is a party of, with the signatures that verified."""

    document: Mapping[str, Any]
    digest: str
    signed_by: tuple[str, ...]

    @property
    def agreement(self) -> str:
        """Its id."""
        return str(self.document["agreement"])

    @property
    def parties(self) -> tuple[str, ...]:
        """The agencies it is between."""
        return tuple(self.document["parties"])

    def state(self, *, at: datetime) -> str:
        """In words: live (perhaps not between all yet), not yet, expired, or waiting for signatures."""
        if at >= parse_time(self.document["expires"]):
            return "expired"
        if len(self.signed_by) < FEWEST_SIGNATURES:
            return "waiting for signatures"
        if at < parse_time(self.document["not_before"]):
            return "not yet"
        return "live" if set(self.parties) <= set(self.signed_by) else "live between those who signed"

    def is_live_between(self, one: str, other: str, *, at: datetime) -> bool:
        """Whether both have signed it and it is in date (docs/protocol.md section 6)."""
        in_date = parse_time(self.document["not_before"]) <= at < parse_time(self.document["expires"])
        return in_date and one in self.signed_by and other in self.signed_by


def fetch_agencies(client: HubClient, store: Store) -> dict[str, Agency]:
    """All agencies by id, their keys checked against what this node has seen before.

    Raises:
        IntegrityError: The hub hands out other keys for an agency than before, or a wrong fingerprint.
    """
    listed = client.call("GET", "/v1/agencies")["agencies"]
    agencies = {entry["agency"]: _parse_agency(entry) for entry in listed}
    for agency in agencies.values():
        _require_known_keys(agency, store)
    store.put_setting(AGENCIES_SETTING, " ".join(sorted(agencies)))
    return agencies


def agency_ids(node: Node, wanted: Collection[str]) -> frozenset[str] | None:
    """The ids of the network's agencies as last seen; None where the hub was never reached.

    The hub is asked only where an id is wanted that this node has not seen.
    """
    seen = node.store.setting(AGENCIES_SETTING)
    if not set(wanted) <= set((seen or "").split()):
        try:
            seen = " ".join(fetch_agencies(node.client(), node.store))
        except (HubUnreachableError, HubRefusedError, NotInitialisedError):
            pass  # What was seen last has to do.
    return None if seen is None else frozenset(seen.split())


def require_agency(agencies: Mapping[str, Agency], agency: str) -> tuple[Agency, PublicIdentity]:
    """One enrolled agency and its keys.

    Raises:
        IntegrityError: The hub lists no such agency, or it has no keys yet.
    """
    found = agencies.get(agency)
    if found is None:
        raise IntegrityError("the hub lists no such agency")
    if found.identity is None:
        raise IntegrityError(f"agency {found.agency} has not enrolled: it has no keys yet")
    return found, found.identity


def fetch_agreements(client: HubClient, agencies: Mapping[str, Agency]) -> list[Agreement]:
    """The agreements this agency is a party of; a signature that does not verify is an error.

    Raises:
        IntegrityError: The hub relays a wrong digest or a signature that its signer did not make.
    """
    return [_check_agreement(entry, agencies) for entry in client.call("GET", "/v1/agreements")["agreements"]]


def propose_agreement(client: HubClient, document: Mapping[str, Any]) -> str:
    """Put an agreement before its parties; returns its digest.

    Raises:
        RecordFormatError: It has expired already, so that it could never hold.
    """
    if client.clock() >= parse_time(document["expires"]):
        raise RecordFormatError("agreement", "lies in the past: it would never hold", field="expires")
    client.call("POST", "/v1/agreements", document)
    return document_digest(document)


def sign_agreement(client: HubClient, agreement: Agreement) -> None:
    """Sign an agreement as this agency.

    Raises:
        PolicyError: It has expired.
    """
    if agreement.state(at=client.clock()) == "expired":
        raise PolicyError(
            f"agreement {agreement.agreement} expired on {agreement.document['expires'][:10]}: nothing was "
            "signed. Propose another one, under another id"
        )
    signature = client.identity.sign_document(agreement.document)
    body = {"digest": agreement.digest, "signature": signature}
    client.call("PUT", f"/v1/agreements/{agreement.agreement}/signatures", body)


def live_partners(agreements: Sequence[Agreement], own: str, *, at: datetime) -> dict[str, list[Agreement]]:
    """The agencies with which this one has a live agreement, and which agreements those are."""
    partners: dict[str, list[Agreement]] = {}
    for agreement in agreements:
        for party in agreement.parties:
            if party != own and agreement.is_live_between(own, party, at=at):
                partners.setdefault(party, []).append(agreement)
    return partners


@contextmanager
def saying_why_no_agreement(node: Node) -> Iterator[None]:
    """Where the hub refuses for want of a live agreement, say what is wrong with those this agency has.

    Raises:
        HubRefusedError: As the hub refused, with the reason as far as this agency may know it.
    """
    try:
        yield
    except HubRefusedError as error:
        if error.code != "no_agreement":
            raise
        client = node.client()
        agreements = fetch_agreements(client, fetch_agencies(client, node.store))
        why = _why_none_is_live(agreements, node.settings.agency, at=node.clock())
        raise HubRefusedError(error.code, status=error.status, detail=why or error.detail) from None


def _why_none_is_live(agreements: Sequence[Agreement], own: str, *, at: datetime) -> str:
    reasons = []
    for one in agreements:
        state, day = (
            one.state(at=at),
            {name: str(one.document[name])[:10] for name in ("not_before", "expires")},
        )
        missing = [party for party in one.parties if party not in one.signed_by]
        if state == "expired":
            reasons.append(f"{one.agreement} expired on {day['expires']}: propose another one")
        elif state == "waiting for signatures" or own in missing:
            reasons.append(f"{one.agreement} waits for the signature of {', '.join(missing)}")
        elif state == "not yet":
            reasons.append(f"{one.agreement} holds from {day['not_before']} on")
    if not agreements:
        return "this agency is a party of no agreement: see 'knownto agreement propose'"
    return "; ".join(reasons)


def _parse_agency(entry: Mapping[str, Any]) -> Agency:
    identity = None
    if entry.get("public_key"):
        identity = PublicIdentity.from_base64(entry["public_key"], entry.get("exchange_key") or "")
        if not fingerprints_equal(identity.fingerprint, entry["fingerprint"]):
            raise IntegrityError(f"agency {entry['agency']}: the hub's fingerprint does not fit its keys")
    return Agency(
        agency=entry["agency"],
        name=entry["name"],
        service=entry["service"],
        area=entry.get("area"),
        custodian=bool(entry["custodian"]),
        state=entry["state"],
        identity=identity,
        as_of=parse_time(entry["as_of"]) if entry.get("as_of") else None,
    )


def _require_known_keys(agency: Agency, store: Store) -> None:
    # A key counts as seen once the hub's operator has confirmed it; before that it may still change.
    if agency.identity is None or agency.state != "confirmed":
        return
    known = store.setting(f"fingerprint:{agency.agency}")
    if known is None:
        store.put_setting(f"fingerprint:{agency.agency}", agency.fingerprint)
    elif not fingerprints_equal(known, agency.fingerprint):
        raise IntegrityError(f"agency {agency.agency}: the hub hands out other keys than it did before")


def _check_agreement(entry: Mapping[str, Any], agencies: Mapping[str, Agency]) -> Agreement:
    signatures: Mapping[str, str] = entry["signatures"]
    document = {key: value for key, value in entry.items() if key not in ("digest", "signatures")}
    try:
        digest = document_digest(document)
        if digest != entry["digest"]:
            raise IntegrityError(f"agreement {document['agreement']}: the hub's digest does not fit it")
        for signer, signature in signatures.items():
            _, identity = require_agency(agencies, signer)
            identity.verify_document(document, signature)
    except (KeyFormatError, SignatureInvalidError):
        raise IntegrityError(
            f"agreement {entry.get('agreement')}: a signature on it does not verify"
        ) from None
    return Agreement(document, digest, tuple(sorted(signatures)))


def format_document(document: Mapping[str, Any]) -> str:
    """A document as people read it before they sign it."""
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True)
