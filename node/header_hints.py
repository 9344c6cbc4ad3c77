"""What may be said of a file's headers when a column is missing, so that people can name it in a mapping.

Headers are not values; but a file without a header has a person in its first row. A row is repeated only if
it looks like a header: no cell with a digit, and half of the cells, two at least, are known columns or hold
words that stand in headers and not in values.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from node.texts import fold, text_of
from node.written_dates import Cell

LONGEST_SHOWN = 40
MOST_SHOWN = 30
FEWEST_HEADER_WORDS = 2
HEADER_WORDS = frozenset(
    "address birth client code contact date dob gender id identifier name names number postcode ref "
    "reference sex status".split()
)


def describe_headers(rows: Iterable[Sequence[Cell]], known: Iterable[str]) -> str:
    """The headers found, in quotation marks; or why they are not shown.

    Args:
        rows: The first rows of all sheets.
        known: Names and synonyms of columns, as header keys.
    """
    names = frozenset(known)
    best = max(rows, key=lambda row: _header_words(row, names), default=())
    if not _header_words(best, names):
        return "no row looks like a header"
    shown = [quoted(cell) for cell in best if text_of(cell)]
    more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
    return f"the headers are {', '.join(shown[:MOST_SHOWN])}{more}"


def quoted(cell: Cell) -> str:
    """A header as it is shown: one printable line, cut short."""
    text = "".join(letter for letter in text_of(cell) if letter.isprintable())
    return f"'{text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + '...'}'"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The most alike of the known words, as the end of a sentence; nothing where none is."""
    found = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f": did you mean {found[0]}?" if found else ""


def _header_words(row: Sequence[Cell], known: frozenset[str]) -> int:
    """How many cells are words of a header; none where the row may be a person's."""
    texts = [text for text in map(text_of, row) if text]
    if not all(isinstance(cell, str | None) for cell in row) or any(map(str.isdigit, "".join(texts))):
        return 0
    keys = ["".join(letter if letter.isalpha() else " " for letter in fold(text)).split() for text in texts]
    found = sum(" ".join(key) in known or bool(HEADER_WORDS.intersection(key)) for key in keys)
    return found if found >= FEWEST_HEADER_WORDS and 2 * found >= len(texts) else 0
