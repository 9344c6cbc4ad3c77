"""Look-ups measured: every case asked at every agency, as the hub would answer it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cli.evaluation_data import Population, evaluation_encoder
from cli.evaluation_truth import read_truth
from matcher import evaluation
from matcher.candidates import Meetings, SlotIndex
from matcher.decisions import Thresholds
from matcher.linking import link, share_known_elsewhere
from matcher.lookups import score_lookups
from matcher.model import Model, shipped_model
from matcher.patterns import compare
from matcher.tokens import BoolArray, FloatArray, IntArray, TokenSet
from node.identifiers import Case
from node.pair_search import encode
from node.slots import Encoder

# A model, and how likely each agency is to know a person (None: in proportion to its records).
Weighing = tuple[Model, FloatArray | None]


def measure_lookups(
    population: Population,
    cases: Sequence[Case],
    people: Sequence[str],
    truth_file: Path,
    *,
    weigh: Callable[[Population], Weighing] | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Ask all cases one by one.

    Args:
        population: All agencies' records.
        cases: The cases.
        people: Person of each case by the truth.
        truth_file: Which agencies know whom.
        weigh: Where model and rates come from; without it, from a linking run over everything.
        advance: Told of every case asked.

    Returns:
        The contract's document: precision and recall of Known, and of Known or Possibly known, over cases
        and agencies; calibration error; seconds a case.
    """
    known_at = _known_at(truth_file, population.agencies)
    model, known_rates = (weigh or fitted_to_index)(population)
    index = SlotIndex(population.schema, population.tokens)
    encoder = evaluation_encoder(population.schema)
    sizes = np.bincount(population.agency, minlength=len(population.agencies))
    areas = _area_table(population)
    posterior = np.zeros((len(cases), len(population.agencies)))
    seconds = []
    for row, case in enumerate(cases):
        started = time.perf_counter()
        posterior[row] = _ask(encoder, index, population, model, case, sizes, areas, known_rates)
        seconds.append(time.perf_counter() - started)
        advance(1)
    is_known = [agency in known_at.get(person, ()) for person in people for agency in population.agencies]
    return _document(posterior.ravel(), np.asarray(is_known, dtype=np.bool_), seconds)


def fitted_to_index(population: Population) -> tuple[Model, FloatArray]:
    """The model as a linking run fits it to the index, and how likely each agency is to know a person."""
    shipped = shipped_model(population.schema)
    run = link(
        population.schema,
        population.tokens,
        population.meetings,
        agency=population.agency,
        shipped=shipped,
        probes=True,
    )
    crowding = run.fit.model.crowding_shape or shipped.crowding_shape
    return replace(run.fit.model, crowding_shape=crowding), share_known_elsewhere(
        run.pairs, population.agency
    )


def _ask(
    encoder: Encoder,
    index: SlotIndex,
    population: Population,
    model: Model,
    case: Case,
    sizes: IntArray,
    areas: FloatArray | None,
    known_rates: FloatArray | None,
) -> FloatArray:
    """One case's posterior at every agency."""
    asked, identities = encode(encoder, [case.identifiers], [case.area], population.areas)
    met = [index.meetings_of_slots(asked)]
    columns = encoder.columns(identities)
    for number, probe in enumerate(population.schema.asked):
        for rows, variants in encoder.probes(columns, probe):
            askers, holders = index.find(probe.asks, rows, variants)
            met.append(Meetings(askers, holders, np.full(len(askers), number, np.int64)))
    meetings = Meetings.concatenate(met)
    candidates, met_there, records = _cut_to_candidates(population.tokens, meetings)
    scores = score_lookups(
        population.schema,
        model,
        cases=asked,
        candidates=candidates,
        pairs=compare(population.schema, asked, candidates, met_there),
        holder_of_record=population.agency[records],
        holder_sizes=sizes,
        holder_areas=areas,
        holder_known=known_rates,
    )
    return scores.posterior[0] if len(scores.posterior) else np.zeros(len(sizes))


def _cut_to_candidates(tokens: TokenSet, meetings: Meetings) -> tuple[TokenSet, Meetings, IntArray]:
    """The candidate tokens alone, as the hub fetches them, what met among them, and their records."""
    rows, at = np.unique(meetings.right, return_inverse=True)
    records, dense = np.unique(tokens.record[rows], return_inverse=True)
    candidates = TokenSet(tokens.slots[rows], tokens.names[rows], dense.astype(np.int64), tokens.area[rows])
    return candidates, Meetings(meetings.left, at.astype(np.int64), meetings.asked), records


def _area_table(population: Population) -> FloatArray | None:
    """Records of each agency in each area; None where area is not shared."""
    if not population.areas:
        return None
    table = np.zeros((len(population.agencies), len(population.areas)))
    known = population.tokens.area >= 0
    np.add.at(table, (population.agency[population.tokens.record[known]], population.tokens.area[known]), 1.0)
    return table


def _known_at(truth_file: Path, agencies: Sequence[str]) -> dict[str, set[str]]:
    """The agencies that know each person."""
    known: dict[str, set[str]] = {}
    for (agency, _), person in read_truth(truth_file).items():
        if agency in agencies:
            known.setdefault(person, set()).add(agency)
    return known


def _document(posterior: FloatArray, is_known: BoolArray, seconds: Sequence[float]) -> dict[str, Any]:
    thresholds = Thresholds()
    total = int(is_known.sum())

    def at(threshold: float) -> dict[str, float | int]:
        said = posterior >= threshold
        measure = evaluation.measure(said, is_known, total)
        return {"precision": measure.precision, "recall": measure.recall, "n": int(said.sum())}

    p50, p99 = np.quantile(seconds, [0.5, 0.99]) if seconds else (0.0, 0.0)
    return {
        "known": at(thresholds.known),
        "known_or_possible": at(thresholds.possibly),
        "ece": evaluation.expected_calibration_error(posterior, is_known),
        "seconds_per_case": {"p50": float(p50), "p99": float(p99)},
    }
