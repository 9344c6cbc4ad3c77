"""The hub's index as a linking run reads it: all tokens of the current epoch, and whose record each is of.

Records come sorted by agency and handle, so that a run depends on what the index holds and not on when it
came. A record's digest is of its peppered tags, name filters and area: of everything that is compared, and
of nothing else, so that a new answer card is no change of the data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.models import Record, Token
from matcher.schema import LinkageSchema
from matcher.tokens import ABSENT_AREA, BoolArray, IntArray, TokenSet

DIGEST_BYTES = 16

# Agency and handle of a record.
Reference = tuple[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class IndexRecords:
    """What the hub holds of the current epoch.

    Attributes:
        tokens: All tokens; slots are peppered tags.
        references: Agency and handle of each record.
        digests: Digest of what each record is compared by.
    """

    tokens: TokenSet
    references: tuple[Reference, ...]
    digests: tuple[bytes, ...]

    @property
    def agencies(self) -> tuple[str, ...]:
        """Ids of the agencies that hold records, sorted."""
        return tuple(sorted({agency for agency, _ in self.references}))

    def agency_codes(self, agencies: Sequence[str]) -> IntArray:
        """Index of each record's agency among some, shape (records,)."""
        code = {agency: number for number, agency in enumerate(agencies)}
        return np.array([code[agency] for agency, _ in self.references], dtype=np.int64)

    def digest(self) -> str:
        """What stands for the whole index."""
        whole = hashlib.sha256()
        for (agency, handle), digest in zip(self.references, self.digests, strict=True):
            whole.update(f"{agency}\n{handle}\n".encode() + digest)
        return whole.hexdigest()

    def reordered(self, order: IntArray) -> IndexRecords:
        """The same records in another order.

        Args:
            order: The records to come first, second, ..., shape (records,).
        """
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        record = number[self.tokens.record]
        rows = np.argsort(record, kind="stable")
        chosen = order.tolist()
        return IndexRecords(
            tokens=TokenSet(
                self.tokens.slots[rows], self.tokens.names[rows], record[rows], self.tokens.area[rows]
            ),
            references=tuple(self.references[n] for n in chosen),
            digests=tuple(self.digests[n] for n in chosen),
        )


def read_records(session: Session, schema: LinkageSchema) -> IndexRecords:
    """All records of the current epoch; a past epoch's tags were destroyed when this one began."""
    rows = session.execute(
        select(Record.agency, Record.handle, Record.area, Token.tags, Token.names)
        .join(Record, Record.record == Token.record)
        .order_by(Token.token)
    ).all()
    # Not by the database, whose collation is its own; stable, so that a record's first token stays first.
    ordered = sorted(rows, key=attrgetter("agency", "handle"))
    references: list[Reference] = []
    digests: list[bytes] = []
    record = np.empty(len(ordered), np.int64)
    at = 0
    for reference, group in groupby(ordered, key=attrgetter("agency", "handle")):
        own = list(group)
        record[at : at + len(own)] = len(references)
        at += len(own)
        references.append(reference)
        digests.append(_digest(own))
    return IndexRecords(_token_set(ordered, record, schema), tuple(references), tuple(digests))


def rows_of_records(tokens: TokenSet, chosen: BoolArray) -> TokenSet:
    """The tokens of some records, which are numbered anew in their order.

    Args:
        tokens: Tokens of all records.
        chosen: Which records, shape (records,).
    """
    rows = chosen[tokens.record]
    number = np.cumsum(chosen) - 1
    return TokenSet(tokens.slots[rows], tokens.names[rows], number[tokens.record[rows]], tokens.area[rows])


def _digest(rows: Sequence[Any]) -> bytes:
    """Digest of a record's tokens and area; the order of tokens behind the first says nothing."""
    first, *others = [row.tags + row.names for row in rows]
    area = "" if rows[0].area is None else f"/{rows[0].area}"
    parts = [area.encode(), first, *sorted(others)]
    return hashlib.blake2b(b"\n".join(parts), digest_size=DIGEST_BYTES).digest()


def _token_set(rows: Sequence[Any], record: IntArray, schema: LinkageSchema) -> TokenSet:
    areas = {area: code for code, area in enumerate(sorted({row.area for row in rows if row.area}))}
    slots = np.frombuffer(b"".join(row.tags for row in rows), dtype=">u8").astype(np.uint64)
    names = np.frombuffer(b"".join(row.names for row in rows), dtype=np.uint8)
    return TokenSet(
        slots=slots.reshape(len(rows), len(schema.stored)),
        names=names.reshape(len(rows), schema.names_bits // 8),
        record=record,
        area=np.array([areas.get(row.area, ABSENT_AREA) for row in rows], dtype=np.int64),
    )
