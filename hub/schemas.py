"""The wire: bodies as they arrive and as they leave (docs/protocol.md). Unknown fields are refused.

Those of consent and look-up stand in `hub.consent_schemas` and `hub.lookup_schemas`.

Long base64 strings stay strings here; they are decoded where they are used, all at once. Length limits bound
what a signed but hostile node can make the hub hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, model_validator

from hub.clock import parse_time
from hub.purposes import LawfulBasis, Purpose

CARD_BYTES = 256
EVIDENCE_BYTES = 1024
BATCH_RECORDS = 500
TOKENS_PER_RECORD = 8

Service = Literal[
    "housing", "mental_health", "substance_use", "probation", "primary_care", "social_care",
    "childrens_services", "hospital", "vcse", "supported_housing", "outreach", "police",
    "domestic_abuse", "other",
]  # fmt: skip
State = Literal["invited", "pending", "confirmed"]


def _require_time(text: str) -> str:
    try:
        parse_time(text)
    except ValueError:
        raise ValueError("not a time in UTC (RFC 3339 with Z)") from None
    return text


def _require_sorted(values: list[Any]) -> list[Any]:
    if any(left >= right for left, right in pairwise(values)):
        raise ValueError("must be sorted and name nobody twice")
    return values


def require_unique(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise ValueError("names something twice")
    return values


Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, lower-case hex.")]
Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="16 random bytes, lower-case hex.")]
Base64 = Annotated[str, Field(max_length=65_536, description="Standard base64 with padding.")]
Key64 = Annotated[str, Field(min_length=44, max_length=44, description="32 bytes, base64.")]
Signature64 = Annotated[str, Field(min_length=88, max_length=88, description="Ed25519 signature, base64.")]
Time = Annotated[
    str, Field(max_length=35, description="RFC 3339 in UTC with Z."), AfterValidator(_require_time)
]
Month = Annotated[str, Field(pattern=r"^[12][0-9]{3}-(0[1-9]|1[0-2])$", description="YYYY-MM.")]
Text = Annotated[str, Field(min_length=1, max_length=500)]
Fingerprint = Annotated[str, Field(pattern=r"^[a-z2-7]{4}(-[a-z2-7]{4}){7}$")]


class Wire(BaseModel):
    """A JSON object of the protocol."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Nothing of what is in it: tokens, cards and enrolment tokens pass through here."""
        return ()


# Hub, enrolment, agencies (section 4)


class Health(Wire):
    """The hub can read and write its database."""

    status: Literal["ok"] = "ok"


class HubDescription(Wire):
    """Who this hub is; its fingerprint is compared out of band and pinned."""

    format: Literal["hub/1"] = "hub/1"
    network: Id
    public_key: Key64
    fingerprint: Fingerprint
    version: str


class Enrolment(Wire):
    """A node's new keys with the one-time token it was given."""

    format: Literal["enrolment/1"]
    token: Annotated[str, Field(min_length=16, max_length=200)]
    agency: Id
    public_key: Key64
    exchange_key: Key64


class Enrolled(Wire):
    """The enrolment is noted; the operator has to confirm the fingerprint."""

    format: Literal["enrolled/1"] = "enrolled/1"
    agency: Id
    fingerprint: Fingerprint
    state: State


class AgencyView(Wire):
    """An agency of the network, its public keys, and how current its caseload is."""

    agency: Id
    name: str
    service: Service
    area: str | None
    custodian: bool
    state: State
    public_key: str | None
    exchange_key: str | None
    fingerprint: str | None
    as_of: str | None


class Agencies(Wire):
    """All agencies of the network, sorted by id."""

    agencies: list[AgencyView]


# Epochs (section 5)


class EpochDocument(Wire):
    """A linkage key's epoch, signed by the custodian."""

    format: Literal["epoch/1"]
    epoch: Id
    network: Id
    linkage_schema: Annotated[dict[str, Any], Field(alias="schema", description="A slots/1 document.")]
    schema_digest: Hex
    linkage_key_id: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    created_at: Time
    signature: Signature64


class EpochView(EpochDocument):
    """The current epoch, and which agency signed it."""

    custodian: Id


class KeyEnvelope(Wire):
    """A linkage key wrapped to one agency (HPKE), signed by the custodian; the hub cannot open it."""

    format: Literal["key-envelope/1"]
    network: Id
    epoch: Id
    linkage_key_id: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    recipient: Fingerprint
    custodian: Fingerprint
    encapsulated_and_ciphertext: Annotated[str, Field(max_length=1024)]
    signature: Signature64


class EnvelopeStored(Wire):
    """The envelope is kept for its agency."""

    epoch: Id
    agency: Id


# Agreements (section 6)


class DocumentReference(Wire):
    """A paper the agreement rests on."""

    title: Text
    version: Annotated[str, Field(min_length=1, max_length=64)]
    sha256: Hex


class AgreementDocument(Wire):
    """Who may ask whom, for what, on which basis, and until when."""

    format: Literal["agreement/1"]
    agreement: Id
    title: Text
    isa: DocumentReference
    terms_of_reference: DocumentReference
    parties: Annotated[list[Id], Field(min_length=2, max_length=200), AfterValidator(_require_sorted)]
    purposes: Annotated[list[Purpose], Field(min_length=1, max_length=6), AfterValidator(require_unique)]
    lawful_bases: Annotated[
        list[LawfulBasis], Field(min_length=1, max_length=2), AfterValidator(require_unique)
    ]
    maximum_age_days: Annotated[StrictInt, Field(ge=1, le=366)]
    not_before: Time
    expires: Time


class AgreementView(AgreementDocument):
    """An agreement with the signatures it has so far."""

    digest: Hex
    signatures: dict[str, str]


class Agreements(Wire):
    """The agreements the caller is a party of, sorted by id."""

    agreements: list[AgreementView]


class AgreementSignature(Wire):
    """The caller's signature over an agreement's document."""

    digest: Hex
    signature: Signature64


# Pushing a caseload (section 7)


class WireToken(Wire):
    """A token: stored slots (8 bytes each, big-endian, zero = absent), and the name filter or nothing."""

    slots: Annotated[str, Field(max_length=4096)]
    names: Annotated[str, Field(max_length=4096)]


class WireMonths(Wire):
    """When a record's case was opened and closed, as months; null where that is not known or has not come.

    Where it was closed never, it is open. An agency that shares no months leaves them out.
    """

    opened: Month | None
    closed: Month | None

    @model_validator(mode="after")
    def _require_sense(self) -> WireMonths:
        if self.opened is None and self.closed is None:
            raise ValueError("left out where neither month is known")
        if self.opened is not None and self.closed is not None and self.closed < self.opened:
            raise ValueError("closed before it was opened")
        return self


class WireRecord(Wire):
    """One record of a caseload under its random handle, with its answer card."""

    handle: Hex32
    tokens: Annotated[list[WireToken], Field(min_length=1, max_length=TOKENS_PER_RECORD)]
    area: Id | None
    card: Annotated[str, Field(min_length=344, max_length=344, description="256 bytes, base64.")]
    months: WireMonths | None = None


class Batch(Wire):
    """Part of a caseload: records replaced whole, and handles removed."""

    format: Literal["batch/1"]
    epoch: Id
    schema_digest: Hex
    records: Annotated[list[WireRecord], Field(max_length=BATCH_RECORDS)]
    removed: Annotated[list[Hex32], Field(max_length=10_000)]


class BatchStored(Wire):
    """How many records a batch replaced and removed."""

    records: int
    removed: int


class Complete(Wire):
    """What the node believes the hub now holds of it."""

    format: Literal["complete/1"]
    epoch: Id
    schema_digest: Hex
    records: Annotated[StrictInt, Field(ge=0)]
    digest: Hex


class Completed(Wire):
    """Count and digest agreed; the caseload is current as of this time."""

    as_of: str
    records: int


class Removed(Wire):
    """How many records were removed."""

    removed: int


class Problem(BaseModel):
    """RFC 9457 problem details; `detail` names field, row and rule, never a value."""

    type: str
    title: str
    status: int
    code: str
    detail: str
