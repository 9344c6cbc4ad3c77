"""Makes the shipped models: `python -m benchmarks.shipped_model`.

Counts patterns on a synthetic county whose truth is known (`cli.demo.generator`, seed and size below)
and writes `matcher/data/model-1-*.json`. No real record and no evaluation data are used.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from cli.demo.files import write_contract
from cli.demo.generator import DEFAULT_AS_OF, generate
from cli.evaluation_data import Population, load_population, parse_fields
from matcher.candidates import Meetings
from matcher.counts import CLASSES, NAMES, WEAK, WHOLE, identity_availability, pairs_of_classes
from matcher.linking import pairs_by_class, record_availability
from matcher.model import Model, Probabilities, format_model, has_gap, structural_identity
from matcher.patterns import IDENTITY_COUNT, PATTERN_SHAPE, GradedIdentity, compare, identity_of
from matcher.schema import LinkageSchema
from matcher.scoring import best_of_records
from matcher.tokens import BoolArray, FloatArray, IntArray

PEOPLE, SEED = 60_000, 7
TARGETS = {
    "names": "dob,names,chain,nhs_number,sex,area",
    "initials": "dob,initials,chain,nhs_number,sex,area",
}
# What a handful of counts cannot tell is left near the structural value.
PSEUDO_MATCHES, PSEUDO_CHANCE = 0.3, 2.0
# Fewer pairs than this with a part missing say nothing of how common that is elsewhere.
LEAST_WITH_GAP = 100
SHIPPED_LEVELS = {
    "chain": {
        "agree": Probabilities(0.94, 1e-6),
        "partial": Probabilities(0.03, 1e-5),
        "differ": Probabilities(0.03, 1.0),
    },
    "nhs_number": {"agree": Probabilities(0.97, 1e-8), "differ": Probabilities(0.03, 1.0)},
    "sex": {"agree": Probabilities(0.985, 0.65), "differ": Probabilities(0.015, 0.35)},
}


def main() -> None:
    """Write both model files."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        write_contract(generate(people=PEOPLE, seed=SEED, with_conference=False), directory)
        for name, fields in TARGETS.items():
            population = load_population(
                directory,
                directory / "truth.csv",
                parse_fields(fields),
                with_probes=True,
                today=DEFAULT_AS_OF,
            )
            model = counted(population, with_names=name == "names")
            path = Path("matcher/data") / f"model-1-{name}.json"
            path.write_text(format_model(model), encoding="utf-8")
            print(f"{path}: {population.rows} records, same year {model.same_year:.4f}, "
                  f"same initials {model.same_initials:.5f}")  # fmt: skip


def counted(population: Population, *, with_names: bool) -> Model:
    """The model counted on a population whose truth is known."""
    # Rounded as a file rounds them, so that the levels never met can be worked out by its reader.
    same_year, same_initials = (float(f"{chance:.6g}") for chance in chance_of_agreement(population))
    identity = structural_identity(same_year, same_initials)
    empty = Model(
        name="shipped",
        with_names=with_names,
        identity=identity,
        levels=SHIPPED_LEVELS,
        area_odds=12.0,
        same_year=same_year,
        same_initials=same_initials,
        known_rate=1.2,
        duplicate_rate=0.02,
        crowding_shape=0.8,
        notes={"made_by": "benchmarks/shipped_model.py", "people": PEOPLE, "seed": SEED},
    )
    pairs = best_of_records(
        compare(population.schema, population.tokens, population.tokens, population.meetings),
        population.tokens,
        empty,
    )
    is_match = population.is_match(pairs.left, pairs.right)
    codes = pairs.pattern // int(np.prod(PATTERN_SHAPE[1:]))
    found = np.bincount(codes[is_match], minlength=IDENTITY_COUNT)
    chance = np.bincount(codes[~is_match], minlength=IDENTITY_COUNT)
    matches, strangers = pairs_by_availability(population)
    for code in np.flatnonzero(found + chance).tolist():
        level = identity_of(code)
        if not isinstance(level, GradedIdentity) and (level.date, level.initials) == ("none", "none"):
            continue
        if has_gap(level) and found[code] < LEAST_WITH_GAP:
            continue
        of = identity_availability()[code]
        identity[0, code] = (found[code] + PSEUDO_MATCHES * 0.01) / (matches[of] + PSEUDO_MATCHES)
        pseudo_pairs = PSEUDO_CHANCE / identity[1, code]
        identity[1, code] = (chance[code] + PSEUDO_CHANCE) / (strangers[of] + pseudo_pairs)
    return replace(empty, identity=np.clip(identity, 1e-9, 1.0))


def pairs_by_availability(population: Population) -> tuple[FloatArray, FloatArray]:
    """True pairs and all other pairs by what both records can compare: whole dates, names."""
    _, first = np.unique(population.tokens.record, return_index=True)
    of = record_availability(population.schema, population.tokens, first) & (WHOLE | NAMES | WEAK)
    matches = np.zeros(CLASSES)
    order = np.argsort(population.person, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(population.person[order]) != 0])
    for group in np.split(of[order], starts[1:]):
        if len(group) > 1:
            matches += pairs_by_class(group)
    return pairs_of_classes(matches), pairs_of_classes(pairs_by_class(of) - matches)


def chance_of_agreement(population: Population) -> tuple[float, float]:
    """Chance that two strangers share the birth year, and both initials: from near misses, as when fitting.

    Counted from the probes' meetings of strangers: initials beside another year, and beside another day.
    """
    strangers = _pairs(len(population.person)) - _same(population.person)
    near_year = _strangers_met(population, population.meetings, "A1")
    near_day = _strangers_met(population, population.meetings, "A3")
    year_odds = near_day / near_year * (1 / 30.4 / 12) / ((1 - 1 / 30.4) / 12)
    same_year = year_odds / (1 + year_odds)
    return same_year, near_year / strangers / ((1 / 30.4 / 12) * (1 - same_year))


def _strangers_met(population: Population, meetings: Meetings, probe_id: str) -> int:
    schema: LinkageSchema = population.schema
    asked = meetings.asked == schema.probe_index[probe_id]
    left = population.tokens.record[meetings.left[asked]]
    right = population.tokens.record[meetings.right[asked]]
    keys = np.unique(np.minimum(left, right) * len(population.person) + np.maximum(left, right))
    strangers: BoolArray = ~population.is_match(keys // len(population.person), keys % len(population.person))
    return int(strangers.sum())


def _pairs(count: int) -> float:
    return count * (count - 1) / 2


def _same(person: IntArray) -> float:
    sizes = np.unique(person, return_counts=True)[1]
    return float((sizes * (sizes - 1) // 2).sum())


if __name__ == "__main__":
    main()
