"""The only module of the node that speaks HTTP: signed questions to the hub, verified answers back.

Every call is signed by the node and every answer must be signed by the pinned hub for this very question
(docs/protocol.md section 2). All calls of the protocol may be repeated without harm, so a broken
connection is tried again; every try has its own nonce and time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx2
import stamina
from stamina.instrumentation import set_on_retry_hooks

from keys.actors import Actor
from keys.envelope import new_nonce, sign_request, verify_response
from keys.errors import EnvelopeExpiredError, EnvelopeReplayedError, KeyFormatError, SignatureInvalidError
from keys.identity import NodeIdentity, PublicIdentity
from node.errors import HubRefusedError, HubUnreachableError, IntegrityError

Clock = Callable[[], datetime]
# Three tries over about two seconds: long enough for a restarted hub worker, short enough to wait for.
ATTEMPTS = 3
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 1.5
# What proxies in front of a hub say when the hub itself is away; such answers cannot be signed.
GATEWAY_STATUSES = frozenset({502, 503, 504})
LONGEST_DETAIL = 300


def utc_now() -> datetime:
    """The clock of the edge."""
    return datetime.now(UTC)


def open_http(hub: str, *, timeout_seconds: float) -> httpx2.Client:
    """A connection pool to the hub: no redirects, no proxies' cookies, certificates checked."""
    return httpx2.Client(
        base_url=hub,
        timeout=timeout_seconds,
        follow_redirects=False,
        headers={"Accept": "application/json", "User-Agent": "knownto"},
    )


def fetch_hub(http: httpx2.Client) -> dict[str, Any]:
    """`GET /v1/hub`: what a hub says of itself, unsigned, to be compared by people before it is pinned.

    Raises:
        HubUnreachableError: No answer.
        IntegrityError: Not a hub's answer.
    """
    response = _send(http, lambda: http.build_request("GET", "/v1/hub"))
    document = _parse_object(response.content) if response.status_code == 200 else {}
    if document.get("format") != "hub/1":
        raise IntegrityError("this address does not answer as a Known To hub")
    return document


class HubClient:
    """Calls the hub as one node.

    Attributes:
        identity: The node's identity, which signs every call.
        actor: For whom it calls, and in which role; every call says so.
        hub: The pinned identity of the hub, which must have signed every answer.
        signature: The signature (base64) over the request that was answered last; the log keeps it too.
    """

    def __init__(
        self,
        http: httpx2.Client,
        *,
        identity: NodeIdentity,
        actor: Actor,
        hub: PublicIdentity,
        clock: Clock = utc_now,
    ) -> None:
        self._http = http
        self.identity = identity
        self.actor = actor
        self.hub = hub
        self.clock = clock
        self.signature: str | None = None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask the hub and return its verified answer.

        Args:
            method: Upper case.
            path: Path and query; never an identifier in it.
            body: A JSON object, or None.

        Raises:
            HubUnreachableError: No answer, also after trying again; nothing is known about what it did.
            HubRefusedError: The hub answered with a problem.
            IntegrityError: The answer is not signed by the pinned hub for this question.
        """
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        nonces: list[str] = []

        def build() -> httpx2.Request:
            nonces.append(new_nonce())
            return self._build(method, path, content, nonce=nonces[-1])

        response = _send(self._http, build)
        self._verify(response, nonces[-1])
        # A structured field of one byte sequence between colons (RFC 9421 section 4.2).
        self.signature = response.request.headers["Signature"].partition(":")[2].removesuffix(":")
        if response.is_success:
            return _parse_object(response.content) if response.content else {}
        raise _refusal(response)

    def _build(self, method: str, path: str, content: bytes, *, nonce: str) -> httpx2.Request:
        headers = {"Content-Type": "application/json"} if content else {}
        request = self._http.build_request(method, path, content=content, headers=headers)
        signed = sign_request(
            self.identity,
            actor=self.actor,
            method=method,
            url=str(request.url),
            headers=headers,
            body=content,
            at=self.clock(),
            nonce=nonce,
        )
        request.headers.update(signed)
        return request

    def _verify(self, response: httpx2.Response, nonce: str) -> None:
        if response.status_code in GATEWAY_STATUSES and "signature" not in response.headers:
            raise HubUnreachableError("the hub is not answering behind its address")
        try:
            verify_response(
                status=response.status_code,
                headers=response.headers,
                body=response.content,
                at=self.clock(),
                hub=self.hub,
                request_nonce=nonce,
            )
        except EnvelopeExpiredError:
            raise IntegrityError("the hub's clock and this node's differ by more than 120 seconds") from None
        except EnvelopeReplayedError:
            raise IntegrityError("the answer belongs to another question") from None
        except (SignatureInvalidError, KeyFormatError):
            raise IntegrityError("the answer is not signed by the hub this node has pinned") from None


def _send(http: httpx2.Client, build: Callable[[], httpx2.Request]) -> httpx2.Response:
    """Send a request, built anew for every try, until it is answered or the tries are used up."""
    set_on_retry_hooks([])  # stamina would otherwise report every retry on stdout, where data goes
    try:
        for attempt in stamina.retry_context(
            on=httpx2.TransportError,
            attempts=ATTEMPTS,
            wait_initial=FIRST_WAIT_SECONDS,
            wait_max=LONGEST_WAIT_SECONDS,
            timeout=None,
        ):
            with attempt:
                return http.send(build())
    except httpx2.HTTPError as error:
        # The library's message sometimes holds the request: its kind is enough, and the address is a setting.
        address = f"{http.base_url.scheme}://{http.base_url.netloc.decode('ascii')}"
        raise HubUnreachableError(
            f"the hub at {address} cannot be reached ({type(error).__name__}): check the network and "
            "the address, then run the command again; if others cannot reach it either, ring its operator"
        ) from None
    raise AssertionError("a retry ends with an answer or an error")


def _parse_object(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        raise IntegrityError("the hub's answer is not JSON") from None
    if not isinstance(document, dict):
        raise IntegrityError("the hub's answer is not a JSON object")
    return document


def _refusal(response: httpx2.Response) -> HubRefusedError:
    """The problem of a refused call (RFC 9457); its detail names field, row and rule."""
    problem = _parse_object(response.content)
    code = str(problem.get("code", "unexpected"))
    detail = str(problem.get("detail") or problem.get("title") or "")[:LONGEST_DETAIL]
    return HubRefusedError(code, status=response.status_code, detail=detail)
