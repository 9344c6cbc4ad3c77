"""A signed answer is taken from the pinned hub, for the question that was asked, and for no other."""

import base64
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from keys.actors import AUTOMATIC
from keys.envelope import VerifiedResponse, new_nonce, sign_request, sign_response, verify_response
from keys.errors import (
    EnvelopeExpiredError,
    EnvelopeReplayedError,
    KeyFormatError,
    SignatureInvalidError,
    UnknownKeyError,
)
from tests.keys.factories import AT, identity, seconds

HUB, OTHER = identity(3), identity(4)
ASKED = base64.urlsafe_b64encode(bytes(range(16, 32))).decode().rstrip("=")
BODY = b'{"format":"answer/1"}'
JSON = {"Content-Type": "application/json"}


def signed(**change: Any) -> dict[str, str]:
    given: dict[str, Any] = {"status": 200, "headers": JSON, "body": BODY, "request_nonce": ASKED, "at": AT}
    signer = change.pop("signer", HUB)
    given |= change
    return {**given["headers"], **sign_response(signer, **given)}


@dataclass(frozen=True)
class Received:
    status: int = 200
    headers: dict[str, str] = field(default_factory=signed)
    body: bytes = BODY
    at: datetime = AT
    request_nonce: str = ASKED

    def verify(self) -> VerifiedResponse:
        return verify_response(
            status=self.status,
            headers=self.headers,
            body=self.body,
            at=self.at,
            hub=HUB.public,
            request_nonce=self.request_nonce,
        )

    def changed(self, **fields: str) -> "Received":
        return replace(self, headers=self.headers | {k.replace("_", "-"): v for k, v in fields.items()})


def test_an_answer_as_it_was_signed_is_taken() -> None:
    verified = Received().verify()
    assert (verified.keyid, verified.created) == (HUB.public.fingerprint, AT)


def test_an_empty_answer_is_signed_and_taken() -> None:
    assert Received(headers=signed(body=b""), body=b"").verify().keyid == HUB.public.fingerprint


UNSIGNED = {name: text for name, text in signed().items() if not name.startswith("Signature")}
REQUEST = sign_request(
    HUB, actor=AUTOMATIC, method="GET", url="https://hub.example/", headers={}, body=BODY, at=AT
)
REFUSED = [
    pytest.param(replace(Received(), status=403), SignatureInvalidError, id="another status"),
    pytest.param(replace(Received(), body=b"{}"), SignatureInvalidError, id="another body"),
    pytest.param(
        Received().changed(Content_Type="text/html"), SignatureInvalidError, id="another content type"
    ),
    pytest.param(
        Received().changed(Knownto_Nonce=new_nonce()), SignatureInvalidError, id="the nonce exchanged"
    ),
    pytest.param(
        Received().changed(Content_Digest="sha-256=:AAAA:"), SignatureInvalidError, id="another digest"
    ),
    pytest.param(replace(Received(), headers=UNSIGNED), SignatureInvalidError, id="not signed"),
    pytest.param(
        replace(Received(), headers=JSON | REQUEST), SignatureInvalidError, id="signed as a request"
    ),
    pytest.param(
        replace(Received(), headers=signed(signer=OTHER)), UnknownKeyError, id="signed by another hub"
    ),
    pytest.param(
        replace(Received(), request_nonce=new_nonce()), EnvelopeReplayedError, id="for another question"
    ),
    pytest.param(replace(Received(), at=AT + seconds(121)), EnvelopeExpiredError, id="too old"),
    pytest.param(replace(Received(), at=AT - seconds(121)), EnvelopeExpiredError, id="from the future"),
]


@pytest.mark.parametrize(("received", "error"), REFUSED)
def test_an_answer_that_is_not_the_hubs_to_this_question_is_refused(
    received: Received, error: type[Exception]
) -> None:
    with pytest.raises(error) as refusal:
        received.verify()
    assert refusal.type is error
    for text in (ASKED, HUB.public.fingerprint, *received.headers.values()):
        assert text not in str(refusal.value)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"headers": {}}, id="no content type"),
        pytest.param({"request_nonce": "short"}, id="a malformed nonce of the question"),
        pytest.param({"headers": JSON | {"Knownto-Nonce": ASKED}}, id="a nonce already there"),
        pytest.param(
            {"headers": {"Content-Type": "text/plain\nX: y"}}, id="a line break in the content type"
        ),
    ],
)
def test_an_answer_that_cannot_be_verified_is_not_signed(change: dict[str, Any]) -> None:
    with pytest.raises(KeyFormatError):
        signed(**change)
