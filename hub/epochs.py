"""Epochs at the hub: which linkage key is current, under which schema, and the envelopes that carry it.

The hub relays sealed keys and can open none. The newest epoch is current at once; everything encoded under
the one before is destroyed with its tags, and every agency counts as not having shared until it has pushed
again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from hub.access_log import Action, append_entry, who_called
from hub.authentication import CallingNode
from hub.errors import (
    ConflictError,
    EpochMismatchError,
    MalformedError,
    NotCustodianError,
    NotFoundError,
    SchemaMismatchError,
    SignatureRejectedError,
)
from hub.linking_members import lock_state
from hub.linking_models import LinkArray
from hub.models import Agency, Envelope, Epoch, Record, SharedArea, Tag, Token
from hub.month_models import RecordMonths
from hub.pair_decisions import carry_into_new_epoch
from keys.documents import canonical_bytes
from keys.errors import KeysError
from keys.identity import PublicIdentity
from matcher.errors import MatcherError
from matcher.schema import LinkageSchema, parse_schema

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CurrentEpoch:
    """The epoch look-ups and pushes must belong to."""

    epoch: str
    linkage_key_id: str
    schema: LinkageSchema

    def require(self, *, epoch: str, schema_digest: str) -> None:
        """Refuse what was made under another epoch or schema.

        Raises:
            EpochMismatchError: Another epoch.
            SchemaMismatchError: Another schema.
        """
        if epoch != self.epoch:
            raise EpochMismatchError("epoch: not the current one")
        if schema_digest != self.schema.digest:
            raise SchemaMismatchError("schema_digest: not the current epoch's schema")


def create_epoch(
    session: Session, caller: CallingNode, document: Document, *, network: str, at: datetime
) -> None:
    """Take a new epoch from the custodian; it is current from now on.

    Repeating the same document changes nothing.

    Raises:
        NotCustodianError: The caller keeps no keys.
        MalformedError: Another network, or a schema that is not one or not the one of the digest.
        SignatureRejectedError: The caller did not sign the document.
        ConflictError: There is an epoch of this id with other content.
    """
    _require_custodian(caller)
    if document["network"] != network:
        raise MalformedError("network: not this hub's")
    _require_schema(document)
    _require_signed(caller.identity, document)
    text = canonical_bytes(dict(document)).decode()
    known = session.scalar(select(Epoch).where(Epoch.epoch == document["epoch"]))
    if known is not None:
        if known.document != text:
            raise ConflictError("epoch: there is one of this id with other content")
        return
    _destroy_caseloads(session)
    row = Epoch(
        epoch=document["epoch"],
        document=text,
        schema_digest=document["schema_digest"],
        custodian=caller.agency,
    )
    session.add(row)
    session.flush()
    facts = {
        "epoch": document["epoch"],
        "schema_digest": document["schema_digest"],
        "linkage_key_id": document["linkage_key_id"],
    }
    parts = {"who": who_called(caller)}
    append_entry(session, Action.EPOCH_CREATED, agency=caller.agency, at=at, facts=facts, parts=parts)


def current_document(session: Session) -> dict[str, Any]:
    """The current epoch's document, with the agency that signed it as `custodian`.

    Raises:
        NotFoundError: No epoch has begun.
    """
    row = _current_row(session)
    if row is None:
        raise NotFoundError("epoch: none has begun")
    document: dict[str, Any] = json.loads(row.document)
    return document | {"custodian": row.custodian}


def current_epoch_id(session: Session) -> str | None:
    """Which epoch is current; None before the first."""
    row = _current_row(session)
    return None if row is None else row.epoch


def current_epoch(session: Session) -> CurrentEpoch | None:
    """The current epoch; None before the first."""
    row = _current_row(session)
    return None if row is None else _read_epoch(row.document)


def require_current(session: Session, *, epoch: str, schema_digest: str) -> CurrentEpoch:
    """The current epoch, if it is the one meant.

    Raises:
        EpochMismatchError: No epoch has begun, or another is current.
        SchemaMismatchError: The epoch has another schema.
    """
    row = _current_row(session)
    if row is None:
        raise EpochMismatchError("epoch: none has begun")
    current = _read_epoch(row.document)
    current.require(epoch=epoch, schema_digest=schema_digest)
    return current


def store_envelope(
    session: Session,
    caller: CallingNode,
    agency: str,
    document: Document,
    *,
    epoch: str,
    network: str,
    at: datetime,
) -> None:
    """Keep a wrapped linkage key for an agency; a later one replaces it.

    Raises:
        NotCustodianError: The caller keeps no keys.
        NotFoundError: No such agency, or it has no confirmed node.
        EpochMismatchError: The envelope belongs to another epoch or linkage key than the current.
        MalformedError: Network, recipient or custodian are not the ones of this call.
        SignatureRejectedError: The caller did not sign it.
    """
    _require_custodian(caller)
    row = _current_row(session)
    current = _read_epoch(row.document) if row is not None else None
    if current is None or not epoch == document["epoch"] == current.epoch:
        raise EpochMismatchError("epoch: not the current one")
    if document["linkage_key_id"] != current.linkage_key_id:
        raise EpochMismatchError("linkage_key_id: not the current epoch's")
    recipient = session.get(Agency, agency)
    if recipient is None or recipient.state != "confirmed":
        raise NotFoundError("agency: has no confirmed node")
    _require_addresses(document, network=network, recipient=recipient.fingerprint, custodian=caller)
    _require_signed(caller.identity, document)
    values = {"recipient": document["recipient"], "document": canonical_bytes(dict(document)).decode()}
    session.merge(Envelope(epoch=current.epoch, agency=agency, **values))
    facts, parts = {"epoch": current.epoch, "recipient": agency}, {"who": who_called(caller)}
    append_entry(session, Action.ENVELOPE_STORED, agency=caller.agency, at=at, facts=facts, parts=parts)


def own_envelope(session: Session, caller: CallingNode, epoch: str) -> dict[str, Any]:
    """The caller's wrapped linkage key of an epoch.

    Raises:
        NotFoundError: None for the keys the caller's node has now.
    """
    row = session.get(Envelope, (epoch, caller.agency))
    if row is None or row.recipient != caller.identity.fingerprint:
        raise NotFoundError("envelope: none for this node and epoch")
    document: dict[str, Any] = json.loads(row.document)
    return document


def _current_row(session: Session) -> Epoch | None:
    return session.scalar(select(Epoch).order_by(Epoch.number.desc()).limit(1))


@lru_cache(maxsize=8)
def _read_epoch(text: str) -> CurrentEpoch:
    document = json.loads(text)
    return CurrentEpoch(
        epoch=document["epoch"],
        linkage_key_id=document["linkage_key_id"],
        schema=parse_schema(document["schema"]),
    )


def _destroy_caseloads(session: Session) -> None:
    """Tags of a retired epoch can be compared with nothing any more, and so must not be kept.

    Nor what was scored of them; which handles are one person is kept, for handles survive.
    """
    # A push under way holds its agency: it is waited for, and what it has stored is destroyed too.
    session.execute(select(Agency.agency).order_by(Agency.agency).with_for_update(key_share=True)).all()
    lock_state(session)  # A run that is being published is of the epoch before, or finds this one.
    carry_into_new_epoch(session)
    for table in (Tag, Token, RecordMonths, Record, SharedArea, LinkArray):
        session.execute(delete(table), execution_options={"synchronize_session": False})
    session.execute(update(Agency).values(as_of=None, shared_records=0))


def _require_custodian(caller: CallingNode) -> None:
    if not caller.custodian:
        raise NotCustodianError("only the network's key custodian may do this")


def _require_schema(document: Document) -> None:
    try:
        schema = parse_schema(document["schema"])
        digest = schema.digest
    except MatcherError as error:
        raise MalformedError(f"schema: {error}") from error
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise MalformedError("schema: not a slots/1 document") from None
    if digest != document["schema_digest"]:
        raise MalformedError("schema_digest: not that of the schema")


def _require_signed(identity: PublicIdentity, document: Document) -> None:
    try:
        identity.verify_document(dict(document), document["signature"])
    except KeysError as error:
        raise SignatureRejectedError("signature: the caller did not sign this document") from error


def _require_addresses(
    document: Document, *, network: str, recipient: str | None, custodian: CallingNode
) -> None:
    wrong = [
        field
        for field, value in (
            ("network", network),
            ("recipient", recipient),
            ("custodian", custodian.identity.fingerprint),
        )
        if document[field] != value
    ]
    if wrong:
        raise MalformedError(f"{', '.join(wrong)}: not the one of this call")
