"""What a node knows about itself and its hub: `node.toml` in the node's home. No secret stands in it.

The hub's public key and fingerprint are written at enrolment and pinned from then on: an answer signed
by any other key is refused.
"""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from node.errors import NotInitialisedError, RecordFormatError

SETTINGS_FILE = "node.toml"
KEYS_FILE = "keys.store"
DATABASE_FILE = "node.sqlite3"
# An answer outlives the conference it was asked for by no more than one cycle (4-6 weeks).
RESULT_DAYS = 28
# "Ideally no more than 15" cases a conference: above it the coordinator is told, nothing is refused.
CASE_WARNING = 15
ID_PATTERN = r"^[a-z0-9][a-z0-9-]{0,63}$"
Id = Annotated[str, Field(pattern=ID_PATTERN)]
# The first person of a node whose maker named nobody.
FIRST_STAFF = "staff-1"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class NodeSettings(BaseModel):
    """The node's settings, checked once when they are loaded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hub: str  # base address, https unless it is this machine
    agency: Id
    staff: Id = FIRST_STAFF  # who acts when a command does not say
    team: Annotated[str, Field(max_length=120)] = ""  # the team to ring, written on every answer card
    area: Id | None = None  # the agency's own area, for records that name none
    share_months: bool = False  # the hub is told in which months cases were opened and closed
    network: Id | None = None  # learnt from the hub at enrolment
    hub_public_key: str | None = None  # base64; pinned at enrolment
    hub_fingerprint: str | None = None  # pinned at enrolment
    result_days: Annotated[int, Field(ge=1, le=366)] = RESULT_DAYS
    case_warning: Annotated[int, Field(ge=1)] = CASE_WARNING
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0

    @field_validator("hub")
    @classmethod
    def _hub_is_safe(cls, address: str) -> str:
        parts = urlsplit(address)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError("must be an https address (http only on this machine)")
        if parts.hostname is None or parts.username or parts.query or parts.fragment:
            raise ValueError("must be a plain address such as https://hub.example")
        return address.rstrip("/")

    @property
    def is_enrolled(self) -> bool:
        """Whether a hub's key has been pinned."""
        return self.hub_public_key is not None


def make_settings(**values: object) -> NodeSettings:
    """Check settings given on the command line.

    Raises:
        RecordFormatError: A setting is missing or malformed; the message names it and the rule.
    """
    try:
        return NodeSettings.model_validate(values)
    except ValidationError as error:
        raise RecordFormatError("settings", _describe(error)) from None


def load_settings(home: Path) -> NodeSettings:
    """Read `node.toml`.

    Raises:
        NotInitialisedError: This home has none.
        RecordFormatError: It is not TOML, or a setting is malformed.
    """
    path = home / SETTINGS_FILE
    if not path.exists():
        raise NotInitialisedError("no node here: run 'knownto init' first, or name its home with --home")
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise RecordFormatError("settings", f"{SETTINGS_FILE} is not valid TOML") from None
    return make_settings(**document)


def save_settings(home: Path, settings: NodeSettings) -> None:
    """Write `node.toml`, whole or not at all."""
    lines = ["# The settings of this Known To node. No secret stands in this file.\n"]
    for name, value in settings.model_dump(exclude_none=True).items():
        # A JSON string or number is a TOML string or number.
        lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}\n")
    temporary = home / f".{SETTINGS_FILE}.new"
    temporary.write_text("".join(lines), "utf-8")
    os.replace(temporary, home / SETTINGS_FILE)


def _describe(error: ValidationError) -> str:
    """Name the settings and the rules they break, never what they hold."""
    broken = (f"{'.'.join(map(str, part['loc'])) or 'settings'}: {part['msg']}" for part in error.errors())
    return "; ".join(broken)
