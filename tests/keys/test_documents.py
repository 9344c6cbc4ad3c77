"""One document has one sequence of bytes, whoever writes it down."""

import enum
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.documents import canonical_bytes, document_digest, signing_bytes
from keys.errors import KeyFormatError, SignatureInvalidError
from tests.keys import reference
from tests.keys.factories import identity

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)
documents = st.dictionaries(text, values, max_size=6)


class Kind(enum.StrEnum):
    ONE = "one"


def nested(levels: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(levels):
        document = {"a": document}
    return document


@given(documents)
def test_canonical_bytes_are_those_of_the_plain_implementation(document: dict[str, Any]) -> None:
    assert canonical_bytes(document).decode() == reference.canonical(document)


@given(documents)
def test_canonical_bytes_read_back_as_the_document(document: dict[str, Any]) -> None:
    assert json.loads(canonical_bytes(document)) == document


@given(documents, st.randoms(use_true_random=False))
def test_the_order_of_fields_changes_nothing(document: dict[str, Any], random: Any) -> None:
    shuffled = list(document.items())
    random.shuffle(shuffled)
    assert canonical_bytes(dict(shuffled)) == canonical_bytes(document)


@given(documents, documents)
def test_different_documents_have_different_bytes(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert (canonical_bytes(left) == canonical_bytes(right)) == (
        json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
    )


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"a": 1.0}, id="a float"),
        pytest.param({"a": [{"b": 0.5}]}, id="a float deep inside"),
        pytest.param({"a": float("nan")}, id="not a number"),
        pytest.param({1: "a"}, id="a key that is a number"),
        pytest.param({"a": {None: 1}}, id="a key that is nothing"),
        pytest.param({"a": b"bytes"}, id="bytes"),
        pytest.param({"a": {1, 2}}, id="a set"),
        pytest.param({"a": "\ud800"}, id="a lone surrogate"),
        pytest.param({"\ud800": 1}, id="a key that is a lone surrogate"),
        pytest.param(nested(40), id="too many levels"),
        pytest.param(nested(100_000), id="levels enough to end the stack"),
    ],
)
def test_what_has_no_canonical_form_is_refused(document: Any) -> None:
    with pytest.raises(KeyFormatError) as refusal:
        canonical_bytes(document)
    assert refusal.value.__cause__ is None


def test_a_float_is_refused_by_name() -> None:
    with pytest.raises(KeyFormatError, match="holds a float"):
        canonical_bytes({"a": 1.0})


def test_an_enumeration_is_written_as_its_text() -> None:
    assert canonical_bytes({"a": Kind.ONE}) == b'{"a":"one"}'


@pytest.mark.parametrize(
    "name",
    [
        None,
        1,
        "",
        "consent",
        "consent/",
        "consent/0",
        "/1",
        "con sent/1",
        "consent/1\n",
        "Consent/1",
        "consent/1.0",
    ],
)
def test_a_document_without_a_proper_format_is_not_signed(name: object) -> None:
    with pytest.raises(KeyFormatError):
        signing_bytes({"format": name})


def test_a_document_without_any_format_is_not_signed() -> None:
    with pytest.raises(KeyFormatError):
        signing_bytes({"n": 1})


def test_the_digest_leaves_signatures_out() -> None:
    document = {"format": "agreement/1", "title": "x"}
    assert document_digest({**document, "signature": "a", "signatures": {"b": "c"}}) == document_digest(
        document
    )


def test_a_signature_over_one_kind_of_document_is_none_over_another() -> None:
    signer = identity(1)
    signature = signer.sign_document({"format": "consent/1", "n": 1})
    with pytest.raises(SignatureInvalidError):
        signer.public.verify_document({"format": "agreement/1", "n": 1}, signature)


def test_fields_inside_a_document_that_are_called_signature_are_signed() -> None:
    inner = {"format": "a/1", "inner": {"signature": "x"}}
    assert signing_bytes(inner) != signing_bytes({"format": "a/1", "inner": {}})
