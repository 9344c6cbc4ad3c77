"""Records that come later: how long scoring them takes, and how far a full run over everything differs.

    .venv/bin/python -m benchmarks.increments ../shared/data/county --fields dob,names,chain,sex,area

prints a table in markdown for docs/benchmarks.md. Records come in a random order (fixed seed) and are linked
by stored slots; the last few are scored by what a run over the others found.
"""

from __future__ import annotations

import argparse
import time
from datetime import date
from pathlib import Path

import numpy as np

from cli.evaluation_data import Population, load_population, parse_fields
from matcher.candidates import Meetings, SlotIndex, stored_meetings
from matcher.increments import LinkedIndex, meetings_of_new, score_new_records
from matcher.linking import LinkingRun, link
from matcher.model import shipped_model
from matcher.scoring import RecordPairs
from matcher.tokens import BoolArray, IntArray, TokenSet

# A fixed day, so that the same files are read alike on every run.
TODAY = date(2026, 11, 22)
NEW_RECORDS = (1, 500, 5000)
HEADER = (
    "| new records | their pairs | seconds | a full run | decided otherwise at 0.5 | largest difference |\n"
    "|---:|---:|---:|---:|---:|---:|"
)


def shuffled(population: Population) -> tuple[TokenSet, IntArray]:
    """Tokens and agency of each record, in a random order of records."""
    place = np.random.default_rng(0).permutation(len(population.agency))
    tokens = population.tokens
    record = place[tokens.record]
    order = np.argsort(record, kind="stable")
    agency = np.empty_like(population.agency)
    agency[place] = population.agency
    return TokenSet(tokens.slots[order], tokens.names[order], record[order], tokens.area[order]), agency


def chosen(tokens: TokenSet, rows: BoolArray, first: int) -> TokenSet:
    """Some tokens, their records counted from the first."""
    return TokenSet(tokens.slots[rows], tokens.names[rows], tokens.record[rows] - first, tokens.area[rows])


def posteriors_of(pairs: RecordPairs) -> dict[tuple[int, int], float]:
    """Posterior by pair."""
    ends = zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)
    return dict(zip(ends, pairs.posterior.tolist(), strict=True))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--fields", required=True)
    options = parser.parse_args()
    schema = parse_fields(options.fields)
    aside = [options.directory / "truth.csv"]
    population = load_population(
        options.directory, None, schema, with_probes=False, today=TODAY, leave_out=aside
    )
    tokens, agency = shuffled(population)

    def full_run(some: TokenSet) -> LinkingRun:
        met = Meetings.concatenate(stored_meetings(schema, some))
        return link(
            schema, some, met, agency=agency[: some.record_count], shipped=shipped_model(schema), probes=False
        )

    started = time.perf_counter()
    everything = posteriors_of(full_run(tokens).pairs)
    full_seconds = time.perf_counter() - started
    print(HEADER, flush=True)
    for count in NEW_RECORDS:
        first = len(agency) - count
        before = tokens.record < first
        linked = LinkedIndex.of_run(full_run(chosen(tokens, before, 0)))
        index = SlotIndex(schema, chosen(tokens, before, 0))
        started = time.perf_counter()
        met = meetings_of_new(index, chosen(tokens, ~before, first))
        after = score_new_records(schema, tokens, met, agency=agency, linked=linked)
        seconds = time.perf_counter() - started
        grown = posteriors_of(after.pairs)
        if grown.keys() != everything.keys():
            raise SystemExit("the pairs are not those of the full run")
        otherwise = sum((grown[pair] >= 0.5) != (everything[pair] >= 0.5) for pair in grown)
        largest = max(abs(grown[pair] - everything[pair]) for pair in grown)
        new = len(after.pairs.left) - len(linked.pairs.left)
        figures = f"{seconds:.3f} | {full_seconds:.2f} | {otherwise} of {len(grown):,} | {largest:.4f}"
        print(f"| {count:,} | {new:,} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
