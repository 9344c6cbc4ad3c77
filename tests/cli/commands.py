"""`knownto` in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.documented_session import KNOWNTO
from tests.e2e.test_killed_push import RealClock
from tests.federation import Federation, running_federation

ROW = {"local_id": "A1", "dob": "1980-02-03", "forename": "Ann", "surname": "Other"}


@contextmanager
def open_network(root: Path) -> Iterator[Federation]:
    """Two nodes over sockets that share, for commands in processes of their own: one asks, one holds."""
    with running_federation(root, sockets=True, clock=RealClock()) as federation:
        federation.add("asker", custodian=True)
        federation.add("holder", team="Desk")
        federation.begin_epoch(["dob", "names", "chain"], custodian="asker")
        federation.agree("asker", "holder")
        federation.share("holder", [ROW])
        federation.consent("holder", "A1")
        yield federation


def run(
    home: Path, *argv: str, passphrase: Path, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a home; `environment` is set beside what the process inherits."""
    usual = {**os.environ, "KNOWNTO_PASSPHRASE_FILE": str(passphrase), "KNOWNTO_TRACEBACK": "0"}
    return subprocess.run(
        [KNOWNTO / "knownto", "--home", str(home), *argv],
        env=usual | environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


CONSENT = ("--purposes", "case_conference,safeguarding_panel", "--method", "verbal", "--notice-version", "3")


class Desk:
    """One agency's commands."""

    def __init__(self, federation: Federation, agency: str, secret: Path) -> None:
        self.home, self.secret = federation.nodes[agency].home, secret

    def __call__(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return run(self.home, *words, passphrase=self.secret, stdin=stdin)

    def document(self, *words: str, stdin: str = "") -> Any:
        done = self(*words, "--format", "json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
