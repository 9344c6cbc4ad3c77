"""Both sides of the wire against one set of files: a hub reads what a node makes, and the other way round."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from hub import consent_schemas, log_schemas, lookup_schemas, pair_schemas, schemas
from hub.decoding import decode_tokens
from hub.disclosure import DataClass
from hub.lookups import read_basis
from hub.purposes import APPROVAL_LIFE, EMERGENCY_LIFE, Purpose, kind_of
from keys.checkpoints import log_key, verify_cosignature, witness_key
from keys.custody import ExchangeKey, unwrap_linkage_key
from keys.documents import canonical_bytes, document_digest
from matcher.schema import parse_schema
from node import settling
from node.bases import ConsentBasis, EmergencyBasis, PublicTaskBasis
from node.commitments import commit_reason
from node.consent_terms import ACTORS, CAPACITIES, DATA_CLASSES, METHODS, PURPOSES
from node.home import EpochKey
from node.identifiers import Case
from node.lookups import _read_answer
from node.membership import Agency
from node.receipts import open_receipt
from tests.vectors.wire import make

FOLDER = Path(make.__file__).parent
READERS = {
    "enrolment": schemas.Enrolment,
    "epoch": schemas.EpochDocument,
    "key_envelope": schemas.KeyEnvelope,
    "agreement": schemas.AgreementDocument,
    "batch": schemas.Batch,
    "batch_months": schemas.Batch,
    "complete": schemas.Complete,
    "consent": consent_schemas.ConsentDocument,
    "lookup": lookup_schemas.LookupBody,
    "answer": lookup_schemas.LookupAnswer,
    "witness_response": log_schemas.WitnessResponse,
    "log_event": log_schemas.LogEventBody,
    "pair_decision": pair_schemas.PairDecisionBody,
    "pairs": pair_schemas.PairPage,
    "pair_history": pair_schemas.PairHistoryView,
}


def vector(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))["body"]


@pytest.mark.parametrize("name", make.MAKERS)
def test_a_node_makes_exactly_these_bytes(name: str) -> None:
    assert canonical_bytes(make.MAKERS[name]()) == canonical_bytes(vector(name))


@pytest.mark.parametrize("name", READERS)
def test_the_hub_reads_every_field_and_loses_none(name: str) -> None:
    body = vector(name)
    read = READERS[name].model_validate(body)
    assert json.loads(read.model_dump_json(by_alias=True, exclude_unset=True)) == body


@pytest.mark.parametrize("name", READERS)
def test_the_hub_refuses_a_field_it_does_not_know(name: str) -> None:
    with pytest.raises(ValidationError):
        READERS[name].model_validate(vector(name) | {"surname": "x"})


@pytest.mark.parametrize("name", READERS)
def test_the_hub_refuses_a_body_that_lacks_any_field(name: str) -> None:
    body = vector(name)
    optional = {"custodian"}
    for field in set(body) - optional:
        lacking = {key: value for key, value in body.items() if key != field}
        if name in ("answer", "pairs", "pair_history") and field == "format":
            continue  # The hub writes it and fills it in by itself.
        with pytest.raises(ValidationError):
            READERS[name].model_validate(lacking)


def test_the_hub_takes_the_tokens_of_a_batch_and_of_a_look_up() -> None:
    schema = parse_schema(vector("epoch")["schema"])
    batch = schemas.Batch.model_validate(vector("batch"))
    tokens = [token for record in batch.records for token in record.tokens]
    assert decode_tokens(tokens, schema, field="records").slots.shape == (1, len(schema.stored))
    lookup = lookup_schemas.LookupBody.model_validate(vector("lookup"))
    asked = decode_tokens(lookup.cases[0].tokens, schema, field="cases").slots
    stored = decode_tokens(tokens, schema, field="records").slots
    assert (asked == stored).all()


def test_the_push_digest_is_over_raw_handles_and_raw_record_digests() -> None:
    (record,) = vector("batch")["records"]
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    plain = hashlib.sha256(bytes.fromhex(record["handle"]) + hashlib.sha256(text).digest()).hexdigest()
    assert vector("complete")["digest"] == plain


def test_a_schemas_digest_and_signature_are_the_epochs() -> None:
    epoch = vector("epoch")
    assert parse_schema(epoch["schema"]).digest == epoch["schema_digest"]
    make.identity(make.ASKER).public.verify_document(epoch, epoch["signature"])


def test_a_document_digest_is_over_utf8_and_not_over_escapes() -> None:
    document = vector("agreement")
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    plain = hashlib.sha256(b"knownto agreement/1\n" + text.encode()).hexdigest()
    assert document_digest(document) == plain


def test_the_holder_opens_the_key_envelope() -> None:
    key = unwrap_linkage_key(
        vector("key_envelope"),
        exchange_key=ExchangeKey.from_private_bytes(make.secret("holder exchange")),
        own_fingerprint=make.identity(make.HOLDER).public.fingerprint,
        custodian=make.identity(make.ASKER).public,
        network=make.NETWORK,
        epoch=make.EPOCH,
    )
    assert key.key_id == vector("epoch")["linkage_key_id"]


def test_the_asking_node_reads_the_answer() -> None:
    body = vector("answer")
    schema, key = parse_schema(vector("epoch")["schema"]), make.linkage_key()
    others = [
        Agency(entry["agency"], entry["agency"].title(), "other", None, False, "confirmed", None, None)
        for entry in body["cases"][0]["answers"]
    ]
    cases = [(Case(2, "case-1", (make.PERSON,)), ConsentBasis(make.AT, "written"))]
    result = _read_answer(
        body, request=body["request"], cases=cases, others=others, epoch=EpochKey(make.EPOCH, schema, key, {})
    )
    (case,) = result.cases
    words = ["Known", "No shared match", "No reply yet", "Not asked"]
    assert [str(answer.word) for answer in case.answers] == words
    assert (case.answers[0].team, case.answers[0].open) == ("Duty desk", True)
    assert (result.coverage.words, result.coverage.stale) == ("2 of 3 agencies up to date", ("r-agency",))


def test_the_asking_node_verifies_the_answers_receipt() -> None:
    key = log_key(make.NETWORK, make.identity("hub").public)
    receipt = open_receipt(vector("answer")["receipt"], key=key)
    assert (receipt.entry.index, receipt.checkpoint.size) == (7, 7)
    assert receipt.entry.part("question")["cases"][0]["answers"]["holder"] == "K"
    assert receipt.entry.withheld[-1] == "reasons"


def test_the_hub_verifies_the_witnesses_cosignature() -> None:
    text = vector("answer")["receipt"]["checkpoint"].split("\n\n")[0] + "\n"
    key = witness_key(make.NETWORK, make.HOLDER, make.identity(make.HOLDER).public)
    assert verify_cosignature(vector("witness_response")["body"], text=text, key=key) == make.AT


def test_answers_have_one_size_whatever_they_say() -> None:
    answers = vector("answer")["cases"][0]["answers"]
    sizes = {
        tuple(len(base64.b64decode(answer[name])) for name in ("card", "evidence")) for answer in answers
    }
    assert sizes == {(256, 1024)}


def test_the_hub_reads_each_basis_as_the_node_states_it() -> None:
    reason = commit_reason("words that stay")
    for basis in (
        ConsentBasis(make.AT, "written"),
        PublicTaskBasis("safeguarding_adult", "ig-lead", reason, "ab" * 16, make.AT),
        EmergencyBasis("risk_to_life", reason, "cd" * 16, make.AT),
    ):
        sent = basis.format("safeguarding_panel")
        body = vector("lookup")
        body["cases"][0]["basis"] = sent
        read = lookup_schemas.LookupBody.model_validate(body).cases[0]
        assert read.basis.model_dump(mode="json") == sent
        understood = read_basis(read)
        assert str(kind_of(understood)) == {"emergency": "public_task"}.get(sent["kind"], sent["kind"])
        assert "words" not in json.dumps(sent)


def test_every_word_of_a_consent_at_the_node_is_one_at_the_hub() -> None:
    fields = consent_schemas.ConsentDocument.model_fields
    assert set(PURPOSES) == set(Purpose)
    assert set(DATA_CLASSES) == set(DataClass)
    for name, words in (("method", METHODS), ("capacity", CAPACITIES), ("acted_by", ACTORS)):
        assert set(get_args(fields[name].annotation)) == set(words)
    assert (APPROVAL_LIFE, EMERGENCY_LIFE) == (settling.APPROVAL_LIFE, settling.EMERGENCY_LIFE)
