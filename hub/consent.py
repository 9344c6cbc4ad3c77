"""Consent as the holder of a record sent it: a chain of versions, all kept, the newest in force.

Every version names the digest of the one before, so that neither side can later tell another history.

Consent for a handle the hub does not hold is kept all the same, and no answer tells which
(docs/protocol.md, section 8).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry, who_called
from hub.authentication import CallingNode
from hub.clock import parse_time
from hub.database import insert_new
from hub.disclosure import HolderConsent
from hub.errors import ConflictError
from hub.log_tree import lock_head
from hub.models import Consent
from hub.pairs import rows_of
from keys.documents import canonical_bytes, document_digest

NOES = ("withdrawn_at", "objected_at")


def store_consent(
    session: Session, caller: CallingNode, handle: str, document: Mapping[str, Any], *, at: datetime
) -> int:
    """Keep a version of a record's consent.

    Returns:
        The version now in force.

    Raises:
        ConflictError: Other content under a version that is there, a version is left out, the chain to the
            version before is broken, or a no ends without the document saying that it lifts one.
    """
    lock_head(session)  # The same version at the same time waits here, and is answered as a repetition.
    version: int = document["version"]
    text = canonical_bytes(dict(document)).decode()
    newest = newest_version(session, caller.agency, handle)
    if version <= newest:
        if _document(session, caller.agency, handle, version) != text:
            raise ConflictError("version: there is one of this number with other content")
        return newest
    if version != newest + 1:
        raise ConflictError("version: not the next one")
    _require_chained(document, _document(session, caller.agency, handle, newest))
    row_values = {"agency": caller.agency, "handle": handle, "version": version, "document": text}
    if not insert_new(session, Consent, row_values):
        raise ConflictError("version: another was stored at the same time")
    action = _action_of(document)
    own = {"handle": handle, "version": version, "digest": document_digest(document)}
    parts = {"who": who_called(caller), "own": own}
    append_entry(session, action, agency=caller.agency, at=at, parts=parts)
    return version


def _action_of(document: Mapping[str, Any]) -> Action:
    """An objection answers every lawful basis, a withdrawal consent alone: they are not the same act."""
    if document["objected_at"] is not None:
        return Action.CONSENT_OBJECTED
    if document.get("lifts"):
        return Action.CONSENT_LIFTED
    return Action.CONSENT_STORED if document["withdrawn_at"] is None else Action.CONSENT_WITHDRAWN


def _require_chained(document: Mapping[str, Any], before: str | None) -> None:
    """Refuse a version that does not follow from the one before it."""
    last = None if before is None else json.loads(before)
    if document["previous"] != (None if last is None else document_digest(last)):
        raise ConflictError("previous: not the digest of the version before")
    if last is not None and document["consent"] != last["consent"]:
        raise ConflictError("consent: not the id of the version before")
    lifted = last is not None and any(last[no] is not None and document[no] is None for no in NOES)
    if lifted != bool(document.get("lifts")):
        raise ConflictError("lifts: must be there if, and only if, this ends a no of the version before")


def _document(session: Session, agency: str, handle: str, version: int) -> str | None:
    row = session.get(Consent, (agency, handle, version))
    return None if row is None else row.document


def newest_version(session: Session, agency: str, handle: str) -> int:
    """The number of the version in force; 0 where there is none."""
    statement = select(func.max(Consent.version)).where(Consent.agency == agency, Consent.handle == handle)
    newest = session.scalar(statement)
    return 0 if newest is None else int(newest)


def list_consents(session: Session, caller: CallingNode) -> list[dict[str, Any]]:
    """The newest consent of each of the caller's handles, sorted by handle."""
    newest = (
        select(Consent.handle, func.max(Consent.version).label("version"))
        .where(Consent.agency == caller.agency)
        .group_by(Consent.handle)
        .subquery()
    )
    rows = session.execute(
        select(Consent.handle, Consent.document)
        .join(newest, (Consent.handle == newest.c.handle) & (Consent.version == newest.c.version))
        .where(Consent.agency == caller.agency)
    )
    return [{"handle": handle} | json.loads(text) for handle, text in sorted(rows)]


def consents_in_force(
    session: Session, records: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], HolderConsent]:
    """The newest consent of each (agency, handle) that has one."""
    rows = rows_of(session, "consents", "t.agency, t.handle, t.version, t.document", records)
    newest = {(row.agency, row.handle): row for row in sorted(rows, key=lambda row: row.version)}
    return {record: _read_consent(json.loads(row.document)) for record, row in newest.items()}


def consents_of_agencies(session: Session, agencies: Iterable[str]) -> dict[tuple[str, str], HolderConsent]:
    """The newest consent of every record of some agencies that has one, by agency and handle."""
    newest = (
        select(Consent.agency, Consent.handle, func.max(Consent.version).label("version"))
        .where(Consent.agency.in_(list(agencies)))
        .group_by(Consent.agency, Consent.handle)
        .subquery()
    )
    same = (Consent.agency == newest.c.agency) & (Consent.handle == newest.c.handle)
    rows = session.execute(
        select(Consent.agency, Consent.handle, Consent.document).join(
            newest, same & (Consent.version == newest.c.version)
        )
    )
    return {(agency, handle): _read_consent(json.loads(document)) for agency, handle, document in rows}


def _read_consent(document: Mapping[str, Any]) -> HolderConsent:
    def time(field: str) -> datetime | None:
        return None if document[field] is None else parse_time(document[field])

    return HolderConsent(
        consent=document["consent"],
        version=document["version"],
        recipients=frozenset(document["recipients"]),
        purposes=frozenset(document["purposes"]),
        data_classes=frozenset(document["data_classes"]),
        valid_from=parse_time(document["valid_from"]),
        valid_until=time("valid_until"),
        withdrawn_at=time("withdrawn_at"),
        objected_at=time("objected_at"),
    )
