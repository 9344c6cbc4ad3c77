"""A PostgreSQL server of one's own for tests: temporary, on a Unix socket only, run by an unprivileged user.

PostgreSQL refuses to run as root, so root hands the server to `postgres` or `nobody`. Where no server binary
is found the tests that need one are skipped with a reason, except in CI (`CI=true`), where that is a failure.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

BINARIES = "/usr/lib/postgresql/*/bin"
UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class PostgresServer:
    """A running server; every database on it is thrown away with it."""

    socket_directory: Path
    user: str
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str) -> str:
        """SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://{self.user}@/{database}?host={self.socket_directory}"

    def create_database(self, template: str = "template0", *, folder: Path | None = None) -> str:
        """Make a database, empty or as a copy of another, and return its name.

        Args:
            template: What it is a copy of.
            folder: Where its tables are to be; the server's own user must be able to get there.
        """
        number = next(self._numbers)
        name, place = f"test_{number}", ""
        with psycopg.connect(
            host=str(self.socket_directory), user=self.user, dbname="postgres"
        ) as connection:
            connection.autocommit = True
            if folder is not None:
                _give_away(folder)
                connection.execute(f"CREATE TABLESPACE space_{number} LOCATION '{folder}'".encode())
                place = f" TABLESPACE space_{number}"
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}{place}".encode())
        return name


def find_binaries() -> Path | None:
    """The folder of the newest installed server, or None."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    folders = [path for path in Path("/").glob(BINARIES.lstrip("/")) if (path / "initdb").exists()]
    return max(folders, key=lambda path: float(path.parent.name), default=None)


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Start a server, and stop and remove it at the end.

    Args:
        durable: Whether commits wait for the disk; tests need not, benchmarks must.

    Raises:
        FileNotFoundError: No server binary is installed.
    """
    binaries = find_binaries()
    if binaries is None:
        raise FileNotFoundError("no PostgreSQL server binary is installed")
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="knownto-pg-"))
    try:
        if owner is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        _run(
            owner,
            binaries / "initdb",
            "-D",
            folder / "data",
            "-A",
            "trust",
            "-U",
            "tests",
            "-E",
            "UTF8",
            "-N",
        )
        fsync = "on" if durable else "off"
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync={fsync}"
        log = folder / "log"
        _run(owner, binaries / "pg_ctl", "-D", folder / "data", "-w", "-l", log, "-o", settings, "start")
        try:
            yield PostgresServer(folder, "tests")
        finally:
            _run(owner, binaries / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def postgres_or_skip(*, durable: bool = False) -> Iterator[PostgresServer]:
    """The body of a session fixture: `yield from postgres_or_skip()`."""
    if find_binaries() is None:
        message = "no PostgreSQL server binary is installed"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with running_postgres(durable=durable) as server:
        yield server


def _give_away(folder: Path) -> None:
    """Let the server's user have a folder, and pass through those above it."""
    owner = _owner()
    if owner is None:
        return
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    for above in folder.parents:
        above.chmod(above.stat().st_mode | 0o011)


def _owner() -> pwd.struct_passwd | None:
    """The user the server runs as: ourselves, unless we are root."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise FileNotFoundError("no unprivileged user to run PostgreSQL as")


def _run(owner: pwd.struct_passwd | None, program: Path, *arguments: object) -> None:
    """Run one of the server's programs, as its owner, outside our own folder."""
    done = subprocess.run(
        [str(program), *map(str, arguments)],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        user=None if owner is None else owner.pw_uid,
        group=None if owner is None else owner.pw_gid,
        extra_groups=None if owner is None else [],
    )
    if done.returncode:
        raise RuntimeError(f"{program.name} failed: {done.stderr.decode(errors='replace').strip()}")
