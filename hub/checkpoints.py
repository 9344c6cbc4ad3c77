"""What the hub signs about its log: checkpoints of the tree, and receipts that lead to one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.access_log import Appended
from hub.leaves import OWN, QUESTION, WHO, Part
from hub.log_tree import TreeHead
from keys.checkpoints import Checkpoint, NoteKey, log_key, log_origin, sign_checkpoint
from keys.formats import encode_base64
from keys.identity import NodeIdentity

OWN_PARTS = (WHO, QUESTION, OWN)


@dataclass(frozen=True, slots=True)
class LogSigner:
    """The hub in its part as the operator of a log."""

    identity: NodeIdentity
    network: str

    @property
    def key(self) -> NoteKey:
        """The key that checkpoints are verified with."""
        return log_key(self.network, self.identity.public)

    def checkpoint(self, size: int, root: bytes) -> Checkpoint:
        """A tree head of this log."""
        return Checkpoint(log_origin(self.network), size, root)

    def sign(self, head: TreeHead) -> str:
        """The signed checkpoint of a tree whose entries are durable; call it after the commit."""
        return self.sign_root(head.size, head.root)

    def sign_root(self, size: int, root: bytes) -> str:
        """The signed checkpoint of the first `size` leaves, likewise."""
        return sign_checkpoint(self.checkpoint(size, root), identity=self.identity)


def format_receipt(
    appended: Appended, signer: LogSigner, *, names: Sequence[str] = OWN_PARTS
) -> dict[str, Any]:
    """The receipt of an entry that is durable, with the parts of it that its author may see."""
    shown = {name: part for name, part in appended.leaf.parts.items() if name in names}
    return format_entry(
        appended.index, appended.leaf.data, shown, appended.inclusion
    ) | {"checkpoint": signer.sign(appended.head)}  # fmt: skip


def format_entry(
    index: int, leaf: bytes, parts: Mapping[str, Part | None], inclusion: Iterable[bytes]
) -> dict[str, Any]:
    """An entry as the wire carries it, with its proof."""
    return {
        "index": index,
        "leaf": encode_base64(leaf),
        "parts": {name: None if part is None else part.format() for name, part in parts.items()},
        "inclusion": format_hashes(inclusion),
    }


def format_hashes(hashes: Iterable[bytes]) -> list[str]:
    """A proof as the wire carries it."""
    return [encode_base64(one) for one in hashes]
