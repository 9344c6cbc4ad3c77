"""From identifiers to tokens: the positions of every slot and probe, and the name filter.

A slot's value is packed into one 16-byte block, and AES-256 under the slot's own key turns it into
128 pseudo-random bits: a keyed permutation on distinct blocks, cut into 6-bit numbers of which the
first 8 distinct ones are the slot's set bits. No double hashing (Kirsch and Mitzenmacher's scheme is
what lets patterns be mined, Schnell and Borgs 2016), and a whole column is one call.

It does not protect against whoever holds the linkage key: birth date and initials are about 24 bits
and can be tried one by one. That is why the hub never has it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from keys.linkage import LinkageKey
from matcher.schema import LinkageSchema, NameFilter, Probe
from node.columns import Columns, IntArray, UInt64Array, columns_of
from node.identifiers import Identifiers
from node.variants import vary

UInt8Array = NDArray[np.uint8]
# Rows of probes made at a time: keeps the working set of a whole caseload's questions near 50 MB.
PROBE_CHUNK_ROWS = 1 << 19


class TokenProvider(Protocol):
    """Where keyed bits come from; an independent tokeniser with a second secret can stand here."""

    def pseudo_random(self, slot_id: str, blocks: UInt8Array) -> UInt8Array:
        """16 pseudo-random bytes for every 16-byte block, shape (n, 16), under the slot's key."""

    def reduce(self, value: bytes) -> int:
        """A keyed number of 64 bits, never 0, for a value of any length."""


class LinkageKeyProvider:
    """The provider that holds the epoch's linkage key itself."""

    def __init__(self, linkage_key: LinkageKey, schema_digest: str) -> None:
        """Bind the key to one schema: tokens of two schemas can never be compared."""
        self._linkage_key = linkage_key
        self._schema_digest = schema_digest
        self._reduction_key = linkage_key.slot_key(schema_digest, "reduction")

    def pseudo_random(self, slot_id: str, blocks: UInt8Array) -> UInt8Array:
        """AES-256 of every block under the slot's key (HKDF of the linkage key)."""
        key = self._linkage_key.slot_key(self._schema_digest, slot_id)
        # ECB on blocks that are values, not a message: the permutation itself is the function wanted.
        encryptor = Cipher(algorithms.AES256(key), modes.ECB()).encryptor()
        encrypted = encryptor.update(np.ascontiguousarray(blocks).tobytes())
        return np.frombuffer(encrypted, dtype=np.uint8).reshape(-1, 16)

    def reduce(self, value: bytes) -> int:
        """Keyed BLAKE2b of the value, 64 bits."""
        digest = hashlib.blake2b(value, digest_size=8, key=self._reduction_key).digest()
        return int.from_bytes(digest, "big") or 1


class Encoder:
    """Makes tokens and probes under one schema and one provider."""

    def __init__(self, schema: LinkageSchema, provider: TokenProvider) -> None:
        """Bind a schema to a provider."""
        self.schema = schema
        self._provider = provider

    def columns(self, identifiers: Sequence[Identifiers]) -> Columns:
        """The columns of some identifiers, for the other methods."""
        return columns_of(identifiers, self._provider.reduce)

    def slots(self, columns: Columns) -> UInt64Array:
        """All stored slots, shape (n, stored slots); 0 = absent."""
        encoded = [self._slot(slot.slot_id, slot.inputs, slot.when, columns) for slot in self.schema.stored]
        return np.stack(encoded, axis=1) if encoded else np.zeros((len(columns), 0), np.uint64)

    def probes(self, columns: Columns, probe: Probe) -> Iterator[tuple[IntArray, UInt64Array]]:
        """One probe's variants for all tokens, in chunks.

        Yields:
            The row of each variant, shape (m,), and its slot, shape (m,), without absent ones.
        """
        asked = self.schema.stored[self.schema.slot_index[probe.asks]]
        for rows, varied in vary(columns, probe.varies, chunk_rows=PROBE_CHUNK_ROWS):
            slots = self._slot(asked.slot_id, asked.inputs, None, varied)
            present = slots != 0
            yield rows[present], slots[present]

    def names(self, identifiers: Sequence[Identifiers], columns: Columns) -> UInt8Array:
        """The name filters, shape (n, names_bits // 8); zero where date or name is missing."""
        name_filter = self.schema.name_filter
        if name_filter is None:
            return np.zeros((len(columns), 0), np.uint8)
        filters = np.zeros((len(columns), 2 * name_filter.half_bits), np.bool_)
        for half, names in enumerate(([i.forename for i in identifiers], [i.surname for i in identifiers])):
            self._set_name_bits(filters, half * name_filter.half_bits, names, columns, name_filter)
        return np.packbits(filters, axis=1)

    def _slot(self, slot_id: str, inputs: Sequence[str], when: str | None, columns: Columns) -> UInt64Array:
        """One slot of every row: positions where all inputs (and the condition) hold, else 0."""
        blocks, present = pack(inputs, columns)
        if when is not None:
            present = present & condition(when, columns)
        slots = np.zeros(len(columns), np.uint64)
        rows = np.flatnonzero(present)
        if len(rows):
            slots[rows] = self._positions(slot_id, blocks[rows])
        return slots

    def _positions(self, slot_id: str, blocks: UInt8Array) -> UInt64Array:
        """The first 8 distinct 6-bit numbers of each block's pseudo-random bits, as a 64-bit mask."""
        masks = np.zeros(len(blocks), np.uint64)
        unfinished = np.arange(len(blocks))
        while len(unfinished):
            blocks = self._provider.pseudo_random(slot_id, blocks)
            masks[unfinished] = _add_positions(masks[unfinished], blocks)
            # 20 draws leave fewer than 8 distinct about once in 4 * 10^10: those go on with the next block.
            short = np.bitwise_count(masks[unfinished]) < 8
            unfinished, blocks = unfinished[short], blocks[short]
        return masks

    def _set_name_bits(
        self,
        filters: NDArray[np.bool_],
        offset: int,
        names: Sequence[str | None],
        columns: Columns,
        name_filter: NameFilter,
    ) -> None:
        """Set the bits of one half: every q-gram, salted with the birth date, sets its own positions.

        Both halves use one function, so that swapped names can be compared crosswise.
        """
        rows: list[int] = []
        grams: list[bytes] = []
        for row in np.flatnonzero(columns.complete).tolist():
            found = ngrams(names[row] or "", name_filter.ngram)
            rows.extend([row] * len(found))
            grams.extend(found)
        if not rows:
            return
        at = np.asarray(rows)
        blocks = _date_blocks(columns.take(at))
        width = max(len(gram) for gram in grams)
        blocks[:, 8 : 8 + width] = np.frombuffer(
            b"".join(gram.ljust(width, b"\0") for gram in grams), dtype=np.uint8
        ).reshape(-1, width)
        drawn = self._provider.pseudo_random(name_filter.slot_id, blocks)
        for k in range(name_filter.set_bits_per_ngram):
            filters[at, offset + drawn[:, k].astype(np.int64) % name_filter.half_bits] = True


def ngrams(text: str, n: int) -> set[bytes]:
    """The distinct q-grams of a name, padded with one blank at each end; none of an empty name."""
    if not text:
        return set()
    padded = f" {text} ".encode("ascii", "replace")
    return {padded[i : i + n] for i in range(len(padded) - n + 1)}


def pack(inputs: Sequence[str], columns: Columns) -> tuple[UInt8Array, NDArray[np.bool_]]:
    """Pack a slot's inputs into 16-byte blocks.

    Layout: year (2 bytes), month, day, forename initial, surname initial, sex, 0, then 8 bytes of one
    long value; every input has its own place, so that equal blocks mean equal inputs.

    Returns:
        Blocks, shape (n, 16), uint8, and whether all inputs are there, shape (n,).
    """
    blocks = np.zeros((len(columns), 16), np.uint8)
    present = np.ones(len(columns), np.bool_)
    for name in inputs:
        present &= _PACKERS[name](blocks, columns)
    return blocks, present


def condition(when: str, columns: Columns) -> NDArray[np.bool_]:
    """Whether a slot for incomplete records is to be stored."""
    if when == "date_incomplete":
        return ~columns.complete
    if when == "forename_missing":
        return np.asarray(columns.forename_initial == 0, dtype=np.bool_)
    if when == "surname_missing":
        return np.asarray(columns.surname_initial == 0, dtype=np.bool_)
    raise ValueError(f"unknown condition of a slot: {when}")


def _add_positions(masks: UInt64Array, drawn: UInt8Array) -> UInt64Array:
    """Set the 6-bit numbers of 16 drawn bytes until 8 distinct bits are set."""
    words = drawn.view(">u8").astype(np.uint64)
    one, six_bits = np.uint64(1), np.uint64(63)
    for word in (words[:, 0], words[:, 1]):
        for shift in range(0, 60, 6):
            bit = one << ((word >> np.uint64(shift)) & six_bits)
            masks = np.where(np.bitwise_count(masks) < 8, masks | bit, masks)
    return masks


def _date_blocks(columns: Columns) -> UInt8Array:
    blocks = np.zeros((len(columns), 16), np.uint8)
    _pack_date(blocks, columns)
    return blocks


def _pack_year(blocks: UInt8Array, columns: Columns) -> NDArray[np.bool_]:
    blocks[:, 0] = columns.year >> 8
    blocks[:, 1] = columns.year & 255
    return columns.year > 0


def _pack_month(blocks: UInt8Array, columns: Columns) -> NDArray[np.bool_]:
    blocks[:, 2] = columns.month
    return columns.month > 0


def _pack_day(blocks: UInt8Array, columns: Columns) -> NDArray[np.bool_]:
    blocks[:, 3] = columns.day
    return columns.day > 0


def _pack_date(blocks: UInt8Array, columns: Columns) -> NDArray[np.bool_]:
    _pack_year(blocks, columns)
    _pack_month(blocks, columns)
    _pack_day(blocks, columns)
    return columns.complete


def _pack_sorted_day_and_month(blocks: UInt8Array, columns: Columns) -> NDArray[np.bool_]:
    blocks[:, 2] = np.minimum(columns.month, columns.day)
    blocks[:, 3] = np.maximum(columns.month, columns.day)
    return columns.complete


def _pack_forename_initial(blocks: UInt8Array, columns: Columns) -> NDArray[np.bool_]:
    blocks[:, 4] = columns.forename_initial
    return columns.forename_initial > 0


def _pack_surname_initial(blocks: UInt8Array, columns: Columns) -> NDArray[np.bool_]:
    blocks[:, 5] = columns.surname_initial
    return columns.surname_initial > 0


def _pack_initials(blocks: UInt8Array, columns: Columns) -> NDArray[np.bool_]:
    return _pack_forename_initial(blocks, columns) & _pack_surname_initial(blocks, columns)


def _pack_sorted_initials(blocks: UInt8Array, columns: Columns) -> NDArray[np.bool_]:
    blocks[:, 4] = np.minimum(columns.forename_initial, columns.surname_initial)
    blocks[:, 5] = np.maximum(columns.forename_initial, columns.surname_initial)
    return (columns.forename_initial > 0) & (columns.surname_initial > 0)


def _pack_sex(blocks: UInt8Array, columns: Columns) -> NDArray[np.bool_]:
    blocks[:, 6] = columns.sex
    return columns.sex > 0


def _pack_long(blocks: UInt8Array, values: UInt64Array) -> NDArray[np.bool_]:
    blocks[:, 8:16] = values.astype(">u8").view(np.uint8).reshape(-1, 8)
    return values > 0


_PACKERS: dict[str, Callable[[UInt8Array, Columns], NDArray[np.bool_]]] = {
    "year": _pack_year,
    "month": _pack_month,
    "day": _pack_day,
    "date": _pack_date,
    "day_month_sorted": _pack_sorted_day_and_month,
    "forename_initial": _pack_forename_initial,
    "surname_initial": _pack_surname_initial,
    "initials": _pack_initials,
    "initials_sorted": _pack_sorted_initials,
    "sex": _pack_sex,
    "surname_sound": lambda blocks, columns: _pack_long(blocks, columns.surname_sound),
    "sounds_sorted": lambda blocks, columns: _pack_long(blocks, columns.sounds_sorted),
    "chain": lambda blocks, columns: _pack_long(blocks, columns.chain),
    "nhs_number": lambda blocks, columns: _pack_long(blocks, columns.nhs_number),
}
