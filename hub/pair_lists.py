"""The pairs across agencies that may be one person, a list for each agency, as a linking run leaves them.

They live and die with the other arrays of the run (`hub.linking_models.LinkArray`): written when pairs are
scored, replaced by every increment, gone with their epoch. What is kept of a pair rests on its two records
and on what was counted over all: neither rivals nor how common initials are among others is in it, because
those may be people of whom the reader may not learn (ADR 0017).
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.linking_index import Reference
from hub.linking_models import LinkArray, LinkRun, LinkState
from matcher.increments import LinkedIndex
from matcher.lookups import Explanation, Step, explain_pattern
from matcher.model import Model, parse_model
from matcher.patterns import PairPatterns
from matcher.scoring import compare_areas, score_terms
from matcher.tokens import FloatArray, IntArray
from matcher.weights import posteriors

# Below this nobody's time is well spent: nine pairs in ten and more are strangers.
LEAST_POSTERIOR = 0.10
HANDLE_BYTES = 16
AREA_SILENT, AREA_AGREES, AREA_DIFFERS = range(3)
AREA_LEVELS = {AREA_AGREES: "agree", AREA_DIFFERS: "differ"}
# Both handles, whose the other record is, the parts of the log odds in bits, and what they are of.
PAIR = np.dtype(
    [
        ("own", np.uint8, HANDLE_BYTES),
        ("agency", np.uint16),
        ("other", np.uint8, HANDLE_BYTES),
        ("prior", np.float32),
        ("area", np.float32),
        ("area_level", np.uint8),
        ("pattern", np.int32),
    ]
)
PairArray = NDArray[np.void]


@dataclass(frozen=True, slots=True, repr=False)
class PairList:
    """An agency's pairs with records of other agencies.

    Attributes:
        pairs: One row a pair, of the type `PAIR`.
        agencies: What `pairs["agency"]` is an index into.
        model: The weights of patterns.
        run: The full run whose clusters go with it.
    """

    pairs: PairArray
    agencies: tuple[str, ...]
    model: Model
    run: int

    def posteriors(self) -> FloatArray:
        """Probability that each pair is one person, shape (n,)."""
        weights = self.model.weights(self.pairs["pattern"].astype(np.int64))
        return posteriors(self.pairs["prior"].astype(np.float64) + weights + self.pairs["area"])

    def own_handles(self) -> list[str]:
        """The own record of each pair."""
        return _hex(self.pairs["own"])

    def others(self) -> list[Reference]:
        """The other agency's record of each pair."""
        agencies = (self.agencies[code] for code in self.pairs["agency"].tolist())
        return list(zip(agencies, _hex(self.pairs["other"]), strict=True))

    def explain(self, row: int) -> Explanation:
        """A pair's prior and weights, comparison by comparison, and its posterior."""
        pair = self.pairs[row]
        pattern, prior, area = int(pair["pattern"]), float(pair["prior"]), float(pair["area"])
        weight = float(self.model.weights(np.array([pattern]))[0])
        steps = list(explain_pattern(self.model, pattern, weight=weight))
        if pair["area_level"] != AREA_SILENT:
            steps.append(Step("area", AREA_LEVELS[int(pair["area_level"])], area))
        posterior = float(posteriors(np.array([prior + weight + area]))[0])
        return Explanation(posterior, prior, tuple(steps))


def pair_arrays(
    linked: LinkedIndex, agencies: Sequence[str], references: Sequence[Reference], area: IntArray
) -> Iterator[tuple[str, PairArray]]:
    """Each agency's pairs, by the name of its array.

    Args:
        linked: Scored pairs.
        agencies: All that have records, sorted.
        references: Agency and handle of each record.
        area: Area of each record, -1 where it has none, shape (records,).
    """
    code = {agency: number for number, agency in enumerate(agencies)}
    agency = np.array([code[name] for name, _ in references], np.int64)
    handles = np.frombuffer(bytes.fromhex("".join(handle for _, handle in references)), np.uint8)
    handles = handles.reshape(-1, HANDLE_BYTES)
    across = agency[linked.pairs.left] != agency[linked.pairs.right]
    columns = (column[across] for column in (linked.pairs.left, linked.pairs.right, linked.pairs.pattern))
    pairs = PairPatterns(*columns)
    terms = score_terms(pairs, linked.parameters, agency=agency, area=area)
    likely = posteriors(terms.prior + terms.weight + terms.area) >= LEAST_POSTERIOR
    chance = linked.parameters.same_area[agency[pairs.left], agency[pairs.right]]
    telling, equal = compare_areas(area[pairs.left], area[pairs.right], chance)
    level = np.where(telling, np.where(equal, AREA_AGREES, AREA_DIFFERS), AREA_SILENT)
    for name, number in code.items():
        rows = []
        for own, other in ((pairs.left, pairs.right), (pairs.right, pairs.left)):
            chosen = likely & (agency[own] == number)
            found = np.zeros(int(chosen.sum()), PAIR)
            found["own"], found["other"] = handles[own[chosen]], handles[other[chosen]]
            found["agency"], found["pattern"] = agency[other[chosen]], pairs.pattern[chosen]
            found["prior"], found["area"] = terms.prior[chosen], terms.area[chosen]
            found["area_level"] = level[chosen]
            rows.append(found)
        yield array_name(name), np.concatenate(rows)


def read_pair_list(session: Session, agency: str) -> PairList | None:
    """An agency's pairs as readers go by them now; None where nothing is linked."""
    run = session.get_one(LinkState, 1).run
    if run is None:
        return None
    data = session.scalar(
        select(LinkArray.data).where(LinkArray.run == run, LinkArray.name == array_name(agency))
    )
    if data is None:
        return None
    parameters = json.loads(session.get_one(LinkRun, run).parameters or "{}")
    pairs = np.load(io.BytesIO(data), allow_pickle=False)
    return PairList(pairs, tuple(parameters["agencies"]), parse_model(parameters["model"]), run)


def array_name(agency: str) -> str:
    """What an agency's array is called."""
    return f"pairs/{agency}"


def _hex(handles: NDArray[np.uint8]) -> list[str]:
    text, width = handles.tobytes().hex(), 2 * HANDLE_BYTES
    return [text[start : start + width] for start in range(0, len(text), width)]
