"""Where a node keeps the accounts of its pages: sealed under the node key, found by keyed hashes.

The rules of accounts are those of `pages.accounts`; the roster (`node.staff`) says what people may do.

What it does not protect against: whoever has the passphrase of the node can make a link for anybody, as they
can act under any staff id on the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keys.actors import Role
from node.staff import read_roster
from node.store import Store
from node.times import format_time, parse_time
from pages.accounts import Account, AccountLink
from pages.sign_ins import SignIn, SignInEvent, Tries


@dataclass(frozen=True, slots=True)
class NodeAccounts:
    """The accounts of one node, over one connection to its database (`pages.accounts.AccountStore`)."""

    store: Store

    def roster(self) -> Mapping[str, Sequence[Role]]:
        """Everybody who holds a role now, and which, by staff id."""
        members = read_roster(self.store).values()
        return {member.staff: [role for role in Role if role in member.roles] for member in members}

    def find_account(self, staff: str) -> Account | None:
        """Somebody's account."""
        content = self._open("account", self._tag("account", staff))
        if content is None:
            return None
        return Account(content["staff"], content["password"], content["code_key"], int(content["code_step"]))

    def has_accounts(self) -> bool:
        """Whether anybody has set up an account."""
        return self.store.connection.execute("SELECT 1 FROM account LIMIT 1").fetchone() is not None

    def keep_link(self, secret: str, link: AccountLink) -> None:
        """Keep a link; earlier ones of the same person end."""
        content = {"staff": link.staff, "expires_at": format_time(link.expires_at), "code_key": link.code_key}
        with self.store.transaction():
            self._drop_links(link.staff)
            self._keep("account_link", self._tag("account link", secret), content)

    def find_link(self, secret: str) -> AccountLink | None:
        """The link of a secret, expired or not."""
        content = self._open("account_link", self._tag("account link", secret))
        if content is None:
            return None
        return AccountLink(content["staff"], content["code_key"], parse_time(content["expires_at"]))

    def replace_link(self, secret: str, account: Account) -> bool:
        """End a link with the account it was for, and that person's failed tries; False where it is gone."""
        with self.store.transaction():
            if self.find_link(secret) is None:
                return False
            self._drop_links(account.staff)
            self._keep_account(account, account.code_step)
            self.forget_failures(account.staff)
        return True

    def use_code(self, account: Account, step: int) -> bool:
        """Note a code as used; False where it or a later one was, or the account is another by now."""
        with self.store.transaction():
            newest = self.find_account(account.staff)
            if newest is None or newest.password != account.password or newest.code_step >= step:
                return False
            self._keep_account(newest, step)
        return True

    def find_tries(self, staff: str) -> Tries | None:
        """Failed tries under what was typed, which may be nobody."""
        tag = self._tag("account", staff)
        row = self.store.connection.execute("SELECT * FROM sign_in_try WHERE tag = ?", (tag,)).fetchone()
        return None if row is None else Tries(row["failures"], parse_time(row["last_at"]))

    def count_failure(self, staff: str, *, at: datetime) -> None:
        """One more failed try under what was typed."""
        self.store.connection.execute(
            "INSERT INTO sign_in_try (tag, failures, last_at) VALUES (?, 1, ?) "
            "ON CONFLICT (tag) DO UPDATE SET failures = failures + 1, last_at = excluded.last_at",
            (self._tag("account", staff), format_time(at)),
        )

    def forget_failures(self, staff: str) -> None:
        """Begin to count anew."""
        tag = self._tag("account", staff)
        self.store.connection.execute("DELETE FROM sign_in_try WHERE tag = ?", (tag,))

    def record(self, sign_in: SignIn) -> None:
        """Write one line of the audit."""
        content = {
            "at": format_time(sign_in.at),
            "staff": sign_in.staff,
            "event": str(sign_in.event),
            "by": sign_in.by,
        }
        with self.store.transaction() as connection:
            row = connection.execute("SELECT coalesce(max(number), 0) + 1 AS next FROM sign_in").fetchone()
            number = int(row["next"])
            sealed = self.store.vault.seal(content, table="sign_in", handle=str(number))
            connection.execute("INSERT INTO sign_in (number, content) VALUES (?, ?)", (number, sealed))

    def read_sign_ins(self, *, limit: int) -> list[SignIn]:
        """The newest lines of the audit, newest first.

        Raises:
            IntegrityError: A row was altered or moved.
        """
        rows = self.store.connection.execute("SELECT * FROM sign_in ORDER BY number DESC LIMIT ?", (limit,))
        found = []
        for row in rows:
            content = self.store.vault.open(row["content"], table="sign_in", handle=str(row["number"]))
            event = SignInEvent(content["event"])
            found.append(SignIn(parse_time(content["at"]), content["staff"], event, content["by"]))
        return found

    def _tag(self, kind: str, text: str) -> bytes:
        """The keyed hash by which an account, a link, and tries to use an account are found."""
        return self.store.vault.tag(kind, text)

    def _open(self, table: str, tag: bytes) -> dict[str, Any] | None:
        row = self.store.connection.execute(f"SELECT content FROM {table} WHERE tag = ?", (tag,)).fetchone()
        return None if row is None else self.store.vault.open(row["content"], table=table, handle=tag.hex())

    def _keep(self, table: str, tag: bytes, content: Mapping[str, Any]) -> None:
        sealed = self.store.vault.seal(content, table=table, handle=tag.hex())
        self.store.connection.execute(
            f"INSERT OR REPLACE INTO {table} (tag, content) VALUES (?, ?)", (tag, sealed)
        )

    def _keep_account(self, account: Account, step: int) -> None:
        content = {
            "staff": account.staff,
            "password": account.password,
            "code_key": account.code_key,
            "code_step": step,
        }
        self._keep("account", self._tag("account", account.staff), content)

    def _drop_links(self, staff: str) -> None:
        for row in self.store.connection.execute("SELECT tag, content FROM account_link").fetchall():
            content = self.store.vault.open(row["content"], table="account_link", handle=row["tag"].hex())
            if content["staff"] == staff:
                self.store.connection.execute("DELETE FROM account_link WHERE tag = ?", (row["tag"],))
