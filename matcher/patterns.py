"""From what two tokens share to their agreement pattern: one joint level of identity (birth date with
names), and one level each of CHAIN, NHS number and sex.

Errors in birth date and initials are not independent, and slots overlap by design, so identity is one
comparison with joint levels rather than several treated as independent (Fellegi and Sunter 1969
allow any vector; independence is a later assumption this avoids).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from matcher.candidates import Meetings
from matcher.schema import DATE_LEVELS, INITIAL_LEVELS, SOUND_LEVELS, LinkageSchema
from matcher.similarity import paired_dice
from matcher.tokens import BoolArray, FloatArray, IntArray, TokenSet, UInt8Array, UInt64Array

# Dice coefficient of one name's q-grams: level 0 is the same spelling, 4 another name.
GRADES = (0.97, 0.8, 0.6, 0.4)
GRADE_LEVELS = ("same", "close", "alike", "distant", "other")
# Spelling tells Jim from James no better than Jane; how names sound, with short forms written out, does. Of
# other names spelled somewhat alike, a slip or a form no table has begins with the same letter, as a rule.
FORENAME_LEVELS = ("same", "close", "alike", "form", "begins", "distant", "other")
NUMBER_LEVELS = ("agree", "partial", "differ", "absent")
SEX_LEVELS = ("agree", "differ", "absent")
SEEN_LEVELS = ("stored", "asked")
# Swapped names must explain the pair clearly better than straight ones to be read as swapped.
SWAP_MARGIN = 0.3

_EXACT = DATE_LEVELS.index("exact")
_FORM, _BEGINS, _DISTANT, _OTHER = map(FORENAME_LEVELS.index, ("form", "begins", "distant", "other"))
_BOTH, _SWAPPED, _FIRST = map(INITIAL_LEVELS.index, ("both", "swapped", "first"))
_SAME_SOUNDS = SOUND_LEVELS.index("both")
_DIFFERENT_SOUNDS, _ABSENT_SOUNDS = SOUND_LEVELS.index("differ"), SOUND_LEVELS.index("absent")
_PLAIN_SHAPE = (len(DATE_LEVELS), len(INITIAL_LEVELS), len(SOUND_LEVELS), 2)
_PLAIN_COUNT = int(np.prod(_PLAIN_SHAPE))
_GRADED_SHAPE = (len(SEEN_LEVELS), len(FORENAME_LEVELS), len(GRADE_LEVELS))
IDENTITY_COUNT = _PLAIN_COUNT + int(np.prod(_GRADED_SHAPE))
PATTERN_SHAPE = (IDENTITY_COUNT, len(NUMBER_LEVELS), len(NUMBER_LEVELS), len(SEX_LEVELS))


@dataclass(frozen=True, slots=True)
class PairPatterns:
    """Compared token pairs.

    Attributes:
        left, right: Token indexes, shape (n,).
        pattern: Joint pattern code, shape (n,), below the product of `PATTERN_SHAPE`.
    """

    left: IntArray
    right: IntArray
    pattern: IntArray

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.pattern)


@dataclass(frozen=True, slots=True)
class PlainIdentity:
    """Identity shown by slots alone; `comparable` says that both had a whole date and both initials."""

    date: str
    initials: str
    sounds: str
    comparable: bool


@dataclass(frozen=True, slots=True)
class GradedIdentity:
    """Birth dates agree exactly and both name filters could be compared.

    The forename is a `form` where it is spelled another way but sounds the same or is a known short form. It
    `begins` alike where it is spelled as differently as a `distant` one and has the same initial.
    """

    seen: str
    forename: str
    surname: str


def identity_of(code: int) -> PlainIdentity | GradedIdentity:
    """The identity level a code stands for."""
    if code < _PLAIN_COUNT:
        date, initials, sounds, comparable = np.unravel_index(code, _PLAIN_SHAPE)
        return PlainIdentity(
            DATE_LEVELS[date], INITIAL_LEVELS[initials], SOUND_LEVELS[sounds], bool(comparable)
        )
    seen, forename, surname = np.unravel_index(code - _PLAIN_COUNT, _GRADED_SHAPE)
    return GradedIdentity(SEEN_LEVELS[seen], FORENAME_LEVELS[forename], GRADE_LEVELS[surname])


def code_of(level: PlainIdentity) -> int:
    """The code of an identity level shown by slots alone."""
    return int(
        np.ravel_multi_index(
            (
                DATE_LEVELS.index(level.date),
                INITIAL_LEVELS.index(level.initials),
                SOUND_LEVELS.index(level.sounds),
                int(level.comparable),
            ),
            _PLAIN_SHAPE,
        )
    )


def pattern_levels(pattern: int) -> Mapping[str, str]:
    """A joint pattern as comparison and level ids, for files and explanations."""
    identity, chain, nhs_number, sex = np.unravel_index(pattern, PATTERN_SHAPE)
    return {
        "identity": identity_id(int(identity)),
        "chain": NUMBER_LEVELS[chain],
        "nhs_number": NUMBER_LEVELS[nhs_number],
        "sex": SEX_LEVELS[sex],
    }


def identity_id(code: int) -> str:
    """A readable id of an identity level, such as `date=exact names=same/close seen=stored`."""
    identity = identity_of(code)
    if isinstance(identity, GradedIdentity):
        return f"date=exact names={identity.forename}/{identity.surname} seen={identity.seen}"
    comparable = "whole" if identity.comparable else "incomplete"
    return f"date={identity.date} initials={identity.initials} sounds={identity.sounds} {comparable}"


def may_be_twins(pattern: int) -> bool:
    """Whether it looks like twins: one birth date and surname, another forename, and no number in common."""
    levels = pattern_levels(pattern)
    if "agree" in (levels["chain"], levels["nhs_number"]):
        return False
    identity = identity_of(int(np.unravel_index(pattern, PATTERN_SHAPE)[0]))
    if isinstance(identity, GradedIdentity):
        return identity.surname in GRADE_LEVELS[:2] and identity.forename in GRADE_LEVELS[-2:]
    return identity.date == "exact" and identity.initials == "last"


def compare(schema: LinkageSchema, left: TokenSet, right: TokenSet, meetings: Meetings) -> PairPatterns:
    """Compare every pair of tokens that met.

    Args:
        schema: The tokens' schema.
        left: Tokens that `meetings.left` points into.
        right: Tokens that `meetings.right` points into; the same set in a linking run.
        meetings: What met, by which probe or stored slot.

    Returns:
        One row a pair of tokens, in ascending order of (left, right).
    """
    keys, first, order = _group(meetings.left * max(len(right), 1) + meetings.right)
    pair_left, pair_right = keys // max(len(right), 1), keys % max(len(right), 1)
    probes = meetings.asked[order]
    a, b = left.slots[pair_left], right.slots[pair_right]
    both = (a != 0) & (b != 0)
    equal = (a == b) & both
    shown = {
        "date": _strongest(schema, "date", DATE_LEVELS, probes, first, equal),
        "initials": _strongest(schema, "initials", INITIAL_LEVELS, probes, first, equal),
        "sounds": _strongest(schema, "sounds", SOUND_LEVELS, probes, first, equal),
    }
    shown["sounds"] = np.where(
        (shown["sounds"] == _ABSENT_SOUNDS) & _both_have_names(schema, a, b),
        _DIFFERENT_SOUNDS,
        shown["sounds"],
    )
    identity = _plain_identity(schema, shown, both)
    if schema.name_filter is not None:
        _grade(identity, shown, equal, schema, left.names[pair_left], right.names[pair_right])
    pattern = np.ravel_multi_index(
        (
            identity,
            _number_level(schema, "chain", equal, both, probes, first),
            _number_level(schema, "nhs_number", equal, both, probes, first),
            _sex_level(schema, equal, both),
        ),
        PATTERN_SHAPE,
    )
    return PairPatterns(pair_left, pair_right, pattern.astype(np.int64))


def _group(keys: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Distinct keys in ascending order, where each starts in the sorted order, and that order."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(keys) else np.zeros(0, np.int64)
    return ordered[first], first, order


def _strongest(
    schema: LinkageSchema,
    comparison: str,
    levels: tuple[str, ...],
    probes: IntArray,
    first: IntArray,
    equal: BoolArray,
) -> IntArray:
    """The strongest level of a comparison that any probe or equal slot of a pair shows."""
    none = len(levels) - 1
    # The last entry answers index -1: a meeting by a stored slot shows nothing by itself here.
    by_probe = [levels.index(p.shows[comparison]) if comparison in p.shows else none for p in schema.asked]
    level = np.asarray([*by_probe, none], np.int64)[probes]
    strongest = np.minimum.reduceat(level, first) if len(first) else level
    for index, slot in enumerate(schema.stored):
        if comparison in slot.shows:
            shows = levels.index(slot.shows[comparison])
            strongest = np.where(equal[:, index], np.minimum(strongest, shows), strongest)
    return strongest


def _both_have_names(schema: LinkageSchema, a: UInt64Array, b: UInt64Array) -> BoolArray:
    """Whether both tokens have any slot that names go into."""
    named = [index for index, slot in enumerate(schema.stored) if "sounds" in slot.shows]
    return np.asarray((a[:, named] != 0).any(axis=1) & (b[:, named] != 0).any(axis=1), dtype=np.bool_)


def _plain_identity(schema: LinkageSchema, shown: Mapping[str, IntArray], both: BoolArray) -> IntArray:
    comparable = _column(schema, "F", both).astype(np.int64)
    return np.asarray(
        np.ravel_multi_index((shown["date"], shown["initials"], shown["sounds"], comparable), _PLAIN_SHAPE),
        dtype=np.int64,
    )


def _grade(
    identity: IntArray,
    shown: Mapping[str, IntArray],
    equal: BoolArray,
    schema: LinkageSchema,
    left_names: UInt8Array,
    right_names: UInt8Array,
) -> None:
    """Replace plain identity by the graded one where the dates agree and both names are there."""
    half = left_names.shape[1] // 2
    halves = [left_names[:, :half], left_names[:, half:], right_names[:, :half], right_names[:, half:]]
    gradable = (shown["date"] == _EXACT) & np.logical_and.reduce([filters.any(axis=1) for filters in halves])
    rows = np.flatnonzero(gradable)
    forename_a, surname_a, forename_b, surname_b = (filters[rows] for filters in halves)
    straight = paired_dice(forename_a, forename_b), paired_dice(surname_a, surname_b)
    crossed = paired_dice(forename_a, surname_b), paired_dice(surname_a, forename_b)
    swapped = crossed[0] + crossed[1] > straight[0] + straight[1] + SWAP_MARGIN
    initials = shown["initials"][rows]
    forename = forename_level(
        grade_of(np.where(swapped, crossed[0], straight[0])),
        sound=shown["sounds"][rows] == _SAME_SOUNDS,
        begins=(initials == _BOTH) | (initials == np.where(swapped, _SWAPPED, _FIRST)),
    )
    surname = grade_of(np.where(swapped, crossed[1], straight[1]))
    searched = [
        i for i, slot in enumerate(schema.stored) if slot.search and slot.shows.get("date") == "exact"
    ]
    asked_only = ~equal[rows][:, searched].any(axis=1)
    identity[rows] = _PLAIN_COUNT + np.ravel_multi_index(
        (asked_only.astype(np.int64), forename, surname), _GRADED_SHAPE
    )


def grade_of(dice: FloatArray) -> IntArray:
    """Indexes into `GRADE_LEVELS`: 0 for the same spelling up to 4 for another name."""
    return np.asarray((dice[:, None] < np.asarray(GRADES)).sum(axis=1), dtype=np.int64)


def forename_level(grade: IntArray, *, sound: BoolArray, begins: BoolArray) -> IntArray:
    """Indexes into `FORENAME_LEVELS`, of grades and of whether the names sound the same and begin alike."""
    distant = grade == GRADE_LEVELS.index("distant")
    return np.select(
        [grade <= GRADE_LEVELS.index("alike"), sound, distant & begins, distant],
        [grade, _FORM, _BEGINS, _DISTANT],
        default=_OTHER,
    ).astype(np.int64)


def _number_level(
    schema: LinkageSchema,
    comparison: str,
    equal: BoolArray,
    both: BoolArray,
    probes: IntArray,
    first: IntArray,
) -> IntArray:
    """agree, partial (a probe for typing errors met), differ or absent."""
    slot_id = next((s.slot_id for s in schema.stored if s.shows.get(comparison) == "agree"), "")
    agree, present = _column(schema, slot_id, equal), _column(schema, slot_id, both)
    partial_probes = [i for i, p in enumerate(schema.asked) if p.shows.get(comparison) == "partial"]
    met = np.isin(probes, partial_probes)
    partial = np.logical_or.reduceat(met, first) if len(first) else met
    return np.select([agree, partial, present], [0, 1, 2], default=3).astype(np.int64)


def _sex_level(schema: LinkageSchema, equal: BoolArray, both: BoolArray) -> IntArray:
    """agree, differ or absent; visible only beside the slot it is salted with."""
    slot = next((s for s in schema.stored if "sex" in s.shows), None)
    if slot is None or slot.beside is None:
        return np.full(len(equal), 2, np.int64)
    visible = _column(schema, slot.slot_id, both) & _column(schema, slot.beside, equal)
    return np.select([visible & _column(schema, slot.slot_id, equal), visible], [0, 1], default=2).astype(
        np.int64
    )


def _column(schema: LinkageSchema, slot_id: str, table: BoolArray) -> BoolArray:
    index = schema.slot_index.get(slot_id)
    return table[:, index] if index is not None else np.zeros(len(table), np.bool_)
