"""Who signs: an Ed25519 identity (RFC 8032) and the fingerprint that people compare.

A fingerprint vouches for both public keys of a node, the signing key and the exchange key (docs/protocol.md,
section 1). A relay could hand out other keys, so fingerprints are read out over the telephone, not fetched.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from keys.documents import Document, signing_bytes
from keys.errors import KeyFormatError, SignatureInvalidError
from keys.formats import decode_base64, encode_base64

KEY_BYTES = 32
SIGNATURE_BYTES = 64
_FINGERPRINT_BYTES = (
    20  # 160 bits: a second key with the same fingerprint costs 2**160 tries, two of one's own 2**80.
)
_BASE32_FINGERPRINT = re.compile(r"[a-z2-7]{32}")


@dataclass(frozen=True, slots=True)
class PublicIdentity:
    """The public half of an identity: raw Ed25519 and X25519 keys, 32 bytes each.

    `exchange_key` is empty for a hub, which receives no linkage key.
    """

    public_key: bytes
    exchange_key: bytes = b""

    def __post_init__(self) -> None:
        if len(self.public_key) != KEY_BYTES:
            raise KeyFormatError(f"public_key: must be {KEY_BYTES} bytes")
        if len(self.exchange_key) not in (0, KEY_BYTES):
            raise KeyFormatError(f"exchange_key: must be {KEY_BYTES} bytes or empty")

    def __repr__(self) -> str:
        return f"PublicIdentity({self.fingerprint})"

    @classmethod
    def from_base64(cls, public_key: str, exchange_key: str = "") -> "PublicIdentity":
        """Read the two keys as the wire carries them.

        Raises:
            KeyFormatError: Not base64, or not of the right length.
        """
        signing = decode_base64(public_key, field="public_key", length=KEY_BYTES)
        return cls(signing, decode_base64(exchange_key, field="exchange_key"))

    @property
    def public_key_base64(self) -> str:
        """The signing key as the wire carries it."""
        return encode_base64(self.public_key)

    @property
    def exchange_key_base64(self) -> str:
        """The exchange key as the wire carries it; empty text where there is none."""
        return encode_base64(self.exchange_key)

    @property
    def fingerprint(self) -> str:
        """160 bits over both keys in eight groups of four letters and digits (base32, lower case)."""
        digest = hashlib.sha256(b"knownto identity/1\n" + self.public_key + self.exchange_key).digest()
        text = base64.b32encode(digest[:_FINGERPRINT_BYTES]).decode("ascii").lower()
        return "-".join(text[i : i + 4] for i in range(0, len(text), 4))

    def verify(self, signature: bytes, data: bytes) -> None:
        """Accept the signature over the data.

        Raises:
            SignatureInvalidError: It is not this identity's signature over these bytes.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, data)
        except (InvalidSignature, ValueError) as error:
            raise SignatureInvalidError("signature: does not verify") from error

    def verify_document(self, document: Document, signature: str) -> None:
        """Accept a base64 signature over a document's signing bytes.

        Raises:
            SignatureInvalidError: It is not this identity's signature, or not a signature at all.
            KeyFormatError: The document has no canonical form.
        """
        try:
            raw = decode_base64(signature, field="signature", length=SIGNATURE_BYTES)
        except KeyFormatError as error:
            raise SignatureInvalidError("signature: not a signature") from error
        self.verify(raw, signing_bytes(document))


class NodeIdentity:
    """An Ed25519 private key with its public identity; its text shows the fingerprint only."""

    __slots__ = ("_private", "_public")

    def __init__(self, private: Ed25519PrivateKey, *, exchange_key: bytes = b"") -> None:
        self._private = private
        self._public = PublicIdentity(private.public_key().public_bytes_raw(), exchange_key)

    def __repr__(self) -> str:
        return f"NodeIdentity({self._public.fingerprint})"

    @classmethod
    def generate(cls, *, exchange_key: bytes = b"") -> "NodeIdentity":
        """A new identity from the operating system's randomness.

        Args:
            exchange_key: The raw X25519 public key that the fingerprint shall vouch for as well.
        """
        return cls(Ed25519PrivateKey.generate(), exchange_key=exchange_key)

    @classmethod
    def from_private_bytes(cls, data: bytes, *, exchange_key: bytes = b"") -> "NodeIdentity":
        """The identity whose raw private key these 32 bytes are.

        Raises:
            KeyFormatError: Not 32 bytes.
        """
        if len(data) != KEY_BYTES:
            raise KeyFormatError(f"private key: must be {KEY_BYTES} bytes")
        return cls(Ed25519PrivateKey.from_private_bytes(data), exchange_key=exchange_key)

    def private_bytes(self) -> bytes:
        """The raw private key, 32 bytes; for a key store only."""
        return self._private.private_bytes_raw()

    @property
    def public(self) -> PublicIdentity:
        """The half that others may hold."""
        return self._public

    def sign(self, data: bytes) -> bytes:
        """Sign bytes (Ed25519, 64 bytes)."""
        return self._private.sign(data)

    def sign_document(self, document: Document) -> str:
        """Sign a document's signing bytes; base64.

        Raises:
            KeyFormatError: The document has no canonical form.
        """
        return encode_base64(self.sign(signing_bytes(document)))


def fingerprints_equal(left: str, right: str) -> bool:
    """Whether two fingerprints are the same, in constant time, whatever case, blanks and dashes people type.

    Text that is no fingerprint equals nothing, not even itself: two empty inputs must never confirm a node.
    """
    one, other = _plain_fingerprint(left), _plain_fingerprint(right)
    if one is None or other is None:
        return False
    return hmac.compare_digest(one, other)


def _plain_fingerprint(text: str) -> str | None:
    plain = re.sub(r"[\s-]", "", text).lower() if text.isascii() else ""
    return plain if _BASE32_FINGERPRINT.fullmatch(plain) else None
