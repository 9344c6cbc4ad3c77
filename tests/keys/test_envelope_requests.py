"""A signed request is taken once, as it was signed, in its time."""

from dataclasses import replace
from typing import Any

import pytest

from keys.envelope import claimed_nonce, new_nonce, sign_request
from keys.errors import EnvelopeExpiredError, EnvelopeReplayedError, KeyFormatError, UnknownKeyError
from tests.keys.factories import AT, identity, seconds
from tests.keys.sent_requests import (
    ACTOR,
    BODY,
    NODE,
    NONCE,
    OTHER,
    URL,
    Sent,
    assert_says_nothing,
    signed_otherwise,
)


def test_a_request_as_it_was_signed_is_taken() -> None:
    verified = Sent().verify()
    assert (verified.keyid, verified.nonce, verified.created) == (NODE.public.fingerprint, NONCE, AT)
    assert verified.actor == ACTOR


def test_the_plain_way_of_signing_is_taken_too() -> None:
    assert signed_otherwise().verify() == Sent().verify()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(
            replace(Sent(), url="https://HUB.example:443/v1/lookups?dry=1"), id="default port and capitals"
        ),
        pytest.param(replace(Sent(), url="http://hub.example/v1/lookups?dry=1"), id="TLS ended at a proxy"),
        pytest.param(
            replace(Sent(), headers={k.lower(): v for k, v in Sent().headers.items()}),
            id="header names in lower case",
        ),
        pytest.param(
            replace(Sent(), headers=Sent().headers | {"Accept": "text/html"}), id="other header fields"
        ),
        pytest.param(replace(Sent(), at=AT + seconds(120)), id="as old as may be"),
        pytest.param(replace(Sent(), at=AT - seconds(120)), id="as far ahead as may be"),
    ],
)
def test_what_does_not_matter_is_allowed_to_change(sent: Sent) -> None:
    assert sent.verify().nonce == NONCE


@pytest.mark.parametrize("skew", [-86_400, -121, 121, 86_400])
def test_a_request_outside_the_window_is_refused(skew: int) -> None:
    sent = replace(Sent(), at=AT + seconds(skew))
    with pytest.raises(EnvelopeExpiredError) as refusal:
        sent.verify()
    assert sent.nonces.seen == {}
    assert_says_nothing(refusal.value, sent)


def test_a_request_of_an_unknown_node_is_refused() -> None:
    stranger = identity(9)
    headers = sign_request(stranger, actor=ACTOR, method="POST", url=URL, headers={}, body=BODY, at=AT)
    with pytest.raises(UnknownKeyError) as refusal:
        replace(Sent(), headers=headers).verify()
    assert_says_nothing(refusal.value, replace(Sent(), headers=headers))


def test_the_same_request_is_refused_the_second_time() -> None:
    sent = Sent()
    sent.verify()
    with pytest.raises(EnvelopeReplayedError) as refusal:
        replace(sent, at=AT + seconds(60)).verify()
    assert_says_nothing(refusal.value, sent)


def test_a_nonce_is_kept_until_the_window_has_closed_for_good() -> None:
    ahead = sign_request(
        NODE, actor=ACTOR, method="POST", url=URL, headers={}, body=BODY, at=AT + seconds(120), nonce=NONCE
    )
    sent = replace(Sent(), headers=ahead)
    sent.verify()
    for later in range(0, 400, 10):
        sent.nonces.forget(AT + seconds(later))
        with pytest.raises((EnvelopeReplayedError, EnvelopeExpiredError)):
            replace(sent, at=AT + seconds(later)).verify()


def test_two_nodes_may_use_the_same_nonce() -> None:
    sent = Sent()
    sent.verify()
    headers = sign_request(
        OTHER, actor=ACTOR, method="POST", url=URL, headers={}, body=BODY, at=AT, nonce=NONCE
    )
    assert replace(sent, headers=headers).verify().keyid == OTHER.public.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"url": "/v1/lookups"}, id="a relative address"),
        pytest.param({"method": "post"}, id="a method in lower case"),
        pytest.param({"headers": {"signature": "x"}}, id="a message signed already"),
        pytest.param({"headers": {"Content-Digest": "x"}}, id="a digest already there"),
        pytest.param({"headers": {"knownto-actor": "x"}}, id="an actor already there"),
        pytest.param({"nonce": "short"}, id="a nonce too short"),
        pytest.param({"nonce": ""}, id="an empty nonce"),
        pytest.param({"at": AT.replace(tzinfo=None)}, id="a time without zone"),
    ],
)
def test_what_cannot_be_verified_is_not_signed(change: dict[str, Any]) -> None:
    request: dict[str, Any] = {
        "actor": ACTOR,
        "method": "POST",
        "url": URL,
        "headers": {},
        "body": BODY,
        "at": AT,
    }
    with pytest.raises(KeyFormatError):
        sign_request(NODE, **{**request, **change})


def test_nonces_are_new_every_time() -> None:
    assert len({new_nonce() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("sent", "nonce"),
    [
        pytest.param(Sent(), NONCE, id="a good request"),
        pytest.param(signed_otherwise(tag="other"), NONCE, id="another tag"),
        pytest.param(signed_otherwise(components=()), NONCE, id="nothing covered"),
        pytest.param(signed_otherwise(nonce="short"), None, id="a nonce too short"),
        pytest.param(replace(Sent(), headers={}), None, id="nothing signed"),
    ],
)
def test_a_refusal_can_be_signed_for_the_nonce_that_was_claimed(sent: Sent, nonce: str | None) -> None:
    assert claimed_nonce(sent.headers) == nonce
