"""A second Merkle tree, written from the text of RFC 6962, section 2.1, over lists of leaves; none of ours.

Everything is recomputed from the leaves by the recursion of the definitions. The verifiers rebuild a root by
walking the same recursion with the proof in hand, not by the algorithms of RFC 9162.
"""

import hashlib
from collections.abc import Sequence


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def largest_power_of_two_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d: Sequence[bytes]) -> bytes:
    """MTH({}) = SHA-256(); MTH({d(0)}) = SHA-256(0x00 || d(0)); else over the halves."""
    if not d:
        return sha256(b"")
    if len(d) == 1:
        return sha256(b"\x00" + d[0])
    k = largest_power_of_two_below(len(d))
    return sha256(b"\x01" + mth(d[:k]) + mth(d[k:]))


def path(m: int, d: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]), section 2.1.1."""
    if len(d) == 1:
        return []
    k = largest_power_of_two_below(len(d))
    if m < k:
        return [*path(m, d[:k]), mth(d[k:])]
    return [*path(m - k, d[k:]), mth(d[:k])]


def proof(m: int, d: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D[n]), section 2.1.2, for 0 < m < n."""
    return subproof(m, d, True)


def subproof(m: int, d: Sequence[bytes], b: bool) -> list[bytes]:
    if m == len(d):
        return [] if b else [mth(d)]
    k = largest_power_of_two_below(len(d))
    if m <= k:
        return [*subproof(m, d[:k], b), mth(d[k:])]
    return [*subproof(m - k, d[k:], False), mth(d[:k])]


def root_by_path(hashed: bytes, m: int, n: int, audit: Sequence[bytes]) -> bytes | None:
    """The root that an audit path leads to; None where its length is not the tree's."""
    if n == 1:
        return hashed if not audit else None
    if not audit:
        return None
    k = largest_power_of_two_below(n)
    if m < k:
        left = root_by_path(hashed, m, k, audit[:-1])
        return None if left is None else sha256(b"\x01" + left + audit[-1])
    right = root_by_path(hashed, m - k, n - k, audit[:-1])
    return None if right is None else sha256(b"\x01" + audit[-1] + right)


def roots_by_proof(
    m: int, n: int, old_root: bytes, steps: Sequence[bytes], whole: bool = True
) -> tuple[bytes, bytes] | None:
    """Old and new root that a consistency proof leads to; None where its length is not the tree's."""
    if m == n:
        if whole:
            return (old_root, old_root) if not steps else None
        return (steps[0], steps[0]) if len(steps) == 1 else None
    if not steps:
        return None
    k = largest_power_of_two_below(n)
    if m <= k:
        below = roots_by_proof(m, k, old_root, steps[:-1], whole)
        return None if below is None else (below[0], sha256(b"\x01" + below[1] + steps[-1]))
    below = roots_by_proof(m - k, n - k, old_root, steps[:-1], False)
    if below is None:
        return None
    return sha256(b"\x01" + steps[-1] + below[0]), sha256(b"\x01" + steps[-1] + below[1])
