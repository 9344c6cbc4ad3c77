"""Every call signed, every answer signed: an ASGI layer around everything (docs/protocol.md, section 2).

It reads the bounded body, finds out who calls, and signs whatever comes back, problems included. A call
without a readable nonce cannot be answered with a signature; it gets its 401 unsigned, and no node accepts
that as an answer.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.access_log import Action, append_entry
from hub.authentication import (
    CallingNode,
    EnrollingNode,
    SignedRequest,
    authenticate,
    authenticate_enrolment,
)
from hub.errors import BodyTooLargeError, RequestReplayedError
from hub.nonces import remember_nonce
from hub.problems import MEDIA_TYPE, problem_of
from hub.release import QUANTISED, seconds_until_release
from hub.service import Hub
from keys.envelope import claimed_nonce, sign_response

UNSIGNED = frozenset({("GET", "/v1/health"), ("GET", "/v1/hub")})
REPLAY_LOGGED = timedelta(minutes=10)  # Longer than a signature is taken; past it a replay is a late call.
ENROLMENT = ("POST", "/v1/enrolments")

logger = logging.getLogger("knownto.hub")


@dataclass(slots=True)
class Buffered:
    """An answer held back until it is whole, so that it can be signed."""

    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    async def send(self, message: Message) -> None:
        """Take a part of the answer, as an ASGI server would."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]
            }
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


class SignedCalls:
    """Authenticates each call and signs each answer."""

    def __init__(self, app: ASGIApp, hub: Hub) -> None:
        """Wrap an application that serves a hub."""
        self.app = app
        self.hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one call."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = _headers(scope)
        unsigned = (scope["method"], scope["path"]) in UNSIGNED
        nonce = None if unsigned else claimed_nonce(headers)
        answer = await self._answer(scope, receive, headers, unsigned=unsigned)
        raw = self._signed_headers(answer, nonce=nonce)
        if (scope["method"], scope["path"]) in QUANTISED:
            quanta = scope.get("state", {}).get("quanta", 1)
            quantum = self.hub.settings.answer_quantum_seconds * quanta
            await anyio.sleep(seconds_until_release(time.perf_counter() - began, quantum_seconds=quantum))
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(
        self, scope: Scope, receive: Receive, headers: Mapping[str, str], *, unsigned: bool
    ) -> Buffered:
        try:
            body = await _read_body(receive, headers, limit_bytes=self.hub.settings.body_limit_bytes)
            scope.setdefault("state", {})["body"] = body
            if not unsigned:
                request = SignedRequest(scope["method"], self._url(scope, headers), headers, body)
                enrolling = (scope["method"], scope["path"]) == ENROLMENT
                scope["state"]["caller"] = await run_in_threadpool(
                    self._authenticate, request, enrolling=enrolling
                )
            answer = Buffered()
            await self.app(scope, _replay(body), answer.send)
            return answer
        except Exception as error:
            return _problem(error)

    def _authenticate(self, request: SignedRequest, *, enrolling: bool) -> CallingNode | EnrollingNode:
        check = authenticate_enrolment if enrolling else authenticate
        try:
            return check(self.hub.database, request, at=self.hub.clock())
        except RequestReplayedError as error:
            self._log_replay(error.agency, claimed_nonce(request.headers))
            raise

    def _log_replay(self, agency: str | None, nonce: str | None) -> None:
        """Somebody sends again what an agency had signed: that agency's officer should know, once a nonce."""
        if agency is None or nonce is None:
            return
        at = self.hub.clock()
        with self.hub.database.writing() as session:
            # No fingerprint has this form, so no call's own nonce is taken for one that is logged.
            if remember_nonce(
                session, fingerprint=f"replayed:{agency}", nonce=nonce, expires=at + REPLAY_LOGGED
            ):
                append_entry(session, Action.CALL_REPLAYED, agency=agency, at=at)

    def _url(self, scope: Scope, headers: Mapping[str, str]) -> str:
        """The URL the call was made to, under an origin that is ours: one signed for another must fail."""
        origins = self.hub.settings.origins
        host = headers.get("host", "")
        origin = next((known for known in origins if urlsplit(known).netloc == host), origins[0])
        path: str = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        return origin.rstrip("/") + path + (f"?{query}" if query else "")

    def _signed_headers(self, answer: Buffered, *, nonce: str | None) -> list[tuple[bytes, bytes]]:
        headers = answer.headers | {"content-length": str(len(answer.body)), "cache-control": "no-store"}
        if nonce is not None:
            headers.setdefault("content-type", "application/json")
            headers |= sign_response(
                self.hub.identity,
                status=answer.status,
                headers=headers,
                body=answer.body,
                request_nonce=nonce,
                at=self.hub.clock(),
            )
        return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _problem(error: Exception) -> Buffered:
    kind, document = problem_of(error)
    if kind.status >= 500:
        # The class and the place; a message may quote what it choked on.
        logger.error("%s: %s at %s", kind.code, type(error).__name__, _place(error))
    return Buffered(kind.status, {"content-type": MEDIA_TYPE}, json.dumps(document).encode())


def _place(error: Exception) -> str:
    """The innermost line of ours on an error's way, as module and number."""
    place, trace = "unknown", error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__"))
        if module.split(".")[0] in ("hub", "keys", "matcher"):
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _headers(scope: Scope) -> dict[str, str]:
    """Header fields; what came in several lines is joined by commas (RFC 9110, section 5.3)."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


async def _read_body(receive: Receive, headers: Mapping[str, str], *, limit_bytes: int) -> bytes:
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limit_bytes:
        raise BodyTooLargeError(f"body: more than {limit_bytes} bytes")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise BodyTooLargeError(f"body: more than {limit_bytes} bytes")
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes) -> Receive:
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return parts.pop() if parts else {"type": "http.disconnect"}

    return receive
