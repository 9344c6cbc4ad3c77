"""Texts sealed under the pepper: bound to subject and place, and readable as they were first written."""

from __future__ import annotations

import json
import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.errors import UnsafeSecretError
from hub.sealing import Sealer

PEPPER = bytes(range(32))
CONTENT = {"text": "Rang the desk"}


def test_a_text_is_opened_at_its_place_and_nowhere_else() -> None:
    sealer = Sealer(PEPPER, "review-note/1")
    sealed = sealer.seal(CONTENT, "item", 0)
    assert sealer.open(sealed, "item", 0) == CONTENT
    assert b"Rang" not in sealed and sealed != sealer.seal(CONTENT, "item", 0)
    for place in (("item", 1), ("other", 0), ("item",)):
        with pytest.raises(UnsafeSecretError):
            sealer.open(sealed, *place)


@pytest.mark.parametrize("defect", ["another pepper", "another subject", "altered", "cut"])
def test_what_is_not_as_it_was_sealed_is_refused_without_a_word_of_it(defect: str) -> None:
    sealed = Sealer(PEPPER, "review-note/1").seal(CONTENT, "item")
    pepper = os.urandom(32) if defect == "another pepper" else PEPPER
    subject = "web-account/1" if defect == "another subject" else "review-note/1"
    if defect == "altered":
        sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    if defect == "cut":
        sealed = sealed[:-1]
    with pytest.raises(UnsafeSecretError) as refused:
        Sealer(pepper, subject).open(sealed, "item")
    assert "Rang" not in str(refused.value)


def test_a_note_of_the_release_before_opens_still() -> None:
    """As `hub.review_notes` wrote it when it sealed by itself."""
    key = HKDF(SHA256(), 32, salt=None, info=b"knownto review-note/1").derive(PEPPER)
    nonce, place = bytes(12), b"knownto review-note/1\nitem\n3"
    sealed = nonce + AESGCM(key).encrypt(nonce, json.dumps(CONTENT).encode(), place)
    assert Sealer(PEPPER, "review-note/1").open(sealed, "item", 3) == CONTENT


def test_a_sealer_prints_nothing_of_its_key() -> None:
    assert repr(Sealer(PEPPER, "review-note/1")) == "Sealer(knownto review-note/1)"
