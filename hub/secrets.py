"""The hub's two secrets: its signing key and its pepper, as files only their owner can read.

The pepper is kept outside the database, so that a stolen database with a leaked node key is not open to a
dictionary (DESIGN.md, section 3). Neither file protects against whoever runs as the hub's own user.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from hub.errors import AlreadyInitialisedError, NotInitialisedError, UnsafeSecretError
from keys.identity import NodeIdentity

IDENTITY_FILE = "identity.key"
PEPPER_FILE = "pepper.key"
SECRET_BYTES = 32
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_secrets(home: Path) -> NodeIdentity:
    """Make both secrets of a new hub and return its identity.

    Raises:
        AlreadyInitialisedError: One of the files is there already; it is left as it is.
    """
    identity = NodeIdentity.generate()
    write_secret(home / IDENTITY_FILE, identity.private_bytes())
    write_secret(home / PEPPER_FILE, secrets.token_bytes(SECRET_BYTES))
    return identity


def load_identity(home: Path) -> NodeIdentity:
    """The hub's signing identity; it has no exchange key, for it receives no linkage key.

    Raises:
        NotInitialisedError: There is no such file.
        UnsafeSecretError: Others can read the file, or it is not 32 bytes.
    """
    return NodeIdentity.from_private_bytes(read_secret(home / IDENTITY_FILE))


def load_pepper_key(home: Path) -> bytes:
    """The 32 bytes under which tags are made.

    Raises:
        NotInitialisedError: There is no such file.
        UnsafeSecretError: Others can read the file, or it is not 32 bytes.
    """
    return read_secret(home / PEPPER_FILE)


def write_secret(path: Path, secret: bytes) -> None:
    """Write a new secret file with mode 0600, on disk before this returns.

    Raises:
        AlreadyInitialisedError: The file exists.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise AlreadyInitialisedError(f"{path.name} is there already") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())


def read_secret(path: Path) -> bytes:
    """Read a secret file; the check and the reading are of the same open file.

    Raises:
        NotInitialisedError: There is no such file.
        UnsafeSecretError: Others can read the file, or it is not 32 bytes.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise NotInitialisedError(
            f"there is no {path.name} in this home; `knownto hub init` makes one"
        ) from None
    with file:
        if os.fstat(file.fileno()).st_mode & OTHERS:
            raise UnsafeSecretError(f"{path.name}: others than its owner have access; set its mode to 0600")
        secret = file.read(SECRET_BYTES + 1)
    if len(secret) != SECRET_BYTES:
        raise UnsafeSecretError(f"{path.name}: not {SECRET_BYTES} bytes")
    return secret
