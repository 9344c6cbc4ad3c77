"""Checkpoints of a log and the cosignatures of its witnesses, in the C2SP formats. Pure but for signing.

Sources: c2sp.org/signed-note (v1.0.0), c2sp.org/tlog-checkpoint (v1.0.0), c2sp.org/tlog-cosignature. Only
Ed25519: type 0x01 for the log, type 0x04 (`cosignature/v1`) for witnesses. A note's text means nothing before
a key that is trusted has been found to have signed it, so `open_checkpoint` is the only way to one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum

from keys.errors import KeyFormatError, SignatureInvalidError, UnknownKeyError
from keys.formats import decode_base64, encode_base64, require_aware
from keys.identity import KEY_BYTES, SIGNATURE_BYTES, NodeIdentity, PublicIdentity
from keys.merkle import HASH_BYTES

_KEY_ID_BYTES = 4
_TIME_BYTES = 8
_MARK = "\u2014 "  # Em dash and space, which every signature line begins with.
# A note is read whole; the specification asks for at least 16 signatures.
_LONGEST_NOTE_CHARACTERS = 65_536
_MOST_SIGNATURES = 256
_NAME = re.compile(r"[^\s+]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_HEX_ID = re.compile(r"[0-9a-f]{8}")


class KeyType(IntEnum):
    """Signature types of signed-note that this network uses."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A key by which notes are verified: its name, what it signs, and its 32 public bytes."""

    name: str
    kind: KeyType
    public_key: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise KeyFormatError("key name: must be without blanks and plus signs")
        if len(self.public_key) != KEY_BYTES:
            raise KeyFormatError(f"public key: must be {KEY_BYTES} bytes")

    @property
    def key_id(self) -> bytes:
        """Four bytes that say which key a signature line is by; no strong hash, and need not be."""
        named = self.name.encode() + b"\n" + bytes([self.kind]) + self.public_key
        return hashlib.sha256(named).digest()[:_KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """The verifier key: name, key id and key, joined by plus signs."""
        encoded = encode_base64(bytes([self.kind]) + self.public_key)
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def from_text(cls, text: str) -> NoteKey:
        """Read a verifier key.

        Raises:
            KeyFormatError: Not of the form, of another type, or the key id is not the key's.
        """
        fields = text.split("+", 2)
        if len(fields) != 3 or not _HEX_ID.fullmatch(fields[1]):
            raise KeyFormatError("verifier key: must be a name, a key id and a key")
        material = decode_base64(fields[2], field="verifier key", length=1 + KEY_BYTES)
        if material[0] not in set(KeyType):
            raise KeyFormatError("verifier key: of a type that is not used here")
        key = cls(fields[0], KeyType(material[0]), material[1:])
        if key.key_id.hex() != fields[1]:
            raise KeyFormatError("verifier key: the key id is not the key's")
        return key


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line of a note: name, key id, and the bytes that follow the key id."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line, with its newline."""
        return f"{_MARK}{self.name} {encode_base64(self.key_id + self.signature)}\n"

    @classmethod
    def from_line(cls, line: str) -> NoteSignature:
        """Read a line, its newline included.

        Raises:
            KeyFormatError: Not a signature line.
        """
        name, blank, encoded = line.removeprefix(_MARK).removesuffix("\n").partition(" ")
        if not (line.startswith(_MARK) and line.endswith("\n") and blank and _NAME.fullmatch(name)):
            raise KeyFormatError("note: not a signature line")
        data = decode_base64(encoded, field="note signature")
        if len(data) <= _KEY_ID_BYTES:
            raise KeyFormatError("note signature: too short")
        return cls(name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])

    def is_by(self, key: NoteKey) -> bool:
        """Whether this line says it is by a key; whether it is, only verifying tells."""
        return (self.name, self.key_id) == (key.name, key.key_id)


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signatures under it, none of them verified."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        """The note as it is sent."""
        return self.text + "\n" + "".join(one.line for one in self.signatures)

    @classmethod
    def parse(cls, text: str) -> Note:
        """Read a note.

        Raises:
            KeyFormatError: Not a signed note.
        """
        if len(text) > _LONGEST_NOTE_CHARACTERS or not _is_plain(text):
            raise KeyFormatError("note: too long, or holds control characters")
        # The last empty line ends the text; what it says may hold others.
        split = text.rfind("\n\n")
        body, lines = text[: split + 1], text[split + 2 :].splitlines(keepends=True)
        if split < 0 or not 1 <= len(lines) <= _MOST_SIGNATURES:
            raise KeyFormatError("note: must be a text, an empty line and signatures")
        return cls(body, tuple(NoteSignature.from_line(line) for line in lines))

    def verify(self, keys: Iterable[NoteKey]) -> list[NoteKey]:
        """The keys among those trusted that have signed this note, each once.

        Signatures by others are ignored. One that says it is by a trusted key and is not condemns the note.

        Raises:
            UnknownKeyError: No trusted key has signed it.
            SignatureInvalidError: A signature that names a trusted key is wrong.
        """
        signers = []
        for key in keys:
            claimed = [one for one in self.signatures if one.is_by(key)]
            for one in claimed:
                _verify_signature(one, key, self.text)
            signers += [key] if claimed else []
        if not signers:
            raise UnknownKeyError("note: no trusted key has signed it")
        return signers

    def with_signatures(self, lines: Iterable[str]) -> Note:
        """The same note with further signature lines.

        Raises:
            KeyFormatError: One is not a signature line.
        """
        further = tuple(NoteSignature.from_line(line) for line in lines)
        return replace(self, signatures=(*self.signatures, *further))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: which log, how many leaves, and their root."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin or self.size < 0 or len(self.root) != HASH_BYTES:
            raise KeyFormatError("checkpoint: must have an origin, a size and a root")

    @property
    def text(self) -> str:
        """The note text: three lines."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """Read a note text. Extension lines are allowed and ignored; the network's own log has none.

        Raises:
            KeyFormatError: Not a checkpoint.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]) or not _SIZE.fullmatch(lines[1]):
            raise KeyFormatError("checkpoint: must be an origin, a size and a root, a line each")
        root = decode_base64(lines[2], field="checkpoint root", length=HASH_BYTES)
        return cls(lines[0], int(lines[1]), root)


def log_origin(network: str) -> str:
    """The origin of a network's log, which is also the name of its key."""
    return f"known-to.example/{network}/log"


def log_key(network: str, hub: PublicIdentity) -> NoteKey:
    """The key that signs the checkpoints of a network's log."""
    return NoteKey(log_origin(network), KeyType.ED25519, hub.public_key)


def witness_key(network: str, agency: str, node: PublicIdentity) -> NoteKey:
    """The key by which an agency's node cosigns."""
    name = f"known-to.example/{network}/witness/{agency}"
    return NoteKey(name, KeyType.COSIGNATURE, node.public_key)


def sign_note(text: str, *, identity: NodeIdentity, name: str) -> str:
    """Sign a text as a note, with a key of type 0x01. The same text always gives the same note.

    Raises:
        KeyFormatError: The text does not end in a newline or holds control characters.
    """
    if not text.endswith("\n") or not _is_plain(text):
        raise KeyFormatError("note: the text must end in a newline and hold no control characters")
    key = NoteKey(name, KeyType.ED25519, identity.public.public_key)
    signature = NoteSignature(name, key.key_id, identity.sign(text.encode()))
    return str(Note(text, (signature,)))


def sign_checkpoint(checkpoint: Checkpoint, *, identity: NodeIdentity) -> str:
    """The signed checkpoint, under the origin as the key's name."""
    return sign_note(checkpoint.text, identity=identity, name=checkpoint.origin)


def open_checkpoint(note: str, *, key: NoteKey) -> Checkpoint:
    """Read a checkpoint that a log's key has signed, and whose origin is that key's name.

    Raises:
        KeyFormatError: Not a signed checkpoint.
        UnknownKeyError: The log's key has not signed it, or it is of another log.
        SignatureInvalidError: The signature is wrong.
    """
    parsed = Note.parse(note)
    checkpoint = Checkpoint.from_text(parsed.text)
    if checkpoint.origin != key.name:
        raise UnknownKeyError("checkpoint: of another log")
    parsed.verify([key])
    return checkpoint


def cosign(text: str, *, identity: NodeIdentity, name: str, at: datetime) -> str:
    """A witness's signature line, with newline, over a checkpoint's note text.

    It says: as of this time, this is the largest tree I have seen of this log. Whoever calls has checked that
    and made it durable.
    """
    seconds = int(require_aware(at).timestamp())
    key = NoteKey(name, KeyType.COSIGNATURE, identity.public.public_key)
    signed = seconds.to_bytes(_TIME_BYTES, "big") + identity.sign(_cosigned_message(text, seconds))
    return NoteSignature(name, key.key_id, signed).line


def verify_cosignature(line: str, *, text: str, key: NoteKey) -> datetime:
    """Accept a witness's signature line over a checkpoint's note text.

    Returns:
        When it was made, as the witness says.

    Raises:
        KeyFormatError: Not a signature line.
        UnknownKeyError: By another key.
        SignatureInvalidError: The signature is wrong.
    """
    signature = NoteSignature.from_line(line)
    if not signature.is_by(key):
        raise UnknownKeyError("cosignature: by another key")
    _verify_signature(signature, key, text)
    return datetime.fromtimestamp(_time_of(signature), UTC)


def _verify_signature(signature: NoteSignature, key: NoteKey, text: str) -> None:
    public, data = PublicIdentity(key.public_key), text.encode()
    if key.kind is KeyType.ED25519:
        public.verify(signature.signature, data)
        return
    if len(signature.signature) != _TIME_BYTES + SIGNATURE_BYTES:
        raise SignatureInvalidError("cosignature: not of the right length")
    seconds = _time_of(signature)
    # Beyond the year 9999 a time cannot be shown; the specification's own limit is 2**63.
    if seconds > 253_402_300_799:
        raise SignatureInvalidError("cosignature: its time is out of range")
    public.verify(signature.signature[_TIME_BYTES:], _cosigned_message(text, seconds))


def _time_of(signature: NoteSignature) -> int:
    return int.from_bytes(signature.signature[:_TIME_BYTES], "big")


def _cosigned_message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _is_plain(text: str) -> bool:
    """UTF-8 can carry it, and it holds no control character but newlines."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return not any(character < " " and character != "\n" for character in text)
