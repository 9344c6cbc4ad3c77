"""The linkage schema: which slots a token stores, which are only asked, and what each can show.

A schema is data (`slots/1`, JSON) shared by a partnership. Its digest is bound into every slot's key,
batch and look-up, so that tokens made under different rules can never be compared by accident.
The shipped schema names every slot; a partnership's own keeps those whose fields it shares.

A hub and a node read schemas that others sent, so every word of one is of a closed vocabulary and every
number within bounds before anything is made of it; all else is a SchemaError that repeats no value.
"""

from __future__ import annotations

import hashlib
import json
import re
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
# What may go into a slot: the field that must be shared for it, and its places in the packed block.
INPUTS = {
    "year": ("dob", {"year"}),
    "month": ("dob", {"month"}),
    "day": ("dob", {"day"}),
    "date": ("dob", {"year", "month", "day"}),
    "day_month_sorted": ("dob", {"month", "day"}),
    "forename_initial": ("initials", {"first"}),
    "surname_initial": ("initials", {"last"}),
    "initials": ("initials", {"first", "last"}),
    "initials_sorted": ("initials", {"first", "last"}),
    "sex": ("sex", {"sex"}),
    "surname_sound": ("names", {"long"}),
    "sounds_sorted": ("names", {"long"}),
    "chain": ("chain", {"long"}),
    "nhs_number": ("nhs_number", {"long"}),
}
CONDITIONS = ("date_incomplete", "forename_missing", "surname_missing")
VARIATIONS = (
    "nothing", "year", "month", "day", "forename_initial", "surname_initial",
    "missing_year", "missing_month", "missing_day", "missing_forename_initial", "missing_surname_initial",
    "month_of_known_year", "chain_typing_error",
)  # fmt: skip
LARGEST_TABLE = 64
HALF_BITS = range(64, 1025, 64)
SET_BITS_PER_NGRAM = range(1, 17)
NGRAMS = range(1, 4)
_ID = re.compile(r"[A-Za-z0-9]{1,16}")


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
        digest: SHA-256 over the canonical document, lower-case hex.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Read and validate a document.

        Raises:
            SchemaError: The document breaks a rule of `slots/1`.
        """
        try:
            self._read(document)
        except SchemaError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise SchemaError(f"linkage schema: {type(error).__name__} while reading it") from None

    def _read(self, document: Mapping[str, Any]) -> None:
        if not isinstance(document, Mapping):
            raise SchemaError("linkage schema: not a JSON object")
        self.document = dict(document)
        if document["format"] != "slots/1":
            raise SchemaError("linkage schema, format: not slots/1")
        if (document["slot_bits"], document["set_bits"]) != (64, 8):
            raise SchemaError("linkage schema: slots have 64 bits with 8 set in slots/1")
        shared = [_word(field, FIELDS, "fields") for field in _list(document, "fields", smallest=1)]
        self.fields: tuple[str, ...] = tuple(field for field in FIELDS if field in shared)
        self.stored = tuple(_stored_slot(entry) for entry in _list(document, "stored", smallest=1))
        self.asked = tuple(_probe(entry) for entry in _list(document, "asked"))
        self.name_filter = _name_filter(document.get("name_filter"))
        self._validate()
        # Text that no UTF-8 can carry, or nesting without end, is found here and not when it is sent.
        self.digest = self._digest()

    def _validate(self) -> None:
        ids = [slot.slot_id for slot in self.stored] + [probe.probe_id for probe in self.asked]
        ids += [self.name_filter.slot_id] if self.name_filter else []
        if len(set(ids)) != len(ids):
            raise SchemaError("linkage schema: a slot id occurs twice")
        for slot in self.stored:
            if slot.beside is not None and (
                slot.beside == slot.slot_id or slot.beside not in self.slot_index
            ):
                raise SchemaError("linkage schema, beside: not another stored slot")
        for probe in self.asked:
            if probe.asks not in self.slot_index:
                raise SchemaError("linkage schema, asks: not a stored slot")
        needed = {INPUTS[given][0] for slot in self.stored for given in slot.inputs}
        needed |= {"dob", "names"} if self.name_filter else set()
        if not needed <= set(self.fields):
            raise SchemaError("linkage schema: a slot is made of a field that is not shared")

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

    def _digest(self) -> str:
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


def _what_to_add(chosen: set[str]) -> str:
    """The fewest fields that make a comparison of those that make none."""
    if "dob" in chosen:
        return "initials or names, or chain or nhs_number"
    if "initials" in chosen:
        return "dob, or chain or nhs_number"
    return "dob with initials or names, or chain or nhs_number"


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
        raise SchemaError(f"nothing can be compared by these fields: add {_what_to_add(chosen)}")
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
    inputs = tuple(_word(given, INPUTS, "inputs") for given in _list(entry, "inputs", smallest=1))
    places = [place for given in inputs for place in INPUTS[given][1]]
    if len(set(places)) != len(places):
        raise SchemaError("linkage schema, inputs: two of them have one place")
    if not isinstance(entry["search"], bool):
        raise SchemaError("linkage schema, search: neither true nor false")
    when, beside = entry.get("when"), entry.get("beside")
    return StoredSlot(
        slot_id=_id(entry["slot"]),
        inputs=inputs,
        search=entry["search"],
        when=None if when is None else _word(when, CONDITIONS, "when"),
        beside=None if beside is None else _id(beside),
        shows=_shows(entry["shows"]),
    )


def _probe(entry: Mapping[str, Any]) -> Probe:
    return Probe(
        probe_id=_id(entry["probe"]),
        asks=_id(entry["asks"]),
        varies=_word(entry["varies"], VARIATIONS, "varies"),
        shows=_shows(entry["shows"]),
    )


def _name_filter(entry: Mapping[str, Any] | None) -> NameFilter | None:
    if entry is None:
        return None
    if entry.get("salt", "date") != "date":
        raise SchemaError("linkage schema, salt: not the date")
    return NameFilter(
        slot_id=_id(entry["slot"]),
        half_bits=_number(entry["half_bits"], HALF_BITS, "half_bits"),
        set_bits_per_ngram=_number(entry["set_bits_per_ngram"], SET_BITS_PER_NGRAM, "set_bits_per_ngram"),
        ngram=_number(entry["ngram"], NGRAMS, "ngram"),
    )


def _list(entry: Mapping[str, Any], key: str, *, smallest: int = 0) -> list[Any]:
    value = entry[key]
    if not isinstance(value, list) or not smallest <= len(value) <= LARGEST_TABLE:
        raise SchemaError(f"linkage schema, {key}: not a list of {smallest} to {LARGEST_TABLE}")
    return value


def _word(value: object, vocabulary: Iterable[str], key: str) -> str:
    if not isinstance(value, str) or value not in vocabulary:
        raise SchemaError(f"linkage schema, {key}: not of its vocabulary")
    return value


def _id(value: object) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise SchemaError("linkage schema: the id of a slot or probe is not 1 to 16 letters and digits")
    return value


def _number(value: object, allowed: range, key: str) -> int:
    if type(value) is not int or value not in allowed:
        raise SchemaError(f"linkage schema, {key}: out of bounds")
    return value


def _shows(entry: Mapping[str, Any]) -> dict[str, str]:
    shown = {
        _word(comparison, SHOWS, "shows"): _word(level, SHOWS[comparison], "shows")
        for comparison, level in dict(entry).items()
    }
    if not shown:
        raise SchemaError("linkage schema, shows: nothing")
    return shown
