"""What a run sees of an agreement level: all of it, or what stored slots show without probes.

The shipped model says how often each level is shown where every probe was asked. Without probes two records
whose initials and sounds agree beside another day show their sounds alone, and many pairs are not met at all:
levels that look alike are one, with the sum of their m and of their u.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from matcher.model import Model, Probabilities
from matcher.patterns import (
    IDENTITY_COUNT,
    NUMBER_LEVELS,
    PATTERN_SHAPE,
    GradedIdentity,
    PlainIdentity,
    code_of,
    identity_of,
)
from matcher.schema import DATE_LEVELS, INITIAL_LEVELS, SOUND_LEVELS, LinkageSchema
from matcher.tokens import BoolArray, FloatArray, IntArray

_PARTIAL, _DIFFER = NUMBER_LEVELS.index("partial"), NUMBER_LEVELS.index("differ")


@dataclass(frozen=True, slots=True)
class View:
    """What every level is taken for.

    Attributes:
        identity: Identity code shown in place of each, shape (IDENTITY_COUNT,).
        chain: Level of CHAIN shown in place of each, shape (4,).
        telling: Whether pairs that the run met at a level are those that probes will meet there, shape
            (IDENTITY_COUNT,).
    """

    identity: IntArray
    chain: IntArray
    telling: BoolArray

    @staticmethod
    def of(schema: LinkageSchema, *, probes: bool) -> View:
        """The view of a run over stored slots, with every record's probes or without any."""
        identity, chain = np.arange(IDENTITY_COUNT), np.arange(len(NUMBER_LEVELS))
        telling = np.ones(IDENTITY_COUNT, np.bool_)
        if not probes:
            identity = np.asarray([_shown(schema, code) for code in identity.tolist()], np.int64)
            chain[_PARTIAL] = _DIFFER
            telling = np.asarray([not _bridged(schema, code) for code in range(IDENTITY_COUNT)])
        return View(identity, chain, telling)

    def summed(self, table: FloatArray) -> FloatArray:
        """Sums over the levels that look alike; what is never shown keeps its own.

        Args:
            table: Shape (..., IDENTITY_COUNT).
        """
        if (self.identity == np.arange(IDENTITY_COUNT)).all():
            return table
        order = np.argsort(self.identity, kind="stable")
        shown, starts = np.unique(self.identity[order], return_index=True)
        seen = table.copy()
        seen[..., shown] = np.add.reduceat(table[..., order], starts, axis=-1)
        return seen

    def seen(self, model: Model) -> Model:
        """The model of what is shown, of single levels."""
        chain = dict(model.levels["chain"])
        if "partial" in chain and self.chain[_PARTIAL] == _DIFFER:
            partial, differ = chain.pop("partial"), chain["differ"]
            chain["differ"] = Probabilities(differ.m + partial.m, min(1.0, differ.u + partial.u))
        identity = np.minimum(self.summed(model.identity), 1.0)
        return replace(model, identity=identity, levels={**model.levels, "chain": chain}, joint={})


def told_apart(joint: Mapping[int, Probabilities], whole: Model, view: View) -> dict[int, Probabilities]:
    """Joint patterns fitted under a view as a search with probes will show them.

    What was fitted of levels that look alike is divided among them as the whole model has it; of levels where
    probes will meet other pairs nothing was fitted.
    """
    seen = view.seen(whole)
    apart = {}
    for code, fitted in joint.items():
        parts = _parts(code, view)
        (m,), (u,) = seen.product(np.asarray([code]))
        for part, part_m, part_u in zip(parts.tolist(), *whole.product(parts), strict=True):
            apart[part] = Probabilities(min(1.0, fitted.m * part_m / m), min(1.0, fitted.u * part_u / u))
    return apart


def _parts(code: int, view: View) -> IntArray:
    """All joint patterns that look like this one."""
    identity, chain, nhs_number, sex = np.unravel_index(code, PATTERN_SHAPE)
    alike = np.flatnonzero((view.identity == identity) & view.telling)
    levels = np.meshgrid(alike, np.flatnonzero(view.chain == chain), nhs_number, sex)
    return np.asarray(np.ravel_multi_index(levels, PATTERN_SHAPE).ravel(), dtype=np.int64)


def _shown(schema: LinkageSchema, code: int) -> int:
    """The identity level that stored slots alone show of pairs at this one."""
    level = identity_of(code)
    if isinstance(level, GradedIdentity):
        return code if level.seen == "stored" else code_of(PlainIdentity("none", "none", "differ", True))
    if not level.comparable:
        # Its m and u are those of pairs that have this very gap, and no shares of anything.
        return code
    # Slots of records with a gap are not in whole ones.
    stored = [slot.shows for slot in schema.stored if slot.when is None and _is_equal(slot.shows, level)]
    asked = [probe.shows for probe in schema.asked if _is_equal(probe.shows, level)]
    # What probes do not show either is no level of any pair.
    return code_of(_shown_by(stored, level)) if _shown_by(stored + asked, level) == level else code


def _bridged(schema: LinkageSchema, code: int) -> bool:
    """Whether probes alone show a level between a record with a gap and one without, of whom none was met."""
    level = identity_of(code)
    if isinstance(level, GradedIdentity) or level.comparable:
        return False
    asked = [probe.shows for probe in schema.asked if _is_equal(probe.shows, level)]
    return bool(asked) and _shown_by(asked, level) == level


def _shown_by(shows: Sequence[Mapping[str, str]], level: PlainIdentity) -> PlainIdentity:
    """The level that equal slots and probes that met show together, of pairs at a level."""
    return PlainIdentity(
        _strongest("date", DATE_LEVELS, shows, "none"),
        _strongest("initials", INITIAL_LEVELS, shows, "none"),
        _strongest("sounds", SOUND_LEVELS, shows, "absent" if level.sounds == "absent" else "differ"),
        comparable=level.comparable,
    )


def _is_equal(shows: Mapping[str, str], level: PlainIdentity) -> bool:
    """Whether a slot is equal in records at a level: whether they agree on all that it shows."""
    agreed = {"date": {level.date}, "initials": {level.initials}, "sounds": {level.sounds}}
    agreed["sounds"] |= {"surname"} if level.sounds == "both" else set()
    return all(shown in agreed.get(comparison, ()) for comparison, shown in shows.items())


def _strongest(
    comparison: str, levels: tuple[str, ...], shows: Sequence[Mapping[str, str]], nothing: str
) -> str:
    found = [levels.index(shown[comparison]) for shown in shows if comparison in shown]
    return levels[min(found)] if found else nothing
