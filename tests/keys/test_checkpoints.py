"""Checkpoints and cosignatures against what C2SP and public logs have published, and against forgeries."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from keys.checkpoints import (
    Checkpoint,
    KeyType,
    Note,
    NoteKey,
    NoteSignature,
    cosign,
    log_key,
    log_origin,
    open_checkpoint,
    sign_checkpoint,
    sign_note,
    verify_cosignature,
    witness_key,
)
from keys.errors import KeyFormatError, KeysError, SignatureInvalidError, UnknownKeyError
from keys.identity import NodeIdentity
from tests.keys.factories import AT, identity

PUBLISHED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "log" / "c2sp.json").read_text("utf-8")
)
HUB, NODE = identity(1), identity(2)
ORIGIN = log_origin("test-county")
LOG_KEY = log_key("test-county", HUB.public)
WITNESS = witness_key("test-county", "housing-north", NODE.public)
CHECKPOINT = Checkpoint(ORIGIN, 7, bytes(range(32)))


@pytest.mark.parametrize("case", PUBLISHED["notes"], ids=lambda case: case["source"])
def test_published_notes_verify_and_are_written_back_byte_for_byte(case: dict[str, Any]) -> None:
    key = NoteKey.from_text(case["key"])
    note = Note.parse(case["note"])
    assert note.verify([key]) == [key]
    assert str(note) == case["note"]
    assert key.text == case["key"]


def test_a_published_private_key_signs_the_published_note() -> None:
    case = PUBLISHED["notes"][1]
    # The last field may itself hold plus signs: PRIVATE+KEY+name+id+base64.
    material = base64.b64decode(case["private_key"].split("+", 4)[4])
    signer = NodeIdentity.from_private_bytes(material[1:])
    text = Note.parse(case["note"]).text
    assert sign_note(text, identity=signer, name="PeterNeumann") == case["note"]


def test_the_last_empty_line_ends_the_text() -> None:
    note = Note.parse(PUBLISHED["text_with_an_empty_line"])
    assert note.text.endswith("sole:\n\ned è subito sera.\n")
    assert [one.name for one in note.signatures] == ["quasimodo.example/salvatore"]


def test_the_example_of_a_cosigned_checkpoint_is_read_as_the_specification_says() -> None:
    example = PUBLISHED["cosigned_example"]
    note = Note.parse(example["note"])
    checkpoint = Checkpoint.from_text(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text == note.text
    assert str(note) == example["note"]
    cosignature = note.signatures[1].signature
    assert len(cosignature) == 8 + 64
    assert int.from_bytes(cosignature[:8], "big") == example["time"]


def test_what_a_witness_signs_is_the_message_of_the_specification() -> None:
    """The example's witness published no key, so one of ours signs its message."""
    example = PUBLISHED["cosigned_example"]
    text = Note.parse(example["note"]).text
    at = datetime.fromtimestamp(example["time"], UTC)
    line = cosign(text, identity=NODE, name="w", at=at)
    signature = NoteSignature.from_line(line).signature
    NODE.public.verify(signature[8:], example["cosigned_message"].encode())


def test_a_public_logs_checkpoint_verifies_with_its_key_and_its_witnesses() -> None:
    published = PUBLISHED["public_log"]
    checkpoint = open_checkpoint(published["note"], key=NoteKey.from_text(published["log_key"]))
    assert checkpoint.size == 1432088532
    witnesses = [NoteKey.from_text(text) for text in published["witness_keys"]]
    note = Note.parse(published["note"])
    assert note.verify(witnesses) == witnesses
    [line] = [one.line for one in note.signatures if one.is_by(witnesses[0])]
    assert verify_cosignature(line, text=note.text, key=witnesses[0]).year == 2026


@pytest.mark.parametrize("index", [0, -1], ids=["log", "witness"])
def test_a_public_checkpoint_with_another_size_is_refused(index: int) -> None:
    published = PUBLISHED["public_log"]
    key = NoteKey.from_text([published["log_key"], *published["witness_keys"]][index])
    with pytest.raises(SignatureInvalidError):
        Note.parse(published["note"].replace("1432088532", "1432088531")).verify([key])


def test_a_checkpoint_is_signed_the_same_way_every_time() -> None:
    note = sign_checkpoint(CHECKPOINT, identity=HUB)
    assert note == sign_checkpoint(CHECKPOINT, identity=HUB)
    assert open_checkpoint(note, key=LOG_KEY) == CHECKPOINT
    assert ORIGIN == "known-to.example/test-county/log"
    assert WITNESS.name == "known-to.example/test-county/witness/housing-north"
    assert (LOG_KEY.kind, WITNESS.kind) == (KeyType.ED25519, KeyType.COSIGNATURE)


def test_a_checkpoint_of_another_log_key_or_origin_is_refused() -> None:
    by_another = sign_checkpoint(CHECKPOINT, identity=NODE)
    with pytest.raises(UnknownKeyError):
        open_checkpoint(by_another, key=LOG_KEY)
    of_another = sign_checkpoint(Checkpoint(log_origin("elsewhere"), 7, bytes(32)), identity=HUB)
    with pytest.raises(UnknownKeyError):
        open_checkpoint(of_another, key=LOG_KEY)
    # Signed under our key's name, but the text names another log.
    mixed = sign_note(f"other\n7\n{base64.b64encode(bytes(32)).decode()}\n", identity=HUB, name=ORIGIN)
    with pytest.raises(UnknownKeyError):
        open_checkpoint(mixed, key=LOG_KEY)


def test_signatures_by_others_are_ignored_and_one_wrong_by_a_trusted_key_condemns() -> None:
    note = Note.parse(sign_checkpoint(CHECKPOINT, identity=HUB))
    others = [NoteSignature("someone.example", b"\0\0\0\1", bytes(64)).line]
    assert open_checkpoint(str(note.with_signatures(others)), key=LOG_KEY) == CHECKPOINT
    wrong = [NoteSignature(ORIGIN, LOG_KEY.key_id, bytes(64)).line]
    with pytest.raises(SignatureInvalidError):
        open_checkpoint(str(note.with_signatures(wrong)), key=LOG_KEY)


def test_a_name_without_its_key_id_is_not_the_key() -> None:
    note = Note(CHECKPOINT.text, (NoteSignature(ORIGIN, b"\0\0\0\0", HUB.sign(CHECKPOINT.text.encode())),))
    with pytest.raises(UnknownKeyError):
        note.verify([LOG_KEY])


def test_a_cosignature_says_when_and_covers_the_whole_checkpoint() -> None:
    line = cosign(CHECKPOINT.text, identity=NODE, name=WITNESS.name, at=AT)
    assert line.endswith("\n")
    assert verify_cosignature(line, text=CHECKPOINT.text, key=WITNESS) == AT
    cosigned = Note.parse(sign_checkpoint(CHECKPOINT, identity=HUB)).with_signatures([line])
    assert Note.parse(str(cosigned)).verify([LOG_KEY, WITNESS]) == [LOG_KEY, WITNESS]
    other = Checkpoint(ORIGIN, 8, CHECKPOINT.root)
    with pytest.raises(SignatureInvalidError):
        verify_cosignature(line, text=other.text, key=WITNESS)
    with pytest.raises(UnknownKeyError):
        verify_cosignature(line, text=CHECKPOINT.text, key=witness_key("test-county", "other", NODE.public))


def test_the_time_of_a_cosignature_is_signed_too() -> None:
    signature = NoteSignature.from_line(cosign(CHECKPOINT.text, identity=NODE, name=WITNESS.name, at=AT))
    for seconds in (0, 2**63, 2**64 - 1):
        changed = seconds.to_bytes(8, "big") + signature.signature[8:]
        line = NoteSignature(WITNESS.name, WITNESS.key_id, changed).line
        with pytest.raises(SignatureInvalidError):
            verify_cosignature(line, text=CHECKPOINT.text, key=WITNESS)


def test_a_logs_signature_never_passes_for_a_cosignature() -> None:
    """The hub's own key under a witness's name and type: the messages differ."""
    key = NoteKey("w", KeyType.COSIGNATURE, HUB.public.public_key)
    signed = (0).to_bytes(8, "big") + HUB.sign(CHECKPOINT.text.encode())
    line = NoteSignature("w", key.key_id, signed).line
    with pytest.raises(SignatureInvalidError):
        verify_cosignature(line, text=CHECKPOINT.text, key=key)


GOOD = sign_checkpoint(CHECKPOINT, identity=HUB)
MALFORMED = [
    pytest.param("", id="empty"),
    pytest.param(CHECKPOINT.text, id="no signature"),
    pytest.param(GOOD.removesuffix("\n"), id="no newline at the end"),
    pytest.param(GOOD.replace("\n\n", "\n"), id="no empty line"),
    pytest.param(GOOD.replace("\u2014", "-"), id="hyphen for the dash"),
    pytest.param(GOOD + "\n", id="empty line at the end"),
    pytest.param(GOOD.replace("\n", "\r\n"), id="carriage returns"),
    pytest.param(GOOD.replace(" known", "  known"), id="two blanks"),
    pytest.param(GOOD.replace("=\n", "\n"), id="base64 without padding"),
    pytest.param(GOOD.replace("county/log\n", "county/log\t\n"), id="tab in the text"),
    pytest.param(GOOD.replace("\n7\n", "\n07\n"), id="leading zero in the size"),
    pytest.param(GOOD.replace("\n7\n", "\n-7\n"), id="negative size"),
    pytest.param(GOOD.replace("\n7\n", "\n٧\n"), id="size in other digits"),
    pytest.param(GOOD.replace("\n7\n", "\n"), id="no size"),
    pytest.param("x" * 70_000 + GOOD, id="too long"),
    pytest.param(GOOD + GOOD.split("\n\n")[1] * 300, id="too many signatures"),
    pytest.param("\ud800" + GOOD, id="lone surrogate"),
]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(KeyFormatError):
        open_checkpoint(text, key=LOG_KEY)


def test_every_change_of_one_character_is_refused() -> None:
    for place in range(len(GOOD)):
        for character in ("A", "\n", " ", "1"):
            changed = GOOD[:place] + character + GOOD[place + 1 :]
            if changed != GOOD:
                with pytest.raises(KeysError):
                    open_checkpoint(changed, key=LOG_KEY)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("PeterNeumann+c74f20a3", id="no key"),
        pytest.param("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", id="wrong key id"),
        pytest.param("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", id="capitals"),
        pytest.param("Peter N+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", id="blank in the name"),
        pytest.param("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", id="no name"),
        pytest.param("PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", id="another type"),
        pytest.param("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy", id="short key"),
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(KeyFormatError):
        NoteKey.from_text(text)


def test_a_witness_key_reads_its_own_text_back() -> None:
    assert NoteKey.from_text(WITNESS.text) == WITNESS


def test_a_text_that_cannot_be_a_note_is_not_signed() -> None:
    for text in ("no newline", "tab\t\n", "\ud800\n"):
        with pytest.raises(KeyFormatError):
            sign_note(text, identity=HUB, name="x")
