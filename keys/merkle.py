"""The Merkle tree of a log (RFC 6962, section 2.1): hashes, proofs and their verification. Pure.

Leaves are numbered from 0 here. A tree is read through `hash_of(level, position)`, the hash of the complete
subtree over the leaves from `position * 2**level` up to before `(position + 1) * 2**level`; level 0 holds the
leaf hashes. Complete subtrees never change as a log grows, so they can be stored once; everything else is
worked out from them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence

from keys.errors import ProofInvalidError

HASH_BYTES = 32
# Of the tree without leaves (RFC 6962: the hash of an empty list is that of an empty string).
EMPTY_ROOT = hashlib.sha256(b"").digest()
# The deepest proof that is read; C2SP tlog-witness sends no longer one.
LONGEST_PROOF = 63

HashOf = Callable[[int, int], bytes]
StoredHash = tuple[int, int, bytes]


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf; its prefix keeps a leaf from passing for a node."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def frontier_of(size: int) -> list[tuple[int, int]]:
    """Level and position of the complete subtrees that make up a tree, the largest first."""
    found, begin = [], 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            found.append((level, begin >> level))
            begin += 1 << level
    return found


def append_leaf(
    size: int, frontier: Sequence[bytes], hashed: bytes
) -> tuple[list[StoredHash], list[bytes], list[bytes]]:
    """Add a leaf to a tree.

    Args:
        size: Leaves so far.
        frontier: Hashes of the subtrees `frontier_of(size)`.
        hashed: The new leaf's hash.

    Returns:
        The complete subtrees that came into being (level, position, hash), the new frontier, and the new
        leaf's inclusion proof in the tree that ends with it.
    """
    remaining, position, level = list(frontier), size, 0
    stored = [(0, size, hashed)]
    while position & 1:
        hashed = node_hash(remaining.pop(), hashed)
        level, position = level + 1, position >> 1
        stored.append((level, position, hashed))
    return stored, [*remaining, hashed], list(reversed(frontier))


def root_of_frontier(frontier: Sequence[bytes]) -> bytes:
    """The root of a tree from the hashes of its complete subtrees, the largest first."""
    if not frontier:
        return EMPTY_ROOT
    root = frontier[-1]
    for left in reversed(frontier[:-1]):
        root = node_hash(left, root)
    return root


def tree_root(size: int, hash_of: HashOf) -> bytes:
    """The root of the tree over the first `size` leaves."""
    return root_of_frontier([hash_of(level, position) for level, position in frontier_of(size)])


def inclusion_proof(position: int, size: int, hash_of: HashOf) -> list[bytes]:
    """The audit path of a leaf (RFC 6962, section 2.1.1).

    Raises:
        ProofInvalidError: The tree has no such leaf.
    """
    if not 0 <= position < size:
        raise ProofInvalidError("index: the tree has no such leaf")
    path = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if position < middle:
            path.append(_range_hash(middle, end, hash_of))
            end = middle
        else:
            path.append(_range_hash(begin, middle, hash_of))
            begin = middle
    return path[::-1]


def consistency_proof(old: int, size: int, hash_of: HashOf) -> list[bytes]:
    """The proof that the first `old` leaves of a tree were a tree before (RFC 6962, section 2.1.2).

    Empty where there is nothing to prove: `old` is 0 or the whole tree.

    Raises:
        ProofInvalidError: `old` is below 0 or above the size.
    """
    if not 0 <= old <= size:
        raise ProofInvalidError("old: must be from 0 up to the size")
    if old in (0, size):
        return []
    proof = []
    begin, end = 0, size
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            proof.append(_range_hash(middle, end, hash_of))
            end = middle
        else:
            proof.append(_range_hash(begin, middle, hash_of))
            begin = middle
    # The old tree's own root is what the verifier has; a smaller subtree it has to be told.
    if begin > 0:
        proof.append(_range_hash(begin, end, hash_of))
    return proof[::-1]


def verify_inclusion(hashed: bytes, *, position: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Accept that a leaf is in a tree (RFC 9162, section 2.1.3.2).

    Args:
        hashed: The leaf's hash.
        position: Its number, from 0.
        size: Leaves of the tree.
        proof: Its audit path.
        root: The tree's root.

    Raises:
        ProofInvalidError: The proof does not lead to the root.
    """
    if not 0 <= position < size:
        raise ProofInvalidError("index: the tree has no such leaf")
    _require_hashes(proof)
    first, last = position, size - 1
    for sibling in proof:
        if last == 0:
            raise ProofInvalidError("inclusion: the proof is too long")
        if first & 1 or first == last:
            hashed = node_hash(sibling, hashed)
            first, last = _up_to_a_right_child(first, last)
        else:
            hashed = node_hash(hashed, sibling)
        first, last = first >> 1, last >> 1
    if last != 0 or not hmac.compare_digest(hashed, root):
        raise ProofInvalidError("inclusion: the proof does not lead to the root")


def verify_consistency(*, old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Accept that one tree is the beginning of another (RFC 9162, section 2.1.4.2).

    Raises:
        ProofInvalidError: The proof does not lead to both roots, or there is something where nothing is to
            be proved.
    """
    if not 0 <= old <= size:
        raise ProofInvalidError("old: must be from 0 up to the size")
    _require_hashes(proof)
    if old in (0, size):
        expected = EMPTY_ROOT if old == 0 else root
        if proof or not hmac.compare_digest(old_root, expected):
            raise ProofInvalidError("consistency: the roots differ")
        return
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    first, last = _strip_ones(old - 1, size - 1)
    _require(bool(path))
    was = now = path[0]
    for sibling in path[1:]:
        _require(last != 0)
        if first & 1 or first == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            first, last = _up_to_a_right_child(first, last)
        else:
            now = node_hash(now, sibling)
        first, last = first >> 1, last >> 1
    _require(last == 0 and hmac.compare_digest(was, old_root) and hmac.compare_digest(now, root))


def subtrees_of(size: int) -> Iterator[tuple[int, int]]:
    """Level and position of every complete subtree of a tree, as a log stores them."""
    for level in range(size.bit_length()):
        for position in range(size >> level):
            yield level, position


def _split(count: int) -> int:
    """The largest power of two below a count of at least two."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_hash(begin: int, end: int, hash_of: HashOf) -> bytes:
    """The hash over some leaves; `begin` is a multiple of the power of two at or above their count."""
    hashes = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        hashes.append(hash_of(level, begin >> level))
        begin += 1 << level
    return root_of_frontier(hashes)


def _up_to_a_right_child(first: int, last: int) -> tuple[int, int]:
    """Skip the levels on which a node at the right edge has no sibling."""
    while first and not first & 1:
        first, last = first >> 1, last >> 1
    return first, last


def _strip_ones(first: int, last: int) -> tuple[int, int]:
    while first & 1:
        first, last = first >> 1, last >> 1
    return first, last


def _require_hashes(proof: Sequence[bytes]) -> None:
    if len(proof) > LONGEST_PROOF or any(len(one) != HASH_BYTES for one in proof):
        raise ProofInvalidError(f"proof: must be at most {LONGEST_PROOF} hashes of {HASH_BYTES} bytes")


def _require(holds: bool) -> None:
    if not holds:
        raise ProofInvalidError("consistency: the proof does not lead to both roots")
