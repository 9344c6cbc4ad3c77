"""The Merkle tree over the log, kept as the hashes of its complete subtrees (`keys.merkle`).

It grows in the transaction that adds the leaf. The head's one row is locked meanwhile, so leaves follow the
order of commits in any number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import insert, select, tuple_, update
from sqlalchemy.orm import Session

from hub.database import table_of
from hub.log_models import LogHead, LogNode
from keys.merkle import (
    HASH_BYTES,
    HashOf,
    append_leaf,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of_frontier,
    tree_root,
)

# Pairs of numbers in one question to the database.
CHUNK = 400

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TreeHead:
    """How many leaves there are, and the hashes of the subtrees that make up the tree, the largest first."""

    size: int
    frontier: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        """The root of the whole tree."""
        return root_of_frontier(self.frontier)


def read_head(session: Session) -> TreeHead:
    """The tree as it is now."""
    return _read_head(session, lock=False)


def lock_head(session: Session) -> TreeHead:
    """The tree as it is now, and nobody else adds to it before this transaction ends."""
    return _read_head(session, lock=True)


def add_leaf(session: Session, head: TreeHead, leaf: bytes) -> tuple[TreeHead, list[bytes]]:
    """Add a leaf to the tree whose head is locked.

    Returns:
        The new head, and the proof that the leaf is in its tree.

    Raises:
        ValueError: The head is not the tree's: it was not locked, or a leaf was added since.
    """
    nodes, frontier, proof = append_leaf(head.size, head.frontier, leaf_hash(leaf))
    rows = [{"level": level, "position": position, "hash": hashed} for level, position, hashed in nodes]
    connection = session.connection()
    connection.execute(insert(table_of(LogNode)), rows)
    grown = TreeHead(head.size + 1, tuple(frontier))
    table = table_of(LogHead)
    moved = connection.execute(
        update(table)
        .where(table.c.id == 1, table.c.size == head.size)
        .values(size=grown.size, frontier=b"".join(frontier))
    )
    if moved.rowcount != 1:
        raise ValueError("head: not the tree's")
    return grown, proof


def prove_inclusion(session: Session, indices: Sequence[int], *, size: int) -> dict[int, list[bytes]]:
    """The inclusion proofs of some leaves (numbers from 1) in the tree of the first `size` leaves."""
    return _with_hashes(session, lambda hash_of: {n: inclusion_proof(n - 1, size, hash_of) for n in indices})


def prove_consistency(session: Session, old: int, *, size: int) -> list[bytes]:
    """The proof that the first `old` leaves are the beginning of the first `size`."""
    return _with_hashes(session, lambda hash_of: consistency_proof(old, size, hash_of))


def root_at(session: Session, size: int) -> bytes:
    """The root that the log had with its first `size` leaves."""
    return _with_hashes(session, lambda hash_of: tree_root(size, hash_of))


def split_hashes(data: bytes) -> tuple[bytes, ...]:
    """Hashes that are stored one behind the other."""
    return tuple(data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES))


def _with_hashes(session: Session, compute: Callable[[HashOf], T]) -> T:
    """Work something out twice: first to learn which hashes it takes, then, having read them all, truly."""
    wanted: set[tuple[int, int]] = set()

    def note(level: int, position: int) -> bytes:
        wanted.add((level, position))
        return bytes(HASH_BYTES)

    compute(note)
    found = _read_hashes(session, wanted)
    return compute(lambda level, position: found[level, position])


def _read_hashes(session: Session, wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    pairs, found = sorted(wanted), dict[tuple[int, int], bytes]()
    for start in range(0, len(pairs), CHUNK):
        rows = session.execute(
            select(LogNode.level, LogNode.position, LogNode.hash).where(
                tuple_(LogNode.level, LogNode.position).in_(pairs[start : start + CHUNK])
            )
        )
        found.update({(level, position): hashed for level, position, hashed in rows})
    return found


def _read_head(session: Session, *, lock: bool) -> TreeHead:
    table = table_of(LogHead)
    statement = select(table.c.size, table.c.frontier).where(table.c.id == 1)
    size, frontier = session.connection().execute(statement.with_for_update() if lock else statement).one()
    return TreeHead(size, split_hashes(frontier))
