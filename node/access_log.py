"""This node's own copy of the access log: what it asked, and who asked about its people.

Every entry comes as a leaf with the parts that are for this agency and the proof that it stands in the log;
nothing is kept that does not verify (docs/protocol.md section 11). The hub's witness round goes with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from keys.checkpoints import Checkpoint
from node.errors import IntegrityError
from node.home import Node
from node.kept_checkpoints import SHORTER, keep_checkpoint, open_note
from node.leaves import Entry, read_entry, read_proof, require_included
from node.log_lines import LogLine, describe_entries, reader_of
from node.store import Store
from node.witnessing import log_key_of, witness_log

PAGE_ENTRIES = 500
LAST_INDEX = "log:last"
Document = Mapping[str, Any]


def sync_log(node: Node) -> int:
    """Fetch the entries this node has not seen, then witness the log; returns how many were new.

    Raises:
        IntegrityError: An entry does not verify or has changed, or the log is not the one witnessed before.
    """
    store, fetched = node.store, 0
    for documents, last in fetch_pages(node, after=int(store.setting(LAST_INDEX) or 0)):
        with store.transaction():
            fetched += sum(_keep(store, document) for document in documents)
            store.put_setting(LAST_INDEX, str(last))
    witness_log(node)
    return fetched


def fetch_pages(
    node: Node, *, after: int, broken: Callable[[int | None, IntegrityError], None] | None = None
) -> Iterator[tuple[list[Document], int]]:
    """What the hub shows of its log behind an index, page by page, every entry verified.

    Args:
        node: The node.
        after: Index behind which to begin.
        broken: Told of entries that do not verify, which are left out; without it the first one is raised.

    Yields:
        Entries as the wire carries them, with the checkpoint their proofs lead to, and the index up to which
        everything has been seen.

    Raises:
        IntegrityError: An entry is not proved, out of order, or not what its leaf promised; or a page as a
            whole is not of the log.
    """
    client, key = node.client(), log_key_of(node)
    while True:
        page = client.call("GET", f"/v1/log?after={after}&limit={PAGE_ENTRIES}")
        try:
            note, entries, last = page["checkpoint"], list(page["entries"]), int(page["last"])
        except (KeyError, TypeError, ValueError):
            raise IntegrityError("the hub's answer is not a page of its log") from None
        checkpoint = open_note(note, key=key)
        keep_checkpoint(node.store, checkpoint, note, key=key, at=node.clock())
        if checkpoint.size < after:
            raise IntegrityError(SHORTER)
        if last > checkpoint.size:
            raise IntegrityError("the hub shows more of its log than it has signed")
        before, verified = after, list[Document]()
        for document in entries:
            try:
                before = _verify(document, checkpoint, after=before, last=last)
            except IntegrityError as error:
                if broken is None:
                    raise
                broken(_index_of(document), error)
                continue
            verified.append({**document, "checkpoint": note})
        # Without a step forward there is nothing more; a hub must not keep this node asking.
        yield verified, max(last, after)
        if not entries or last <= after:
            return
        after = last


def read_entries(store: Store, *, after: int = 0) -> Iterator[Entry]:
    """The kept entries by index.

    Raises:
        IntegrityError: A row was changed since it was kept.
    """
    for document in read_documents(store, after=after):
        yield read_entry(document)


def read_documents(store: Store, *, after: int = 0) -> Iterator[dict[str, Any]]:
    """The kept entries as the wire carried them, each with its proof and checkpoint, by index."""
    rows = store.connection.execute(
        "SELECT log_index, content FROM log_entry WHERE log_index > ? ORDER BY log_index", (after,)
    )
    for row in rows.fetchall():
        yield _open(store, int(row["log_index"]), row["content"])


def describe_log(node: Node, *, after: int = 0) -> Iterator[LogLine]:
    """The kept entries as lines, with this agency's own references."""
    reader = reader_of(node.store, node.settings.agency)
    return describe_entries(read_entries(node.store, after=after), reader)


def _verify(document: Document, checkpoint: Checkpoint, *, after: int, last: int) -> int:
    """The index of an entry that is what its leaf promised, proved, and in order."""
    entry = read_entry(document)
    if not after < entry.index <= last:
        raise IntegrityError(f"log entry {entry.index}: it is out of order")
    require_included(entry, read_proof(document.get("inclusion"), what="inclusion"), checkpoint)
    return entry.index


def _index_of(document: object) -> int | None:
    """Under which index an entry that does not verify was shown."""
    index = document.get("index") if isinstance(document, Mapping) else None
    return index if isinstance(index, int) else None


def _keep(store: Store, document: Document) -> int:
    """Keep an entry. One that is kept already may have lost texts meanwhile, and nothing else."""
    entry = read_entry(document)
    row = store.connection.execute(
        "SELECT content FROM log_entry WHERE log_index = ?", (entry.index,)
    ).fetchone()
    if row is not None:
        if read_entry(_open(store, entry.index, row["content"])).leaf != entry.leaf:
            raise IntegrityError(f"log entry {entry.index}: the hub relays other content than before")
        return 0
    content = store.vault.seal(document, table="log_entry", handle=str(entry.index))
    store.connection.execute(
        "INSERT INTO log_entry (log_index, content) VALUES (?, ?)", (entry.index, content)
    )
    return 1


def _open(store: Store, index: int, content: bytes) -> dict[str, Any]:
    return store.vault.open(content, table="log_entry", handle=str(index))
