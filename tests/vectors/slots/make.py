"""Makes the golden vectors of this folder: `python -m tests.vectors.slots.make`.

Slots, probes and name filters come from `tests/node/plain_slots.py`, which imports nothing of the package
under test: a second opinion and not an echo. The people are made up and the linkage key is public.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from matcher.schema import FIELDS, shipped_schema
from node.sounds import forename_sound, surname_sound
from tests.node.plain_slots import PlainEncoder, plain_digest, written

HERE = Path(__file__).parent
KEY = bytes(range(32))
FIELD_SETS = (
    ("dob", "initials"),
    ("dob", "initials", "chain"),
    ("dob", "initials", "chain", "sex", "area"),
    ("dob", "names"),
    ("dob", "names", "chain"),
    ("dob", "names", "sex", "area"),
    ("chain",),
    ("nhs_number",),
    FIELDS,
)
PEOPLE: dict[str, dict[str, Any]] = {
    "everything": {
        "year": 1980, "month": 3, "day": 27, "forename": "bob", "surname": "smith jones",
        "forename_initial": "b", "surname_initial": "s", "chain": "100200", "nhs_number": "9990000018",
        "sex": "m",
    },
    "initials alone": {
        "year": 1957, "month": 12, "day": 31, "forename_initial": "z", "surname_initial": "a",
    },
    "day and month alike": {
        "year": 2001, "month": 7, "day": 7, "forename": "anna maria", "surname": "ng",
        "forename_initial": "a", "surname_initial": "n", "sex": "f",
    },
    "29 February": {
        "year": 1996, "month": 2, "day": 29, "forename": "oz", "surname": "obrien",
        "forename_initial": "o", "surname_initial": "o",
    },
    "1 January, a placeholder": {
        "year": 1970, "weak": True, "forename": "jane", "surname": "brown",
        "forename_initial": "j", "surname_initial": "b",
    },
    "no year": {
        "month": 5, "day": 9, "forename": "jane", "surname": "brown",
        "forename_initial": "j", "surname_initial": "b",
    },
    "no day": {"year": 1970, "month": 5, "forename_initial": "j", "surname_initial": "b"},
    "31 February": {
        "year": 1970, "month": 2, "day": 31, "forename_initial": "j", "surname_initial": "b",
    },
    "no forename": {"year": 1988, "month": 10, "day": 4, "surname": "okafor", "surname_initial": "o"},
    "no surname": {"year": 1988, "month": 10, "day": 4, "forename": "yusuf", "forename_initial": "y"},
    "a CHAIN number alone": {"chain": "7"},
    "an NHS number alone": {"nhs_number": "9990000026"},
    "nothing": {},
}  # fmt: skip


def main() -> None:
    """Write both files."""
    about = {"source": "made up here", "generator": "tests/vectors/slots/make.py", "version": 1}
    schemas = [_schema(fields) for fields in FIELD_SETS]
    _write("schemas.json", about | {"schemas": schemas})
    cases = [
        _case(fields, name, values)
        for fields in (("dob", "initials"), FIELDS)
        for name, values in PEOPLE.items()
    ]
    _write("tokens.json", about | {"linkage_key": KEY.hex(), "cases": cases})


def _schema(fields: tuple[str, ...]) -> dict[str, Any]:
    document = shipped_schema(fields).document
    return {
        "fields": list(fields),
        "digest": plain_digest(document),
        "stored": [slot["slot"] for slot in document["stored"]],
        "asked": [probe["probe"] for probe in document["asked"]],
    }


def _case(fields: tuple[str, ...], name: str, values: dict[str, Any]) -> dict[str, Any]:
    forename, surname = values.get("forename"), values.get("surname")
    sounds = {
        "forename_sound": forename_sound(forename) if forename else "",
        "surname_sound": surname_sound(surname) if surname else "",
    }
    encoder = PlainEncoder(shipped_schema(fields).document, KEY)
    plain = written(values, **sounds)
    return {
        "person": name,
        "fields": list(fields),
        "identifiers": values,
        **sounds,
        "slots": {slot: f"{value:016x}" for slot, value in encoder.slots(plain).items()},
        "probes": {
            probe: [f"{value:016x}" for value in sorted(values)]
            for probe, values in encoder.probes(plain).items()
            if values
        },
        "names": encoder.names(plain).hex(),
    }


def _write(name: str, document: dict[str, Any]) -> None:
    (HERE / name).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
