"""One entry of the log as this node is shown it: a leaf, and those of its parts that are for this agency.

A leaf is canonical bytes without anything personal; it promises every part by SHA-256 over a salt, the part's
name and its canonical JSON (docs/protocol.md section 11). So whoever is shown a part can check that it is
what was logged, and a part that is erased or not shown leaves the leaf and its proofs as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keys.checkpoints import Checkpoint
from keys.documents import canonical_bytes
from keys.errors import KeyFormatError, ProofInvalidError
from keys.formats import decode_base64, encode_base64
from keys.merkle import HASH_BYTES, LONGEST_PROOF, leaf_hash, verify_inclusion
from node.errors import IntegrityError

LEAF_FORMAT = "leaf/1"
SALT_BYTES = 16

Proof = tuple[bytes, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """One entry, its parts checked against the leaf's promises.

    Attributes:
        index: Its number in the log, from 1.
        leaf: The leaf's bytes as they were logged.
        facts: The leaf's content.
        parts: The parts this node is shown, by name; None where the text was erased.
        salts: The salts of the parts that are there.
    """

    index: int
    leaf: bytes
    facts: Mapping[str, Any]
    parts: Mapping[str, Mapping[str, Any] | None]
    salts: Mapping[str, bytes]

    @property
    def action(self) -> str:
        """What happened, from the closed vocabulary."""
        return str(self.facts["action"])

    @property
    def agency(self) -> str | None:
        """Whose doing it was; None for the hub's operator."""
        agency = self.facts.get("agency")
        return None if agency is None else str(agency)

    @property
    def at(self) -> str:
        """When, as the wire writes times."""
        return str(self.facts["at"])

    @property
    def promised(self) -> tuple[str, ...]:
        """The names of all parts the leaf has a commitment of, sorted."""
        return tuple(sorted(self.facts["parts"]))

    @property
    def withheld(self) -> tuple[str, ...]:
        """The parts that are for others, sorted: promised and not shown."""
        return tuple(name for name in self.promised if name not in self.parts)

    @property
    def erased(self) -> tuple[str, ...]:
        """The parts whose text was erased under retention, sorted."""
        return tuple(name for name in self.promised if name in self.parts and self.parts[name] is None)

    def part(self, name: str) -> Mapping[str, Any]:
        """A part's text; empty where it is not shown or was erased."""
        return self.parts.get(name) or {}

    def format(self) -> dict[str, Any]:
        """As the wire carries it, without a proof."""
        return {
            "index": self.index,
            "leaf": encode_base64(self.leaf),
            "parts": {
                name: None if text is None else {"salt": encode_base64(self.salts[name]), "text": text}
                for name, text in self.parts.items()
            },
        }


def commit_part(name: str, text: Mapping[str, Any], *, salt: bytes) -> str:
    """The promise of a part, lower-case hex."""
    return hashlib.sha256(salt + name.encode() + b"\0" + canonical_bytes(dict(text))).hexdigest()


def read_entry(document: Mapping[str, Any]) -> Entry:
    """Read an entry and check every part it shows against the leaf.

    Raises:
        IntegrityError: The leaf is not canonical or of another entry, or a part is not what was promised.
    """
    try:
        index = int(document["index"])
        leaf = decode_base64(document["leaf"], field="leaf")
        shown = dict(document["parts"])
    except (KeyError, TypeError, ValueError, KeyFormatError):
        raise IntegrityError("the hub relays something that is no log entry") from None
    facts = _read_leaf(leaf, index)
    parts: dict[str, Mapping[str, Any] | None] = {}
    salts: dict[str, bytes] = {}
    for name, part in shown.items():
        if name not in facts["parts"]:
            raise IntegrityError(f"log entry {index}: shows a part that its leaf does not promise")
        parts[name] = None if part is None else _read_part(index, name, part, facts["parts"][name], salts)
    return Entry(index, leaf, facts, parts, salts)


def read_proof(values: object, *, what: str) -> Proof:
    """A proof's hashes from the wire.

    Raises:
        IntegrityError: Not a list of at most 63 hashes in base64.
    """
    if not isinstance(values, list) or len(values) > LONGEST_PROOF:
        raise IntegrityError(f"{what}: not a proof")
    try:
        return tuple(decode_base64(value, field="hash", length=HASH_BYTES) for value in values)
    except KeyFormatError:
        raise IntegrityError(f"{what}: not a proof") from None


def require_included(entry: Entry, proof: Proof, checkpoint: Checkpoint) -> None:
    """Accept that an entry stands in a log, at its own index.

    Raises:
        IntegrityError: The proof does not lead to the checkpoint.
    """
    try:
        verify_inclusion(
            leaf_hash(entry.leaf),
            position=entry.index - 1,
            size=checkpoint.size,
            proof=proof,
            root=checkpoint.root,
        )
    except ProofInvalidError:
        raise IntegrityError(f"log entry {entry.index}: it is not proved to stand in the log") from None


def _read_leaf(leaf: bytes, index: int) -> dict[str, Any]:
    try:
        facts = json.loads(leaf)
        canonical = isinstance(facts, dict) and canonical_bytes(facts) == leaf
    except (ValueError, KeyFormatError):
        canonical = False
    if not canonical:
        raise IntegrityError(f"log entry {index}: its leaf is not canonical")
    parts = facts.get("parts")
    form = facts.get("format") == LEAF_FORMAT and isinstance(parts, dict)
    if not form or not {"action", "agency", "at"} <= set(facts):
        raise IntegrityError(f"log entry {index}: its leaf is not of the form {LEAF_FORMAT}")
    if facts.get("index") != index:
        raise IntegrityError(f"log entry {index}: its leaf is another entry's")
    return dict(facts)


def _read_part(
    index: int, name: str, part: Any, promised: object, salts: dict[str, bytes]
) -> Mapping[str, Any]:
    try:
        salt = decode_base64(part["salt"], field="salt", length=SALT_BYTES)
        text = part["text"]
        kept = isinstance(text, dict) and commit_part(name, text, salt=salt) == promised
    except (KeyError, TypeError, KeyFormatError):
        kept = False
    if not kept:
        raise IntegrityError(f"log entry {index}: part {name.partition(':')[0]} is not what was promised")
    salts[name] = salt
    return dict(text)
