"""What opens a node's keys, and how it is replaced."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.commands import run
from tests.documented_session import KNOWNTO
from tests.federation import Federation


def test_a_wrong_passphrase_is_an_authentication_error(network: Federation, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("not the passphrase")
    assert run(network.nodes["asker"].home, "keys", "status", passphrase=wrong).returncode == 5


def test_a_passphrase_file_that_others_can_read_is_refused(network: Federation, passphrase: Path) -> None:
    passphrase.chmod(0o644)
    assert run(network.nodes["asker"].home, "keys", "status", passphrase=passphrase).returncode == 5


def test_without_a_terminal_or_a_file_there_is_no_passphrase(network: Federation) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "KNOWNTO_PASSPHRASE_FILE"}
    done = subprocess.run(
        [KNOWNTO / "knownto", "--home", str(network.nodes["asker"].home), "keys", "status"],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 5 and "KNOWNTO_PASSPHRASE_FILE" in done.stderr


NEW = "another long passphrase"


@pytest.fixture
def home(tmp_path: Path, passphrase: Path) -> Path:
    """A node of its own, which nobody else opens."""
    home = tmp_path / "home"
    made = run(home, "init", "--hub", "https://hub.example", "--agency", "north", passphrase=passphrase)
    assert made.returncode == 0, made.stderr
    return home


def file_of(folder: Path, words: str, *, mode: int = 0o600) -> Path:
    path = folder / "next"
    path.touch(mode=mode)
    path.write_text(words)
    return path


def test_a_new_passphrase_opens_the_node_and_the_old_one_no_longer(
    home: Path, tmp_path: Path, passphrase: Path
) -> None:
    before = run(home, "keys", "fingerprint", passphrase=passphrase).stdout
    new = file_of(tmp_path, NEW)
    done = run(home, "keys", "passphrase", "--new-file", str(new), passphrase=passphrase)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert NEW not in done.stderr and "Backups" in done.stderr
    assert run(home, "keys", "fingerprint", passphrase=passphrase).returncode == 5
    assert run(home, "keys", "fingerprint", passphrase=new).stdout == before


@pytest.mark.parametrize(
    ("words", "mode"),
    [pytest.param("short", 0o600, id="too short"), pytest.param(NEW, 0o644, id="open file")],
)
def test_a_new_passphrase_that_does_not_do_changes_nothing(
    home: Path, tmp_path: Path, passphrase: Path, words: str, mode: int
) -> None:
    new = file_of(tmp_path, words, mode=mode)
    assert run(home, "keys", "passphrase", "--new-file", str(new), passphrase=passphrase).returncode == 5
    assert run(home, "keys", "passphrase", passphrase=passphrase).returncode == 5
    assert run(home, "keys", "fingerprint", passphrase=passphrase).returncode == 0


def test_only_the_operator_changes_it(network: Federation, tmp_path: Path, passphrase: Path) -> None:
    new = file_of(tmp_path, NEW)
    words = ("--staff", "asker-ig", "keys", "passphrase", "--new-file", str(new))
    home = network.nodes["asker"].home
    assert run(home, *words[2:], *words[:2], passphrase=passphrase).returncode == 4
    assert run(home, "keys", "fingerprint", passphrase=passphrase).returncode == 0
