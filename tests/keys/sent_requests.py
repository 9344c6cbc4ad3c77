"""A signed request as it arrives at a hub, as it was signed or signed otherwise."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.actors import Actor
from keys.envelope import VerifiedRequest, sign_request, verify_request
from tests.keys import reference
from tests.keys.factories import AT, KnownKeys, Nonces, identity

NODE, OTHER = identity(1), identity(2)
NONCE = base64.urlsafe_b64encode(bytes(range(16))).decode().rstrip("=")
ACTOR, ACTOR_TEXT = Actor("j-doe", "officer"), "staff=j-doe;role=officer"
URL = "https://hub.example/v1/lookups?dry=1"
BODY = b'{"format":"lookup/1"}'
KNOWN = KnownKeys(NODE.public, OTHER.public)


@dataclass(frozen=True)
class Sent:
    """A request as it arrives, with the hub's clock and memory."""

    method: str = "POST"
    url: str = URL
    body: bytes = BODY
    headers: dict[str, str] = field(
        default_factory=lambda: sign_request(
            NODE, actor=ACTOR, method="POST", url=URL, headers={}, body=BODY, at=AT, nonce=NONCE
        )
    )
    at: datetime = AT
    nonces: Nonces = field(default_factory=Nonces)

    def verify(self) -> VerifiedRequest:
        return verify_request(
            method=self.method,
            url=self.url,
            headers=self.headers,
            body=self.body,
            at=self.at,
            key_for=KNOWN.find,
            remember_nonce=self.nonces.remember,
        )

    def header(self, name: str, change: Callable[[str], str]) -> "Sent":
        return replace(self, headers=self.headers | {name: change(self.headers[name])})

    def without(self, name: str) -> "Sent":
        return replace(self, headers={other: text for other, text in self.headers.items() if other != name})


def signed_otherwise(
    *,
    components: tuple[str, ...] = reference.REQUEST,
    parameters: str | None = None,
    digest: str | None = None,
    actor: str = ACTOR_TEXT,
    private: bytes = bytes([1]) * 32,
    **given: Any,
) -> Sent:
    """A request whose signature is right for what it covers, which is not what the protocol asks for."""
    values = {
        "@method": "POST",
        "@authority": "hub.example",
        "@path": "/v1/lookups",
        "@query": "?dry=1",
        "@target-uri": URL,
        "content-digest": digest or reference.content_digest(BODY),
        "knownto-actor": actor,
    }
    defaults = {
        "created": int(AT.timestamp()),
        "keyid": NODE.public.fingerprint,
        "nonce": NONCE,
        "tag": "knownto/1",
    }
    text = reference.signature_parameters(**{**defaults, **given}) if parameters is None else parameters
    key = Ed25519PrivateKey.from_private_bytes(private)
    fields = reference.signature_fields(key, values, components, text)
    return Sent(headers={"Knownto-Actor": actor, "Content-Digest": values["content-digest"], **fields})


def assert_says_nothing(error: Exception, sent: Sent) -> None:
    """The message names field and rule and holds nothing that came in."""
    said = str(error) + repr(error)
    for secret in (
        NONCE,
        NODE.public.fingerprint,
        OTHER.public.fingerprint,
        sent.url,
        *sent.headers.values(),
    ):
        assert not secret or secret not in said
