"""Accounts of the people of a roster: a password and one-time codes, set up over a link that is shown once.

Where accounts are kept, and who is on the roster, is the site's matter and comes in as an `AccountStore`; the
rules are here. What a person may do is the roster's matter, asked at every request.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pages.errors import AccountFormatError, LinkSpentError, UnknownMemberError
from pages.passwords import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    find_code_step,
    hash_password,
    is_long_enough,
    is_password,
    new_code_key,
)
from pages.sign_ins import SignIn, SignInEvent, Tries

LINK_BYTES = 32
LINK_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True, repr=False)
class AccountLink:
    """An invitation: for whom, the key their phone is to be given, and until when it is good."""

    staff: str
    code_key: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Account:
    """Somebody who can sign in.

    Attributes:
        staff: Staff id.
        password: What is kept of the password (`pages.passwords.hash_password`).
        code_key: The key of their one-time codes.
        code_step: The time step of the last code that was used.
    """

    staff: str
    password: str
    code_key: str
    code_step: int


class AccountStore(Protocol):
    """Where a site keeps accounts, and its roster. Each call is a transaction of its own."""

    def roster(self) -> Mapping[str, Collection[str]]:
        """Everybody who holds a role now, and which, by staff id."""

    def find_account(self, staff: str) -> Account | None:
        """Somebody's account."""

    def has_accounts(self) -> bool:
        """Whether anybody has set up an account."""

    def keep_link(self, secret: str, link: AccountLink) -> None:
        """Keep a link, found by its secret and not showing it; earlier ones of the same person end."""

    def find_link(self, secret: str) -> AccountLink | None:
        """The link of a secret, expired or not."""

    def replace_link(self, secret: str, account: Account) -> bool:
        """End a link with the account it was for, and that person's failed tries; False where it is gone."""

    def use_code(self, account: Account, step: int) -> bool:
        """Note a code as used; False where it or a later one was, or the account is another by now."""

    def find_tries(self, staff: str) -> Tries | None:
        """Failed tries under what was typed, which may be nobody."""

    def count_failure(self, staff: str, *, at: datetime) -> None:
        """One more failed try under what was typed."""

    def forget_failures(self, staff: str) -> None:
        """Begin to count anew."""

    def record(self, sign_in: SignIn) -> None:
        """Write one line of the audit."""

    def read_sign_ins(self, *, limit: int) -> Sequence[SignIn]:
        """The newest lines of the audit, newest first."""


def make_link(store: AccountStore, staff: str, *, at: datetime, by: str) -> str:
    """Invite somebody of the roster to set up their account, or to set it up anew; returns the link's secret.

    It is good for a day and for once. Earlier links for the same person end.

    Raises:
        UnknownMemberError: Nobody of this staff id is on the roster.
    """
    if staff not in store.roster():
        raise UnknownMemberError("staff: nobody of this staff id is on the roster")
    secret = secrets.token_urlsafe(LINK_BYTES)
    store.keep_link(secret, AccountLink(staff, new_code_key(), at + LINK_LIFE))
    store.record(SignIn(at, staff, SignInEvent.LINK_MADE, by))
    return secret


def open_link(store: AccountStore, secret: str, *, at: datetime) -> AccountLink | None:
    """What a link is for, or None where it was used, has expired or never was."""
    link = store.find_link(secret)
    return link if link is not None and at < link.expires_at and link.staff in store.roster() else None


def set_up_account(store: AccountStore, secret: str, *, password: str, code: str, at: datetime) -> str:
    """Set up the account a link is for; returns the staff id. The link ends with it.

    Raises:
        LinkSpentError: The link is not good (any more).
        AccountFormatError: The password is too short or too long, or the code is not the one now shown.
    """
    link = open_link(store, secret, at=at)
    if link is None:
        raise LinkSpentError("this link has been used or has expired: ask an operator for another")
    if not is_long_enough(password):
        rule = f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; three or four words do well"
        raise AccountFormatError("password", rule)
    step = find_code_step(link.code_key, code, after=-1, at=at)
    if step is None:
        raise AccountFormatError("code", "is not the one the app shows now")
    account = Account(link.staff, hash_password(password), link.code_key, step)
    if not store.replace_link(secret, account):
        raise LinkSpentError("this link was used at the same moment: ask an operator for another")
    store.record(SignIn(at, link.staff, SignInEvent.SET_UP))
    return link.staff


def sign_in(store: AccountStore, staff: str, *, password: str, code: str, at: datetime) -> SignInEvent:
    """Try to sign somebody in; whatever happens stands in the audit.

    Returns:
        SIGNED_IN, or why not. REFUSED does not say which of the three was wrong, and an unknown staff id
        takes as long as a known one.
    """
    account, tries = store.find_account(staff), store.find_tries(staff)
    if tries is not None and tries.lock(at=at):
        event = SignInEvent.LOCKED
    elif not _is_right(store, account, password=password, code=code, at=at):
        store.count_failure(staff, at=at)
        event = SignInEvent.REFUSED
    else:
        store.forget_failures(staff)
        event = SignInEvent.SIGNED_IN if staff in store.roster() else SignInEvent.WITHOUT_ROLE
    store.record(SignIn(at, staff if account else None, event))
    return event


def _is_right(
    store: AccountStore, account: Account | None, *, password: str, code: str, at: datetime
) -> bool:
    """Password and code; the code counts once, also when two come at the same moment."""
    if not is_password(account.password if account else None, password) or account is None:
        return False
    step = find_code_step(account.code_key, code, after=account.code_step, at=at)
    return step is not None and store.use_code(account, step)
