"""How far the filled cells of a worksheet's XML reach, measured before anything is unfolded.

The reader of cells fills the space between the first and the last, so one cell far from all others costs as
much as a sheet full of them. Measured is as XML is meant, by expat: addresses may stand in either quotes, as
character references, or not at all, where a cell follows the one before (ECMA-376 part 1, 18.3.1.4 and
18.3.1.73). Only filled cells count: whole rows are often formatted and empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.parsers import expat

FILLING = frozenset({"v", "is", "f"})
_ADDRESS = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


class DoctypeError(Exception):
    """A part holds a document type declaration, and with it entities that could unfold."""


class AddressError(Exception):
    """A row or a cell has an address that is none."""


@dataclass(slots=True)
class SheetArea:
    """The area of one part, while its pieces are read.

    Attributes:
        rows, columns: The last filled cell, counted from 1; 0 where there is none.
    """

    rows: int = 0
    columns: int = 0
    _row: int = 0
    _column: int = 0

    def parser(self) -> expat.XMLParserType:
        """What the pieces are given to, in order, the last one as final.

        It raises `expat.ExpatError` at what is no XML, and the errors of this module.
        """
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.StartDoctypeDeclHandler = _refuse_doctype
        return parser

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        element = name.rpartition(":")[2]
        if element == "c":
            self._move(attributes.get("r"))
        elif element in FILLING:
            self.rows, self.columns = max(self.rows, self._row), max(self.columns, self._column)
        elif element == "row":
            self._row, self._column = _number(attributes.get("r"), after=self._row), 0

    def _move(self, address: str | None) -> None:
        if address is None:
            self._column += 1
            return
        match = _ADDRESS.fullmatch(address)
        if match is None:
            raise AddressError
        self._row, self._column = int(match[2]), column_number(match[1])


def column_number(letters: str) -> int:
    """A is 1, Z is 26, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _number(text: str | None, *, after: int) -> int:
    if text is None:
        return after + 1
    if not (text.isascii() and text.isdecimal() and len(text) <= 7):
        raise AddressError
    return int(text)


def _refuse_doctype(*_: object) -> None:
    raise DoctypeError
