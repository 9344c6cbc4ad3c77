"""Commands that serve pages, in a process of their own and on a port of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.documented_session import KNOWNTO

START_SECONDS = 30.0


def start(home: Path, *words: str) -> subprocess.Popen[str]:
    """A command in a process of its own; a node's passphrase lies beside its home."""
    environment = {**os.environ, "KNOWNTO_PASSPHRASE_FILE": str(home.parent / "passphrase")}
    return subprocess.Popen(
        [KNOWNTO / "knownto", "--home", str(home), *words],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@contextmanager
def serving(home: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The pages, once they answer, and their address; stopped as Ctrl-C does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with start(home, *words, "--port", str(port)) as process:
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
