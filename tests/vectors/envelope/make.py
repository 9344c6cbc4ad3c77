"""Rebuild the envelope vectors: `python -m tests.vectors.envelope.make` from the root of the repository.

Everything here is made with `tests/keys/reference.py`, which imports nothing of `keys`, and from fixed seeds,
so that the files only change when the protocol does.
"""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tests.keys import reference

HERE = Path(__file__).parent
CREATED = 1_793_534_400  # 2026-11-01T12:00:00Z
ABOUT = {
    "source": "docs/protocol.md, by the plain implementation in tests/keys/reference.py",
    "generator": "python -m tests.vectors.envelope.make",
    "version": "1",
}


def seed(name: str) -> bytes:
    """A fixed secret for tests, 32 bytes; never to be used for anything else."""
    return hashlib.sha256(f"Known To test vector, not a secret: {name}".encode()).digest()


def fixed_nonce(name: str) -> str:
    return base64.urlsafe_b64encode(seed(name)[:16]).decode().rstrip("=")


def signer(name: str, *, with_exchange: bool = True) -> tuple[Ed25519PrivateKey, dict[str, str]]:
    private = Ed25519PrivateKey.from_private_bytes(seed(f"{name} signing"))
    public = private.public_key().public_bytes_raw()
    exchange = X25519PrivateKey.from_private_bytes(seed(f"{name} exchange")) if with_exchange else None
    exchange_public = exchange.public_key().public_bytes_raw() if exchange else b""
    described = {
        "private_key": reference.base64_text(seed(f"{name} signing")),
        "public_key": reference.base64_text(public),
        "exchange_private_key": reference.base64_text(seed(f"{name} exchange")) if exchange else "",
        "exchange_key": reference.base64_text(exchange_public),
        "fingerprint": reference.fingerprint(public, exchange_public),
    }
    return private, described


def documents() -> dict[str, object]:
    private, described = signer("custodian")
    cases: dict[str, dict[str, object]] = {
        "an empty document but for its format": {"format": "empty/1"},
        "keys in another order": {"zebra": 1, "format": "order/1", "alpha": 2},
        "every kind of value": {
            "format": "kinds/1",
            "a": None,
            "b": True,
            "c": -7,
            "d": ["x", {"y": []}],
            "e": {},
        },
        "text beyond ASCII is not escaped": {
            "format": "text/1",
            "title": "Vereinbarung für Łódź 🗝",
            "note": 'a"b\\c\n\u001f',
        },
        "signatures are not signed": {
            "format": "signed/1",
            "n": 1,
            "signature": "AAAA",
            "signatures": {"a": "b"},
        },
    }
    built = [{"case": name, **_signed(private, document)} for name, document in cases.items()]
    return {**ABOUT, "identity": described, "documents": built}


def _signed(private: Ed25519PrivateKey, document: dict[str, object]) -> dict[str, object]:
    covered = reference.signing_text(document)
    return {
        "document": document,
        "signing_bytes": covered.decode(),
        "digest": hashlib.sha256(covered).hexdigest(),
        "signature": reference.base64_text(private.sign(covered)),
    }


def requests() -> dict[str, object]:
    private, described = signer("node")
    cases = [
        ("a question without query or body", "GET", "https://hub.example/v1/agencies", b"", "node", "node"),
        ("a query", "GET", "https://hub.example/v1/log?after=7&limit=50", b"", "m-ig", "ig"),
        ("a body", "POST", "https://hub.example/v1/lookups", b'{"format":"lookup/1"}', "0", "officer"),
        (
            "a port of its own",
            "PUT",
            "http://127.0.0.1:8443/v1/agreements/isa-1/signatures",
            b"{}",
            "m-ig",
            "ig",
        ),
        (
            "a host in capitals and the default port",
            "DELETE",
            "https://HUB.Example:443/v1/caseload",
            b"",
            "a" * 64,
            "responder",
        ),
    ]
    built = [_request(private, described["fingerprint"], *case) for case in cases]
    return {**ABOUT, "version": "2", "at": CREATED, "identity": described, "requests": built}


def _request(
    private: Ed25519PrivateKey,
    keyid: str,
    case: str,
    method: str,
    url: str,
    body: bytes,
    staff: str,
    role: str,
) -> dict[str, object]:
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    path, _, query = (slash + path).partition("?")
    default = {"https": ":443", "http": ":80"}[scheme]
    values = {
        "@method": method,
        "@authority": authority.lower().removesuffix(default),
        "@path": path,
        "@query": f"?{query}",
        "content-digest": reference.content_digest(body),
        "knownto-actor": f"staff={staff};role={role}",
    }
    nonce = fixed_nonce(case)
    parameters = reference.signature_parameters(created=CREATED, keyid=keyid, nonce=nonce, tag="knownto/1")
    added = reference.signature_fields(private, values, reference.REQUEST, parameters)
    headers = {
        "Knownto-Actor": values["knownto-actor"],
        "Content-Digest": values["content-digest"],
        **added,
    }
    return {
        "case": case,
        "staff": staff,
        "role": role,
        "method": method,
        "url": url,
        "body": body.decode(),
        "nonce": nonce,
        "headers": headers,
    }


def responses() -> dict[str, object]:
    private, described = signer("hub", with_exchange=False)
    cases = [
        ("an answer", 200, "application/json", b'{"format":"answer/1"}'),
        ("a problem", 403, "application/problem+json", b'{"code":"no_agreement","status":403}'),
        ("an empty answer", 200, "application/json", b""),
    ]
    built = [_response(private, described["fingerprint"], *case) for case in cases]
    return {**ABOUT, "at": CREATED, "identity": described, "responses": built}


def _response(
    private: Ed25519PrivateKey, keyid: str, case: str, status: int, kind: str, body: bytes
) -> dict[str, object]:
    asked, nonce = fixed_nonce(f"question: {case}"), fixed_nonce(f"answer: {case}")
    values = {
        "@status": str(status),
        "content-type": kind,
        "content-digest": reference.content_digest(body),
        "knownto-nonce": asked,
    }
    parameters = reference.signature_parameters(
        created=CREATED, keyid=keyid, nonce=nonce, tag="knownto-answer/1"
    )
    added = reference.signature_fields(private, values, reference.RESPONSE, parameters)
    headers = {"Knownto-Nonce": asked, "Content-Digest": values["content-digest"], **added}
    return {
        "case": case,
        "status": status,
        "content_type": kind,
        "body": body.decode(),
        "request_nonce": asked,
        "nonce": nonce,
        "headers": headers,
    }


def linkage() -> dict[str, object]:
    secret, digest = seed("linkage key"), hashlib.sha256(b"a linkage schema").hexdigest()
    card_key = reference.linkage_derive(secret, "card/1", b"2026-q4")
    nonce, plain = seed("card nonce")[:12], b'{"open":true,"last_contact":"2026-10","team":"Outreach"}'
    card = nonce + ChaCha20Poly1305(card_key).encrypt(
        nonce, plain.ljust(228), b"knownto card/1\n2026-q4\nhousing-a"
    )
    return {
        **ABOUT,
        "linkage_key": reference.base64_text(secret),
        "key_id": reference.linkage_derive(secret, "linkage-key-id/1", b"", 8).hex(),
        "schema_digest": digest,
        "slot_keys": {
            slot: reference.linkage_derive(secret, "slot-key/1", f"{digest}\n{slot}".encode()).hex()
            for slot in ("F", "A4", "N1", "C1'")
        },
        "epoch": "2026-q4",
        "card_key": card_key.hex(),
        "card": {
            "agency": "housing-a",
            "nonce": nonce.hex(),
            "plain": plain.decode(),
            "card": reference.base64_text(card),
        },
    }


def key_envelope() -> dict[str, object]:
    private, custodian = signer("custodian")
    _, node = signer("node")
    secret = seed("linkage key")
    bound = {
        "network": "north-county",
        "epoch": "2026-q4",
        "linkage_key_id": reference.linkage_derive(secret, "linkage-key-id/1", b"", 8).hex(),
        "recipient": node["fingerprint"],
        "custodian": custodian["fingerprint"],
    }
    sealed = reference.Hpke.seal(
        secret,
        recipient=base64.b64decode(node["exchange_key"]),
        ephemeral=seed("ephemeral"),
        info=b"knownto key-envelope/1\n" + reference.canonical(bound).encode(),
    )
    envelope = {
        "format": "key-envelope/1",
        **bound,
        "encapsulated_and_ciphertext": reference.base64_text(sealed),
    }
    signature = reference.base64_text(private.sign(reference.signing_text(envelope)))
    return {
        **ABOUT,
        "custodian": custodian,
        "recipient": node,
        "linkage_key": reference.base64_text(secret),
        "envelope": {**envelope, "signature": signature},
    }


FILES = {
    "documents.json": documents,
    "requests.json": requests,
    "responses.json": responses,
    "linkage.json": linkage,
    "key_envelope.json": key_envelope,
}


def text_of(name: str) -> str:
    """What the named file should hold."""
    return json.dumps(FILES[name](), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every file beside this script."""
    for name in FILES:
        (HERE / name).write_text(text_of(name), encoding="utf-8")


if __name__ == "__main__":
    main()
