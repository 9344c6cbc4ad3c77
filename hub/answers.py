"""The body of an answer: one shape and one size, whatever it says.

Written by hand into JSON text, because 8 agencies and 15 cases are 200 kB of base64 that needs no validation
twice.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Sequence
from datetime import datetime

from hub.checkpoints import LogSigner, format_receipt
from hub.clock import format_time
from hub.evidence import format_evidence
from hub.lookup_schemas import LookupBody
from hub.lookups import Answered
from hub.outcomes import Outcome
from hub.schemas import CARD_BYTES, EVIDENCE_BYTES

NO_CARD = binascii.b2a_base64(bytes(CARD_BYTES), newline=False).decode()
NO_EVIDENCE = binascii.b2a_base64(bytes(EVIDENCE_BYTES), newline=False).decode()


def format_answer(body: LookupBody, answered: Answered, *, signer: LogSigner, at: datetime) -> bytes:
    """The `answer/1` document, with the receipt of its entry in the log."""
    document = {
        "format": "answer/1",
        "request": body.request,
        "log_index": answered.entry.index,
        "answered_at": format_time(at),
        "cases": [
            {"case": case.case, "answers": _answers(case.case, answered.agencies, answered)}
            for case in body.cases
        ],
        "receipt": format_receipt(answered.entry, signer),
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _answers(case: int, agencies: Sequence[str], answered: Answered) -> list[dict[str, str]]:
    return [_answer(agency, answered.outcomes[case, agency], answered) for agency in agencies]


def _answer(agency: str, outcome: Outcome, answered: Answered) -> dict[str, str]:
    card, evidence = NO_CARD, NO_EVIDENCE
    if outcome.match is not None:
        # Made also where it is withheld, so that the time taken tells no more than the answer does.
        kept = answered.cards.get((agency, outcome.match.handle), bytes(CARD_BYTES))
        own_card = binascii.b2a_base64(kept, newline=False).decode()
        own_evidence = binascii.b2a_base64(
            format_evidence(outcome.match.explanation, outcome.match.designation), newline=False
        ).decode()
        if outcome.is_disclosed:
            card, evidence = own_card if outcome.card else NO_CARD, own_evidence
    return {"agency": agency, "answer": outcome.code, "card": card, "evidence": evidence}
