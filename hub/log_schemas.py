"""The wire of the access log (docs/protocol.md, section 11)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt

from hub.access_log import NodeEvent
from hub.leaves import LEAF_FIELDS
from hub.schemas import Base64, Hex32, Wire
from keys.documents import canonical_bytes

LARGEST_SIZE = 2**53  # What a JSON reader anywhere holds exactly.
LARGEST_OWN_BYTES = 64 * 1024  # Entries are kept for years, and read back by the page.

# No blanks and no accents: free text carries names, and does not get in.
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_/+=*-]{1,128}$")]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,31}$")]
Number = Annotated[StrictInt, Field(ge=-LARGEST_SIZE, le=LARGEST_SIZE)]
Plain = StrictBool | Number | Word | None
Size = Annotated[StrictInt, Field(ge=0, le=LARGEST_SIZE)]


def _require_free_names(facts: dict[str, Any]) -> dict[str, Any]:
    if LEAF_FIELDS & facts.keys():
        raise ValueError("names a field that every entry has")
    return facts


def _require_short(own: dict[str, Any]) -> dict[str, Any]:
    if len(canonical_bytes(own)) > LARGEST_OWN_BYTES:
        raise ValueError("longer than 64 kB")
    return own


class PartView(Wire):
    """A text beside a leaf: commitment = SHA-256(salt, name, zero byte, canonical JSON of the text)."""

    salt: Base64
    text: dict[str, Any]


class LogLine(Wire):
    """An entry with the parts the caller may see (null: erased), and its inclusion proof."""

    index: int
    leaf: Base64
    parts: dict[str, PartView | None]
    inclusion: list[Base64]


class Receipt(LogLine):
    """An entry, and the signed checkpoint that its proof leads to."""

    checkpoint: str


class LogPage(Wire):
    """Entries the caller may see, up to which index it has now seen everything, and the tree they are in."""

    entries: list[LogLine]
    last: int
    checkpoint: str


class Checkpoints(Wire):
    """The log as it is, and as far as a quorum of witnesses has cosigned it."""

    latest: str
    witnessed: str | None
    quorum: int


class ConsistencyProof(Wire):
    """That the first `from` leaves are the beginning of the first `to`."""

    from_: int = Field(serialization_alias="from")
    to: int
    proof: list[Base64]


class InclusionProof(Wire):
    """That leaf `index` is in the tree of the first `size`."""

    index: int
    size: int
    proof: list[Base64]


class WitnessRequest(Wire):
    """The body of an `add-checkpoint` request of C2SP tlog-witness."""

    format: Literal["witness-request/1"] = "witness-request/1"
    request: str


class WitnessResponse(Wire):
    """What the node, as a witness, answered to a request that it had fetched."""

    format: Literal["witness-response/1"]
    old: Size
    size: Size | None
    status: Literal[200, 400, 403, 404, 409, 422]
    body: Annotated[str, Field(max_length=1024)]


class WitnessOutcome(Wire):
    """What the hub made of it."""

    status: Literal["stored", "ask_again", "noted"]


class EventParts(Wire):
    """The texts of an event: what is for the reporting agency alone, at most 64 kB as canonical JSON."""

    own: Annotated[
        dict[FieldName, Plain | Annotated[list[Plain], Field(max_length=1000)]],
        Field(max_length=64),
        AfterValidator(_require_short),
    ]


class LogEventBody(Wire):
    """Something that happened at a node and belongs in the log."""

    format: Literal["log-event/1"]
    event: Hex32
    action: NodeEvent
    facts: Annotated[dict[FieldName, Plain], Field(max_length=16), AfterValidator(_require_free_names)]
    parts: EventParts


class EventLogged(Wire):
    """The entry that an event left."""

    index: int
    receipt: Receipt
