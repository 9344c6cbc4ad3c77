"""`knownto` in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.documented_session import KNOWNTO
from tests.federation import Federation


def run(home: Path, *argv: str, passphrase: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KNOWNTO_PASSPHRASE_FILE": str(passphrase), "KNOWNTO_TRACEBACK": "0"}
    return subprocess.run(
        [KNOWNTO / "knownto", "--home", str(home), *argv],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
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
