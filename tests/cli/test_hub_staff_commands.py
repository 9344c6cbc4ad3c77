"""`knownto hub web` and `hub staff`: the first operator, the link printed once, who keeps the roster."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import httpx2
import pytest

from hub.homes import initialise
from tests.cli.commands import run
from tests.cli.served import serving, start

NO_PASSPHRASE = Path("none")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A hub that nobody works with yet."""
    initialise(tmp_path / "hub", network="county")
    return tmp_path / "hub"


def staff(home: Path, *words: str) -> tuple[int, str]:
    done = run(home, "hub", "staff", *words, passphrase=NO_PASSPHRASE)
    return done.returncode, done.stdout + done.stderr


def test_the_first_link_is_on_stdout_once_and_opens(home: Path) -> None:
    with serving(home, "hub", "web", "--staff", "h-first") as (process, address):
        assert process.stdout is not None
        link = process.stdout.readline().strip()
        assert re.fullmatch(re.escape(address) + r"/set-up/[A-Za-z0-9_-]{43}", link)
        assert "h-first" in httpx2.get(link).text
        assert httpx2.get(f"{address}/", follow_redirects=False).headers["location"] == "/sign-in"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""


def test_nobody_but_an_operator_serves_the_pages_once_there_is_one(home: Path) -> None:
    assert staff(home, "add", "h-ig", "--roles", "ig", "--staff", "h-first")[0] == 0
    process = start(home, "hub", "web", "--staff", "h-ig")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 4 and out == "" and "operator" in err


def test_the_roster_is_kept_by_its_operators_and_says_who_changed_it(home: Path) -> None:
    assert staff(home, "add", "h-ig", "--roles", "ig", "--staff", "h-first")[0] == 0
    assert staff(home, "add", "h-other", "--roles", "analyst", "--staff", "h-ig")[0] == 4
    assert staff(home, "add", "h-ig", "--roles", "operator", "--staff", "h-first")[0] == 4
    assert staff(home, "remove", "h-first", "--staff", "h-first")[0] == 4
    code, printed = staff(home, "list", "--format", "json")
    assert code == 0
    assert [(one["staff"], one["roles"], one["changed_by"]) for one in json.loads(printed)] == [
        ("h-first", "operator", "h-first"), ("h-ig", "ig", "h-first"),
    ]  # fmt: skip
    assert staff(home, "remove", "h-ig", "--staff", "h-first")[0] == 0
    code, printed = staff(home, "list", "--history", "--format", "json")
    assert [(one["staff"], one["roles"]) for one in json.loads(printed)] == [
        ("h-first", "operator"), ("h-ig", "ig"), ("h-ig", ""),
    ]  # fmt: skip
