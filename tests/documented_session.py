"""Runs the commands of a page as a reader would type them, and holds their output to the page.

A page's `console` blocks hold commands after `$ `, what people type at prompts (`Local id: ...`), and the
output. Files are made from a fenced block after "Save this as `name`". What differs from run to run
(fingerprints, tokens, digests, times) is matched by kind; a value typed later is the one that this run
printed at the place where the page shows its own.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PAGE_PORT = "8400"
KNOWNTO = Path(sys.executable).parent
COMMAND = re.compile(r"^\$ (?P<command>.*)$")
TYPED = re.compile(r"^(Local id|Case reference|Enrolment token|Note): (?P<typed>.*)$")
SAVED = re.compile(r"Save this as `(?P<name>[^`]+)`")
# The kinds of values that no two runs share, longest first where one could hold another.
VOLATILE = {
    "fingerprint": r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){7}\b",
    "digest": r"\b[0-9a-f]{64}\b",
    "token": r"(?<![\w-])[\w-]{32}(?![\w-])",
    "time": r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "epoch": r"\b\d{4}-\d\d-\d\d-[0-9a-f]{6}\b",
    "key": r"\b[0-9a-f]{16}\b",
}
KINDS = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in VOLATILE.items()))
RULE = re.compile(r"[─━]{3,}")


@dataclass
class Step:
    """One command of the page: its words, what is typed at its prompts, its output as the page shows it."""

    command: str
    typed: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    actual: list[str] = field(default_factory=list)
    code: int = 0


@dataclass
class SavedFile:
    """A file that the reader saves."""

    name: str
    content: str


class Session:
    """One reading of a page, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.values: dict[str, str] = {}
        self.background: list[subprocess.Popen[bytes]] = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = str(listener.getsockname()[1])
        passphrase = folder / "passphrase"
        passphrase.touch(mode=0o600)
        passphrase.write_text("a passphrase for this page\n")
        self.environment = {
            "PATH": f"{KNOWNTO}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "KNOWNTO_PASSPHRASE_FILE": str(passphrase),
        }

    def close(self) -> None:
        """Stop what was started in the background."""
        for process in self.background:
            process.terminate()
            process.wait(timeout=10)

    def run(self, step: Step) -> None:
        """Run one command; fills in its actual output and exit code."""
        command = self._substitute(step.command)
        if command.endswith("&"):
            self._start(command.removesuffix("&"))
            return
        done = subprocess.run(
            ["bash", "-c", command],
            input="".join(self._substitute(line) + "\n" for line in step.typed),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env=self.environment,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        step.actual, step.code = done.stdout.replace(self.port, PAGE_PORT).splitlines(), done.returncode
        self._learn(step)

    def _start(self, command: str) -> None:
        with open(self.folder / "background.log", "ab") as log:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self.environment,
            )
        self.background.append(process)
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("what the page starts in the background does not answer")

    def _learn(self, step: Step) -> None:
        """Where the page shows a value of its own, this run's value at the same place stands for it."""
        for page, ours in zip(volatile(step.shown), volatile(step.actual), strict=False):
            if page[0] == ours[0]:
                self.values[page[1]] = ours[1]

    def _substitute(self, text: str) -> str:
        for page, ours in self.values.items():
            text = text.replace(page, ours)
        return text.replace(PAGE_PORT, self.port)


def read_page(page: Path) -> list[Step | SavedFile]:
    """The steps of a page, in order."""
    return list(_steps(page.read_text("utf-8")))


def _steps(text: str) -> Iterator[Step | SavedFile]:
    name, fence, block = "", "", []
    for line in text.splitlines():
        if line.startswith("```"):
            if fence == "console":
                yield from _commands(block)
            elif fence and name:
                yield SavedFile(name, "\n".join(block) + "\n")
                name = ""
            fence, block = ("" if fence else line.removeprefix("```")), []
        elif fence:
            block.append(line)
        elif found := SAVED.search(line):
            name = found["name"]


def _commands(block: list[str]) -> Iterator[Step]:
    step: Step | None = None
    for line in block:
        if found := COMMAND.match(line):
            if step is not None:
                yield step
            step = Step(found["command"])
        elif step is not None and (typed := TYPED.match(line)):
            step.typed.append(typed["typed"])
        elif step is not None:
            step.shown.append(line)
    if step is not None:
        yield step


def volatile(lines: list[str]) -> list[tuple[str, str]]:
    """The values that differ from run to run, each with its kind, in order."""
    return [(found.lastgroup or "", found[0]) for line in lines for found in KINDS.finditer(line)]


def normalised(lines: list[str]) -> list[str]:
    """Output as it is compared: volatile values by kind, blanks and rules of any length alike.

    Words and weights are held to the page: whoever retunes a model rewrites it (KNOWNTO_UPDATE_DOCS=1). So
    names on a page must have one grade under every linkage key, not be near the edge of two
    (`matcher.patterns.GRADES`).
    """
    plain = []
    for line in lines:
        line = KINDS.sub(lambda found: f"<{found.lastgroup}>", line)
        plain.append(" ".join(RULE.sub("---", line.rstrip()).split()))
    return [line for line in plain if line]


def rewrite(page: Path, steps: list[Step]) -> None:
    """Put the actual outputs and values of a run into the page."""
    waiting = iter(steps)
    session_values: dict[str, str] = {}
    lines: list[str] = []
    skipping = False
    for line in page.read_text("utf-8").splitlines():
        if COMMAND.match(line):
            step = next(waiting)
            session_values |= {
                shown[1]: ours[1]
                for shown, ours in zip(volatile(step.shown), volatile(step.actual), strict=False)
                if shown[0] == ours[0]
            }
            prompts = [typed for typed in _typed_lines(page, step)]
            lines += [line, *prompts, *(out.rstrip() for out in step.actual if out.strip())]
            skipping = True
        elif line.startswith("```"):
            lines.append(line)
            skipping = False
        elif not skipping:
            lines.append(line)
    text = "\n".join(lines) + "\n"
    for shown, ours in session_values.items():
        text = text.replace(shown, ours)
    page.write_text(text, "utf-8")


def _typed_lines(page: Path, step: Step) -> list[str]:
    """The prompt lines of a step as the page has them."""
    lines = page.read_text("utf-8").splitlines()
    at = lines.index(f"$ {step.command}")
    found = []
    for line in lines[at + 1 :]:
        if COMMAND.match(line) or line.startswith("```"):
            break
        if TYPED.match(line):
            found.append(line)
    return found
