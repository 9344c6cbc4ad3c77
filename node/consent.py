"""Consent of the people of this caseload: versions that count up, withdrawal that takes effect at once.

Every change is kept here first and sent straight away. If the hub cannot be reached it waits, in order, and
goes out before anything else this node does; until then this node says that the hub does not know it yet.
Refusal and withdrawal block nothing but being shown to others: the row stays in the caseload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from node.caseload import reference_of, require_handle
from node.client import HubClient
from node.errors import HubRefusedError, HubUnreachableError, PolicyError, RecordFormatError
from node.home import Node
from node.pushing import forget_shared, remove_due
from node.store import Store
from node.times import format_time, parse_time

PURPOSES = (
    "case_conference",
    "single_lookup",
    "referral_deduplication",
    "cohort_identification",
    "statistics",
    "safeguarding_panel",
)
METHODS = ("written", "verbal", "electronic")
EVERYONE = "*"


@dataclass(frozen=True, slots=True)
class ConsentTerms:
    """What a person consented to.

    Attributes:
        recipients: Agencies that may be told; `*` for every agency of the agreements.
        purposes: For which purposes.
        captured_at: When the consent was given.
        valid_from: From when it holds.
        valid_until: Until when, exclusive; None without an end.
        method: written, verbal or electronic.
        notice_version: The version of the privacy notice the person was given.
    """

    recipients: tuple[str, ...]
    purposes: tuple[str, ...]
    captured_at: datetime
    valid_from: datetime
    valid_until: datetime | None
    method: str
    notice_version: str

    def __post_init__(self) -> None:
        if not self.recipients:
            raise RecordFormatError("consent", "names nobody who may be told", field="recipients")
        if not self.purposes or not set(self.purposes) <= set(PURPOSES):
            raise RecordFormatError("consent", f"must be among {', '.join(PURPOSES)}", field="purposes")
        if self.method not in METHODS:
            raise RecordFormatError("consent", f"must be one of {', '.join(METHODS)}", field="method")
        if not self.notice_version:
            raise RecordFormatError("consent", "is missing", field="notice_version")
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise RecordFormatError("consent", "ends before it begins", field="valid_until")


@dataclass(frozen=True, slots=True, repr=False)
class KeptConsent:
    """The newest version of one person's consent.

    Attributes:
        local_id: The agency's own reference.
        document: The `consent/1` document.
        sent: Whether the hub has it.
    """

    local_id: str
    document: Mapping[str, Any]
    sent: bool

    def state(self, at: datetime) -> str:
        """In one word: given, not yet, ended, withdrawn or objected."""
        now = format_time(at)
        if self.document["withdrawn_at"] is not None:
            return "withdrawn"
        if self.document["objected_at"] is not None:
            return "objected"
        if now < self.document["valid_from"]:
            return "not yet"
        ended = self.document["valid_until"] is not None and now >= self.document["valid_until"]
        return "ended" if ended else "given"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of a list: how many new versions, and which entries (from 0) were left out as outdated."""

    changed: int
    outdated: tuple[int, ...]


def record_consent(node: Node, local_id: str, terms: ConsentTerms) -> None:
    """Keep a person's consent here, as a new version; `send_consents` sends it.

    Raises:
        RecordFormatError: The caseload has no such reference.
        PolicyError: The consent was given before the person withdrew or objected.
    """
    handle = require_handle(node.store, local_id)
    if is_outdated(terms, _newest(node.store, handle)):
        raise PolicyError(
            "the person has withdrawn or objected since this consent was given; only a later one counts: "
            "give the day it was given with --captured-at"
        )
    _append(node.store, handle, _document(terms))


def record_consents(node: Node, entries: Sequence[tuple[str, ConsentTerms]]) -> Recorded:
    """Keep many people's consents, all or none; an unchanged one makes no new version.

    A consent given before the person withdrew or objected is left out: an old list recorded again must not
    bring back what was taken back.
    """
    handles = [require_handle(node.store, local_id) for local_id, _ in entries]
    changed, outdated = 0, []
    with node.store.transaction():
        for number, (handle, (_, terms)) in enumerate(zip(handles, entries, strict=True)):
            document = _document(terms)
            newest = _newest(node.store, handle)
            if is_outdated(terms, newest):
                outdated.append(number)
            elif newest is None or {**newest, "version": 0} != {**document, "version": 0}:
                _insert(node.store, handle, document, newest)
                changed += 1
    return Recorded(changed, tuple(outdated))


def is_outdated(terms: ConsentTerms, newest: Mapping[str, Any] | None) -> bool:
    """Whether the person withdrew or objected at or after the time this consent was given."""
    ends = [newest[field] for field in ("withdrawn_at", "objected_at") if newest and newest[field]]
    return any(terms.captured_at <= parse_time(end) for end in ends)


def withdraw_consent(node: Node, local_id: str) -> None:
    """Keep that a person withdrew; nothing is shown of them from the next look-up on."""
    _end(node, local_id, "withdrawn_at")


def record_objection(node: Node, local_id: str) -> None:
    """Keep that a person objected to being looked up, whatever the lawful basis."""
    _end(node, local_id, "objected_at")


def list_consents(store: Store) -> list[KeptConsent]:
    """The newest consent of everybody who has one, by local reference."""
    rows = store.connection.execute(
        "SELECT handle, max(version) AS version, content, sent FROM consent GROUP BY handle"
    ).fetchall()
    kept = []
    for row in rows:
        document = store.vault.open(row["content"], table="consent", handle=row["handle"])
        kept.append(KeptConsent(reference_of(store, row["handle"]) or "", document, bool(row["sent"])))
    return sorted(kept, key=lambda consent: consent.local_id)


def find_consent(store: Store, local_id: str) -> Mapping[str, Any] | None:
    """The newest consent of one person of the caseload, or None.

    Raises:
        RecordFormatError: The caseload has no such reference.
    """
    return _newest(store, require_handle(store, local_id))


def count_waiting(store: Store) -> int:
    """How many consent versions the hub does not have yet."""
    row = store.connection.execute("SELECT count(*) FROM consent WHERE NOT sent").fetchone()
    return int(row[0])


def send_consents(node: Node) -> int:
    """Send what the hub does not have yet, oldest first; returns how many went.

    Raises:
        HubUnreachableError: The hub gave no answer; what has not gone waits.
        HubRefusedError: The hub refused one; it and those after it wait.
    """
    store = node.store
    rows = store.connection.execute(
        "SELECT handle, version, content FROM consent WHERE NOT sent ORDER BY rowid"
    ).fetchall()
    if not rows:
        return 0
    client = node.client()
    for row in rows:
        document = store.vault.open(row["content"], table="consent", handle=row["handle"])
        _send(node, client, row["handle"], document)
        store.connection.execute(
            "UPDATE consent SET sent = 1 WHERE handle = ? AND version = ?", (row["handle"], row["version"])
        )
    return len(rows)


def _send(node: Node, client: HubClient, handle: str, document: Mapping[str, Any]) -> None:
    """Send one version. One that takes permission away must hold even where the hub refuses it.

    Without a live agreement the hub takes no consent and answers nothing; but an agreement that others bring
    to life later would find the old consent in force. So the caseload comes off until this node pushes again,
    which sends what is waiting first.
    """
    try:
        client.call("PUT", f"/v1/consents/{handle}", document)
    except HubRefusedError as error:
        ends = document["withdrawn_at"] is not None or document["objected_at"] is not None
        if error.code == "no_agreement" and ends:
            forget_shared(node)
        raise


def send_or_say_so(node: Node) -> None:
    """Send what is waiting, and if that fails say what still holds.

    Raises:
        HubUnreachableError: Kept here, in force at this node, and sent first with the next command.
        HubRefusedError: Kept here; the hub refused to take it.
    """
    try:
        # Sealed people first: what may hurt most is never behind anything else.
        remove_due(node)
        send_consents(node)
    except HubUnreachableError:
        raise HubUnreachableError(
            "kept at this node and waiting: the hub cannot be reached, so it does not know yet. "
            "It is sent first with the next command that reaches the hub, or by 'knownto consent send'"
        ) from None
    except HubRefusedError as error:
        raise HubRefusedError(
            error.code, status=error.status, detail=f"kept at this node and waiting; {error.detail}"
        ) from None


def _document(terms: ConsentTerms) -> dict[str, Any]:
    return {
        "format": "consent/1",
        "version": 0,
        "recipients": sorted(set(terms.recipients)),
        "purposes": sorted(set(terms.purposes)),
        "captured_at": format_time(terms.captured_at),
        "valid_from": format_time(terms.valid_from),
        "valid_until": None if terms.valid_until is None else format_time(terms.valid_until),
        "method": terms.method,
        "notice_version": terms.notice_version,
        "withdrawn_at": None,
        "objected_at": None,
    }


def _end(node: Node, local_id: str, field: str) -> None:
    handle = require_handle(node.store, local_id)
    now = format_time(node.clock())
    newest = _newest(node.store, handle)
    if newest is not None and newest[field] is not None:
        return
    # Whoever was never asked can still say no: the refusal needs no consent before it.
    base = newest or {
        "format": "consent/1",
        "recipients": [],
        "purposes": [],
        "captured_at": now,
        "valid_from": now,
        "valid_until": None,
        "method": "verbal",
        "notice_version": "none",
        "withdrawn_at": None,
        "objected_at": None,
    }
    _append(node.store, handle, {**base, field: now})


def _append(store: Store, handle: str, document: Mapping[str, Any]) -> None:
    with store.transaction():
        _insert(store, handle, document, _newest(store, handle))


def _insert(store: Store, handle: str, document: Mapping[str, Any], newest: Mapping[str, Any] | None) -> None:
    version = 1 if newest is None else int(newest["version"]) + 1
    content = store.vault.seal({**document, "version": version}, table="consent", handle=handle)
    store.connection.execute(
        "INSERT INTO consent (handle, version, content) VALUES (?, ?, ?)", (handle, version, content)
    )


def _newest(store: Store, handle: str) -> dict[str, Any] | None:
    row = store.connection.execute(
        "SELECT content FROM consent WHERE handle = ? ORDER BY version DESC LIMIT 1", (handle,)
    ).fetchone()
    return None if row is None else store.vault.open(row["content"], table="consent", handle=handle)
