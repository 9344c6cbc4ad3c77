"""A hub without sockets, with synthetic agencies that share and ask: what look-ups are measured on."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI

from cli.demo.names import draw_community, draw_forename, draw_surname
from hub.app import create_app
from hub.approvals import note_approval
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


FIELDS = ("dob", "initials", "names", "chain", "sex", "area")
UNLIMITED = "staff_cases_per_day = 1000000\nnode_cases_per_day = 1000000\n"


def create_hub(home: Path, url: str, **settings: float) -> FastAPI:
    """A hub in a new home, with budgets no benchmark reaches and every other setting as shipped or given."""
    initialise(home, network="benchmark", database_url=url)
    with (home / "hub.toml").open("a") as file:
        file.write(f'origins = ["{ORIGIN}"]\n{UNLIMITED}')
        file.writelines(f"{name} = {value}\n" for name, value in settings.items())
    return create_app(load_settings(home))


@dataclass(frozen=True)
class Partnership:
    """Agencies that have agreed and begun an epoch: who signs for each, and what tokens are made with."""

    callers: dict[str, Caller]
    schema: LinkageSchema
    provider: LinkageKeyProvider


@asynccontextmanager
async def open_partnership(app: FastAPI, holders: Sequence[str]) -> AsyncIterator[Partnership]:
    """An asker and holders at a hub without sockets, sharing every field."""
    transport = httpx2.ASGITransport(app=app)
    schema = shipped_schema(FIELDS)
    provider = LinkageKeyProvider(LinkageKey.generate(), schema.digest)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        callers = join_agencies(app.state.hub, [ASKER, *holders], client)
        await begin_epoch(callers, schema)
        yield Partnership(callers, schema, provider)


def report(result: Mapping[str, Any]) -> None:
    """A table on stderr, JSON on stdout."""
    for name, value in result.items():
        print(f"{name:26} {value}", file=sys.stderr)
    print(json.dumps(result))


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


def join_agencies(hub: Hub, agencies: Sequence[str], client: httpx2.AsyncClient) -> dict[str, Caller]:
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


async def begin_epoch(callers: dict[str, Caller], schema: LinkageSchema) -> None:
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
        "lawful_bases": ["consent", "public_task"],
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


def draw_person(rng: random.Random, number: int) -> Identifiers:
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


def draw_caseload(rng: random.Random, people: Sequence[Identifiers], *, tokens: int) -> list[Record]:
    """Records of a sample of the people, some with an alias, until there are so many tokens."""
    records: list[Record] = []
    made = 0
    for row, person in enumerate(rng.sample(people, tokens)):
        ways: tuple[Identifiers, ...] = (person,)
        if rng.random() < ALIAS_SHARE and made + 2 <= tokens:
            other = rng.choice(people)
            alias = replace(person, surname=other.surname, surname_initial=other.surname_initial)
            ways = (person, alias)
        records.append(Record(row=row, local_id=str(row), identifiers=ways, area=rng.choice(AREAS)))
        made += len(ways)
        if made >= tokens:
            break
    return records


async def push_caseload(
    caller: Caller,
    caseload: Sequence[Record],
    schema: LinkageSchema,
    provider: LinkageKeyProvider,
    rng: random.Random,
) -> list[str]:
    """Push a whole caseload; returns the records' handles in its order."""
    digests: list[tuple[str, bytes]] = []
    heading = {"epoch": EPOCH, "schema_digest": schema.digest}
    for number, start in enumerate(range(0, len(caseload), 500)):
        part = caseload[start : start + 500]
        records = []
        for record, tokens in zip(part, encode_records(schema, provider, part), strict=True):
            handle = rng.randbytes(16).hex()
            wire = {
                "handle": handle,
                "tokens": [format_token(token) for token in tokens],
                "area": record.area,
                "card": base64.b64encode(rng.randbytes(256)).decode(),
            }
            records.append(wire)
            digests.append((handle, hashlib.sha256(canonical_bytes(wire)).digest()))
        batch = {"format": "batch/1", "records": records, "removed": []} | heading
        await caller.call("POST", f"/v1/pushes/first/batches/{number}", batch)
    joined = b"".join(bytes.fromhex(handle) + digest for handle, digest in sorted(digests))
    total = {"records": len(digests), "digest": hashlib.sha256(joined).hexdigest()}
    await caller.call("POST", "/v1/pushes/first/complete", {"format": "complete/1"} | heading | total)
    return [handle for handle, _ in digests]


def format_question(
    people: Sequence[Identifiers],
    schema: LinkageSchema,
    provider: LinkageKeyProvider,
    rng: random.Random,
    *,
    basis: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A look-up for these people, under an approved public task unless another basis is given."""
    cases = [
        Case(row=n, case_ref=str(n), identifiers=(person,), area=rng.choice(AREAS))
        for n, person in enumerate(people)
    ]
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
                "tokens": [format_token(token) for token in encoded.tokens],
                "area": case.area,
                "probes": [
                    {
                        "token": probe.token,
                        "probe": probe.probe_id,
                        "variants": base64.b64encode(probe.variants).decode(),
                    }
                    for probe in encoded.probes
                ],
                "basis": basis or _public_task(rng),
            }
            for number, (case, encoded) in enumerate(
                zip(cases, encode_cases(schema, provider, cases), strict=True)
            )
        ],
    }


def approve_overrides(hub: Hub, questions: Sequence[Mapping[str, Any]]) -> None:
    """Have the overrides of some questions approved, without the log entries that approvals leave."""
    with hub.database.writing() as session:
        cases = ((asked, case["basis"]) for asked in questions for case in asked["cases"])
        for asked, basis in cases:
            if basis["kind"] == "public_task":
                approver, at = basis["approver"], datetime.now(UTC)
                note_approval(session, ASKER, approver=approver, facts=asked, own=basis, at=at)


def _public_task(rng: random.Random) -> dict[str, Any]:
    """An override of its own for every case, approved just now."""
    return {
        "kind": "public_task",
        "reason_category": "risk_to_life",
        "reason_commitment": "00" * 32,
        "approver": "manager-1",
        "override": rng.randbytes(16).hex(),
        "approved_at": format_time(datetime.now(UTC)),
    }


def consent(number: int) -> dict[str, Any]:
    """A first consent of everybody for case conferences; `number` makes its id."""
    return {
        "format": "consent/2",
        "consent": f"{number:032x}",
        "version": 1,
        "previous": None,
        "recipients": ["*"],
        "purposes": ["case_conference"],
        "data_classes": ["contact", "known_to"],
        "captured_at": "2026-01-01T00:00:00Z",
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": None,
        "method": "written",
        "notice_version": "1",
        "capacity": "has_capacity",
        "acted_by": "person",
        "witnessed": False,
        "withdrawn_at": None,
        "objected_at": None,
    }


def format_token(token: EncodedToken) -> dict[str, str]:
    return {
        "slots": base64.b64encode(token.slots).decode(),
        "names": base64.b64encode(token.names).decode(),
    }


@contextmanager
def new_database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    with running_postgres(durable=True) as server:
        yield server.url(server.create_database())
