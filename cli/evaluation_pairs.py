"""All records of a folder linked, and the links measured against the truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from cli.evaluation_data import Population, load_population
from matcher import evaluation
from matcher.clustering import cluster, connected_components, measure_clusters
from matcher.linking import LinkingRun, link
from matcher.model import shipped_model
from matcher.schema import LinkageSchema
from matcher.tokens import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, repr=False)
class LinkedFiles:
    """A linking run over a folder, beside its truth.

    Attributes:
        population: The records.
        run: The scored pairs and the fitted model.
        is_match: Whether each scored pair is one person, shape (pairs,).
        with_probes: Whether records were asked about, or stored slots compared alone.
        link_seconds: Time to find, fit and score the pairs.
    """

    population: Population
    run: LinkingRun
    is_match: BoolArray
    with_probes: bool
    link_seconds: float

    @property
    def posterior(self) -> FloatArray:
        """Posterior of every scored pair."""
        return self.run.pairs.posterior

    @property
    def never_candidates(self) -> tuple[int, int]:
        """True pairs that were never compared: both rows usable but nothing shared; a row not usable."""
        _, sizes = np.unique(self.population.person[self.population.person >= 0], return_counts=True)
        usable = int((sizes * (sizes - 1) // 2).sum())
        return usable - int(self.is_match.sum()), self.population.true_pairs - usable


def link_folder(
    directory: Path,
    truth_file: Path | None,
    schema: LinkageSchema,
    *,
    with_probes: bool,
    today: date,
    leave_out: Sequence[Path] = (),
    advance: Callable[[int], None] = lambda _: None,
) -> LinkedFiles:
    """Read, encode and link all records of a folder.

    Arguments and errors are those of `cli.evaluation_data.load_population`.
    """
    population = load_population(
        directory,
        truth_file,
        schema,
        with_probes=with_probes,
        today=today,
        leave_out=leave_out,
        advance=advance,
    )
    started = time.perf_counter()
    run = link(
        schema,
        population.tokens,
        population.meetings,
        agency=population.agency,
        shipped=shipped_model(schema),
        probes=with_probes,
    )
    seconds = population.meet_seconds + time.perf_counter() - started
    is_match = population.is_match(run.pairs.left, run.pairs.right)
    return LinkedFiles(population, run, is_match, with_probes, seconds)


def measure_pairs(linked: LinkedFiles) -> dict[str, Any]:
    """The contract's document: how good the links are, by themselves and once clustered."""
    population, posterior, is_match = linked.population, linked.posterior, linked.is_match
    true_pairs = population.true_pairs
    best = evaluation.best_f1(posterior, is_match, true_pairs).measure

    def at(threshold: float) -> dict[str, float]:
        return asdict(evaluation.measure(posterior >= threshold, is_match, true_pairs))

    return {
        "records": population.rows,
        "true_pairs": true_pairs,
        "candidate_pairs": len(posterior),
        "best_f1": best.f1,
        "precision": best.precision,
        "recall": best.recall,
        "recall_at_precision_99": evaluation.recall_at_precision(posterior, is_match, true_pairs, 0.99),
        "at_posterior_0.5": at(0.5),
        "at_posterior_0.95": at(0.95),
        "ece": evaluation.expected_calibration_error(posterior, is_match),
        "brier": evaluation.brier_score(posterior, is_match),
        "clusters": compare_clusters(linked),
        "converged": linked.run.fit.converged,
        "seconds": {
            "encode": population.encode_seconds,
            "link": linked.link_seconds,
            "total": population.encode_seconds + linked.link_seconds,
        },
    }


def compare_clusters(linked: LinkedFiles) -> dict[str, Any]:
    """Pairs after clustering, beside those of plain connected components."""
    population, pairs = linked.population, linked.run.pairs
    count = len(population.agency)
    clusters = cluster(pairs, record_count=count, agency=population.agency).cluster_of
    connected = connected_components(pairs, record_count=count)
    return {
        "count": len(np.unique(clusters)),
        "pairs": asdict(measure_clusters(clusters, population.person, population.true_pairs)),
        "connected_components": asdict(measure_clusters(connected, population.person, population.true_pairs)),
    }
