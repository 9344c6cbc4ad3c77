"""The rules of accounts, over every place where a site keeps them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

import hub.staff
from hub.accounts import SUBJECT, HubAccounts
from hub.database import Database
from hub.sealing import Sealer
from hub.staff import require_operator
from hub.tags import Pepper
from hub.upgrades import upgrade
from node.accounts import NodeAccounts
from node.staff import add_roles, begin_roster, remove_roles
from node.store import Store
from node.vault import KEY_BYTES, Vault
from pages.accounts import LINK_LIFE, Account, AccountStore, make_link, open_link, set_up_account, sign_in
from pages.errors import AccountFormatError, LinkSpentError, UnknownMemberError
from pages.sign_ins import LOCKED_FOR, MOST_TRIES, SignIn, SignInEvent
from tests.federation import NOW
from tests.pages.plain_accounts import PlainAccounts
from tests.postgres import PostgresServer, postgres_or_skip

PASSWORD = "three plain words"
STEP = timedelta(seconds=30)
MORE = "and a fourth"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    yield from postgres_or_skip()


def node_accounts(folder: Path) -> NodeAccounts:
    store = Store.create(folder / "node.sqlite3", Vault(os.urandom(KEY_BYTES)))
    begin_roster(store, "a-first", at=NOW)
    add_roles(store, "b-second", ["ig"], by="a-first", at=NOW)
    return NodeAccounts(store)


def hub_accounts(database_url: str) -> HubAccounts:
    key, database = os.urandom(KEY_BYTES), Database(database_url)
    upgrade(database)
    with database.writing() as session:
        require_operator(session, "a-first", at=NOW)
        hub.staff.add_roles(session, "b-second", ["ig"], by="a-first", at=NOW)
    return HubAccounts(database, Pepper(key), Sealer(key, SUBJECT))


@pytest.fixture(params=["plain", "node", "hub", "hub on PostgreSQL"])
def accounts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AccountStore]:
    """Nobody has an account; a-first and b-second are on the roster."""
    if request.param == "plain":
        yield PlainAccounts({"a-first": ["operator"], "b-second": ["ig"]})
        return
    if request.param == "node":
        at_node = node_accounts(tmp_path)
        yield at_node
        at_node.store.close()
        return
    url = f"sqlite:///{tmp_path / 'hub.sqlite3'}"
    if request.param == "hub on PostgreSQL":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(server.create_database())
    at_hub = hub_accounts(url)
    yield at_hub
    at_hub.database.close()


def code_of(accounts: AccountStore, secret: str) -> pyotp.TOTP:
    link = accounts.find_link(secret)
    assert link is not None
    return pyotp.TOTP(link.code_key)


@pytest.fixture
def codes(accounts: AccountStore) -> pyotp.TOTP:
    """a-first has set up an account; the codes of their phone."""
    secret = make_link(accounts, "a-first", at=NOW, by="somebody")
    codes = code_of(accounts, secret)
    assert set_up_account(accounts, secret, password=PASSWORD, code=codes.at(NOW), at=NOW) == "a-first"
    return codes


def test_a_link_becomes_an_account_and_the_account_signs_in(
    accounts: AccountStore, codes: pyotp.TOTP
) -> None:
    assert accounts.has_accounts()
    at = NOW + STEP
    event = sign_in(accounts, "a-first", password=PASSWORD, code=codes.at(at), at=at)
    assert event is SignInEvent.SIGNED_IN
    assert accounts.read_sign_ins(limit=9) == [
        SignIn(at, "a-first", SignInEvent.SIGNED_IN),
        SignIn(NOW, "a-first", SignInEvent.SET_UP),
        SignIn(NOW, "a-first", SignInEvent.LINK_MADE, "somebody"),
    ]
    assert len(accounts.read_sign_ins(limit=1)) == 1


def test_a_link_ends_with_its_use_with_the_next_link_and_after_a_day(accounts: AccountStore) -> None:
    first = make_link(accounts, "a-first", at=NOW, by="x")
    others = make_link(accounts, "b-second", at=NOW, by="x")
    second = make_link(accounts, "a-first", at=NOW, by="x")
    assert open_link(accounts, first, at=NOW) is None
    assert open_link(accounts, second, at=NOW + LINK_LIFE) is None
    assert open_link(accounts, others, at=NOW) is not None
    code = code_of(accounts, second).at(NOW)
    set_up_account(accounts, second, password=PASSWORD, code=code, at=NOW)
    with pytest.raises(LinkSpentError):
        set_up_account(accounts, second, password=PASSWORD, code=code, at=NOW)
    assert open_link(accounts, others, at=NOW) is not None


def test_of_two_who_use_a_link_at_once_one_gets_the_account(accounts: AccountStore) -> None:
    secret = make_link(accounts, "a-first", at=NOW, by="x")
    one, other = (Account("a-first", password, "KEY", 1) for password in ("one", "other"))
    assert accounts.replace_link(secret, one) and not accounts.replace_link(secret, other)
    assert accounts.find_account("a-first") == one


def test_a_link_is_for_somebody_of_the_roster(accounts: AccountStore) -> None:
    with pytest.raises(UnknownMemberError):
        make_link(accounts, "c-third", at=NOW, by="x")


@pytest.mark.parametrize(
    ("password", "code", "field"),
    [
        pytest.param("short", None, "password", id="too short"),
        pytest.param("x" * 257, None, "password", id="too long"),
        pytest.param(PASSWORD, "000000", "code", id="another code"),
        pytest.param(PASSWORD, "", "code", id="no code"),
    ],
)
def test_what_cannot_be_taken_leaves_the_link_as_it_was(
    accounts: AccountStore, password: str, code: str | None, field: str
) -> None:
    secret = make_link(accounts, "a-first", at=NOW, by="x")
    given = code_of(accounts, secret).at(NOW) if code is None else code
    with pytest.raises(AccountFormatError) as refused:
        set_up_account(accounts, secret, password=password, code=given, at=NOW)
    assert refused.value.field == field and password not in str(refused.value)
    assert open_link(accounts, secret, at=NOW) is not None and not accounts.has_accounts()


def test_a_code_counts_once_and_an_account_set_up_anew_takes_no_code_of_before(
    accounts: AccountStore, codes: pyotp.TOTP
) -> None:
    account = accounts.find_account("a-first")
    assert account is not None
    assert accounts.use_code(account, account.code_step + 1)
    assert not accounts.use_code(account, account.code_step + 1)
    secret = make_link(accounts, "a-first", at=NOW, by="x")
    code = code_of(accounts, secret).at(NOW)
    set_up_account(accounts, secret, password=PASSWORD + MORE, code=code, at=NOW)
    assert not accounts.use_code(account, account.code_step + 9)


@pytest.mark.parametrize("staff", ["a-first", "nobody-at-all"])
def test_five_wrong_tries_lock_whoever_it_is_and_a_quarter_of_an_hour_unlocks(
    accounts: AccountStore, codes: pyotp.TOTP, staff: str
) -> None:
    at = NOW + STEP
    for _ in range(MOST_TRIES):
        event = sign_in(accounts, staff, password="another password", code="0", at=at)
        assert event is SignInEvent.REFUSED
    assert sign_in(accounts, staff, password=PASSWORD, code=codes.at(at), at=at) is SignInEvent.LOCKED
    later = at + LOCKED_FOR
    event = sign_in(accounts, staff, password=PASSWORD, code=codes.at(later), at=later)
    assert event is (SignInEvent.SIGNED_IN if staff == "a-first" else SignInEvent.REFUSED)
    named = {one.staff for one in accounts.read_sign_ins(limit=MOST_TRIES + 2)}
    assert named == ({"a-first"} if staff == "a-first" else {None})


def test_a_new_link_lets_somebody_in_who_was_locked_out(accounts: AccountStore, codes: pyotp.TOTP) -> None:
    for _ in range(MOST_TRIES):
        sign_in(accounts, "a-first", password="another password", code="0", at=NOW)
    secret = make_link(accounts, "a-first", at=NOW, by="x")
    new = code_of(accounts, secret)
    set_up_account(accounts, secret, password=PASSWORD, code=new.at(NOW), at=NOW)
    at = NOW + STEP
    assert sign_in(accounts, "a-first", password=PASSWORD, code=new.at(at), at=at) is SignInEvent.SIGNED_IN


def test_the_same_password_counts_however_the_keyboard_writes_it(accounts: AccountStore) -> None:
    secret = make_link(accounts, "a-first", at=NOW, by="x")
    codes = code_of(accounts, secret)
    set_up_account(accounts, secret, password="fiancee\u0301 words", code=codes.at(NOW), at=NOW)
    at = NOW + STEP
    event = sign_in(accounts, "a-first", password="fianc\u00e9e words", code=codes.at(at), at=at)
    assert event is SignInEvent.REFUSED, "another word"
    at += STEP
    event = sign_in(accounts, "a-first", password="fiance\u00e9 words", code=codes.at(at), at=at)
    assert event is SignInEvent.SIGNED_IN


def test_whoever_left_the_roster_is_told_so_and_not_let_in(tmp_path: Path) -> None:
    accounts = node_accounts(tmp_path)
    secret = make_link(accounts, "b-second", at=NOW, by="x")
    codes = code_of(accounts, secret)
    set_up_account(accounts, secret, password=PASSWORD, code=codes.at(NOW), at=NOW)
    remove_roles(accounts.store, "b-second", by="a-first", at=NOW)
    at = NOW + STEP
    event = sign_in(accounts, "b-second", password=PASSWORD, code=codes.at(at), at=at)
    assert event is SignInEvent.WITHOUT_ROLE
    accounts.store.close()
