"""Where the hub keeps the accounts of its pages; the rules are those of `pages.accounts`.

Passwords and the keys of one-time codes are sealed under a key derived from the pepper, so that a stolen
database opens no account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from hub.account_models import SignInTry, WebAccount, WebAccountLink, WebSignIn
from hub.database import Database, dialect_insert
from hub.sealing import Sealer
from hub.secrets import load_pepper_key
from hub.service import Hub
from hub.staff import HUB_ROLES, read_roster
from hub.tags import Pepper
from keys.actors import Role
from pages.accounts import Account, AccountLink
from pages.sign_ins import SignIn, SignInEvent, Tries

SUBJECT = "web-account/1"
TRY_LABEL = b"sign-in try"


@dataclass(frozen=True, slots=True)
class HubAccounts:
    """The accounts of one hub (`pages.accounts.AccountStore`).

    Attributes:
        database: Where they are kept.
        pepper: Makes the digests of what was typed.
        sealer: Seals what must not be read.
    """

    database: Database
    pepper: Pepper
    sealer: Sealer

    def roster(self) -> Mapping[str, Sequence[Role]]:
        """Everybody who holds a role now, and which, by staff id."""
        with self.database.reading() as session:
            members = read_roster(session).values()
        return {member.staff: [role for role in HUB_ROLES if role in member.roles] for member in members}

    def find_account(self, staff: str) -> Account | None:
        """Somebody's account."""
        with self.database.reading() as session:
            return self._account(session.get(WebAccount, staff))

    def has_accounts(self) -> bool:
        """Whether anybody has set up an account."""
        with self.database.reading() as session:
            return session.scalar(select(WebAccount.staff).limit(1)) is not None

    def keep_link(self, secret: str, link: AccountLink) -> None:
        """Keep a link; earlier ones of the same person end."""
        sealed = self.sealer.seal({"code_key": link.code_key}, "link", link.staff)
        row = WebAccountLink(digest=_digest(secret), staff=link.staff, sealed=sealed, expires=link.expires_at)
        with self.database.writing() as session:
            _drop_links(session, link.staff)
            session.add(row)

    def find_link(self, secret: str) -> AccountLink | None:
        """The link of a secret, expired or not."""
        with self.database.reading() as session:
            row = session.get(WebAccountLink, _digest(secret))
            if row is None:
                return None
            content = self.sealer.open(row.sealed, "link", row.staff)
            return AccountLink(row.staff, content["code_key"], row.expires)

    def replace_link(self, secret: str, account: Account) -> bool:
        """End a link with the account it was for, and that person's failed tries; False where it is gone."""
        content = {"password": account.password, "code_key": account.code_key}
        row = {
            "staff": account.staff,
            "sealed": self.sealer.seal(content, "account", account.staff),
            "code_step": account.code_step,
        }
        with self.database.writing() as session:
            ended = session.execute(
                delete(WebAccountLink)
                .where(WebAccountLink.digest == _digest(secret))
                .returning(WebAccountLink.staff)
            )
            if ended.first() is None:
                return False
            insert = dialect_insert(session, WebAccount).values(**row)
            session.execute(insert.on_conflict_do_update(index_elements=["staff"], set_=row))
            self._forget(session, account.staff)
        return True

    def use_code(self, account: Account, step: int) -> bool:
        """Note a code as used; False where it or a later one was, or the account is another by now."""
        with self.database.writing() as session:
            newest = self._account(session.get(WebAccount, account.staff, with_for_update=True))
            if newest is None or newest.password != account.password or newest.code_step >= step:
                return False
            session.execute(
                update(WebAccount).where(WebAccount.staff == account.staff).values(code_step=step)
            )
        return True

    def find_tries(self, staff: str) -> Tries | None:
        """Failed tries under what was typed, which may be nobody."""
        with self.database.reading() as session:
            row = session.get(SignInTry, self._try_digest(staff))
            return None if row is None else Tries(row.failures, row.last_at)

    def count_failure(self, staff: str, *, at: datetime) -> None:
        """One more failed try under what was typed."""
        row = {"digest": self._try_digest(staff), "failures": 1, "last_at": at}
        with self.database.writing() as session:
            insert = dialect_insert(session, SignInTry).values(**row)
            more = {"failures": SignInTry.failures + 1, "last_at": at}
            session.execute(insert.on_conflict_do_update(index_elements=["digest"], set_=more))

    def forget_failures(self, staff: str) -> None:
        """Begin to count anew."""
        with self.database.writing() as session:
            self._forget(session, staff)

    def record(self, sign_in: SignIn) -> None:
        """Write one line of the audit."""
        row = WebSignIn(at=sign_in.at, staff=sign_in.staff, event=str(sign_in.event), by=sign_in.by)
        with self.database.writing() as session:
            session.add(row)

    def read_sign_ins(self, *, limit: int) -> list[SignIn]:
        """The newest lines of the audit, newest first."""
        newest = select(WebSignIn).order_by(WebSignIn.number.desc()).limit(limit)
        with self.database.reading() as session:
            return [
                SignIn(row.at, row.staff, SignInEvent(row.event), row.by) for row in session.scalars(newest)
            ]

    def _account(self, row: WebAccount | None) -> Account | None:
        if row is None:
            return None
        content = self.sealer.open(row.sealed, "account", row.staff)
        return Account(row.staff, content["password"], content["code_key"], row.code_step)

    def _try_digest(self, staff: str) -> bytes:
        return self.pepper.digest(TRY_LABEL, staff.encode())

    def _forget(self, session: Session, staff: str) -> None:
        session.execute(delete(SignInTry).where(SignInTry.digest == self._try_digest(staff)))


def accounts_of(hub: Hub) -> HubAccounts:
    """The accounts of a running hub.

    Raises:
        NotInitialisedError: The pepper is missing.
        UnsafeSecretError: Others can read it.
    """
    return HubAccounts(hub.database, hub.pepper, Sealer(load_pepper_key(hub.settings.home), SUBJECT))


def _digest(secret: str) -> bytes:
    """A link's secret has 256 random bits: it needs no slow hash, and no key."""
    return sha256(secret.encode()).digest()


def _drop_links(session: Session, staff: str) -> None:
    session.execute(delete(WebAccountLink).where(WebAccountLink.staff == staff))
