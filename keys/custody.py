"""Handing a linkage key to a member: HPKE (RFC 9180), signed by the key custodian.

HPKE in base mode says nothing about the sender: anyone who knows a node's public key can seal a key for it.
So the custodian signs every envelope, and the signature is checked before anything is opened. Network, epoch,
key id and both fingerprints are bound in HPKE's `info` (docs/protocol.md, section 5).
"""

from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from keys.documents import canonical_bytes
from keys.errors import KeyFormatError, KeyUnwrapError, SignatureInvalidError
from keys.formats import decode_base64, encode_base64, require_id
from keys.identity import NodeIdentity, PublicIdentity, fingerprints_equal
from keys.linkage import LinkageKey

FORMAT = "key-envelope/1"
_BOUND_FIELDS = ("network", "epoch", "linkage_key_id", "recipient", "custodian")
_FIELDS = frozenset({"format", "encapsulated_and_ciphertext", "signature", *_BOUND_FIELDS})
_KEY_BYTES = 32
_SEALED_BYTES = 32 + 32 + 16  # The encapsulated X25519 key, the linkage key, the Poly1305 tag.


class ExchangeKey:
    """A node's X25519 private key, which opens the envelopes addressed to it."""

    __slots__ = ("_private",)

    def __init__(self, private: X25519PrivateKey) -> None:
        self._private = private

    def __repr__(self) -> str:
        return "ExchangeKey(X25519)"

    @classmethod
    def generate(cls) -> "ExchangeKey":
        """A new key from the operating system's randomness."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def from_private_bytes(cls, data: bytes) -> "ExchangeKey":
        """The key whose raw private bytes these are.

        Raises:
            KeyFormatError: Not 32 bytes.
        """
        if len(data) != _KEY_BYTES:
            raise KeyFormatError(f"exchange key: must be {_KEY_BYTES} bytes")
        return cls(X25519PrivateKey.from_private_bytes(data))

    def private_bytes(self) -> bytes:
        """The raw private key, 32 bytes; for a key store only."""
        return self._private.private_bytes_raw()

    @property
    def public_bytes(self) -> bytes:
        """The raw public key, 32 bytes: `exchange_key` of the node's public identity."""
        return self._private.public_key().public_bytes_raw()

    def open(self, sealed: bytes, *, info: bytes) -> bytes:
        """Open what was sealed for this key with this `info`.

        Raises:
            KeyUnwrapError: It was sealed for another key or with another `info`, or was altered.
        """
        try:
            return _suite().decrypt(sealed, self._private, info=info)
        except (InvalidTag, ValueError) as error:
            raise KeyUnwrapError("key envelope: does not open with this node's exchange key") from error


def wrap_linkage_key(
    key: LinkageKey, *, custodian: NodeIdentity, recipient: PublicIdentity, network: str, epoch: str
) -> dict[str, str]:
    """Seal a linkage key for one member and sign the envelope as its custodian.

    Args:
        key: The epoch's linkage key.
        custodian: Who signs.
        recipient: The member, whose fingerprint the custodian has compared out of band.
        network: The network's id.
        epoch: The epoch's id.

    Returns:
        The `key-envelope/1` document with its signature.

    Raises:
        KeyFormatError: An id is malformed, or the recipient has no usable exchange key.
    """
    bound = {
        "network": require_id(network, field="network"),
        "epoch": require_id(epoch, field="epoch"),
        "linkage_key_id": key.key_id,
        "recipient": recipient.fingerprint,
        "custodian": custodian.public.fingerprint,
    }
    sealed = _seal(key.to_bytes(), recipient, info=_info(bound))
    envelope = {"format": FORMAT, **bound, "encapsulated_and_ciphertext": encode_base64(sealed)}
    return {**envelope, "signature": custodian.sign_document(envelope)}


def unwrap_linkage_key(
    envelope: Mapping[str, object],
    *,
    exchange_key: ExchangeKey,
    own_fingerprint: str,
    custodian: PublicIdentity,
    network: str,
    epoch: str,
) -> LinkageKey:
    """Check who signed an envelope and what it is for, then open it.

    Args:
        envelope: A `key-envelope/1` document as the hub relayed it.
        exchange_key: This node's.
        own_fingerprint: This node's.
        custodian: The custodian whose fingerprint this node was told out of band.
        network: The network this node belongs to.
        epoch: The epoch it asked for.

    Raises:
        SignatureInvalidError: The named custodian did not sign it.
        KeyUnwrapError: It is for another node, network or epoch, or does not hold the key it names.
        KeyFormatError: It is not a `key-envelope/1` document.
    """
    _require_signed(envelope, custodian)
    if frozenset(envelope) != _FIELDS or envelope["format"] != FORMAT:
        raise KeyFormatError(f"key envelope: must have exactly the fields of {FORMAT}")
    bound = {field: _text(envelope, field) for field in _BOUND_FIELDS}
    _require_addressed(bound, own=own_fingerprint, custodian=custodian, network=network, epoch=epoch)
    sealed = decode_base64(
        envelope["encapsulated_and_ciphertext"], field="encapsulated_and_ciphertext", length=_SEALED_BYTES
    )
    key = LinkageKey.from_bytes(exchange_key.open(sealed, info=_info(bound)))
    if key.key_id != bound["linkage_key_id"]:
        raise KeyUnwrapError("key envelope: does not hold the key it names")
    return key


def _suite() -> Suite:
    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def _seal(secret: bytes, recipient: PublicIdentity, *, info: bytes) -> bytes:
    if not recipient.exchange_key:
        raise KeyFormatError("recipient: has no exchange key")
    try:
        return _suite().encrypt(secret, X25519PublicKey.from_public_bytes(recipient.exchange_key), info=info)
    except ValueError as error:  # A point of small order: the shared secret would be known to everyone.
        raise KeyFormatError("recipient: the exchange key is not usable") from error


def _info(bound: Mapping[str, str]) -> bytes:
    return b"knownto key-envelope/1\n" + canonical_bytes(dict(bound))


def _require_signed(envelope: Mapping[str, object], custodian: PublicIdentity) -> None:
    signature = envelope.get("signature")
    if not isinstance(signature, str):
        raise SignatureInvalidError("key envelope: not signed")
    custodian.verify_document(envelope, signature)


def _require_addressed(
    bound: Mapping[str, str], *, own: str, custodian: PublicIdentity, network: str, epoch: str
) -> None:
    if bound["network"] != network:
        raise KeyUnwrapError("key envelope: made for another network")
    if bound["epoch"] != epoch:
        raise KeyUnwrapError("key envelope: made for another epoch")
    if not fingerprints_equal(bound["recipient"], own):
        raise KeyUnwrapError("key envelope: made for another node")
    if not fingerprints_equal(bound["custodian"], custodian.fingerprint):
        raise KeyUnwrapError("key envelope: names another custodian")


def _text(envelope: Mapping[str, object], field: str) -> str:
    value = envelope[field]
    if not isinstance(value, str):
        raise KeyFormatError(f"{field}: must be text")
    return value
