"""Ways to tamper with a signed request: each takes an honest one and makes a message nobody must accept.

An attacker here sees everything that travels, owns a key of their own that the hub knows (another agency's
node), and in the ways that need it the asking node's key as well: what is signed rightly over too little, or
with a used nonce, must be refused just the same.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.actors import Actor
from keys.envelope import new_nonce, sign_request, sign_response
from keys.identity import NodeIdentity
from tests.keys import reference


@dataclass(frozen=True)
class Message:
    """A request on its way: what was signed, and what is sent."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]
    nonce: str

    def header(self, name: str, text: str) -> Message:
        return replace(self, headers=self.headers | {name: text})

    def without(self, name: str) -> Message:
        return replace(self, headers={k: v for k, v in self.headers.items() if k != name})


@dataclass(frozen=True)
class Attacker:
    """Who tampers, and with what at hand."""

    rng: random.Random
    origin: str
    at: datetime
    asker: NodeIdentity
    other: NodeIdentity
    actor: Actor
    used: list[Message]  # honest messages that were accepted already

    def sign(self, message: Message, **changes: object) -> Message:
        """Sign a message as its node would, but for the changes."""
        given: dict[str, object] = {
            "actor": self.actor,
            "method": message.method,
            "url": self.origin + message.path,
            "headers": {},
            "body": message.body,
            "at": self.at,
            "nonce": new_nonce(),
        }
        signer = changes.pop("signer", self.asker)
        given |= changes
        added = sign_request(signer, **given)  # type: ignore[arg-type]
        kept = {"content-type": "application/json"} if message.body else {}
        return replace(message, headers=kept | added, nonce=str(given["nonce"]))


Forgery = Callable[[Attacker, Message], Message]


def replayed(by: Attacker, _message: Message) -> Message:
    """One of the last, still inside the window, or any."""
    return by.rng.choice(by.used[-2:] if by.rng.random() < 0.5 else by.used)


def nonce_used_before(by: Attacker, message: Message) -> Message:
    """Rightly signed with the node's own key, but with the nonce of its last message."""
    return by.sign(message, nonce=by.used[-1].nonce)


def clock_skewed(by: Attacker, message: Message) -> Message:
    seconds = by.rng.choice((-1, 1)) * by.rng.randrange(121, 10**6)
    return by.sign(message, at=by.at + timedelta(seconds=seconds))


def for_another_hub(by: Attacker, message: Message) -> Message:
    return by.sign(message, url=by.rng.choice(("http://other.test", "http://hub.test:81")) + message.path)


def component_stripped(by: Attacker, message: Message) -> Message:
    """Out of the list alone: the signature is over more than it says."""
    name = by.rng.choice(reference.REQUEST)
    text = message.headers["Signature-Input"].replace(f'"{name}"', "", 1).replace("  ", " ")
    return message.header("Signature-Input", text.replace("( ", "(").replace(" )", ")"))


def signed_over_less(by: Attacker, message: Message) -> Message:
    """Rightly signed with the node's own key, but over fewer components, or in another order."""
    covered = list(reference.REQUEST)
    by.rng.shuffle(covered)
    covered = covered[: by.rng.randrange(len(covered))] if by.rng.random() < 0.7 else covered[::-1]
    path, _, query = message.path.partition("?")
    values = {
        "@method": message.method,
        "@authority": by.origin.removeprefix("http://"),
        "@path": path,
        "@query": f"?{query}",
        "content-digest": message.headers["Content-Digest"],
        "knownto-actor": message.headers["Knownto-Actor"],
    }
    if covered == list(reference.REQUEST):
        covered.pop()
    key = Ed25519PrivateKey.from_private_bytes(by.asker.private_bytes())
    parameters = reference.signature_parameters(
        created=int(by.at.timestamp()),
        keyid=by.asker.public.fingerprint,
        nonce=new_nonce(),
        tag="knownto/1",
    )
    fields = reference.signature_fields(key, values, covered, parameters)
    return replace(message, headers=message.headers | fields)


def field_taken_away(by: Attacker, message: Message) -> Message:
    return message.without(by.rng.choice(("Knownto-Actor", "Content-Digest", "Signature-Input", "Signature")))


def body_altered(by: Attacker, message: Message) -> Message:
    """Some byte, more or less of it; half the time with a digest that fits."""
    body = bytearray(message.body or b"{}")
    at = by.rng.randrange(len(body))
    kind = by.rng.randrange(3)
    if kind == 0:
        body[at] ^= 1 << by.rng.randrange(8)
    elif kind == 1:
        body.insert(at, by.rng.randrange(256))
    elif message.body:
        del body[at]
    altered = replace(message, body=bytes(body))
    if by.rng.random() < 0.5:
        altered = altered.header("Content-Digest", reference.content_digest(bytes(body)))
    return altered


def query_altered(by: Attacker, message: Message) -> Message:
    path, _, query = message.path.partition("?")
    changed = by.rng.choice(("", "after=1", "after=0&limit=1000", f"x={by.rng.random()}", query + "&limit=2"))
    return replace(message, path=f"{path}?{changed}" if changed != query else f"{path}?{query}&again=1")


def path_or_method_altered(by: Attacker, message: Message) -> Message:
    if by.rng.random() < 0.5:
        methods = [name for name in ("GET", "POST", "PUT", "DELETE") if name != message.method]
        return replace(message, method=by.rng.choice(methods))
    paths = [path for path in ("/v1/agreements", "/v1/caseload", "/v1/log") if path != message.path]
    return replace(message, path=by.rng.choice(paths))


def actor_altered(by: Attacker, message: Message) -> Message:
    """Another person or role, a second one, or another spelling."""
    text = message.headers["Knownto-Actor"]
    roles = [role for role in ("ig", "officer", "custodian", "operator") if not text.endswith(role)]
    other = f"staff={by.actor.staff};role={by.rng.choice(roles)}"
    person = f"staff=x-{by.rng.randrange(10**6)};role={by.actor.role}"
    changed = (other, person, f"{text}, {other}", f"{text};role=ig", text.upper(), text + ";", "", "node")
    return message.header("Knownto-Actor", by.rng.choice(changed))


def key_id_swapped(by: Attacker, message: Message) -> Message:
    """Another agency's key id over this node's signature, or this node's over another's."""
    mine, other = by.asker.public.fingerprint, by.other.public.fingerprint
    if by.rng.random() < 0.5:
        signed, swap = message, (mine, other)
    else:
        signed, swap = by.sign(message, signer=by.other), (other, mine)
    return signed.header("Signature-Input", signed.headers["Signature-Input"].replace(*swap))


def signed_by_a_stranger(by: Attacker, message: Message) -> Message:
    stranger = NodeIdentity.from_private_bytes(by.rng.randbytes(32), exchange_key=bytes(32))
    return by.sign(message, signer=stranger)


def parameter_altered(by: Attacker, message: Message) -> Message:
    text, created = message.headers["Signature-Input"], int(by.at.timestamp())
    changes = (
        (f"created={created}", f"created={created + by.rng.randrange(1, 100)}"),
        (f'nonce="{message.nonce}"', f'nonce="{new_nonce()}"'),
        ('tag="knownto/1"', 'tag="knownto-answer/1"'),
        ('alg="ed25519"', 'alg="hmac-sha256"'),
        (";alg=", f";expires={created + 60};alg="),
        (f";created={created}", ""),
    )
    return message.header("Signature-Input", text.replace(*by.rng.choice(changes), 1))


def signature_altered(by: Attacker, message: Message) -> Message:
    label, value = message.headers["Signature"].split("=:", 1)
    raw = bytearray(base64.b64decode(value.removesuffix(":")))
    raw[by.rng.randrange(len(raw))] ^= 1 << by.rng.randrange(8)
    return message.header("Signature", f"{label}=:{base64.b64encode(raw).decode()}:")


def signature_of_another_message(by: Attacker, message: Message) -> Message:
    """That of another message of the same node, for the same actor and moment."""
    taken = by.sign(replace(message, path="/v1/epochs/current"))
    fields = {name: taken.headers[name] for name in ("Signature", "Signature-Input")}
    return replace(message, headers=message.headers | fields)


def signed_twice(by: Attacker, message: Message) -> Message:
    """A second signature beside the first, of the same label or another."""
    second = by.sign(message, signer=by.rng.choice((by.asker, by.other)))
    label = by.rng.choice(("knownto", "more"))
    joined = message
    for name in ("Signature-Input", "Signature"):
        extra = label + second.headers[name].removeprefix("knownto")
        joined = joined.header(name, f"{message.headers[name]}, {extra}")
    return joined


FORGERIES: dict[str, Forgery] = {
    made.__name__: made
    for made in (
        replayed,
        nonce_used_before,
        clock_skewed,
        for_another_hub,
        component_stripped,
        signed_over_less,
        field_taken_away,
        body_altered,
        query_altered,
        path_or_method_altered,
        actor_altered,
        key_id_swapped,
        signed_by_a_stranger,
        parameter_altered,
        signature_altered,
        signature_of_another_message,
        signed_twice,
    )
}


@dataclass(frozen=True)
class Response:
    """An answer on its way back."""

    status: int
    body: bytes
    headers: dict[str, str]


def altered_answer(
    rng: random.Random, answer: Response, other: Response, *, hub: NodeIdentity, at: datetime, nonce: str
) -> tuple[str, Response]:
    """Tamper with an answer; returns how, and the answer that no node must accept for this nonce.

    Args:
        rng: Chooses.
        answer: The hub's, to the question.
        other: The hub's, to another question.
        hub: A key that is not the hub's.
        at: Now.
        nonce: The question's.
    """
    body = bytearray(answer.body)
    body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    plain = {"content-type": answer.headers["content-type"]}

    def forged(**changes: object) -> Response:
        given: dict[str, object] = {"status": answer.status, "headers": plain, "body": answer.body}
        given |= {"request_nonce": nonce, "at": at}
        signer = changes.pop("signer", hub)
        added = sign_response(signer, **(given | changes))  # type: ignore[arg-type]
        return replace(answer, headers=plain | added)

    gone = rng.choice(("signature", "signature-input", "content-digest", "knownto-nonce", "content-type"))
    skewed = timedelta(seconds=rng.choice((-1, 1)) * rng.randrange(121, 10**6))
    ways = {
        "answer of another request": other,
        "answer of another request with this nonce": replace(
            other, headers=other.headers | {"knownto-nonce": nonce}
        ),
        "answer with the body altered": replace(answer, body=bytes(body)),
        "answer with body and digest altered": replace(
            answer,
            body=bytes(body),
            headers=answer.headers | {"content-digest": reference.content_digest(bytes(body))},
        ),
        "answer with the status altered": replace(answer, status=rng.choice((201, 204, 403, 404, 500))),
        "answer with a field taken away": replace(
            answer, headers={k: v for k, v in answer.headers.items() if k != gone}
        ),
        "answer with another content type": replace(
            answer, headers=answer.headers | {"content-type": "text/html"}
        ),
        "answer signed by another hub": forged(),
        "answer signed long ago or ahead": forged(at=at + skewed),
    }
    way = rng.choice(sorted(ways))
    return way, ways[way]
