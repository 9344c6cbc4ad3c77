"""Duplicates inside agencies, as `knownto duplicates list` finds them: precision and recall by a known truth.

    .venv/bin/python -m benchmarks.duplicates ../shared/data/county

Each table of the folder is one agency's caseload, compared with itself alone.
"""

from __future__ import annotations

import argparse
import time
from datetime import date
from pathlib import Path

from benchmarks.network import report
from cli.evaluation_truth import read_truth
from node.pair_search import find_pairs
from node.records import read_caseload

TODAY = date(2026, 11, 22)


def main() -> None:
    """Print the figures over all agencies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("directory", type=Path)
    directory: Path = parser.parse_args().directory
    truth = read_truth(directory / "truth.csv")
    likely = right = matches = listed = 0
    seconds = slowest = 0.0
    for path in sorted(directory.glob("*.csv")):
        if path.name == "truth.csv":
            continue
        records = read_caseload(path, today=TODAY, children=True).records
        began = time.perf_counter()
        found = find_pairs([one.identifiers for one in records], areas=[one.area for one in records])
        took = time.perf_counter() - began
        seconds, slowest = seconds + took, max(slowest, took)
        person = [truth.get((path.stem, one.local_id)) for one in records]
        by_person: dict[str | None, int] = {}
        for one in person:
            by_person[one] = by_person.get(one, 0) + 1
        matches += sum(n * (n - 1) // 2 for one, n in by_person.items() if one is not None)
        listed += len(found.pairs)
        for pair in found.pairs:
            if pair.likely:
                likely += 1
                right += person[pair.left] is not None and person[pair.left] == person[pair.right]
    report(
        {
            "true_pairs": matches,
            "listed": listed,
            "likely": likely,
            "precision": round(right / likely, 4),
            "recall": round(right / matches, 4),
            "seconds": round(seconds, 1),
            "slowest_agency_seconds": round(slowest, 1),
        }
    )


if __name__ == "__main__":
    main()
