"""Every call signed, every answer signed: what the hub refuses, and how it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from hub import authentication
from hub.models import Nonce
from hub.nonce_thread import NonceThread
from keys.envelope import NONCE_HEADER, new_nonce, sign_request
from keys.identity import NodeIdentity
from tests.hub.client import ORIGIN, Node, usual_actor
from tests.hub.conftest import Network


@pytest.fixture
def node(network: Network) -> Node:
    return network.join("holder-1")


def signed(
    node: Node, method: str, path: str, body: bytes, *, origin: str = ORIGIN
) -> tuple[dict[str, str], str]:
    nonce = new_nonce()
    headers = {"content-type": "application/json"}
    url = origin + path
    headers |= sign_request(
        node.identity,
        actor=usual_actor(path),
        method=method,
        url=url,
        headers=headers,
        body=body,
        at=node.clock(),
        nonce=nonce,
    )
    return headers, nonce


def test_a_signed_call_is_answered_and_the_answer_is_signed_for_its_nonce(node: Node) -> None:
    answer = node.call("GET", "/v1/agencies")
    assert answer.status == 200
    assert [agency["agency"] for agency in answer.document["agencies"]] == ["holder-1"]


def test_an_unsigned_call_is_refused_and_cannot_be_answered_with_a_signature(network: Network) -> None:
    response = network.client.get("/v1/agencies")
    assert (response.status_code, response.json()["code"]) == (401, "signature_invalid")
    assert NONCE_HEADER not in response.headers


def test_a_key_nobody_holds_is_unknown(node: Node) -> None:
    stranger = NodeIdentity.generate(exchange_key=bytes(32))
    answer = node.call("GET", "/v1/agencies", signer=stranger)
    assert (answer.status, answer.code) == (401, "unknown_key")


def test_a_request_sent_twice_is_refused_the_second_time(node: Node) -> None:
    headers, nonce = signed(node, "GET", "/v1/agencies", b"")
    assert node.send("GET", "/v1/agencies", headers, b"", nonce=nonce).status == 200
    again = node.send("GET", "/v1/agencies", headers, b"", nonce=nonce)
    assert (again.status, again.code) == (401, "replayed")


def test_a_nonce_stays_used_when_its_request_failed(node: Node) -> None:
    headers, nonce = signed(node, "GET", "/v1/nothing", b"")
    assert node.send("GET", "/v1/nothing", headers, b"", nonce=nonce).code == "not_found"
    assert node.send("GET", "/v1/nothing", headers, b"", nonce=nonce).code == "replayed"


@pytest.mark.parametrize("seconds", [-121, 121])
def test_a_clock_too_far_off_is_refused(node: Node, network: Network, seconds: int) -> None:
    headers, nonce = signed(node, "GET", "/v1/agencies", b"")
    network.clock.move(seconds=seconds)
    assert node.send("GET", "/v1/agencies", headers, b"", nonce=nonce).code == "clock_skew"


def test_used_nonces_are_forgotten_once_their_requests_are_too_old(node: Node, network: Network) -> None:
    for _ in range(3):
        node.call("GET", "/v1/agencies")
    network.clock.move(hours=1)
    node.call("GET", "/v1/agencies")
    NonceThread(network.database, clock=network.clock).work()
    with network.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Nonce)) == 1


def test_a_changed_body_is_refused(node: Node) -> None:
    headers, nonce = signed(node, "POST", "/v1/lookups", b'{"format": "lookup/1"}')
    answer = node.send("POST", "/v1/lookups", headers, b'{"format": "lookup/2"}', nonce=nonce)
    assert (answer.status, answer.code) == (401, "signature_invalid")


def test_a_request_signed_for_another_hub_is_refused(node: Node) -> None:
    headers, nonce = signed(node, "GET", "/v1/agencies", b"", origin="http://other.test")
    headers["host"] = "other.test"
    assert node.send("GET", "/v1/agencies", headers, b"", nonce=nonce).code == "signature_invalid"


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/nowhere"), ("PUT", "/v1/lookups"), ("GET", "/")])
def test_an_unknown_path_or_method_is_a_signed_problem(node: Node, method: str, path: str) -> None:
    answer = node.call(method, path)
    assert (answer.status, answer.code) == (404, "not_found")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_node_that_is_not_confirmed_may_do_nothing_yet(network: Network) -> None:
    node = network.add("holder-1")
    assert node.enrol(network.invite("holder-1")).status == 201
    for method, path in (("GET", "/v1/agencies"), ("DELETE", "/v1/caseload"), ("POST", "/v1/lookups")):
        answer = node.call(method, path, body=b"not even json")
        assert (answer.status, answer.code) == (403, "not_confirmed")


def test_a_body_above_the_limit_is_refused_unread(node: Node, network: Network) -> None:
    body = b" " * (16 * 1024 * 1024 + 1)
    answer = node.call("POST", "/v1/lookups", body=body)
    assert (answer.status, answer.code) == (413, "too_large")


def test_a_body_that_is_not_json_is_malformed_without_being_quoted(node: Node) -> None:
    answer = node.call("POST", "/v1/agreements", body=b'{"sentinelname": ')
    assert (answer.status, answer.code) == (422, "malformed")
    assert "sentinelname" not in answer.body.decode()


SENTINEL = "sentinelname"


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({SENTINEL: 1}, id="as an unknown field"),
        pytest.param({"agreement": SENTINEL * 20}, id="as a value too long"),
        pytest.param({"agreement": {SENTINEL: SENTINEL}}, id="as an object"),
        pytest.param({"parties": [SENTINEL, {SENTINEL: 1}]}, id="in a list"),
        pytest.param({"not_before": SENTINEL}, id="as a time"),
        pytest.param([SENTINEL], id="as the whole body"),
        pytest.param(SENTINEL, id="as a bare string"),
    ],
)
def test_a_malformed_body_is_described_without_any_of_its_values(node: Node, document: Any) -> None:
    answer = node.call("POST", "/v1/agreements", document)
    assert (answer.status, answer.code) == (422, "malformed")
    assert SENTINEL not in answer.body.decode()
    assert "input" not in answer.document


def test_malformed_fields_are_named_with_their_rule(node: Node, network: Network) -> None:
    network.join("holder-2")
    network.agree("holder-1", "holder-2")
    answer = node.call("PUT", "/v1/consents/" + "ab" * 16, {"format": "consent/2", "version": 0})
    assert "version: greater than equal (ge 1)" in answer.document["detail"]
    assert answer.document["type"] == "https://known-to.example/problems/malformed"


def test_an_unexpected_error_says_nothing_and_is_signed(
    node: Node, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise KeyError(SENTINEL)

    monkeypatch.setattr("hub.routes.membership.list_agencies", fail)
    answer = node.call("GET", "/v1/agencies")
    assert (answer.status, answer.code) == (500, "unexpected")
    assert SENTINEL not in answer.body.decode() and SENTINEL not in caplog.text
    assert "KeyError" in caplog.text


def test_health_and_hub_need_no_signature(network: Network) -> None:
    assert network.client.get("/v1/health").json() == {"status": "ok"}
    document = network.client.get("/v1/hub").json()
    assert document["fingerprint"] == network.hub.public.fingerprint
    assert set(document) == {"format", "network", "public_key", "fingerprint", "version"}


def test_health_is_unavailable_when_the_database_cannot_be_written(
    network: Network, client_without_database: TestClient
) -> None:
    response = client_without_database.get("/v1/health")
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")


@pytest.fixture
def client_without_database(network: Network, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("", {}, Exception("no disk"))

    monkeypatch.setattr(network.database, "writing", fail)
    monkeypatch.setattr(network.database, "trying", fail)
    return network.client


def test_no_page_or_description_is_served_without_a_signature(network: Network) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/v1/openapi.json"):
        assert network.client.get(path).status_code == 401


def test_a_call_holds_no_connection_while_it_waits_for_another(
    network: Network, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls that held one each while they waited for a second would, all together, wait for themselves."""
    remember_nonce, held = authentication.remember_nonce, []

    def counted(*arguments: Any, **options: Any) -> bool:
        is_new = remember_nonce(*arguments, **options)
        held.append(network.database.engine.pool.checkedout())  # type: ignore[attr-defined]
        return is_new

    monkeypatch.setattr(authentication, "remember_nonce", counted)
    assert node.call("GET", "/v1/agencies").status == 200
    assert held == [1]
