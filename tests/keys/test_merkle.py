"""The Merkle tree against the published tree, a second implementation from the RFC's text, and forgeries."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import ProofInvalidError
from keys.merkle import (
    EMPTY_ROOT,
    append_leaf,
    consistency_proof,
    frontier_of,
    inclusion_proof,
    leaf_hash,
    root_of_frontier,
    subtrees_of,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from tests.keys import plain_merkle as plain

PUBLISHED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "log" / "rfc6962.json").read_text("utf-8")
)
LEAVES = [bytes.fromhex(leaf) for leaf in PUBLISHED["leaves"]]
ROOTS = [bytes.fromhex(root) for root in PUBLISHED["roots"]]


def stored(leaves: list[bytes]) -> dict[tuple[int, int], bytes]:
    """The complete subtrees, as a log that grew leaf by leaf stores them."""
    found, frontier = {}, list[bytes]()
    for size, leaf in enumerate(leaves):
        new, frontier, _ = append_leaf(size, frontier, leaf_hash(leaf))
        found.update({(level, position): hashed for level, position, hashed in new})
    return found


def reader(leaves: list[bytes]) -> Callable[[int, int], bytes]:
    hashes = stored(leaves)
    return lambda level, position: hashes[level, position]


def numbered(count: int) -> list[bytes]:
    return [b"leaf %d" % number for number in range(count)]


def from_hex(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_published(size: int) -> None:
    assert tree_root(size, reader(LEAVES[:size])) == ROOTS[size]
    assert plain.mth(LEAVES[:size]) == ROOTS[size]


def test_stored_subtrees_are_those_published() -> None:
    published = {
        (level, position): bytes.fromhex(text)
        for level, row in enumerate(PUBLISHED["subtrees"])
        for position, text in enumerate(row)
    }
    assert stored(LEAVES) == published
    assert set(subtrees_of(8)) == set(published)


@pytest.mark.parametrize(
    "case", PUBLISHED["inclusion"], ids=lambda case: f"{case['position']}-{case['size']}"
)
def test_inclusion_proofs_are_those_published(case: dict[str, Any]) -> None:
    position, size, proof = case["position"], case["size"], from_hex(case["proof"])
    assert inclusion_proof(position, size, reader(LEAVES)) == proof
    verify_inclusion(leaf_hash(LEAVES[position]), position=position, size=size, proof=proof, root=ROOTS[size])


@pytest.mark.parametrize("case", PUBLISHED["consistency"], ids=lambda case: f"{case['old']}-{case['size']}")
def test_consistency_proofs_are_those_published(case: dict[str, Any]) -> None:
    old, size, proof = case["old"], case["size"], from_hex(case["proof"])
    assert consistency_proof(old, size, reader(LEAVES)) == proof
    verify_consistency(old=old, size=size, old_root=ROOTS[old], root=ROOTS[size], proof=proof)


def test_every_proof_up_to_66_leaves_is_that_of_the_plain_implementation() -> None:
    leaves = numbered(66)
    hash_of = reader(leaves)
    roots = [plain.mth(leaves[:size]) for size in range(67)]
    for size in range(1, 67):
        assert tree_root(size, hash_of) == roots[size]
        for position in range(size):
            proof = inclusion_proof(position, size, hash_of)
            assert proof == plain.path(position, leaves[:size])
            hashed = leaf_hash(leaves[position])
            verify_inclusion(hashed, position=position, size=size, proof=proof, root=roots[size])
        for old in range(1, size):
            proof = consistency_proof(old, size, hash_of)
            assert proof == plain.proof(old, leaves[:size])
            verify_consistency(old=old, size=size, old_root=roots[old], root=roots[size], proof=proof)


@given(st.lists(st.binary(max_size=20), max_size=40))
def test_appending_gives_roots_and_the_last_leafs_proof(leaves: list[bytes]) -> None:
    frontier: list[bytes] = []
    for size, leaf in enumerate(leaves):
        _, frontier, proof = append_leaf(size, frontier, leaf_hash(leaf))
        assert len(frontier) == len(frontier_of(size + 1))
        assert root_of_frontier(frontier) == plain.mth(leaves[: size + 1])
        assert proof == plain.path(size, leaves[: size + 1])


def trees() -> st.SearchStrategy[tuple[int, int]]:
    """Two sizes, the smaller first."""
    return st.integers(1, 60).flatmap(lambda size: st.tuples(st.integers(1, size), st.just(size)))


@given(trees(), st.data())
def test_both_verifiers_judge_any_inclusion_proof_alike(sizes: tuple[int, int], data: st.DataObject) -> None:
    number, size = sizes
    leaves = numbered(size)
    proof = tampered(plain.path(number - 1, leaves), data)
    hashed, root = leaf_hash(leaves[number - 1]), plain.mth(leaves)
    position = data.draw(st.one_of(st.just(number - 1), st.integers(0, size - 1)))
    accepted = plain.root_by_path(hashed, position, size, proof) == root
    assert accepted == holds(
        lambda: verify_inclusion(hashed, position=position, size=size, proof=proof, root=root)
    )


@given(trees(), st.data())
def test_both_verifiers_judge_any_consistency_proof_alike(
    sizes: tuple[int, int], data: st.DataObject
) -> None:
    old, size = sizes
    leaves = numbered(size)
    old_root, root = plain.mth(leaves[:old]), plain.mth(leaves)
    proof = tampered(plain.proof(old, leaves) if old < size else [], data)
    claimed = data.draw(st.one_of(st.just(old), st.integers(1, size)))
    accepted = plain.roots_by_proof(claimed, size, old_root, proof) == (old_root, root)
    assert accepted == holds(
        lambda: verify_consistency(old=claimed, size=size, old_root=old_root, root=root, proof=proof)
    )


def tampered(proof: list[bytes], data: st.DataObject) -> list[bytes]:
    """The proof as it is, or with a step flipped, dropped, doubled, swapped or made up."""
    kind = data.draw(st.sampled_from(["as it is", "flip", "drop", "double", "swap", "append"]))
    if kind == "append":
        return [*proof, data.draw(st.binary(min_size=32, max_size=32))]
    if kind == "as it is" or not proof:
        return proof
    at = data.draw(st.integers(0, len(proof) - 1))
    if kind == "flip":
        bit = data.draw(st.integers(0, 255))
        flipped = (int.from_bytes(proof[at], "big") ^ 1 << bit).to_bytes(32, "big")
        return [*proof[:at], flipped, *proof[at + 1 :]]
    if kind == "drop":
        return proof[:at] + proof[at + 1 :]
    if kind == "double":
        return [*proof[: at + 1], *proof[at:]]
    return proof[::-1]


def holds(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except ProofInvalidError:
        return False
    return True


def test_a_proof_for_another_leaf_root_or_size_is_refused() -> None:
    leaves = numbered(23)
    hash_of = reader(leaves)
    proof, root = inclusion_proof(9, 23, hash_of), tree_root(23, hash_of)
    good: dict[str, Any] = {"position": 9, "size": 23, "proof": proof, "root": root}
    verify_inclusion(leaf_hash(leaves[9]), **good)
    bad = [
        {"position": 8},
        {"position": 23},
        {"position": -1},
        {"size": 9},
        {"size": 64},
        {"root": EMPTY_ROOT},
    ]
    for change in bad:
        assert not holds(lambda change=change: verify_inclusion(leaf_hash(leaves[9]), **good | change))
    assert not holds(lambda: verify_inclusion(leaf_hash(leaves[10]), **good))


def test_a_log_that_was_rewritten_has_no_consistency_proof() -> None:
    rng = random.Random(6962)
    for _ in range(300):
        size = rng.randrange(2, 200)
        old = rng.randrange(1, size)
        leaves = numbered(size)
        rewritten = [*leaves]
        rewritten[rng.randrange(old)] = b"another"
        hash_of = reader(rewritten)
        proof, root = consistency_proof(old, size, hash_of), tree_root(size, hash_of)
        honest = tree_root(old, reader(leaves))
        assert not holds(
            lambda old=old, size=size, honest=honest, root=root, proof=proof: verify_consistency(
                old=old, size=size, old_root=honest, root=root, proof=proof
            )
        )


def test_nothing_is_to_be_proved_from_the_empty_tree_or_to_itself() -> None:
    hash_of = reader(LEAVES)
    assert consistency_proof(0, 8, hash_of) == consistency_proof(8, 8, hash_of) == []
    verify_consistency(old=0, size=8, old_root=EMPTY_ROOT, root=ROOTS[8], proof=[])
    verify_consistency(old=8, size=8, old_root=ROOTS[8], root=ROOTS[8], proof=[])
    for bad in (
        {"old": 0, "old_root": ROOTS[1], "proof": []},
        {"old": 0, "old_root": EMPTY_ROOT, "proof": [ROOTS[1]]},
        {"old": 8, "old_root": ROOTS[7], "proof": []},
        {"old": 8, "old_root": ROOTS[8], "proof": [ROOTS[8]]},
        {"old": 9, "old_root": ROOTS[8], "proof": []},
        {"old": -1, "old_root": EMPTY_ROOT, "proof": []},
        {"old": 3, "old_root": ROOTS[3], "proof": []},
    ):
        with pytest.raises(ProofInvalidError):
            verify_consistency(size=8, root=ROOTS[8], **bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("call", [inclusion_proof, consistency_proof])
def test_there_is_no_proof_of_what_is_beyond_the_tree(call: Callable[..., list[bytes]]) -> None:
    for number in (-1, 9):
        with pytest.raises(ProofInvalidError):
            call(number, 8, reader(LEAVES))


def test_a_proof_of_hashes_of_another_length_is_refused() -> None:
    for proof in ([b"short"], [bytes(32)] * 64):
        with pytest.raises(ProofInvalidError, match="32 bytes"):
            verify_inclusion(ROOTS[1], position=0, size=2, proof=proof, root=ROOTS[2])
