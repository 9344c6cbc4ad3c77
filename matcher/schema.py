"""The linkage schema: which slots a token stores, which are only asked, and what each can show.

A schema is data (`slots/1`, JSON) shared by a partnership. Its digest is bound into every slot's key,
batch and look-up, so that tokens made under different rules can never be compared by accident.
The shipped schema names every slot; a partnership's own keeps those whose fields it shares.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

from matcher.errors import SchemaError

FIELDS = ("dob", "initials", "names", "chain", "nhs_number", "sex", "area")
# Agreement on the evidence of a level, the strongest first. What a pair shows is the strongest of
# what its shared slots show. Sounds differ only where both have names; else they are absent.
DATE_LEVELS = (
    "exact", "swapped", "day_missing", "month_missing", "year_missing",
    "day_differs", "month_differs", "year_differs", "year", "none",
)  # fmt: skip
INITIAL_LEVELS = ("both", "swapped", "last", "first", "none")
SOUND_LEVELS = ("both", "surname", "differ", "absent")
SHOWS = {
    "date": DATE_LEVELS,
    "initials": INITIAL_LEVELS,
    "sounds": SOUND_LEVELS,
    "chain": ("agree", "partial"),
    "nhs_number": ("agree",),
    "sex": ("agree",),
}


@dataclass(frozen=True, slots=True)
class StoredSlot:
    """One slot of every stored token: what goes in, and what two equal ones show."""

    slot_id: str
    inputs: tuple[str, ...]
    search: bool
    when: str | None
    beside: str | None
    shows: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Probe:
    """A question about one stored slot under variants of the asker's own values."""

    probe_id: str
    asks: str
    varies: str
    shows: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NameFilter:
    """Slot G: one filter of q-grams for the forename and one for the surname, salted with the birth date."""

    slot_id: str
    half_bits: int
    set_bits_per_ngram: int
    ngram: int


class LinkageSchema:
    """A partnership's linkage schema.

    Attributes:
        document: The `slots/1` document it was made from.
        fields: The fields the partnership shares, in the order of `FIELDS`.
        stored: The stored slots; a token holds 64 bits for each, in this order.
        asked: The probes.
        name_filter: Slot G, or None where names are not shared.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Read and validate a document.

        Raises:
            SchemaError: The document breaks a rule of `slots/1`.
        """
        self.document = dict(document)
        if document.get("format") != "slots/1":
            raise SchemaError("linkage schema, format: not slots/1")
        if (document.get("slot_bits"), document.get("set_bits")) != (64, 8):
            raise SchemaError("linkage schema: slots have 64 bits with 8 set in slots/1")
        try:
            self.fields: tuple[str, ...] = tuple(f for f in FIELDS if f in document["fields"])
            self.stored = tuple(_stored_slot(entry) for entry in document["stored"])
            self.asked = tuple(_probe(entry) for entry in document["asked"])
            self.name_filter = _name_filter(document.get("name_filter"))
        except (KeyError, TypeError, AttributeError) as error:
            raise SchemaError(f"linkage schema: {type(error).__name__} while reading it") from None
        self._validate()

    def _validate(self) -> None:
        unknown = set(self.document["fields"]) - set(FIELDS)
        if unknown or not self.fields:
            raise SchemaError("linkage schema, fields: unknown or none")
        ids = [slot.slot_id for slot in self.stored] + [probe.probe_id for probe in self.asked]
        if len(set(ids)) != len(ids):
            raise SchemaError("linkage schema: a slot id occurs twice")
        for probe in self.asked:
            if probe.asks not in self.slot_index:
                raise SchemaError(f"linkage schema, probe {probe.probe_id}: asks a slot that is not stored")
        shown = [slot.shows for slot in self.stored] + [probe.shows for probe in self.asked]
        for shows in shown:
            for comparison, level in shows.items():
                if level not in SHOWS.get(comparison, ()):
                    raise SchemaError(f"linkage schema: unknown level of {comparison}")

    @cached_property
    def slot_index(self) -> dict[str, int]:
        """Position of each stored slot in a token."""
        return {slot.slot_id: index for index, slot in enumerate(self.stored)}

    @cached_property
    def probe_index(self) -> dict[str, int]:
        """Position of each probe in `asked`."""
        return {probe.probe_id: index for index, probe in enumerate(self.asked)}

    @property
    def names_bits(self) -> int:
        """Bits of the name filter, both halves; 0 where there is none."""
        return 2 * self.name_filter.half_bits if self.name_filter else 0

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the canonical document, lower-case hex."""
        text = json.dumps(self.document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(b"knownto slots/1\n" + text.encode()).hexdigest()

    def __repr__(self) -> str:
        """Name the fields and the digest."""
        return f"LinkageSchema(fields={','.join(self.fields)}, digest={self.digest[:12]})"


def parse_schema(document: Mapping[str, Any]) -> LinkageSchema:
    """Read a `slots/1` document.

    Raises:
        SchemaError: It breaks a rule of the format.
    """
    return LinkageSchema(document)


def shipped_schema(fields: Iterable[str]) -> LinkageSchema:
    """The shipped schema, cut to the fields a partnership shares.

    Args:
        fields: Some of `FIELDS`; `names` includes `initials`.

    Raises:
        SchemaError: A field is unknown, or nothing comparable is left.
    """
    chosen = set(fields)
    unknown = chosen - set(FIELDS)
    if unknown:
        raise SchemaError(f"unknown fields: {', '.join(sorted(unknown))}; known are {', '.join(FIELDS)}")
    if "names" in chosen:
        chosen.add("initials")
    whole = json.loads(resources.files("matcher").joinpath("data/slots-1.json").read_text("utf-8"))
    stored = [slot for slot in whole["stored"] if chosen.issuperset(slot["needs"])]
    kept = {slot["slot"] for slot in stored}
    name_filter = whole["name_filter"] if chosen.issuperset(whole["name_filter"]["needs"]) else None
    if not stored:
        raise SchemaError("no slot can be made from these fields")
    return LinkageSchema(
        whole
        | {
            "fields": [field for field in FIELDS if field in chosen],
            "name_filter": name_filter,
            "stored": stored,
            "asked": [probe for probe in whole["asked"] if probe["asks"] in kept],
        }
    )


def _stored_slot(entry: Mapping[str, Any]) -> StoredSlot:
    return StoredSlot(
        slot_id=entry["slot"],
        inputs=tuple(entry["inputs"]),
        search=bool(entry["search"]),
        when=entry.get("when"),
        beside=entry.get("beside"),
        shows=dict(entry["shows"]),
    )


def _probe(entry: Mapping[str, Any]) -> Probe:
    return Probe(
        probe_id=entry["probe"], asks=entry["asks"], varies=entry["varies"], shows=dict(entry["shows"])
    )


def _name_filter(entry: Mapping[str, Any] | None) -> NameFilter | None:
    if entry is None:
        return None
    return NameFilter(
        slot_id=entry["slot"],
        half_bits=int(entry["half_bits"]),
        set_bits_per_ngram=int(entry["set_bits_per_ngram"]),
        ngram=int(entry["ngram"]),
    )
