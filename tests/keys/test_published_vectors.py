"""The primitives we stand on give the answers their RFCs print."""

import base64
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import load_der_private_key
from http_message_signatures import HTTPMessageSigner
from http_message_signatures.algorithms import ED25519

from keys import envelope, message_signatures
from keys.errors import SignatureInvalidError
from keys.identity import NodeIdentity, PublicIdentity
from tests.keys import reference
from tests.keys.factories import AT, load_vector


def cases_of(name: str) -> list[Any]:
    return [pytest.param(case, id=case["case"]) for case in load_vector(name)["cases"]]


@pytest.mark.parametrize("case", cases_of("rfc5869.json"))
def test_hkdf_gives_what_rfc_5869_prints(case: dict[str, Any]) -> None:
    secret, salt, info = (bytes.fromhex(case[field]) for field in ("secret", "salt", "info"))
    library = HKDF(algorithm=SHA256(), length=case["length"], salt=salt or None, info=info).derive(secret)
    plain = reference.hkdf_expand(reference.hkdf_extract(salt, secret), info, case["length"])
    assert library.hex() == plain.hex() == case["output"]


@pytest.mark.parametrize("case", cases_of("rfc8032.json"))
def test_an_identity_signs_as_rfc_8032_prints(case: dict[str, Any]) -> None:
    identity = NodeIdentity.from_private_bytes(bytes.fromhex(case["private_key"]))
    message = bytes.fromhex(case["message"])
    assert identity.public.public_key.hex() == case["public_key"]
    assert identity.sign(message).hex() == case["signature"]
    identity.public.verify(bytes.fromhex(case["signature"]), message)


@pytest.mark.parametrize("case", cases_of("rfc8032.json"))
def test_an_identity_refuses_a_changed_rfc_8032_signature(case: dict[str, Any]) -> None:
    public = PublicIdentity(bytes.fromhex(case["public_key"]))
    signature = bytearray.fromhex(case["signature"])
    signature[0] ^= 1
    with pytest.raises(SignatureInvalidError):
        public.verify(bytes(signature), bytes.fromhex(case["message"]))


def test_the_library_opens_the_message_rfc_9180_prints() -> None:
    vector = load_vector("rfc9180.json")
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["recipient_private_key"]))
    assert private.public_key().public_bytes_raw().hex() == vector["recipient_public_key"]
    sealed = bytes.fromhex(vector["encapsulated"] + vector["ciphertext"])
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    # The public interface has no associated data, which the vector uses; the library's own tests do this too.
    plain = openssl.hpke._decrypt_with_aad(
        suite, sealed, private, bytes.fromhex(vector["info"]), bytes.fromhex(vector["aad"])
    )
    assert plain.hex() == vector["plain"]


def test_the_plain_hpke_seals_and_opens_what_rfc_9180_prints() -> None:
    vector = load_vector("rfc9180.json")
    info, aad, plain = (bytes.fromhex(vector[field]) for field in ("info", "aad", "plain"))
    sealed = reference.Hpke.seal(
        plain,
        recipient=bytes.fromhex(vector["recipient_public_key"]),
        ephemeral=bytes.fromhex(vector["ephemeral_private_key"]),
        info=info,
        aad=aad,
    )
    assert sealed.hex() == vector["encapsulated"] + vector["ciphertext"]
    private = bytes.fromhex(vector["recipient_private_key"])
    assert reference.Hpke.open(sealed, private=private, info=info, aad=aad) == plain


@dataclass
class Message:
    method: str
    url: str
    headers: dict[str, str]


def rfc9421_message() -> Message:
    vector = load_vector("rfc9421.json")
    return Message(vector["method"], vector["url"], dict(vector["headers"]))


def rfc9421_fields() -> dict[str, str]:
    vector = load_vector("rfc9421.json")
    covered = " ".join(f'"{name}"' for name in vector["components"])
    given = f'({covered});created={vector["created"]};keyid="{vector["keyid"]}"'
    return {
        "Signature-Input": f"{vector['label']}={given}",
        "Signature": f"{vector['label']}=:{vector['signature']}:",
    }


def test_the_library_path_accepts_the_signature_rfc_9421_prints() -> None:
    message = rfc9421_message()
    message.headers |= rfc9421_fields()
    public = PublicIdentity.from_base64(load_vector("rfc9421.json")["public_key"])
    message_signatures.library_verifier(public).verify(message, max_age=None)


def test_the_library_path_makes_the_signature_rfc_9421_prints() -> None:
    vector, message = load_vector("rfc9421.json"), rfc9421_message()
    private = load_der_private_key(base64.b64decode(vector["private_key_pkcs8"]), None)
    assert isinstance(private, Ed25519PrivateKey)
    signer = HTTPMessageSigner(signature_algorithm=ED25519)
    prepared = signer.prepare(
        message,
        key_id=vector["keyid"],
        created=AT.fromtimestamp(vector["created"], AT.tzinfo),
        label=vector["label"],
        include_alg=False,
        use_existing_digest=True,
        covered_component_ids=vector["components"],
    )
    signer.apply(message, prepared, NodeIdentity(private).sign(prepared.signature_base))
    assert {name: message.headers[name] for name in rfc9421_fields()} == rfc9421_fields()


def test_a_valid_signature_of_another_profile_is_refused() -> None:
    message = rfc9421_message()
    public = PublicIdentity.from_base64(load_vector("rfc9421.json")["public_key"])
    with pytest.raises(SignatureInvalidError, match="exactly the components"):
        envelope.verify_request(
            method=message.method,
            url=message.url,
            headers=message.headers | rfc9421_fields(),
            body=load_vector("rfc9421.json")["body"].encode(),
            at=AT,
            key_for=lambda _: public,
            remember_nonce=lambda *_: True,
        )
