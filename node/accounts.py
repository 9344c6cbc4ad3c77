"""Accounts of the people of the roster: a password and one-time codes, for the node's pages.

Its owner sets an account up over a link that is shown once: to the first person when the pages are first
served, to everybody else by an operator. The roster (`node.staff`) says what they may do, at every request.
Passwords are kept as argon2id (RFC 9106), codes follow RFC 6238; everything is sealed under the node key.

What it does not protect against: whoever has the passphrase of the node can make a link for anybody, as they
can act under any staff id on the command line.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from node.errors import AuthenticationError, RecordFormatError
from node.sign_ins import (
    SignInEvent,
    count_failure,
    forget_failures,
    is_locked_out,
    record_sign_in,
)
from node.staff import read_roster
from node.store import Store
from node.times import format_time, parse_time

LINK_BYTES = 32
LINK_LIFE = timedelta(hours=24)
# NIST SP 800-63B section 5.1.1: length instead of rules about signs. Argon2 would take more; nobody types it.
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256
CODE_SECONDS = 30
CODE_DRIFT = (-1, 0, 1)  # RFC 6238 section 5.2: one step either side, for slow fingers and clocks


@dataclass(frozen=True, slots=True, repr=False)
class AccountLink:
    """An invitation that is still good: for whom, and the key their phone is to be given."""

    staff: str
    code_key: str
    expires_at: datetime


def make_link(store: Store, staff: str, *, at: datetime, by: str) -> str:
    """Invite somebody of the roster to set up their account, or to set it up anew; returns the link's secret.

    It is good for a day and for once. Earlier links for the same person end.

    Raises:
        RecordFormatError: Nobody of this staff id is on the roster.
    """
    if staff not in read_roster(store):
        raise RecordFormatError("staff", "nobody of this staff id is on the roster")
    secret = secrets.token_urlsafe(LINK_BYTES)
    content = {"staff": staff, "expires_at": format_time(at + LINK_LIFE), "code_key": pyotp.random_base32()}
    tag = _link_tag(store, secret)
    with store.transaction() as connection:
        _drop_links(store, staff)
        sealed = store.vault.seal(content, table="account_link", handle=tag.hex())
        connection.execute("INSERT INTO account_link (tag, content) VALUES (?, ?)", (tag, sealed))
    record_sign_in(store, SignInEvent.LINK_MADE, staff=staff, at=at, by=by)
    return secret


def open_link(store: Store, secret: str, *, at: datetime) -> AccountLink | None:
    """What a link is for, or None where it was used, has expired or never was."""
    tag = _link_tag(store, secret)
    row = store.connection.execute("SELECT content FROM account_link WHERE tag = ?", (tag,)).fetchone()
    if row is None:
        return None
    content = store.vault.open(row["content"], table="account_link", handle=tag.hex())
    link = AccountLink(content["staff"], content["code_key"], parse_time(content["expires_at"]))
    return link if at < link.expires_at and link.staff in read_roster(store) else None


def set_up_account(store: Store, secret: str, *, password: str, code: str, at: datetime) -> str:
    """Set up the account a link is for; returns the staff id. The link ends with it.

    Raises:
        AuthenticationError: The link is not good (any more).
        RecordFormatError: The password is too short or too long, or the code is not the one now shown.
    """
    link = open_link(store, secret, at=at)
    if link is None:
        raise AuthenticationError("this link has been used or has expired: ask an operator for another")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        rule = f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; three or four words do well"
        raise RecordFormatError("account", rule, field="password")
    step = _step_of(link.code_key, code, after=-1, at=at)
    if step is None:
        raise RecordFormatError("account", "is not the one the app shows now", field="code")
    content = {"staff": link.staff, "password": PasswordHasher().hash(_prepare(password)),
               "code_key": link.code_key, "code_step": step}  # fmt: skip
    with store.transaction() as connection:
        _drop_links(store, link.staff)
        tag = account_tag(store, link.staff)
        sealed = store.vault.seal(content, table="account", handle=tag.hex())
        connection.execute("INSERT OR REPLACE INTO account (tag, content) VALUES (?, ?)", (tag, sealed))
        forget_failures(store, tag)
    record_sign_in(store, SignInEvent.SET_UP, staff=link.staff, at=at)
    return link.staff


def sign_in(store: Store, staff: str, *, password: str, code: str, at: datetime) -> SignInEvent:
    """Try to sign somebody in; whatever happens stands in the audit.

    Returns:
        SIGNED_IN, or why not. REFUSED does not say which of the three was wrong, and an unknown staff id
        takes as long as a known one.
    """
    tag = account_tag(store, staff)
    content = _read_account(store, tag)
    if is_locked_out(store, tag, at=at):
        event = SignInEvent.LOCKED
    elif not _is_right(store, tag, content, password=password, code=code, at=at):
        count_failure(store, tag, at=at)
        event = SignInEvent.REFUSED
    else:
        forget_failures(store, tag)
        event = SignInEvent.SIGNED_IN if staff in read_roster(store) else SignInEvent.WITHOUT_ROLE
    record_sign_in(store, event, staff=staff if content else None, at=at)
    return event


def has_accounts(store: Store) -> bool:
    """Whether anybody has set up an account."""
    return store.connection.execute("SELECT 1 FROM account LIMIT 1").fetchone() is not None


def has_account(store: Store, staff: str) -> bool:
    """Whether this person has."""
    return _read_account(store, account_tag(store, staff)) is not None


def code_address(link: AccountLink, *, agency: str) -> str:
    """The otpauth address that an authenticator app reads from a picture."""
    return pyotp.TOTP(link.code_key).provisioning_uri(name=link.staff, issuer_name=f"Known To {agency}")


def account_tag(store: Store, staff: str) -> bytes:
    """The keyed hash by which an account, and tries to use one, are found."""
    return store.vault.tag("account", staff)


def _is_right(
    store: Store, tag: bytes, content: dict[str, str] | None, *, password: str, code: str, at: datetime
) -> bool:
    """Password and code; the code counts once, also when two come at the same moment."""
    if not _is_password(content, password) or content is None:
        return False
    with store.transaction() as connection:
        newest = _read_account(store, tag)
        if newest is None or newest["password"] != content["password"]:
            return False
        step = _step_of(newest["code_key"], code, after=int(newest["code_step"]), at=at)
        if step is None:
            return False
        sealed = store.vault.seal(newest | {"code_step": step}, table="account", handle=tag.hex())
        connection.execute("UPDATE account SET content = ? WHERE tag = ?", (sealed, tag))
    return True


def _is_password(content: dict[str, str] | None, password: str) -> bool:
    """Whether it is; where there is no account, the same work is done for nothing."""
    hasher = PasswordHasher()
    typed = _prepare(password[: LONGEST_PASSWORD + 1])
    if content is None:
        hasher.hash(typed)
        return False
    try:
        return hasher.verify(content["password"], typed)
    except (VerificationError, InvalidHashError):
        return False


def _step_of(code_key: str, code: str, *, after: int, at: datetime) -> int | None:
    """The time step of a right code that is later than the last one used."""
    typed = "".join(code.split())
    now = int(at.timestamp()) // CODE_SECONDS
    for drift in CODE_DRIFT:
        expected = pyotp.TOTP(code_key).at(at, counter_offset=drift)
        if now + drift > after and compare_digest(expected.encode(), typed.encode()):
            return now + drift
    return None


def _prepare(password: str) -> str:
    """One way to write each sign, whatever the keyboard (RFC 8265 section 4)."""
    return unicodedata.normalize("NFC", password)


def _read_account(store: Store, tag: bytes) -> dict[str, str] | None:
    row = store.connection.execute("SELECT content FROM account WHERE tag = ?", (tag,)).fetchone()
    return None if row is None else store.vault.open(row["content"], table="account", handle=tag.hex())


def _link_tag(store: Store, secret: str) -> bytes:
    return store.vault.tag("account link", secret)


def _drop_links(store: Store, staff: str) -> None:
    for row in store.connection.execute("SELECT tag, content FROM account_link").fetchall():
        content = store.vault.open(row["content"], table="account_link", handle=row["tag"].hex())
        if content["staff"] == staff:
            store.connection.execute("DELETE FROM account_link WHERE tag = ?", (row["tag"],))
