"""A witness in a test: the rules of C2SP tlog-witness, plainly, over a node of the tests."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from keys.checkpoints import Checkpoint, NoteKey, cosign, log_key, open_checkpoint, witness_key
from keys.errors import KeysError
from keys.merkle import EMPTY_ROOT, verify_consistency
from tests.hub.client import Node
from tests.hub.conftest import NETWORK


@dataclass
class Witness:
    """What a node keeps as a witness: the last checkpoint that it cosigned."""

    node: Node
    size: int = 0
    root: bytes = EMPTY_ROOT
    seen: list[Checkpoint] = field(default_factory=list)

    @property
    def log_key(self) -> NoteKey:
        return log_key(NETWORK, self.node.hub)

    @property
    def name(self) -> str:
        return witness_key(NETWORK, self.node.agency, self.node.identity.public).name

    def fetch(self, old: int | None = None) -> str:
        """The request that the hub would have sent."""
        answer = self.node.call("GET", f"/v1/log/witness-request?old={self.size if old is None else old}")
        assert answer.status == 200, answer.document
        return str(answer.document["request"])

    def judge(self, request: str) -> dict[str, Any]:
        """Judge a request, and make the response to report."""
        heading, _, note = request.partition("\n\n")
        first, *lines = heading.split("\n")
        old = int(first.removeprefix("old "))
        proof = [base64.b64decode(line) for line in lines]
        try:
            offered = open_checkpoint(note, key=self.log_key)
        except KeysError:
            return self.report(old, None, 403, "")
        if old > offered.size:
            return self.report(old, offered.size, 400, "")
        if old != self.size or (old == offered.size and self.root != offered.root):
            return self.report(old, offered.size, 409, f"{self.size}\n")
        try:
            verify_consistency(old=old, size=offered.size, old_root=self.root, root=offered.root, proof=proof)
        except KeysError:
            return self.report(old, offered.size, 422, "")
        self.size, self.root = offered.size, offered.root
        self.seen.append(offered)
        line = cosign(offered.text, identity=self.node.identity, name=self.name, at=self.node.clock())
        return self.report(old, offered.size, 200, line)

    def report(self, old: int, size: int | None, status: int, body: str) -> dict[str, Any]:
        return {"format": "witness-response/1", "old": old, "size": size, "status": status, "body": body}

    def send(self, response: dict[str, Any]) -> Any:
        return self.node.call("POST", "/v1/log/cosignatures", response)

    def sync(self) -> str:
        """Fetch, judge and report once; what the hub made of it."""
        answer = self.send(self.judge(self.fetch()))
        assert answer.status == 200, answer.document
        return str(answer.document["status"])
