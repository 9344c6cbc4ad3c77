"""Text of cells: one line, visible characters, and one way to write a letter."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime

from node.written_dates import Cell

_SPECIAL_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h"}
)
INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_TYPED_FOR_NOTHING = re.compile(r"\W*|n\s*/\s*[ak]|unk(nown)?|not known|none|null|nil|refused|tbc|tba")


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
    return " ".join(INVISIBLE.sub("", str(cell)).split())


def fold(text: str) -> str:
    """Lower case, no accents, umlauts without dots; letters of other scripts stay as they are."""
    lowered = _unscramble(text).lower().translate(_SPECIAL_LETTERS)
    decomposed = unicodedata.normalize("NFKD", lowered)
    # NFKD can bring back capitals and special letters (letterlike symbols), hence once more.
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return bare.lower().translate(_SPECIAL_LETTERS)


def is_nothing(text: str) -> bool:
    """Punctuation only, or the usual ways to type that nothing is known."""
    return _TYPED_FOR_NOTHING.fullmatch(text.strip().lower()) is not None


def _unscramble(text: str) -> str:
    """Undo UTF-8 that was once read as Windows-1252 ("MÃ¼ller"); anything else stays."""
    if "Ã" not in text and "Å" not in text and "Ä" not in text:
        return text
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return text
