"""A second, plain implementation of slots, probes and name filters: one person, one block at a time.

No numpy and nothing of `node`, `keys` or `matcher` inside. To be read beside `matcher/data/slots-1.json`:
the document says which slots there are, and this file what its words mean. How names sound is given from
outside (`node/sounds.py` has tests of its own).
"""

from __future__ import annotations

import calendar
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.keys.reference import canonical, linkage_derive

YEARS, MONTHS, DAYS, LETTERS = range(1900, 2030), range(1, 13), range(1, 32), range(1, 27)
DATE_PARTS = {"year": YEARS, "month": MONTHS, "day": DAYS}


@dataclass(frozen=True)
class Written:
    """One way a person is written down, as numbers and texts; 0 or "" where missing."""

    year: int = 0
    month: int = 0
    day: int = 0
    first: int = 0
    last: int = 0
    forename: str = ""
    surname: str = ""
    forename_sound: str = ""
    surname_sound: str = ""
    chain: str = ""
    nhs_number: str = ""
    sex: int = 0

    @property
    def whole(self) -> bool:
        """The birth date is a day of the calendar."""
        if not (self.year and self.month and self.day) or not 1 <= self.month <= 12:
            return False
        return self.day <= calendar.monthrange(self.year, self.month)[1]


def written(values: Mapping[str, Any], *, forename_sound: str, surname_sound: str) -> Written:
    """From the words of the vectors; of a weak birth date the year alone is believed."""
    weak = bool(values.get("weak"))
    return Written(
        year=values.get("year") or 0,
        month=0 if weak else values.get("month") or 0,
        day=0 if weak else values.get("day") or 0,
        first=_letter(values.get("forename_initial")),
        last=_letter(values.get("surname_initial")),
        forename=values.get("forename") or "",
        surname=values.get("surname") or "",
        forename_sound=forename_sound,
        surname_sound=surname_sound,
        chain=values.get("chain") or "",
        nhs_number=values.get("nhs_number") or "",
        sex={"f": 1, "m": 2}.get(values.get("sex") or "", 0),
    )


def plain_digest(document: Mapping[str, Any]) -> str:
    """The digest of a linkage schema."""
    return hashlib.sha256(b"knownto slots/1\n" + canonical(document).encode()).hexdigest()


class PlainEncoder:
    """Slots, probes and name filters under one schema document and one linkage key."""

    def __init__(self, document: Mapping[str, Any], linkage_key: bytes) -> None:
        self.document = document
        self.linkage_key = linkage_key
        self.digest = plain_digest(document)

    def slots(self, person: Written) -> dict[str, int]:
        """Every stored slot as a 64-bit number; 0 = absent."""
        return {entry["slot"]: self._stored(entry, person) for entry in self.document["stored"]}

    def probes(self, person: Written) -> dict[str, list[int]]:
        """The variants of every probe."""
        stored = {entry["slot"]: entry for entry in self.document["stored"]}
        asked = {}
        for probe in self.document["asked"]:
            slot = stored[probe["asks"]]
            variants = [
                self._slot(slot, variant, completed) for variant, completed in vary(person, probe["varies"])
            ]
            asked[probe["probe"]] = [variant for variant in variants if variant]
        return asked

    def names(self, person: Written) -> bytes:
        """The name filter, forename half first; empty where the schema has none."""
        given = self.document["name_filter"]
        if given is None:
            return b""
        key = self._slot_key(given["slot"])
        bits = [0] * (2 * given["half_bits"])
        for half, name in enumerate((person.forename, person.surname)):
            padded = f" {name} " if name and person.whole else ""
            for start in range(len(padded) - given["ngram"] + 1):
                gram = padded[start : start + given["ngram"]].encode()
                block = person.year.to_bytes(2) + bytes([person.month, person.day, 0, 0, 0, 0]) + gram
                drawn = _aes(key, block.ljust(16, b"\0"))
                for number in drawn[: given["set_bits_per_ngram"]]:
                    bits[half * given["half_bits"] + number % given["half_bits"]] = 1
        return int("".join(map(str, bits)), 2).to_bytes(len(bits) // 8)

    def _stored(self, entry: Mapping[str, Any], person: Written) -> int:
        holds = {
            None: True,
            "date_incomplete": not person.whole,
            "forename_missing": not person.first,
            "surname_missing": not person.last,
        }
        return self._slot(entry, person, person.whole) if holds[entry.get("when")] else 0

    def _slot(self, entry: Mapping[str, Any], person: Written, whole: bool) -> int:
        """One slot: its inputs at fixed places of a block, and from that its eight positions."""
        block = bytearray(16)
        for word in entry["inputs"]:
            if not self._place(block, word, person, whole):
                return 0
        return self._positions(entry["slot"], bytes(block))

    def _place(self, block: bytearray, word: str, person: Written, whole: bool) -> bool:
        """Put one input into the block; whether the person has it."""
        date = {0: person.year >> 8, 1: person.year & 255, 2: person.month, 3: person.day}
        initials = {4: person.first, 5: person.last}
        low, high = sorted((person.month, person.day))
        first, second = sorted((person.first, person.last))
        both = bool(person.first and person.last)
        sounds = sorted((person.forename_sound, person.surname_sound))
        whole_name = bool(person.forename_sound and person.surname_sound)
        small = {
            "date": (date, whole),
            "year": ({0: date[0], 1: date[1]}, person.year > 0),
            "month": ({2: person.month}, person.month > 0),
            "day": ({3: person.day}, person.day > 0),
            "day_month_sorted": ({2: low, 3: high}, whole),
            "initials": (initials, both),
            "initials_sorted": ({4: first, 5: second}, both),
            "forename_initial": ({4: person.first}, person.first > 0),
            "surname_initial": ({5: person.last}, person.last > 0),
            "sex": ({6: person.sex}, person.sex > 0),
        }
        long = {
            "chain": int(person.chain or 0),
            "nhs_number": int(person.nhs_number or 0),
            "surname_sound": self._reduce(b"surname\0" + person.surname_sound.encode())
            if person.surname_sound
            else 0,
            "sounds_sorted": self._reduce(b"sounds\0" + "\0".join(sounds).encode()) if whole_name else 0,
        }
        if word in long:
            block[8:16] = long[word].to_bytes(8)
            return long[word] > 0
        places, there = small[word]
        for place, value in places.items():
            block[place] = value
        return there

    def _positions(self, slot_id: str, block: bytes) -> int:
        """The first eight distinct numbers of six bits, from the low end of each half of a block."""
        key = self._slot_key(slot_id)
        chosen: list[int] = []
        while True:
            block = _aes(key, block)
            for half in (block[:8], block[8:]):
                for draw in range(10):
                    position = int.from_bytes(half) >> (6 * draw) & 63
                    if position not in chosen:
                        chosen.append(position)
                    if len(chosen) == 8:
                        return sum(1 << position for position in chosen)

    def _reduce(self, value: bytes) -> int:
        digest = hashlib.blake2b(value, digest_size=8, key=self._slot_key("reduction")).digest()
        return int.from_bytes(digest) or 1

    def _slot_key(self, slot_id: str) -> bytes:
        return linkage_derive(self.linkage_key, "slot-key/1", f"{self.digest}\n{slot_id}".encode())


def vary(person: Written, varies: str) -> list[tuple[Written, bool]]:
    """Every variant a probe asks for, and whether it is taken for a whole date.

    A date with a part supplied counts as whole, calendar or not: nobody stores 31 February.
    """
    if varies == "nothing":
        return [(person, person.whole)]
    if varies == "chain_typing_error":
        return [(replace(person, chain=str(number)), person.whole) for number in _mistyped(person.chain)]
    if varies == "month_of_known_year":
        known = person.year and not person.month and not person.day
        return [(replace(person, month=month), False) for month in MONTHS] if known else []
    if varies.endswith("_initial"):
        return _other_initials(person, varies)
    return _other_dates(person, varies)


def _other_initials(person: Written, varies: str) -> list[tuple[Written, bool]]:
    field = "first" if "forename" in varies else "last"
    mine = getattr(person, field)
    if varies.startswith("missing_") == bool(mine):
        return []
    whole = bool(person.year and person.month and person.day)
    return [(replace(person, **{field: letter}), whole) for letter in LETTERS if letter != mine]


def _other_dates(person: Written, varies: str) -> list[tuple[Written, bool]]:
    field = varies.removeprefix("missing_")
    mine = getattr(person, field)
    if varies == field:
        if not person.whole:
            return []
    elif mine or not all(getattr(person, part) for part in DATE_PARTS if part != field):
        return []
    return [(replace(person, **{field: value}), True) for value in DATE_PARTS[field] if value != mine]


def _mistyped(chain: str) -> set[int]:
    """One digit wrong, or two neighbours changed round."""
    found = set()
    for place, digit in enumerate(chain):
        found |= {int(chain[:place] + wrong + chain[place + 1 :]) for wrong in "0123456789" if wrong != digit}
        if place + 1 < len(chain):
            found.add(int(chain[:place] + chain[place + 1] + digit + chain[place + 2 :]))
    return found - {int(chain or 0)}


def _letter(initial: str | None) -> int:
    return ord(initial) - ord("a") + 1 if initial else 0


def _aes(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES256(key), modes.ECB()).encryptor().update(block)
