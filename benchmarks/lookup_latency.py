"""How long a look-up takes at the hub: 15 cases with their probes against 8 agencies holding 100,000 tokens.

    python -m benchmarks.lookup_latency --database sqlite|postgresql [--agencies 8] [--tokens 100000]
        [--cases 15] [--rounds 200] [--quantum SECONDS]

A round is the whole HTTP handling in one process: signed request in, nonce stored, matched, weighed, decided,
logged durably (SQLite `synchronous=FULL`, PostgreSQL `fsync=on`), signed answer out. Encoding the question at
the node is not in it, nor is a network. People are synthetic, names drawn with their real frequencies; tokens
and probes are the node's own. Prints a table on stderr and JSON on stdout.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gc
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import network


def main() -> None:
    """Build an index, ask, and print the times."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder, network.new_database(arguments.database) as url:
        result = asyncio.run(_run(arguments, Path(folder), url))
    network.report(result)


async def _run(arguments: argparse.Namespace, home: Path, url: str) -> dict[str, Any]:
    app = network.create_hub(home, url, answer_quantum_seconds=arguments.quantum)
    rng = random.Random(20261122)
    holders = [f"holder-{n}" for n in range(arguments.agencies)]
    async with network.open_partnership(app, holders) as partnership:
        callers, schema, provider = partnership.callers, partnership.schema, partnership.provider
        people = [
            network.draw_person(rng, n) for n in range(int(arguments.tokens * network.PEOPLE_PER_TOKEN))
        ]
        began = time.perf_counter()
        records = 0
        for holder in holders:
            share = network.draw_caseload(rng, people, tokens=arguments.tokens // arguments.agencies)
            records += len(await network.push_caseload(callers[holder], share, schema, provider, rng))
        push_seconds = time.perf_counter() - began
        questions = [
            network.format_question(rng.sample(people, arguments.cases), schema, provider, rng)
            for _ in range(arguments.rounds + 10)
        ]
        network.approve_overrides(app.state.hub, questions)
        gc.freeze()  # As the served hub does; here it leaves out this benchmark's own people too.
        times, known = await _ask(callers[network.ASKER], questions)
    probes = sum(
        len(base64.b64decode(probe["variants"])) // 8
        for case in questions[0]["cases"]
        for probe in case["probes"]
    )
    p50, p95, p99 = np.percentile(np.array(times) * 1000, [50, 95, 99])
    return {
        "database": arguments.database,
        "agencies": arguments.agencies,
        "tokens": arguments.tokens,
        "records": records,
        "cases": arguments.cases,
        "probes_per_case": round(probes / arguments.cases),
        "rounds": arguments.rounds,
        "disclosed_per_round": round(known / arguments.rounds, 1),
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
        "p99_ms": round(float(p99), 1),
        "max_ms": round(max(times) * 1000, 1),
        "push_records_per_second": round(records / push_seconds),
    }


async def _ask(caller: network.Caller, questions: Sequence[dict[str, Any]]) -> tuple[list[float], int]:
    """Seconds of each round but the first ten, which warm caches; and how many answers were disclosed."""
    times, disclosed = [], 0
    for number, question in enumerate(questions):
        request = caller.prepare("POST", "/v1/lookups", question)
        began = time.perf_counter()
        response = await caller.client.send(request)
        seconds = time.perf_counter() - began
        answer = response.json()
        if response.status_code != 200:
            raise RuntimeError(f"look-up: {response.status_code} {answer['code']}")
        if number >= 10:
            times.append(seconds)
            disclosed += sum(a["answer"] in "KP" for case in answer["cases"] for a in case["answers"])
    return times, disclosed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--agencies", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--cases", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--quantum", type=float, default=0.095, help="Seconds; 0 shows the bare work.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
