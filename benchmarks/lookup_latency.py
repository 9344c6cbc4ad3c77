"""How long a look-up takes at the hub: 15 cases with their probes against 8 agencies holding 100,000 tokens.

    python -m benchmarks.lookup_latency --database sqlite|postgresql [--agencies 8] [--tokens 100000]
        [--cases 15] [--rounds 200]

A round is the whole HTTP handling in one process: signed request in, nonce stored, matched, weighed, decided,
logged durably (SQLite `synchronous=FULL`, PostgreSQL `fsync=on`), signed answer out. Encoding the question at
the node is not in it, nor is a network. People are synthetic, names drawn with their real frequencies; tokens
and probes are the node's own. Prints a table on stderr and JSON on stdout.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from cli.demo.names import draw_community, draw_forename, draw_surname
from hub.app import create_app
from hub.clock import format_time
from hub.homes import initialise
from hub.membership import add_agency, confirm, enrol, invite
from hub.service import Hub
from hub.settings import load_settings
from keys.documents import canonical_bytes, document_digest
from keys.envelope import sign_request
from keys.identity import NodeIdentity
from keys.linkage import LinkageKey
from matcher.schema import LinkageSchema, shipped_schema
from node.encoding import EncodedToken, encode_cases, encode_records
from node.identifiers import BirthDate, Case, Identifiers, Record
from node.slots import LinkageKeyProvider
from tests.hub.client import usual_actor
from tests.postgres import running_postgres

ORIGIN, EPOCH, ASKER = "http://hub.benchmark", "2026-1", "asker"
ALIAS_SHARE = 0.15
PEOPLE_PER_TOKEN = 0.65  # Many people are known to several agencies.
AREAS = ("north", "east", "south")


@dataclass(frozen=True)
class Caller:
    """A node that signs, over a client without sockets."""

    agency: str
    identity: NodeIdentity
    client: httpx2.AsyncClient

    async def call(self, method: str, path: str, document: Any) -> Any:
        """Sign and send; returns the answer's JSON."""
        request = self.prepare(method, path, document)
        response = await self.client.send(request)
        if response.status_code >= 400:
            raise RuntimeError(f"{path}: {response.status_code} {response.json()['code']}")
        return response.json()

    def prepare(self, method: str, path: str, document: Any) -> httpx2.Request:
        """A signed request, ready to be sent."""
        body = json.dumps(document).encode()
        headers = {"content-type": "application/json"}
        headers |= sign_request(
            self.identity,
            actor=usual_actor(path, document),
            method=method,
            url=ORIGIN + path,
            headers=headers,
            body=body,
            at=datetime.now(UTC),
        )
        return self.client.build_request(method, path, headers=headers, content=body)


def main() -> None:
    """Build an index, ask, and print the times."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder, _database(arguments.database) as url:
        result = asyncio.run(_run(arguments, Path(folder), url))
    for name, value in result.items():
        print(f"{name:24} {value}", file=sys.stderr)
    print(json.dumps(result))


async def _run(arguments: argparse.Namespace, home: Path, url: str) -> dict[str, Any]:
    initialise(home, network="benchmark", database_url=url)
    unlimited = "staff_cases_per_day = 1000000\nnode_cases_per_day = 1000000\n"
    with (home / "hub.toml").open("a") as file:
        file.write(f'origins = ["{ORIGIN}"]\n{unlimited}')
    app = create_app(load_settings(home))
    schema = shipped_schema(["dob", "initials", "names", "chain", "sex", "area"])
    provider = LinkageKeyProvider(LinkageKey.generate(), schema.digest)
    rng = random.Random(20261122)
    holders = [f"holder-{n}" for n in range(arguments.agencies)]
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        callers = _join(app.state.hub, [ASKER, *holders], client)
        await _begin(callers, schema)
        people = [_person(rng, n) for n in range(int(arguments.tokens * PEOPLE_PER_TOKEN))]
        began = time.perf_counter()
        records = 0
        for holder in holders:
            share = _caseload(rng, people, tokens=arguments.tokens // arguments.agencies)
            records += await _push(callers[holder], share, schema, provider, rng)
        push_seconds = time.perf_counter() - began
        questions = [
            _question(rng.sample(people, arguments.cases), schema, provider, rng)
            for _ in range(arguments.rounds + 10)
        ]
        times, known = await _ask(callers[ASKER], questions)
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


def _join(hub: Hub, agencies: Sequence[str], client: httpx2.AsyncClient) -> dict[str, Caller]:
    """Enrol and confirm all agencies; the asker keeps the keys."""
    callers = {}
    at = datetime.now(UTC)
    for agency in agencies:
        identity = NodeIdentity.generate(exchange_key=os.urandom(32))
        with hub.database.writing() as session:
            custodian = agency == ASKER
            add_agency(session, agency, name=agency, service="other", area=None, custodian=custodian)
            token = invite(session, agency, at=at, hours=24)
            enrol(session, agency, token=token, identity=identity.public, at=at)
            confirm(session, agency, fingerprint=identity.public.fingerprint, at=at)
        callers[agency] = Caller(agency, identity, client)
    return callers


async def _begin(callers: dict[str, Caller], schema: LinkageSchema) -> None:
    """One agreement of all, and an epoch."""
    paper = {"title": "A paper", "version": "1", "sha256": "00" * 32}
    agreement: dict[str, Any] = {
        "format": "agreement/1",
        "agreement": "benchmark",
        "title": "Benchmark",
        "isa": paper,
        "terms_of_reference": paper,
        "parties": sorted(callers),
        "purposes": ["case_conference"],
        "lawful_bases": ["public_task"],
        "maximum_age_days": 30,
        "not_before": "2020-01-01T00:00:00Z",
        "expires": "2100-01-01T00:00:00Z",
    }
    asker = callers[ASKER]
    await asker.call("POST", "/v1/agreements", agreement)
    for caller in callers.values():
        signature = caller.identity.sign_document(agreement)
        signed = {"digest": document_digest(agreement), "signature": signature}
        await caller.call("PUT", "/v1/agreements/benchmark/signatures", signed)
    epoch: dict[str, Any] = {
        "format": "epoch/1",
        "epoch": EPOCH,
        "network": "benchmark",
        "schema": schema.document,
        "schema_digest": schema.digest,
        "linkage_key_id": "00" * 8,
        "created_at": format_time(datetime.now(UTC)),
    }
    await asker.call("POST", "/v1/epochs", epoch | {"signature": asker.identity.sign_document(epoch)})


def _person(rng: random.Random, number: int) -> Identifiers:
    community, sex = draw_community(rng), rng.choice("MF")
    year = min(2008, max(1940, round(rng.gauss(1982, 13))))
    forename = draw_forename(rng, community=community, sex=sex, birth_year=year).lower()
    surname = draw_surname(rng, community=community).lower()
    return Identifiers(
        birth=BirthDate(year, rng.randint(1, 12), rng.randint(1, 28)),
        forename=forename,
        surname=surname,
        forename_initial=forename[0],
        surname_initial=surname[0],
        chain=str(10_000_000 + 7 * number),
        sex=sex.lower(),
    )


def _caseload(rng: random.Random, people: Sequence[Identifiers], *, tokens: int) -> list[Record]:
    """Records of a sample of the people, some with an alias, until there are so many tokens."""
    records: list[Record] = []
    made = 0
    for row, person in enumerate(rng.sample(people, tokens)):
        ways = (person,)
        if rng.random() < ALIAS_SHARE and made + 2 <= tokens:
            other = rng.choice(people)
            alias = replace(person, surname=other.surname, surname_initial=other.surname_initial)
            ways = (person, alias)
        records.append(Record(row=row, local_id=str(row), identifiers=ways, area=rng.choice(AREAS)))
        made += len(ways)
        if made >= tokens:
            break
    return records


async def _push(
    caller: Caller,
    caseload: Sequence[Record],
    schema: LinkageSchema,
    provider: LinkageKeyProvider,
    rng: random.Random,
) -> int:
    digests = []
    heading = {"epoch": EPOCH, "schema_digest": schema.digest}
    for number, start in enumerate(range(0, len(caseload), 500)):
        part = caseload[start : start + 500]
        records = []
        for record, tokens in zip(part, encode_records(schema, provider, part), strict=True):
            wire = {
                "handle": rng.randbytes(16).hex(),
                "tokens": [_wire_token(token) for token in tokens],
                "area": record.area,
                "card": base64.b64encode(rng.randbytes(256)).decode(),
            }
            records.append(wire)
            digests.append((wire["handle"], hashlib.sha256(canonical_bytes(wire)).digest()))
        batch = {"format": "batch/1", "records": records, "removed": []} | heading
        await caller.call("POST", f"/v1/pushes/first/batches/{number}", batch)
    joined = b"".join(bytes.fromhex(handle) + digest for handle, digest in sorted(digests))
    total = {"records": len(digests), "digest": hashlib.sha256(joined).hexdigest()}
    await caller.call("POST", "/v1/pushes/first/complete", {"format": "complete/1"} | heading | total)
    return len(digests)


def _question(
    people: Sequence[Identifiers], schema: LinkageSchema, provider: LinkageKeyProvider, rng: random.Random
) -> dict[str, Any]:
    cases = [
        Case(row=n, case_ref=str(n), identifiers=(person,), area=rng.choice(AREAS))
        for n, person in enumerate(people)
    ]
    basis = {
        "kind": "public_task",
        "reason_category": "risk_to_life",
        "reason_commitment": "00" * 32,
        "approver": "manager-1",
    }
    return {
        "format": "lookup/1",
        "request": rng.randbytes(16).hex(),
        "epoch": EPOCH,
        "schema_digest": schema.digest,
        "staff": "worker-1",
        "role": "coordinator",
        "purpose": "case_conference",
        "conference": "benchmark",
        "agencies": None,
        "cases": [
            {
                "case": number,
                "tokens": [_wire_token(token) for token in encoded.tokens],
                "area": case.area,
                "probes": [
                    {
                        "token": probe.token,
                        "probe": probe.probe_id,
                        "variants": base64.b64encode(probe.variants).decode(),
                    }
                    for probe in encoded.probes
                ],
                "basis": basis,
            }
            for number, (case, encoded) in enumerate(
                zip(cases, encode_cases(schema, provider, cases), strict=True)
            )
        ],
    }


def _wire_token(token: EncodedToken) -> dict[str, str]:
    return {
        "slots": base64.b64encode(token.slots).decode(),
        "names": base64.b64encode(token.names).decode(),
    }


async def _ask(caller: Caller, questions: Sequence[dict[str, Any]]) -> tuple[list[float], int]:
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


@contextmanager
def _database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    with running_postgres(durable=True) as server:
        yield server.url(server.create_database())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--agencies", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--cases", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=200)
    return parser.parse_args()


if __name__ == "__main__":
    main()
