"""The wire of the look-up and of the lawful bases (docs/protocol.md, section 9)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictInt

from hub.log_schemas import Receipt
from hub.purposes import Purpose, ReasonCategory
from hub.schemas import TOKENS_PER_RECORD, Hex, Hex32, Id, Time, Wire, WireToken, require_unique
from keys.actors import Role

CASES_PER_LOOKUP = 50


class WireConsentBasis(Wire):
    """The asker's own record of the person's consent."""

    kind: Literal["consent"]
    captured_at: Time
    method: Literal["written", "verbal", "electronic"]
    scope: Annotated[list[Purpose], Field(min_length=1, max_length=6)]


class WirePublicTaskBasis(Wire):
    """A public task with a safeguarding reason and an approver; its words stay at the asking node."""

    kind: Literal["public_task"]
    reason_category: ReasonCategory
    reason_commitment: Hex
    approver: Id | None = None
    override: Hex32
    approved_at: Time


class WireEmergencyBasis(Wire):
    """An emergency, recorded without an approver: one case, one person, one purpose, 15 minutes."""

    kind: Literal["emergency"]
    reason_category: ReasonCategory
    reason_commitment: Hex
    emergency: Hex32
    declared_at: Time


class WireProbe(Wire):
    """Variants of one of the case's tokens, asked under one probe of the schema."""

    token: Annotated[StrictInt, Field(ge=0, lt=TOKENS_PER_RECORD)]
    probe: Annotated[str, Field(min_length=1, max_length=16)]
    variants: Annotated[str, Field(max_length=8192, description="8-byte slots, base64.")]


class WireCase(Wire):
    """One person asked about; the hub learns a number, not a reference."""

    case: Annotated[StrictInt, Field(ge=0, lt=CASES_PER_LOOKUP)]
    tokens: Annotated[list[WireToken], Field(min_length=1, max_length=TOKENS_PER_RECORD)]
    area: Id | None
    probes: Annotated[list[WireProbe], Field(max_length=200)]
    basis: Annotated[WireConsentBasis | WirePublicTaskBasis | WireEmergencyBasis, Field(discriminator="kind")]


class LookupBody(Wire):
    """A look-up of up to 50 cases."""

    format: Literal["lookup/1"]
    request: Hex32
    epoch: Id
    schema_digest: Hex
    staff: Id
    role: Role
    purpose: Purpose
    conference: Id | None
    agencies: Annotated[list[Id], Field(max_length=200), AfterValidator(require_unique)] | None
    cases: Annotated[list[WireCase], Field(min_length=1, max_length=CASES_PER_LOOKUP)]


class WireAnswer(Wire):
    """One agency's answer for one case; always the same size."""

    agency: Id
    answer: Literal["K", "P", "N", "R", "A"]
    card: Annotated[str, Field(min_length=344, max_length=344)]
    evidence: Annotated[str, Field(min_length=1368, max_length=1368)]


class CaseAnswers(Wire):
    """Every other agency's answer for one case, sorted by agency."""

    case: int
    answers: list[WireAnswer]


class LookupAnswer(Wire):
    """The answer to a look-up; its log entry was durable before it left."""

    format: Literal["answer/1"] = "answer/1"
    request: Hex32
    log_index: int
    answered_at: str
    cases: list[CaseAnswers]
    receipt: Receipt
