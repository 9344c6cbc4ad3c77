"""The node as a witness: the rules of C2SP tlog-witness `add-checkpoint`, one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.checkpoints import Note, verify_cosignature, witness_key
from keys.identity import NodeIdentity
from keys.merkle import EMPTY_ROOT
from node.witness import Witness, WitnessState, add_checkpoint
from tests.node.logs import NETWORK, MemoryLog, log_of

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LOG = log_of(20)
OTHER = log_of(20, identity=LOG.identity, label="rewritten")
NODE = NodeIdentity.generate()
KEY = witness_key(NETWORK, "outreach", NODE.public)
WITNESS = Witness(KEY.name, NODE, LOG.key)
HASH = bytes(32)


def state_of(size: int, log: MemoryLog = LOG) -> WitnessState:
    return WitnessState(size, log.root(size)) if size else WitnessState()


def note_of_another_origin() -> str:
    return replace(LOG, network="elsewhere").note(9)


def signed_by_another() -> str:
    return LOG.note(9).replace(LOG.note(9).split("\n\n")[1], log_of(9).note(9).split("\n\n")[1])


def with_altered_size() -> str:
    return LOG.note(9).replace("\n9\n", "\n8\n")


ACCEPTED = {
    "first checkpoint": (0, LOG.request(0, 9)),
    "first checkpoint of an empty log": (0, LOG.request(0, 0)),
    "log grown by one": (9, LOG.request(9, 10)),
    "log grown from a power of two": (8, LOG.request(8, 20)),
    "log grown to a power of two": (3, LOG.request(3, 16)),
    "the same checkpoint again": (9, LOG.request(9, 9)),
    "signatures of unknown keys beside the log's": (
        0,
        LOG.request(0, 9, note=LOG.note(9) + log_of(9).note(9).split("\n\n")[1]),
    ),
}
REFUSED = {
    "no old line": (0, 400, LOG.request(0, 9).removeprefix("old 0\n")),
    "old line in capitals": (0, 400, LOG.request(0, 9).replace("old", "OLD", 1)),
    "old size with a leading zero": (9, 400, LOG.request("09", 9)),
    "old size with a sign": (9, 400, LOG.request("+9", 9)),
    "old size with two spaces": (9, 400, LOG.request(9, 9).replace("old ", "old  ")),
    "old size that is empty": (0, 400, LOG.request("", 9)),
    "old size in other digits": (9, 400, LOG.request("\u0669", 9)),
    "old size beyond all numbers": (9, 400, LOG.request("9" * 40, 9)),
    "carriage returns": (0, 400, LOG.request(0, 9).replace("\n", "\r\n")),
    "no empty line before the checkpoint": (0, 400, LOG.request(0, 9).replace("old 0\n\n", "old 0\n")),
    "no checkpoint": (0, 400, "old 0\n\n"),
    "a checkpoint without a signature": (0, 400, LOG.request(0, 9).split("\n\u2014")[0] + "\n"),
    "a checkpoint without its last newline": (0, 400, LOG.request(0, 9).rstrip("\n")),
    "a proof line that is not base64": (9, 400, LOG.request(9, 10).replace("old 9\n", "old 9\n?\n")),
    "a proof line of 31 bytes": (9, 400, LOG.request(9, 10, proof=[bytes(31)])),
    "64 proof lines": (9, 400, LOG.request(9, 10, proof=[HASH] * 64)),
    "nothing at all": (0, 400, ""),
    "unknown origin": (0, 404, LOG.request(0, 9, note=note_of_another_origin())),
    "signed by another key under the log's name": (0, 403, LOG.request(0, 9, note=signed_by_another())),
    "altered after it was signed": (8, 403, LOG.request(8, 8, note=with_altered_size())),
    "old above the checkpoint's size": (12, 400, LOG.request(12, 9)),
    "a log that forgot what was cosigned, shortened": (12, 409, LOG.request(9, 9)),
    "an old size below the recorded one": (9, 409, LOG.request(5, 10)),
    "an old size above the recorded one": (5, 409, LOG.request(9, 10)),
    "an old size of zero once something is recorded": (9, 409, LOG.request(0, 10)),
    "an old size although nothing is recorded": (0, 409, LOG.request(9, 10)),
    "the same size with another root": (9, 409, OTHER.request(9, 9)),
    "an empty log with another root": (0, 409, LOG.request(0, 0, note=LOG.note(0, root=HASH))),
    "another log grown from the recorded size": (9, 422, OTHER.request(9, 10)),
    "a proof with one hash altered": (9, 422, LOG.request(9, 10, proof=[HASH, *LOG.proof(9, 10)[1:]])),
    "a proof that lacks its last hash": (9, 422, LOG.request(9, 15, proof=LOG.proof(9, 15)[:-1])),
    "a proof with a hash too many": (9, 422, LOG.request(9, 15, proof=[*LOG.proof(9, 15), HASH])),
    "no proof where one is needed": (9, 422, LOG.request(9, 15, proof=[])),
    "a proof where the old size is zero": (0, 422, LOG.request(0, 9, proof=[HASH])),
    "a proof between equal sizes": (9, 422, LOG.request(9, 9, proof=[HASH])),
}


@pytest.mark.parametrize("recorded, request_text", ACCEPTED.values(), ids=ACCEPTED)
def test_what_extends_the_record_is_cosigned(recorded: int, request_text: str) -> None:
    answer = add_checkpoint(state_of(recorded), request_text, witness=WITNESS, at=AT)
    assert answer.status == 200
    assert answer.request is not None
    note = answer.request.note
    assert verify_cosignature(answer.body, text=note.text, key=KEY) == AT
    assert answer.state == state_of(answer.request.checkpoint.size)
    # As a client does: the line added to the note makes a note both keys have signed.
    assert Note.parse(f"{note}{answer.body}").verify([LOG.key, KEY]) == [LOG.key, KEY]


@pytest.mark.parametrize("recorded, status, request_text", REFUSED.values(), ids=REFUSED)
def test_what_does_not_is_refused_with_the_specifications_status(
    recorded: int, status: int, request_text: str
) -> None:
    answer = add_checkpoint(state_of(recorded), request_text, witness=WITNESS, at=AT)
    assert answer.status == status
    with pytest.raises(ValueError, match="nothing was cosigned"):
        _ = answer.state
    if status == 409:
        assert (answer.body, answer.content_type) == (f"{recorded}\n", "text/x.tlog.size")
    else:
        assert answer.body == ""


def test_the_record_before_the_first_cosignature_is_the_empty_tree() -> None:
    assert WitnessState() == WitnessState(0, EMPTY_ROOT)


@pytest.mark.parametrize("origin_first", [True, False], ids=["origin", "signature"])
def test_an_unknown_origin_is_said_before_a_wrong_signature_and_both_before_the_sizes(
    origin_first: bool,
) -> None:
    foreign = replace(log_of(9), network="elsewhere") if origin_first else log_of(9)
    answer = add_checkpoint(state_of(12), foreign.request(20, 9), witness=WITNESS, at=AT)
    assert answer.status == (404 if origin_first else 403)


def test_a_size_is_told_before_a_proof_is_looked_at() -> None:
    """A log that lost count can ask again; an old above the checkpoint is malformed whatever is recorded."""
    wrong = LOG.request(5, 10, proof=[HASH])
    assert add_checkpoint(state_of(9), wrong, witness=WITNESS, at=AT).status == 409
    assert add_checkpoint(state_of(9), LOG.request(11, 10), witness=WITNESS, at=AT).status == 400


@given(st.lists(st.integers(0, 20), min_size=1, max_size=12), st.data())
def test_a_witness_never_holds_two_histories(sizes: list[int], data: st.DataObject) -> None:
    """Whatever is offered, by the log or by a rewritten one, the record stays a chain of one log."""
    state, first = WitnessState(), None
    for size in sizes:
        log = data.draw(st.sampled_from([LOG, OTHER]))
        old = data.draw(st.sampled_from([state.size, *range(21)]))
        answer = add_checkpoint(state, log.request(old, size), witness=WITNESS, at=AT)
        if answer.status != 200:
            continue
        assert answer.state.size >= state.size
        if answer.state.size:
            first = first or log
            assert log is first
        state = answer.state
        assert state.root == (first or LOG).root(state.size)


@given(st.text(max_size=300))
def test_any_text_is_answered(text: str) -> None:
    assert add_checkpoint(state_of(3), text, witness=WITNESS, at=AT).status in (400, 403, 404, 409, 422)


@given(st.integers(0, 800), st.integers(0, 127))
def test_no_altered_request_is_cosigned(position: int, byte: int) -> None:
    request = LOG.request(9, 15).encode()
    position %= len(request)
    altered = (request[:position] + bytes([byte]) + request[position + 1 :]).decode("utf-8", "replace")
    if altered != request.decode():
        assert add_checkpoint(state_of(9), altered, witness=WITNESS, at=AT).status != 200
