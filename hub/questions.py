"""A question as the index understands it: its tokens, and every tag it asks for.

Needs no database. Nothing of the question is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from hub.decoding import decode_tokens, decode_variants
from hub.errors import MalformedError
from hub.lookup_schemas import WireCase
from hub.tags import SLOT_BYTES, Int64Array, Pepper
from matcher.schema import LinkageSchema
from matcher.tokens import ABSENT_AREA, TokenSet

STORED = -1  # A hit on an equal stored slot, not on a probe.
# A token has about 270 variants. More would make one case a search for many people.
VARIANTS_PER_TOKEN = 512
# By what a probe varies: no more than there can be of it, with some room for years and CHAIN numbers, so that
# what fits one token exactly (both sounds with the month) is not asked of hundreds.
MOST_VARIANTS = MappingProxyType(
    {
        "nothing": 1,
        "year": 150, "month": 12, "day": 31,
        "missing_year": 150, "missing_month": 12, "missing_day": 31,
        "forename_initial": 26, "surname_initial": 26,
        "missing_forename_initial": 26, "missing_surname_initial": 26,
        "month_of_known_year": 12,
        "chain_typing_error": 128,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class PreparedCases:
    """A question as the index understands it.

    Attributes:
        tokens: The cases' tokens, peppered; `record` is the case.
        areas: Code of each area named so far.
        tags: Every tag asked for, sorted, shape (n,), int64.
        token: The case token each tag stands for, shape (n,).
        asked: Index of the probe it was asked under, or -1 for a stored slot, shape (n,).
    """

    tokens: TokenSet
    areas: dict[str, int]
    tags: Int64Array
    token: Int64Array
    asked: Int64Array


def prepare_cases(cases: Sequence[WireCase], *, schema: LinkageSchema, pepper: Pepper) -> PreparedCases:
    """Check and pepper a question; needs no database.

    Raises:
        MalformedError: A token, probe or variant is not in its form.
    """
    wire = [token for case in cases for token in case.tokens]
    case_of_token = np.repeat(np.arange(len(cases)), [len(case.tokens) for case in cases])
    decoded = decode_tokens(wire, schema, field="cases.tokens")
    slots = pepper.token_tags(decoded.slots, schema)
    areas: dict[str, int] = {}
    codes = np.array([area_code(areas, case.area) for case in cases], dtype=np.int64)
    tokens = TokenSet(
        slots=slots,
        names=pepper.permute_names(decoded.names, schema),
        record=case_of_token.astype(np.int64),
        area=codes[case_of_token],
    )
    parts = [_stored_tags(tokens, schema), *_probe_tags(cases, schema, pepper)]
    tags, token, asked = (np.concatenate([part[n] for part in parts]) for n in range(3))
    order = np.argsort(tags, kind="stable")
    return PreparedCases(tokens, areas, tags[order], token[order], asked[order])


def _stored_tags(tokens: TokenSet, schema: LinkageSchema) -> tuple[Int64Array, Int64Array, Int64Array]:
    searched = np.flatnonzero([slot.search for slot in schema.stored])
    columns = tokens.slots[:, searched]
    token, column = np.nonzero(columns)
    tags = columns[token, column].view(np.int64)
    return tags, token.astype(np.int64), np.full(len(tags), STORED, dtype=np.int64)


def _probe_tags(
    cases: Sequence[WireCase], schema: LinkageSchema, pepper: Pepper
) -> list[tuple[Int64Array, Int64Array, Int64Array]]:
    """Tags of all variants, those that ask about one stored slot together."""
    variants: dict[str, bytearray] = {}
    tokens: dict[str, list[int]] = {}
    asked: dict[str, list[int]] = {}
    first_token = 0
    for number, case in enumerate(cases):
        counts = [0] * len(case.tokens)
        of_probe: Counter[tuple[int, int]] = Counter()
        for probe in case.probes:
            field = f"cases.{number}.probes"
            index = schema.probe_index.get(probe.probe)
            if index is None:
                raise MalformedError(f"{field}.probe: not a probe of the schema")
            if probe.token >= len(counts):
                raise MalformedError(f"{field}.token: the case has no such token")
            slots = decode_variants(probe.variants, field=f"{field}.variants")
            count = len(slots) // SLOT_BYTES
            counts[probe.token] += count
            if counts[probe.token] > VARIANTS_PER_TOKEN:
                raise MalformedError(f"{field}: more than {VARIANTS_PER_TOKEN} variants of one token")
            of_probe[probe.token, index] += count
            if of_probe[probe.token, index] > (most := MOST_VARIANTS[schema.asked[index].varies]):
                raise MalformedError(f"{field}: more than {most} variants of one token under one such probe")
            slot_id = schema.asked[index].asks
            variants.setdefault(slot_id, bytearray()).extend(slots)
            tokens.setdefault(slot_id, []).extend([first_token + probe.token] * count)
            asked.setdefault(slot_id, []).extend([index] * count)
        first_token += len(case.tokens)
    return [
        (
            pepper.tags(slot_id, bytes(variants[slot_id])),
            np.array(tokens[slot_id], dtype=np.int64),
            np.array(asked[slot_id], dtype=np.int64),
        )
        for slot_id in variants
    ]


def area_code(areas: dict[str, int], area: str | None) -> int:
    """The code of an area; a new one where it has none yet."""
    if area is None:
        return ABSENT_AREA
    return areas.setdefault(area, len(areas))
