"""Look-ups under a model fitted to the index: with probes, with stored slots alone, and the shipped one.

    .venv/bin/python -m benchmarks.index_model ../shared/data/county --cases ../shared/data/county-cases.csv

prints a table in markdown for docs/benchmarks.md. Figures are those of `knownto evaluate lookups`; the row
*fitted with probes* is that command as it is.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from cli.evaluation_data import Population, load_cases, load_population, parse_fields
from cli.evaluation_lookups import Weighing, fitted_to_index, measure_lookups
from hub.estimation import fit_index
from matcher.candidates import Meetings, stored_meetings
from matcher.linking import link, share_known_elsewhere
from matcher.model import shipped_model

FIELDS = ("dob,names,chain", "dob,initials,chain")
# A fixed day, so that the same files are read alike on every run.
TODAY = date(2026, 11, 22)
HEADER = (
    "| fields | model | *Known*: precision | recall | *Known* or *Possibly*: precision | recall | ECE |\n"
    "|---|---|---:|---:|---:|---:|---:|"
)


def shipped(population: Population) -> Weighing:
    """The shipped model, agencies expected to know people in proportion to their records."""
    return shipped_model(population.schema), None


def shipped_with_rates(population: Population) -> Weighing:
    """The shipped model, with the rates that a stored-only run found."""
    return shipped_model(population.schema), _stored_only(population)[1]


def stored_only(population: Population) -> Weighing:
    """As `knownto hub estimate` fits it: the shipped model moved, and the patterns counted fitted."""
    names = population.agencies
    fitted = fit_index(population.schema, population.tokens, agency=population.agency, agencies=names)
    return fitted.model, _stored_only(population)[1]


def stored_only_without_rates(population: Population) -> Weighing:
    """The same model without the rates."""
    return stored_only(population)[0], None


def _stored_only(population: Population) -> Weighing:
    met = Meetings.concatenate(stored_meetings(population.schema, population.tokens))
    first = shipped_model(population.schema)
    run = link(
        population.schema, population.tokens, met, agency=population.agency, shipped=first, probes=False
    )
    return run.fit.whole, share_known_elsewhere(run.pairs, population.agency)


MODELS = {
    "fitted with probes (`evaluate lookups`)": fitted_to_index,
    "fitted to stored slots (`hub estimate --use`)": stored_only,
    "the same without known rates": stored_only_without_rates,
    "shipped, with known rates of stored slots": shipped_with_rates,
    "shipped (the hub's default)": shipped,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--cases", type=Path, required=True)
    options = parser.parse_args()
    truth = options.directory / "truth.csv"
    cases, people, _ = load_cases(options.cases, today=TODAY)
    print(HEADER, flush=True)
    for fields in FIELDS:
        schema = parse_fields(fields)
        population = load_population(options.directory, truth, schema, with_probes=True, today=TODAY)
        for name, weigh in MODELS.items():
            found = measure_lookups(population, cases, people, truth, weigh=weigh)
            known, possible = found["known"], found["known_or_possible"]
            figures = (known["precision"], known["recall"], possible["precision"], possible["recall"])
            shown = " | ".join(f"{figure:.4f}" for figure in (*figures, found["ece"]))
            print(f"| `{fields}` | {name} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
