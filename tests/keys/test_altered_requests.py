"""A request that was altered, or signed otherwise than the protocol says, is refused."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.envelope import new_nonce, sign_request, verify_request
from keys.errors import KeysError, SignatureInvalidError
from tests.keys import reference
from tests.keys.factories import AT
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


def parameters(**given: Any) -> str:
    """Signature parameters as raw text, in any number and form."""
    return "".join(f";{name}={value}" for name, value in given.items())


ALTERED = [
    pytest.param(replace(Sent(), method="PUT"), id="another method"),
    pytest.param(replace(Sent(), method="post"), id="a method in lower case"),
    pytest.param(replace(Sent(), url=URL.replace("hub.", "other-hub.")), id="another audience"),
    pytest.param(replace(Sent(), url=URL.replace("example/", "example:8443/")), id="another port"),
    pytest.param(replace(Sent(), url=URL.replace("lookups", "pushes")), id="another path"),
    pytest.param(replace(Sent(), url=URL.replace("dry=1", "dry=0")), id="another query"),
    pytest.param(replace(Sent(), url=URL.replace("?dry=1", "")), id="the query taken away"),
    pytest.param(replace(Sent(), url="/v1/lookups?dry=1"), id="a relative address"),
    pytest.param(replace(Sent(), url=URL + "\r\n"), id="a line break in the address"),
    pytest.param(replace(Sent(), body=BODY + b" "), id="another body"),
    pytest.param(replace(Sent(), body=b""), id="the body taken away"),
    pytest.param(
        replace(
            Sent(),
            body=b"{}",
            headers=Sent().headers | {"Content-Digest": reference.content_digest(b"{}")},
        ),
        id="another body with its own digest",
    ),
    pytest.param(Sent().without("Content-Digest"), id="the digest taken away"),
    pytest.param(Sent().without("Signature"), id="the signature taken away"),
    pytest.param(Sent().without("Signature-Input"), id="the signature input taken away"),
    pytest.param(replace(Sent(), headers={}), id="nothing signed"),
    pytest.param(
        Sent().header("Signature-Input", lambda text: text.replace(' "content-digest"', "")),
        id="a component stripped",
    ),
    pytest.param(
        Sent().header("Signature-Input", lambda text: text.replace("created=1", "created=+1")),
        id="a bad number",
    ),
    pytest.param(
        Sent().header(
            "Signature-Input", lambda text: text.replace(NODE.public.fingerprint, OTHER.public.fingerprint)
        ),
        id="the key id of another node",
    ),
    pytest.param(
        Sent().header("Signature-Input", lambda text: text.replace(NONCE, new_nonce())), id="another nonce"
    ),
    pytest.param(
        Sent().header("Signature", lambda text: text.replace("=:", "=:AAAA", 1)), id="a longer signature"
    ),
    pytest.param(
        Sent().header("Signature", lambda _: f"knownto=:{base64.b64encode(bytes(64)).decode()}:"),
        id="all zero bytes",
    ),
    pytest.param(Sent().header("Signature", lambda text: text + ";by=1"), id="a signature with parameters"),
    pytest.param(
        Sent().header("Signature", lambda text: text.replace("knownto=", "other=")), id="labels that differ"
    ),
    pytest.param(Sent().header("Signature", lambda _: "knownto=?1"), id="a signature that is no bytes"),
    pytest.param(Sent().header("Signature-Input", lambda _: "knownto=1"), id="an input that is no list"),
    pytest.param(
        Sent().header("Signature-Input", lambda _: "((("), id="an input that is no structured field"
    ),
    pytest.param(Sent().header("Signature-Input", lambda text: text + ";x=é"), id="an input beyond ASCII"),
    pytest.param(
        Sent()
        .header("Signature-Input", lambda text: f"{text}, more={text.removeprefix('knownto=')}")
        .header("Signature", lambda text: f"{text}, more={text.removeprefix('knownto=')}"),
        id="the same signature twice",
    ),
    pytest.param(
        Sent()
        .header("Signature-Input", lambda text: f'{text}, more=("@method");tag="other"')
        .header("Signature", lambda text: f"{text}, more=:AAAA:"),
        id="an extra signature with another tag",
    ),
    pytest.param(
        Sent()
        .header("Signature-Input", lambda text: f"{text}, {text}")
        .header("Signature", lambda t: f"{t}, {t}"),
        id="one label twice",
    ),
    pytest.param(
        Sent().header("Signature-Input", lambda text: text + ";created=1"), id="one parameter twice"
    ),
    pytest.param(
        signed_otherwise(components=(*reference.REQUEST[:4], "knownto-actor")), id="signed without the digest"
    ),
    pytest.param(signed_otherwise(components=reference.REQUEST[:5]), id="signed without the actor"),
    pytest.param(Sent().without("Knownto-Actor"), id="the actor taken away"),
    pytest.param(Sent().header("Knownto-Actor", lambda _: "staff=j-doe;role=ig"), id="another role"),
    pytest.param(Sent().header("Knownto-Actor", lambda _: "staff=k-roe;role=officer"), id="another person"),
    pytest.param(
        Sent().header("Knownto-Actor", lambda text: f"{text}, staff=k-roe;role=ig"), id="a second actor"
    ),
    pytest.param(signed_otherwise(components=reference.REQUEST[1:]), id="signed without the method"),
    pytest.param(
        signed_otherwise(components=("@method", "@path", "@query", "content-digest")),
        id="signed without the audience",
    ),
    pytest.param(signed_otherwise(components=()), id="signed with nothing covered"),
    pytest.param(
        signed_otherwise(components=(*reference.REQUEST, "@target-uri")), id="signed with more covered"
    ),
    pytest.param(signed_otherwise(components=reference.REQUEST[::-1]), id="signed in another order"),
    pytest.param(signed_otherwise(tag="knownto/2"), id="signed with another tag"),
    pytest.param(signed_otherwise(tag="knownto-answer/1"), id="signed as an answer"),
    pytest.param(signed_otherwise(alg="hmac-sha256"), id="signed with another algorithm named"),
    pytest.param(signed_otherwise(nonce=NONCE[:-1]), id="signed with a nonce too short"),
    pytest.param(signed_otherwise(nonce=NONCE + "AA"), id="signed with a nonce too long"),
    pytest.param(signed_otherwise(nonce=NONCE[:-1] + "B"), id="signed with a second spelling of a nonce"),
    pytest.param(signed_otherwise(nonce=NONCE[:-1] + "="), id="signed with a padded nonce"),
    pytest.param(signed_otherwise(nonce=NONCE[:-1] + " "), id="signed with a blank in the nonce"),
    pytest.param(signed_otherwise(keyid=OTHER.public.fingerprint), id="signed in the name of another node"),
    pytest.param(
        signed_otherwise(digest="sha-512=:" + base64.b64encode(bytes(64)).decode() + ":"),
        id="signed with another kind of digest",
    ),
    pytest.param(
        signed_otherwise(digest=f"{reference.content_digest(BODY)}, {reference.content_digest(BODY)}"),
        id="signed with two digests",
    ),
    pytest.param(
        signed_otherwise(digest=reference.content_digest(b"other")),
        id="signed with the digest of another body",
    ),
    *(
        pytest.param(signed_otherwise(actor=text), id=f"signed with {defect}")
        for text, defect in {
            "": "an empty actor",
            "staff=j-doe": "no role",
            "role=officer": "no staff id",
            "role=officer;staff=j-doe": "role and staff id in the other order",
            "staff=j-doe; role=officer": "a blank in the actor",
            "staff=j-doe;role=officer;role=ig": "two roles",
            "staff=j-doe;role=officer, staff=j-doe;role=ig": "two actors",
            'staff="j-doe";role="officer"': "quotes in the actor",
            "staff=J-Doe;role=officer": "capitals in the staff id",
            "staff=;role=officer": "an empty staff id",
            f"staff={'a' * 65};role=officer": "a staff id too long",
            "staff=j-doe;role=node": "a person who acts as the node",
            "staff=node;role=officer": "a node that acts as a person",
            "staff=j-doe;role=": "an empty role",
            "staff=j-doe;role=Officer": "capitals in the role",
        }.items()
    ),
    pytest.param(signed_otherwise(parameters=""), id="signed without parameters"),
    pytest.param(signed_otherwise(private=bytes([2]) * 32), id="signed with another key"),
]


def _quoted(text: str) -> str:
    return f'"{text}"'


GOOD_PARAMETERS: dict[str, Any] = {
    "created": int(AT.timestamp()),
    "keyid": _quoted(NODE.public.fingerprint),
    "alg": _quoted("ed25519"),
    "nonce": _quoted(NONCE),
    "tag": _quoted("knownto/1"),
}
ALTERED += [
    pytest.param(
        signed_otherwise(parameters=parameters(**{k: v for k, v in GOOD_PARAMETERS.items() if k != name})),
        id=f"signed without {name}",
    )
    for name in GOOD_PARAMETERS
]
ODD_PARAMETERS: dict[str, dict[str, Any]] = {
    "an expiry": {"expires": int(AT.timestamp()) + 60},
    "a parameter nobody knows": {"extra": 1},
    "a time that is text": {"created": '"1793534400"'},
    "a time with a fraction": {"created": "1793534400.5"},
    "a time that is a date": {"created": "@1793534400"},
    "a time that is a truth value": {"created": "?1"},
    "a time beyond the calendar": {"created": "999999999999999"},
    "a tag that is a token": {"tag": "knownto/1"},
    "a key id that is a number": {"keyid": 7},
}
ALTERED += [
    pytest.param(signed_otherwise(parameters=parameters(**GOOD_PARAMETERS | odd)), id=f"signed with {defect}")
    for defect, odd in ODD_PARAMETERS.items()
]


@pytest.mark.parametrize("sent", ALTERED)
def test_an_altered_request_is_refused_and_its_nonce_not_kept(sent: Sent) -> None:
    with pytest.raises(SignatureInvalidError) as refusal:
        sent.verify()
    assert refusal.type is SignatureInvalidError
    assert sent.nonces.seen == {}
    assert_says_nothing(refusal.value, sent)


def test_a_key_that_is_looked_up_wrongly_is_refused() -> None:
    sent = signed_otherwise(private=bytes([2]) * 32)
    with pytest.raises(SignatureInvalidError, match="not the fingerprint"):
        verify_request(
            method=sent.method,
            url=sent.url,
            headers=sent.headers,
            body=sent.body,
            at=AT,
            key_for=lambda _: OTHER.public,
            remember_nonce=sent.nonces.remember,
        )


def test_a_field_that_came_in_two_lines_is_two_signatures() -> None:
    class Lines(dict[str, str]):
        def items(self) -> Any:
            return [
                *super().items(),
                *((name, text) for name, text in super().items() if name != "Content-Digest"),
            ]

    with pytest.raises(SignatureInvalidError):
        replace(Sent(), headers=Lines(Sent().headers)).verify()


@given(
    path=st.from_regex(r"(/[a-z0-9._~-]{1,12}){0,4}", fullmatch=True),
    query=st.none() | st.from_regex(r"[a-z0-9=&%20+-]{0,30}", fullmatch=True).filter(lambda q: "%" not in q),
    body=st.binary(max_size=200),
    position=st.integers(0, 63),
    bit=st.integers(0, 7),
)
def test_any_request_is_taken_whole_and_refused_with_any_bit_of_its_signature_changed(
    path: str, query: str | None, body: bytes, position: int, bit: int
) -> None:
    url = f"https://hub.example{path}" + ("" if query is None else f"?{query}")
    headers = sign_request(NODE, actor=ACTOR, method="POST", url=url, headers={}, body=body, at=AT)
    sent = Sent(url=url, body=body, headers=headers)
    value = bytearray(base64.b64decode(sent.verify().signature_b64))
    value[position] ^= 1 << bit
    changed = sent.header("Signature", lambda _: f"knownto=:{base64.b64encode(value).decode()}:")
    with pytest.raises(SignatureInvalidError):
        changed.verify()


@given(
    name=st.sampled_from(["Signature", "Signature-Input", "Content-Digest", "Knownto-Actor"]),
    text=st.text(max_size=60),
)
def test_any_text_in_a_signature_field_is_refused_with_an_error_of_ours(name: str, text: str) -> None:
    with pytest.raises(KeysError):
        Sent().header(name, lambda _: text).verify()
