"""Names, initials, numbers, sex and area brought to one spelling: one pure function a rule.

Birth dates are in `node.dates` and offered here too. Every `normalise_` function gives the value or None;
its `read_` twin also gives the rules of `node.quality` that the text breaks.

Umlauts lose their dots (Müller becomes muller) instead of gaining an e: that is how a British keyboard
writes them, so two of the three spellings are then equal, and the third (Mueller) sounds the same to
Metaphone and has the same initials. Folding ue to u everywhere would make all three equal and would spoil
Samuel, Sue and every nickname table.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from nhs_number.validate import calculate_checksum

from node.dates import parse_birth_date as parse_birth_date
from node.dates import parse_day as parse_day
from node.written_dates import Cell

NamePart = Literal["forename", "surname"]

# Longer is not a name but a note typed in the wrong column.
MAX_NAME_LETTERS = 100
MAX_INITIALS = 4
MAX_CHAIN_DIGITS = 12
MAX_AREA_CHARACTERS = 64

_SPECIAL_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h"}
)
_APOSTROPHES = str.maketrans("", "", "'’‘ʼʻ`´′＇")
_LOOKALIKES = str.maketrans("015", "ols")
_NOT_LETTERS = re.compile(r"[^a-z]+")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
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
    "|none|nil|null|nan|blank|missing|not given|not provided|not recorded|not stated|not disclosed"
    "|not applicable|not available|refused|refused to give|declined|withheld|undisclosed|anon|anonymous"
    "|tbc|tba|tbd|to be confirmed|to follow|test|testing|test test|tester|dummy|baby|baby boy|baby girl"
    "|baby of|infant|newborn|unborn|no name|no surname|no forename|no last name|no first name|first name"
    "|last name|forename|surname|name|given name|family name|client|patient|person|service user|male"
    "|female|man|woman|adult|child|do not use|duplicate|error|delete|deleted|see notes|as above|ditto"
    "|x".split("|")
)
_UNKNOWN_WORDS = frozenset("unknown unk anon anonymous".split())
_REPEATED = re.compile(r"(.)\1{2,}|xx")
_TYPED_FOR_NOTHING = re.compile(r"\W*|n\s*/\s*[ak]|unk(nown)?|not known|none|null|nil|refused|tbc|tba")


@dataclass(frozen=True, slots=True, repr=False)
class Reading:
    """A text brought to one spelling, and the rules it breaks (see `node.quality`)."""

    value: str | None
    rules: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Shows the rules only."""
        return f"Reading(rules={self.rules})"


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


def text_of(cell: Cell) -> str:
    """A cell as one line of text: no invisible characters, single spaces, no ".0" after a whole number."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and (cell.hour, cell.minute, cell.second) == (0, 0, 0):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return " ".join(_INVISIBLE.sub("", str(cell)).split())


def fold(text: str) -> str:
    """Lower case, no accents, umlauts without dots; letters of other scripts stay as they are."""
    lowered = _unscramble(text).lower().translate(_SPECIAL_LETTERS)
    decomposed = unicodedata.normalize("NFKD", lowered)
    # NFKD can bring back capitals and special letters (letterlike symbols), hence once more.
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return bare.lower().translate(_SPECIAL_LETTERS)


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
    name = _without_placeholder(_assemble(main_words, part))
    others = [_without_placeholder(_assemble(words, part)) for words in (former, *map(_further_name, asides))]
    kept = tuple(other for other in dict.fromkeys(others) if other and len(other) > 1 and other != name)
    rules = _name_rules(text, name)
    if name is None or all(len(word) == 1 for word in name.split(" ")):
        return NameReading(None, name[0] if name else None, kept, rules)
    return NameReading(name, name[0], kept, rules)


def initials_from(text: str) -> tuple[str | None, str | None]:
    """Forename and surname initial from "J.S.", "JS" or "j s"; of more letters, the first and the last."""
    if _is_nothing(text):
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
    return first, last, () if first or _is_nothing(text) else ("initials_format",)


def normalise_chain(value: Cell) -> str | None:
    """A CHAIN number as digits without leading zeros (a spreadsheet loses them anyway)."""
    return read_chain(value).value


def read_chain(value: Cell) -> Reading:
    """Read a CHAIN number; one digit five times or more is a filler."""
    text = text_of(value).lower()
    if _is_nothing(text):
        return Reading(None)
    digits = re.sub(r"^chain\b\W*((no|number|id|ref)\b\W*)?|[\s-]|\.0+$", "", text)
    if not re.fullmatch(r"[0-9]{1,20}", digits) or (len(digits) >= 5 and len(set(digits)) == 1):
        return Reading(None, ("chain_format",))
    digits = digits.lstrip("0")
    return Reading(digits) if 1 <= len(digits) <= MAX_CHAIN_DIGITS else Reading(None, ("chain_format",))


def normalise_nhs_number(value: Cell) -> str | None:
    """Ten digits with a valid check digit, or None."""
    return read_nhs_number(value).value


def read_nhs_number(value: Cell) -> Reading:
    """Read an NHS number (modulus 11, NHS Data Dictionary); one digit ten times is a filler."""
    text = re.sub(r"[\s-]|\.0+$", "", text_of(value))
    if _is_nothing(text.lower()):
        return Reading(None)
    if not re.fullmatch(r"[0-9]{9,10}", text):
        return Reading(None, ("nhs_format",))
    digits = text.zfill(10)  # Scottish numbers begin with 0 until a spreadsheet has had them.
    # The check digit alone: the library's is_valid also wants a date in every number of the Scottish range,
    # where test data and other countries' numbers have none.
    if len(set(digits)) == 1 or calculate_checksum(digits[:9]) != int(digits[9]):
        return Reading(None, ("nhs_check_digit",))
    return Reading(digits)


def normalise_sex(value: Cell) -> str | None:
    """ "m" or "f" from letters, words and the NHS codes 1 and 2; None for everything else."""
    return read_sex(value).value


def read_sex(value: Cell) -> Reading:
    """Read a sex; what is neither male nor female is kept out of the comparison."""
    text = fold(text_of(value)).strip(" .")
    if text in ("m", "male", "man", "boy", "1"):
        return Reading("m")
    if text in ("f", "female", "woman", "girl", "2", "w"):
        return Reading("f")
    return Reading(None, () if _is_nothing(text) or text in ("0", "9", "u", "nk") else ("unknown_sex",))


def normalise_area(value: Cell) -> str | None:
    """An area as an id: a council's name without its kind, words joined by hyphens."""
    return read_area(value).value


def read_area(value: Cell) -> Reading:
    """Read an area; "St Albans City Council" and "st-albans" become the same id."""
    text = text_of(value)
    if _is_nothing(text.lower()):
        return Reading(None)
    slug = re.sub(r"[^a-z0-9]+", "-", fold(text).translate(_APOSTROPHES)).strip("-")
    slug = re.sub(r"^(london-|royal-)?(borough|city|district|county)-of-", "", slug)
    slug = re.sub(r"(-(borough|city|district|county|metropolitan))*-council$", "", slug)
    return Reading(slug[:MAX_AREA_CHARACTERS].strip("-")) if slug else Reading(None, ("area_format",))


def _unscramble(text: str) -> str:
    """Undo UTF-8 that was once read as Windows-1252 ("MÃ¼ller"); anything else stays."""
    if "Ã" not in text and "Å" not in text and "Ä" not in text:
        return text
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return text


def _words(text: str) -> list[str]:
    """The words of a name in ASCII letters; 0, 1 and 5 inside a word of letters are o, l and s."""
    folded = _INVISIBLE.sub("", fold(text)).translate(_APOSTROPHES)
    tokens = (
        token.translate(_LOOKALIKES) if any(map(str.isalpha, token)) else token
        for token in re.split(r"[\s\-.,/&+;:_]+", folded)
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


def _without_placeholder(name: str) -> str | None:
    words = name.split(" ")
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


def _is_nothing(text: str) -> bool:
    """Punctuation only, or the usual ways to type that nothing is known."""
    return _TYPED_FOR_NOTHING.fullmatch(text.strip().lower()) is not None
