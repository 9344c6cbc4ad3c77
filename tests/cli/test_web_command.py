"""`knownto web`: the first link is printed once, and the server is bound to this machine alone."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from node.settings import make_settings
from node.staff import add_roles
from tests.documented_session import KNOWNTO
from tests.federation import CHEAP, NOW, PASSPHRASE, create_home

START_SECONDS = 30.0


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


def start(home: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "KNOWNTO_PASSPHRASE_FILE": str(home.parent / "passphrase")}
    return subprocess.Popen(
        [KNOWNTO / "knownto", "--home", str(home), "web", *words],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@contextmanager
def serving(home: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The pages, once they answer, and their address; stopped as Ctrl-C does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with start(home, "--port", str(port), *words) as process:
        try:
            _wait_for(process, f"http://127.0.0.1:{port}")
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=10)


def _wait_for(process: subprocess.Popen[str], address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.get(f"{address}/sign-in")
            return
        except httpx2.TransportError:
            time.sleep(0.1)


def test_the_first_link_is_on_stdout_once_and_opens(home: Path) -> None:
    with serving(home) as (process, address):
        assert process.stdout is not None
        link = process.stdout.readline().strip()
        assert re.fullmatch(re.escape(address) + r"/set-up/[A-Za-z0-9_-]{43}", link)
        assert "a-first" in httpx2.get(link).text
        assert httpx2.get(f"{address}/", follow_redirects=False).headers["location"] == "/sign-in"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""


def test_nobody_but_an_operator_serves_the_pages(home: Path) -> None:
    process = start(home, "--staff", "b-second")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 4 and out == "" and "operator" in err
