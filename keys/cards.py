"""Answer cards: what a holding node tells an asking one through a hub that cannot read it.

A card is always 256 bytes (docs/protocol.md, section 7): 12 of nonce, 228 of padded text, 16 of tag. Every
member of the epoch can read and could make any card, because all derive the same key; the hub vouches for who
pushed it.
"""

import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from keys.errors import CustodyError, KeyFormatError
from keys.formats import require_id
from keys.linkage import LinkageKey

CARD_BYTES = 256
# Random 96-bit nonces under one key an epoch: 2**32 cards keep the chance of a repeated nonce below 2**-32.
_NONCE_BYTES = 12
_TAG_BYTES = 16
PLAIN_BYTES = CARD_BYTES - _NONCE_BYTES - _TAG_BYTES


def seal_card(
    key: LinkageKey, plain: bytes, *, epoch: str, agency: str, rng: Callable[[int], bytes] = os.urandom
) -> bytes:
    """Encrypt a card of the holding agency.

    Args:
        key: The epoch's linkage key.
        plain: JSON of at most 228 bytes; it is padded with spaces, which JSON ignores.
        epoch: The epoch's id.
        agency: The holding agency's id.
        rng: Gives the nonce.

    Returns:
        Exactly 256 bytes.

    Raises:
        KeyFormatError: The text is too long or ends in a space, or an id is malformed.
    """
    if len(plain) > PLAIN_BYTES:
        raise KeyFormatError(f"card: longer than {PLAIN_BYTES} bytes")
    if plain.endswith(b" "):
        raise KeyFormatError("card: ends in a space, which padding would swallow")
    nonce = rng(_NONCE_BYTES)
    cipher = ChaCha20Poly1305(key.card_key(epoch))
    return nonce + cipher.encrypt(nonce, plain.ljust(PLAIN_BYTES, b" "), _associated_data(epoch, agency))


def open_card(key: LinkageKey, card: bytes, *, epoch: str, agency: str) -> bytes:
    """Decrypt a card; the padding is taken off.

    Raises:
        KeyFormatError: Not 256 bytes, or an id is malformed.
        CustodyError: It was made under another key, epoch or agency, or was altered.
    """
    if len(card) != CARD_BYTES:
        raise KeyFormatError(f"card: must be {CARD_BYTES} bytes")
    cipher = ChaCha20Poly1305(key.card_key(epoch))
    try:
        padded = cipher.decrypt(card[:_NONCE_BYTES], card[_NONCE_BYTES:], _associated_data(epoch, agency))
    except InvalidTag as error:
        raise CustodyError("card: does not open under this key, epoch and agency") from error
    return padded.rstrip(b" ")


def _associated_data(epoch: str, agency: str) -> bytes:
    ids = require_id(epoch, field="epoch"), require_id(agency, field="agency")
    return b"knownto card/1\n" + "\n".join(ids).encode("ascii")
