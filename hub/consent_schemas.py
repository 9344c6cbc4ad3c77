"""The wire of consent (docs/protocol.md, section 8)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt, model_validator

from hub.disclosure import DataClass
from hub.purposes import Purpose
from hub.schemas import Hex, Hex32, Time, Wire, require_unique


class ConsentDocument(Wire):
    """One version of a record's consent."""

    format: Literal["consent/2"]
    consent: Hex32
    version: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    previous: Annotated[Hex | None, Field(description="Document digest of the version before.")]
    recipients: Annotated[
        list[Annotated[str, Field(pattern=r"^(\*|[a-z0-9][a-z0-9-]{0,63})$")]],
        Field(max_length=200),
        AfterValidator(require_unique),
    ]
    purposes: Annotated[list[Purpose], Field(max_length=6), AfterValidator(require_unique)]
    data_classes: Annotated[list[DataClass], Field(max_length=2), AfterValidator(require_unique)]
    captured_at: Time
    valid_from: Time
    valid_until: Time | None
    method: Literal["written", "verbal", "electronic"]
    notice_version: Annotated[str, Field(min_length=1, max_length=64)]
    capacity: Literal["has_capacity", "lacks_capacity", "not_assessed"]
    acted_by: Literal["person", "attorney", "deputy", "best_interests", "parent"]
    witnessed: StrictBool
    withdrawn_at: Time | None
    objected_at: Time | None
    # Absent otherwise, in one spelling only: what was stored before there was such a field keeps its digest.
    lifts: Annotated[
        Literal[True],
        Field(
            default=None, description="There, and true, where the version before said a no and this does not."
        ),
    ]

    @model_validator(mode="after")
    def _require_somebody_able(self) -> ConsentDocument:
        """Mental Capacity Act 2005: nobody without capacity consents alone (s. 1-3), and only for them do
        others decide in their best interests (s. 4). A "no" counts whoever says it."""
        if self.withdrawn_at is not None or self.objected_at is not None:
            return self
        if self.capacity == "lacks_capacity" and self.acted_by == "person":
            raise ValueError("acted_by: somebody without capacity cannot have consented alone")
        if self.capacity != "lacks_capacity" and self.acted_by == "best_interests":
            raise ValueError("acted_by: best interests are for somebody without capacity")
        return self


class ConsentStored(Wire):
    """The version in force for this handle."""

    handle: Hex32
    version: int


class ConsentView(ConsentDocument):
    """The newest version of one record's consent."""

    handle: Hex32


class Consents(Wire):
    """The newest consent of each of the caller's handles, sorted by handle."""

    consents: list[ConsentView]


class Holdings(Wire):
    """What the hub holds of the caller, in counts and digests."""

    records: int
    caseload_digest: Hex
    consents: int
    consents_digest: Hex
