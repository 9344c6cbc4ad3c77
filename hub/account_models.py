"""The tables of who works at the hub's pages: roster, accounts, links, failed tries, and the audit.

Staff ids and roles stand in the clear, as in the log; passwords and the keys of one-time codes are sealed
(`hub.sealing`), links and what was typed by somebody unknown are digests.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from hub.models import Base, RowId


class StaffChange(Base):
    """What somebody held from then on; `roles` are words with blanks between, empty once they left."""

    __tablename__ = "staff_changes"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    staff: Mapped[str]
    roles: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]


class WebAccount(Base):
    """Somebody who can sign in; `code_step` is the time step of their last code."""

    __tablename__ = "web_accounts"

    staff: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[bytes]
    code_step: Mapped[int] = mapped_column(BigInteger)


class WebAccountLink(Base):
    """A link for setting up an account, found by the digest of its secret; one a person."""

    __tablename__ = "web_account_links"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    staff: Mapped[str] = mapped_column(unique=True)
    sealed: Mapped[bytes]
    expires: Mapped[datetime]


class SignInTry(Base):
    """Failed tries in a row under what was typed as a staff id."""

    __tablename__ = "web_sign_in_tries"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]


class WebSignIn(Base):
    """One line of the audit; no staff id where what was typed is nobody with an account."""

    __tablename__ = "web_sign_ins"

    number: Mapped[int] = mapped_column(RowId, primary_key=True)
    at: Mapped[datetime]
    staff: Mapped[str | None]
    event: Mapped[str]
    by: Mapped[str | None]
