"""From a passphrase to a key: Argon2id (RFC 9106)."""

import unicodedata
from dataclasses import dataclass

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keys.errors import CustodyError, KeyFormatError

SALT_BYTES = 16
SHORTEST_PASSPHRASE = 8  # Characters; NIST SP 800-63B, section 5.1.1.2.
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class PassphraseCost:
    """What one guess at a passphrase costs.

    The default is the second choice of RFC 9106, section 4: 64 MiB, three passes, four lanes. The lower bound
    is the smallest that OWASP's password storage cheat sheet names (19 MiB, two passes); the upper one keeps
    a forged file from taking the machine's memory.
    """

    memory_kib: int = 65_536
    iterations: int = 3
    lanes: int = 4

    def __post_init__(self) -> None:
        bounds = (
            ("memory_kib", self.memory_kib, 19_456, 1_048_576),
            ("iterations", self.iterations, 2, 16),
            ("lanes", self.lanes, 1, 16),
        )
        for field, value, least, most in bounds:
            if type(value) is not int or not least <= value <= most:
                raise KeyFormatError(f"{field}: must be {least} to {most}")


def require_long_enough(passphrase: str) -> None:
    """Refuse a new passphrase that is too short.

    Raises:
        CustodyError: Shorter than eight characters.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise CustodyError(f"passphrase: must have at least {SHORTEST_PASSPHRASE} characters")


def derive_passphrase_key(passphrase: str, *, salt: bytes, cost: PassphraseCost) -> bytes:
    """A 32 byte key; the passphrase is taken in Unicode form NFC, which every keyboard types the same."""
    argon = Argon2id(
        salt=salt,
        length=_KEY_BYTES,
        iterations=cost.iterations,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    )
    return argon.derive(unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass"))
