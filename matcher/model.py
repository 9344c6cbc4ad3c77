"""The model: m and u of every level, in a readable, versioned file (`model/1`), and the shipped defaults.

The shipped file was made by `benchmarks/shipped_model.py` from a synthetic county whose truth is known
(the generator is in `cli/demo`); it names no partnership and no person. What a partnership's own data
say is added on top by `matcher.estimation`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any, TypeVar

import numpy as np

from matcher.errors import ModelParameterError
from matcher.patterns import (
    IDENTITY_COUNT,
    NUMBER_LEVELS,
    PATTERN_SHAPE,
    SEX_LEVELS,
    GradedIdentity,
    PlainIdentity,
    identity_id,
    identity_of,
    pattern_levels,
)
from matcher.schema import LinkageSchema
from matcher.tokens import FloatArray, IntArray

T = TypeVar("T")

# No level is a veto: a field without errors in the training data may still be wrong tomorrow.
SMALLEST_M = 2e-5
SMALLEST_U = 1e-10
# Chance agreement of birth dates (UK adults; day and month are near uniform) and of names.
SAME_DAY, SAME_MONTH = 1 / 30.4, 1 / 12
COMPARISONS = ("chain", "nhs_number", "sex")
# Enough for weights to survive a file to a part in ten million.
DIGITS = 9
# What a file may say: of a probability, and of the numbers beside m and u; both ends included.
PROBABILITY = (1e-300, 1.0)
SCALARS = {
    "area_odds": (1e-6, 1e6),
    "same_year": (1e-12, 0.999999),
    "same_initials": (1e-12, 0.999999),
    "known_rate": (1e-12, 1e6),
    "duplicate_rate": (0.0, 1.0),
    "crowding_shape": (0.0, 1e12),
}


@dataclass(frozen=True, slots=True)
class Probabilities:
    """m and u of one level."""

    m: float
    u: float


@dataclass(frozen=True, slots=True)
class Model:
    """Parameters of every comparison.

    Attributes:
        name: Where it comes from, in words.
        with_names: Whether its identity levels are those of a partnership that shares names.
        identity: m and u by identity code, shape (2, IDENTITY_COUNT).
        levels: m and u of the other comparisons' levels; absent weighs nothing.
        area_odds: How much likelier a match is to be in the same area, as odds ratio.
        same_year, same_initials: Chance that two strangers share the birth year, both initials.
        known_rate: How many of a network's agencies are expected to know the person of a case.
        duplicate_rate: Prior that a record has a duplicate inside its own agency.
        crowding_shape: Shape of the Gamma spread of how common people's initials are; 0 = not used.
        joint: m and u of joint patterns fitted from data, by pattern code.
        schema_digest: The schema it was fitted for, or "" for any.
        notes: How it was fitted: counts, iterations, whether it converged.
    """

    name: str
    with_names: bool
    identity: FloatArray
    levels: Mapping[str, Mapping[str, Probabilities]]
    area_odds: float
    same_year: float
    same_initials: float
    known_rate: float
    duplicate_rate: float
    crowding_shape: float = 0.0
    joint: Mapping[int, Probabilities] = field(default_factory=dict)
    schema_digest: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)

    def probabilities(self, patterns: IntArray) -> tuple[FloatArray, FloatArray]:
        """m and u of joint patterns: fitted ones where there are, else the product over comparisons."""
        m, u = self.product(patterns)
        for row, code in enumerate(patterns.tolist()):
            fitted = self.joint.get(code)
            if fitted is not None:
                m[row], u[row] = fitted.m, fitted.u
        return m, u

    def product(self, patterns: IntArray) -> tuple[FloatArray, FloatArray]:
        """m and u as the product over identity, CHAIN, NHS number and sex."""
        identity, *others = np.unravel_index(patterns, PATTERN_SHAPE)
        m, u = self.identity[0, identity].copy(), self.identity[1, identity].copy()
        for comparison, codes in zip(COMPARISONS, others, strict=True):
            table = self._table(comparison)
            m *= table[0, codes]
            u *= table[1, codes]
        return m, u

    def _table(self, comparison: str) -> FloatArray:
        """m and u by level code; absent is 1 and 1."""
        order = ("agree", "differ") if comparison == "sex" else ("agree", "partial", "differ")
        entries = [self.levels[comparison].get(level, Probabilities(SMALLEST_M, 1.0)) for level in order]
        return np.asarray([[e.m for e in entries] + [1.0], [e.u for e in entries] + [1.0]])

    def weights(self, patterns: IntArray) -> FloatArray:
        """log₂(m/u) of joint patterns, in bits."""
        codes, inverse = np.unique(patterns, return_inverse=True)
        m, u = self.probabilities(codes)
        return np.asarray(np.log2(np.maximum(m, 1e-300) / np.maximum(u, 1e-300))[inverse], dtype=np.float64)

    def document(self) -> dict[str, Any]:
        """The model as a `model/1` document."""
        return {
            "format": "model/1",
            "name": self.name,
            "schema_digest": self.schema_digest,
            "names": self.with_names,
            "identity": self._written_identity(),
            **{
                comparison: {level: _rounded(p.m, p.u) for level, p in self.levels[comparison].items()}
                for comparison in COMPARISONS
            },
            **{scalar: _round(getattr(self, scalar)) for scalar in SCALARS},
            "joint": [{**pattern_levels(code), "mu": _rounded(p.m, p.u)} for code, p in self.joint.items()],
            "notes": dict(self.notes),
        }

    def _stated_identity(self) -> list[int]:
        """Identity levels that a reader could not restore from the chance agreement of years and initials."""
        structural = structural_identity(_round(self.same_year), _round(self.same_initials))
        return [
            code
            for code in range(IDENTITY_COUNT)
            if self.identity[0, code] > SMALLEST_M
            or _rounded(*self.identity[:, code]) != _rounded(*structural[:, code])
        ]

    def _written_identity(self) -> dict[str, list[float]]:
        """Every level that a match may show, and every one that a reader could not work out."""
        structural = structural_identity(_round(self.same_year), _round(self.same_initials))
        written = {}
        for code in range(IDENTITY_COUNT):
            mine = _rounded(self.identity[0, code], self.identity[1, code])
            if mine[0] > SMALLEST_M or mine != _rounded(structural[0, code], structural[1, code]):
                written[identity_id(code)] = mine
        return written

    @property
    def digest(self) -> str:
        """SHA-256 over the document's canonical JSON, lower-case hex."""
        text = json.dumps(self.document(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def require_schema(self, schema: LinkageSchema) -> None:
        """Refuse a model of another schema.

        Raises:
            ModelParameterError: It was fitted for another schema.
        """
        if self.schema_digest not in ("", schema.digest):
            raise ModelParameterError("model: fitted for another linkage schema")


def shipped_model(schema: LinkageSchema) -> Model:
    """The shipped defaults for a schema."""
    return replace(_shipped("names" in schema.fields), schema_digest="")


@cache
def _shipped(with_names: bool) -> Model:
    file = "model-1-names.json" if with_names else "model-1-initials.json"
    return parse_model(resources.files("matcher").joinpath(f"data/{file}").read_text("utf-8"))


def format_model(model: Model) -> str:
    """The model as readable JSON text."""
    return json.dumps(model.document(), indent=1) + "\n"


def parse_model(text: str) -> Model:
    """Read a `model/1` file.

    Raises:
        ModelParameterError: The text breaks a rule of the format.
    """
    try:
        document = json.loads(text, parse_constant=_not_a_number)
        if document.get("format") != "model/1":
            raise ModelParameterError("model, format: not model/1")
        return _read(document)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelParameterError(f"model: {type(error).__name__} while reading it") from None


def _read(document: Mapping[str, Any]) -> Model:
    scalars = {key: _scalar(document[key], key) for key in SCALARS}
    identity = structural_identity(scalars["same_year"], scalars["same_initials"])
    codes = _identity_codes()
    for level, mu in document["identity"].items():
        if level not in codes:
            raise ModelParameterError("model, identity: unknown level")
        one = _probabilities(mu)
        identity[:, codes[level]] = one.m, one.u
    joint = {_pattern_code(entry): _probabilities(entry["mu"]) for entry in document["joint"]}
    if len(joint) != len(document["joint"]):
        raise ModelParameterError("model, joint: a pattern occurs twice")
    digest = document["schema_digest"]
    if not re.fullmatch("([0-9a-f]{64})?", digest):
        raise ModelParameterError("model, schema_digest: not 64 hexadecimal digits")
    return Model(
        name=_of_type(document["name"], str, "name"),
        with_names=_of_type(document["names"], bool, "names"),
        identity=identity,
        levels={comparison: _levels(document[comparison], comparison) for comparison in COMPARISONS},
        **scalars,
        joint=joint,
        schema_digest=digest,
        notes=_of_type(document["notes"], dict, "notes"),
    )


def structural_identity(same_year: float, same_initials: float) -> FloatArray:
    """Floor m, and u as the product of chance agreement of date and names, for levels never met.

    Returns:
        Shape (2, IDENTITY_COUNT).
    """
    date_u = {
        "exact": SAME_DAY * SAME_MONTH * same_year,
        "swapped": 0.36 * SAME_DAY * SAME_MONTH * same_year,
        "day_missing": SAME_MONTH * same_year,
        "month_missing": SAME_DAY * same_year,
        "year_missing": SAME_DAY * SAME_MONTH,
        "day_differs": SAME_MONTH * same_year * (1 - SAME_DAY),
        "month_differs": SAME_DAY * same_year * (1 - SAME_MONTH),
        "year_differs": SAME_DAY * SAME_MONTH * (1 - same_year),
        "year": same_year,
        "none": 1.0,
    }
    one_initial = same_initials**0.5
    initials_u = {
        "both": same_initials, "swapped": same_initials,
        "last": one_initial, "first": one_initial, "none": 1.0,
    }  # fmt: skip
    sounds_u = {"both": 0.02, "surname": 0.1, "differ": 1.0, "absent": 1.0}
    sounds_m = {"both": 0.8, "surname": 0.6, "differ": 0.1, "absent": 0.9}
    table = np.full((2, IDENTITY_COUNT), SMALLEST_M)
    for code in range(IDENTITY_COUNT):
        level = identity_of(code)
        if isinstance(level, PlainIdentity):
            # Names that sound alike begin alike, as a rule.
            initials = "both" if level.sounds == "both" else level.initials
            u = date_u[level.date] * initials_u[initials] * sounds_u[level.sounds]
        else:
            u = date_u["exact"] * same_initials / 10
        table[1, code] = u
        if isinstance(level, PlainIdentity) and has_gap(level):
            table[0, code] = sounds_m[level.sounds]
        if isinstance(level, PlainIdentity) and level.date == "none" and level.initials == "none":
            # Neither a whole date nor names to compare: says nothing; both there and neither met: much.
            table[0, code] = 0.01 if level.comparable else 1.0
    return table


def has_gap(level: PlainIdentity | GradedIdentity) -> bool:
    """Whether a level says that all agrees but for one part that one of the two records lacks.

    How many pairs have that very gap is not known, so m and u are those of pairs that have it.
    """
    if isinstance(level, GradedIdentity) or level.comparable:
        return False
    date_missing = level.date in ("day_missing", "month_missing", "year_missing") and level.initials == "both"
    return date_missing or (level.date == "exact" and level.initials in ("first", "last"))


@cache
def _identity_codes() -> dict[str, int]:
    return {identity_id(code): code for code in range(IDENTITY_COUNT)}


def _pattern_code(entry: Mapping[str, Any]) -> int:
    return int(
        np.ravel_multi_index(
            (
                _identity_codes()[entry["identity"]],
                NUMBER_LEVELS.index(entry["chain"]),
                NUMBER_LEVELS.index(entry["nhs_number"]),
                SEX_LEVELS.index(entry["sex"]),
            ),
            PATTERN_SHAPE,
        )
    )


def _levels(entry: Mapping[str, Any], comparison: str) -> dict[str, Probabilities]:
    known = SEX_LEVELS if comparison == "sex" else NUMBER_LEVELS
    if not {"agree", "differ"} <= set(entry) <= set(known) - {"absent"}:
        raise ModelParameterError(f"model, {comparison}: unknown levels, or not all of them")
    return {level: _probabilities(mu) for level, mu in entry.items()}


def _probabilities(mu: Any) -> Probabilities:
    m, u = _of_type(mu, list, "m and u")
    return Probabilities(_within(m, *PROBABILITY, "a probability"), _within(u, *PROBABILITY, "a probability"))


def _scalar(value: Any, key: str) -> float:
    return _within(value, *SCALARS[key], key)


def _within(value: Any, smallest: float, largest: float, what: str) -> float:
    """The number, which is not a text and not a truth value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ModelParameterError(f"model: {what} is not a number")
    # Not a number is within nothing.
    if not smallest <= value <= largest:
        raise ModelParameterError(f"model: {what} is out of bounds")
    return float(value)


def _of_type(value: Any, wanted: type[T], key: str) -> T:
    if not isinstance(value, wanted):
        raise ModelParameterError(f"model: {key} is not a {wanted.__name__}")
    return value


def _not_a_number(_: str) -> float:
    raise ModelParameterError("model: a number is not finite")


def _round(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _rounded(m: float, u: float) -> list[float]:
    return [_round(m), _round(u)]
