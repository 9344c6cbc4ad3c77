"""A private file is read where nobody else could have read or put it, and written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from keys.errors import CustodyError
from keys.private_files import locked_directory, read_private, write_private


def write(path: Path, content: bytes) -> None:
    with locked_directory(path.parent) as directory:
        write_private(path, content, directory=directory)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "store"
    write(path, b"content")
    return path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_written_is_read(path: Path) -> None:
    assert read_private(path) == b"content"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_file_and_directory_are_the_owners_only_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write(tmp_path / "new" / "store", b"x")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "new" / "store") == 0o600
    assert mode_of(tmp_path / "new") == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o777])
def test_a_file_open_to_others_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(CustodyError, match="open to others"):
        read_private(path)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_its_owner_only_is_read(path: Path, mode: int) -> None:
    path.chmod(mode)
    assert read_private(path) == b"content"


def test_a_symbolic_link_is_refused_even_to_a_private_file(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(CustodyError, match="symbolic link"):
        read_private(link)


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)
    with pytest.raises(CustodyError, match="another user"):
        read_private(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(CustodyError, match="missing") as refusal:
        read_private(tmp_path / "nothing")
    assert str(tmp_path) not in str(refusal.value)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CustodyError, match="not a regular file"):
        read_private(tmp_path)


def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(CustodyError, match="not a regular file"):
        read_private(tmp_path / "pipe")


def test_a_file_too_large_for_a_key_store_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.touch(mode=0o600)
    os.truncate(large, (1 << 20) + 1)
    with pytest.raises(CustodyError, match="larger"):
        read_private(large)


def test_a_directory_everyone_may_write_into_is_refused(path: Path) -> None:
    path.parent.chmod(0o777)
    with pytest.raises(CustodyError, match="everyone may write"):
        write(path, b"new")
    assert read_private(path) == b"content"


def test_a_sticky_directory_is_accepted(path: Path) -> None:
    path.parent.chmod(0o1777)
    write(path, b"new")
    assert read_private(path) == b"new"


def test_a_directory_that_is_a_file_is_refused(path: Path) -> None:
    with pytest.raises(CustodyError, match="directory"):
        write(path / "store", b"new")


@pytest.mark.parametrize("step", ["fsync", "rename"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(CustodyError, match="cannot be written"):
        write(path, b"new")
    assert [entry.name for entry in path.parent.iterdir()] == ["store"]
    assert read_private(path) == b"content"


def test_a_link_in_the_place_of_the_file_is_replaced_and_not_followed(path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"untouched")
    path.unlink()
    path.symlink_to(elsewhere)
    write(path, b"new")
    assert (read_private(path), elsewhere.read_bytes()) == (b"new", b"untouched")
