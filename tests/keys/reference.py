"""Second, plain implementations of what `keys` does, from the RFCs and the protocol; nothing of ours inside.

Slow and without checks, to be read beside the specification. The vectors are made with them, and the package
is held against both.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

REQUEST = ("@method", "@authority", "@path", "@query", "content-digest", "knownto-actor")
RESPONSE = ("@status", "content-type", "content-digest", "knownto-nonce")


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def hkdf_extract(salt: bytes, secret: bytes) -> bytes:
    """RFC 5869, section 2.2."""
    return hmac.digest(salt or bytes(32), secret, "sha256")


def hkdf_expand(key: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869, section 2.3."""
    block, output = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(key, block + info + bytes([counter]), "sha256")
        output += block
    return output[:length]


def linkage_derive(secret: bytes, label: str, context: bytes, length: int = 32) -> bytes:
    return hkdf_expand(hkdf_extract(b"", secret), b"knownto " + label.encode() + b"\n" + context, length)


class Hpke:
    """RFC 9180 base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, first message only."""

    KEM_ID, KDF_ID, AEAD_ID = 0x0020, 0x0001, 0x0003
    KEM_SUITE = b"KEM" + KEM_ID.to_bytes(2)
    SUITE = b"HPKE" + KEM_ID.to_bytes(2) + KDF_ID.to_bytes(2) + AEAD_ID.to_bytes(2)

    @classmethod
    def seal(
        cls, plain: bytes, *, recipient: bytes, ephemeral: bytes, info: bytes, aad: bytes = b""
    ) -> bytes:
        """Encapsulated key and ciphertext; `recipient` is public, `ephemeral` private."""
        private = X25519PrivateKey.from_private_bytes(ephemeral)
        shared = private.exchange(X25519PublicKey.from_public_bytes(recipient))
        encapsulated = private.public_key().public_bytes_raw()
        key, nonce = cls._schedule(cls._secret(shared, encapsulated + recipient), info)
        return encapsulated + ChaCha20Poly1305(key).encrypt(nonce, plain, aad)

    @classmethod
    def open(cls, sealed: bytes, *, private: bytes, info: bytes, aad: bytes = b"") -> bytes:
        own = X25519PrivateKey.from_private_bytes(private)
        encapsulated = sealed[:32]
        shared = own.exchange(X25519PublicKey.from_public_bytes(encapsulated))
        context = encapsulated + own.public_key().public_bytes_raw()
        key, nonce = cls._schedule(cls._secret(shared, context), info)
        return ChaCha20Poly1305(key).decrypt(nonce, sealed[32:], aad)

    @classmethod
    def _secret(cls, shared: bytes, context: bytes) -> bytes:
        extracted = cls._extract(cls.KEM_SUITE, b"", "eae_prk", shared)
        return cls._expand(cls.KEM_SUITE, extracted, "shared_secret", context, 32)

    @classmethod
    def _schedule(cls, shared_secret: bytes, info: bytes) -> tuple[bytes, bytes]:
        hashes = (
            cls._extract(cls.SUITE, b"", name, value)
            for name, value in (("psk_id_hash", b""), ("info_hash", info))
        )
        context = b"\x00" + b"".join(hashes)
        secret = cls._extract(cls.SUITE, shared_secret, "secret", b"")
        return (
            cls._expand(cls.SUITE, secret, "key", context, 32),
            cls._expand(cls.SUITE, secret, "base_nonce", context, 12),
        )

    @staticmethod
    def _extract(suite: bytes, salt: bytes, label: str, secret: bytes) -> bytes:
        return hkdf_extract(salt, b"HPKE-v1" + suite + label.encode() + secret)

    @staticmethod
    def _expand(suite: bytes, key: bytes, label: str, info: bytes, length: int) -> bytes:
        return hkdf_expand(key, length.to_bytes(2) + b"HPKE-v1" + suite + label.encode() + info, length)


def canonical(value: object) -> str:
    """docs/protocol.md, section 1, written out without the json module's encoder."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_text(key)}:{canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    assert isinstance(value, int)
    return str(value)


def _text(text: str) -> str:
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b"}
    return '"' + "".join(short.get(c, c if ord(c) >= 0x20 else f"\\u{ord(c):04x}") for c in text) + '"'


def signing_text(document: Mapping[str, object]) -> bytes:
    unsigned = {key: value for key, value in document.items() if key not in ("signature", "signatures")}
    return f"knownto {document['format']}\n{canonical(unsigned)}".encode()


def fingerprint(public_key: bytes, exchange_key: bytes = b"") -> str:
    digest = hashlib.sha256(b"knownto identity/1\n" + public_key + exchange_key).digest()
    text = base64.b32encode(digest[:20]).decode().lower()
    return "-".join(text[i : i + 4] for i in range(0, 32, 4))


def content_digest(body: bytes) -> str:
    """RFC 9530, section 2."""
    return f"sha-256=:{base64_text(hashlib.sha256(body).digest())}:"


def signature_fields(
    private: Ed25519PrivateKey, values: Mapping[str, str], components: Sequence[str], parameters: str
) -> dict[str, str]:
    """RFC 9421, sections 2.5 and 4: sign what is asked for, sensible or not.

    Args:
        private: The signing key.
        values: Component name to value.
        components: Names, in the order to sign.
        parameters: As they stand after the list, beginning with a semicolon.
    """
    covered = "(" + " ".join(f'"{name}"' for name in components) + ")" + parameters
    lines = [f'"{name}": {values[name]}' for name in components] + [f'"@signature-params": {covered}']
    signature = private.sign("\n".join(lines).encode())
    return {"Signature-Input": f"knownto={covered}", "Signature": f"knownto=:{base64_text(signature)}:"}


def signature_parameters(*, created: int, keyid: str, nonce: str, tag: str, alg: str = "ed25519") -> str:
    return f';created={created};keyid="{keyid}";alg="{alg}";nonce="{nonce}";tag="{tag}"'
