"""Can an asker tell a withheld person from one nobody knows? Paired look-ups, over bodies, headers and time.

    python -m benchmarks.existence [--pairs 10000] [--database sqlite|postgresql] [--quantum SECONDS]
        [--copies 1] [--at-once 1]

A pair is two look-ups of one case each (or of as many copies of it, to multiply what they differ by), in
random order: one of a person whom an agency holds and may not show (no consent recorded, withdrawn, ended,
other purpose: in turn), and one of a person on no caseload.
Compared are the answers' bodies without what differs from call to call anyhow (request id, index, time,
receipt), the sizes of bodies, receipts and headers, and the time until the answer. Reported: how many pairs
differ, Welch's t over the times (as dudect does: |t| < 4.5 shows no leak), and the area under the curve of a
classifier trained on one half of the calls and tried on the other. Prints a table on stderr, JSON on stdout.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import network
from hub.clock import format_time
from node.identifiers import Record

HOLDERS = ("holder-0", "holder-1", "holder-2")
RECORDS = 4_000
VARYING = ("request", "log_index", "answered_at", "receipt")
BASIS = {
    "kind": "consent",
    "captured_at": "2026-01-01T00:00:00Z",
    "method": "written",
    "scope": ["case_conference"],
}


@dataclass(frozen=True)
class Seen:
    """What an asker sees of one call: the fixed part of the body, sizes, header shapes, seconds."""

    fixed: str
    body_bytes: int
    receipt_shape: str
    headers: tuple[tuple[str, int], ...]
    seconds: float


def main() -> None:
    """Ask in pairs and print what told them apart."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder, network.new_database(arguments.database) as url:
        result = asyncio.run(_run(arguments, Path(folder), url))
    network.report(result)


async def _run(arguments: argparse.Namespace, home: Path, url: str) -> dict[str, Any]:
    app = network.create_hub(home, url, answer_quantum_seconds=arguments.quantum)
    rng = random.Random(20261122)
    async with network.open_partnership(app, HOLDERS) as partnership:
        callers, schema, provider = partnership.callers, partnership.schema, partnership.provider
        people = [network.draw_person(rng, n) for n in range(3 * RECORDS)]
        held, unknown = people[:RECORDS], people[2 * RECORDS :]
        for number, holder in enumerate(HOLDERS):
            share = held if number == 0 else people[RECORDS + 500 * number :][:500]
            records = [
                Record(row=row, local_id=str(row), identifiers=(person,), area="north")
                for row, person in enumerate(share)
            ]
            handles = await network.push_caseload(callers[holder], records, schema, provider, rng)
            if number == 0:
                await _withhold(callers[holder], handles)
        seen: dict[bool, list[Seen]] = {True: [], False: []}

        async def ask_pair(number: int) -> None:
            order = [True, False] if rng.random() < 0.5 else [False, True]
            for is_held in order:
                people = [rng.choice(held if is_held else unknown)] * arguments.copies
                question = network.format_question(people, schema, provider, rng, basis=BASIS)
                one = await _ask(callers[network.ASKER], question)
                if number >= 50:
                    seen[is_held].append(one)

        for first in range(0, arguments.pairs + 50, arguments.at_once):
            pairs = range(first, min(first + arguments.at_once, arguments.pairs + 50))
            await asyncio.gather(*(ask_pair(number) for number in pairs))
    heading = {
        "database": arguments.database,
        "quantum_ms": arguments.quantum * 1000,
        "copies": arguments.copies,
        "at_once": arguments.at_once,
    }
    return heading | _compare(seen, quantum_seconds=arguments.quantum or 1.0)


async def _withhold(holder: network.Caller, handles: list[str]) -> None:
    """No consent at all, withdrawn, ended, or for another purpose: one after the other."""
    past = "2026-02-01T00:00:00Z"
    kinds: list[dict[str, Any] | None] = [
        None,
        {"withdrawn_at": format_time(datetime.now(UTC))},
        {"valid_until": past},
        {"purposes": ["single_lookup"]},
    ]
    for number, handle in enumerate(handles):
        kind = kinds[number % len(kinds)]
        if kind is not None:
            await holder.call("PUT", f"/v1/consents/{handle}", network.consent(number) | kind)


async def _ask(caller: network.Caller, question: dict[str, Any]) -> Seen:
    request = caller.prepare("POST", "/v1/lookups", question)
    began = time.perf_counter()
    response = await caller.client.send(request)
    seconds = time.perf_counter() - began
    answer = response.json()
    if response.status_code != 200:
        raise RuntimeError(f"look-up: {response.status_code} {answer['code']}")
    if any(line["answer"] in "KP" for case in answer["cases"] for line in case["answers"]):
        raise RuntimeError("a withheld or unknown person was disclosed")
    fixed = {key: value for key, value in answer.items() if key not in VARYING}
    headers = tuple((name, len(value)) for name, value in sorted(response.headers.items()))
    shape = _shape(answer.get("receipt"), depth_of_proof=True)
    return Seen(json.dumps(fixed), len(response.content), shape, headers, seconds)


def _shape(value: Any, *, depth_of_proof: bool = False) -> str:
    """Keys and lengths; how long a proof is depends on the size of the tree alone, and is left out."""
    if isinstance(value, dict):
        items = ((key, inner) for key, inner in sorted(value.items()))
        left_out = ("inclusion", "index", "checkpoint") if depth_of_proof else ()
        return "{" + ",".join(f"{key}:{_shape(inner)}" for key, inner in items if key not in left_out) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_shape(inner) for inner in value) + "]"
    return f"{type(value).__name__}{len(value)}" if isinstance(value, str) else type(value).__name__


def _compare(seen: dict[bool, list[Seen]], *, quantum_seconds: float) -> dict[str, Any]:
    held, unknown = seen[True], seen[False]
    times = {key: np.array([one.seconds for one in calls]) * 1000 for key, calls in seen.items()}
    return {
        "pairs": len(held),
        "bodies_that_differ": sum(a.fixed != b.fixed for a, b in zip(held, unknown, strict=True)),
        "receipt_shapes": len({one.receipt_shape for one in held + unknown}),
        "header_shapes": len({one.headers for one in held + unknown}),
        "median_ms_withheld": round(float(np.median(times[True])), 3),
        "median_ms_unknown": round(float(np.median(times[False])), 3),
        "mean_ms_withheld": round(float(times[True].mean()), 3),
        "mean_ms_unknown": round(float(times[False].mean()), 3),
        "welch_t": round(_welch(times[True], times[False]), 3),
        "welch_t_cropped_95": round(_welch(*_cropped(times[True], times[False], 95)), 3),
        "classifier_auc": round(_auc(held, unknown, quantum_seconds=quantum_seconds), 4),
    }


def _cropped(a: np.ndarray, b: np.ndarray, percentile: float) -> tuple[np.ndarray, np.ndarray]:
    """Without the slow tail, in which a small difference hides (dudect crops likewise)."""
    limit = np.percentile(np.concatenate([a, b]), percentile)
    return a[a <= limit], b[b <= limit]


def _welch(a: np.ndarray, b: np.ndarray) -> float:
    spread = a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)
    return float((a.mean() - b.mean()) / np.sqrt(spread)) if spread > 0 else 0.0


def _auc(held: list[Seen], unknown: list[Seen], *, quantum_seconds: float) -> float:
    """Of boosted trees over seconds, body size and the call's place in its quantum, on the half not seen."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    rows = np.array([[one.seconds, one.body_bytes, one.seconds % quantum_seconds] for one in held + unknown])
    truth = np.array([1] * len(held) + [0] * len(unknown))
    halves = np.random.default_rng(1).permutation(len(truth)) % 2 == 0
    model = HistGradientBoostingClassifier(max_iter=100, early_stopping=True, random_state=1)
    model.fit(rows[halves], truth[halves])
    return float(roc_auc_score(truth[~halves], model.predict_proba(rows[~halves])[:, 1]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--quantum", type=float, default=0.095, help="Seconds; 0 shows the bare work.")
    parser.add_argument("--copies", type=int, default=1, help="Cases of a look-up, all the same person.")
    parser.add_argument("--at-once", type=int, default=1, help="Pairs asked side by side.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
