"""Verifying this node's copy of the log from the bytes it keeps, and the hub's head by what was witnessed.

Everything is worked out again: every leaf and the parts shown of it, every proof of inclusion, every
signature of a checkpoint, and that each checkpoint leads to the newest this node cosigned. What fails is
listed with index and rule; nothing of an entry's content is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from keys.checkpoints import Note, NoteKey, witness_key
from keys.errors import KeyFormatError, SignatureInvalidError
from node.access_log import read_documents
from node.errors import IntegrityError
from node.home import Node
from node.kept_checkpoints import (
    NOT_YET_LINKED,
    KeptCheckpoint,
    count_evidence,
    keep_checkpoint,
    kept_checkpoints,
    leads_to,
    link_checkpoints,
    open_note,
)
from node.membership import fetch_agencies
from node.receipts import open_receipt, read_receipts
from node.witnessing import log_key_of, witness_log

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that does not verify.

    Attributes:
        index: Of the entry, or None where it is about the log as a whole.
        rule: What does not hold.
        unproved: It may hold: a command that was stopped has not fetched the proof.
    """

    index: int | None
    rule: str
    unproved: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """What was verified.

    Attributes:
        entries: Entries looked at.
        receipts: Receipts looked at.
        checkpoints: Checkpoints looked at.
        witnessed_size: Size of the log as this node last cosigned it.
        failures: What does not hold; empty is good.
    """

    entries: int
    receipts: int
    checkpoints: int
    witnessed_size: int
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class HubHead:
    """The hub's log as it stands now.

    Attributes:
        size: Its entries.
        cosigned_size: Entries of the newest head that a quorum has cosigned, or None.
        cosigned_by: The agencies whose cosignature of it verifies, sorted.
        quorum: How many the hub asks for.
    """

    size: int
    cosigned_size: int | None
    cosigned_by: tuple[str, ...]
    quorum: int


def verify_kept(node: Node) -> Verified:
    """Verify all that this node keeps of the log, without asking anybody."""
    store, key = node.store, log_key_of(node)
    failures: list[Failure] = []
    kept = _try(failures, None, lambda: kept_checkpoints(store, key=key)) or []
    failures += _check_chain(kept)
    copies = _verify_rows(read_documents(store), failures, kept=kept, key=key)
    rows = (document for _, document in read_receipts(store))
    receipts = _verify_rows(rows, failures, kept=kept, key=key)
    for index in sorted(copies.keys() & receipts.keys()):
        if copies[index] != receipts[index]:
            failures.append(Failure(index, "its receipt and its copy differ"))
    if count_evidence(store):
        failures.append(Failure(None, "contradictions signed by the hub are kept as evidence"))
    witnessed = max((one.checkpoint.size for one in kept if one.cosigned), default=0)
    return Verified(len(copies), len(receipts), len(kept), witnessed, tuple(failures))


def verify_hub(node: Node) -> HubHead:
    """Witness the hub's log, and verify its published head and the cosignatures of it.

    Raises:
        IntegrityError: The log is not the one witnessed before, or its head or a cosignature is not what the
            hub says it is.
    """
    witness_log(node)
    client, key = node.client(), log_key_of(node)
    published = client.call("GET", "/v1/log/checkpoint")
    latest = open_note(published.get("latest"), key=key)
    keep_checkpoint(node.store, latest, str(published["latest"]), key=key, at=node.clock())
    note, quorum = published.get("witnessed"), int(published.get("quorum") or 0)
    cosigned_size: int | None = None
    cosigned_by: tuple[str, ...] = ()
    if note is not None:
        witnessed = open_note(note, key=key)
        keep_checkpoint(node.store, witnessed, str(note), key=key, at=node.clock())
        cosigned_size, cosigned_by = witnessed.size, _cosigners(node, str(note))
        if len(cosigned_by) < quorum:
            raise IntegrityError("the hub publishes a head that fewer witnesses cosigned than it says")
    link_checkpoints(node.store, client, key=key)
    return HubHead(latest.size, cosigned_size, cosigned_by, quorum)


def _verify_rows(
    rows: Iterator[dict[str, Any]],
    failures: list[Failure],
    *,
    kept: Sequence[KeptCheckpoint],
    key: NoteKey,
) -> dict[int, bytes]:
    """Verify kept entries or receipts; the leaves by index, those that fail among the failures too."""
    heads = {one.checkpoint for one in kept}
    leaves: dict[int, bytes] = {}
    try:
        for number, document in enumerate(rows, start=1):
            index = document.get("index")
            receipt = _try(failures, index, partial(open_receipt, document, key=key))
            leaves[index if isinstance(index, int) else -number] = (
                b"" if receipt is None else receipt.entry.leaf
            )
            if receipt is not None and receipt.checkpoint not in heads:
                failures.append(Failure(index, "the checkpoint it is proved by is not among those kept"))
    except IntegrityError as error:  # A row that does not open: what comes behind it is not read.
        failures.append(Failure(None, str(error)))
    return leaves


def _try(failures: list[Failure], index: int | None, check: Callable[[], Result]) -> Result | None:
    try:
        return check()
    except IntegrityError as error:
        failures.append(Failure(index, str(error)))
        return None


def _check_chain(kept: list[KeptCheckpoint]) -> Iterator[Failure]:
    """Every checkpoint leads to a later one, up to the newest cosigned."""
    by_size = {one.checkpoint.size: one.checkpoint for one in kept}
    newest = max((one.checkpoint.size for one in kept if one.cosigned), default=0)
    for one in kept:
        first = (one.checkpoint.size, one.checkpoint.root)
        if one.next_size is None:
            # Those behind the newest are linked at the next exchange, which may have been cut short.
            if one.checkpoint.size < newest:
                yield Failure(None, f"checkpoint of size {first[0]}: {NOT_YET_LINKED}", unproved=True)
            continue
        later = by_size.get(one.next_size)
        if (
            later is None
            or later.size <= first[0]
            or not leads_to(first, (later.size, later.root), one.proof)
        ):
            yield Failure(None, f"checkpoint of size {first[0]}: it does not lead to the next")


def _cosigners(node: Node, note: str) -> tuple[str, ...]:
    agencies = fetch_agencies(node.client(), node.store)
    keys = {
        witness_key(node.network, agency.agency, agency.identity): agency.agency
        for agency in agencies.values()
        if agency.identity is not None
    }
    try:
        return tuple(sorted(keys[key] for key in Note.parse(note).verify(keys)))
    except (KeyFormatError, SignatureInvalidError):
        raise IntegrityError("a cosignature the hub publishes was not made by its agency") from None
