"""Files that only their owner may read: checked before reading, written whole or not at all (POSIX).

What this does not protect against: the administrator of the machine, and a backup that does not keep
permissions.
"""

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keys.errors import CustodyError

_OWNER_ONLY_FILE = 0o600
_OWNER_ONLY_DIRECTORY = 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_LARGEST_BYTES = 1 << 20  # A key store holds a few dozen keys; a bigger file is not one.


def read_private(path: Path) -> bytes:
    """The content of a private file.

    Raises:
        CustodyError: It is missing, a symbolic link, not a regular file, another user's, readable or writable
            by others, or larger than 1 MiB.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise CustodyError("private file: missing") from error
    except OSError as error:
        raise CustodyError("private file: a symbolic link, or not to be opened by this user") from error
    try:
        _require_private(os.fstat(descriptor))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


@contextmanager
def locked_directory(directory: Path) -> Iterator[int]:
    """Hold a private directory to oneself, making it (0700) if it is not there; gives its descriptor.

    The lock is advisory: it orders the processes of this package, and ends with the process.

    Raises:
        CustodyError: It cannot be made or opened, or everyone may write into it.
    """
    try:
        directory.mkdir(mode=_OWNER_ONLY_DIRECTORY, parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise CustodyError("private file: its directory cannot be made or opened") from error
    try:
        _require_closed_directory(os.fstat(descriptor))
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def write_private(path: Path, content: bytes, *, directory: int) -> None:
    """Put content in a private file (0600), so that after a crash there is the old file or the new one.

    Args:
        path: Where.
        content: What.
        directory: From `locked_directory` of the path's parent.

    Raises:
        CustodyError: It cannot be written; the file is as it was.
    """
    temporary = f".{path.name}.{secrets.token_hex(8)}"
    try:
        _write_through(temporary, content, directory=directory)
        os.rename(temporary, path.name, src_dir_fd=directory, dst_dir_fd=directory)
        os.fsync(directory)  # Makes the new name durable, not just the bytes behind it.
    except OSError as error:
        _remove_if_there(temporary, directory=directory)
        raise CustodyError("private file: cannot be written") from error


def _write_through(name: str, content: bytes, *, directory: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(name, flags, _OWNER_ONLY_FILE, dir_fd=directory), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _remove_if_there(name: str, *, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except OSError:
        return  # It was never made, or is beyond reach; the first error is the one to report.


def _require_private(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise CustodyError("private file: not a regular file")
    if status.st_uid != os.geteuid():
        raise CustodyError("private file: belongs to another user")
    if status.st_mode & _OTHERS:
        raise CustodyError("private file: open to others; make it readable by its owner only (chmod 600)")
    if status.st_size > _LARGEST_BYTES:
        raise CustodyError("private file: larger than any key store")


def _require_closed_directory(status: os.stat_result) -> None:
    """Whoever may write into a directory may put another file in the place of ours, unless it is sticky."""
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        raise CustodyError("private file: everyone may write into its directory (chmod 700)")
