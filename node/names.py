"""Forenames, surnames and initials brought to one spelling, and the fillers typed in their place.

Umlauts lose their dots (Müller becomes muller) instead of gaining an e: that is how a British keyboard
writes them, so two of the three spellings are then equal, and the third (Mueller) sounds the same to
Metaphone and has the same initials. Folding ue to u everywhere would make all three equal and would spoil
Samuel, Sue and every nickname table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from node.texts import INVISIBLE, fold, is_nothing

NamePart = Literal["forename", "surname"]

# Longer is not a name but a note typed in the wrong column.
MAX_NAME_LETTERS = 100
MAX_INITIALS = 4

_APOSTROPHES = str.maketrans("", "", "'’‘ʼʻ`´′＇")
_LOOKALIKES = str.maketrans("015", "ols")
_NOT_LETTERS = re.compile(r"[^a-z]+")
_BETWEEN_WORDS = re.compile(r"[\s\-‐-―−.,/&+;:_|]+")
_ASIDE = re.compile(r"[(\[\"“„]([^()\[\]\"“”„]*)[)\]\"”]")

_TITLES = frozenset("mr mrs ms miss mx dr".split())
_SOFT_TITLES = frozenset("prof professor rev reverend sir dame lady lord master mister madam".split())
_SUFFIXES = frozenset("jr jnr sr snr junior senior ii iii iv esq phd obe mbe".split())
_FORMERLY = frozenset("nee aka formerly".split())
_SAID_BEFORE_A_NAME = _FORMERLY | frozenset(
    "known as prefers preferred alias was also goes by call called".split()
)
_REMARKS = frozenset(
    "deceased dec died twin duplicate moved closed do not see and or the mum dad new".split()
)
_JOINED_PREFIXES = frozenset("o mc mac".split())

_PLACEHOLDERS = frozenset(
    "unknown|unk|unkn|unknwon|uknown|not known|notknown|name unknown|name not known|nk|n k|na|n a|nka"
    "|none|nil|null|nan|missing|not given|not provided|not recorded|not stated|not disclosed"
    "|not applicable|not available|refused|refused to give|declined|withheld|undisclosed|anon|anonymous"
    "|tbc|tba|tbd|to be confirmed|to follow|test|testing|test test|dummy|baby|baby boy|baby girl"
    "|baby of|infant|newborn|unborn|no name|no surname|no forename|no last name|no first name|first name"
    "|last name|forename|surname|name|given name|family name|client|patient|service user|male"
    "|female|woman|adult|do not use|duplicate|error|delete|deleted|see notes|as above|ditto"
    "|x".split("|")
)
# Surnames too, and not rare ones.
_FORENAME_PLACEHOLDERS = frozenset("man child person blank tester".split())
_UNKNOWN_WORDS = frozenset("unknown unk anon anonymous".split())
_REPEATED = re.compile(r"(.)\1{2,}|xx")


@dataclass(frozen=True, slots=True, repr=False)
class NameReading:
    """A name, its initial, and further names written beside it ("Robert (Bob)", "Smith née Jones").

    Attributes:
        name: Lower-case ASCII letters and single spaces; None where missing or an initial only.
        initial: Its first letter.
        others: The further names, in the same alphabet.
        rules: The rules of `node.quality` that the text breaks.
    """

    name: str | None = None
    initial: str | None = None
    others: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Shows the rules only."""
        return f"NameReading(rules={self.rules})"


def normalise_name(text: str, *, part: NamePart = "forename") -> str | None:
    """A name in lower-case ASCII letters and single spaces, or None where it is missing."""
    return read_name(text, part=part).name


def read_name(text: str, *, part: NamePart = "forename") -> NameReading:
    """Read a forename or a surname.

    Titles, suffixes and apostrophes go; hyphens become spaces; O', Mc and Mac join the surname they stand
    before; what stands in brackets or after née or aka becomes a further name.
    """
    asides = [_words(aside) for aside in _ASIDE.findall(text)]
    main_words, former = _split_former(_words(_ASIDE.sub(" ", text)))
    if not main_words and asides:
        main_words, asides = asides[0], asides[1:]
    name = _without_placeholder(_assemble(main_words, part), part)
    others = [
        _without_placeholder(_assemble(words, part), part) for words in (former, *map(_further_name, asides))
    ]
    kept = tuple(other for other in dict.fromkeys(others) if other and len(other) > 1 and other != name)
    rules = _name_rules(text, name)
    if name is None or all(len(word) == 1 for word in name.split(" ")):
        return NameReading(None, name[0] if name else None, kept, rules)
    return NameReading(name, name[0], kept, rules)


def initials_from(text: str) -> tuple[str | None, str | None]:
    """Forename and surname initial from "J.S.", "JS" or "j s"; of more letters, the first and the last."""
    if is_nothing(text):
        return None, None
    words = _words(text)
    if not words or (len(words) == 1 and len(words[0]) > MAX_INITIALS):
        return None, None
    if len(words) == 1:
        words = list(words[0])
    return words[0][0], (words[-1][0] if len(words) > 1 else None)


def read_initials(text: str) -> tuple[str | None, str | None, tuple[str, ...]]:
    """As `initials_from`, with the rules broken."""
    first, last = initials_from(text)
    return first, last, () if first or is_nothing(text) else ("initials_format",)


def strip_apostrophes(text: str) -> str:
    """Apostrophes of every kind join what they stand between: O'Brien, D’Souza, King's Lynn."""
    return text.translate(_APOSTROPHES)


def _words(text: str) -> list[str]:
    """The words of a name in ASCII letters; 0, 1 and 5 inside a word of letters are o, l and s."""
    folded = strip_apostrophes(INVISIBLE.sub("", fold(text)))
    tokens = (
        token.translate(_LOOKALIKES) if any(map(str.isalpha, token)) else token
        for token in _BETWEEN_WORDS.split(folded)
    )
    return [word for token in tokens for word in [_NOT_LETTERS.sub("", token)] if word]


def _split_former(words: list[str]) -> tuple[list[str], list[str]]:
    """Cut at née or aka where words stand on both sides (Nee is a surname too)."""
    for at in range(1, len(words) - 1):
        if words[at] in _FORMERLY:
            return words[:at], words[at + 1 :]
    return words, []


def _further_name(words: list[str]) -> list[str]:
    """The name in an aside; longer asides are remarks, not names."""
    while words and words[0] in _SAID_BEFORE_A_NAME:
        words = words[1:]
    return words if len(words) <= 2 and not _REMARKS.intersection(words) else []


def _assemble(words: list[str], part: NamePart) -> str:
    """Drop titles and suffixes, join Irish and Scottish prefixes, and cut to a sane length."""
    while len(words) > 1 and words[0] in _TITLES | _SOFT_TITLES:
        words = words[1:]
    while len(words) > 1 and words[-1] in _SUFFIXES | _TITLES:
        words = words[:-1]
    if len(words) == 1 and words[0] in _TITLES:
        return ""
    if part == "surname" and len(words) > 1 and words[0] in _JOINED_PREFIXES:
        words = [words[0] + words[1], *words[2:]]
    if len(words) > 1 and words[0] == "st":
        words = ["saint", *words[1:]]
    return " ".join(words)[:MAX_NAME_LETTERS].strip()


def _without_placeholder(name: str, part: NamePart) -> str | None:
    words = name.split(" ")
    if part == "forename" and name in _FORENAME_PLACEHOLDERS:
        return None
    if not name or name in _PLACEHOLDERS or any(word in _UNKNOWN_WORDS for word in words):
        return None
    return None if all(_REPEATED.fullmatch(word) for word in words) else name


def _name_rules(text: str, name: str | None) -> tuple[str, ...]:
    if name is not None:
        return ("digit_in_name",) if any(map(str.isdecimal, text)) else ()
    if not text.strip():
        return ()
    letters = [letter for letter in fold(text) if letter.isalpha()]
    if letters and not any("a" <= letter <= "z" for letter in letters):
        return ("name_not_latin",)
    return ("placeholder_name",)
