"""A node as the hub sees one: signs its calls, checks the hub's answers, and knows nobody."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.testclient import TestClient

from hub.clock import format_time
from keys.actors import Actor
from keys.documents import canonical_bytes, document_digest
from keys.envelope import NONCE_HEADER, new_nonce, sign_request, verify_response
from keys.identity import NodeIdentity, PublicIdentity
from matcher.schema import LinkageSchema
from tests.hub.people import Person, encode_probes, encode_token

ORIGIN = "http://hub.test"
# Who usually does what, by the beginning of the path; the first that fits.
USUAL_ROLES = (
    ("/v1/enrolments", "operator"),
    ("/v1/agreements", "ig"),
    ("/v1/epochs", "custodian"),
    ("/v1/log", "ig"),
    ("/v1/reviews", "ig"),
    ("/v1/lookups", "coordinator"),
    ("/v1/", "responder"),
)
ASKED_FOR = ("override:request:made", "override:emergency:declared")  # what no reviewer reports
COVERED_PURPOSES = ("case_conference", "safeguarding_panel", "single_lookup")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        """Set it."""
        self.at = at

    def __call__(self) -> datetime:
        """Now."""
        return self.at

    def move(self, **by: float) -> None:
        """Move it, in the units of a timedelta."""
        self.at += timedelta(**by)


@dataclass
class Answer:
    """What came back, its signature already verified."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def document(self) -> Any:
        """The JSON of it."""
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The problem's code, or None."""
        return self.document.get("code") if self.status >= 400 else None


@dataclass
class Node:
    """An agency's node in a test."""

    agency: str
    client: TestClient
    clock: Clock
    hub: PublicIdentity
    seed: int
    identity: NodeIdentity = field(init=False)
    rng: random.Random = field(init=False)
    consents: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make its keys: the exchange key is public, so any 32 bytes do where nothing is sealed."""
        self.rng = random.Random(self.seed)
        self.identity = NodeIdentity.generate(exchange_key=self.rng.randbytes(32))

    def call(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        body: bytes | None = None,
        signer: NodeIdentity | None = None,
        actor: Actor | None = None,
    ) -> Answer:
        """Sign and send a call, and refuse an answer that the hub did not sign for it."""
        if body is None:
            body = b"" if document is None else json.dumps(document).encode()
        nonce = new_nonce()
        headers = {"content-type": "application/json"}
        headers |= sign_request(
            signer or self.identity,
            actor=actor or usual_actor(path, document),
            method=method,
            url=ORIGIN + path,
            headers=headers,
            body=body,
            at=self.clock(),
            nonce=nonce,
        )
        return self.send(method, path, headers, body, nonce=nonce)

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, nonce: str) -> Answer:
        """Send headers and body as they are."""
        response = self.client.request(method, path, headers=dict(headers), content=body)
        verify_response(
            status=response.status_code,
            headers=response.headers,
            body=response.content,
            at=self.clock(),
            hub=self.hub,
            request_nonce=nonce,
        )
        assert response.headers[NONCE_HEADER] == nonce
        return Answer(response.status_code, response.content, response.headers)

    def new_id(self) -> str:
        """32 hex characters."""
        return self.rng.randbytes(16).hex()

    def enrol(self, token: str) -> Answer:
        """Enrol this node's keys."""
        public = self.identity.public
        return self.call(
            "POST",
            "/v1/enrolments",
            {
                "format": "enrolment/1",
                "token": token,
                "agency": self.agency,
                "public_key": public.public_key_base64,
                "exchange_key": public.exchange_key_base64,
            },
        )

    def sign_agreement(self, document: Mapping[str, Any]) -> Answer:
        """Sign an agreement."""
        plain = dict(document)
        signed = {"digest": document_digest(plain), "signature": self.identity.sign_document(plain)}
        return self.call("PUT", f"/v1/agreements/{document['agreement']}/signatures", signed)

    def begin_epoch(self, schema: LinkageSchema, *, epoch: str, network: str) -> Answer:
        """Begin an epoch, as its custodian."""
        return self.call("POST", "/v1/epochs", self.epoch_document(schema, epoch=epoch, network=network))

    def epoch_document(self, schema: LinkageSchema, *, epoch: str, network: str) -> dict[str, Any]:
        """A signed epoch."""
        document: dict[str, Any] = {
            "format": "epoch/1",
            "epoch": epoch,
            "network": network,
            "schema": schema.document,
            "schema_digest": schema.digest,
            "linkage_key_id": hashlib.sha256(epoch.encode()).hexdigest()[:16],
            "created_at": format_time(self.clock()),
        }
        return document | {"signature": self.identity.sign_document(document)}

    def record(
        self, people: Sequence[Person], schema: LinkageSchema, *, area: str | None = "north"
    ) -> dict[str, Any]:
        """A record whose tokens are these people (aliases of one)."""
        return {
            "handle": self.new_id(),
            "tokens": [encode_token(person, schema) for person in people],
            "area": area,
            "card": base64.b64encode(self.rng.randbytes(256)).decode(),
        }

    def push(
        self, records: Sequence[Mapping[str, Any]], schema: LinkageSchema, *, epoch: str, push: str = "push-1"
    ) -> Answer:
        """Push records and complete the push with them as the whole caseload."""
        heading = {"epoch": epoch, "schema_digest": schema.digest}
        for number, start in enumerate(range(0, max(len(records), 1), 500)):
            batch = heading | {"records": list(records[start : start + 500]), "removed": []}
            answer = self.call("POST", f"/v1/pushes/{push}/batches/{number}", {"format": "batch/1"} | batch)
            if answer.status != 200:
                return answer
        return self.complete(records, schema, epoch=epoch, push=push)

    def complete(
        self, records: Sequence[Mapping[str, Any]], schema: LinkageSchema, *, epoch: str, push: str = "push-1"
    ) -> Answer:
        """Complete a push."""
        total = {"records": len(records), "digest": caseload_digest(records)}
        heading = {"format": "complete/1", "epoch": epoch, "schema_digest": schema.digest}
        return self.call("POST", f"/v1/pushes/{push}/complete", heading | total)

    def consent(self, handle: str, *, version: int = 1, **changes: Any) -> Answer:
        """Record a consent for everyone and every purpose, but for the changes, chained to the last."""
        sent = self.consents.setdefault(handle, {})
        before = sent.get(version - 1)
        document = {
            "format": "consent/2",
            "consent": handle[::-1],
            "version": version,
            "previous": None if before is None else document_digest(before),
            "recipients": ["*"],
            "purposes": list(COVERED_PURPOSES),
            "captured_at": "2026-01-05T10:00:00Z",
            "valid_from": "2026-01-05T10:00:00Z",
            "valid_until": None,
            "method": "written",
            "notice_version": "3",
            "data_classes": ["contact", "known_to"],
            "capacity": "has_capacity",
            "acted_by": "person",
            "witnessed": False,
            "withdrawn_at": None,
            "objected_at": None,
        } | changes
        answer = self.call("PUT", f"/v1/consents/{handle}", document)
        if answer.status == 200:
            sent[version] = document
        return answer

    def question(
        self, people: Sequence[Person], schema: LinkageSchema, *, epoch: str, **changes: Any
    ) -> dict[str, Any]:
        """A look-up body: one case a person, on the basis of consent."""
        basis = {
            "kind": "consent",
            "captured_at": "2026-01-05T10:00:00Z",
            "method": "verbal",
            "scope": list(COVERED_PURPOSES),
        }
        cases = [
            {
                "case": number,
                "tokens": [encode_token(person, schema)],
                "area": "north",
                "probes": encode_probes(person, schema),
                "basis": basis,
            }
            for number, person in enumerate(people)
        ]
        document = {
            "format": "lookup/1",
            "request": self.new_id(),
            "epoch": epoch,
            "schema_digest": schema.digest,
            "staff": "worker-1",
            "role": "coordinator",
            "purpose": "case_conference",
            "conference": "2026-02",
            "agencies": None,
            "cases": cases,
        }
        return document | changes

    def approve(
        self, *overrides: str, approver: str = "manager-1", purpose: str = "case_conference", **said: Any
    ) -> None:
        """Have somebody's approval of overrides logged, for the usual reason but for what is said of it."""
        reason = {"reason_category": "risk_to_life", "reason_commitment": "cd" * 32}
        for override in overrides:
            event = {
                "format": "log-event/1",
                "event": self.new_id(),
                "action": "override:approval:given",
                "facts": {"purpose": purpose},
                "parts": {"own": {"override": override} | reason | said},
            }
            answer = self.call("POST", "/v1/log/events", event, actor=Actor(approver, "coordinator"))
            assert answer.status == 201, answer.document

    def look_up(self, document: Mapping[str, Any]) -> Answer:
        """Send a look-up."""
        return self.call("POST", "/v1/lookups", document)

    def log(self, **query: int) -> list[dict[str, Any]]:
        """The entries of the log that this agency is shown, flattened."""
        text = "&".join(f"{name}={value}" for name, value in ({"limit": 1000} | query).items())
        answer = self.call("GET", f"/v1/log?{text}")
        assert answer.status == 200, answer.document
        return [flatten(line) for line in answer.document["entries"]]


def usual_actor(path: str, document: Any = None) -> Actor:
    """Who would make this call: the one a look-up names, else somebody of the usual role."""
    role = next((role for beginning, role in USUAL_ROLES if path.startswith(beginning)), "responder")
    if isinstance(document, dict) and document.get("action") in ASKED_FOR:
        role = "coordinator"
    if isinstance(document, dict) and "staff" in document and "role" in document:
        return Actor(document["staff"], document["role"])
    return Actor("worker-1", role)


def flatten(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the log in one mapping: the leaf's facts, then what its parts say."""
    facts: dict[str, Any] = json.loads(base64.b64decode(line["leaf"]))
    promised = facts.pop("parts")
    assert line["parts"].keys() <= promised.keys()
    for name, part in line["parts"].items():
        text = {} if part is None else part["text"]
        salted = b"" if part is None else base64.b64decode(part["salt"]) + name.encode() + b"\0"
        assert part is None or hashlib.sha256(salted + canonical_bytes(text)).hexdigest() == promised[name]
        facts |= text
    return facts


def caseload_digest(records: Sequence[Mapping[str, Any]]) -> str:
    """The digest of a caseload (docs/protocol.md, section 7), written anew and not shared with the hub."""
    ordered = sorted(records, key=lambda record: record["handle"])
    parts = [
        bytes.fromhex(record["handle"]) + hashlib.sha256(canonical_bytes(dict(record))).digest()
        for record in ordered
    ]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def codes(answer: Answer, case: int = 0) -> dict[str, str]:
    """The codes of one case by agency."""
    return {line["agency"]: line["answer"] for line in answer.document["cases"][case]["answers"]}
