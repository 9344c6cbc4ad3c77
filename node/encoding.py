"""Records and cases as they travel: encoded tokens, and for cases the probes beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from matcher.schema import LinkageSchema
from matcher.tokens import encode_slots
from node.columns import UInt64Array
from node.identifiers import Case, Identifiers, Record
from node.slots import Encoder, TokenProvider


@dataclass(frozen=True, slots=True, repr=False)
class EncodedToken:
    """One token as it travels: stored slots, 8 bytes each, big-endian; and the name filter or b""."""

    slots: bytes
    names: bytes


@dataclass(frozen=True, slots=True, repr=False)
class EncodedProbe:
    """The variants of one probe of one token, 8 bytes each, big-endian."""

    token: int
    probe_id: str
    variants: bytes


@dataclass(frozen=True, slots=True, repr=False)
class EncodedCase:
    """A question about one person: tokens (the main one first, then aliases) and their probes."""

    tokens: tuple[EncodedToken, ...]
    probes: tuple[EncodedProbe, ...]


def encode_records(
    schema: LinkageSchema, provider: TokenProvider, records: Sequence[Record]
) -> list[tuple[EncodedToken, ...]]:
    """Tokens of every record, in order: one for each of its identities that can be compared at all.

    Returns:
        One tuple a record; empty where nothing can be encoded, so nothing must be shared.
    """
    owners, identities = _flatten([record.identifiers for record in records])
    encoder = Encoder(schema, provider)
    columns = encoder.columns(identities)
    slots = encoder.slots(columns)
    filters = encoder.names(identities, columns)
    searchable = _searchable(schema, slots)
    tokens: list[list[EncodedToken]] = [[] for _ in records]
    for row, (owner, packed) in enumerate(zip(owners, encode_slots(slots), strict=True)):
        if searchable[row]:
            names = filters[row].tobytes() if filters[row].any() else b""
            tokens[owner].append(EncodedToken(slots=packed, names=names))
    return [tuple(dict.fromkeys(of_record)) for of_record in tokens]


def encode_cases(schema: LinkageSchema, provider: TokenProvider, cases: Sequence[Case]) -> list[EncodedCase]:
    """Tokens and probes of every case, in order: one token for each identity of which anything can be asked.

    A token without a searched slot goes along where it has probes. Without either, nothing would be compared,
    and no answer to it would mean anything.

    Returns:
        One a case; both empty where nothing can be asked.
    """
    owners, identities = _flatten([case.identifiers for case in cases])
    encoder = Encoder(schema, provider)
    columns = encoder.columns(identities)
    slots = encoder.slots(columns)
    packed, searchable = encode_slots(slots), _searchable(schema, slots)
    filters = encoder.names(identities, columns)
    variants: dict[tuple[int, str], list[UInt64Array]] = {}
    for probe in schema.asked:
        for rows, asked in encoder.probes(columns, probe):
            for row in np.unique(rows):
                variants.setdefault((int(row), probe.probe_id), []).append(asked[rows == row])
    probed = {row for row, _ in variants}
    encoded = [EncodedCase(tokens=(), probes=()) for _ in cases]
    for owner in range(len(cases)):
        mine = [row for row, of in enumerate(owners) if of == owner and (searchable[row] or row in probed)]
        encoded[owner] = EncodedCase(
            tokens=tuple(
                EncodedToken(slots=packed[row], names=filters[row].tobytes() if filters[row].any() else b"")
                for row in mine
            ),
            probes=tuple(
                EncodedProbe(
                    token=mine.index(row),
                    probe_id=probe_id,
                    variants=np.concatenate(chunks).astype(">u8").tobytes(),
                )
                for (row, probe_id), chunks in variants.items()
                if row in mine
            ),
        )
    return encoded


def _flatten(groups: Iterable[Sequence[Identifiers]]) -> tuple[list[int], list[Identifiers]]:
    """All identities in one list, and the record each belongs to."""
    owners: list[int] = []
    identities: list[Identifiers] = []
    for owner, group in enumerate(groups):
        owners.extend([owner] * len(group))
        identities.extend(group)
    return owners, identities


def _searchable(schema: LinkageSchema, slots: UInt64Array) -> list[bool]:
    """Whether a token has any slot that candidate search looks at."""
    searched = [index for index, slot in enumerate(schema.stored) if slot.search]
    return [bool(found) for found in (slots[:, searched] != 0).any(axis=1)]
