"""How many cases of one request are birth-date variants of each other: what trying dates looks like.

A pure function over a question's peppered tags; nothing of it is kept but the count, which goes into the log
for the hub's own officer. Two cases are near when a slot or probe of one shows, against a stored slot of the
other, a date that is swapped or differs in one part, and no slot shows that their dates are the same. So are
two tokens of one case: eight aliases could otherwise be eight dates.

What it does not see: dates tried in separate requests, because the hub keeps no tokens; those show in the
share of cases nobody knows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from hub.questions import PreparedCases
from matcher.schema import LinkageSchema

DATE_VARIANTS = frozenset({"swapped", "day_differs", "month_differs", "year_differs"})
SAME_DATE = frozenset({"exact"})

# Two cases (first field 0), or two tokens of one case (first field 1), the smaller number first.
Pair = tuple[int, int, int]


def count_near_cases(prepared: PreparedCases, schema: LinkageSchema) -> int:
    """Pairs of cases, and of tokens of one case, that are date variants of each other.

    Args:
        prepared: The question, as the index understands it.
        schema: The current epoch's, which says what each slot and probe shows.
    """
    near = {*_pairs_by_slot(prepared, schema, DATE_VARIANTS), *_pairs_by_probe(prepared, schema)}
    return len(near - set(_pairs_by_slot(prepared, schema, SAME_DATE)))


def count_same_cases(prepared: PreparedCases, schema: LinkageSchema) -> int:
    """Pairs of cases, and of tokens of one case, that a slot shows to have one date and more in common.

    Args:
        prepared: The question, as the index understands it.
        schema: The current epoch's, which says what each slot shows.
    """
    return len(set(_pairs_by_slot(prepared, schema, SAME_DATE)))


def _pairs_by_slot(prepared: PreparedCases, schema: LinkageSchema, shows: frozenset[str]) -> Iterator[Pair]:
    """Those with an equal stored slot that shows such dates."""
    case_of_token = prepared.tokens.record.tolist()
    for column, slot in enumerate(schema.stored):
        if slot.shows.get("date") not in shows:
            continue
        tokens: dict[int, list[int]] = defaultdict(list)
        for token, value in enumerate(prepared.tokens.slots[:, column].tolist()):
            if value:
                tokens[value].append(token)
        for group in tokens.values():
            yield from (_pair(case_of_token, *two) for two in combinations(group, 2))


def _pairs_by_probe(prepared: PreparedCases, schema: LinkageSchema) -> Iterator[Pair]:
    """Those of which one's date probe is the other's stored slot."""
    case_of_token = prepared.tokens.record.tolist()
    for number, probe in enumerate(schema.asked):
        if probe.shows.get("date") not in DATE_VARIANTS:
            continue
        column = prepared.tokens.slots[:, schema.slot_index[probe.asks]].view(np.int64)
        hits = (prepared.asked == number) & np.isin(prepared.tags, column[column != 0])
        for tag, token in zip(prepared.tags[hits].tolist(), prepared.token[hits].tolist(), strict=True):
            others = np.flatnonzero(column == tag).tolist()
            yield from (_pair(case_of_token, token, other) for other in others if other != token)


def _pair(case_of_token: Sequence[int], one: int, other: int) -> Pair:
    """What is near when two tokens are: their cases, or themselves where the case is one."""
    first, second = case_of_token[one], case_of_token[other]
    of_one_case = first == second
    if of_one_case:
        first, second = one, other
    return int(of_one_case), min(first, second), max(first, second)
