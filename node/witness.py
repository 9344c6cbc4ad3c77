"""The node as a witness of the hub's log: the rules of C2SP tlog-witness `add-checkpoint`, pure.

A witness remembers the newest checkpoint it cosigned and cosigns another only if a consistency proof shows
that it is the same log grown longer. So a hub that rewrites, forks or shortens its log cannot get it
cosigned, however it answers anybody else (https://c2sp.org/tlog-witness). Statuses, bodies and order are
the specification's; nodes only call out, so the same request and answer travel inside calls of their own
(docs/protocol.md section 11). Nothing is kept here: `node.witnessing` writes the new state down, in the
transaction that read the old one, before the cosignature leaves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from keys.checkpoints import Checkpoint, Note, NoteKey, cosign
from keys.errors import KeyFormatError, ProofInvalidError, SignatureInvalidError
from keys.formats import decode_base64
from keys.identity import NodeIdentity
from keys.merkle import EMPTY_ROOT, HASH_BYTES, LONGEST_PROOF, verify_consistency

OK, BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, UNPROCESSABLE = 200, 400, 403, 404, 409, 422
TEXT, SIZE_TEXT = "text/plain; charset=utf-8", "text/x.tlog.size"
_OLD_LINE = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class WitnessState:
    """The newest checkpoint this witness cosigned; before the first, the empty tree."""

    size: int = 0
    root: bytes = EMPTY_ROOT


@dataclass(frozen=True, slots=True)
class Witness:
    """Who cosigns, and the one log it cosigns for.

    Attributes:
        name: The key name of the cosignatures.
        identity: The node's identity.
        log: The log's key, whose name is the log's origin: the pinned hub's.
    """

    name: str
    identity: NodeIdentity
    log: NoteKey


@dataclass(frozen=True, slots=True)
class AddRequest:
    """A parsed `add-checkpoint` request."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """An answer as an HTTP witness would give it.

    Attributes:
        status: 200, 400, 403, 404, 409 or 422.
        body: The cosignature line, the recorded size, or nothing.
        content_type: `text/x.tlog.size` where the body is a size.
        request: What was asked, where it could be read.
    """

    status: int
    body: str = ""
    content_type: str = TEXT
    request: AddRequest | None = None

    @property
    def state(self) -> WitnessState:
        """What must be written down before a 200 leaves.

        Raises:
            ValueError: Nothing was cosigned.
        """
        if self.status != OK or self.request is None:
            raise ValueError("nothing was cosigned")
        return WitnessState(self.request.checkpoint.size, self.request.checkpoint.root)


def add_checkpoint(
    state: WitnessState, request_text: str, *, witness: Witness, at: datetime
) -> WitnessAnswer:
    """Answer one `add-checkpoint` request.

    Args:
        state: The newest checkpoint cosigned.
        request_text: The request's body.
        witness: Who cosigns, and for which log.
        at: Now; the cosignature says so.
    """
    try:
        request = parse_request(request_text)
    except KeyFormatError:
        return WitnessAnswer(BAD_REQUEST)
    checkpoint = request.checkpoint
    if checkpoint.origin != witness.log.name:
        return WitnessAnswer(NOT_FOUND, request=request)
    try:
        request.note.verify([witness.log])
    except SignatureInvalidError:
        return WitnessAnswer(FORBIDDEN, request=request)
    if request.old > checkpoint.size:
        return WitnessAnswer(BAD_REQUEST, request=request)
    # The first is a log that asks from elsewhere and is told where from; the second is another tree.
    if request.old != state.size or (request.old == checkpoint.size and checkpoint.root != state.root):
        return WitnessAnswer(CONFLICT, f"{state.size}\n", SIZE_TEXT, request)
    if not _is_extension(state, request):
        return WitnessAnswer(UNPROCESSABLE, request=request)
    line = cosign(request.note.text, name=witness.name, identity=witness.identity, at=at)
    return WitnessAnswer(OK, line, request=request)


def parse_request(text: str) -> AddRequest:
    """Read a request's body: old size line, proof lines, an empty line, the checkpoint.

    Raises:
        KeyFormatError: Any line is not of its form; the message names the line's kind only.
    """
    head, blank, tail = text.partition("\n\n")
    first, *lines = head.split("\n")
    old = _OLD_LINE.fullmatch(first)
    if old is None or not blank:
        raise KeyFormatError("add-checkpoint: must begin with the old size")
    if len(lines) > LONGEST_PROOF:
        raise KeyFormatError(f"add-checkpoint: more than {LONGEST_PROOF} proof lines")
    proof = tuple(decode_base64(line, field="proof line", length=HASH_BYTES) for line in lines)
    note = Note.parse(tail)
    return AddRequest(int(old[1]), proof, note, Checkpoint.from_text(note.text))


def _is_extension(state: WitnessState, request: AddRequest) -> bool:
    """Whether the proof shows the new tree to begin with the recorded one (RFC 6962 section 2.1.2)."""
    checkpoint = request.checkpoint
    try:
        verify_consistency(
            old=request.old,
            size=checkpoint.size,
            old_root=state.root,
            root=checkpoint.root,
            proof=request.proof,
        )
    except ProofInvalidError:
        return False
    return True
