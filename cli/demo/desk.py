"""Somebody at a keyboard: a process of its own that runs `knownto` commands with one home.

Eight agencies type more than a hundred commands. Starting Python for each of them would take longer than the
work, so every desk is one long-lived process (`worker`) that runs the same commands one after another.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

HOME_VARIABLE, PASSPHRASE_VARIABLE = "KNOWNTO_HOME", "KNOWNTO_PASSPHRASE_FILE"
STOP_SECONDS = 5.0


class CommandFailedError(click.ClickException):
    """A command of the demonstration ended otherwise than it should; says whose, which and why."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str = field(repr=False)
    err: str = field(repr=False)
    seconds: float

    def document(self) -> Any:
        """What a command with `--format json` printed."""
        return json.loads(self.out)


class Desk:
    """One agency's, or the hub operator's, process."""

    def __init__(self, name: str, home: Path, *, passphrase_file: Path, log: Path) -> None:
        """Start the process; its own messages, should it break, go to `log`."""
        self.name, self.home = name, home
        self._log = log.open("ab")
        self._process = start([], home=home, passphrase_file=passphrase_file, log=self._log)

    def run(self, *argv: str, stdin: str = "", accept: Sequence[int] = (0,)) -> Result:
        """Run one command and wait for its end.

        Args:
            argv: The words after `knownto`.
            stdin: What is typed.
            accept: Exit codes that are no failure.

        Raises:
            CommandFailedError: Another exit code, or the process is gone.
        """
        assert self._process.stdin and self._process.stdout
        started = time.perf_counter()
        try:
            self._process.stdin.write(json.dumps({"argv": argv, "stdin": stdin}).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except (BrokenPipeError, ValueError):
            answer = b""
        if not answer:
            raise CommandFailedError(f"{self.name}: the process ended during 'knownto {' '.join(argv)}'")
        reply = json.loads(answer)
        result = Result(reply["code"], reply["out"], reply["err"], time.perf_counter() - started)
        if result.code not in accept:
            last = (result.err.strip() or "no message").splitlines()[-1]
            raise CommandFailedError(
                f"{self.name}: 'knownto {' '.join(argv)}' ended with {result.code}: {last}"
            )
        return result

    def kill(self) -> None:
        """End the process now, whatever it is doing."""
        self._process.kill()

    def close(self) -> None:
        """End the process and forget it."""
        stop(self._process)
        self._log.close()


def start(argv: Sequence[str], *, home: Path, passphrase_file: Path, log: Any) -> subprocess.Popen[bytes]:
    """Start a worker: with words, it runs that one command until its standard input ends.

    A session of its own keeps the terminal's Ctrl-C for the demonstration, which then ends its children.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "cli.demo.worker", *argv],
        stdin=subprocess.PIPE,
        stdout=log if argv else subprocess.PIPE,
        stderr=log,
        env=environment(home, passphrase_file),
        start_new_session=True,
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Let a worker end by closing its input; make it end if it does not."""
    if process.stdin and not process.stdin.closed:
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def environment(home: Path, passphrase_file: Path) -> Mapping[str, str]:
    """This process's environment with one desk's home and passphrase.

    No other of our settings comes along, and no proxy, which would be asked for 127.0.0.1 as well.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("KNOWNTO_") and not name.lower().endswith("_proxy")
    }
    return kept | {HOME_VARIABLE: str(home), PASSPHRASE_VARIABLE: str(passphrase_file)}
