"""Small builders the key tests share."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from keys.identity import NodeIdentity, PublicIdentity
from keys.passphrase import PassphraseCost

VECTORS = Path(__file__).parents[1] / "vectors" / "envelope"
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
CHEAP = PassphraseCost(memory_kib=19_456, iterations=2, lanes=1)  # The cheapest the package accepts.
PASSPHRASE = "correct horse battery"


def load_vector(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return loaded


def identity(number: int) -> NodeIdentity:
    """An identity that is the same in every run."""
    return NodeIdentity.from_private_bytes(bytes([number]) * 32)


class Nonces:
    """A memory of nonces, as a hub's database keeps one."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], datetime] = {}

    def remember(self, keyid: str, nonce: str, expires: datetime) -> bool:
        if (keyid, nonce) in self.seen:
            return False
        self.seen[keyid, nonce] = expires
        return True

    def forget(self, at: datetime) -> None:
        self.seen = {key: expires for key, expires in self.seen.items() if expires > at}


class KnownKeys:
    """The identities a hub knows."""

    def __init__(self, *known: PublicIdentity) -> None:
        self._known = {public.fingerprint: public for public in known}

    def find(self, keyid: str) -> PublicIdentity | None:
        return self._known.get(keyid)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)
