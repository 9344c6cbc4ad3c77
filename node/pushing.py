"""Sharing the caseload: tokens of added and changed people out, removed people off, then a count.

Only differences travel. Before a batch leaves, its handles are marked as possibly held by the hub; when it
is answered, as held. So a push that breaks anywhere is repeated by simply pushing again, and ends in the
same state. When the hub's count or digest differs all the same, everything is sent again, once.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from keys.cards import PLAIN_BYTES, seal_card
from keys.documents import canonical_bytes
from keys.formats import encode_base64
from node.caseload import KeptRecord, shareable_records
from node.client import HubClient
from node.encoding import EncodedToken, encode_records
from node.errors import HubRefusedError
from node.home import EpochKey, Node
from node.identifiers import Record
from node.membership import saying_why_no_agreement
from node.months import months_of
from node.slots import LinkageKeyProvider
from node.store import Store
from node.times import parse_time

BATCH_RECORDS = 500  # docs/protocol.md section 7
MOST_TOKENS = 8  # docs/protocol.md section 7
# Refusals under which no batch goes through, but taking the whole caseload off still does.
NO_BATCH_TAKEN = frozenset({"no_agreement", "epoch_mismatch", "schema_mismatch"})
Advance = Callable[[int], None]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, repr=False)
class PushPlan:
    """What a push has to do.

    Attributes:
        send: People to send, added or changed since the hub confirmed them.
        remove: Handles the hub may hold and must not.
        added: How many of `send` the hub has never confirmed.
        unchanged: People the hub holds as they are.
    """

    send: tuple[tuple[KeptRecord, bytes], ...]
    remove: tuple[str, ...]
    added: int
    unchanged: int

    @property
    def changed(self) -> int:
        """How many of `send` the hub holds in an older form."""
        return len(self.send) - self.added


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What a push did.

    Attributes:
        as_of: When the hub took the caseload as complete.
        records: People the hub now holds of this agency.
        sent: People sent.
        removed: People removed.
        not_comparable: People of whom nothing can be compared, so nothing was sent.
        resent_all: Whether everything had to be sent again.
    """

    as_of: datetime
    records: int
    sent: int
    removed: int
    not_comparable: int
    resent_all: bool


def plan_push(node: Node) -> PushPlan:
    """Compare the caseload with what the hub has confirmed; nothing is sent."""
    epoch = node.epoch_key()
    today = node.clock().date()
    shared = _shared(node)
    send, added, wanted = [], 0, set()
    for kept in shareable_records(node.store):
        wanted.add(kept.handle)
        tag = _wire_tag(node, epoch, kept, today=today)
        held = shared.get(kept.handle)
        if held is not None and held["confirmed"] and held["content_tag"] == tag:
            continue
        send.append((kept, tag))
        added += held is None or not held["confirmed"]
    remove = tuple(sorted(handle for handle in shared if handle not in wanted))
    return PushPlan(tuple(send), remove, added, len(wanted) - len(send))


def push_caseload(node: Node, *, advance: Advance = lambda count: None) -> PushOutcome:
    """Bring the hub to the caseload's state.

    Raises:
        HubUnreachableError: The connection broke; push again, what was confirmed stays.
        HubRefusedError: The hub refused, or its count differs even after sending everything again.
    """
    try:
        with saying_why_no_agreement(node):
            return _push_once(node, advance, resent_all=False)
    except HubRefusedError as error:
        if error.code != "conflict":
            raise
    forget_shared(node)
    return _push_once(node, advance, resent_all=True)


def forget_shared(node: Node) -> None:
    """Take everything of this agency off the hub."""
    node.client().call("DELETE", "/v1/caseload")
    with node.store.transaction() as connection:
        connection.execute("DELETE FROM shared")
        connection.execute("UPDATE person SET removal_due = 0")


def remove_due(node: Node) -> int:
    """Take the sealed people off the hub that it may still hold; returns how many.

    Where the hub takes no batch any more (the agreements have ended, a new epoch has begun), the whole
    caseload comes off: nothing of it can be answered then, and the next push sends it again.
    """
    due = [
        row["handle"] for row in node.store.connection.execute("SELECT handle FROM person WHERE removal_due")
    ]
    if due:
        sender = _Sender(node, node.epoch_key(), node.client())
        try:
            for handles in batches(due, BATCH_RECORDS):
                sender.remove(handles)
        except HubRefusedError as error:
            if error.code not in NO_BATCH_TAKEN:
                raise
            forget_shared(node)
    return len(due)


def remove_sealed(node: Node) -> None:
    """Take everybody sealed off a hub that may hold them again."""
    node.store.connection.execute("UPDATE person SET removal_due = 1 WHERE sealed")
    remove_due(node)


def shared_digest(store: Store) -> tuple[int, str]:
    """Count and digest of what the hub has confirmed to hold (docs/protocol.md section 7)."""
    rows = store.connection.execute(
        "SELECT handle, record_digest FROM shared WHERE confirmed ORDER BY handle"
    ).fetchall()
    parts = (bytes.fromhex(row["handle"]) + row["record_digest"] for row in rows)
    return len(rows), hashlib.sha256(b"".join(parts)).hexdigest()


def _push_once(node: Node, advance: Advance, *, resent_all: bool) -> PushOutcome:
    plan = plan_push(node)
    sender = _Sender(node, node.epoch_key(), node.client())
    # People who must not be there come off before anybody new goes on.
    for handles in batches(plan.remove, BATCH_RECORDS):
        sender.remove(handles)
        advance(len(handles))
    not_comparable = 0
    for part in batches(plan.send, BATCH_RECORDS):
        not_comparable += sender.send(part)
        advance(len(part))
    answer = sender.complete()
    sent = len(plan.send) - not_comparable
    return PushOutcome(
        as_of=parse_time(answer["as_of"]),
        records=int(answer["records"]),
        sent=sent,
        removed=len(plan.remove),
        not_comparable=not_comparable,
        resent_all=resent_all,
    )


class _Sender:
    """One push: numbers its batches and keeps the store in step with what was answered."""

    def __init__(self, node: Node, epoch: EpochKey, client: HubClient) -> None:
        self._node, self._epoch, self._client = node, epoch, client
        self._provider = LinkageKeyProvider(epoch.linkage_key, epoch.schema.digest)
        self._push, self._next = secrets.token_hex(16), 0

    def remove(self, handles: Sequence[str]) -> None:
        """Take people off the hub."""
        self._batch([], list(handles))
        with self._node.store.transaction() as connection:
            _forget(connection, handles)

    def send(self, part: Sequence[tuple[KeptRecord, bytes]]) -> int:
        """Send people; those of whom nothing can be compared are taken off instead. Returns how many.

        Whoever is sealed while their batch is on its way comes off again before this returns.
        """
        sealed = self._sealed()
        part = [(kept, tag) for kept, tag in part if kept.handle not in sealed]
        encoded = encode_records(self._epoch.schema, self._provider, [kept.record for kept, _ in part])
        records, marks, empty = [], [], []
        for (kept, tag), tokens in zip(part, encoded, strict=True):
            if not tokens:
                empty.append(kept.handle)
                continue
            record = self._record(kept, tokens)
            records.append(record)
            digest = hashlib.sha256(canonical_bytes(record)).digest()
            marks.append((kept.handle, self._epoch.epoch, tag, digest))
        held = self._held(empty)
        self._mark(marks, confirmed=False)
        try:
            if records or held:
                self._batch(records, held)
            self._mark(marks, confirmed=True)
            with self._node.store.transaction() as connection:
                _forget(connection, held)
        finally:
            late = self._due_again([handle for handle, *_ in marks])
        if late:
            self.remove(late)
        return len(empty)

    def complete(self) -> dict[str, Any]:
        """Have the hub compare count and digest with what it holds."""
        records, digest = shared_digest(self._node.store)
        body = {"format": "complete/1", "records": records, "digest": digest, **self._bound()}
        return self._client.call("POST", f"/v1/pushes/{self._push}/complete", body)

    def _bound(self) -> dict[str, str]:
        return {"epoch": self._epoch.epoch, "schema_digest": self._epoch.schema.digest}

    def _batch(self, records: list[dict[str, Any]], removed: list[str]) -> None:
        body = {"format": "batch/1", "records": records, "removed": removed, **self._bound()}
        self._client.call("POST", f"/v1/pushes/{self._push}/batches/{self._next}", body)
        self._next += 1

    def _record(self, kept: KeptRecord, tokens: Sequence[EncodedToken]) -> dict[str, Any]:
        settings = self._node.settings
        plain = card_text(kept.record, team=settings.team, today=self._node.clock().date())
        card = seal_card(self._epoch.linkage_key, plain, epoch=self._epoch.epoch, agency=settings.agency)
        months = _shared_months(self._node, kept.record, today=self._node.clock().date())
        return {
            "handle": kept.handle,
            "tokens": [format_token(token) for token in tokens[:MOST_TOKENS]],
            "area": kept.record.area or settings.area,
            "card": encode_base64(card),
            **({} if months is None else {"months": months}),
        }

    def _sealed(self) -> set[str]:
        """Everybody who is sealed now: they may have been since the push was planned."""
        rows = self._node.store.connection.execute("SELECT handle FROM person WHERE sealed")
        return {row["handle"] for row in rows}

    def _due_again(self, handles: Sequence[str]) -> list[str]:
        """Those sealed since their batch was made: due to come off once more, also where this push breaks.

        The removal that came with the seal may have reached the hub before the batch did.
        """
        late = sorted(self._sealed() & set(handles))
        with self._node.store.transaction() as connection:
            rows = [(handle,) for handle in late]
            connection.executemany("UPDATE person SET removal_due = 1 WHERE handle = ?", rows)
        return late

    def _held(self, handles: Sequence[str]) -> list[str]:
        """Those of the handles that the hub may hold."""
        shared = _shared(self._node) if handles else {}
        return [handle for handle in handles if handle in shared]

    def _mark(self, marks: Sequence[tuple[str, str, bytes, bytes]], *, confirmed: bool) -> None:
        with self._node.store.transaction() as connection:
            connection.executemany(
                "INSERT INTO shared (handle, epoch, content_tag, record_digest, confirmed) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (handle) DO UPDATE SET "
                "epoch = excluded.epoch, content_tag = excluded.content_tag, "
                "record_digest = excluded.record_digest, confirmed = excluded.confirmed",
                [(*mark, confirmed) for mark in marks],
            )


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut a sequence into parts of at most `size` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def format_token(token: EncodedToken) -> dict[str, str]:
    """A token as it travels."""
    return {"slots": encode_base64(token.slots), "names": encode_base64(token.names)}


def card_text(record: Record, *, team: str, today: date) -> bytes:
    """The answer card's text: whether the case is open, the month of the last contact, the team to ring.

    The team is cut to what fits the card. Without a day of last contact the day of closing stands for it.
    """
    closed = record.closed if record.closed is not None and record.closed <= today else None
    is_open = False if closed else (True if record.opened or record.closed else None)
    last_contact = record.last_contact or closed
    text = record.team or team
    while True:
        card = {
            "open": is_open,
            "last_contact": last_contact.strftime("%Y-%m") if last_contact else None,
            "team": text,
        }
        plain = json.dumps(card, ensure_ascii=False, separators=(",", ":")).encode()
        if len(plain) <= PLAIN_BYTES:
            return plain
        text = text[:-1]


def _wire_tag(node: Node, epoch: EpochKey, kept: KeptRecord, *, today: date) -> bytes:
    """A keyed hash of all that goes into a record on the wire: it differs when the record must be sent."""
    card = card_text(kept.record, team=node.settings.team, today=today).decode()
    parts = [epoch.epoch, epoch.schema.digest, kept.content_tag.hex(), node.settings.area or "", card]
    months = _shared_months(node, kept.record, today=today)
    if months is not None:
        parts.append(json.dumps(months, sort_keys=True))
    return node.store.vault.tag("shared", "\n".join(parts))


def _shared_months(node: Node, record: Record, *, today: date) -> dict[str, str | None] | None:
    return months_of(record, today=today) if node.settings.share_months else None


def _shared(node: Node) -> dict[str, sqlite3.Row]:
    return {row["handle"]: row for row in node.store.connection.execute("SELECT * FROM shared")}


def _forget(connection: sqlite3.Connection, handles: Sequence[str]) -> None:
    rows = [(handle,) for handle in handles]
    connection.executemany("DELETE FROM shared WHERE handle = ?", rows)
    connection.executemany("UPDATE person SET removal_due = 0 WHERE handle = ?", rows)
