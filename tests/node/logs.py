"""Logs for tests: one in memory that signs whatever it is told, and ways to spoil a real hub's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from hub.log_models import LogCosignature, LogEntry, LogEvent, LogHead, LogNode, LogPart, LogSubject
from hub.models import LookupRequest
from keys.checkpoints import Checkpoint, NoteKey, log_key, sign_checkpoint
from keys.formats import encode_base64
from keys.identity import NodeIdentity
from keys.merkle import append_leaf, consistency_proof, inclusion_proof, leaf_hash, node_hash, tree_root

NETWORK = "county"


@dataclass
class MemoryLog:
    """A list of leaves and the key that signs it."""

    leaves: list[bytes] = field(default_factory=list)
    identity: NodeIdentity = field(default_factory=NodeIdentity.generate)
    network: str = NETWORK

    @property
    def key(self) -> NoteKey:
        """By which its checkpoints are verified."""
        return log_key(self.network, self.identity.public)

    def hash_of(self, level: int, position: int) -> bytes:
        """The hash of a complete subtree, worked out anew."""
        if level == 0:
            return leaf_hash(self.leaves[position])
        return node_hash(self.hash_of(level - 1, 2 * position), self.hash_of(level - 1, 2 * position + 1))

    def root(self, size: int) -> bytes:
        """The root over the first leaves."""
        return tree_root(size, self.hash_of)

    def note(self, size: int, *, root: bytes | None = None) -> str:
        """The signed checkpoint of a size."""
        checkpoint = Checkpoint(self.key.name, size, self.root(size) if root is None else root)
        return sign_checkpoint(checkpoint, identity=self.identity)

    def proof(self, old: int, size: int) -> list[bytes]:
        """The consistency proof between two sizes."""
        return consistency_proof(old, size, self.hash_of)

    def inclusion(self, position: int, size: int) -> list[bytes]:
        """The inclusion proof of a leaf."""
        return inclusion_proof(position, size, self.hash_of)

    def request(
        self,
        old: int | str,
        size: int,
        *,
        proof: Sequence[bytes] | None = None,
        note: str | None = None,
    ) -> str:
        """An `add-checkpoint` request."""
        if proof is None:
            proof = self.proof(old, size) if isinstance(old, int) and old <= size else []
        lines = [f"old {old}", *(encode_base64(one) for one in proof), "", note or self.note(size)]
        return "\n".join(lines)


def log_of(size: int, *, identity: NodeIdentity | None = None, label: str = "leaf") -> MemoryLog:
    """A log of made-up leaves."""
    log = MemoryLog([f"{label} {n}".encode() for n in range(size)])
    if identity is not None:
        log.identity = identity
    return log


def rewrite_tree(session: Session) -> None:
    """Rehash a hub's stored log as a whole, as an insider would who wants it to look in order."""
    leaves = list(session.scalars(select(LogEntry.leaf).order_by(LogEntry.index)))
    session.execute(delete(LogNode))
    frontier: list[bytes] = []
    for size, leaf in enumerate(leaves):
        nodes, frontier, _ = append_leaf(size, frontier, leaf_hash(leaf))
        rows = [{"level": level, "position": position, "hash": hashed} for level, position, hashed in nodes]
        session.execute(insert(LogNode), rows)
    session.execute(update(LogHead).values(size=len(leaves), frontier=b"".join(frontier)))


def cut_log(session: Session, size: int) -> None:
    """Take the newest entries off a hub's log, as restoring an old backup would."""
    session.execute(delete(LookupRequest))
    for table in (LogEvent, LogPart, LogSubject, LogEntry):
        index = table.log_index if table is LogEvent else table.index  # type: ignore[attr-defined]
        session.execute(delete(table).where(index > size))
    session.execute(delete(LogCosignature).where(LogCosignature.size > size))
    rewrite_tree(session)
