"""Made-up people as tokens: a plain encoder for tests of the hub, which has no linkage key and needs none.

It fills slots as the linkage schema says, with 8 of 64 bits chosen by a hash. It is no second implementation
of the node's encoder: positions are not those of any key.
"""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from matcher.schema import LinkageSchema


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist; values are numbers, for nothing here reads them as words."""

    year: int
    month: int
    day: int
    forename: int
    surname: int
    sex: int
    chain: int

    def inputs(self) -> dict[str, object]:
        """Every value a slot can take in, by its name in the schema."""
        first, last = self.forename % 20, self.surname % 20
        return {
            "date": (self.year, self.month, self.day),
            "year": self.year,
            "month": self.month,
            "day": self.day,
            "day_month_sorted": sorted((self.day, self.month)),
            "initials": (first, last),
            "initials_sorted": sorted((first, last)),
            "forename_initial": first,
            "surname_initial": last,
            "surname_sound": self.surname,
            "sounds_sorted": sorted((self.forename, self.surname)),
            "sex": self.sex,
            "chain": self.chain,
            "nhs_number": self.chain * 7,
        }


def make_people(count: int, *, seed: int) -> list[Person]:
    """People with dates, names and numbers spread as in a county."""
    rng = random.Random(seed)
    return [
        Person(
            year=rng.randint(1950, 2005),
            month=rng.randint(1, 12),
            day=rng.randint(1, 28),
            forename=int(rng.expovariate(1 / 60)),
            surname=int(rng.expovariate(1 / 150)),
            sex=rng.randint(0, 1),
            chain=number * 1000 + rng.randint(0, 999),
        )
        for number in range(count)
    ]


def slot_bytes(slot_id: str, values: Iterable[object]) -> bytes:
    """8 of 64 bits, chosen by a hash of slot and values."""
    seed = int.from_bytes(hashlib.sha256(f"{slot_id} {list(values)}".encode()).digest(), "big")
    bits = random.Random(seed).sample(range(64), 8)
    return sum(1 << bit for bit in bits).to_bytes(8, "big")


def names_bytes(person: Person, schema: LinkageSchema) -> bytes:
    """A name filter: bits for each half, the same for the same name and date."""
    half_bits = schema.names_bits // 2
    filters = 0
    for half, name in enumerate((person.forename, person.surname)):
        rng = random.Random(f"{person.inputs()['date']} {name}")
        for bit in rng.sample(range(half_bits), 40):
            filters |= 1 << (half * half_bits + bit)
    return filters.to_bytes(schema.names_bits // 8, "big")


def encode_token(person: Person, schema: LinkageSchema) -> dict[str, str]:
    """A person as a token of the wire."""
    values = person.inputs()
    slots = b"".join(
        bytes(8) if slot.when else slot_bytes(slot.slot_id, (values[name] for name in slot.inputs))
        for slot in schema.stored
    )
    names = names_bytes(person, schema) if schema.names_bits else b""
    return {"slots": base64.b64encode(slots).decode(), "names": base64.b64encode(names).decode()}


def encode_probes(person: Person, schema: LinkageSchema, *, token: int = 0) -> list[dict[str, Any]]:
    """The probes of one token that ask slot F under other years, months, days and initials."""
    variants = {
        "A1": [replace(person, year=year) for year in range(1925, 2010) if year != person.year],
        "A2": [replace(person, month=month) for month in range(1, 13) if month != person.month],
        "A3": [replace(person, day=day) for day in range(1, 32) if day != person.day],
        "B1": [replace(person, surname=n) for n in range(20) if n != person.surname % 20],
        "B2": [replace(person, forename=n) for n in range(20) if n != person.forename % 20],
    }
    probes = []
    for probe, people in variants.items():
        if probe not in schema.probe_index:
            continue
        slot_id = schema.asked[schema.probe_index[probe]].asks
        inputs = schema.stored[schema.slot_index[slot_id]].inputs
        slots = b"".join(slot_bytes(slot_id, (other.inputs()[name] for name in inputs)) for other in people)
        probes.append({"token": token, "probe": probe, "variants": base64.b64encode(slots).decode()})
    return probes


(SOMEBODY, STRANGER) = make_people(2, seed=5)
