"""A file of named secrets under a passphrase (`keystore/1`).

The file is one line of canonical JSON, the header, and then AES-256-GCM ciphertext of the secrets as JSON.
The header says how the key is made from the passphrase and is authenticated as associated data, so that
nobody can make the next guess cheaper. It is opened once; a change re-reads the file under a lock, so that
two processes do not undo each other's changes.

What this does not protect against: a program of the same user while the store is open, and a guessable
passphrase.
"""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.documents import canonical_bytes
from keys.errors import CustodyError, KeyFormatError
from keys.formats import decode_base64, encode_base64
from keys.passphrase import SALT_BYTES, PassphraseCost, derive_passphrase_key, require_long_enough
from keys.private_files import locked_directory, read_private, write_private

FORMAT = "keystore/1"
_KDF = "argon2id"
_LONGEST_HEADER_BYTES = 1024  # A header has about 200; a longer line is not one, and is not parsed.
_NONCE_BYTES = 12
_NAME = re.compile(r"[a-z0-9][a-z0-9./-]{0,127}")
_HEADER_FIELDS = frozenset({"format", "kdf", "memory_kib", "iterations", "lanes", "salt", "nonce"})


@dataclass(frozen=True, slots=True)
class _Header:
    cost: PassphraseCost
    salt: bytes
    nonce: bytes

    def line(self) -> bytes:
        document: dict[str, object] = {
            "format": FORMAT,
            "kdf": _KDF,
            "memory_kib": self.cost.memory_kib,
            "iterations": self.cost.iterations,
            "lanes": self.cost.lanes,
            "salt": encode_base64(self.salt),
            "nonce": encode_base64(self.nonce),
        }
        return canonical_bytes(document) + b"\n"


class KeyStore:
    """Named secrets in one private file; see `create` and `open`."""

    __slots__ = ("_header", "_key", "_path", "_rng", "_secrets")

    def __init__(
        self,
        path: Path,
        header: _Header,
        key: bytes,
        secrets: dict[str, bytes],
        rng: Callable[[int], bytes],
    ) -> None:
        self._path, self._header, self._key, self._secrets, self._rng = path, header, key, secrets, rng

    def __repr__(self) -> str:
        return f"KeyStore({len(self._secrets)} secrets)"

    @classmethod
    def create(
        cls,
        path: Path,
        passphrase: str,
        *,
        cost: PassphraseCost | None = None,
        rng: Callable[[int], bytes] = os.urandom,
    ) -> "KeyStore":
        """Make a new, empty store; its directory too (0700), where there is none.

        Args:
            path: Where; nothing may be there.
            passphrase: At least eight characters.
            cost: What a guess at the passphrase shall cost; the strong default if not given.
            rng: Gives salt and nonces.

        Raises:
            CustodyError: There is a file already, the passphrase is too short, or the place is not private.
        """
        require_long_enough(passphrase)
        header = _Header(cost or PassphraseCost(), rng(SALT_BYTES), b"")
        key = derive_passphrase_key(passphrase, salt=header.salt, cost=header.cost)
        store = cls(path, header, key, {}, rng)
        with locked_directory(path.parent) as directory:
            if os.path.lexists(path):
                raise CustodyError("key store: there is a file already")
            store._save({}, header=header, key=key, directory=directory)
        return store

    @classmethod
    def open(cls, path: Path, passphrase: str, *, rng: Callable[[int], bytes] = os.urandom) -> "KeyStore":
        """Open a store.

        Raises:
            CustodyError: It is missing or not private, or the passphrase is wrong.
            KeyFormatError: The file is not a `keystore/1`.
        """
        header, line, sealed = _split(read_private(path))
        key = derive_passphrase_key(passphrase, salt=header.salt, cost=header.cost)
        return cls(path, header, key, _unseal(key, header, line, sealed), rng)

    def names(self) -> tuple[str, ...]:
        """The names of the secrets, sorted."""
        return tuple(sorted(self._secrets))

    def get(self, name: str) -> bytes:
        """The secret of that name; one that another process has put there since is found too.

        Raises:
            CustodyError: There is none, or the passphrase was changed meanwhile.
        """
        if name not in self._secrets:
            self._secrets = self._reload()
        if name not in self._secrets:
            raise CustodyError("key store: no secret of that name")
        return self._secrets[name]

    def put(self, name: str, secret: bytes, *, replace: bool = False) -> None:
        """Store a secret, durably.

        Args:
            name: Lower-case letters, digits, `.`, `/` and `-`, at most 128.
            secret: The bytes.
            replace: Whether another secret of that name may be lost.

        Raises:
            CustodyError: Another secret has that name, or the file cannot be written.
            KeyFormatError: The name is malformed.
        """
        if not _NAME.fullmatch(name):
            raise KeyFormatError("name: lower-case letters, digits, dots, slashes and hyphens, at most 128")

        def change(secrets: dict[str, bytes]) -> dict[str, bytes]:
            if not replace and secrets.get(name, secret) != secret:
                raise CustodyError("key store: another secret has that name")
            return {**secrets, name: bytes(secret)}

        self._change(change)

    def remove(self, name: str) -> None:
        """Forget a secret, durably. Copies in backups stay.

        Raises:
            CustodyError: There is none of that name, or the file cannot be written.
        """

        def change(secrets: dict[str, bytes]) -> dict[str, bytes]:
            if name not in secrets:
                raise CustodyError("key store: no secret of that name")
            return {other: secret for other, secret in secrets.items() if other != name}

        self._change(change)

    def change_passphrase(self, passphrase: str, *, cost: PassphraseCost | None = None) -> None:
        """Put the store under a new passphrase, with a new salt. The old one still opens old backups.

        Raises:
            CustodyError: Too short, or the file cannot be written.
        """
        require_long_enough(passphrase)
        header = _Header(cost or self._header.cost, self._rng(SALT_BYTES), b"")
        key = derive_passphrase_key(passphrase, salt=header.salt, cost=header.cost)
        with locked_directory(self._path.parent) as directory:
            secrets = self._reload()
            self._save(secrets, header=header, key=key, directory=directory)

    def _change(self, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> None:
        with locked_directory(self._path.parent) as directory:
            changed = change(self._reload())
            self._save(changed, header=self._header, key=self._key, directory=directory)

    def _reload(self) -> dict[str, bytes]:
        """What the file holds now; another process may have changed it since it was opened."""
        header, line, sealed = _split(read_private(self._path))
        if header.salt != self._header.salt:
            raise CustodyError("key store: its passphrase was changed meanwhile; open it again")
        return _unseal(self._key, header, line, sealed)

    def _save(self, secrets: dict[str, bytes], *, header: _Header, key: bytes, directory: int) -> None:
        """Write first, remember after: a failed write leaves the open store as the file is."""
        header = replace(header, nonce=self._rng(_NONCE_BYTES))
        plain = canonical_bytes({name: encode_base64(secret) for name, secret in secrets.items()})
        sealed = AESGCM(key).encrypt(header.nonce, plain, header.line())
        write_private(self._path, header.line() + sealed, directory=directory)
        self._header, self._key, self._secrets = header, key, secrets


def _split(content: bytes) -> tuple[_Header, bytes, bytes]:
    """Header, the header's bytes as they stand in the file, ciphertext."""
    line, mark, sealed = content.partition(b"\n")
    if not mark or len(line) > _LONGEST_HEADER_BYTES:
        raise KeyFormatError(f"key store: not a {FORMAT} file")
    try:
        fields = json.loads(line)
    except ValueError:  # Not chained: the parser's error carries the text.
        raise KeyFormatError(f"key store: not a {FORMAT} file") from None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise KeyFormatError(f"key store: not a {FORMAT} file")
    if fields.keys() != _HEADER_FIELDS or fields["kdf"] != _KDF:
        raise KeyFormatError(f"key store: not the header of a {FORMAT} file")
    cost = PassphraseCost(fields["memory_kib"], fields["iterations"], fields["lanes"])
    salt = decode_base64(fields["salt"], field="salt", length=SALT_BYTES)
    nonce = decode_base64(fields["nonce"], field="nonce", length=_NONCE_BYTES)
    return _Header(cost, salt, nonce), line + mark, sealed


def _unseal(key: bytes, header: _Header, line: bytes, sealed: bytes) -> dict[str, bytes]:
    try:
        plain = AESGCM(key).decrypt(header.nonce, sealed, line)
    except (InvalidTag, ValueError) as error:
        raise CustodyError("key store: wrong passphrase, or the file was altered") from error
    return {name: decode_base64(text, field="secret") for name, text in json.loads(plain).items()}
