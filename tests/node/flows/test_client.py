"""The client believes only what the pinned hub signed for this very question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from keys.actors import AUTOMATIC
from keys.identity import NodeIdentity
from node.client import HubClient, open_http
from node.enrolment import enrol, find_hub
from node.errors import AuthenticationError, HubRefusedError, HubUnreachableError, IntegrityError
from tests.broken_transports import altered, always, broken
from tests.federation import Federation


def rebuilt(response: httpx2.Response, **changes: Any) -> httpx2.Response:
    """The response with some parts replaced."""
    parts: dict[str, Any] = {
        "status_code": response.status_code,
        "headers": response.headers,
        "content": response.content,
        "request": response.request,
        **changes,
    }
    return httpx2.Response(**parts)


def without(name: str) -> Callable[[httpx2.Response], httpx2.Response]:
    def change(response: httpx2.Response) -> httpx2.Response:
        headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() != name]
        return rebuilt(response, headers=headers)

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(without("signature"), id="signature missing"),
        pytest.param(without("signature-input"), id="signature input missing"),
        pytest.param(without("content-digest"), id="digest missing"),
        pytest.param(without("knownto-nonce"), id="nonce missing"),
        pytest.param(
            lambda r: rebuilt(r, content=r.content.replace(b"holder", b"helder")), id="body altered"
        ),
        pytest.param(lambda r: rebuilt(r, status_code=201), id="status altered"),
        pytest.param(lambda r: rebuilt(r, status_code=503), id="a signed answer with a gateway's status"),
    ],
)
def test_an_altered_answer_is_refused(federation: Federation, change: Any) -> None:
    holder = federation.nodes["holder"]
    with altered(holder, change), pytest.raises(IntegrityError):
        holder.client().call("GET", "/v1/agencies")


def test_the_answer_to_another_question_is_refused(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    kept: list[httpx2.Response] = []

    def swap(response: httpx2.Response) -> httpx2.Response | None:
        kept.append(response)
        return rebuilt(kept[0]) if len(kept) > 1 else None

    with altered(holder, swap):
        holder.client().call("GET", "/v1/agencies")
        with pytest.raises(IntegrityError, match="another question"):
            holder.client().call("GET", "/v1/agencies")


def test_an_old_answer_is_refused(federation: Federation) -> None:
    holder = federation.nodes["holder"]

    def delay(_response: httpx2.Response) -> None:
        federation.clock.advance(seconds=121)

    with altered(holder, delay), pytest.raises(IntegrityError, match="120 seconds"):
        holder.client().call("GET", "/v1/agencies")


def test_another_hub_is_refused(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    other = NodeIdentity.generate().public
    client = HubClient(
        holder.open_http(), identity=holder.identity, actor=holder.actor, hub=other, clock=holder.clock
    )
    with pytest.raises(IntegrityError, match="pinned"):
        client.call("GET", "/v1/agencies")


def test_a_gateway_without_a_hub_is_unreachable_and_not_a_forgery(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    page = httpx2.Response(502, content=b"<h1>Bad gateway</h1>")
    with altered(holder, lambda _: page), pytest.raises(HubUnreachableError):
        holder.client().call("GET", "/v1/agencies")


def test_a_broken_call_is_tried_three_times_each_with_its_own_nonce(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    signatures: list[str] = []

    def note(request: httpx2.Request, _number: int) -> bool:
        signatures.append(request.headers["signature-input"])
        return True

    with broken(holder, note), pytest.raises(HubUnreachableError):
        holder.client().call("GET", "/v1/agencies")
    assert len(set(signatures)) == 3


def test_a_call_that_works_at_the_second_try_is_answered(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    with broken(holder, lambda _, number: number == 0, after_answer=True):
        assert holder.client().call("GET", "/v1/agencies")["agencies"]


def test_an_error_of_the_transport_names_the_hub_s_address_and_nothing_of_the_request() -> None:
    http = open_http("http://reader:hunter2@127.0.0.1:9", timeout_seconds=0.2)
    identity = NodeIdentity.generate()
    client = HubClient(http, identity=identity, actor=AUTOMATIC, hub=identity.public)
    with pytest.raises(HubUnreachableError) as caught:
        client.call("POST", "/v1/lookups", {"secret": "sentinel"})
    message = str(caught.value)
    assert "the hub at http://127.0.0.1:9 cannot be reached (ConnectError): check" in message
    assert not any(word in message for word in ("sentinel", "lookups", "hunter2"))
    assert caught.value.__cause__ is None
    http.close()


def test_a_problem_keeps_its_code_and_its_detail(federation: Federation) -> None:
    with pytest.raises(HubRefusedError) as refused:
        federation.acting("holder", "custodian").client().call("GET", "/v1/epochs/none/envelope")
    assert (refused.value.code, refused.value.status) == ("not_found", 404)


def test_a_node_is_not_confirmed_until_the_operator_says_so(federation: Federation) -> None:
    from hub.membership import add_agency, invite

    with federation.hub.database.writing() as session:
        add_agency(session, "newcomer", name="Newcomer", service="vcse", area=None, custodian=False)
        token = invite(session, "newcomer", at=federation.clock(), hours=24)
    node = federation.make_node("newcomer")
    found = find_hub(node)
    with pytest.raises(AuthenticationError, match="read out"):
        enrol(node, found, token=token, hub_fingerprint=node.identity.public.fingerprint)
    assert not node.settings.is_enrolled
    fingerprint = federation.hub.identity.public.fingerprint
    with pytest.raises(HubRefusedError) as refused:
        enrol(node, found, token="x" * 32, hub_fingerprint=fingerprint)
    assert refused.value.code == "token_invalid"
    enrol(node, found, token=token, hub_fingerprint=fingerprint)
    assert node.settings.hub_fingerprint == fingerprint
    with pytest.raises(HubRefusedError) as refused:
        node.client().call("GET", "/v1/agencies")
    assert refused.value.code == "not_confirmed"
    node.close()


def test_a_hub_with_another_key_at_the_same_address_is_noticed(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    forged = NodeIdentity.generate().public

    def forge(response: httpx2.Response) -> httpx2.Response:
        document = response.json() | {
            "public_key": forged.public_key_base64,
            "fingerprint": forged.fingerprint,
        }
        return httpx2.Response(200, json=document)

    with altered(holder, forge), pytest.raises(IntegrityError, match="another key"):
        find_hub(holder)


def test_an_address_without_a_hub_is_said_to_be_none(federation: Federation) -> None:
    holder = federation.nodes["holder"]
    with altered(holder, lambda _: httpx2.Response(200, json={})), pytest.raises(IntegrityError, match="hub"):
        find_hub(holder)
    with broken(holder, always), pytest.raises(HubUnreachableError):
        find_hub(holder)
