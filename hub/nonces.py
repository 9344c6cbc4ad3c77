"""Nonces of signed calls: each is used once, in any number of workers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from hub.database import insert_new
from hub.models import Nonce


def remember_nonce(session: Session, *, fingerprint: str, nonce: str, expires: datetime) -> bool:
    """Keep a nonce; False when it was there already. One statement."""
    return insert_new(session, Nonce, {"fingerprint": fingerprint, "nonce": nonce, "expires": expires})


def forget_nonces(session: Session, *, at: datetime) -> None:
    """Drop the nonces that can no longer be used."""
    session.execute(delete(Nonce).where(Nonce.expires < at))
