"""Why two records of a folder are held to be one person, or are not: in words, weights and a waterfall.

Records are named by agency and local id, which are read from a file or typed at a prompt and never are
arguments or part of a message: a local id may be a CHAIN number.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cli.evaluation_pairs import LinkedFiles
from cli.evaluation_truth import Reference
from matcher.clustering import cluster
from matcher.linking import first_tokens
from matcher.pair_evidence import explain_pair
from node.answers import Evidence, EvidenceStep, explain_evidence
from node.errors import RecordFormatError

CERTAIN = "that the two records are one person"
NEVER_COMPARED = "The two records share nothing that is searched for, so they were never compared."


def parse_reference(text: str, *, row: int) -> Reference:
    """A record as `agency:local id`.

    Raises:
        RecordFormatError: There is no colon, or nothing on one side of it.
    """
    agency, _, local_id = (part.strip() for part in text.partition(":"))
    if not agency or not local_id:
        raise RecordFormatError("pair", "not agency:local id", row=row)
    return agency, local_id


def read_pair_file(path: Path) -> tuple[str, str]:
    """The two lines of a file that names a pair.

    Raises:
        RecordFormatError: It has not two lines, or is no text.
    """
    try:
        lines = [line for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise RecordFormatError("pair", "is no text in UTF-8") from None
    if len(lines) != 2:
        raise RecordFormatError("pair", "two lines are needed, each agency:local id")
    return lines[0], lines[1]


def find_record(linked: LinkedFiles, reference: Reference, *, row: int) -> int:
    """The number of a record.

    Raises:
        RecordFormatError: No usable row of the folder is it.
    """
    agency, local_id = reference
    population = linked.population
    if agency not in population.agencies:
        raise RecordFormatError("pair", "no table of the folder has this agency's name", row=row)
    own = np.flatnonzero(population.agency == population.agencies.index(agency)).tolist()
    found = next((n for n in own if population.local_ids[n] == local_id), None)
    if found is None:
        raise RecordFormatError("pair", "the agency's table has no usable row with this local id", row=row)
    return found


def pair_evidence(linked: LinkedFiles, one: int, other: int) -> Evidence | None:
    """What speaks for and against two records being one person; None where they were never compared.

    Raises:
        RecordFormatError: They are one record.
    """
    if one == other:
        raise RecordFormatError("pair", "the two lines name one record")
    pairs, population = linked.run.pairs, linked.population
    at = np.flatnonzero((pairs.left == min(one, other)) & (pairs.right == max(one, other)))
    if not len(at):
        return None
    area = population.tokens.area[first_tokens(population.tokens)]
    explained = explain_pair(pairs, linked.run.parameters, int(at[0]), agency=population.agency, area=area)
    steps = tuple(EvidenceStep(step.comparison, step.level, step.weight) for step in explained.steps)
    return Evidence(explained.posterior, explained.prior_bits, steps)


def explain_records(linked: LinkedFiles, one: int, other: int, evidence: Evidence | None) -> dict[str, Any]:
    """The pair as people and scripts read it; without its local ids."""
    population = linked.population
    clusters = cluster(linked.run.pairs, record_count=len(population.agency), agency=population.agency)
    document: dict[str, Any] = {
        "agencies": [population.agencies[population.agency[record]] for record in (one, other)],
        "compared": evidence is not None,
        "together": bool(clusters.cluster_of[one] == clusters.cluster_of[other]),
        "words": [NEVER_COMPARED],
        "posterior": None,
        "prior_bits": None,
        "steps": [],
        "waterfall": [],
    }
    return document if evidence is None else document | explain_evidence(evidence, certain=CERTAIN)
