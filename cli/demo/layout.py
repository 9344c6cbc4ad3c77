"""The folder of a demonstration: files, homes, passphrases and logs."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import click

HUB = "hub"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is, below one folder."""

    root: Path

    @property
    def files(self) -> Path:
        """What people keep in files: caseloads, the conference list, consents, agreements."""
        return self.root / "files"

    def home(self, who: str) -> Path:
        """The home of an agency's node, or of the hub."""
        return self.root / "homes" / who

    def passphrase_file(self, who: str) -> Path:
        """The file that holds the passphrase of a key store."""
        return self.root / "passphrases" / who

    def log(self, who: str) -> Path:
        """What a process said that was no command's answer."""
        return self.root / "logs" / f"{who}.log"


def prepare(root: Path, *, agencies: tuple[str, ...]) -> Layout:
    """Make the folder and draw the passphrases.

    Raises:
        click.UsageError: The folder holds something already; a demonstration overwrites nothing.
    """
    if root.exists() and any(root.iterdir()):
        raise click.UsageError("--dir names a folder that is not empty; name another, or remove it first")
    layout = Layout(root.resolve())
    for folder in ("files", "homes", "passphrases", "logs"):
        (root / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    for who in (HUB, *agencies):
        _write_private(layout.passphrase_file(who), secrets.token_urlsafe(24) + "\n")
    return layout


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
