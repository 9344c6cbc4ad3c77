"""The log's checkpoints as this node has seen them, each proved to lead to a later one.

Every checkpoint that comes with an answer is kept under its size; one size has one root, or the log has been
forked. A checkpoint that is not yet proved to be the beginning of one this node cosigned is linked to it at
the next exchange, so that a log which shows one history here and another to its witnesses is found out. The
notes are the hub's public statements: nothing in them is about a person, so they are not sealed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keys.checkpoints import Checkpoint, NoteKey, open_checkpoint
from keys.errors import KeyFormatError, ProofInvalidError, SignatureInvalidError
from keys.formats import encode_base64
from keys.merkle import verify_consistency
from node.client import HubClient
from node.errors import HubRefusedError, IntegrityError
from node.leaves import Proof, read_proof
from node.store import Store
from node.times import format_time
from node.witness import WitnessState

FORKED = "the hub has signed two different logs of one length: its history was forked or rewritten"
SHORTER = (
    "the hub's log is shorter than this node has witnessed: it was put back or cut; "
    "tell information governance"
)
NOT_LINKED = "the log shown to this node is not the one it witnessed: its history was forked or rewritten"


NOT_YET_LINKED = "not yet proved to lead to what was witnessed: verify without --offline"


@dataclass(frozen=True, slots=True)
class KeptCheckpoint:
    """One checkpoint the hub signed.

    Attributes:
        checkpoint: What it says.
        note: The signed note.
        cosigned: Whether this node cosigned it.
        next_size: The later checkpoint it is proved to be the beginning of, or None.
        proof: The proof of that.
    """

    checkpoint: Checkpoint
    note: str
    cosigned: bool
    next_size: int | None
    proof: Proof


def open_note(note: object, *, key: NoteKey) -> Checkpoint:
    """Read a checkpoint that the pinned hub must have signed.

    Raises:
        IntegrityError: It did not, or the checkpoint is of another log.
    """
    try:
        if not isinstance(note, str):
            raise KeyFormatError("checkpoint: not a note")
        return open_checkpoint(note, key=key)
    except (KeyFormatError, SignatureInvalidError):
        raise IntegrityError("the log's checkpoint is not signed by the hub this node has pinned") from None


def keep_checkpoint(store: Store, checkpoint: Checkpoint, note: str, *, key: NoteKey, at: datetime) -> None:
    """Keep a checkpoint that was opened; one that is there already changes nothing.

    Not to be called in a transaction, which would take the evidence back.

    Raises:
        IntegrityError: The hub signed another root for this size. Both notes are kept as evidence.
    """
    other = contradicting_note(store, checkpoint, key=key)
    if other is not None:
        keep_evidence(store, (other, note), at=at)
        raise IntegrityError(FORKED)
    store.connection.execute(
        "INSERT OR IGNORE INTO log_checkpoint (size, note) VALUES (?, ?)", (checkpoint.size, note)
    )


def contradicting_note(store: Store, checkpoint: Checkpoint, *, key: NoteKey) -> str | None:
    """A kept note by which the hub signed another root for this size, if there is one."""
    for kept in _read(store, "WHERE size = ?", (checkpoint.size,), key=key):
        if kept.checkpoint.root != checkpoint.root:
            return kept.note
    return None


def keep_cosigned(
    store: Store, checkpoint: Checkpoint, note: str, *, old: int, proof: Sequence[bytes]
) -> None:
    """Write down that a checkpoint is being cosigned, and that the one before leads to it."""
    store.connection.execute(
        "INSERT INTO log_checkpoint (size, note, cosigned) VALUES (?, ?, 1) "
        "ON CONFLICT (size) DO UPDATE SET cosigned = 1",
        (checkpoint.size, note),
    )
    if old < checkpoint.size:
        _link(store, old, checkpoint.size, proof)


def newest_cosigned(store: Store, *, key: NoteKey) -> WitnessState:
    """What this node is a witness of: the largest checkpoint it cosigned.

    Raises:
        IntegrityError: The note kept of it is not the hub's: the node's own store was changed.
    """
    for kept in _read(store, "WHERE cosigned = 1 ORDER BY size DESC LIMIT 1", key=key):
        return WitnessState(kept.checkpoint.size, kept.checkpoint.root)
    return WitnessState()


def kept_checkpoints(store: Store, *, key: NoteKey) -> list[KeptCheckpoint]:
    """All of them, by size.

    Raises:
        IntegrityError: A note is not the hub's.
    """
    return list(_read(store, "ORDER BY size", key=key))


def link_checkpoints(store: Store, client: HubClient, *, key: NoteKey) -> None:
    """Have the hub prove that every checkpoint it showed this node is of the log this node witnesses.

    Raises:
        IntegrityError: It cannot.
    """
    newest = newest_cosigned(store, key=key)
    for kept in _read(store, "WHERE next_size IS NULL AND size != ?", (newest.size,), key=key):
        size, root = kept.checkpoint.size, kept.checkpoint.root
        first, last = sorted(((size, root), (newest.size, newest.root)))
        path = f"/v1/log/consistency?from={first[0]}&to={last[0]}"
        proof = read_proof(_fetch_consistency(client, path).get("proof"), what="consistency")
        if not leads_to(first, last, proof):
            raise IntegrityError(NOT_LINKED)
        if size < newest.size:
            _link(store, size, newest.size, proof)


def _fetch_consistency(client: HubClient, path: str) -> dict[str, Any]:
    try:
        return client.call("GET", path)
    except HubRefusedError as error:
        # It signed a checkpoint of this size, and says now that its log has had no such size.
        if error.code == "malformed":
            raise IntegrityError(SHORTER) from error
        raise


def leads_to(first: tuple[int, bytes], last: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether a proof shows one tree (size, root) to be the beginning of another."""
    try:
        verify_consistency(old=first[0], size=last[0], old_root=first[1], root=last[1], proof=proof)
    except ProofInvalidError:
        return False
    return True


def keep_evidence(store: Store, statements: Sequence[str], *, at: datetime) -> None:
    """Keep what the hub signed and must not have: it convinces whoever has the hub's key. Once each."""
    store.connection.execute(
        "INSERT OR IGNORE INTO log_evidence (statements, found_at) VALUES (?, ?)",
        (json.dumps(list(statements), ensure_ascii=False), format_time(at)),
    )


def count_evidence(store: Store) -> int:
    """How many contradictions of the hub are kept."""
    return int(store.connection.execute("SELECT COUNT(*) FROM log_evidence").fetchone()[0])


def _link(store: Store, size: int, next_size: int, proof: Sequence[bytes]) -> None:
    store.connection.execute(
        "UPDATE log_checkpoint SET next_size = ?, proof = ? WHERE size = ? AND next_size IS NULL",
        (next_size, json.dumps([encode_base64(one) for one in proof]), size),
    )


def _read(
    store: Store, clause: str, parameters: Sequence[int] = (), *, key: NoteKey
) -> Iterator[KeptCheckpoint]:
    rows = store.connection.execute(f"SELECT * FROM log_checkpoint {clause}", parameters).fetchall()
    for row in rows:
        proof = read_proof(json.loads(row["proof"] or "[]"), what="consistency")
        checkpoint = open_note(row["note"], key=key)
        if checkpoint.size != row["size"]:
            raise IntegrityError("a checkpoint this node keeps stands under another size")
        yield KeptCheckpoint(checkpoint, row["note"], bool(row["cosigned"]), row["next_size"], proof)
