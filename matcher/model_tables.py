"""A model as rows that people read: every level with m, u and its weight in bits, and two models beside
each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from matcher.model import COMPARISONS, Model
from matcher.patterns import (
    IDENTITY_COUNT,
    NUMBER_LEVELS,
    PATTERN_SHAPE,
    SEX_LEVELS,
    identity_id,
    pattern_levels,
)
from matcher.weights import match_weight

Row = dict[str, Any]
COLUMNS = ("comparison", "level", "m", "u", "weight_bits")
COMPARED_COLUMNS = ("comparison", "level", "first_bits", "second_bits", "difference_bits")
SCALARS = ("area_odds", "same_year", "same_initials", "known_rate", "duplicate_rate", "crowding_shape")
# Weights of levels with a smaller m rest on the floor and not on anything seen.
SHOWN_M = 2.1e-5


def model_rows(model: Model) -> list[Row]:
    """Levels of every comparison, then fitted joint patterns: m, u, and weight in bits."""
    rows = [_row("identity", identity_id(code), *_identity(model, code)) for code in shown_identity(model)]
    for comparison in COMPARISONS:
        rows += [_row(comparison, level, p.m, p.u) for level, p in model.levels[comparison].items()]
    rows += [_row("joint", pattern_text(code), p.m, p.u) for code, p in sorted(model.joint.items())]
    return rows


def scalar_rows(model: Model) -> list[Row]:
    """The parameters that are no level's."""
    return [{"name": name, "value": f"{getattr(model, name):.6g}"} for name in SCALARS]


def compare_rows(first: Model, second: Model) -> list[Row]:
    """Differences in weight by level, largest first; joint patterns of either are weighed by both."""
    rows = list(_compared_levels(first, second))
    codes = np.asarray(sorted({*first.joint, *second.joint}), dtype=np.int64)
    if len(codes):
        pairs = zip(codes.tolist(), first.weights(codes), second.weights(codes), strict=True)
        rows += [_difference("joint", pattern_text(code), float(a), float(b)) for code, a, b in pairs]
    return sorted(rows, key=lambda row: (-abs(row["difference_bits"]), row["comparison"], row["level"]))


def shown_identity(model: Model) -> list[int]:
    """Identity levels that the model knows more of than the floor."""
    return [code for code in range(IDENTITY_COUNT) if model.identity[0, code] > SHOWN_M]


def identity_alone(code: int) -> int:
    """The joint pattern of an identity level with every other comparison absent."""
    absent = (NUMBER_LEVELS.index("absent"), NUMBER_LEVELS.index("absent"), SEX_LEVELS.index("absent"))
    return int(np.ravel_multi_index((code, *absent), PATTERN_SHAPE))


def pattern_text(code: int) -> str:
    """A joint pattern's level ids in one line; absent ones are left out."""
    return format_levels(pattern_levels(code))


def format_levels(levels: Mapping[str, str]) -> str:
    """Level ids in one line."""
    others = [f"{name}={levels[name]}" for name in COMPARISONS if levels[name] != "absent"]
    return " ".join([levels["identity"], *others])


def _compared_levels(first: Model, second: Model) -> Iterator[Row]:
    for code in sorted({*shown_identity(first), *shown_identity(second)}):
        a, b = (match_weight(*_identity(model, code)) for model in (first, second))
        yield _difference("identity", identity_id(code), a, b)
    for comparison in COMPARISONS:
        both = first.levels[comparison], second.levels[comparison]
        for level in both[0]:
            if level in both[1]:
                a, b = (match_weight(p[level].m, p[level].u) for p in both)
                yield _difference(comparison, level, a, b)


def _identity(model: Model, code: int) -> tuple[float, float]:
    return float(model.identity[0, code]), float(model.identity[1, code])


def _row(comparison: str, level: str, m: float, u: float) -> Row:
    weight = round(match_weight(m, u), 2)
    return {
        "comparison": comparison,
        "level": level,
        "m": f"{m:.6g}",
        "u": f"{u:.6g}",
        "weight_bits": weight,
    }


def _difference(comparison: str, level: str, first: float, second: float) -> Row:
    shown = {"first_bits": round(first, 2), "second_bits": round(second, 2)}
    return {
        "comparison": comparison,
        "level": level,
        **shown,
        "difference_bits": round(second - first, 2),
    }
