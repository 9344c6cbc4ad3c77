"""Lies a hub could tell: answers altered and signed, receipts of entries that are not in its log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from keys.documents import canonical_bytes
from keys.formats import decode_base64, encode_base64
from node.client import HubClient
from node.leaves import commit_part
from tests.federation import Federation
from tests.node.logs import log_of

Change = Callable[[Any], Any]
Spoil = Callable[[Any], None]  # In place.


def lie(monkeypatch: pytest.MonkeyPatch, path: str, change: Change) -> None:
    """A hub that signs altered answers to one call."""
    call = HubClient.call

    def lying(self: HubClient, method: str, called: str, body: Any = None) -> Any:
        answer = call(self, method, called, body)
        return change(answer) if called.partition("?")[0] == path else answer

    monkeypatch.setattr(HubClient, "call", lying)


def lie_in_turn(monkeypatch: pytest.MonkeyPatch, path: str, spoils: Iterable[Spoil]) -> Iterator[Spoil]:
    """A hub that tells one lie after another in answer to one call; each is yielded while it is told."""
    told: list[Spoil] = []

    def spoiled(answer: Any) -> Any:
        told[-1](answer)
        return answer

    lie(monkeypatch, path, spoiled)
    for spoil in spoils:
        told.append(spoil)
        yield spoil


def forge(federation: Federation, answer: Any, change: Change, *, junk: str = "leaf") -> Any:
    """A receipt for another entry, in a log of its own that the hub really signs."""
    receipt = answer["receipt"]
    facts = json.loads(decode_base64(receipt["leaf"], field="leaf"))
    texts = {name: part["text"] for name, part in receipt["parts"].items()}
    shown = {"facts": facts, "parts": texts, "answer": answer}
    change(shown)
    salt = bytes(16)
    facts["parts"] |= {name: commit_part(name, text, salt=salt) for name, text in texts.items()}
    leaf = canonical_bytes(facts)
    log = log_of(facts["index"], identity=federation.hub.identity, label=junk)
    log.leaves[-1] = leaf
    return {
        **answer,
        "receipt": {
            "index": facts["index"],
            "leaf": encode_base64(leaf),
            "parts": {name: {"salt": encode_base64(salt), "text": text} for name, text in texts.items()},
            "inclusion": [encode_base64(one) for one in log.inclusion(len(log.leaves) - 1, len(log.leaves))],
            "checkpoint": log.note(len(log.leaves)),
        },
    }
