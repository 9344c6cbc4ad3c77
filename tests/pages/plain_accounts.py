"""Accounts in memory: the second, plain implementation of what the shell asks of a site."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pages.accounts import Account, AccountLink
from pages.sign_ins import SignIn, Tries


@dataclass
class PlainAccounts:
    """One site's accounts, and who is on its roster."""

    people: dict[str, Collection[str]]
    accounts: dict[str, Account] = field(default_factory=dict)
    links: dict[str, AccountLink] = field(default_factory=dict)
    tries: dict[str, Tries] = field(default_factory=dict)
    audit: list[SignIn] = field(default_factory=list)

    def roster(self) -> Mapping[str, Collection[str]]:
        """Everybody."""
        return self.people

    def find_account(self, staff: str) -> Account | None:
        """One account."""
        return self.accounts.get(staff)

    def has_accounts(self) -> bool:
        """Any account."""
        return bool(self.accounts)

    def keep_link(self, secret: str, link: AccountLink) -> None:
        """One link a person."""
        self.links = {known: one for known, one in self.links.items() if one.staff != link.staff}
        self.links[secret] = link

    def find_link(self, secret: str) -> AccountLink | None:
        """One link."""
        return self.links.get(secret)

    def replace_link(self, secret: str, account: Account) -> bool:
        """A link for an account."""
        if self.links.pop(secret, None) is None:
            return False
        self.accounts[account.staff] = account
        self.forget_failures(account.staff)
        return True

    def use_code(self, account: Account, step: int) -> bool:
        """A code once."""
        newest = self.accounts.get(account.staff)
        if newest is None or newest.password != account.password or newest.code_step >= step:
            return False
        self.accounts[account.staff] = replace(newest, code_step=step)
        return True

    def find_tries(self, staff: str) -> Tries | None:
        """Failed tries."""
        return self.tries.get(staff)

    def count_failure(self, staff: str, *, at: datetime) -> None:
        """One more."""
        found = self.tries.get(staff)
        self.tries[staff] = Tries(found.failures + 1 if found else 1, at)

    def forget_failures(self, staff: str) -> None:
        """None."""
        self.tries.pop(staff, None)

    def record(self, sign_in: SignIn) -> None:
        """One line."""
        self.audit.insert(0, sign_in)

    def read_sign_ins(self, *, limit: int) -> list[SignIn]:
        """The newest lines."""
        return self.audit[:limit]
