"""A disk that is full, or can only be read: nobody is answered, and nothing that was acknowledged is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest

from node.errors import HubRefusedError, HubUnreachableError
from node.home import Node, open_home
from node.lookups import Asking, look_up
from tests.e2e.drill import ASKERS, Drill, new_drill, require_in_order
from tests.federation import PASSPHRASE, case_of, consent_basis
from tests.people import person
from tests.postgres import PostgresServer

DISK_MEGABYTES = 24
NOT_WRITTEN = ("log_unavailable", "unavailable")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes, empty; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not _mount("-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=0700", "tmpfs", str(folder)):
        pytest.skip("a small disk needs the right to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: str) -> bool:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return False
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """No byte is left on the folder's disk."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1 << 8, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    try:
        yield
    finally:
        filler.unlink()


def asks(node: Node, number: int) -> int:
    """Look somebody up; the index of the entry its receipt proved."""
    asking = Asking(staff=node.settings.staff, role="coordinator", purpose="case_conference")
    return look_up(node, [(case_of(person(number)), consent_basis())], asking).log_index


def refusals(node: Node, *, times: int) -> list[str]:
    """The codes of look-ups none of which may be answered."""
    codes = []
    for number in range(times):
        with pytest.raises(HubRefusedError) as refused:
            asks(node, number)
        codes.append(refused.value.code)
    return codes


def health(node: Node) -> int:
    """The status that the hub's health is answered with."""
    return httpx2.get(f"{node.settings.hub}/v1/health").status_code


def ask_until_refused(node: Node) -> str:
    """What is left of an open journal may still be filled; then nothing is answered any more."""
    for number in range(2_000):
        try:
            asks(node, number)
        except HubRefusedError as error:
            return error.code
    raise AssertionError("a full disk took everything")


def await_answer(node: Node) -> int:
    """A look-up as soon as the disk has recovered; a database server may need a moment."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return asks(node, 1)
        except (HubRefusedError, HubUnreachableError):
            assert time.monotonic() < deadline, "the hub does not recover"
            time.sleep(0.2)


def test_a_full_disk_answers_nobody_until_there_is_room_again(tmp_path: Path, small_disk: Path) -> None:
    root = tmp_path / "network"
    root.mkdir()
    (root / "hub").symlink_to(small_disk)
    with new_drill(root, "") as drill:
        drill.start("hub")
        _require_starved_and_recovered(drill, lambda: filled(small_disk), shown=True)


def test_a_disk_that_can_only_be_read_answers_nobody(tmp_path: Path, small_disk: Path) -> None:
    root = tmp_path / "network"
    root.mkdir()
    (root / "hub").symlink_to(small_disk)
    with new_drill(root, "") as drill:
        drill.start("hub")
        with open_home(root / ASKERS[0], PASSPHRASE) as node:
            before = asks(node, 1)
            drill.kill("hub")
            assert _mount("-o", "remount,ro", str(small_disk))
            drill.start("hub")
            assert set(refusals(node, times=5)) <= set(NOT_WRITTEN)
            drill.kill("hub")
            assert _mount("-o", "remount,rw", str(small_disk))
            drill.start("hub")
            assert await_answer(node) > before
            drill.kill("hub")
        require_in_order(drill)


def test_a_full_database_server_answers_nobody_until_there_is_room_again(
    tmp_path: Path, small_disk: Path, durable_postgres: PostgresServer
) -> None:
    url = durable_postgres.url(durable_postgres.create_database(folder=small_disk))
    with new_drill(tmp_path / "network", url) as drill:
        drill.start("hub")
        _require_starved_and_recovered(drill, lambda: filled(small_disk))


def test_a_database_server_that_can_only_be_read_answers_nobody(
    tmp_path: Path, durable_postgres: PostgresServer
) -> None:
    url = durable_postgres.url(durable_postgres.create_database())

    @contextmanager
    def read_only() -> Iterator[None]:
        try:
            _set_read_only(durable_postgres, "on")
            yield
        finally:
            _set_read_only(durable_postgres, "off")

    with new_drill(tmp_path / "network", url) as drill:
        drill.start("hub")
        _require_starved_and_recovered(drill, read_only, shown=True)


def _require_starved_and_recovered(
    drill: Drill, starved: Callable[[], AbstractContextManager[None]], *, shown: bool = False
) -> None:
    """Nobody is answered while something is missing, and everybody afterwards.

    Args:
        drill: A hub that runs.
        starved: Takes it away.
        shown: Whether the hub's health shows it; the disk of a database server is that server's to watch.
    """
    with open_home(drill.root / ASKERS[0], PASSPHRASE) as node:
        before = asks(node, 1)
        with starved():
            assert ask_until_refused(node) in NOT_WRITTEN
            assert set(refusals(node, times=5)) <= set(NOT_WRITTEN)
            assert not shown or health(node) == 503
        assert await_answer(node) > before
        assert health(node) == 200
    drill.kill("hub")
    require_in_order(drill)


def _set_read_only(server: PostgresServer, value: str) -> None:
    """For every session of the server, open ones included."""
    where = {"host": str(server.socket_directory), "user": server.user, "dbname": "postgres"}
    with psycopg.connect(**where, autocommit=True) as connection:
        connection.execute(b"SET default_transaction_read_only = off")
        connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}".encode())
        connection.execute(b"SELECT pg_reload_conf()")
    time.sleep(0.5)
