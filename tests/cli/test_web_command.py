"""`knownto web`: the first link is printed once, and the server is bound to this machine alone."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import httpx2
import pytest

from node.settings import make_settings
from node.staff import add_roles
from tests.cli.served import serving, start
from tests.federation import CHEAP, NOW, PASSPHRASE, create_home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A node that has not enrolled, and a second person who is no operator."""
    settings = make_settings(hub="https://hub.test", agency="north", staff="a-first")
    with create_home(tmp_path / "north", settings, PASSPHRASE, cost=CHEAP) as node:
        add_roles(node.store, "b-second", ["officer"], by="a-first", at=NOW)
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text(PASSPHRASE)
    return tmp_path / "north"


def test_the_first_link_is_on_stdout_once_and_opens(home: Path) -> None:
    with serving(home, "web") as (process, address):
        assert process.stdout is not None
        link = process.stdout.readline().strip()
        assert re.fullmatch(re.escape(address) + r"/set-up/[A-Za-z0-9_-]{43}", link)
        assert "a-first" in httpx2.get(link).text
        assert httpx2.get(f"{address}/", follow_redirects=False).headers["location"] == "/sign-in"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""


def test_nobody_but_an_operator_serves_the_pages(home: Path) -> None:
    process = start(home, "web", "--staff", "b-second")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 4 and out == "" and "operator" in err
