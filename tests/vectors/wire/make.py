"""Makes the wire vectors: python -m tests.vectors.wire.make

The bodies of docs/protocol.md as a node makes them and as a hub answers them, from fixed keys, handles and
nonces. The linkage schema stands in `epoch.json` whole and frozen: retuning the shipped one changes nothing
here. Both sides are held to these files by `tests/test_wire.py`; they change only with the protocol.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from keys.cards import seal_card
from keys.checkpoints import Checkpoint, cosign, log_origin, sign_checkpoint, witness_key
from keys.custody import ExchangeKey, wrap_linkage_key
from keys.documents import canonical_bytes, document_digest
from keys.formats import encode_base64
from keys.identity import NodeIdentity
from keys.linkage import LinkageKey
from keys.merkle import append_leaf, leaf_hash, root_of_frontier
from matcher.schema import LinkageSchema, parse_schema, shipped_schema
from node.encoding import encode_cases, encode_records
from node.identifiers import BirthDate, Case, Identifiers, Record
from node.months import months_of
from node.pushing import card_text, format_token
from node.shared_pairs import decision_body
from node.slots import LinkageKeyProvider

FOLDER = Path(__file__).parent
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NETWORK, EPOCH, HOLDER, ASKER = "county", "2026-11-23-vector", "holder", "asker"
HANDLE = "000102030405060708090a0b0c0d0e0f"
PERSON = Identifiers(
    birth=BirthDate(1984, 3, 17), forename="amara", surname="lindqvist", forename_initial="a",
    surname_initial="l", chain="310442",
)  # fmt: skip


def secret(name: str) -> bytes:
    """32 bytes that protect nothing: the hash of a public text."""
    return hashlib.sha256(f"knownto wire vector {name}".encode()).digest()


def identity(name: str) -> NodeIdentity:
    """A node's identity with its exchange key."""
    exchange = ExchangeKey.from_private_bytes(secret(f"{name} exchange"))
    return NodeIdentity.from_private_bytes(secret(f"{name} signing"), exchange_key=exchange.public_bytes)


def linkage_key() -> LinkageKey:
    """The epoch's linkage key."""
    return LinkageKey.from_bytes(secret("linkage"))


def frozen_schema() -> LinkageSchema:
    """The schema of the vectors: what `epoch.json` holds; the shipped one the first time."""
    path = FOLDER / "epoch.json"
    if path.exists():
        return parse_schema(json.loads(path.read_text("utf-8"))["body"]["schema"])
    return shipped_schema(["dob", "names", "chain"])


def epoch() -> dict[str, Any]:
    """`epoch/1`, signed by the custodian."""
    schema = frozen_schema()
    document = {
        "format": "epoch/1", "epoch": EPOCH, "network": NETWORK, "schema": schema.document,
        "schema_digest": schema.digest, "linkage_key_id": linkage_key().key_id,
        "created_at": "2026-11-23T09:00:00Z",
    }  # fmt: skip
    return {**document, "signature": identity(ASKER).sign_document(document)}


def key_envelope() -> dict[str, Any]:
    """`key-envelope/1` for the holder. HPKE draws its own randomness: made once and kept."""
    path = FOLDER / "key_envelope.json"
    if path.exists():
        body: dict[str, Any] = json.loads(path.read_text("utf-8"))["body"]
        return body
    return dict(
        wrap_linkage_key(
            linkage_key(),
            custodian=identity(ASKER),
            recipient=identity(HOLDER).public,
            network=NETWORK,
            epoch=EPOCH,
        )
    )


def enrolment() -> dict[str, Any]:
    """`enrolment/1`."""
    public = identity(HOLDER).public
    return {
        "format": "enrolment/1", "token": "a-token-that-was-never-given-out", "agency": HOLDER,
        "public_key": public.public_key_base64, "exchange_key": public.exchange_key_base64,
    }  # fmt: skip


def agreement() -> dict[str, Any]:
    """`agreement/1`."""
    paper = {"title": "Information Sharing Agreement", "version": "1.0", "sha256": secret("paper").hex()}
    return {
        "format": "agreement/1", "agreement": "sharing", "title": "Fallkonferenz – été", "isa": paper,
        "terms_of_reference": paper, "parties": [ASKER, HOLDER], "purposes": ["case_conference"],
        "lawful_bases": ["consent"], "maximum_age_days": 35, "not_before": "2026-01-01T00:00:00Z",
        "expires": "2027-01-01T00:00:00Z",
    }  # fmt: skip


def batch() -> dict[str, Any]:
    """`batch/1` with one record and one removal."""
    schema, key = frozen_schema(), linkage_key()
    record = Record(row=2, local_id="never sent", identifiers=(PERSON,), opened=date(2026, 2, 3))
    (tokens,) = encode_records(schema, LinkageKeyProvider(key, schema.digest), [record])
    plain = card_text(record, team="Duty desk", today=AT.date())
    card = seal_card(key, plain, epoch=EPOCH, agency=HOLDER, rng=lambda n: secret("nonce")[:n])
    sent = {
        "handle": HANDLE, "tokens": [format_token(token) for token in tokens], "area": None,
        "card": encode_base64(card),
    }  # fmt: skip
    bound = {"epoch": EPOCH, "schema_digest": schema.digest}
    return {"format": "batch/1", "records": [sent], "removed": [HANDLE[::-1]], **bound}


def batch_months() -> dict[str, Any]:
    """The same batch of an agency that shares months: the case was opened, and is open."""
    body = batch()
    record = Record(row=2, local_id="never sent", identifiers=(PERSON,), opened=date(2026, 2, 3))
    months = months_of(record, today=AT.date())
    return {**body, "records": [{**body["records"][0], "months": months}]}


def complete() -> dict[str, Any]:
    """`complete/1` for that one record."""
    (record,) = batch()["records"]
    held = bytes.fromhex(HANDLE) + hashlib.sha256(canonical_bytes(record)).digest()
    return {
        "format": "complete/1", "epoch": EPOCH, "schema_digest": frozen_schema().digest, "records": 1,
        "digest": hashlib.sha256(held).hexdigest(),
    }  # fmt: skip


def consent() -> dict[str, Any]:
    """`consent/2`, withdrawn: the second link of its chain."""
    given = {
        "format": "consent/2", "consent": HANDLE[::-1], "version": 1, "previous": None,
        "recipients": ["*"], "purposes": ["case_conference"], "data_classes": ["contact", "known_to"],
        "captured_at": "2026-03-02T00:00:00Z", "valid_from": "2026-03-02T00:00:00Z", "valid_until": None,
        "method": "written", "notice_version": "2", "capacity": "has_capacity", "acted_by": "person",
        "witnessed": True, "withdrawn_at": None, "objected_at": None,
    }  # fmt: skip
    chain = {"version": 2, "previous": document_digest(given), "withdrawn_at": "2026-11-23T09:00:00Z"}
    return {**given, **chain}


def lookup() -> dict[str, Any]:
    """`lookup/1` about the same person, one letter off."""
    from node.bases import ConsentBasis
    from node.home import EpochKey
    from node.lookups import Asking, _format_request

    schema, key = frozen_schema(), linkage_key()
    case = Case(row=2, case_ref="never sent", identifiers=(PERSON,))
    cases = [(case, ConsentBasis(datetime(2026, 2, 20, tzinfo=UTC), "written"))]
    encoded = encode_cases(schema, LinkageKeyProvider(key, schema.digest), [case])
    asking = Asking("n-okafor", "coordinator", "case_conference", conference="mdt-1")
    body = _format_request(EpochKey(EPOCH, schema, key, {}), cases, encoded, asking)
    return {**body, "request": secret("request").hex()[:32]}


def answer() -> dict[str, Any]:
    """`answer/1` to that look-up, with every code: padded to one size whatever it says."""
    evidence = {
        "format": "evidence/1", "posterior": "0.999", "prior": "-3.10",
        "steps": [
            {"comparison": "identity", "level": "date=exact names=same/same seen=stored", "weight": "21.50"},
            {"comparison": "chain", "level": "agree", "weight": "9.25"},
        ],
        "designation": "link",
    }  # fmt: skip
    padded = json.dumps(evidence, separators=(",", ":")).encode().ljust(1024)
    shown = {"card": batch()["records"][0]["card"], "evidence": encode_base64(padded)}
    hidden = {"card": encode_base64(bytes(256)), "evidence": encode_base64(bytes(1024))}
    answers = [
        {"agency": HOLDER, "answer": "K", **shown},
        {"agency": "m-agency", "answer": "N", **hidden},
        {"agency": "r-agency", "answer": "R", **hidden},
        {"agency": "z-agency", "answer": "A", **hidden},
    ]
    return {
        "format": "answer/1", "request": lookup()["request"], "log_index": 7,
        "answered_at": "2026-11-23T09:00:00Z", "cases": [{"case": 0, "answers": answers}],
        "receipt": receipt(),
    }  # fmt: skip


def receipt() -> dict[str, Any]:
    """The receipt of that answer: entry 7 of a log whose other leaves are made up, signed by the hub."""
    others = ("m-agency", HOLDER, "r-agency", "z-agency")
    texts: dict[str, dict[str, Any]] = {
        "who": {
            "staff": "officer-1", "role": "coordinator", "conference": "mdt-2026-11", "approvers": [],
            "request_signature": encode_base64(bytes(64)),
        },
        "question": {
            "request": lookup()["request"], "scope": sorted(others), "agencies": None, "repeats": None,
            "cases": [{
                "case": 0, "basis": lookup()["cases"][0]["basis"],
                "answers": {HOLDER: "K", "m-agency": "N", "r-agency": "R", "z-agency": "A"},
            }],
        },
        "reasons": {"cases": []},
        **{f"holder:{agency}": {"cases": []} for agency in others},
    }  # fmt: skip
    salts = {name: secret(f"salt {name}")[:16] for name in texts}
    facts = {
        "format": "leaf/1", "index": 7, "at": "2026-11-23T09:00:00Z", "action": "lookup:match:answered",
        "agency": ASKER, "purpose": lookup()["purpose"],
        "parts": {
            name: hashlib.sha256(salts[name] + name.encode() + b"\0" + canonical_bytes(text)).hexdigest()
            for name, text in texts.items()
        },
    }  # fmt: skip
    leaf = canonical_bytes(facts)
    frontier, proof = list[bytes](), list[bytes]()
    for size, one in enumerate([*(f"leaf {n}".encode() for n in range(6)), leaf]):
        _, frontier, proof = append_leaf(size, frontier, leaf_hash(one))
    head = Checkpoint(log_origin(NETWORK), 7, root_of_frontier(frontier))
    return {
        "index": 7,
        "leaf": encode_base64(leaf),
        "parts": {
            name: {"salt": encode_base64(salts[name]), "text": texts[name]} for name in ("who", "question")
        },
        "inclusion": [encode_base64(one) for one in proof],
        "checkpoint": sign_checkpoint(head, identity=identity("hub")),
    }


def witness_response() -> dict[str, Any]:
    """A witness that has seen nothing yet cosigns the log's first checkpoint."""
    note = receipt()["checkpoint"]
    witness = identity(HOLDER)
    key = witness_key(NETWORK, HOLDER, witness.public)
    line = cosign(note.split("\n\n")[0] + "\n", identity=witness, name=key.name, at=AT)
    return {"format": "witness-response/1", "old": 0, "size": 7, "status": 200, "body": line}


def log_event() -> dict[str, Any]:
    """A report of who looked was made, with one entry withheld from it."""
    return {
        "format": "log-event/1", "event": "0e" * 16, "action": "log:subject_access:made",
        "facts": {"entries": 3, "withheld": 1, "names": False},
        "parts": {"own": {
            "report": "0f" * 16, "reporter": "ig-1", "approver": None, "withheld": [7], "because": ["crime"],
        }},
    }  # fmt: skip


def pair_decision() -> dict[str, Any]:
    """`pair-decision/1`: the asker says of a pair that it is two people."""
    return decision_body(verdict="different", reason="agency_asked")


def pairs() -> dict[str, Any]:
    """`pairs/1` to the asker: a pair that the holder has decided and the asker has not."""
    shown = answer()["cases"][0]["answers"][0]["evidence"]
    theirs = {"verdict": "same", "reason": "files_compared", "at": "2026-11-22T15:30:00Z", "holds": True}
    pair = {
        "pair": "101112131415161718191a1b1c1d1e1f", "group": 1, "handle": HANDLE, "agency": HOLDER,
        "evidence": shown, "may_be_twins": False, "decision": None, "theirs": theirs, "at_odds": False,
    }  # fmt: skip
    return {"format": "pairs/1", "pairs": [pair], "more": True}


def pair_history() -> dict[str, Any]:
    """`pair-history/1` to the asker, after its decision."""
    theirs = {"agency": HOLDER, "staff": None, "verdict": "same", "reason": "files_compared"}
    own = {"agency": ASKER, "staff": "officer-1", "verdict": "different", "reason": "agency_asked"}
    return {
        "format": "pair-history/1", "pair": pairs()["pairs"][0]["pair"], "handle": HANDLE, "agency": HOLDER,
        "decisions": [
            theirs | {"at": "2026-11-22T15:30:00Z", "holds": True},
            own | {"at": "2026-11-23T09:00:00Z", "holds": True},
        ],
    }  # fmt: skip


MAKERS = {
    "enrolment": enrolment, "epoch": epoch, "key_envelope": key_envelope, "agreement": agreement,
    "batch": batch, "batch_months": batch_months, "complete": complete, "consent": consent, "lookup": lookup,
    "answer": answer, "witness_response": witness_response, "log_event": log_event,
    "pair_decision": pair_decision, "pairs": pairs, "pair_history": pair_history,
}  # fmt: skip


def main() -> None:
    """Write all files."""
    for name, maker in MAKERS.items():
        vector = {
            "source": "docs/protocol.md",
            "generator": "tests/vectors/wire/make.py",
            "version": 1,
            "body": maker(),
        }
        text = json.dumps(vector, indent=1, ensure_ascii=False) + "\n"
        (FOLDER / f"{name}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
