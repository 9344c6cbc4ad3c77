"""The bridge to `recordlinkage`: an indexer and compare features for tokens instead of plain text.

Tokens travel in a pandas frame (`token_frame`): one row a token, one uint64 column a stored slot, and the
packed name filter as bytes in the column `names`. `recordlinkage.Index` and `recordlinkage.Compare` take
the classes below beside their own. Probes and the weight of area need the whole network and are not here.

A token frame shows its tokens when it is printed, as every frame does. They are no identifiers, but
whoever holds the linkage key can try all of them: treat a frame as the caseload it was made from.

This module is imported by nobody who does not ask for it: `recordlinkage` is an optional extra, and
importing it costs seconds (De Bruin 2019, doi:10.5281/zenodo.3559042).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from recordlinkage.base import BaseCompareFeature, BaseIndexAlgorithm

from matcher.candidates import Meetings, SlotIndex, stored_meetings
from matcher.errors import SchemaError, TokenFormatError
from matcher.model import Model
from matcher.patterns import compare
from matcher.schema import LinkageSchema
from matcher.similarity import paired_dice
from matcher.tokens import FloatArray, IntArray, TokenSet, UInt8Array

NAMES = "names"
NamePart = Literal["both", "forename", "surname"]


def token_frame(schema: LinkageSchema, tokens: TokenSet, labels: Sequence[Any]) -> Any:
    """Tokens as a frame that `recordlinkage` can index and compare.

    Args:
        schema: The tokens' schema.
        tokens: The tokens; their record numbers and areas are left behind.
        labels: One label a token; `recordlinkage` wants them distinct.

    Returns:
        A `pandas.DataFrame` of shape (n, stored slots + 1).

    Raises:
        TokenFormatError: The tokens do not fit the schema, or the labels the tokens.
    """
    tokens.require_schema(schema)
    if len(labels) != len(tokens):
        raise TokenFormatError("token frame: one label a token is needed")
    columns: dict[str, Any] = {
        slot.slot_id: tokens.slots[:, index] for index, slot in enumerate(schema.stored)
    }
    columns[NAMES] = pd.Series([row.tobytes() for row in tokens.names], dtype=object).to_numpy()
    return pd.DataFrame(columns, index=pd.Index(labels))


def tokens_of(schema: LinkageSchema, frame: Any) -> TokenSet:
    """The tokens of a frame, each a record of its own, without an area.

    Raises:
        TokenFormatError: A column is missing or is not what the schema says.
    """
    missing = [name for name in token_columns(schema) if name not in frame.columns]
    if missing:
        raise TokenFormatError(f"token frame: no column {missing[0]}")
    return _token_set(schema, [frame[name] for name in token_columns(schema)])


def token_columns(schema: LinkageSchema) -> list[str]:
    """The columns of a token frame, in order."""
    return [slot.slot_id for slot in schema.stored] + [NAMES]


class StoredSlots(BaseIndexAlgorithm):  # type: ignore[misc]
    """Candidate pairs: records that share a stored slot, by equality joins and no all-pairs scan.

    Linking two frames or de-duplicating one. Like the toolkit's own indexers it gives, within one frame,
    the later record first.
    """

    def __init__(self, schema: LinkageSchema, **options: Any) -> None:
        """Search under a schema; options are those of `BaseIndexAlgorithm`."""
        super().__init__(**options)
        self.schema = schema

    def _link_index(self, df_a: Any, df_b: Any) -> Any:
        index = SlotIndex(self.schema, tokens_of(self.schema, df_b))
        found = index.meetings_of_slots(tokens_of(self.schema, df_a))
        left, right = _distinct(found.left, found.right, len(df_b))
        return pd.MultiIndex.from_arrays([df_a.index[left], df_b.index[right]])

    def _dedup_index(self, df_a: Any) -> Any:
        found = Meetings.concatenate(stored_meetings(self.schema, tokens_of(self.schema, df_a)))
        later, earlier = _distinct(found.right, found.left, len(df_a))
        return pd.MultiIndex.from_arrays([df_a.index[later], df_a.index[earlier]])


class MatchWeight(BaseCompareFeature):  # type: ignore[misc]
    """The match weight of each pair in bits: log₂(m/u) of its agreement pattern under a model.

    With the log odds of the prior it gives the posterior (`matcher.weights.posterior`). A pair that shares
    nothing has a negative weight, not a missing one, as long as there was something to compare.
    """

    def __init__(self, schema: LinkageSchema, model: Model, *, label: str = "match_weight") -> None:
        """Weigh pairs of tokens of a schema by a model.

        Raises:
            ModelParameterError: The model was fitted for another schema.
        """
        model.require_schema(schema)
        columns = token_columns(schema)
        super().__init__(columns, columns, label=label)
        self.schema = schema
        self.model = model

    def _compute_vectorized(self, *series: Any) -> FloatArray:
        left, right = (_token_set(self.schema, half) for half in _halves(series))
        rows = np.arange(len(left))
        # -1: no probe met. Every row is a pair of its own, so patterns come back in the same order.
        patterns = compare(self.schema, left, right, Meetings(rows, rows, np.full(len(rows), -1)))
        return self.model.weights(patterns.pattern)


class NameDice(BaseCompareFeature):  # type: ignore[misc]
    """Dice coefficient of each pair's name filters (Schnell, Bachteler and Reiher 2009), in [0, 1].

    The filters are salted with the birth date: only people who share it can have similar ones. Where one
    filter of a pair is empty (a name or the date is missing) the pair gets `missing_value`.
    """

    def __init__(
        self,
        schema: LinkageSchema,
        *,
        part: NamePart = "both",
        missing_value: float = 0.0,
        label: str = "name_dice",
    ) -> None:
        """Compare both names at once, or one of them.

        Raises:
            SchemaError: The schema has no name filter.
        """
        if schema.name_filter is None:
            raise SchemaError("linkage schema: no name filter, so there is nothing to compare")
        super().__init__([NAMES], [NAMES], label=label)
        half = schema.name_filter.half_bits // 8
        parts = {"both": slice(0, 2 * half), "forename": slice(0, half), "surname": slice(half, 2 * half)}
        self.bytes = parts[part]
        self.schema = schema
        self.missing_value = missing_value

    def _compute_vectorized(self, *series: Any) -> FloatArray:
        left, right = (_name_filters(self.schema, one)[:, self.bytes] for one in series)
        present = left.any(axis=1) & right.any(axis=1)
        return np.where(present, paired_dice(left, right), self.missing_value)


def _halves(series: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The toolkit passes the columns of the left records, then those of the right ones."""
    middle = len(series) // 2
    yield series[:middle]
    yield series[middle:]


def _token_set(schema: LinkageSchema, columns: Sequence[Any]) -> TokenSet:
    """Tokens from the columns of a frame, in the order of `token_columns`."""
    *slots, names = columns
    rows = len(names)
    if any(column.dtype != np.uint64 for column in slots):
        raise TokenFormatError("token frame: slots are uint64, 0 where absent")
    return TokenSet(
        slots=np.stack([column.to_numpy() for column in slots], axis=1),
        names=_name_filters(schema, names),
        record=np.arange(rows),
        area=np.full(rows, -1),
    )


def _name_filters(schema: LinkageSchema, names: Any) -> UInt8Array:
    """Packed name filters, shape (n, names_bits // 8), of a column of bytes."""
    width = schema.names_bits // 8
    if any(not isinstance(row, bytes) or len(row) != width for row in names):
        raise TokenFormatError(f"token frame, {NAMES}: {width} bytes a token are needed")
    return np.frombuffer(b"".join(names), dtype=np.uint8).reshape(len(names), width)


def _distinct(left: IntArray, right: IntArray, width: int) -> tuple[IntArray, IntArray]:
    """Each pair once, in ascending order: several slots may have met."""
    keys = np.unique(left * max(width, 1) + right)
    return keys // max(width, 1), keys % max(width, 1)
