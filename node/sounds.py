"""How names sound: phonetic codes that survive spelling, and forenames brought back from nicknames.

The codes are jellyfish's Metaphone (Philips 1990) of the surname and of the canonical forename. They
never leave the node: slots hold keyed values of them together with the birth date.
"""

from __future__ import annotations

from functools import cache

import jellyfish
from nicknames import NickNamer


@cache
def _nicknames() -> NickNamer:
    return NickNamer()


@cache
def canonical_forename(forename: str) -> str:
    """The formal name a forename is most likely short for, or the forename itself.

    Where a nickname may stand for several formal names, the one that starts like it wins (alex:
    alexander), then the shortest, then the first in the alphabet; a formal name stands for itself.
    """
    first = forename.split(" ")[0]
    namer = _nicknames()
    if namer.nicknames_of(first):
        return first
    formal = sorted(
        namer.canonicals_of(first) or (), key=lambda name: (name[:2] != first[:2], len(name), name)
    )
    return formal[0] if formal else first


@cache
def forename_sound(forename: str) -> str:
    """Phonetic code of the canonical forename; "" where nothing can be heard."""
    canonical = canonical_forename(forename)
    return str(jellyfish.metaphone(canonical)) or canonical


@cache
def surname_sound(surname: str) -> str:
    """Phonetic code of the surname with its parts joined."""
    joined = surname.replace(" ", "")
    return str(jellyfish.metaphone(joined)) or joined
