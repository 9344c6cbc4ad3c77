"""How names sound: phonetic codes that survive spelling, and forenames brought back from nicknames.

The codes are jellyfish's Metaphone (Philips 1990) of the surname and of the canonical forename. They
never leave the node: slots hold keyed values of them together with the birth date.

Usual short forms are in `data/nicknames.toml`. The `nicknames` package knows many more, and is asked last
and believed only where the short form begins the formal name: its relations run both ways (robert is
a nickname of bill there) and join names that are nobody's short form (lee and levi, leah and ashley).
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

import jellyfish
from nicknames import NickNamer

# What makes a short form of a name's beginning: dan, danny, dannie, danni.
_DIMINUTIVE = re.compile(r"(.)\1?(?:ie|ey|y|i)$")
SHORTEST_STEM = 3


@cache
def _nicknames() -> NickNamer:
    return NickNamer()


@cache
def _usual() -> tuple[dict[str, str], frozenset[str]]:
    """Short forms with their formal names, and formal names."""
    table = tomllib.loads(resources.files("node").joinpath("data/nicknames.toml").read_text("utf-8"))
    return table["short"], frozenset(table["short"].values()) | frozenset(table["formal"]["names"])


@cache
def canonical_forename(forename: str) -> str:
    """The formal name a forename is most likely short for, or the forename itself.

    Of several forenames the first counts. A formal name stands for itself.
    """
    first = forename.split(" ")[0]
    short, formal = _usual()
    if first in short:
        return short[first]
    return first if first in formal else _by_library(first)


def _by_library(forename: str) -> str:
    """The shortest formal name that begins like this short form, by the `nicknames` package."""
    namer = _nicknames()
    if namer.nicknames_of(forename):
        return forename
    stem = _DIMINUTIVE.sub(r"\1", forename)
    short, _ = _usual()
    longer = {
        name
        for name in namer.canonicals_of(forename)
        if name.startswith(stem) and len(name) > len(forename) and name not in short
    }
    if len(stem) < SHORTEST_STEM or not longer:
        return forename
    return min(longer, key=lambda name: (len(name), name))


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
