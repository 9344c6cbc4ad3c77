"""Passwords as argon2id (RFC 9106) and one-time codes by the clock (RFC 6238); nothing is kept here."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from hmac import compare_digest

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# NIST SP 800-63B section 5.1.1: length instead of rules about signs. Argon2 would take more; nobody types it.
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256
CODE_SECONDS = 30
CODE_DRIFT = (-1, 0, 1)  # RFC 6238 section 5.2: one step either side, for slow fingers and clocks


def is_long_enough(password: str) -> bool:
    """Whether it may become a password, being neither too short nor too long."""
    return SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD


def hash_password(password: str) -> str:
    """What is kept of a password."""
    return PasswordHasher().hash(_prepare(password))


def is_password(kept: str | None, typed: str) -> bool:
    """Whether it is the one; where none is kept, the same work is done for nothing."""
    hasher, prepared = PasswordHasher(), _prepare(typed[: LONGEST_PASSWORD + 1])
    if kept is None:
        hasher.hash(prepared)
        return False
    try:
        return hasher.verify(kept, prepared)
    except (VerificationError, InvalidHashError):
        return False


def new_code_key() -> str:
    """A fresh key for an authenticator app, in base 32."""
    return pyotp.random_base32()


def find_code_step(code_key: str, code: str, *, after: int, at: datetime) -> int | None:
    """The time step of a right code that is later than the last one used."""
    typed = "".join(code.split())
    now = int(at.timestamp()) // CODE_SECONDS
    for drift in CODE_DRIFT:
        expected = pyotp.TOTP(code_key).at(at, counter_offset=drift)
        if now + drift > after and compare_digest(expected.encode(), typed.encode()):
            return now + drift
    return None


def format_code_address(code_key: str, *, staff: str, issuer: str) -> str:
    """The otpauth address that an authenticator app reads from a picture."""
    return pyotp.TOTP(code_key).provisioning_uri(name=staff, issuer_name=issuer)


def _prepare(password: str) -> str:
    """One way to write each sign, whatever the keyboard (RFC 8265 section 4)."""
    return unicodedata.normalize("NFC", password)
