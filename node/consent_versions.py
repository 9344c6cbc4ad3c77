"""The versions of a consent as this node keeps them: a chain by handle, every link sealed.

Whether a version may be added is for `node.consent` to say.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from keys.documents import document_digest
from node.consent_terms import LIFTS, noes
from node.store import Store

CONSENT_ID_BYTES = 16
# What a version adds to its terms.
CHAIN_FIELDS = ("consent", "version", "previous", LIFTS)


def add_version(store: Store, handle: str, terms: Mapping[str, Any], witness: str | None) -> None:
    """Add the next link of a handle's chain, to be sent. Call it inside a transaction.

    Whether it ends a no is said in it, whatever led here; whether it may is the caller's rule.
    """
    newest = find_document(store, handle)
    lifts = {LIFTS: True} if noes(newest) - noes(terms) else {}
    chain = {
        "consent": secrets.token_hex(CONSENT_ID_BYTES) if newest is None else newest["consent"],
        "version": 1 if newest is None else int(newest["version"]) + 1,
        "previous": None if newest is None else document_digest(newest),
    }
    document = {**{name: value for name, value in terms.items() if name != LIFTS}, **chain, **lifts}
    content = store.vault.seal({"document": document, "witness": witness}, table="consent", handle=handle)
    store.connection.execute(
        "INSERT INTO consent (handle, version, content) VALUES (?, ?, ?)",
        (handle, chain["version"], content),
    )


def put_version(store: Store, handle: str, document: Mapping[str, Any]) -> None:
    """Keep a version as the hub has it, in place of this one and all later ones here; in a transaction.

    Earlier ones are done with: what the hub has of them is not for this node to change.
    """
    store.connection.execute("UPDATE consent SET sent = 1 WHERE handle = ?", (handle,))
    store.connection.execute(
        "DELETE FROM consent WHERE handle = ? AND version >= ?", (handle, document["version"])
    )
    content = store.vault.seal(
        {"document": document, "witness": None, "from_hub": True}, table="consent", handle=handle
    )
    store.connection.execute(
        "INSERT INTO consent (handle, version, content, sent) VALUES (?, ?, ?, 1)",
        (handle, document["version"], content),
    )


def cut_chain(store: Store, handle: str, *, after: int) -> bool:
    """Leave out versions that the hub can never take; whether there were any. Call it inside a transaction.

    A release of before let a consent end a no without saying so. Where the hub has not taken it yet, the no
    stays: what follows goes, but for a no of its own.

    Args:
        store: The node's.
        handle: Whose consent.
        after: The newest version that the hub has; 0 for none.
    """
    before = document_of(store, handle, after)
    newest, version = find_document(store, handle), after + 1
    while (document := document_of(store, handle, version)) is not None and _follows(document, before):
        before, version = document, version + 1
    if document is None or newest is None:
        return False
    store.connection.execute("DELETE FROM consent WHERE handle = ? AND version >= ?", (handle, version))
    said = {no.field: newest[no.field] for no in noes(newest) - noes(before)}
    if before is None or said:
        add_version(store, handle, {**(before or newest), **said}, None)
    return True


def _follows(document: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    """Whether the hub takes a version after another (docs/protocol.md, section 8)."""
    if document["previous"] != (None if before is None else document_digest(dict(before))):
        return False
    return bool(noes(before) - noes(document)) == bool(document.get(LIFTS))


def document_of(store: Store, handle: str, version: int) -> dict[str, Any] | None:
    """One version of a handle's consent, or None where this node does not have it."""
    row = store.connection.execute(
        "SELECT content FROM consent WHERE handle = ? AND version = ?", (handle, version)
    ).fetchone()
    if row is None:
        return None
    return dict(store.vault.open(row["content"], table="consent", handle=handle)["document"])


def was_recorded_here(store: Store, handle: str, version: int, digest: str) -> bool:
    """Whether this node itself made a version of this content; one taken over from the hub it did not."""
    row = store.connection.execute(
        "SELECT content FROM consent WHERE handle = ? AND version = ?", (handle, version)
    ).fetchone()
    if row is None:
        return False
    content = store.vault.open(row["content"], table="consent", handle=handle)
    return not content.get("from_hub") and document_digest(content["document"]) == digest


def find_document(store: Store, handle: str) -> dict[str, Any] | None:
    """The newest document of a handle, or None."""
    content = _newest(store, handle)
    return None if content is None else dict(content["document"])


def find_witness(store: Store, handle: str) -> str | None:
    """Who witnessed the newest version of a handle, or None."""
    content = _newest(store, handle)
    return None if content is None else content["witness"]


def _newest(store: Store, handle: str) -> dict[str, Any] | None:
    row = store.connection.execute(
        "SELECT content FROM consent WHERE handle = ? ORDER BY version DESC LIMIT 1", (handle,)
    ).fetchone()
    return None if row is None else store.vault.open(row["content"], table="consent", handle=handle)
